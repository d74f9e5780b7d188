package inotify

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"hikae/hosts"
)

// node is what a model knows of a path; of a file, by its inode, so that a
// change by one name is one of the others.
type node struct {
	ino    uint64
	mode   uint32 // of what is no file
	target string
}

type file struct {
	mode        uint32
	size, mtime int64
	text        string
}

// model is a copy of what is below the roots, kept by what is told alone.
type model struct {
	k       *kernel
	dir     string
	skip    func(string) bool
	nodes   map[string]node
	files   map[uint64]file
	unnamed []uint64      // files that lost a name
	hints   *atomic.Int64 // contents that were not read, since a rename had told what they are
}

func (m *model) apply(r hosts.WatchReport) {
	before := maps.Clone(m.nodes)
	for _, s := range r.Seen {
		m.one(s, before)
	}
	// What was told by a name that went since is so of the names that stay.
	for _, ino := range m.unnamed {
		for p, n := range m.nodes {
			if n.mode == 0 && n.ino == ino {
				m.read(p, "", nil, false)
			}
		}
	}
	m.unnamed = nil
}

func (m *model) one(s hosts.Seen, before map[string]node) {
	switch {
	case s.Deep && !s.Shallow:
		m.remove(s.Path)
		m.read(s.Path, s.From, before, true)
	case s.Deep:
		m.read(s.Path, "", before, false)
		there := map[string]bool{}
		for _, name := range m.list(s.Path) {
			p := path.Join(s.Path, name)
			there[p] = true
			was := m.nodes[p]
			if m.read(p, "", before, false); m.nodes[p].ino != was.ino {
				m.read(p, "", before, true)
			}
		}
		for p := range m.nodes {
			if path.Dir(p) == s.Path && !there[p] {
				m.remove(p)
			}
		}
	default:
		m.read(s.Path, s.From, before, false)
	}
}

func (m *model) remove(p string) {
	for q := range m.nodes {
		if q == p || strings.HasPrefix(q, p+"/") {
			if m.nodes[q].mode == 0 {
				m.unnamed = append(m.unnamed, m.nodes[q].ino)
			}
			delete(m.nodes, q)
		}
	}
}

func (m *model) list(p string) (names []string) {
	fd, err := m.k.open(p)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	_ = m.k.list(fd, make([]byte, 4096), func(name []byte, _ byte) { names = append(names, string(name)) })
	return names
}

// read takes what is at a path, and all below it where that is wanted.
func (m *model) read(p, from string, before map[string]node, deep bool) {
	if m.skip(p) {
		return
	}
	fd, err := m.k.open(path.Dir(p))
	if err != nil {
		m.remove(p)
		return
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if statAt(fd, path.Base(p), &st) != nil {
		m.remove(p)
		return
	}
	n := node{ino: st.Ino}
	at := fmt.Sprintf("/proc/self/fd/%d/%s", fd, path.Base(p))
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		n.mode = st.Mode
	case unix.S_IFREG:
		if !deep { // else it was done for all
			m.remove(p)
		}
		f := file{mode: st.Mode, size: st.Size, mtime: st.Mtim.Nano()}
		was, known := m.files[st.Ino]
		if known = known && from != "" && before[from].ino == st.Ino && was.size == f.size && was.mtime == f.mtime; known {
			f.text = was.text
			m.hints.Add(1)
		} else {
			b, _ := os.ReadFile(at)
			f.text = string(b)
		}
		m.files[st.Ino] = f
	default:
		if !deep {
			m.remove(p)
		}
		n.mode = st.Mode
		n.target, _ = os.Readlink(at)
	}
	m.nodes[p] = n
	if deep && n.mode&unix.S_IFMT == unix.S_IFDIR {
		for _, name := range m.list(p) {
			m.read(path.Join(p, name), "", nil, true)
		}
	}
}

// text is all that the model knows, a line a path.
func (m *model) text() []string {
	var lines []string
	for p, n := range m.nodes {
		if n.mode == 0 {
			lines = append(lines, fmt.Sprintf("%s %o %q", p, m.files[n.ino].mode, m.files[n.ino].text))
		} else {
			lines = append(lines, fmt.Sprintf("%s %o %q", p, n.mode, n.target))
		}
	}
	slices.Sort(lines)
	return lines
}

func newModel(dir string, skip func(string) bool) (*model, error) {
	k, err := openKernel(dir)
	return &model{k: k, dir: dir, skip: skip, nodes: map[string]node{}, files: map[uint64]file{}, hints: new(atomic.Int64)}, err
}

// operation is a change that somebody makes.
type operation struct {
	what   int
	at, to string
	mode   uint32
	text   string
	then   time.Duration // pause
}

var operations = []string{"mkdir -p", "write", "append", "mv", "rm", "rm -rf", "chmod", "ln", "ln -s", "rmdir", "mv", "write", "touch", "mv -x", "write", "mv", "mkdir -p", "mv", "write"}

func (o operation) String() string { return fmt.Sprintf("%s %s %s", operations[o.what], o.at, o.to) }

// run makes the change, if it can be made.
func (o operation) run(dir string) {
	at, to := filepath.Join(dir, o.at), filepath.Join(dir, o.to)
	switch operations[o.what] {
	case "mkdir -p":
		_ = os.MkdirAll(at, 0o755)
	case "write":
		if fi, err := os.Lstat(at); err == nil && !fi.Mode().IsRegular() {
			return
		}
		_ = os.MkdirAll(filepath.Dir(at), 0o755)
		_ = os.WriteFile(at, []byte(o.text), 0o644)
	case "append", "touch":
		f, err := os.OpenFile(at, os.O_WRONLY|os.O_APPEND|unix.O_NOFOLLOW, 0)
		if err != nil {
			return
		}
		if operations[o.what] == "append" {
			_, _ = f.WriteString(o.text)
		}
		_ = f.Close()
	case "mv":
		_ = unix.Rename(at, to)
	case "mv -x":
		_ = unix.Renameat2(unix.AT_FDCWD, at, unix.AT_FDCWD, to, unix.RENAME_EXCHANGE)
	case "rm":
		_ = unix.Unlink(at)
	case "rm -rf":
		_ = os.RemoveAll(at)
	case "chmod":
		_ = unix.Fchmodat(unix.AT_FDCWD, at, o.mode, unix.AT_SYMLINK_NOFOLLOW)
	case "ln":
		_ = unix.Linkat(unix.AT_FDCWD, at, unix.AT_FDCWD, to, 0)
	case "ln -s":
		_ = os.Symlink(o.text, at)
	case "rmdir":
		_ = unix.Rmdir(at)
	}
}

// places are where operations work: two roots, and where nobody watches. "skip"
// is left out of one of the roots.
func places() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		top := rapid.SampledFrom([]string{"srv", "srv", "srv", "data", "out"}).Draw(t, "top")
		below := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "a", "b", "c", "skip"}), 1, 3).Draw(t, "below")
		return path.Join(top, path.Join(below...))
	})
}

func leftOut(p string) bool {
	return strings.HasPrefix(p, "/srv/") && slices.Contains(strings.Split(p, "/"), "skip")
}

func someOperations() *rapid.Generator[[]operation] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) operation {
		o := operation{
			what: rapid.IntRange(0, len(operations)-1).Draw(t, "what"),
			at:   places().Draw(t, "at"),
			to:   places().Draw(t, "to"),
			mode: rapid.SampledFrom([]uint32{0o600, 0o644, 0o755}).Draw(t, "mode"),
			then: rapid.SampledFrom([]time.Duration{0, 0, 0, 0, 50 * time.Microsecond, time.Millisecond, pairedAfter}).Draw(t, "then"),
			text: rapid.StringMatching("[a-z]{1,8}").Draw(t, "text"),
		}
		// Nothing is written where nobody watches: the file might have a name below a
		// root, and what is written by another is not seen.
		switch operations[o.what] {
		case "write", "append", "touch", "chmod":
			if strings.HasPrefix(o.at, "out/") || leftOut("/"+o.at) {
				o.at = "data" + o.at[3:]
			}
		}
		return o
	}), 5, 80)
}
