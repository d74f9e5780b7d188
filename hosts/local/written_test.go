package local

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// spooled is a content in a file of a directory that nobody else enters.
type spooled struct{ *os.File }

func (s spooled) FD() int { return int(s.Fd()) }

func (s spooled) MoveTo(dir int, name string) error {
	return unix.Linkat(unix.AT_FDCWD, s.Name(), dir, name, 0)
}

// A large file that was just written is not read again, and one that was written
// to since is.
func TestWrittenIsKnown(t *testing.T) {
	h, root := newSELinuxHost(t)
	const size = 16 << 20
	for _, mode := range []uint32{0o644, 0o664} {
		data := make([]byte, size)
		data[0] = byte(mode)
		c := hosts.Content{Size: size, ID: hosts.ID(sha256.Sum256(data))}
		from := filepath.Join(root, "tmp/spooled")
		write(t, root, "tmp/spooled", string(data))
		f, err := os.Open(from)
		if err != nil {
			t.Fatal(err)
		}
		n := fileNode("")
		n.Mode, n.Content = mode, c
		if err := h.Put(context.Background(), "/etc/moved", n, struct {
			io.ReadCloser
			hosts.Movable
		}{f, spooled{f}}); err != nil {
			t.Fatal(err)
		}
		timed := finelyTimed(int(f.Fd())) // tests may run on another file system
		f.Close()
		os.Remove(from)
		got, reads := digestReads(t, h, "/etc/moved")
		if got != c {
			t.Errorf("mode %o: %v, want %v", mode, got, c)
		}
		// What its group may write is none that is known.
		if known := reads < size; known != (mode == 0o644 && timed) {
			t.Errorf("mode %o: %d bytes were read", mode, reads)
		}
		to, err := os.OpenFile(filepath.Join(root, "etc/moved"), os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := to.WriteAt([]byte{1}, size/2); err != nil {
			t.Fatal(err)
		}
		to.Close()
		data[size/2] = 1
		if got, _ := digestReads(t, h, "/etc/moved"); got.ID != hosts.ID(sha256.Sum256(data)) {
			t.Errorf("mode %o: a write since then was not seen", mode)
		}
	}
}

// digestReads gives a file's digest, and how many bytes this process read for it.
func digestReads(t *testing.T, h *Host, p string) (hosts.Content, int64) {
	t.Helper()
	before := bytesRead(t)
	c, err := h.Digest(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	return c, bytesRead(t) - before
}

// bytesRead is how many bytes this process has read, of files and all else.
func bytesRead(t *testing.T) int64 {
	t.Helper()
	b, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Fatal(err)
	}
	var n int64
	if _, err := fmt.Sscanf(string(b), "rchar: %d", &n); err != nil {
		t.Fatal(err)
	}
	return n
}
