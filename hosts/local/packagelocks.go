package local

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"hikae/hosts"
	"hikae/hosts/rpmdb"
)

var _ hosts.PackageLocks = (*Host)(nil)

// dnfLock holds the process id of the dnf whose transaction runs, from before rpm
// takes its lock until dnf has written its history (dnf/lock.py, dnf/base.py).
const dnfLock = "/var/lib/dnf/rpmdb_lock.pid"

// PackagesHeldBy implements hosts.PackageLocks. It takes no lock, and so is in
// nobody's way.
func (h *Host) PackagesHeldBy() (string, error) {
	for _, p := range rpmdb.Locks() {
		pid, held, err := h.writeLocked(p)
		if err != nil {
			return "", fmt.Errorf("cannot tell whether packages are being changed: %w", err)
		}
		if held {
			return h.process("rpm", pid), nil
		}
	}
	pid, err := h.dnfRuns()
	if err != nil {
		return "", fmt.Errorf("cannot tell whether packages are being changed: %w", err)
	}
	if pid > 0 {
		return h.process("dnf", pid), nil
	}
	return "", nil
}

// writeLocked reports whether someone has a write lock on a file, and who. pid is
// not positive where the kernel cannot tell.
func (h *Host) writeLocked(p string) (pid int, held bool, err error) {
	f, err := h.open(p)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	// What would keep a reader out: write locks alone.
	l := unix.Flock_t{Type: unix.F_RDLCK}
	if err := retryErr(func() error { return unix.FcntlFlock(uintptr(f.fd), unix.F_GETLK, &l) }); err != nil {
		return 0, false, fmt.Errorf("cannot ask for the lock of %s: %w", p, err)
	}
	return int(l.Pid), l.Type != unix.F_UNLCK, nil
}

// dnfRuns gives the process whose transaction dnf's lock says to run, 0 for none.
// The lock of one that was killed stays: its number may be another's since.
func (h *Host) dnfRuns() (int, error) {
	f, err := h.open(dnfLock)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	b, err := io.ReadAll(io.LimitReader(f, 64))
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(b)))
	if err != nil || pid <= 0 {
		return 0, nil // a moment ago it was made, or it is nothing of dnf's
	}
	if startedAfter(pid, time.Unix(0, f.stamp().MTime)) { // as one of Python's daemons may have, after a loss of power
		return 0, nil
	}
	command, err := readProc(pid, "cmdline")
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ESRCH):
		return 0, nil
	case err != nil:
		return 0, err
	}
	// dnf is a program of Python's, as is all that uses it.
	for _, is := range []string{"python", "dnf", "yum"} {
		if bytes.Contains(command, []byte(is)) {
			return pid, nil
		}
	}
	return 0, nil
}

// startedAfter reports whether a process began after a time, as far as that can be
// told: by the 22nd field of its stat, in hundredths of a second since the boot
// (proc_pid_stat(5)).
func startedAfter(pid int, t time.Time) bool {
	const began, slack = 22 - 3, 5 * time.Second // counted from behind the name, which is the 2nd
	stat, err := readProc(pid, "stat")
	if err != nil {
		return false
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) <= began {
		return false
	}
	ticks, err := strconv.ParseInt(string(fields[began]), 10, 64)
	var up unix.Timespec
	if err != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &up) != nil {
		return false
	}
	age := time.Duration(up.Nano()) - time.Duration(ticks)*10*time.Millisecond
	return time.Now().Add(-age).After(t.Add(slack))
}

// process names one for people.
func (h *Host) process(what string, pid int) string {
	if pid <= 0 || h.root != "/" {
		return what
	}
	if name, err := readProc(pid, "comm"); err == nil {
		what = printable(string(bytes.TrimSpace(name)))
	}
	return fmt.Sprintf("%s (process %d)", what, pid)
}

// readProc reads a file of a process of this machine.
func readProc(pid int, name string) ([]byte, error) {
	return os.ReadFile("/proc/" + strconv.Itoa(pid) + "/" + name)
}
