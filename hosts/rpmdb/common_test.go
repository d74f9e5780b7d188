package rpmdb_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hikae/hosts/rpmdb"
)

// needTool skips the test where a program is missing, and fails it where CI=true says that all of them must be there.
func needTool(t testing.TB, name, pkg string) {
	t.Helper()
	if _, err := exec.LookPath(name); err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing: apt-get install %s", name, pkg)
	}
	t.Skipf("NOT TESTED: %s is missing: apt-get install %s", name, pkg)
}

// command runs a program and returns what it prints on its standard output.
func command(t testing.TB, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// realDatabases are some that go-rpmdb, which only the tests use, carries in its testdata: the directory's name, and the kind.
var realDatabases = []struct {
	name string
	kind rpmdb.Kind
}{
	{"centos5-plain", rpmdb.BerkeleyDB},
	{"centos6-plain", rpmdb.BerkeleyDB},
	{"centos6-devtools", rpmdb.BerkeleyDB},
	{"centos7-plain", rpmdb.BerkeleyDB},
	{"centos7-many", rpmdb.BerkeleyDB},
	{"centos7-python35", rpmdb.BerkeleyDB},
	{"centos8-modularitylabel", rpmdb.BerkeleyDB},
	{"ubi8-s390x", rpmdb.BerkeleyDB}, // big-endian
	{"libuuid", rpmdb.BerkeleyDB},
	{"cbl-mariner-2.0", rpmdb.SQLite},
	{"fedora35-plus-mongo", rpmdb.SQLite},
	{"oraclelinux-9", rpmdb.SQLite},
	{"rockylinux-9", rpmdb.SQLite},
}

// realDatabase returns the directory of a database in go-rpmdb's testdata.
func realDatabase(t testing.TB, name string) string {
	t.Helper()
	dir := strings.TrimSpace(command(t, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/anchore/go-rpmdb"))
	return filepath.Join(dir, "pkg", "testdata", name)
}

func openDir(t testing.TB, dir string) *rpmdb.DB {
	t.Helper()
	db, err := rpmdb.OpenDir(os.DirFS(dir), ".")
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func load(t testing.TB, dir string) []*rpmdb.Package {
	t.Helper()
	pkgs, _, err := openDir(t, dir).Load(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return pkgs
}

// copyDir copies a database's files, since rpm may write next to them.
func copyDir(t testing.TB, from, to string) {
	t.Helper()
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, e.Name()), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
