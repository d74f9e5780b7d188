package local

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// Files of an overlay whose parts lie on two file systems have another device than
// its directories (the kernel's overlayfs.rst, "Inode properties"): they are no
// mount points, and a file that something is mounted on is.
func TestTreeOnOverlay(t *testing.T) {
	needRoot(t)
	h, root := newHost(t)
	lower, upper := filepath.Join(root, "lower"), filepath.Join(root, "upper")
	write(t, root, "lower/x", "x")
	write(t, root, "upper/x", "x")
	mount(t, "tmpfs", lower, "tmpfs", 0, "")
	mount(t, "tmpfs", upper, "tmpfs", 0, "")
	write(t, root, "lower/dir/old", "old")
	write(t, root, "lower/dir/bound", "below")
	write(t, root, "upper/up/dir/new", "new")
	write(t, root, "upper/work/x", "")
	write(t, root, "srv/x", "")
	mount(t, "overlay", filepath.Join(root, "srv"), "overlay", 0, "lowerdir="+lower+",upperdir="+upper+"/up,workdir="+upper+"/work,xino=off")
	mount(t, filepath.Join(root, "etc/passwd"), filepath.Join(root, "srv/dir/bound"), "", unix.MS_BIND, "")
	tree, err := h.OpenTree("/srv", hosts.TreeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for rel, want := range map[string]string{"dir/old": "old", "dir/new": "new"} {
		got := ""
		err := tree.Read(context.Background(), rel, make([]byte, 100), func(hosts.TreeEntry) error { return nil },
			func(b []byte) error { got += string(b); return nil }, func(int64) error { return nil })
		if err != nil || got != want {
			t.Errorf("%s: %q, %v", rel, got, err)
		}
	}
	err = tree.Read(context.Background(), "dir/bound", make([]byte, 100), func(hosts.TreeEntry) error { return nil }, func([]byte) error { return nil }, func(int64) error { return nil })
	if !errors.Is(err, hosts.ErrMountPoint) {
		t.Errorf("a file that is mounted on: %v", err)
	}
}

// A tree that is written is locked, by its name and not by who is asked for it, and
// one that is read is in nobody's way.
func TestTreeLock(t *testing.T) {
	h, root := newHost(t)
	write(t, root, "srv/a/x", "x")
	write(t, root, "srv/b/x", "x")
	other, err := New(Options{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	open := func(h *Host, path string, o hosts.TreeOptions) hosts.Tree {
		t.Helper()
		tree, err := h.OpenTree(path, o)
		if err != nil {
			t.Fatal(err)
		}
		return tree
	}
	writes := hosts.TreeOptions{Write: true, Holder: "anna@laptop\x1b[31m"}
	first := open(h, "/srv/a", writes)
	for _, h := range []*Host{h, other} {
		if _, err := h.OpenTree("/srv/a", writes); !errors.Is(err, hosts.ErrTreeLocked) || !strings.Contains(err.Error(), "anna@laptop[31m") || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("a second one: %v", err)
		}
	}
	_ = open(other, "/srv/a", hosts.TreeOptions{}).Close()
	_ = open(other, "/srv/b", writes).Close()
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	_ = open(other, "/srv/a", writes).Close()
}

// A file with more attributes than are carried cannot be read.
func TestManyAttributes(t *testing.T) {
	n := hosts.Node{}
	for i := range 17 {
		if err := addXattr(&n, fmt.Sprint("user.", i), make([]byte, 1<<16)); (err != nil) != (i == 16) {
			t.Errorf("%d: %v", i, err)
		}
	}
}
