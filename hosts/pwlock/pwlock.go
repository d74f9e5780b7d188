//go:build linux

// Package pwlock takes the locks of the account files, as shadow-utils and the
// C library do, so that a useradd or passwd that runs at the same time and
// hikae wait for one another: the write lock on /etc/.pwd.lock of lckpwdf(3),
// and /etc/passwd.lock, group.lock, shadow.lock, gshadow.lock, subuid.lock and
// subgid.lock, files that hold the process id of their holder.
package pwlock

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Wait is how long Lock waits for another holder: what lckpwdf(3) waits.
const Wait = 15 * time.Second

// poll is how often it looks whether a lock is free.
const poll = 50 * time.Millisecond

// names are the files that get a lock of their own, in the order shadow-utils
// takes them.
var names = []string{"passwd", "group", "gshadow", "shadow", "subuid", "subgid"}

// Lock takes all locks below dir ("/etc"). The error names who holds one.
// Locks of processes that are gone are removed.
func Lock(ctx context.Context, dir string) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, Wait)
	defer cancel()
	var held []func()
	unlock = func() {
		for i := len(held) - 1; i >= 0; i-- {
			held[i]()
		}
	}
	release, err := lockFile(ctx, filepath.Join(dir, ".pwd.lock"))
	if err != nil {
		return nil, err
	}
	held = append(held, release)
	for _, n := range names {
		release, err := lockName(ctx, filepath.Join(dir, n))
		if err != nil {
			unlock()
			return nil, err
		}
		held = append(held, release)
	}
	return unlock, nil
}

// lockFile takes the lock of lckpwdf(3). The lock is one of the open file, not
// of the process as there, so that two callers within one process exclude each
// other too; the kernel lets both sorts wait for one another (fcntl(2)).
func lockFile(ctx context.Context, path string) (func(), error) {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot lock the accounts: %w", &fs.PathError{Op: "open", Path: path, Err: err})
	}
	for {
		err := unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
		if err == nil {
			return func() { _ = unix.Close(fd) }, nil
		}
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EACCES) && !errors.Is(err, unix.EINTR) {
			_ = unix.Close(fd)
			return nil, fmt.Errorf("cannot lock the accounts: %w", &fs.PathError{Op: "lock", Path: path, Err: err})
		}
		if err := pause(ctx); err != nil {
			_ = unix.Close(fd)
			return nil, fmt.Errorf("cannot lock the accounts: another program (%s) holds %s: %w", holder(path), path, err)
		}
	}
}

// lockName makes file.lock by linking a file that holds our process id, which
// succeeds for one only. shadow-utils does the same.
func lockName(ctx context.Context, file string) (func(), error) {
	lock := file + ".lock"
	own := file + "." + strconv.Itoa(os.Getpid())
	if err := writeOwn(own); err != nil {
		return nil, fmt.Errorf("cannot lock %s: %w", file, err)
	}
	defer os.Remove(own) //nolint:errcheck // the next lock replaces it
	for {
		err := os.Link(own, lock)
		if err == nil {
			return func() { _ = os.Remove(lock) }, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("cannot lock %s: %w", file, err)
		}
		pid, stale, err := staleLock(lock)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // released just now
		case err != nil:
			return nil, fmt.Errorf("cannot lock %s: %w", file, err)
		case stale:
			if err := os.Remove(lock); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("cannot lock %s: %w", file, err)
			}
			continue
		}
		if err := pause(ctx); err != nil {
			return nil, fmt.Errorf("cannot lock %s: process %d holds %s: %w", file, pid, lock, err)
		}
	}
}

// writeOwn writes our process id, zero byte included as shadow-utils has it.
func writeOwn(path string) error {
	// A leftover of a process that had our id; never followed if it is a link.
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strconv.Itoa(os.Getpid()) + "\x00")
	return errors.Join(err, f.Close())
}

// staleLock reads who holds a lock, and whether that process is gone. Our own
// id means gone too: whoever in this process held it let go of .pwd.lock.
func staleLock(lock string) (pid int, stale bool, err error) {
	b, err := os.ReadFile(lock)
	if err != nil {
		return 0, false, err
	}
	text := strings.TrimSpace(strings.TrimRight(string(b), "\x00"))
	if text == "" {
		// Whoever makes a lock writes its id before it gets that name, so this
		// one lost its bytes in a power cut. No shadow-utils would ever pass it.
		return 0, true, nil
	}
	pid, err = strconv.Atoi(text)
	if err != nil || pid <= 0 {
		return 0, false, fmt.Errorf("%s holds no process id; if no program is changing accounts, remove it", lock)
	}
	if pid == os.Getpid() {
		return pid, true, nil
	}
	if errors.Is(unix.Kill(pid, 0), unix.ESRCH) {
		return pid, true, nil
	}
	info, err := os.Lstat(lock)
	if err != nil {
		return 0, false, err
	}
	// One that began after the lock was made is another: the lock is of before
	// a power cut, and the id was given anew.
	began, known := startOf(pid)
	return pid, known && began.After(info.ModTime().Add(clockSlack)), nil
}

// clockSlack is what a process's start, in ticks, and a file's time may differ.
const clockSlack = 2 * time.Second

// startOf is when a process began: field 22 of /proc/PID/stat (proc(5)), in
// hundredths of a second since the boot.
func startOf(pid int) (time.Time, bool) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return time.Time{}, false
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:])) // from the third on
	const start = 22 - 3
	if len(fields) <= start {
		return time.Time{}, false
	}
	ticks, err := strconv.ParseInt(fields[start], 10, 64)
	var up unix.Timespec
	if err != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &up) != nil {
		return time.Time{}, false
	}
	const tick = 10 * time.Millisecond
	return time.Now().Add(time.Duration(ticks)*tick - time.Duration(up.Nano())), true
}

// holder finds who has a lock on a file: the process id, as the kernel tells.
func holder(path string) string {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return "unknown"
	}
	defer unix.Close(fd) //nolint:errcheck // opened for reading
	l := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(uintptr(fd), unix.F_GETLK, &l); err != nil || l.Pid <= 0 {
		return "unknown"
	}
	return "process " + strconv.Itoa(int(l.Pid))
}

func pause(ctx context.Context) error {
	t := time.NewTimer(poll)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
