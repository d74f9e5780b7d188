package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hikae/engine/agent"
	"hikae/engine/control"
)

// A tree has one who writes it: while hikae watch keeps it, nobody brings it by hand,
// unless the follower is held.
func TestMirrorBesideWatch(t *testing.T) {
	dir := t.TempDir()
	err := os.WriteFile(filepath.Join(dir, "hikae.hcl"), []byte(`host "a" { ssh = "root@a" }
host "b" { ssh = "root@b" }
pair "p" {
  members         = [host.a, host.b]
  initial_primary = host.a
  mirror "/srv/x" {}
}
`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	asked := errors.New("the hosts were asked")
	a := &app{out: &out, err: &out, dir: dir, connect: func(context.Context, control.Target) (*agent.Client, error) { return nil, asked }}
	do := func(want int, says string, args ...string) {
		t.Helper()
		out.Reset()
		if code := a.run(t.Context(), append([]string{"-C", dir}, args...)); code != want || !strings.Contains(out.String(), says) {
			t.Errorf("hikae %v: exit %d, %s", args, code, out.String())
		}
	}
	do(exitOK, "", "init")
	do(exitError, "asked", "mirror", "b")
	pr, err := a.project()
	if err != nil {
		t.Fatal(err)
	}
	ctl, err := a.controller(pr)
	if err != nil {
		t.Fatal(err)
	}
	stop, err := ctl.Store.Watching("root@b, hikae process 7")
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	do(exitRefused, "hikae hold b", "mirror", "b")
	do(exitOK, "", "hold", "b")
	do(exitError, "asked", "mirror", "b")
}
