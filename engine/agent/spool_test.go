package agent

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// A spooled content becomes the file that it is for, once: whoever else needs
// it reads it.
func TestSpooledIsMovedOnce(t *testing.T) {
	r := newRig(t)
	sp, err := openSpool(r.server.Spool)
	if err != nil {
		t.Fatal(err)
	}
	c := newBlobs(t).add("bytes")
	if err := sp.put(c, strings.NewReader("bytes")); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	d, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(d)
	for i, name := range []string{"one", "two"} {
		f, err := sp.open(c.ID)
		if err != nil {
			t.Fatal(err)
		}
		err = f.(hosts.Movable).MoveTo(d, name)
		if moved := err == nil; moved != (i == 0) {
			t.Errorf("%s: %v", name, err)
		}
		if b, err := io.ReadAll(f); err != nil || string(b) != "bytes" {
			t.Errorf("%s: read %q, %v", name, b, err)
		}
		f.Close()
	}
	if err := sp.close(); err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Stat(filepath.Join(dir, "one"), &st); err != nil || st.Nlink != 1 || st.Mode&0o777 != 0o600 {
		t.Errorf("%d names, mode %o, %v", st.Nlink, st.Mode&0o777, err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "one")); err != nil || string(b) != "bytes" {
		t.Errorf("%q, %v", b, err)
	}
}
