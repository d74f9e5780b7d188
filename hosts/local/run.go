package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

const (
	// runPath is where programs are looked for: the system's own places only.
	runPath = "/usr/sbin:/usr/bin:/sbin:/bin"
	// maxOutput bounds each of a program's outputs, in bytes.
	maxOutput = 16 << 20
	// killDelay is how long a killed program's children may hold its output open.
	killDelay = 2 * time.Second
)

// Run implements hosts.Host. The program has its own process group, and all of
// that is killed when ctx ends; a program that a signal ended has Code 128 and
// the signal's number. Below a Root other than "/" it is run by chroot(2).
func (h *Host) Run(ctx context.Context, c hosts.Cmd) (hosts.Result, error) {
	defer h.ran()
	if len(c.Argv) == 0 || c.Argv[0] == "" {
		return hosts.Result{}, errors.New("cannot run: no program named")
	}
	wrap := func(err error) error { return fmt.Errorf("cannot run %s: %w", c.Argv[0], err) }
	env := c.Env
	if env == nil {
		env = []string{"PATH=" + runPath, "LANG=C"}
	}
	program, err := h.lookPath(c.Argv[0], env)
	if err != nil {
		return hosts.Result{}, wrap(err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stdout, stderr := &bounded{cancel: cancel}, &bounded{cancel: cancel}
	cmd := exec.CommandContext(ctx, program)
	cmd.Path, cmd.Err = program, nil // found in the host's root, not in this process's
	cmd.Args, cmd.Env, cmd.Dir = c.Argv, env, "/"
	cmd.Stdin = io.Reader(bytes.NewReader(c.Stdin))
	if len(c.Stdin) == 0 {
		cmd.Stdin = nil // /dev/null
	}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if h.root != "/" {
		cmd.SysProcAttr.Chroot = h.root
	}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	cmd.WaitDelay = killDelay
	err = cmd.Run()
	res := hosts.Result{Stdout: stdout.b.Bytes(), Stderr: stderr.b.Bytes()}
	if cause := context.Cause(ctx); cause != nil {
		return res, wrap(cause)
	}
	exit, exited := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return res, nil
	case exited:
		res.Code = exit.ExitCode()
		if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			res.Code = 128 + int(ws.Signal())
		}
		return res, nil
	case errors.Is(err, unix.EAGAIN):
		return res, wrap(fmt.Errorf("no process can be made, the process table or a limit is full: %w", err))
	case errors.Is(err, exec.ErrWaitDelay):
		// It has ended well; something that it started holds its output open.
		return res, nil
	}
	return res, wrap(bare(err))
}

// lookPath finds a program in the host's root as execvp(3) would.
func (h *Host) lookPath(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	dirs := ""
	for _, v := range env {
		if p, ok := strings.CutPrefix(v, "PATH="); ok {
			dirs = p
		}
	}
	for dir := range strings.SplitSeq(dirs, ":") {
		if !path.IsAbs(dir) {
			continue
		}
		p := path.Join(dir, name)
		if fi, err := h.statFollow(p); err == nil && fi.Mode&unix.S_IFMT == unix.S_IFREG && fi.Mode&0o111 != 0 {
			return p, nil
		}
	}
	return "", fmt.Errorf("%w (looked in %s)", exec.ErrNotFound, dirs)
}

// statFollow is stat(2) below the root.
func (h *Host) statFollow(p string) (*unix.Stat_t, error) {
	for range maxLinks {
		d, name, err := h.parent("stat", p)
		if err != nil {
			return nil, err
		}
		st := new(unix.Stat_t)
		err = unix.Fstatat(int(d), name, st, unix.AT_SYMLINK_NOFOLLOW)
		target := ""
		if err == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK {
			target, err = readlinkat(d, name)
		}
		d.Close()
		if err != nil || target == "" {
			return st, err
		}
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(p), target)
		}
		p = path.Clean(target)
	}
	return nil, unix.ELOOP
}

// bounded keeps what a program prints, and has it killed when that is too much.
type bounded struct {
	b      bytes.Buffer
	cancel context.CancelCauseFunc
}

func (w *bounded) Write(p []byte) (int, error) {
	if room := maxOutput - w.b.Len(); len(p) > room {
		w.b.Write(p[:room])
		w.cancel(fmt.Errorf("it printed more than %d MiB and was stopped", maxOutput>>20))
		return len(p), nil
	}
	return w.b.Write(p)
}
