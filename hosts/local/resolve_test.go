package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

func symlink(t *testing.T, root, target, name string) {
	t.Helper()
	if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
		t.Fatal(err)
	}
}

// links lays out every sort of link that a path may meet.
func links(t *testing.T, root string) {
	t.Helper()
	write(t, root, "usr/bin/tool", "tool")
	write(t, root, "etc/rc.d/init.d/script", "script")
	symlink(t, root, "usr/bin", "bin")
	symlink(t, root, "rc.d/init.d", "etc/init.d")
	symlink(t, root, "/usr/../bin", "etc/round")
	symlink(t, root, "../../../../../../../../usr/bin", "etc/above")
	symlink(t, root, "loop", "etc/loop")
	symlink(t, root, "/etc/passwd", "etc/tofile")
	symlink(t, root, "/nowhere", "etc/dangling")
	write(t, root, "home/alice/own/secret", "alice's")
	if err := os.Symlink("/etc", filepath.Join(root, "home/alice/evil")); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"home/alice", "home/alice/own", "home/alice/evil"} {
		if err := os.Lchown(filepath.Join(root, p), 1000, 1000); err != nil {
			t.Fatal(err)
		}
	}
	// Root's own links, but where others could have moved them.
	symlink(t, root, "/etc", "home/alice/roots")
	if err := os.Chmod(filepath.Join(root, "tmp"), 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	symlink(t, root, "/etc", "tmp/roots")
}

func TestWhichLinksAreFollowed(t *testing.T) {
	needRoot(t)
	h, root := newHost(t)
	links(t, root)
	for p, want := range map[string]error{
		"/bin/tool":               nil,
		"/etc/init.d/script":      nil,
		"/etc/round/tool":         nil,
		"/etc/above/tool":         nil, // the root is above itself
		"/home/alice/own/secret":  nil,
		"/etc/loop/x":             unix.ELOOP,
		"/etc/tofile/x":           fs.ErrNotExist,
		"/etc/dangling/x":         fs.ErrNotExist,
		"/home/alice/evil/passwd": hosts.ErrLink,
		"/home/alice/roots/group": hosts.ErrLink,
		"/tmp/roots/passwd":       hosts.ErrLink,
		"/etc/tofile":             errNotRegular, // the last part is never followed
		"/etc/none":               fs.ErrNotExist,
	} {
		f, err := h.Open(p)
		if !errors.Is(err, want) {
			t.Errorf("open %s: %v, want %v", p, err, want)
		}
		if err == nil {
			f.Close()
		}
		if want == nil || !errors.Is(want, hosts.ErrLink) {
			continue
		}
		ctx := context.Background()
		_, statErr := h.Stat(p)
		_, digestErr := h.Digest(ctx, p)
		_, stageErr := h.Stage(ctx, p, fileNode("x"), strings.NewReader("x"))
		_, listErr := h.ReadDir(p)
		for what, err := range map[string]error{
			"stat": statErr, "digest": digestErr, "stage": stageErr, "readdir": listErr,
			"put":    h.Put(ctx, p, fileNode("x"), strings.NewReader("x")),
			"remove": h.Remove(ctx, p),
			"walk":   h.Walk(ctx, p, func(string, hosts.Node) error { return nil }, nil),
		} {
			if !errors.Is(err, want) {
				t.Errorf("%s %s: %v, want %v", what, p, err, want)
			}
		}
	}
}

func TestBadPaths(t *testing.T) {
	h, _ := newHost(t)
	for _, p := range []string{"", "etc/passwd", "/etc/../passwd", "/etc//passwd", "/etc/", "/etc/./x", "/etc/x\x00y", "../etc"} {
		if _, err := h.Stat(p); err == nil {
			t.Errorf("stat %q: no error", p)
		}
		if err := h.Put(context.Background(), p, fileNode(""), nil); err == nil {
			t.Errorf("put %q: no error", p)
		}
	}
	if _, err := h.Stat("/" + strings.Repeat("n", 256)); !errors.Is(err, unix.ENAMETOOLONG) {
		t.Errorf("a name of 256 bytes: %v", err)
	}
	if n, err := h.Stat("/"); err != nil || n.Type != hosts.Dir {
		t.Errorf("the root: %+v, %v", n, err)
	}
}

// TestSlowWalkAgrees holds the walk for kernels without openat2 to the fast way.
func TestSlowWalkAgrees(t *testing.T) {
	needRoot(t)
	h, root := newHost(t)
	links(t, root)
	for _, p := range []string{".", "etc", "bin", "etc/init.d", "etc/round", "etc/none", "etc/passwd/x", "home/alice/own", "home/alice/evil", "etc/loop"} {
		fast, fastErr := h.openDir("/" + p)
		slow, slowErr := h.walkDir(p, func(dirFD, string) {})
		if (fastErr == nil) != (slowErr == nil) {
			t.Errorf("%s: %v, %v", p, fastErr, slowErr)
			continue
		}
		if fastErr != nil {
			continue
		}
		var a, b unix.Stat_t
		if err := errors.Join(unix.Fstat(int(fast), &a), unix.Fstat(int(slow), &b)); err != nil || a.Ino != b.Ino {
			t.Errorf("%s: %d, %d, %v", p, a.Ino, b.Ino, err)
		}
		fast.Close()
		slow.Close()
	}
}

// TestSwappedLink has somebody exchange a directory with a link to /etc as fast
// as he can, while files are written below: none may come out in /etc.
func TestSwappedLink(t *testing.T) {
	needRoot(t)
	h, root := newHost(t)
	home := filepath.Join(root, "home/alice")
	for _, dir := range []string{home, filepath.Join(home, "d")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	symlink(t, root, "/etc", "home/alice/l")
	for _, p := range []string{home, filepath.Join(home, "d"), filepath.Join(home, "l")} {
		if err := os.Lchown(p, 1000, 1000); err != nil {
			t.Fatal(err)
		}
	}
	var stop atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !stop.Load() {
			_ = unix.Renameat2(unix.AT_FDCWD, filepath.Join(home, "d"), unix.AT_FDCWD, filepath.Join(home, "l"), unix.RENAME_EXCHANGE)
		}
	}()
	wrote, refused := 0, 0
	for range 300 {
		if err := h.Put(context.Background(), "/home/alice/d/pwned", fileNode("x"), strings.NewReader("x")); err == nil {
			wrote++
		} else {
			refused++
		}
		_ = h.Remove(context.Background(), "/home/alice/d/passwd")
	}
	stop.Store(true)
	<-done
	t.Logf("%d written, %d refused", wrote, refused)
	if _, err := os.Lstat(filepath.Join(root, "etc/pwned")); err == nil {
		t.Error("a file was written through the link")
	}
	if _, err := os.Lstat(filepath.Join(root, "etc/passwd")); err != nil {
		t.Error("a file was removed through the link")
	}
}

func FuzzPath(f *testing.F) {
	root := f.TempDir()
	h, err := New(Options{Root: root})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { h.Close() })
	for _, p := range []string{"/etc/passwd", "/../etc/passwd", "/proc/self/root/etc", "/a\x00", "//"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if n, err := h.Stat(p); err == nil && p != "/" {
			t.Fatalf("%q is %+v, in an empty root", p, n)
		}
		_ = h.Remove(context.Background(), p)
	})
}
