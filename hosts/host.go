// Package hosts says what hikae knows of a machine: how it is read, how it is
// written, and what it is. Readers and Hosts live beside the data: in the agent
// on that machine, never at the far end of a wire. hosts/local implements them;
// hosts/ssh reaches the agent that does.
//
// Paths are absolute, clean and raw bytes; nothing here assumes UTF-8.
package hosts

import (
	"context"
	"io"

	"hikae/hosts/rpmdb"
)

// Facts is what a host says of itself.
type Facts struct {
	Hostname     string `cbor:"1,keyasint" json:"hostname"`
	ID           string `cbor:"2,keyasint" json:"id"`           // os-release ID, "rocky"
	VersionID    string `cbor:"3,keyasint" json:"version_id"`   // os-release VERSION_ID, "8.10"
	Arch         string `cbor:"4,keyasint" json:"arch"`         // rpm's name of it, "x86_64"
	Kernel       string `cbor:"5,keyasint" json:"kernel"`       // uname -r
	Systemd      bool   `cbor:"6,keyasint" json:"systemd"`      // systemd is PID 1
	Policy       string `cbor:"7,keyasint" json:"policy"`       // SELinux policy type, "" without one
	Booted       int64  `cbor:"8,keyasint" json:"booted"`       // Unix seconds
	SystemState  string `cbor:"9,keyasint" json:"system_state"` // systemd's: running, degraded, stopping, ...
	DefaultUnit  string `cbor:"10,keyasint" json:"default_unit"`
	LoginAccount string `cbor:"11,keyasint" json:"login_account"` // whom the controller logged in as, before sudo
	// LoginFiles are those without which LoginAccount could not do so again:
	// its authorized keys and its sudo line. No snapshot holds them.
	LoginFiles []string `cbor:"12,keyasint,omitempty" json:"-"`
	// Addresses are those of its interfaces, as 192.0.2.1/24, and Interfaces the
	// names of these; without what every host has: loopback and link-local ones.
	Addresses  []string `cbor:"13,keyasint,omitempty" json:"addresses"`
	Interfaces []string `cbor:"14,keyasint,omitempty" json:"interfaces"`
}

// Reader reads a host and can do nothing else to it. What is dear to read
// (the rpmdb, accounts, units) is read once a Reader and remembered.
type Reader interface {
	Facts() Facts

	// Stat returns the metadata at path without following a link there, all
	// but Label and Content.ID. fs.ErrNotExist where nothing is.
	Stat(path string) (Node, error)
	// ReadDir lists the names in a directory, sorted.
	ReadDir(path string) ([]string, error)
	// Open opens a regular file. Here and in all else a link at the last part
	// of a path is never followed, and one before that only where nobody but
	// root could have put it (/etc/init.d, /bin); ErrLink otherwise.
	Open(path string) (io.ReadCloser, error)
	// Digest returns the SHA-256 of a regular file. It is remembered by the
	// file's device, inode, size, mtime and ctime.
	Digest(ctx context.Context, path string) (Content, error)
	// Walk calls fn for root and all below it on the same file system, in
	// lexical order, parents first, with what Stat gives. fn returns
	// fs.SkipDir to leave a directory out. What cannot be read is passed to
	// failed (which may be nil) and the walk goes on; so is a mount point below
	// root, with ErrMountPoint, and a place at or above or below it where a
	// mount is missing, with ErrNotMounted; nothing at or below these is seen.
	Walk(ctx context.Context, root string, fn func(path string, n Node) error, failed func(path string, err error)) error
	// Labels returns, for those of the paths whose SELinux context is not the
	// one the host's policy gives them, that context (or Unlabeled).
	Labels(ctx context.Context, paths []string) (map[string]string, error)

	// Packages returns the rpmdb, keys (gpg-pubkey) included.
	Packages(ctx context.Context) ([]*rpmdb.Package, error)
	// Units returns the units that are loaded or have a unit file.
	Units(ctx context.Context) ([]Unit, error)
}

// MountTeller is a Reader that knows what is mounted where.
type MountTeller interface {
	Reader
	// MountsAbove lists the mount points at path and above it, but for "/".
	MountsAbove(path string) ([]string, error)
}

// Stateful is a Reader whose Facts may be old by now, and that says how its systemd
// is at this moment: "" where it has none, or does not answer.
type Stateful interface {
	Reader
	SystemState(ctx context.Context) string
}

// Straightener is a Reader that tells at once whether a link is on the way to a path.
type Straightener interface {
	// Straight reports whether the directories above path are there and none of
	// them is a link; false where it cannot tell.
	Straight(path string) bool
}

// PackageLocks is a Reader that can tell when it would read the middle of a
// transaction.
type PackageLocks interface {
	// PackagesHeldBy names who is changing packages at this moment, as "dnf
	// (process 4711)"; "" where nobody is. It asks each time, and costs little.
	PackagesHeldBy() (string, error)
}

// LabelWalker is a Reader that knows of many paths at a glance that their label
// is the policy's.
type LabelWalker interface {
	// WalkLabels is Walk; fits says that Labels would leave the path out.
	WalkLabels(ctx context.Context, root string, fn func(path string, n Node, fits bool) error, failed func(path string, err error)) error
}

// Judge is a Reader that remembers what a file's bytes, mode and path were found
// not to be, as it does their digest.
type Judge interface {
	// Judge has ask read the file and say yes or no, unless the answer to that
	// question is known to be no. question names the rule, and its version.
	Judge(path, question string, ask func(io.Reader) (bool, error)) (bool, error)
}

// Steady is a Reader that can tell later whether a file is as it is now.
type Steady interface {
	Reader
	// Steady returns how the file at path is read as it is now: what open gives ends
	// with ErrWritten in place of io.EOF where the file is another by then. ok is
	// false where that could not be told, as of a file that was just written.
	Steady(path string) (open func() (io.ReadCloser, error), ok bool)
}

// Host is a Reader that can also be written.
type Host interface {
	Reader

	// Put makes path what n says, whole or not at all: a file is written
	// aside in the same directory with all its metadata, synced and renamed;
	// content is read to its end and must be n.Content.Size bytes long. A
	// directory is made, or its metadata set. Missing parents are an error.
	Put(ctx context.Context, path string, n Node, content io.Reader) error
	// Remove removes a file, a link or an empty directory. It is not an error
	// if nothing is there.
	Remove(ctx context.Context, path string) error
	// Run runs a program of the host and waits for it. A nonzero exit is in
	// the Result, not an error.
	Run(ctx context.Context, c Cmd) (Result, error)
}

// Stager is a Host that can make a path ready before it changes it, so that a
// whole group of files is on disk before the first is renamed.
type Stager interface {
	Host
	// Stage writes what Put would write beside the path. A directory or a
	// link is made aside too.
	Stage(ctx context.Context, path string, n Node, content io.Reader) (Staged, error)
}

// Staged is a path made ready: exactly one of Commit and Discard is called.
type Staged interface {
	Path() string // where it lies until then
	Commit() error
	Discard() error
}

// Locker is a Host that lets one writer in at a time. The error names the
// holder who is there.
type Locker interface {
	Lock(holder string) (unlock func(), err error)
}

// Cmd is a program to run: no shell is between. Env is the whole environment;
// nil means PATH and LANG=C only.
type Cmd struct {
	Argv  []string
	Env   []string
	Stdin []byte
}

// Result is what a program did.
type Result struct {
	Code   int
	Stdout []byte
	Stderr []byte
}

// Unit is a systemd unit as systemd sees it.
type Unit struct {
	Name   string // httpd.service
	File   string // enabled, disabled, static, masked, ... ; "" where there is no unit file
	Path   string // the unit file
	Active string // active, failed, activating, ...; inactive where not loaded; "" without systemd
	Sub    string
	// NotApplicable: whether it runs says nothing, as it is a oneshot, or its
	// conditions failed. Told of units that are enabled, or do run.
	NotApplicable bool
}
