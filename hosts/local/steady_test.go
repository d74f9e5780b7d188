package local

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"hikae/hosts"
)

func TestSteady(t *testing.T) {
	h, root := newHost(t)
	for _, name := range []string{"same", "before", "meanwhile", "gone"} {
		write(t, root, name, "text")
	}
	if _, ok := h.Steady("/same"); ok {
		t.Error("of a file that was just written it is told")
	}
	if _, ok := h.Steady("/none"); ok {
		t.Error("of a file that is not there it is told")
	}
	steadily := func(name string) func() (io.ReadCloser, error) {
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			if open, ok := h.Steady(name); ok {
				return open
			}
			if time.Now().After(end) {
				t.Fatalf("%s is never settled", name)
			}
		}
	}
	rewrite := func(name string) {
		if err := os.WriteFile(filepath.Join(root, name), []byte("TEXT"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	readAll := func(open func() (io.ReadCloser, error), amid func()) (string, error) {
		r, err := open()
		if err != nil {
			return "", err
		}
		defer r.Close()
		amid()
		b, err := io.ReadAll(r)
		return string(b), err
	}
	same, before, meanwhile, gone := steadily("/same"), steadily("/before"), steadily("/meanwhile"), steadily("/gone")
	if text, err := readAll(same, func() {}); err != nil || text != "text" {
		t.Errorf("the same: %q, %v", text, err)
	}
	rewrite("before")
	if _, err := readAll(before, func() {}); !errors.Is(err, hosts.ErrWritten) {
		t.Errorf("written before it is read: %v", err)
	}
	if _, err := readAll(meanwhile, func() { rewrite("meanwhile") }); !errors.Is(err, hosts.ErrWritten) {
		t.Errorf("written while it is read: %v", err)
	}
	if err := os.Remove(filepath.Join(root, "gone")); err != nil {
		t.Fatal(err)
	}
	if _, err := readAll(gone, func() {}); err == nil {
		t.Error("one that is gone is read")
	}
}
