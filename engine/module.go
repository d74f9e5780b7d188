package engine

import (
	"context"
	"io"
	"slices"
	"time"

	"hikae/hosts"
)

// Module reads and writes one kind of resource on a host.
//
// The life of one, in the agent: Read, any number of times, changes nothing;
// Apply is called with changes of its kind that were planned from a Read, all
// of one stage (or, for files, of one group) at once. Apply then Read gives
// After; Apply interrupted at any write and run again ends the same.
// modules/moduletest holds every module to this.
type Module interface {
	Schema() Schema
	// Read emits what is there and returns what it has really seen. A part
	// that cannot be read is left out of Coverage, not an error: nothing is
	// ever deleted for not having been readable.
	Read(ctx context.Context, r hosts.Reader, s Scope, emit func(Resource) error) (Coverage, error)
	Apply(ctx context.Context, h hosts.Host, job Job) error
}

// Joint is a Module whose changes are made together with those of other kinds,
// where each by itself would cost as much as all of them. Of neighbours in
// modules/all that give the same Together, one Apply gets the changes of all.
type Joint interface {
	Module
	Together() string
}

// Sourced is a Module that says where its Read looks, whatever the Scope: after
// a change there the whole kind is to read again. Of files, that is beyond the
// tree of /etc, whose paths are read one by one. What systemd tells of units that
// run is on no disk. All modules are; moduletest holds them to it.
type Sourced interface {
	Module
	// Sources are those of hosts of any version: what one does not have is waited for.
	Sources() []hosts.WatchRoot
}

// Scope is what a Read is asked for.
type Scope struct {
	// Paths are the trees, beyond /etc, whose files the user declared.
	Paths []string `cbor:"1,keyasint,omitempty"`
	// Files are single paths beyond those trees, without what lies below them:
	// an overlay describes them, or hikae applied them.
	Files []string `cbor:"4,keyasint,omitempty"`
	// HostOnly are patterns of paths that the user declared the host's own,
	// beyond the built-in ones.
	HostOnly []string `cbor:"2,keyasint,omitempty"`
	// Kinds limits the read; empty means all.
	Kinds []string `cbor:"3,keyasint,omitempty"`
	// Only are the single paths that are read of files, where there are any, and
	// no tree: those that were written since all was read.
	Only []string `cbor:"5,keyasint,omitempty"`
	// RPMs are labels of installed packages whose rpm files are declared, where dnf
	// still has them in its cache: the Node of such a resource is that file.
	RPMs []string `cbor:"7,keyasint,omitempty"`
	// Within are trees that are read beside Only in place of all: what is in them
	// is in doubt.
	Within []string `cbor:"6,keyasint,omitempty"`
	// Unnamed has large contents come without their ID; nil: all have one.
	Unnamed *Unnamed `cbor:"8,keyasint,omitempty"`

	// Vault names contents. The agent sets it.
	Vault Vault `cbor:"-"`
}

// Part reports whether only some of the files are read.
func (s *Scope) Part() bool { return len(s.Only)+len(s.Within) > 0 }

// Unnamed says of which sizes, in bytes, the contents may come without their ID where
// no package owns them and they are no secret. Who fetches all bytes anyhow can name
// them meanwhile; to have them hashed first would cost as much as half of the fetching.
type Unnamed struct {
	From int64 `cbor:"1,keyasint"`
	// But are sizes of contents that who reads has: one of these may be the same.
	But []int64 `cbor:"2,keyasint,omitempty"`
}

// May reports whether a content of that size may come without its ID.
func (u *Unnamed) May(size int64) bool {
	return u != nil && size >= u.From && !slices.Contains(u.But, size)
}

// Vault gives contents their names and remembers where their bytes are, so
// that the session can hand out these and no others.
type Vault interface {
	// Plain remembers that the content can be read again through open.
	Plain(c hosts.Content, open func() (io.ReadCloser, error))
	// Unnamed remembers the content of a file, by its path, until who fetches it
	// names it.
	Unnamed(path string, size int64, open func() (io.ReadCloser, error))
	// Secret names a secret by its keyed hash and remembers it. The returned
	// content is Sealed. open is called now and again when it is fetched.
	Secret(open func() (io.ReadCloser, error)) (hosts.Content, error)
}

// Coverage is what a Read has really seen: the roots of path kinds, or a
// whole kind. Holes lists what lay within and could not be read.
type Coverage struct {
	Whole bool     `cbor:"1,keyasint,omitempty"` // every resource of the kind was seen
	Roots []string `cbor:"2,keyasint,omitempty"` // for kinds of paths
	Holes []Hole   `cbor:"3,keyasint,omitempty"`
	// Skipped counts what was seen and left out by rule, by the rule's reason.
	Skipped map[string]int `cbor:"4,keyasint,omitempty"`
	// Notes are for the person: rpmnew files lying about, packages from no repository.
	Notes []string `cbor:"5,keyasint,omitempty"`
	// Mounts are the mount points at or above what was read, but for "/". One that
	// was there when the host was last read and is not now hides what it held: see
	// Vanished.
	Mounts []string `cbor:"6,keyasint,omitempty"`
}

// Hole is a part of a host that could not be read.
type Hole struct {
	Path string `cbor:"1,keyasint"`
	Err  string `cbor:"2,keyasint"`
	// Mount: something is mounted there, or should be and is not. What is to be
	// there is not made beside it.
	Mount bool `cbor:"3,keyasint,omitempty"`
}

// Job is the work of one Apply.
type Job struct {
	Changes []Change
	// Open gives the bytes of a content that a change names, in the clear.
	Open func(hosts.Content) (io.ReadCloser, error)
	// Same reports whether what open gives is the secret c, which only one who
	// holds the home key can tell; nil where nobody here does.
	Same func(c hosts.Content, open func() (io.ReadCloser, error)) (bool, error)
	// Keep is called before old bytes are overwritten or removed: it puts
	// copies of the files aside (for 30 days), on disk when it returns, and says
	// where, so that a hand edit is never lost and a rollback has the bytes.
	Keep func(ctx context.Context, paths []string) (kept []string, err error)
	// Done reports a finished change; Progress tells of long work ("installing 12 of 80").
	Done func(Addr)
	// HeldBack reports a change that cannot be made, and why, where the others were
	// not to suffer for it: it is no error of the Apply.
	HeldBack func(Addr, string)
	Progress func(text string)
}

// Unit is a daemon as far as its configuration goes: which files it reads, how
// they are checked, and how it is made to read them again. Or it is no daemon
// but what is derived from files, as the kernel's parameters are, or what
// programs read each time that they run, as sudo does: then its Name has no dot,
// and nothing is reloaded.
type Unit struct {
	Name  string   // httpd.service
	Reads []string // patterns of paths, as rules.Match takes them
	// Prepare rebuilds what is derived from the files (maps, hashes); nil: none.
	// A *Notice is no failure: it is told, and the change holds.
	Prepare func(ctx context.Context, h hosts.Host, changed []string) error
	// Check lists programs (argv) that refuse what the unit would refuse; nil:
	// none. They are run where the files are as they would be, before they are;
	// so is Prepare, and what these write beside the files is thrown away then.
	Check func(r hosts.Reader, changed []string) [][]string
	// Rehearse is how it is started for a moment, where Check is run, to see
	// whether it lives; nil: it is not.
	Rehearse *Rehearse
	Reload   bool // it reads its files again on reload; else it is restarted
	// Before are units to restart with it, first: those whose mounts hold the
	// old inode of a replaced file.
	Before []string
	// Ready is the argv of a program that ends once the unit is through with a
	// reload of which systemd knows no end (ExecReload=kill -HUP); nil: none.
	Ready []string
	// Login: who can log in hangs on it. A new login has to succeed after a
	// change of it, or the change is undone.
	Login bool
}

// Rehearse is a daemon that can be started beside the one that runs: what it
// writes is thrown away. It reads what the other has, so one with a database
// starts without it.
type Rehearse struct {
	Argv    []string      // in the foreground
	User    string        // whom its unit runs it as; "": root
	State   []string      // directories that it writes, beyond those of hosts.Rehearsal
	Without []string      // programs of its own that would do what the one that runs does, as with its queue
	Lives   time.Duration // how long it takes to end on what it cannot live with; 0: under 0.7 s
}

// Undoer is a Module of a kind that logins hang on and that makes no
// transactions: what an Apply did can be undone.
type Undoer interface {
	Module
	// Undoable remembers what is there, for undo to put it back after an Apply.
	Undoable(ctx context.Context, h hosts.Host) (undo func(ctx context.Context) error, err error)
}

// Notice is what a person is to be told of a change that holds all the same.
type Notice struct{ Text string }

func (n *Notice) Error() string { return n.Text }

// Recoverer is a Module that has something to bring to its end, or to repair,
// after an apply that was cut off. It is called under the host's lock and before
// the host is read; what it returns is for the person.
type Recoverer interface {
	Module
	Recover(ctx context.Context, h hosts.Host, progress func(text string)) (notes []string, err error)
}

// Transactor is a Module whose changes can be made ready first and then made,
// or put back, as one: what a group of files and the daemons that read them
// needs.
type Transactor interface {
	Module
	// Begin makes everything ready beside its place, keeps what is to be
	// overwritten, and changes nothing that a daemon could read. It refuses
	// (ErrRefused) when what is there is not what the changes were planned
	// against.
	Begin(ctx context.Context, h hosts.Host, job Job) (Transaction, error)
	// Resume is a transaction of which only a journal is left: it can be
	// looked at and rolled back.
	Resume(h hosts.Host, steps []Step) (Transaction, error)
}

// Transaction is a set of changes made ready. Exactly one of Commit and
// Discard is called; after Commit, Rollback may be.
type Transaction interface {
	// Laid lists what Commit will put where, in its order.
	Laid() []hosts.Laid
	Steps() []Step
	Commit(ctx context.Context) error // on an error, what was done is put back
	Rollback(ctx context.Context) error
	Discard() error
	// Look tells from the disk alone how much of it is made. A path at which
	// neither the old nor the new stands is a *ConflictError.
	Look(ctx context.Context) (Made, error)
}

// Step is one path of a transaction: what the journal has to know so that the
// path can be told to be changed or not, and be put back. A secret's content
// has its keyed name or none.
type Step struct {
	Path string     `cbor:"1,keyasint"`
	Old  hosts.Node `cbor:"2,keyasint"`           // what stood there; Absent for nothing
	New  hosts.Node `cbor:"3,keyasint"`           // what is to stand there
	Kept string     `cbor:"4,keyasint,omitempty"` // where the bytes of an old file are
}

// Made is how much of a transaction is made.
type Made int

// The answers of Look.
const (
	MadeNone Made = iota
	MadePart
	MadeAll
)

// ConflictError is a path at which, after an apply that was cut off, neither
// stands what was there before nor what that apply was to write.
type ConflictError struct{ Path, Kept string }

func (e *ConflictError) Error() string {
	kept := ""
	if e.Kept != "" {
		kept = "; the old bytes are in " + e.Kept
	}
	return e.Path + " is neither what stood there before nor what was to be written" + kept
}
