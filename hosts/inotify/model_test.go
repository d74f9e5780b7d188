package inotify

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
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

// follower keeps a model by what a watch tells.
type follower struct {
	dir    string
	truth  *model
	hints  atomic.Int64
	told   int
	cancel func()
	done   chan error

	mu      sync.Mutex
	copy    *model
	history []string
}

// follow watches /srv and /data below dir. delays are how long, in ms, each
// report in turn waits before it is taken.
func follow(t *testing.T, dir string, opts Options, delays []int) *follower {
	f := &follower{dir: dir, done: make(chan error, 1)}
	var err error
	f.copy, err = newModel(dir, leftOut)
	must(t, err)
	f.truth, err = newModel(dir, leftOut)
	must(t, err)
	f.copy.hints = &f.hints
	f.copy.read("/srv", "", nil, true)
	f.copy.read("/data", "", nil, true)
	opts.Root = dir
	opts.Patterns = func([]string) (func(string) bool, error) { return leftOut, nil }
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	ready, reports := make(chan struct{}), 0
	go func() {
		f.done <- Watch(ctx, opts, []hosts.WatchRoot{{Path: "/srv", Tree: true, Exclude: []string{"x"}}, tree("/data")}, func(r hosts.WatchReport) error {
			if r.Ready {
				close(ready)
			}
			reports++
			time.Sleep(time.Duration(delays[reports%len(delays)]) * time.Millisecond)
			f.mu.Lock()
			defer f.mu.Unlock()
			f.told += len(r.Seen)
			f.copy.apply(r)
			f.history = append(f.history, fmt.Sprintf("%+v", r.Seen))
			return nil
		})
	}()
	<-ready
	return f
}

func (f *follower) close() error {
	f.cancel()
	err := <-f.done
	f.copy.k.close()
	f.truth.k.close()
	if !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// differs waits until the copy is what it is a copy of; "" then, and else what it is.
func (f *follower) differs() string {
	deadline := time.Now().Add(10 * time.Second)
	for ; ; time.Sleep(2 * time.Millisecond) {
		f.mu.Lock()
		clear(f.truth.nodes)
		clear(f.truth.files)
		f.truth.read("/srv", "", nil, true)
		f.truth.read("/data", "", nil, true)
		got, want := f.copy.text(), f.truth.text()
		past := strings.Join(f.history, "\n")
		f.mu.Unlock()
		if slices.Equal(got, want) {
			return ""
		}
		if time.Now().After(deadline) {
			return fmt.Sprintf("the copy has\n%s\nthe host\n%s\ntold: %s", strings.Join(got, "\n"), strings.Join(want, "\n"), past)
		}
	}
}

// do makes changes, those of each list after one another.
func (f *follower) do(lists ...[]operation) {
	var wg sync.WaitGroup
	for _, list := range lists {
		wg.Go(func() {
			for _, o := range list {
				o.run(f.dir)
				time.Sleep(o.then)
			}
		})
	}
	wg.Wait()
}

func modelDir(t *testing.T, in string) string {
	dir, err := os.MkdirTemp(in, "watch")
	must(t, err)
	mkdir(t, dir, "srv/a/b", "data", "out")
	return dir
}

// What is told is enough: a copy that is kept by it alone ends as what it is a
// copy of, whatever is done meanwhile, by two at once, and however late it is read.
func TestNothingIsMissed(t *testing.T) {
	var hints int64
	told := 0
	rapid.Check(t, func(rt *rapid.T) {
		dir := modelDir(t, "")
		defer os.RemoveAll(dir)
		f := follow(t, dir, Options{}, rapid.SliceOfN(rapid.IntRange(0, 3), 8, 8).Draw(rt, "delays"))
		defer func() {
			if err := f.close(); err != nil {
				rt.Errorf("the watch ended with %v", err)
			}
			hints += f.hints.Load()
			told += f.told
		}()
		for round := range 3 {
			one, two := someOperations().Draw(rt, "one"), someOperations().Draw(rt, "two")
			f.do(one, two)
			if d := f.differs(); d != "" {
				rt.Fatalf("round %d: %s\nafter %v\nand %v", round, d, one, two)
			}
		}
	})
	t.Logf("%d told, %d contents known by a rename", told, hints)
	if hints == 0 {
		t.Error("no rename has told what is where")
	}
}

// So it is of thousands at once: a tree is unpacked, renamed on the way, changed
// and removed in part, by several.
func TestStorm(t *testing.T) {
	dir := modelDir(t, inMemory(t))
	f := follow(t, dir, Options{}, []int{0, 20, 0, 5})
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			top := filepath.Join(dir, fmt.Sprintf("srv/%d", i))
			for j := range 100 {
				sub := filepath.Join(top, fmt.Sprintf("%d/%d", j%7, j))
				_ = os.MkdirAll(sub, 0o755)
				for k := range 15 {
					tmp := filepath.Join(sub, fmt.Sprintf(".%d", k))
					_ = os.WriteFile(tmp, []byte(sub), 0o644)
					_ = os.Rename(tmp, filepath.Join(sub, fmt.Sprint(k)))
				}
				switch j {
				case 40:
					_ = os.Rename(top, top+"-moved")
				case 60:
					_ = os.RemoveAll(filepath.Join(top, "3"))
				case 80:
					_ = os.Rename(filepath.Join(top, "4"), filepath.Join(dir, fmt.Sprintf("data/%d", i)))
				case 90:
					_ = os.RemoveAll(top + "-moved")
				}
			}
		})
	}
	wg.Wait()
	began := time.Now()
	if d := f.differs(); d != "" {
		t.Error(d)
	}
	took := time.Since(began)
	must(t, f.close())
	t.Logf("%d told, the last %v after the end", f.told, took)
}

// So it is when events are lost, before, among and after the changes.
func TestNothingIsMissedOver(t *testing.T) {
	defer fewer(t, "10")() // each fills the queue
	shared := inMemory(t)
	most := sysctl(t, "max_queued_events")
	rapid.Check(t, func(rt *rapid.T) {
		dir := modelDir(t, shared)
		defer os.RemoveAll(dir)
		mkdir(t, dir, "srv/flood")
		for i := range 100 {
			put(t, dir, fmt.Sprintf("srv/flood/%d", i), "")
		}
		const slack = 20 * time.Millisecond
		var stalled atomic.Bool
		var over atomic.Int64
		stall, goOn := make(chan struct{}), make(chan struct{})
		opts := Options{slack: slack, Log: slog.New(counter{slog.DiscardHandler, &over}), stall: func() {
			if stalled.CompareAndSwap(true, false) {
				stall <- struct{}{}
				<-goOn
			}
		}}
		before := someOperations().Draw(rt, "before")
		for _, o := range before {
			o.run(dir)
		}
		time.Sleep(2 * slack)
		f := follow(t, dir, opts, []int{0})
		defer func() {
			if err := f.close(); err != nil {
				rt.Errorf("the watch ended with %v", err)
			}
		}()
		stalled.Store(true)
		put(t, dir, "srv/flood/0", "x")
		<-stall
		kept, lost, late := someOperations().Draw(rt, "kept"), someOperations().Draw(rt, "lost"), someOperations().Draw(rt, "late")
		f.do(kept)
		for i := range most + 1 {
			must(t, os.Chmod(filepath.Join(dir, fmt.Sprintf("srv/flood/%d", i%100)), 0o600+os.FileMode(i/100%2)))
		}
		f.do(lost)
		close(goOn)
		f.do(late)
		if d := f.differs(); d != "" {
			rt.Fatalf("%s\nafter %v\n%v\n%v\n%v", d, before, kept, lost, late)
		}
		if over.Load() == 0 {
			rt.Error("the queue did not run over")
		}
	})
}

// So it is where watches lack, and come and go.
func TestNothingIsMissedWithoutWatches(t *testing.T) {
	t.Parallel()
	if apart(t) {
		return
	}
	defer fewer(t, "10")()
	rapid.Check(t, func(rt *rapid.T) {
		dir := modelDir(t, "")
		defer os.RemoveAll(dir)
		limit(t, "watches", rapid.IntRange(0, 12).Draw(rt, "limit"))
		f := follow(t, dir, Options{slack: 50 * time.Millisecond, every: 20 * time.Millisecond}, []int{0})
		defer func() {
			if err := f.close(); err != nil {
				rt.Errorf("the watch ended with %v", err)
			}
		}()
		for round := range 3 {
			one, two := someOperations().Draw(rt, "one"), someOperations().Draw(rt, "two")
			f.do(one, two)
			if d := f.differs(); d != "" {
				rt.Fatalf("round %d: %s\nafter %v\nand %v", round, d, one, two)
			}
			limit(t, "watches", rapid.IntRange(0, 40).Draw(rt, "limit"))
		}
	})
}

// fewer has rapid check so many cases, unless it was told how many.
func fewer(t *testing.T, n string) (restore func()) {
	checks := flag.Lookup("rapid.checks")
	if checks.Value.String() != checks.DefValue {
		return func() {}
	}
	must(t, checks.Value.Set(n))
	return func() { must(t, checks.Value.Set(checks.DefValue)) }
}

// counter counts what is logged.
type counter struct {
	slog.Handler
	n *atomic.Int64
}

func (c counter) Enabled(context.Context, slog.Level) bool { return true }

func (c counter) Handle(context.Context, slog.Record) error {
	c.n.Add(1)
	return nil
}
