package rpmdb_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"hikae/hosts/rpmdb"
	"hikae/hosts/rpmdb/rpmdbtest"
)

// A busyFS calls hook before each read at an offset, with a running number.
type busyFS struct {
	fs.FS
	reads int
	hook  func(read int)
}

func (b *busyFS) Open(name string) (fs.File, error) {
	f, err := b.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return busyFile{f.(*os.File), b}, nil
}

type busyFile struct {
	*os.File
	fs *busyFS
}

func (f busyFile) ReadAt(p []byte, off int64) (int, error) {
	f.fs.reads++
	f.fs.hook(f.fs.reads)
	return f.File.ReadAt(p, off)
}

func openBusy(t *testing.T, dir string, hook func(read int)) (*rpmdb.DB, *busyFS) {
	t.Helper()
	b := &busyFS{FS: os.DirFS(dir), hook: hook}
	db, err := rpmdb.OpenDir(b, ".")
	if err != nil {
		t.Fatal(err)
	}
	return db, b
}

// A transaction in the middle of a read, wherever it falls, is seen whole: the read is done again.
func TestTransactionDuringRead(t *testing.T) {
	dir := t.TempDir()
	copyDir(t, realDatabase(t, "rockylinux-9"), dir)
	o := startOther(t, dir)
	o.do("mode WAL")
	o.do("checkpoint TRUNCATE")
	all := len(load(t, dir))
	db, b := openBusy(t, dir, func(int) {})
	if _, _, err := db.Load(context.Background()); err != nil {
		t.Fatal(err)
	}
	want := all
	for at := 1; at <= b.reads; at += max(b.reads/7, 1) {
		for _, step := range []struct {
			change, checkpoint string
		}{{"copy", "checkpoint PASSIVE"}, {"delete 2", "checkpoint TRUNCATE"}} {
			db, _ := openBusy(t, dir, func(read int) {
				if read == at {
					o.do(step.change)
					o.do(step.checkpoint)
				}
			})
			pkgs, _, err := db.Load(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if want = len(load(t, dir)); len(pkgs) != want {
				t.Errorf("%s at read %d: %d packages, want %d", step.change, at, len(pkgs), want)
			}
		}
	}
	if want == all {
		t.Error("nothing changed")
	}
}

func TestBDBWrittenDuringRead(t *testing.T) {
	dir := t.TempDir()
	write := func(seed uint64, packages int) {
		headers := rpmdbtest.Headers(rpmdbtest.EL8(seed, packages, 3000))
		if err := rpmdbtest.WriteDir(dir, rpmdbtest.BDB{}, headers); err != nil {
			t.Fatal(err)
		}
	}
	write(1, 60)
	whole, b := openBusy(t, dir, func(int) {})
	if _, _, err := whole.Load(context.Background()); err != nil {
		t.Fatal(err)
	}
	for at := 1; at <= b.reads; at += max(b.reads/5, 1) {
		write(1, 60)
		db, _ := openBusy(t, dir, func(read int) {
			if read == at {
				write(2, 50)
			}
		})
		pkgs, _, err := db.Load(context.Background())
		if err != nil || len(pkgs) != 50 {
			t.Errorf("written at read %d: %d packages, %v; want 50", at, len(pkgs), err)
		}
	}
}

func TestAlwaysMoving(t *testing.T) {
	dir := t.TempDir()
	if err := rpmdbtest.WriteDir(dir, rpmdbtest.BDB{}, rpmdbtest.Headers(rpmdbtest.EL8(1, 10, 100))); err != nil {
		t.Fatal(err)
	}
	grow := func(int) {
		f, err := os.OpenFile(filepath.Join(dir, "Packages"), os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.Write(make([]byte, 4096)); err != nil {
			t.Fatal(err)
		}
	}
	db, _ := openBusy(t, dir, grow)
	if _, _, err := db.Load(context.Background()); !errors.Is(err, rpmdb.ErrChanging) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	db, _ = openBusy(t, dir, func(int) { cancel() })
	if _, _, err := db.Load(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
