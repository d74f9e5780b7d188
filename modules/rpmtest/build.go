package rpmtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Spec is a package to build. Its one file is /etc/NAME/conf, which holds its
// name and version.
type Spec struct {
	Name    string
	EVR     string // [EPOCH:]VERSION-RELEASE
	Arch    string // noarch, or this machine's
	More    string // further lines of the preamble
	Scripts string // further sections
}

func (s Spec) text() string {
	epoch, vr, ok := strings.Cut(s.EVR, ":")
	if !ok {
		epoch, vr = "", s.EVR
	}
	version, release, _ := strings.Cut(vr, "-")
	var b strings.Builder
	fmt.Fprintf(&b, "Name: %s\nVersion: %s\nRelease: %s\nSummary: For a test\nLicense: none\n", s.Name, version, release)
	if epoch != "" {
		fmt.Fprintf(&b, "Epoch: %s\n", epoch)
	}
	if s.Arch == "noarch" {
		b.WriteString("BuildArch: noarch\n")
	}
	fmt.Fprintf(&b, "%s\n%%description\nFor a test.\n", s.More)
	fmt.Fprintf(&b, "%%install\nmkdir -p %%{buildroot}/etc/%[1]s\necho '%[1]s %[2]s' > %%{buildroot}/etc/%[1]s/conf\n", s.Name, s.EVR)
	fmt.Fprintf(&b, "%s\n%%files\n%%config(noreplace) /etc/%s/conf\n", s.Scripts, s.Name)
	return b.String()
}

// Build makes rpm files in dir, NAME-VERSION-RELEASE.ARCH.rpm. More are further
// arguments of rpmbuild.
func Build(t testing.TB, dir string, specs []Spec, more ...string) {
	t.Helper()
	needs(t, "rpmbuild")
	work := t.TempDir()
	macros(t, work)
	argv := []string{"rpmbuild", "-bb", "--quiet", "--define", "_topdir " + work, "--define", "_rpmdir " + dir,
		"--define", "_build_id_links none", "--define", "_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm"}
	argv = append(argv, more...)
	for i, s := range specs {
		file := filepath.Join(work, fmt.Sprintf("%d.spec", i))
		write(t, file, s.text())
		argv = append(argv, file)
	}
	run(t, work, argv...)
}

// CreateRepo makes a directory of rpm files a repository.
func CreateRepo(t testing.TB, dir string) {
	t.Helper()
	needs(t, "createrepo_c")
	run(t, dir, "createrepo_c", "-q", dir)
}

// Modules gives a repository the metadata of modules, in libmodulemd's YAML.
func Modules(t testing.TB, dir, yaml string) {
	t.Helper()
	needs(t, "modifyrepo_c")
	file := filepath.Join(t.TempDir(), "modules.yaml")
	write(t, file, yaml)
	run(t, dir, "modifyrepo_c", "--mdtype=modules", file, filepath.Join(dir, "repodata"))
}

// macros tells rpm where EL has its database; Debian's has it elsewhere.
func macros(t testing.TB, home string) {
	t.Helper()
	write(t, filepath.Join(home, ".rpmmacros"), "%_dbpath /var/lib/rpm\n")
}

func run(t testing.TB, home string, argv ...string) string {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "LANG=C", "LC_ALL=C", "HOME="+home)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
	return string(out)
}

func write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// needs skips a test on a machine that lacks a program; with CI=true that is a
// failure.
func needs(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("cannot test: %v", err)
			}
			t.Skipf("not run: %v", err)
		}
	}
}
