package hosts

import (
	"hikae/hosts/rpmdb"
	"hikae/hosts/unitfile"
)

// TransactionMark is a file that dnf touches at the end of each transaction, by
// the action that hikae gives it. It says nothing but by its times.
const TransactionMark = "/var/lib/hikae/transaction"

// PackageSources are what Packages reads: the files of the rpm database, and not
// their directory, in which rpm makes locks each time that it only looks.
func PackageSources() []WatchRoot { return WatchFiles(rpmdb.Files()...) }

// UnitSources are what Units reads of the disk.
func UnitSources() []WatchRoot { return WatchTrees(unitfile.Dirs()...) }

// WatchFiles are paths watched for themselves, and directories for their entries.
func WatchFiles(paths ...string) []WatchRoot {
	roots := make([]WatchRoot, len(paths))
	for i, p := range paths {
		roots[i] = WatchRoot{Path: p}
	}
	return roots
}

// WatchTrees are directories watched with all below them.
func WatchTrees(paths ...string) []WatchRoot {
	roots := WatchFiles(paths...)
	for i := range roots {
		roots[i].Tree = true
	}
	return roots
}
