package packages

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"hikae/hosts"
	"hikae/hosts/rpmdb"
)

// rootHost is a host that is a directory: enough of hosts.Host to read a
// package database there and to drive dnf --installroot. Its programs are this
// machine's, with home in their environment.
type rootHost struct {
	hosts.Host // what is not needed panics
	root, home string
	ran        [][]string
}

func (h *rootHost) Facts() hosts.Facts { return hosts.Facts{Arch: "x86_64"} }

func (h *rootHost) Packages(ctx context.Context) ([]*rpmdb.Package, error) {
	db, err := rpmdb.Open(os.DirFS(h.root))
	if err != nil {
		return nil, err
	}
	pkgs, _, err := db.Load(ctx)
	return pkgs, err
}

// path maps what the module reads of a host into the root. The driver's own
// files have the install root in their names already; dnf is this machine's.
func (h *rootHost) path(p string) string {
	if p == "/usr/bin/dnf-3" || filepath.HasPrefix(p, h.root) { //nolint:staticcheck // good enough for a test
		return p
	}
	return filepath.Join(h.root, p)
}

func (h *rootHost) Open(p string) (io.ReadCloser, error) { return os.Open(h.path(p)) }

func (h *rootHost) Stat(p string) (hosts.Node, error) {
	if _, err := os.Lstat(h.path(p)); err != nil {
		return hosts.Node{}, err
	}
	return hosts.Node{Type: hosts.Other}, nil
}

func (h *rootHost) ReadDir(p string) ([]string, error) {
	entries, err := os.ReadDir(h.path(p))
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

func (h *rootHost) Put(_ context.Context, p string, n hosts.Node, content io.Reader) error {
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

func (h *rootHost) Remove(_ context.Context, p string) error { return os.RemoveAll(h.path(p)) }

func (h *rootHost) Run(ctx context.Context, c hosts.Cmd) (hosts.Result, error) {
	h.ran = append(h.ran, c.Argv)
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...) //nolint:gosec // the module's own commands
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

// needs skips a test on a machine that lacks a program; with CI=true that is a
// failure.
func needs(t *testing.T, programs ...string) {
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
