package packages

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// spec is a package to build: its one file is /etc/NAME/conf.
type spec struct {
	name, evr, arch string
	more            string // further lines of the preamble
	scripts         string // further sections
}

// build makes rpm files in dir.
func build(t *testing.T, home, dir string, specs ...spec) {
	t.Helper()
	work := t.TempDir()
	for i, s := range specs {
		epoch, vr, ok := strings.Cut(s.evr, ":")
		if !ok {
			epoch, vr = "0", s.evr
		}
		version, release, _ := strings.Cut(vr, "-")
		text := fmt.Sprintf(`Name: %s
Version: %s
Release: %s
Epoch: %s
Summary: For a test
License: none
%s
%%description
For a test.
%%install
mkdir -p %%{buildroot}/etc/%[1]s
echo '%[1]s %[2]s' > %%{buildroot}/etc/%[1]s/conf
%[6]s
%%files
%%config(noreplace) /etc/%[1]s/conf
`, s.name, version, release, epoch, s.more, s.scripts)
		if epoch == "0" {
			text = strings.Replace(text, "Epoch: 0\n", "", 1)
		}
		file := filepath.Join(work, fmt.Sprintf("%d.spec", i))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		run(t, home, "rpmbuild", "-bb", "--quiet", "--target", s.arch, "--define", "_topdir "+work, "--define", "_rpmdir "+dir,
			"--define", "_build_id_links none", "--define", "_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm", file)
	}
}

func run(t *testing.T, home string, argv ...string) string {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...) //nolint:gosec // a test's own commands
	cmd.Env = append(os.Environ(), "LANG=C", "LC_ALL=C", "HOME="+home)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
	return string(out)
}

// newHost is an empty host with a repository "base" that has lib 1.0 and 2.0,
// app 1.0 and 1:1.1 that need lib, and tool. It returns the repository's
// directory too.
func newHost(t *testing.T, specs ...spec) (h *rootHost, m *Module, repo string) {
	t.Helper()
	needs(t, "rpm", "rpmbuild", "createrepo_c", "dnf")
	h = &rootHost{root: t.TempDir(), home: t.TempDir()}
	repo = t.TempDir()
	mustWrite(t, filepath.Join(h.home, ".rpmmacros"), "%_dbpath /var/lib/rpm\n")
	mustWrite(t, filepath.Join(h.root, "etc/os-release"), "ID=rocky\nVERSION_ID=8.10\n")
	mustWrite(t, filepath.Join(h.root, "etc/dnf/dnf.conf"), "[main]\n")
	mustWrite(t, filepath.Join(h.root, "etc/yum.repos.d/base.repo"), "[base]\nname=base\nbaseurl=file://"+repo+"\ngpgcheck=0\n")
	for _, d := range []string{"var/lib/rpm", "var/log", "var/cache"} {
		if err := os.MkdirAll(filepath.Join(h.root, d), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	build(t, h.home, repo, append([]spec{
		{name: "lib", evr: "1.0-1.el8", arch: "noarch"},
		{name: "lib", evr: "2.0-1.el8", arch: "noarch"},
		{name: "app", evr: "1.0-1.el8", arch: "x86_64", more: "Requires: lib"},
		{name: "app", evr: "1:1.1-1.el8", arch: "x86_64", more: "Requires: lib"},
		{name: "tool", evr: "3-1", arch: "noarch"},
	}, specs...)...)
	run(t, h.home, "createrepo_c", "-q", repo)
	m = New()
	m.installRoot = h.root
	m.lockWait = 0
	return h, m, repo
}

func mustWrite(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
