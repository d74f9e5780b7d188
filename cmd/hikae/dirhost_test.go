package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"hikae/engine/agent"
	"hikae/engine/control"
	"hikae/engine/execute"
	"hikae/hosts/local"
	"hikae/hosts/rpmdb"
	"hikae/hosts/rpmdb/rpmdbtest"
	"hikae/modules/all"
)

// The hosts of a script are directories, where HIKAE_TEST_HOSTS says: real
// files and a real rpmdb, read and written by the real modules, without systemd
// or daemons. For those there is the lab.

// dirHosts connects to hosts that are directories below dir.
func dirHosts(dir string) func(context.Context, control.Target) (*agent.Client, error) {
	return func(ctx context.Context, t control.Target) (*agent.Client, error) {
		h, err := local.New(local.Options{Root: filepath.Join(dir, t.Name)})
		if err != nil {
			return nil, err
		}
		modules := all.Modules()
		server := agent.Server{
			Host: h, Modules: modules, Applier: &execute.Executor{Host: h, Modules: modules},
			Build: buildID, Spool: filepath.Join(dir, t.Name, "var/lib/hikae/spool"),
		}
		return agent.Local(ctx, server, agent.Options{Build: buildID, Schemas: all.Schemas(), Host: t.Name})
	}
}

// hostCmd is the script command "host NAME PACKAGE-VERSION TREE": it makes a
// host that is a directory, with a package that has installed the files of a
// tree in the script.
func hostCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: host NAME PACKAGE-VERSION TREE")
	}
	root, tree := filepath.Join(ts.Getenv("HIKAE_TEST_HOSTS"), args[0]), ts.MkAbs(args[2])
	name, version, _ := strings.Cut(args[1], "-")
	p := &rpmdbtest.Package{Name: name, Version: version, Release: "1.el8", Arch: "noarch", InstallTime: 1718000000, BuildTime: 1718000000}
	ts.Check(baseSystem(root))
	ts.Check(filepath.WalkDir(tree, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		path := strings.TrimPrefix(file, tree)
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(b)
		p.Files = append(p.Files, rpmdb.File{
			Path: path, Mode: 0o100644, Size: int64(len(b)), User: "root", Group: "root",
			Algo: rpmdb.SHA256, Digest: sum[:], Flags: rpmdb.FileConfig | rpmdb.FileNoReplace,
		})
		return writeBelow(root, path, b)
	}))
	ts.Check(rpmdbtest.WriteDir(filepath.Join(root, "var/lib/rpm"), rpmdbtest.BDB{}, [][]byte{p.Header()}))
}

func baseSystem(root string) error {
	for _, dir := range []string{"/run", "/tmp", "/usr/bin", "/var/lib"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	for path, text := range map[string]string{
		"/etc/passwd":     "root:x:0:0:root:/root:/bin/bash\n",
		"/etc/group":      "root:x:0:\n",
		"/etc/shadow":     "root:*:19000:0:99999:7:::\n",
		"/etc/gshadow":    "root:::\n",
		"/etc/os-release": "ID=\"rocky\"\nVERSION_ID=\"8.10\"\n",
	} {
		if err := writeBelow(root, path, []byte(text)); err != nil {
			return err
		}
	}
	return nil
}

func writeBelow(root, path string, b []byte) error {
	file := filepath.Join(root, path)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("cannot make a host: %w", err)
	}
	return os.WriteFile(file, b, 0o644)
}
