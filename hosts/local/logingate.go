package local

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

var _ hosts.LoginGate = (*Host)(nil)

const (
	// gateStep is how often a gate is looked at, by one who waits.
	gateStep = 50 * time.Millisecond
	// A gate is an empty file of root's in ownRun. It is renamed by whoever
	// is first, the one who comes or the one who stops waiting: rename(2) lets
	// one of them through.
	gatePrefix   = "login-"
	gateOpen     = ".open"
	gatePassed   = ".passed"
	tokenLength  = 32
	gateFileMode = 0o600
)

// AwaitLogin implements hosts.LoginGate.
func (h *Host) AwaitLogin(ctx context.Context, token string, open func()) (bool, error) {
	fail := func(err error) (bool, error) { return false, fmt.Errorf("cannot wait for a new login: %w", err) }
	d, err := h.gates(token)
	if err != nil {
		return fail(err)
	}
	defer d.Close()
	gate := gatePrefix + token
	fd, err := d.openat(gate+gateOpen, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY, gateFileMode)
	if err != nil {
		return fail(err)
	}
	dirFD(fd).Close()
	open()
	passed := func() bool { return unix.Unlinkat(int(d), gate+gatePassed, 0) == nil }
	tick := time.NewTicker(gateStep)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if passed() {
				return true, nil
			}
			continue
		case <-ctx.Done():
		}
		err := unix.Unlinkat(int(d), gate+gateOpen, 0)
		if errors.Is(err, unix.ENOENT) { // somebody came through at the last moment
			return passed(), nil
		}
		if err != nil {
			return fail(err)
		}
		return false, nil
	}
}

// ConfirmLogin implements hosts.LoginGate.
func (h *Host) ConfirmLogin(token string) error {
	d, err := h.gates(token)
	if err == nil {
		defer d.Close()
		gate := gatePrefix + token
		err = unix.Renameat(int(d), gate+gateOpen, int(d), gate+gatePassed)
		if errors.Is(err, unix.ENOENT) {
			err = hosts.ErrNotAwaited
		}
	}
	if err != nil {
		return fmt.Errorf("cannot confirm the login: %w", err)
	}
	return nil
}

// gates opens the directory of the gates, which nobody but root can enter.
func (h *Host) gates(token string) (dirFD, error) {
	if b, err := hex.DecodeString(token); err != nil || len(b)*2 != tokenLength || strings.ToLower(token) != token {
		return -1, fmt.Errorf("%q is no token", token)
	}
	return h.runDir()
}

// runDir makes and opens the directory in /run that is hikae's own.
func (h *Host) runDir() (dirFD, error) {
	d, name, err := h.parent("make", ownRun)
	if err != nil {
		return -1, err
	}
	defer d.Close()
	if err := unix.Mkdirat(int(d), name, 0o700); err != nil && !errors.Is(err, unix.EEXIST) {
		return -1, fmt.Errorf("cannot make %s: %w", ownRun, err)
	}
	run, err := h.openDir(ownRun)
	if err != nil {
		return -1, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(run), &st); err != nil || st.Uid != h.owner || st.Mode&0o077 != 0 {
		run.Close()
		return -1, errors.Join(err, fmt.Errorf("%s is not root's alone", ownRun))
	}
	return run, nil
}
