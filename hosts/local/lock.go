package local

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// lockPath is locked by flock(2) while somebody writes. The name of who is in
// it; a lock that is not held is left lying, and empty.
const lockPath = "/run/hikae.lock"

const maxHolder = 256 // bytes of the holder's name that are kept and shown

// Lock implements hosts.Locker. It does not wait: the error is a
// *hosts.LockedError.
func (h *Host) Lock(holder string) (unlock func(), err error) {
	unlock, err = h.lockFile(lockPath, holder)
	if err != nil {
		return nil, fmt.Errorf("cannot lock host: %w", err)
	}
	return unlock, nil
}

// lockFile takes the lock that a file of the host's is. The kernel drops the lock of
// a process that dies.
func (h *Host) lockFile(path, holder string) (unlock func(), err error) {
	d, name, err := h.parent("lock", path)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	fd, err := d.openat(name, unix.O_RDWR|unix.O_CREAT|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(fd), path)
	err = retryErr(func() error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) })
	if errors.Is(err, unix.EWOULDBLOCK) {
		defer f.Close()                                  //nolint:errcheck // nothing was written
		b, _ := io.ReadAll(io.LimitReader(f, maxHolder)) // without a name it is still locked
		return nil, &hosts.LockedError{Holder: printable(string(b))}
	}
	if err == nil {
		err = errors.Join(f.Truncate(0), writeAll(f, printable(holder)))
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return sync.OnceFunc(func() {
		_ = f.Truncate(0)
		_ = f.Close()
	}), nil
}

func writeAll(f *os.File, s string) error {
	_, err := f.WriteAt([]byte(s), 0)
	return err
}

// printable makes of a name one short line that does nothing to a terminal.
func printable(s string) string {
	if len(s) > maxHolder {
		s = s[:maxHolder]
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(s, "")))
}
