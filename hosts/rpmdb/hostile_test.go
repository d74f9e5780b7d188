package rpmdb_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"hikae/hosts/rpmdb"
	"hikae/hosts/rpmdb/rpmdbtest"
)

// smallBDB is a Packages file with a few packages.
func smallBDB(t testing.TB) []byte {
	t.Helper()
	return rpmdbtestFile(t, rpmdbtest.BDB{PageSize: 512}, rpmdbtest.EL8(3, 6, 60))
}

func rpmdbtestFile(t testing.TB, layout rpmdbtest.BDB, pkgs []*rpmdbtest.Package) []byte {
	t.Helper()
	dir := t.TempDir()
	if err := rpmdbtest.WriteDir(dir, layout, rpmdbtest.Headers(pkgs)); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "Packages"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestUnreadableFiles(t *testing.T) {
	bdb := smallBDB(t)
	changed := func(off int, b ...byte) []byte {
		c := append([]byte(nil), bdb...)
		copy(c[off:], b)
		return c
	}
	sqlite := append([]byte("SQLite format 3\x00\x10\x00\x02\x02\x00\x40\x20\x20"), make([]byte, 5000)...)
	for _, c := range []struct{ file, content, want string }{
		{"Packages", "", "the file is cut off at byte 0"},
		{"Packages", strings.Repeat("garbage ", 1000), "not a Berkeley DB hash file"},
		{"Packages", string(bdb[:400]), "the file is cut off at byte 400"},
		{"Packages", string(bdb[:2000]), "the file is cut off: page"},
		{"Packages", string(changed(24, 1)), "the file is encrypted"},
		{"Packages", string(changed(26, 1)), "page checksums"},
		{"Packages", string(changed(12, 0x62, 0x31, 5, 0)), "b-tree"},
		{"Packages", string(changed(16, 99)), "version 99"},
		{"Packages", string(changed(20, 0, 0, 0, 0)), "page size of 0"},
		{"Packages", string(changed(72, 0xff, 0xff, 0xff, 0xff)), "bucket 4294967295 is the last"},
		{"rpmdb.sqlite", "", "the file is cut off at byte 0"},
		{"rpmdb.sqlite", strings.Repeat("garbage ", 1000), "not a sqlite database, or encrypted"},
		{"rpmdb.sqlite", string(sqlite), "type 0, where a table's page is due"},
		{"rpmdb.sqlite", string(sqlite[:500]), "there is no page 1"},
	} {
		db, err := rpmdb.OpenDir(fstest.MapFS{c.file: {Data: []byte(c.content)}}, ".")
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = db.Load(context.Background())
		if err == nil || !strings.HasPrefix(err.Error(), "cannot read /"+c.file+": ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q; want: cannot read /%s: … %s", err, c.file, c.want)
		}
	}
}

func TestOpenFindsThePlace(t *testing.T) {
	file := &fstest.MapFile{Data: smallBDB(t)}
	for _, c := range []struct {
		files fstest.MapFS
		want  string
		kind  rpmdb.Kind
	}{
		{fstest.MapFS{"var/lib/rpm/Packages": file}, "/var/lib/rpm/Packages", rpmdb.BerkeleyDB},
		{fstest.MapFS{"usr/lib/sysimage/rpm/Packages": file}, "/usr/lib/sysimage/rpm/Packages", rpmdb.BerkeleyDB},
		{fstest.MapFS{"var/lib/rpm/Packages": file, "var/lib/rpm/rpmdb.sqlite": file}, "/var/lib/rpm/rpmdb.sqlite", rpmdb.SQLite},
		{fstest.MapFS{"usr/lib/sysimage/rpm/rpmdb.sqlite": file}, "/usr/lib/sysimage/rpm/rpmdb.sqlite", rpmdb.SQLite},
	} {
		db, err := rpmdb.Open(c.files)
		if err != nil || db.Path() != c.want || db.Kind() != c.kind {
			t.Errorf("%v, %v; want %s", db, err, c.want)
		}
	}
	if _, err := rpmdb.Open(fstest.MapFS{}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "/var/lib/rpm") {
		t.Errorf("%v", err)
	}
}

// A pipe in the database's place is not waited on, and a half-done rollback is not read past.
func TestNotAFileToRead(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "Packages"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := openDir(t, dir).Load(context.Background()); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("%v", err)
	}

	dir = t.TempDir()
	copyDir(t, realDatabase(t, "rockylinux-9"), dir)
	journal := filepath.Join(dir, "rpmdb.sqlite-journal")
	if err := os.WriteFile(journal, make([]byte, 512), 0o600); err != nil { // spent, as PERSIST leaves it
		t.Fatal(err)
	}
	load(t, dir)
	if err := os.WriteFile(journal, append([]byte("\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"), make([]byte, 512)...), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := openDir(t, dir).Load(context.Background()); err == nil || !strings.Contains(err.Error(), "half done") {
		t.Errorf("%v", err)
	}
}

// Bytes of a small database are damaged in turn. What comes of it is not said, but that it ends, in little memory.
func TestBytesDamaged(t *testing.T) {
	bdb := smallBDB(t)
	for off := 0; off < len(bdb); off += 13 { // of each field, some byte somewhere
		for _, v := range []byte{0, 0xff, bdb[off] ^ 1} {
			c := append([]byte(nil), bdb...)
			c[off] = v
			if pkgs, err := rpmdb.ReadBDB(c); err == nil {
				readAll(pkgs)
			}
		}
	}
}

// rpm leaves a header out that does not fit its digest; here it is an error, since what is missing might be removed elsewhere.
func TestDigestDoesNotFit(t *testing.T) {
	p := rpmdbtest.EL8(3, 6, 60)[0]
	good := p.Header()
	bad := bytes.Replace(good, []byte(p.Files[0].User+"\x00"), []byte("r00t\x00"), 1)
	if len(bad) != len(good) || bytes.Equal(bad, good) {
		t.Fatal("nothing was damaged")
	}
	dir := t.TempDir()
	if err := rpmdbtest.WriteDir(dir, rpmdbtest.BDB{}, [][]byte{good}); err != nil {
		t.Fatal(err)
	}
	if n := len(load(t, dir)); n != 1 {
		t.Errorf("%d packages", n)
	}
	err := rpmdbtest.WriteDir(dir, rpmdbtest.BDB{}, [][]byte{good, bad})
	if err == nil || !strings.Contains(err.Error(), "record 2: the header does not fit its digest") {
		t.Errorf("%v", err)
	}

	// As long as the stamp is the one that all was checked under, it is not checked again.
	db := openDir(t, dir)
	stamp, err := db.Stamp()
	if err != nil {
		t.Fatal(err)
	}
	db.Checked(stamp)
	if pkgs, _, err := db.Load(t.Context()); err != nil || len(pkgs) != 2 {
		t.Errorf("under the same stamp: %d packages, %v", len(pkgs), err)
	}
	if err := os.Chmod(filepath.Join(dir, db.Path()), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := db.Load(t.Context()); err == nil {
		t.Error("under another stamp it is not checked")
	}
}

// readAll asks for all that a package can decode.
func readAll(pkgs []*rpmdb.Package) {
	for _, p := range pkgs {
		_ = p.NEVRA()
		_, _ = p.Paths()
		_, _ = p.Files()
		_, _ = p.KeyText()
		for kind := rpmdb.Requires; kind <= rpmdb.Recommends; kind++ {
			_, _ = p.Deps(kind)
		}
	}
}

// Small files that ask for much: lengths that are lies, and one chain of pages that many items name.
func TestLittleMemory(t *testing.T) {
	bdb := smallBDB(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for off := 512; off+12 < len(bdb); off++ {
		if bdb[off] == 3 && bdb[off+1] == 0 { // perhaps a reference: the most it can claim
			c := append([]byte(nil), bdb...)
			binary.LittleEndian.PutUint32(c[off+8:], 0x7fffffff)
			if pkgs, err := rpmdb.ReadBDB(c); err == nil {
				readAll(pkgs)
			}
		}
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<30 {
		t.Errorf("%d bytes were allocated", got)
	}

	// One long directory for very many files.
	var h rpmdbtest.Header
	h.String(1000, "bomb")
	h.String(1001, "1")
	h.String(1002, "1")
	const n = 500000
	h.Strings(1117, make([]string, n))
	h.Strings(1118, []string{strings.Repeat("x", 100000)})
	h.Uint32s(1116, make([]uint32, n)...)
	p, err := rpmdb.ParsePackage(string(h.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Files(); err == nil || !strings.Contains(err.Error(), "bytes of paths") {
		t.Errorf("%v", err)
	}
}

// Names may hold any bytes but NUL. rpmbuild refuses these today, but old packages have them.
func TestOddNamesLikeRPM(t *testing.T) {
	needTool(t, "rpm", "rpm")
	p := &rpmdbtest.Package{Name: "odd", Version: "1", Release: "1", Arch: "noarch", Summary: "Odd names", InstallTime: 1}
	for _, name := range []string{"/a b", "/a\nb", "/b\xff\xfe", "/it's", "/tab\tbed", "/é"} {
		p.Files = append(p.Files, rpmdb.File{Path: "/odd" + name, Mode: 0o100644, User: "root", Group: "root", State: rpmdb.StateReplaced})
	}
	p.Files[0].State = rpmdb.StateNetShared
	p.Files[1].Caps = "cap_net_raw=p"
	dir := t.TempDir()
	if err := rpmdbtest.WriteDir(dir, rpmdbtest.BDB{}, rpmdbtest.Headers([]*rpmdbtest.Package{p})); err != nil {
		t.Fatal(err)
	}
	likeRPM(t, rpmdb.BerkeleyDB, dir)
}

// Sizes of 4 GiB and more stand in tags of their own.
func TestLongSizes(t *testing.T) {
	var h rpmdbtest.Header
	h.String(1000, "large")
	h.String(1001, "1")
	h.String(1002, "1")
	h.Uint64s(5009, 1<<40)
	h.Uint64s(5008, 1<<39, 5)
	h.Strings(1117, []string{"a", "b"})
	h.Strings(1118, []string{"/"})
	h.Uint32s(1116, 0, 0)
	p, err := rpmdb.ParsePackage(string(h.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	files, err := p.Files()
	if err != nil || p.Size != 1<<40 || files[0].Size != 1<<39 || files[1].Size != 5 || files[0].State != rpmdb.StateMissing {
		t.Errorf("%d, %+v, %v", p.Size, files, err)
	}
}
