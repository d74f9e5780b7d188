package local

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// movable is a content in a file of its own.
type movable struct {
	io.Reader
	path  string
	moved bool
}

func (m *movable) FD() int { return -1 } // none so small is asked

func (m *movable) MoveTo(dir int, name string) error {
	err := unix.Linkat(unix.AT_FDCWD, m.path, dir, name, 0)
	m.moved = err == nil
	return err
}

// A content's own file becomes the file, with all that the node says; where it
// cannot be, its bytes are copied.
func TestMovableContent(t *testing.T) {
	h, root := newSELinuxHost(t)
	ctx := context.Background()
	write(t, root, "tmp/spooled", "moved")
	for p, from := range map[string]string{"/etc/moved": "tmp/spooled", "/etc/copied": "tmp/gone", "/etc/free": "tmp/spooled"} {
		n := fileNode("moved")
		n.Owner, n.Mode = "alice", 0o640
		f := &movable{Reader: strings.NewReader("moved"), path: filepath.Join(root, from)}
		if err := h.Put(ctx, p, n, f); err != nil {
			t.Fatal(err)
		}
		got, err := h.Stat(p)
		n.Content.ID = hosts.ID{}
		if err != nil || !got.Equal(&n) || read(t, h, p) != "moved" {
			t.Errorf("%s: %+v, %v", p, got, err)
		}
		// Where the policy says nothing the label is that of the directory.
		if want := p == "/etc/moved"; f.moved != want {
			t.Errorf("%s: moved %v", p, f.moved)
		}
	}
	if got, err := h.Labels(ctx, []string{"/etc/moved"}); err != nil || len(got) != 0 {
		t.Errorf("labels %v, %v", got, err)
	}
	write(t, root, "tmp/short", "mov")
	err := h.Put(ctx, "/etc/short", fileNode("moved"), &movable{Reader: strings.NewReader("mov"), path: filepath.Join(root, "tmp/short")})
	if !errors.Is(err, errContent) {
		t.Errorf("a file of another size: %v", err)
	}
	noTemps(t, root)
}
