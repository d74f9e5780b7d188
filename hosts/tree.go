package hosts

import (
	"context"
	"errors"
	"time"
)

// Errors of a Tree.
var (
	// ErrTreeGone: the root of a tree is missing, is no directory, or another
	// file system is there than when the tree was opened. What was in it cannot
	// be seen, and is not gone.
	ErrTreeGone = errors.New("the tree is not there")
	// ErrForeign: what would be removed was not brought by a mirror, or was
	// changed since. It is left.
	ErrForeign = errors.New("not brought by the mirror, or changed since: it is left")
	// ErrNoRoom: it would leave less room on the file system than is to be kept.
	ErrNoRoom = errors.New("it does not fit")
)

// TreeEntry is what stands at a path of a data tree: a Node and what a mirror
// carries beyond it.
type TreeEntry struct {
	Path string `cbor:"20,keyasint"` // relative to the root; "." is the root
	Node
	MTime   int64  `cbor:"21,keyasint"`           // Unix nanoseconds
	Special uint32 `cbor:"22,keyasint,omitempty"` // of Other: S_IFIFO, S_IFCHR or S_IFBLK
	Device  uint64 `cbor:"23,keyasint,omitempty"` // of a device: its number
	Inode   uint64 `cbor:"24,keyasint,omitempty"` // of what has more names than one: the same under each
	Digest  []byte `cbor:"25,keyasint,omitempty"` // of a directory, of all below it: only List gives it
	Young   bool   `cbor:"26,keyasint,omitempty"` // it is being written, as far as one can tell
	Known   bool   `cbor:"27,keyasint,omitempty"` // a mirror brought it, and it is as that left it
	// Sparse: a file of more bytes than it takes on disk, which are so many.
	Sparse bool  `cbor:"28,keyasint,omitempty"`
	Disk   int64 `cbor:"29,keyasint,omitempty"`
}

// Takes is how many bytes a file takes on disk, about.
func (e *TreeEntry) Takes() int64 {
	if e.Sparse {
		return min(e.Disk, e.Content.Size)
	}
	return e.Content.Size
}

// Hollow reports whether a file is hashed later than sent: its holes cost nothing to
// send, and anybody can make one of terabytes of them.
func (e *TreeEntry) Hollow() bool {
	const most = 1 << 30
	return e.Sparse && e.Content.Size > most && e.Disk < e.Content.Size/2
}

// Weight is how many bytes its names and attributes are.
func (e *TreeEntry) Weight() int {
	n := len(e.Path) + len(e.Owner) + len(e.Group) + len(e.Link) + len(e.ACL) + len(e.DefaultACL) + len(e.Caps) + len(e.Label)
	for k, v := range e.Xattrs {
		n += len(k) + len(v)
	}
	return n
}

// TreeSum is a tree in short.
type TreeSum struct {
	Digest []byte `cbor:"1,keyasint"` // two trees with the same are equal, but for hard links
	Links  []byte `cbor:"2,keyasint"` // of which names are of one file
	Files  int    `cbor:"3,keyasint"` // all that is no directory
	Dirs   int    `cbor:"4,keyasint"`
	Bytes  int64  `cbor:"5,keyasint"`
	// Holes are paths that could not be read, and why: what is there is unknown.
	Holes []TreeHole `cbor:"6,keyasint,omitempty"`
	Known int        `cbor:"7,keyasint,omitempty"` // how many entries a mirror brought
}

// TreeHole is a path that could not be read.
type TreeHole struct {
	Path string `cbor:"1,keyasint"`
	Err  string `cbor:"2,keyasint"`
	// Mount: another file system is there, which is no part of the tree. No digest
	// is of it, and nothing is said of what it may hide.
	Mount bool `cbor:"3,keyasint,omitempty"`
}

// TreeInfo says on what a tree lies.
type TreeInfo struct {
	// Mount is where the file system is mounted that the root is on, and
	// FileSystem what is known of that to tell another one by.
	Mount      string `cbor:"1,keyasint"`
	FileSystem string `cbor:"2,keyasint"`
	Total      int64  `cbor:"3,keyasint"`           // bytes
	Free       int64  `cbor:"4,keyasint"`           // bytes that can be written
	Missing    bool   `cbor:"5,keyasint,omitempty"` // nothing is there; the rest is of the directory above
}

// TreeOptions say how a tree is seen and written.
type TreeOptions struct {
	// Exclude tells of absolute paths that are no part of the tree, with all
	// below them. nil: none are.
	Exclude func(path string) bool
	Numbers bool // owners are numbers, not names
	// Hash: files are told apart by the hash of their bytes, which Sum and List read
	// for it, not by size and time alone. Not those that are Hollow.
	Hash bool
	// Write: it may be written. What is overwritten and removed is kept for
	// Versions seconds (0: it is not), and KeepFree per cent of the file system
	// stay free. Where what comes needs the room, versions go before their time, but
	// none that is not a day old. A tree has one who writes it at a time: ErrTreeLocked
	// names another by its Holder.
	Write    bool
	Versions int64
	KeepFree int
	Holder   string
}

// TreeContent gives the bytes of a file in order: data, which are only good
// until the call returns, and holes of so many zero bytes.
type TreeContent func(data func([]byte) error, hole func(int64) error) error

// TreeVerb is what a TreeOp does.
type TreeVerb byte

// The verbs. Path is what they change.
const (
	TreeMake   TreeVerb = 1 // Entry stands there, a file with the content that is given
	TreeMeta   TreeVerb = 2 // what stands there gets the metadata of Entry
	TreeMove   TreeVerb = 3 // what is at From goes there, where nothing is
	TreeLink   TreeVerb = 4 // it becomes a further name of the file at From
	TreeCopy   TreeVerb = 5 // as TreeMake, with the content of the file at From, which is Entry.Content
	TreeRemove TreeVerb = 6 // a file, or an empty directory, that is known
)

// TreeOp is one change to a tree.
type TreeOp struct {
	Verb  TreeVerb  `cbor:"1,keyasint"`
	Path  string    `cbor:"2,keyasint"`
	From  string    `cbor:"3,keyasint,omitempty"`
	Entry TreeEntry `cbor:"4,keyasint"`
}

// Tree is a directory of data that is mirrored: all below it on its file
// system but sockets and what is excluded. No link in it is followed. It may be
// used by several goroutines. Between its calls it holds nothing open.
type Tree interface {
	Info() (TreeInfo, error)
	// Sum reads all at and below a path. It remembers the digests of directories
	// for List.
	Sum(ctx context.Context, path string) (TreeSum, error)
	// List tells what is in a directory, by name.
	List(ctx context.Context, dir string) ([]TreeEntry, []TreeHole, error)
	// Links gives the names of each file that had several at the last Sum of the
	// whole, sorted.
	Links() [][]string
	// Stat tells what is at a path; fs.ErrNotExist where nothing is, or it is
	// excluded. hash: a file comes with its Content.ID.
	Stat(ctx context.Context, path string, hash bool) (TreeEntry, error)
	// Read reads a file by way of buf. It first calls begin with what it is as it
	// was opened. ErrTorn: it was written to meanwhile.
	Read(ctx context.Context, path string, buf []byte, begin func(TreeEntry) error, data func([]byte) error, hole func(int64) error) error

	// Batch says that much is to be done: until end is called directories may be
	// kept open between calls.
	Batch() (end func())

	// Do makes a change, whole or not at all. content is of a TreeMake of a file.
	Do(ctx context.Context, op TreeOp, content TreeContent) error
	// Note has all of the tree known as brought that is as the last Sum of the whole
	// found it, but what is at or below the paths, and puts all on disk. What came
	// since is nobody's, unless it was brought.
	Note(ctx context.Context, but []string) error
	// Room is how many bytes can be written: what is free beyond KeepFree, and what
	// those old versions take that would go for them.
	Room() (int64, error)
	// Pruned is the time of the newest of the old versions that went to make room
	// since it was last asked; zero where none did.
	Pruned() time.Time
	Close() error
}

// ErrTorn: a file was written to while it was read.
var ErrTorn = errors.New("it was written to while it was read")

// ErrTreeLocked: somebody else writes the tree.
var ErrTreeLocked = errors.New("another mirror writes it")

// TreeHost is a Host that keeps data trees.
type TreeHost interface {
	OpenTree(root string, o TreeOptions) (Tree, error)
}
