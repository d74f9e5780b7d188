package inotify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// told is what a watch under way has told.
type told struct {
	tb   testing.TB
	root string

	mu    sync.Mutex
	seen  []hosts.Seen
	notes []string
	last  hosts.WatchReport
	came  chan struct{}

	stop func() error
}

// start watches the roots, which lie below dir, until the test ends. It returns
// when they are watched.
func start(tb testing.TB, dir string, opts Options, roots ...hosts.WatchRoot) *told {
	tb.Helper()
	w := &told{tb: tb, root: dir, came: make(chan struct{}, 1)}
	opts.Root = dir
	ready := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- Watch(ctx, opts, roots, func(r hosts.WatchReport) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.seen, w.notes, w.last = append(w.seen, r.Seen...), append(w.notes, r.Notes...), r
			if r.Ready {
				close(ready)
			}
			select {
			case w.came <- struct{}{}:
			default:
			}
			return nil
		})
	}()
	w.stop = sync.OnceValue(func() error { cancel(); return <-done })
	tb.Cleanup(func() {
		if err := w.stop(); !errors.Is(err, context.Canceled) {
			tb.Errorf("the watch ended with %v", err)
		}
	})
	select {
	case <-ready:
	case err := <-done:
		done <- err
		tb.Fatalf("the watch ended: %v", err)
	case <-time.After(time.Minute):
		tb.Fatal("it is not ready")
	}
	return w
}

// until waits for what cond wants of all that was told.
func (w *told) until(what string, cond func([]hosts.Seen) bool) []hosts.Seen {
	w.tb.Helper()
	deadline := time.After(20 * time.Second)
	for {
		w.mu.Lock()
		seen := slices.Clone(w.seen)
		w.mu.Unlock()
		if cond(seen) {
			return seen
		}
		select {
		case <-w.came:
		case <-deadline:
			w.tb.Fatalf("waited for %s in vain: %+v", what, seen)
		}
	}
}

func (w *told) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen, w.notes = nil, nil
}

// wants waits until that was told, and returns all that was until then.
func (w *told) wants(s hosts.Seen) []hosts.Seen {
	w.tb.Helper()
	return w.until(fmt.Sprintf("%+v", s), func(all []hosts.Seen) bool { return slices.Contains(all, s) })
}

// hears waits until it was told of a path, or of one that it is below in doubt.
func (w *told) hears(p string) {
	w.tb.Helper()
	w.until(p, func(all []hosts.Seen) bool {
		return slices.ContainsFunc(all, func(s hosts.Seen) bool {
			return s.Path == p || s.Deep && (s.Path == filepath.Dir(p) || !s.Shallow && strings.HasPrefix(p, s.Path+"/"))
		})
	})
}

func (w *told) dir(name string) string { return filepath.Join(w.root, name) }

// inMemory is a temporary directory for very many files, in memory if that can be.
func inMemory(tb testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "watch")
	if err != nil {
		return tb.TempDir()
	}
	tb.Cleanup(func() { must(tb, os.RemoveAll(dir)) })
	return dir
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func mkdir(tb testing.TB, dir string, names ...string) {
	tb.Helper()
	for _, n := range names {
		must(tb, os.MkdirAll(filepath.Join(dir, n), 0o755))
	}
}

func put(tb testing.TB, dir, name, text string) {
	tb.Helper()
	must(tb, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
}

func tree(p string) hosts.WatchRoot { return hosts.WatchRoot{Path: p, Tree: true} }

func TestWhatIsTold(t *testing.T) {
	dir := t.TempDir()
	mkdir(t, dir, "srv/a/b", "srv/gone", "out")
	for _, name := range []string{"file", "old", "mode", "removed", "a/b/deep", "away", "source"} {
		put(t, dir, "srv/"+name, "x")
	}
	w := start(t, dir, Options{}, tree("/srv"))
	in := func(name string) string { return filepath.Join(dir, "srv", name) }
	for _, step := range []struct {
		name string
		do   func() error
		want []hosts.Seen
	}{
		{"a write that is closed", func() error { return os.WriteFile(in("file"), []byte("new"), 0o644) }, []hosts.Seen{{Path: "/srv/file"}}},
		{"a rename into place", func() error { return os.Rename(in("old"), in("file")) },
			[]hosts.Seen{{Path: "/srv/file", From: "/srv/old"}, {Path: "/srv/old"}}},
		{"attributes", func() error { return os.Chmod(in("mode"), 0o600) }, []hosts.Seen{{Path: "/srv/mode"}}},
		{"a removal", func() error { return os.Remove(in("removed")) }, []hosts.Seen{{Path: "/srv/removed"}}},
		{"deep below", func() error { return os.WriteFile(in("a/b/deep"), nil, 0o644) }, []hosts.Seen{{Path: "/srv/a/b/deep"}}},
		{"a hard link", func() error { return os.Link(in("file"), in("linked")) }, []hosts.Seen{{Path: "/srv/linked"}}},
		{"a symbolic link", func() error { return os.Symlink("file", in("link")) }, []hosts.Seen{{Path: "/srv/link"}}},
		{"a fifo", func() error { return unix.Mkfifo(in("fifo"), 0o600) }, []hosts.Seen{{Path: "/srv/fifo"}}},
		{"a directory", func() error { return os.Mkdir(in("new"), 0o755) }, []hosts.Seen{{Path: "/srv/new", Deep: true}}},
		{"in the new one", func() error { return os.WriteFile(in("new/x"), nil, 0o644) }, []hosts.Seen{{Path: "/srv/new/x"}}},
		{"a directory renamed", func() error { return os.Rename(in("a"), in("c")) },
			[]hosts.Seen{{Path: "/srv/c", From: "/srv/a", Deep: true}, {Path: "/srv/a"}}},
		{"in the renamed one", func() error { return os.WriteFile(in("c/b/deep"), nil, 0o644) }, []hosts.Seen{{Path: "/srv/c/b/deep"}}},
		{"a directory removed", func() error { return os.Remove(in("gone")) }, []hosts.Seen{{Path: "/srv/gone"}}},
		{"renamed to where nobody watches", func() error { return os.Rename(in("away"), filepath.Join(dir, "out/away")) }, []hosts.Seen{{Path: "/srv/away"}}},
		{"renamed from there", func() error { return os.Rename(filepath.Join(dir, "out/away"), in("back")) }, []hosts.Seen{{Path: "/srv/back"}}},
		{"a file cut short", func() error { return os.Truncate(in("source"), 0) }, []hosts.Seen{{Path: "/srv/source"}}},
		{"the root's own attributes", func() error { return os.Chmod(filepath.Join(dir, "srv"), 0o700) }, []hosts.Seen{{Path: "/srv"}}},
	} {
		w.forget()
		must(t, step.do())
		for _, want := range step.want {
			w.tb = t
			w.wants(want)
		}
		w.mu.Lock()
		for _, s := range w.seen {
			if !slices.ContainsFunc(step.want, func(want hosts.Seen) bool { return s.Path == want.Path }) {
				t.Errorf("%s: %+v is told, too", step.name, s)
			}
		}
		w.mu.Unlock()
	}
}

// A file that is open is told of when it is closed, or after the bound.
func TestOpenFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mkdir(t, dir, "srv")
	put(t, dir, "srv/last", "")
	w := start(t, dir, Options{}, tree("/srv"))
	f, err := os.Create(w.dir("srv/log"))
	must(t, err)
	defer f.Close()
	began := time.Now()
	_, err = f.WriteString("a line\n")
	must(t, err)
	put(t, dir, "srv/last", "x") // what came before it is told by now
	for _, s := range w.wants(hosts.Seen{Path: "/srv/last"}) {
		if s.Path == "/srv/log" && time.Since(began) < time.Second {
			t.Error("told while it is written")
		}
	}
	w.wants(hosts.Seen{Path: "/srv/log"})
	if took := time.Since(began); took < writtenAfter-time.Second || took > writtenAfter+5*time.Second {
		t.Errorf("told after %v", took)
	}
	w.forget()
	began = time.Now()
	_, err = f.WriteString("another\n")
	must(t, err)
	must(t, f.Close())
	w.wants(hosts.Seen{Path: "/srv/log"})
	if took := time.Since(began); took > time.Second {
		t.Errorf("told %v after it was closed", took)
	}
	// What had no name gets one with its bytes in it: nobody closes that.
	fd, err := unix.Open(w.dir("srv"), unix.O_TMPFILE|unix.O_RDWR, 0o600)
	if err != nil {
		t.Skipf("no O_TMPFILE here: %v", err)
	}
	defer unix.Close(fd)
	_, err = unix.Write(fd, []byte("x"))
	must(t, err)
	began = time.Now()
	must(t, unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), unix.AT_FDCWD, w.dir("srv/named"), unix.AT_SYMLINK_FOLLOW))
	w.wants(hosts.Seen{Path: "/srv/named"})
	if took := time.Since(began); took > time.Second {
		t.Errorf("a linked file is told after %v", took)
	}
}

// Reading is no change.
func TestReadingTellsNothing(t *testing.T) {
	dir := t.TempDir()
	mkdir(t, dir, "srv/a")
	put(t, dir, "srv/a/x", "x")
	put(t, dir, "srv/end", "x")
	w := start(t, dir, Options{}, tree("/srv"))
	for range 3 {
		_, err := os.ReadFile(w.dir("srv/a/x"))
		must(t, err)
		_, err = os.ReadDir(w.dir("srv/a"))
		must(t, err)
	}
	put(t, dir, "srv/end", "y")
	for _, s := range w.wants(hosts.Seen{Path: "/srv/end"}) {
		if s.Path != "/srv/end" {
			t.Errorf("told: %+v", s)
		}
	}
}

func TestRoots(t *testing.T) {
	dir := t.TempDir()
	mkdir(t, dir, "etc/conf.d/sub", "srv/www/cache/keep", "etc/late")
	put(t, dir, "etc/one", "x")
	put(t, dir, "etc/other", "x")
	put(t, dir, "srv/end", "x")
	w := start(t, dir, Options{Patterns: func(patterns []string) (func(string) bool, error) {
		return func(p string) bool { return slices.Contains(patterns, p) }, nil
	}},
		hosts.WatchRoot{Path: "/etc/one"}, hosts.WatchRoot{Path: "/etc/conf.d"}, hosts.WatchRoot{Path: "/etc/late/missing/file"},
		hosts.WatchRoot{Path: "/srv/www", Tree: true, Exclude: []string{"/srv/www/cache", "/srv/www/x.part"}},
		hosts.WatchRoot{Path: "/srv/www/cache/keep"}, hosts.WatchRoot{Path: "/srv/end"})
	w.mu.Lock()
	watches := w.last.Watches
	w.mu.Unlock()
	// / etc conf.d late srv www cache keep
	if watches != 8 {
		t.Errorf("%d watches", watches)
	}
	flush := func(want ...hosts.Seen) {
		t.Helper()
		for _, s := range want {
			w.wants(s)
		}
		put(t, dir, "srv/end", "x")
		for _, s := range w.wants(hosts.Seen{Path: "/srv/end"}) {
			if s.Path != "/srv/end" && !slices.ContainsFunc(want, func(o hosts.Seen) bool { return o.Path == s.Path }) {
				t.Errorf("told too: %+v", s)
			}
		}
		w.forget()
	}
	put(t, dir, "etc/other", "y")
	flush()
	put(t, dir, "etc/.one", "y")
	must(t, os.Rename(w.dir("etc/.one"), w.dir("etc/one")))
	flush(hosts.Seen{Path: "/etc/one"})
	put(t, dir, "etc/conf.d/a", "")
	put(t, dir, "etc/conf.d/sub/a", "")
	flush(hosts.Seen{Path: "/etc/conf.d/a"})
	mkdir(t, dir, "etc/late/missing")
	flush(hosts.Seen{Path: "/etc/late/missing/file", Deep: true, Shallow: true})
	put(t, dir, "etc/late/missing/file", "")
	flush(hosts.Seen{Path: "/etc/late/missing/file"})
	must(t, os.RemoveAll(w.dir("etc/late")))
	flush(hosts.Seen{Path: "/etc/late/missing/file", Deep: true, Shallow: true})
	mkdir(t, dir, "etc/late/missing")
	put(t, dir, "etc/late/missing/file", "")
	flush(hosts.Seen{Path: "/etc/late/missing/file", Deep: true, Shallow: true})
	put(t, dir, "srv/www/cache/x", "")
	put(t, dir, "srv/www/x.part", "")
	put(t, dir, "srv/www/cache/keep/x", "")
	flush(hosts.Seen{Path: "/srv/www/cache/keep/x"})
	// The root is replaced by another.
	mkdir(t, dir, "srv/new/sub")
	must(t, os.Rename(w.dir("srv/www"), w.dir("srv/old")))
	must(t, os.Rename(w.dir("srv/new"), w.dir("srv/www")))
	w.wants(hosts.Seen{Path: "/srv/www", Deep: true})
	w.forget()
	put(t, dir, "srv/old/x", "")
	put(t, dir, "srv/www/sub/x", "")
	flush(hosts.Seen{Path: "/srv/www/sub/x"})
}

// A link on the way to a root is followed by who resolves it, and noticed when
// it leads elsewhere.
func TestLinkOnTheWay(t *testing.T) {
	dir := t.TempDir()
	mkdir(t, dir, "etc/rc.d/init.d", "etc/other")
	must(t, os.Symlink("rc.d/init.d", filepath.Join(dir, "etc/init.d")))
	resolve := func(p string) (string, []string, error) {
		p, err := filepath.EvalSymlinks(filepath.Join(dir, p))
		return strings.TrimPrefix(p, dir), nil, err
	}
	w := start(t, dir, Options{Resolve: resolve}, hosts.WatchRoot{Path: "/etc/init.d/x"})
	put(t, dir, "etc/rc.d/init.d/x", "")
	w.wants(hosts.Seen{Path: "/etc/init.d/x"})
	w.forget()
	must(t, os.Symlink("other", filepath.Join(dir, "etc/new")))
	must(t, os.Rename(w.dir("etc/new"), w.dir("etc/init.d")))
	w.wants(hosts.Seen{Path: "/etc/init.d/x", Deep: true, Shallow: true})
	w.until("the new place", func(seen []hosts.Seen) bool {
		put(t, dir, "etc/other/x", "")
		return slices.Contains(seen, hosts.Seen{Path: "/etc/init.d/x"})
	})
}

// What emit cannot take at once is gathered, each path once.
func TestGathered(t *testing.T) {
	dir := t.TempDir()
	mkdir(t, dir, "srv")
	put(t, dir, "srv/first", "")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	enough := errors.New("enough")
	reports := make(chan hosts.WatchReport)
	done := make(chan error, 1)
	go func() {
		done <- Watch(ctx, Options{Root: dir}, []hosts.WatchRoot{tree("/srv")}, func(r hosts.WatchReport) error {
			reports <- r
			if slices.ContainsFunc(r.Seen, func(s hosts.Seen) bool { return s.Path == "/srv/end" }) {
				return enough
			}
			return nil
		})
	}()
	if r := <-reports; !r.Ready || r.Watches != 2 {
		t.Fatalf("first report: %+v", r)
	}
	put(t, dir, "srv/first", "x")
	put(t, dir, "srv/a", "x")
	for range 100 {
		put(t, dir, "srv/b", "x")
	}
	must(t, os.Rename(filepath.Join(dir, "srv/a"), filepath.Join(dir, "srv/t")))
	must(t, os.Rename(filepath.Join(dir, "srv/b"), filepath.Join(dir, "srv/a")))
	must(t, os.Rename(filepath.Join(dir, "srv/t"), filepath.Join(dir, "srv/b")))
	put(t, dir, "srv/end", "x")
	times := map[string]int{}
	for {
		select {
		case r := <-reports:
			in := map[string]bool{}
			for _, s := range r.Seen {
				if in[s.Path] {
					t.Errorf("%s is told twice at once", s.Path)
				}
				in[s.Path] = true
				times[s.Path]++
			}
			continue
		case err := <-done:
			if !errors.Is(err, enough) {
				t.Errorf("it ended with %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("it does not end")
		}
		break
	}
	if times["/srv/b"] == 0 || times["/srv/b"] > 20 {
		t.Errorf("told: %v", times)
	}
}
