package local

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLink(t *testing.T) {
	needRoot(t)
	h, root := newHost(t)
	ctx := context.Background()
	put(t, h, "/etc/one", fileNode("old"), "old")
	if err := h.Link(ctx, "/etc/one", "/run/kept"); err != nil {
		t.Fatal(err)
	}
	if _, ok := h.staging.dirs["/run"]; !ok {
		t.Error("the new name is not to be synced")
	}
	put(t, h, "/etc/one", fileNode("new"), "new")
	if got := read(t, h, "/run/kept") + read(t, h, "/etc/one"); got != "oldnew" {
		t.Errorf("after a rename over the first name: %q", got)
	}
	// Nothing is made of what is no file, from a link, or over what is there.
	if err := os.Symlink("one", filepath.Join(root, "etc/link")); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(root, "etc/fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{{"/etc", "/run/dir"}, {"/etc/link", "/run/link"}, {"/etc/fifo", "/run/fifo"}, {"/etc/gone", "/run/gone"}} {
		if err := h.Link(ctx, c[0], c[1]); err == nil {
			t.Errorf("%s was linked", c[0])
		}
		if _, err := h.Stat(c[1]); err == nil {
			t.Errorf("%s is there", c[1])
		}
	}
	if err := h.Link(ctx, "/etc/one", "/run/kept"); err == nil || read(t, h, "/run/kept") != "old" {
		t.Errorf("over what is there: %v", err)
	}
}
