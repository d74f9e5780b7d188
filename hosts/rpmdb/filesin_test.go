package rpmdb_test

import (
	"path"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hikae/hosts/rpmdb"
)

// FilesIn gives what Files gives, less what lies elsewhere, of real packages.
func TestFilesIn(t *testing.T) {
	for _, name := range []string{"centos8-modularitylabel", "oraclelinux-9"} {
		db := openDir(t, realDatabase(t, name))
		some := 0
		for p, err := range db.Packages(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			all, err := p.Files()
			if err != nil {
				t.Fatal(err)
			}
			for _, keep := range []func(string) bool{
				func(string) bool { return true },
				func(string) bool { return false },
				func(dir string) bool { return dir == "/etc/" || dir == "/usr/bin/" },
			} {
				want := slices.DeleteFunc(slices.Clone(all), func(f rpmdb.File) bool {
					dir, _ := path.Split(f.Path)
					return !keep(dir)
				})
				got, err := p.FilesIn(keep)
				if err != nil {
					t.Fatal(err)
				}
				if len(got)+len(want) > 0 && !cmp.Equal(got, want) {
					t.Fatalf("%s: %s", p, cmp.Diff(want, got))
				}
				if len(got) > 0 && len(got) < len(all) {
					some++
				}
			}
		}
		if some == 0 {
			t.Errorf("%s: no package has files in /etc and elsewhere", name)
		}
	}
}
