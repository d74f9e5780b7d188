// Package rpmtest is for tests with the real rpm and dnf: packages built to
// order, and a host that is a directory.
package rpmtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hikae/hosts"
	"hikae/hosts/rpmdb"
)

// Host is a host that is a directory: enough of hosts.Host to read a package
// database there and to drive rpm and dnf with it as their install root. Its
// programs are this machine's.
type Host struct {
	hosts.Host // what is not needed panics

	Root string
	Ran  [][]string // the programs that were run
	home string     // holds rpm's macros
}

// NewHost returns an empty host that dnf takes for EL 8. The test is skipped
// on a machine that lacks rpm or dnf; with CI=true that is a failure.
func NewHost(t testing.TB) *Host {
	t.Helper()
	needs(t, "rpm", "rpmbuild", "createrepo_c", "dnf")
	h := &Host{Root: t.TempDir(), home: t.TempDir()}
	macros(t, h.home)
	h.Write(t, "/etc/os-release", "ID=rocky\nVERSION_ID=8.10\n")
	h.Write(t, "/etc/dnf/dnf.conf", "[main]\n")
	for _, d := range []string{"/var/lib/rpm", "/var/log", "/var/cache"} {
		if err := os.MkdirAll(h.Root+d, 0o750); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// Repo makes a directory of rpm files a repository of the host. More are
// further lines of its configuration.
func (h *Host) Repo(t testing.TB, id, dir string, more ...string) {
	t.Helper()
	h.Write(t, "/etc/yum.repos.d/"+id+".repo",
		"["+id+"]\nname="+id+"\nbaseurl=file://"+dir+"\n"+strings.Join(more, "\n")+"\n")
}

// Write writes a file of the host.
func (h *Host) Write(t testing.TB, path, text string) {
	t.Helper()
	write(t, h.Root+path, text)
}

// RPM runs rpm on the host.
func (h *Host) RPM(t testing.TB, args ...string) string {
	t.Helper()
	return run(t, h.home, append([]string{"rpm", "--root", h.Root}, args...)...)
}

// Facts says that the host is an x86_64.
func (h *Host) Facts() hosts.Facts { return hosts.Facts{Arch: "x86_64"} }

// Packages reads the host's rpm database, anew each time.
func (h *Host) Packages(ctx context.Context) ([]*rpmdb.Package, error) {
	db, err := rpmdb.Open(os.DirFS(h.Root))
	if err != nil {
		return nil, err
	}
	pkgs, _, err := db.Load(ctx)
	return pkgs, err
}

// path maps what the module reads of a host into the root. The driver's own
// files have the install root in their names already; dnf is this machine's.
func (h *Host) path(p string) string {
	if p == "/usr/bin/dnf-3" || strings.HasPrefix(p, h.Root+"/") {
		return p
	}
	return filepath.Join(h.Root, p)
}

// Open opens a file of the host.
func (h *Host) Open(p string) (io.ReadCloser, error) { return os.Open(h.path(p)) }

// Digest implements hosts.Reader.
func (h *Host) Digest(_ context.Context, p string) (hosts.Content, error) {
	b, err := os.ReadFile(h.path(p))
	return hosts.Content{Size: int64(len(b)), ID: sha256.Sum256(b)}, err
}

// Stat tells only whether something is there.
func (h *Host) Stat(p string) (hosts.Node, error) {
	if _, err := os.Lstat(h.path(p)); err != nil {
		return hosts.Node{}, err
	}
	return hosts.Node{Type: hosts.Other}, nil
}

// ReadDir lists a directory of the host.
func (h *Host) ReadDir(p string) ([]string, error) {
	entries, err := os.ReadDir(h.path(p))
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

// Put writes a file or makes a directory, with its mode.
func (h *Host) Put(_ context.Context, p string, n hosts.Node, content io.Reader) error {
	if n.Type == hosts.Dir {
		return os.Mkdir(h.path(p), fs.FileMode(n.Mode))
	}
	b, err := io.ReadAll(content)
	if err == nil && int64(len(b)) != n.Content.Size {
		err = errors.New("the content has another size")
	}
	if err != nil {
		return err
	}
	return os.WriteFile(h.path(p), b, fs.FileMode(n.Mode))
}

// Remove removes all that is at a path.
func (h *Host) Remove(_ context.Context, p string) error { return os.RemoveAll(h.path(p)) }

// Run runs a program of this machine.
func (h *Host) Run(ctx context.Context, c hosts.Cmd) (hosts.Result, error) {
	h.Ran = append(h.Ran, c.Argv)
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.Env = append(os.Environ(), "LANG=C", "LC_ALL=C", "HOME="+h.home)
	cmd.Stdin = bytes.NewReader(c.Stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return hosts.Result{Code: exit.ExitCode(), Stdout: stdout.Bytes(), Stderr: stderr.Bytes()}, nil
	}
	return hosts.Result{Stdout: stdout.Bytes(), Stderr: stderr.Bytes()}, err
}
