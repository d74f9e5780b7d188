package blob_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"hikae/states/blob"
	"hikae/states/blob/blobtest"
)

func TestDir(t *testing.T) {
	blobtest.Run(t, func(tb testing.TB) blob.Store {
		d, err := blob.OpenDir(tb.TempDir())
		if err != nil {
			tb.Fatal(err)
		}
		return d
	})
}

// A blob that is named when it has been read is there whole, or not at all.
func TestPutNew(t *testing.T) {
	root := t.TempDir()
	d, err := blob.OpenDir(root)
	if err != nil {
		t.Fatal(err)
	}
	name, ended := strings.Repeat("ab", 32), false
	text := io.MultiReader(strings.NewReader("text"), readerFunc(func([]byte) (int, error) { ended = true; return 0, io.EOF }))
	err = d.PutNew(t.Context(), text, func() string {
		if !ended {
			t.Error("its name is asked for before its end")
		}
		return name
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.Get(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if b, err := io.ReadAll(r); err != nil || string(b) != "text" {
		t.Errorf("got %q, %v", b, err)
	}
	broken := errors.New("broken")
	if err := d.PutNew(t.Context(), io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken)), func() string { return strings.Repeat("cd", 32) }); !errors.Is(err, broken) {
		t.Errorf("half a blob: %v", err)
	}
	if err := d.PutNew(t.Context(), strings.NewReader("x"), func() string { return "../x" }); err == nil {
		t.Error("any name is taken")
	}
	var left []string
	if err := filepath.WalkDir(root, func(p string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			left = append(left, p)
		}
		return err
	}); err != nil || len(left) != 1 {
		t.Errorf("there are %v, %v", left, err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
