package agent

import (
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"hikae/engine/rules"
	"hikae/hosts"
)

// TreeRequest says which data tree a session is to keep, and how.
type TreeRequest struct {
	Root     string   `cbor:"1,keyasint"`
	Exclude  []string `cbor:"2,keyasint,omitempty"` // patterns of absolute paths (rules.Match) that are no part of it
	Numbers  bool     `cbor:"3,keyasint,omitempty"` // owners are numbers, not names
	Write    bool     `cbor:"4,keyasint,omitempty"`
	Versions int64    `cbor:"5,keyasint,omitempty"` // seconds that overwritten and removed files are kept
	KeepFree int      `cbor:"6,keyasint,omitempty"` // per cent of the file system
	Hash     bool     `cbor:"7,keyasint,omitempty"` // files are told apart by their bytes
	Holder   string   `cbor:"8,keyasint,omitempty"` // who writes, for the one who finds the tree locked
}

// MaxNoted is how many paths one Note may leave out.
const MaxNoted = 100_000

// Bounds of one request.
const (
	maxTreePaths   = 10_000
	maxTreeExclude = 1000
	treeBytes      = 4 << 20 // of paths, where they are long
	treeBatch      = 500     // entries in one message
	treeBatchBytes = 1 << 20
	longestRun     = 64 // arguments of a program, and programs
)

// Bounds of what is kept of an answer, in bytes: an agent may say what it likes.
const (
	mostStatus = 256 << 20
	mostNames  = 256 << 20
)

// asked is how many of the paths go with one request.
func asked(paths []string) int {
	n := 0
	for size := 0; n < min(len(paths), maxTreePaths) && size < treeBytes; n++ {
		size += len(paths[n])
	}
	return n
}

// listed is how many of the entries go with one message.
func listed(all []hosts.TreeEntry) int {
	n := 0
	for size := 0; n < min(len(all), treeBatch) && size < treeBatchBytes; n++ {
		size += all[n].Weight()
	}
	return n
}

type treeAsk struct {
	Ask   treeQuestion `cbor:"1,keyasint"`
	Paths []string     `cbor:"2,keyasint,omitempty"`
	// Deep: of a list, with all below; of a status, with the files' hashes.
	Deep bool `cbor:"3,keyasint,omitempty"`
	Most int  `cbor:"4,keyasint,omitempty"` // entries of a list with all below
}

type treeQuestion uint

const (
	askInfo  treeQuestion = 1
	askSum   treeQuestion = 2 // of each path
	askList  treeQuestion = 3
	askStat  treeQuestion = 4
	askLinks treeQuestion = 5
	askNote  treeQuestion = 6 // all but the paths
	askRoom  treeQuestion = 7
)

// treeListed is what is in a directory, or a part of it.
type treeListed struct {
	Dir     string            `cbor:"1,keyasint"`
	Entries []hosts.TreeEntry `cbor:"2,keyasint,omitempty"`
	Holes   []hosts.TreeHole  `cbor:"3,keyasint,omitempty"`
	Err     *wireError        `cbor:"4,keyasint,omitempty"` // the directory cannot be read
}

type treeStatus struct {
	Entry *hosts.TreeEntry `cbor:"1,keyasint,omitempty"` // nil with no Err: nothing is there
	Err   *wireError       `cbor:"2,keyasint,omitempty"`
}

type treeAnswer struct {
	Info *hosts.TreeInfo `cbor:"1,keyasint,omitempty"`
	Sums []hosts.TreeSum `cbor:"2,keyasint,omitempty"`
	Room int64           `cbor:"3,keyasint,omitempty"`
	More bool            `cbor:"4,keyasint,omitempty"` // there is more than so many entries
}

type treeFetch struct {
	Paths []string `cbor:"1,keyasint"`
	Torn  bool     `cbor:"2,keyasint,omitempty"` // a file that is written to meanwhile will do
}

// treeBegin opens the content of a file, with what it is now.
type treeBegin struct {
	Index uint  `cbor:"1,keyasint"`
	Size  int64 `cbor:"2,keyasint"`
	MTime int64 `cbor:"3,keyasint"`
}

type treeHole struct {
	Size int64 `cbor:"1,keyasint"`
}

type treeResult struct {
	Failed []treeFailed `cbor:"1,keyasint,omitempty"`
	Pruned int64        `cbor:"2,keyasint,omitempty"` // Unix seconds: what hosts.Tree.Pruned says
}

type treeFailed struct {
	Index uint       `cbor:"1,keyasint"`
	Err   *wireError `cbor:"2,keyasint"`
}

type treeRun struct {
	Reload []string   `cbor:"1,keyasint,omitempty"` // units
	Run    [][]string `cbor:"2,keyasint,omitempty"` // programs
}

// checkRel refuses what is no path of a tree: clean, relative, and within it.
func checkRel(p string) error {
	if p == "." {
		return nil
	}
	if p == "" || path.IsAbs(p) || path.Clean(p) != p || p == ".." || strings.HasPrefix(p, "../") {
		return protocolError("%q is no path of a tree", p)
	}
	return checkPath("/" + p)
}

func checkRels(paths []string, most int) error {
	if len(paths) > most {
		return protocolError("%d paths in one request", len(paths))
	}
	for _, p := range paths {
		if err := checkRel(p); err != nil {
			return err
		}
	}
	return nil
}

// checkEntry refuses entries that nothing in a tree can be.
func checkEntry(e *hosts.TreeEntry) error {
	if err := checkRel(e.Path); err != nil {
		return err
	}
	if err := checkNode(&e.Node); err != nil {
		return err
	}
	switch {
	case e.Type == hosts.Absent:
		return protocolError("%q is nothing", e.Path)
	case e.Path == "." && e.Type != hosts.Dir:
		return protocolError("the root of a tree is a %s", e.Type)
	case len(e.Digest) != 0 && (e.Type != hosts.Dir || len(e.Digest) != len(hosts.ID{})):
		return protocolError("%q has a digest of %d bytes", e.Path, len(e.Digest))
	case e.Disk < 0:
		return protocolError("%q takes %d bytes", e.Path, e.Disk)
	case e.Content.Sealed:
		return protocolError("%q is sealed", e.Path)
	}
	switch e.Special {
	case 0:
		if e.Type == hosts.Other || e.Device != 0 {
			return protocolError("%q is of no type", e.Path)
		}
	case unix.S_IFIFO, unix.S_IFCHR, unix.S_IFBLK:
		if e.Type != hosts.Other {
			return protocolError("%q is of two types", e.Path)
		}
	default:
		return protocolError("%q is of type %o", e.Path, e.Special)
	}
	return nil
}

// checkListed refuses what cannot be in the directory.
func checkListed(l *treeListed) error {
	if err := checkRel(l.Dir); err != nil {
		return err
	}
	for i := range l.Entries {
		e := &l.Entries[i]
		if err := checkEntry(e); err != nil {
			return err
		}
		if e.Path == "." || path.Dir(e.Path) != l.Dir {
			return protocolError("%q is not in %q", e.Path, l.Dir)
		}
	}
	return checkHoles(l.Holes)
}

func checkHoles(holes []hosts.TreeHole) error {
	for _, h := range holes {
		if err := checkRel(h.Path); err != nil {
			return err
		}
	}
	return nil
}

// checkOp refuses changes that do not hang together.
func checkOp(op *hosts.TreeOp) error {
	if err := checkRel(op.Path); err != nil {
		return err
	}
	from := op.Verb == hosts.TreeMove || op.Verb == hosts.TreeLink || op.Verb == hosts.TreeCopy
	switch {
	case op.Verb < hosts.TreeMake || op.Verb > hosts.TreeRemove:
		return protocolError("change %d to a tree", op.Verb)
	case from != (op.From != ""):
		return protocolError("change %d to a tree from %q", op.Verb, op.From)
	case from:
		if err := checkRel(op.From); err != nil {
			return err
		}
	}
	if op.Verb == hosts.TreeRemove {
		return nil
	}
	if err := checkEntry(&op.Entry); err != nil {
		return err
	}
	if op.Entry.Path != op.Path {
		return protocolError("change of %q is of %q", op.Path, op.Entry.Path)
	}
	if op.Verb == hosts.TreeCopy && (op.Entry.Type != hosts.File || op.Entry.Content.ID.IsZero()) {
		return protocolError("copy of what has no hash")
	}
	return nil
}

// hasContent reports whether the bytes of a file follow.
func hasContent(op *hosts.TreeOp) bool {
	return op.Verb == hosts.TreeMake && op.Entry.Type == hosts.File
}

// treeExclude makes one set of a request's patterns and of what is the host's
// own, which no mirror carries.
func treeExclude(patterns []string) (func(string) bool, error) {
	if len(patterns) > maxTreeExclude {
		return nil, protocolError("%d patterns", len(patterns))
	}
	all := make([]rules.Rule, 0, len(patterns))
	for _, p := range patterns {
		if len(p) > longestPath {
			return nil, protocolError("pattern of %d bytes", len(p))
		}
		all = append(all, rules.Rule{Pattern: p})
	}
	set, err := rules.HostOnlyPaths().With(all...)
	if err != nil {
		return nil, err
	}
	return func(p string) bool {
		_, is := set.Match(p)
		return is
	}, nil
}
