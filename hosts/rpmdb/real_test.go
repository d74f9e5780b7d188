package rpmdb_test

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	gorpmdb "github.com/anchore/go-rpmdb/pkg"

	"hikae/hosts/rpmdb"
)

func TestRealDatabasesLikeRPM(t *testing.T) {
	needTool(t, "rpm", "rpm")
	for _, d := range realDatabases {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			copyDir(t, realDatabase(t, d.name), dir)
			if got := openDir(t, dir).Kind(); got != d.kind {
				t.Errorf("kind %v, want %v", got, d.kind)
			}
			likeRPM(t, d.kind, dir)
		})
	}
}

// The second witness is independent of rpm. It is asked about Berkeley DB only: for sqlite it would need a driver.
func TestRealDatabasesLikeGoRPMDB(t *testing.T) {
	for _, d := range realDatabases {
		if d.kind != rpmdb.BerkeleyDB {
			continue
		}
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			dir := realDatabase(t, d.name)
			other, err := gorpmdb.Open(filepath.Join(dir, "Packages"))
			if err != nil {
				t.Fatal(err)
			}
			infos, err := other.ListPackages()
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]*gorpmdb.PackageInfo{}
			for _, p := range infos {
				want[p.Name+" "+p.Version+" "+p.Release+" "+p.Arch] = p
			}
			pkgs := load(t, dir)
			if len(pkgs) != len(infos) {
				t.Fatalf("%d packages, want %d", len(pkgs), len(infos))
			}
			for _, p := range pkgs {
				w := want[p.Name+" "+p.Version+" "+p.Release+" "+p.Arch]
				if w == nil {
					t.Fatalf("%s is not known", p.NEVRA())
				}
				got := fmt.Sprintf("%d %q %q %q %d %d", p.Epoch, p.Vendor, p.SourceRPM, p.ModularityLabel, p.InstallTime, p.Size)
				known := fmt.Sprintf("%d %q %q %q %d %d", w.EpochNum(), w.Vendor, w.SourceRpm, w.Modularitylabel, w.InstallTime, w.Size)
				if got != known {
					t.Errorf("%s: %s, want %s", p, got, known)
				}
				if sig := cmp.Or(w.RSAHeader, w.PGP); sig != "" && !strings.HasSuffix(sig, "Key ID "+p.SigKeyID) { // it has no DSA
					t.Errorf("%s: signed by %q, want %q", p.Name, p.SigKeyID, w.RSAHeader)
				}
				sameFiles(t, p, w)
			}
		})
	}
}

func sameFiles(t *testing.T, p *rpmdb.Package, w *gorpmdb.PackageInfo) {
	t.Helper()
	files, err := p.Files()
	if err != nil {
		t.Fatal(err)
	}
	want, err := w.InstalledFiles()
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(want) {
		t.Fatalf("%s: %d files, want %d", p.Name, len(files), len(want))
	}
	for i, f := range files {
		x := want[i]
		if f.Path != x.Path || f.Mode != uint32(x.Mode) || hex.EncodeToString(f.Digest) != x.Digest || f.Size != int64(uint32(x.Size)) ||
			f.User != x.Username || f.Group != x.Groupname || f.Flags != rpmdb.FileFlags(x.Flags) {
			t.Errorf("%s: %+v, want %+v", p.Name, f, x)
		}
	}
}

func TestRealKeyText(t *testing.T) {
	for _, name := range []string{"centos7-many", "centos8-modularitylabel", "fedora35-plus-mongo"} {
		keys := 0
		for _, p := range load(t, realDatabase(t, name)) {
			text, err := p.KeyText()
			if err != nil {
				t.Fatal(err)
			}
			if !p.IsKey() {
				if text != "" {
					t.Errorf("%s has a key's text", p.NEVRA())
				}
				continue
			}
			keys++
			if !strings.HasPrefix(text, "-----BEGIN PGP PUBLIC KEY BLOCK-----\n") || !strings.Contains(text, "-----END PGP PUBLIC KEY BLOCK-----") {
				t.Errorf("%s: %q", p.NEVRA(), text)
			}
		}
		if keys == 0 {
			t.Errorf("%s: no keys", name)
		}
	}
}
