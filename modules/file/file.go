// Package file is the kind "file": what stands at a path below /etc and the
// trees that the user declares. It reads edited %config files, files that no
// package owns, and what else differs from its package, with all metadata; and
// it writes them in transactions, so that a group of files and the daemons
// that read them change together or not at all.
//
// Files that other kinds own entry by entry (passwd, group and kin) are not
// its business; what is the host's own or derived is left out by engine/rules.
package file

import (
	"slices"

	"hikae/engine"
)

// Module is the kind "file".
type Module struct{}

var (
	_ engine.Transactor = Module{}
	_ engine.Sourced    = Module{}
)

// Schema implements engine.Module.
func (Module) Schema() engine.Schema {
	return engine.Schema{
		Kind:  Kind,
		Doc:   "A file, a directory or a symbolic link, with all its metadata.",
		Label: "absolute path",
		Stage: engine.StageConfig,
		Node:  true,
	}
}

// Kind is the kind's name.
const Kind = "file"

// etc is what a server's configuration is.
const etc = "/etc"

// spools are read beside /etc whatever the user declares: people's crontabs and at
// jobs, which are configuration that lies elsewhere.
var spools = []string{"/var/spool/at", "/var/spool/cron"}

// elsewhere are the paths that another kind owns, entry by entry.
var elsewhere = []string{
	"/etc/group", "/etc/group-",
	"/etc/gshadow", "/etc/gshadow-",
	"/etc/passwd", "/etc/passwd-",
	"/etc/shadow", "/etc/shadow-",
	"/etc/subgid", "/etc/subgid-",
	"/etc/subuid", "/etc/subuid-",
	"/etc/systemd/system/default.target",
}

// ownedElsewhere reports whether a path belongs to another kind.
func ownedElsewhere(path string) bool {
	_, found := slices.BinarySearch(elsewhere, path)
	return found
}
