package rpmdb_test

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
	"time"

	"hikae/hosts/hosttest"
	"hikae/hosts/rpmdb"
	"hikae/hosts/rpmdb/rpmdbtest"
)

func FuzzHeader(f *testing.F) {
	for _, p := range rpmdbtest.EL8(3, 6, 60) {
		p.Changelog = nil
		f.Add(p.Header())
	}
	f.Fuzz(func(t *testing.T, blob []byte) {
		bounded(t, len(blob), func() {
			if p, err := rpmdb.ParsePackage(string(blob)); err == nil {
				readAll([]*rpmdb.Package{p})
			}
		})
	})
}

// bounded holds the reading of n bytes to what it may cost. A header's paths
// may be 16 times its bytes and more (one directory, many files), and each is
// asked for twice; rpmdb bounds them.
func bounded(t *testing.T, n int, f func()) {
	t.Helper()
	hosttest.Bounded(t, 256<<20+200*uint64(n), 10*time.Second, f)
}

func FuzzBDB(f *testing.F) {
	f.Add(smallBDB(f))
	f.Add(rpmdbtestFile(f, rpmdbtest.BDB{PageSize: 1024, Buckets: 4}, rpmdbtest.EL8(4, 3, 30)))
	f.Add(rpmdbtestFile(f, rpmdbtest.BDB{PageSize: 512, Buckets: 2}, rpmdbtest.EL8(5, 2, 4)))
	f.Add(rpmdbtestFile(f, rpmdbtest.BDB{PageSize: 4096, Buckets: 8}, rpmdbtest.EL8(6, 5, 10)))
	f.Fuzz(func(t *testing.T, file []byte) {
		bounded(t, len(file), func() {
			if pkgs, err := rpmdb.ReadBDB(file); err == nil {
				readAll(pkgs)
			}
		})
	})
}

// FuzzSQLite starts from testdata/small.sqlite and its log, which testdata/wal.py made of a database with two packages.
func FuzzSQLite(f *testing.F) {
	file, err := os.ReadFile(filepath.Join("testdata", "small.sqlite"))
	if err != nil {
		f.Fatal(err)
	}
	log, err := os.ReadFile(filepath.Join("testdata", "small.sqlite-wal"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file, log)
	f.Add(file, []byte(nil))
	f.Fuzz(func(t *testing.T, file, log []byte) {
		bounded(t, len(file)+len(log), func() {
			if pkgs, err := rpmdb.ReadSQLite(file, log); err == nil {
				readAll(pkgs)
			}
		})
	})
}

func FuzzSignature(f *testing.F) {
	for _, s := range signatures {
		b, err := hex.DecodeString(s.packet)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		if id := rpmdb.SignatureKeyID(packet); id != "" && len(id) != 16 {
			t.Errorf("%q", id)
		}
	})
}

func FuzzCompareVersions(f *testing.F) {
	for _, p := range versionPairs {
		f.Add(p.a, p.b)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if rpmdb.CompareVersions(a, b) != -rpmdb.CompareVersions(b, a) || rpmdb.CompareVersions(a, a) != 0 {
			t.Errorf("%q and %q", a, b)
		}
		if e, err := rpmdb.ParseEVR(a); err == nil {
			if again, err := rpmdb.ParseEVR(e.String()); err != nil || e.Compare(again) != 0 {
				t.Errorf("%q: %+v, then %+v, %v", a, e, again, err)
			}
		}
	})
}

// signatures are packets cut off after what tells the key, made by hand after RFC 9580.
var signatures = []struct{ what, packet, want string }{
	{"version 3", "88" + "13" + "03" + "05" + "00" + "5f5e1000" + "0123456789abcdef" + "11" + "02" + "1234", "0123456789abcdef"},
	{"version 4, id unhashed", "89" + "001a" + "04000108" + "0006" + "05025f5e1000" + "000a" + "09100123456789abcdef" + "1234", "0123456789abcdef"},
	{"version 4, new packet form", "c2" + "1a" + "04000108" + "0006" + "05025f5e1000" + "000a" + "09100123456789abcdef" + "1234", "0123456789abcdef"},
	{"version 4, id critical", "c2" + "1a" + "04000108" + "0006" + "05025f5e1000" + "000a" + "09900123456789abcdef" + "1234", "0123456789abcdef"},
	{"version 4, fingerprint only", "c2" + "20" + "04000108" + "0017" + "16" + "21" + "04" + "00112233445566778899aabb0123456789abcdef" + "0000" + "1234", "0123456789abcdef"},
	{"version 6, fingerprint", "c2" + "31" + "06000108" + "00000023" + "22" + "21" + "06" + "0123456789abcdef" + "000102030405060708090a0b0c0d0e0f1011121314151617" + "00000000" + "1234", "0123456789abcdef"},
	{"no issuer", "c2" + "0d" + "04000108" + "0006" + "05025f5e1000" + "0000" + "12", ""},
	{"version unknown", "c2" + "04" + "09000108", ""},
	{"no signature", "b4" + "03" + "616263", ""},
	{"no packet", "00", ""},
	{"nothing", "", ""},
	{"cut off in the subpackets", "c2" + "1a" + "04000108" + "0006" + "0502", ""},
	{"a subpacket without length", "c2" + "10" + "04000108" + "0001" + "00" + "0000" + "1234", ""},
}

func TestSignatureKeyID(t *testing.T) {
	for _, s := range signatures {
		b, err := hex.DecodeString(s.packet)
		if err != nil {
			t.Fatalf("%s: %v", s.what, err)
		}
		if got := rpmdb.SignatureKeyID(b); got != s.want {
			t.Errorf("%s: %q, want %q", s.what, got, s.want)
		}
	}
}
