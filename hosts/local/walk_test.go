package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// walk gives the paths that Walk passes on, and those that failed.
func walk(t *testing.T, h *Host, root string, fn func(string) error) (paths []string, failed map[string]error) {
	t.Helper()
	failed = map[string]error{}
	err := h.Walk(context.Background(), root, func(p string, n hosts.Node) error {
		if one, err := h.Stat(p); err != nil || !n.Equal(&one) {
			t.Errorf("%s: the walk gives %+v, Stat %+v, %v", p, n, one, err)
		}
		paths = append(paths, p)
		return fn(p)
	}, func(p string, err error) { failed[p] = err })
	if err != nil {
		t.Fatal(err)
	}
	return paths, failed
}

func TestWalk(t *testing.T) {
	needRoot(t)
	h, root := newHost(t)
	for _, name := range []string{"srv/b/x", "srv/a/1", "srv/a/2", "srv/a.d/x", "srv/z", "srv/skip/x", "srv/odd\n\xff/x"} {
		write(t, root, name, "x")
	}
	symlink(t, root, "a", "srv/link")
	all := func(string) error { return nil }
	got, failed := walk(t, h, "/srv", func(p string) error {
		if p == "/srv/skip" {
			return fs.SkipDir
		}
		return nil
	})
	want := []string{"/srv", "/srv/a", "/srv/a/1", "/srv/a/2", "/srv/a.d", "/srv/a.d/x", "/srv/b", "/srv/b/x", "/srv/link", "/srv/odd\n\xff", "/srv/odd\n\xff/x", "/srv/skip", "/srv/z"}
	if !slices.Equal(got, want) || len(failed) > 0 {
		t.Errorf("got %q, failed %v; want %q", got, failed, want)
	}
	if got, _ := walk(t, h, "/srv/link", all); !slices.Equal(got, []string{"/srv/link"}) {
		t.Errorf("of a link: %q", got)
	}
	if got, _ := walk(t, h, "/", all); got[0] != "/" || got[1] != "/etc" {
		t.Errorf("of the root: %q", got)
	}
	if got, _ := walk(t, h, "/srv", func(string) error { return fs.SkipAll }); len(got) != 1 {
		t.Errorf("after SkipAll: %q", got)
	}
	if err := h.Walk(context.Background(), "/none", nil, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of nothing: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := h.Walk(ctx, "/srv", func(string, hosts.Node) error { return nil }, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	broken := errors.New("broken")
	if err := h.Walk(context.Background(), "/srv", func(string, hosts.Node) error { return broken }, nil); !errors.Is(err, broken) {
		t.Errorf("fn's error: %v", err)
	}
}

func mount(t *testing.T, source, target, kind string, flags uintptr, data string) {
	t.Helper()
	if err := unix.Mount(source, target, kind, flags, data); err != nil {
		t.Skipf("cannot mount here: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(target, unix.MNT_DETACH) })
}

func TestMountPoints(t *testing.T) {
	needRoot(t)
	h, root := newHost(t)
	write(t, root, "srv/fs/hidden", "x")
	write(t, root, "srv/bound", "x")
	write(t, root, "srv/same/x", "x")
	mount(t, "tmpfs", filepath.Join(root, "srv/fs"), "tmpfs", 0, "")
	mount(t, filepath.Join(root, "etc/passwd"), filepath.Join(root, "srv/bound"), "", unix.MS_BIND, "")
	mount(t, filepath.Join(root, "etc"), filepath.Join(root, "srv/same"), "", unix.MS_BIND, "")
	ctx := context.Background()
	_, failed := walk(t, h, "/srv", func(string) error { return nil })
	table, err := readMounts("/proc/self/mountinfo", h.root)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"/srv/fs", "/srv/bound", "/srv/same"} {
		if !errors.Is(failed[p], hosts.ErrMountPoint) {
			t.Errorf("walk %s: %v", p, failed[p])
		}
		if !table.has(p, nil) {
			t.Errorf("%s is not in mountinfo's table", p)
		}
		for _, n := range []hosts.Node{fileNode(""), {Type: hosts.Dir, Mode: 0o755, Owner: "root", Group: "root"}} {
			if err := h.Put(ctx, p, n, nil); !errors.Is(err, hosts.ErrMountPoint) {
				t.Errorf("put %s: %v", p, err)
			}
		}
		if err := h.Remove(ctx, p); !errors.Is(err, hosts.ErrMountPoint) {
			t.Errorf("remove %s: %v", p, err)
		}
	}
	if len(failed) != 3 {
		t.Errorf("failed: %v", failed)
	}
	// Itself a mount point, a root is walked.
	if got, _ := walk(t, h, "/srv/same", func(string) error { return nil }); len(got) < 3 {
		t.Errorf("of a mount point: %q", got)
	}
	noTemps(t, root)
}

func BenchmarkWalk(b *testing.B) {
	root := b.TempDir()
	const dirs, files = 100, 100
	for d := range dirs {
		dir := filepath.Join(root, fmt.Sprint(d))
		if err := os.Mkdir(dir, 0o700); err != nil {
			b.Fatal(err)
		}
		for f := range files {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(f)), nil, 0o600); err != nil {
				b.Fatal(err)
			}
		}
	}
	h, err := New(Options{Root: root})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	for b.Loop() {
		if err := h.Walk(context.Background(), "/", func(string, hosts.Node) error { return nil }, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/(dirs*files), "us/path")
}

func BenchmarkStat(b *testing.B) {
	h, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	for b.Loop() {
		if _, err := h.Stat("/etc/passwd"); err != nil {
			b.Fatal(err)
		}
	}
}

// A place where fstab wants a mount and there is none is not seen as empty.
func TestWalkAndMissingMounts(t *testing.T) {
	needRoot(t)
	h, root := newHost(t)
	write(t, root, "etc/fstab", `# <file system> <mount point> <type> <options>
UUID=1  /            xfs   defaults  0 0
UUID=2  none         swap  sw        0 0
UUID=3  /srv/photos/ ext4  nofail    0 2
UUID=4  /srv/a\040b  ext4  nofail    0 2
UUID=5  /srv/by-hand ext4  noauto,ro 0 2
host:/x /data        nfs   _netdev
short /srv/short
`)
	for _, name := range []string{"srv/photos/hidden", "srv/a b/hidden", "srv/by-hand/x", "srv/short/x", "srv/x", "data/deep/hidden"} {
		write(t, root, name, "x")
	}
	all := func(string) error { return nil }
	got, failed := walk(t, h, "/srv", all)
	if want := []string{"/srv", "/srv/by-hand", "/srv/by-hand/x", "/srv/short", "/srv/short/x", "/srv/x"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, p := range []string{"/srv/photos", "/srv/a b"} {
		if !errors.Is(failed[p], hosts.ErrNotMounted) {
			t.Errorf("%s: %v", p, failed[p])
		}
	}
	for _, p := range []string{"/data", "/data/deep", "/srv/photos"} {
		if got, failed := walk(t, h, p, all); len(got) > 0 || !errors.Is(failed[p], hosts.ErrNotMounted) {
			t.Errorf("walk %s: %q, %v", p, got, failed)
		}
	}
	mount(t, "tmpfs", filepath.Join(root, "data"), "tmpfs", 0, "")
	write(t, root, "data/deep/seen", "x")
	if got, failed := walk(t, h, "/data/deep", all); !slices.Equal(got, []string{"/data/deep", "/data/deep/seen"}) || len(failed) > 0 {
		t.Errorf("mounted: %q, %v", got, failed)
	}
}
