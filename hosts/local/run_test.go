package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

func thisMachine(t *testing.T) *Host {
	t.Helper()
	h, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

func TestRun(t *testing.T) {
	h := thisMachine(t)
	ctx := context.Background()
	for _, tt := range []struct {
		cmd  hosts.Cmd
		want hosts.Result
	}{
		{hosts.Cmd{Argv: []string{"sh", "-c", "cat; echo err >&2; exit 3"}, Stdin: []byte("in")}, hosts.Result{Code: 3, Stdout: []byte("in"), Stderr: []byte("err\n")}},
		{hosts.Cmd{Argv: []string{"sh", "-c", "kill -TERM $$"}}, hosts.Result{Code: 128 + 15}},
		{hosts.Cmd{Argv: []string{"env"}}, hosts.Result{Stdout: []byte("PATH=" + runPath + "\nLANG=C\n")}},
		{hosts.Cmd{Argv: []string{"/usr/bin/env"}, Env: []string{"A=b"}}, hosts.Result{Stdout: []byte("A=b\n")}},
		{hosts.Cmd{Argv: []string{"pwd"}}, hosts.Result{Stdout: []byte("/\n")}},
		{hosts.Cmd{Argv: []string{"cat"}}, hosts.Result{}},
	} {
		got, err := h.Run(ctx, tt.cmd)
		if err != nil || got.Code != tt.want.Code || string(got.Stdout) != string(tt.want.Stdout) || string(got.Stderr) != string(tt.want.Stderr) {
			t.Errorf("%q: %d %q %q, %v", tt.cmd.Argv, got.Code, got.Stdout, got.Stderr, err)
		}
	}
	for _, argv := range [][]string{nil, {""}, {"no-such-program"}, {"/no/such/program"}, {"/etc/passwd"}} {
		if res, err := h.Run(ctx, hosts.Cmd{Argv: argv}); err == nil {
			t.Errorf("%q: %+v", argv, res)
		}
	}
	if _, err := h.Run(ctx, hosts.Cmd{Argv: []string{"no-such-program"}}); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("no such program: %v", err)
	}
}

func TestRunIsBounded(t *testing.T) {
	h := thisMachine(t)
	start := time.Now()
	res, err := h.Run(context.Background(), hosts.Cmd{Argv: []string{"sh", "-c", "yes & yes"}})
	if err == nil || !strings.Contains(err.Error(), "printed more than") || len(res.Stdout) > maxOutput {
		t.Errorf("%d bytes, %v", len(res.Stdout), err)
	}
	if time.Since(start) > 20*time.Second {
		t.Error("took long")
	}
}

// TestRunKillsTheGroup has a program start another that ignores its end.
func TestRunKillsTheGroup(t *testing.T) {
	h := thisMachine(t)
	pidFile := filepath.Join(t.TempDir(), "pid")
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error)
	go func() {
		_, err := h.Run(ctx, hosts.Cmd{Argv: []string{"sh", "-c", fmt.Sprintf("(trap '' TERM; sleep 1000) & echo $! > %s; echo ready > %s; wait", pidFile, pipe)}})
		done <- err
	}()
	if _, err := os.ReadFile(pipe); err != nil { // until the child is there
		t.Fatal(err)
	}
	b, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	child, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Skipf("cannot await a process: %v", err)
	}
	defer dirFD(child).Close()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	const patience = 20_000 // ms
	ended := []unix.PollFd{{Fd: int32(child), Events: unix.POLLIN}}
	if n, err := retry(func() (int, error) { return unix.Poll(ended, patience) }); n != 1 {
		t.Errorf("the child lives: %v", err)
	}
}

func TestRunInAnotherRoot(t *testing.T) {
	needRoot(t)
	h, root := newHost(t)
	b, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Skip("needs a static program, busybox")
	}
	if err := os.WriteFile(filepath.Join(root, "usr/bin/busybox"), b, 0o755); err != nil {
		t.Fatal(err)
	}
	symlink(t, root, "busybox", "usr/bin/ls")
	symlink(t, root, "usr/bin", "bin")
	res, err := h.Run(context.Background(), hosts.Cmd{Argv: []string{"ls", "/etc"}})
	if err != nil || string(res.Stdout) != "group\npasswd\n" {
		t.Errorf("%q %q, %v", res.Stdout, res.Stderr, err)
	}
}

func TestLock(t *testing.T) {
	h, root := newHost(t)
	other, err := New(Options{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	unlock, err := h.Lock("anna@laptop\n\x1b[31m")
	if err != nil {
		t.Fatal(err)
	}
	_, err = other.Lock("berta")
	var locked *hosts.LockedError
	if !errors.Is(err, hosts.ErrLocked) || !errors.As(err, &locked) || locked.Holder != "anna@laptop[31m" {
		t.Errorf("got %v, %+v", err, locked)
	}
	if _, err := h.Lock("anna again"); !errors.Is(err, hosts.ErrLocked) {
		t.Errorf("by the same: %v", err)
	}
	unlock()
	unlock()
	unlock, err = other.Lock("berta")
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}

func TestLockIsNoLink(t *testing.T) {
	h, root := newHost(t)
	symlink(t, root, "../etc/passwd", "run/hikae.lock")
	if _, err := h.Lock("x"); err == nil {
		t.Error("a link was opened")
	}
}
