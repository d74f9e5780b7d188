package rpmdb_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hikae/hosts/rpmdb"
	"hikae/hosts/rpmdb/rpmdbtest"
)

func TestInventedDatabaseLikeRPM(t *testing.T) {
	needTool(t, "rpm", "rpm")
	dir := t.TempDir()
	headers := rpmdbtest.Headers(rpmdbtest.EL8(1, rpmdbtest.DefaultPackages, rpmdbtest.DefaultFiles))
	if err := rpmdbtest.WriteDir(dir, rpmdbtest.BDB{}, headers); err != nil {
		t.Fatal(err)
	}
	likeRPM(t, rpmdb.BerkeleyDB, dir)

	// Once more as a user asks, digests and signatures checked and packages found by the indexes.
	args := []string{"--dbpath", dir, "--define", "_db_backend bdb_ro"}
	if n := strings.Count(command(t, "rpm", append(args, "-qa")...), "\n"); n != rpmdbtest.DefaultPackages {
		t.Errorf("rpm -qa lists %d packages, want %d", n, rpmdbtest.DefaultPackages)
	}
	for _, p := range load(t, dir) {
		if p.Name != "httpd" && p.Name != "perl-postfix" {
			continue
		}
		files, err := p.Files()
		if err != nil {
			t.Fatal(err)
		}
		var all, config string
		for _, f := range files {
			all += f.Path + "\n"
			if f.Flags.Has(rpmdb.FileConfig) {
				config += f.Path + "\n"
			}
		}
		if got := command(t, "rpm", append(args, "-ql", p.Name)...); got != all {
			t.Errorf("rpm -ql %s:\n%s\nwant:\n%s", p.Name, got, all)
		}
		if got := command(t, "rpm", append(args, "-qc", p.Name)...); got != config {
			t.Errorf("rpm -qc %s:\n%s\nwant:\n%s", p.Name, got, config)
		}
		if got := command(t, "rpm", append(args, "-qf", files[0].Path)...); got != p.NEVRA()+"\n" {
			t.Errorf("rpm -qf %s: %s, want %s", files[0].Path, got, p.NEVRA())
		}
	}
}

func TestInventedDatabaseHasItAll(t *testing.T) {
	pkgs := rpmdbtest.EL8(1, 800, 60000)
	again := rpmdbtest.EL8(1, 800, 60000)
	files, configs, ghosts, links, caps := 0, 0, 0, 0, 0
	names := map[string]bool{}
	for i, p := range pkgs {
		if names[p.Name] && p.Name != "gpg-pubkey" {
			t.Errorf("%s is there twice", p.Name)
		}
		names[p.Name] = true
		files += len(p.Files)
		for _, f := range p.Files {
			if f.Flags.Has(rpmdb.FileConfig) {
				configs++
			}
			if f.Flags.Has(rpmdb.FileGhost) {
				ghosts++
			}
			if f.LinkTo != "" {
				links++
			}
			if f.Caps != "" {
				caps++
			}
		}
		if !slices.Equal(p.Header(), again[i].Header()) {
			t.Fatalf("%s is not the same the second time", p.Name)
		}
	}
	if len(pkgs) != 800 || files < 55000 || files > 70000 || configs < 1000 || ghosts < 500 || links < 500 || caps < 5 {
		t.Errorf("%d packages, %d files, %d config files, %d ghosts, %d links, %d with capabilities", len(pkgs), files, configs, ghosts, links, caps)
	}
}

// Layouts that no machine at hand has.
func TestBDBLayouts(t *testing.T) {
	headers := rpmdbtest.Headers(rpmdbtest.EL8(2, 60, 2000))
	want := ""
	for name, layout := range map[string]rpmdbtest.BDB{
		"little-endian": {}, "big-endian": {Order: binary.BigEndian}, "small pages": {PageSize: 512}, "large pages": {PageSize: 65536 / 2},
		"one long chain": {Buckets: 2}, "many buckets": {Buckets: 1024, PageSize: 512},
	} {
		dir := t.TempDir()
		if err := rpmdbtest.WriteDir(dir, layout, headers); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := ""
		for _, p := range load(t, dir) {
			got += describe(t, p)
		}
		if want == "" {
			want = got
		}
		if got != want || strings.Count(got, "F\t") < 1900 {
			t.Errorf("%s: other packages than in the layout before", name)
		}
	}
}

func TestMkbdbFromAnotherHost(t *testing.T) {
	needTool(t, "go", "golang")
	root, dir := t.TempDir(), t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "var/lib/rpm"), 0o755); err != nil {
		t.Fatal(err)
	}
	copyDir(t, realDatabase(t, "rockylinux-9"), filepath.Join(root, "var/lib/rpm"))
	command(t, "go", "run", "./rpmdbtest/mkbdb", "-from", root, dir)
	want, got := load(t, filepath.Join(root, "var/lib/rpm")), load(t, dir)
	if len(want) != len(got) {
		t.Fatalf("%d packages, want %d", len(got), len(want))
	}
	for i, p := range got {
		if p.RawHeader() != want[i].RawHeader() {
			t.Errorf("%s is not what it was", p)
		}
	}
}
