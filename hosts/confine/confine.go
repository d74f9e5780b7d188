// Package confine makes a process one that can read everything and change
// nothing, by the kernel and for good.
//
// A confined process runs as UID, which nobody else is, with CAP_DAC_READ_SEARCH
// alone (capabilities(7): it reads any file and searches any directory). All
// other capabilities are gone from every set, the bounding set included; the
// securebits are locked and no_new_privs is set, so that no program it runs
// gets any of them back. It sits in a mount namespace of its own in which all
// that is mounted is read-only, so that what anybody may write (/tmp) is not
// written either. To systemd it can say what nobody can (Bus): ask.
//
// What root can read and such a process cannot: attributes of the namespaces
// trusted.* (xattr(7)), and what /proc shows of other users' processes to
// those alone who could trace them.
package confine

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// UID is the user and group of a confined process. It lies where no allocator
// hands out ids (systemd's UIDS-GIDS document), so that no file is its, and no
// other process that could trace it. That is why it is not nobody: nobody has
// files (NFS) and processes.
const UID = 2_000_000_000

// loginVar carries who logged in over the execution as another.
const loginVar = "HIKAE_LOGIN"

// Login is who started this process before it was confined.
func Login() string { return os.Getenv(loginVar) }

// ReadOnly confines this process: it executes itself again, with the same
// arguments, and returns nil once it is the confined one. login is who logged
// in. It must be called before anything is opened or started that the second
// execution should not meet.
func ReadOnly(login string) error {
	if Login() != "" {
		if err := check(); err != nil {
			return fmt.Errorf("cannot serve read-only: %w", err)
		}
		return nil
	}
	if os.Geteuid() != 0 {
		return errors.New("cannot serve read-only: it begins as root, to read what root can and then be less: put the key into root's authorized_keys, or write command=\"sudo /usr/bin/hikae agent --read-only\"")
	}
	if _, err := user.LookupId(strconv.Itoa(UID)); err == nil {
		return fmt.Errorf("cannot serve read-only: user id %d is somebody's here; it must be nobody's", UID)
	}
	// Credentials and namespaces are a thread's: this one is the one that
	// executes, and no other must get a part of them.
	runtime.LockOSThread()
	bus, err := openBus()
	if err != nil {
		return fmt.Errorf("cannot serve read-only: cannot connect to the system bus: %w", err)
	}
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"make all mounts read-only", mountsReadOnly},
		{"give up root", becomeNobody},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("cannot serve read-only: cannot %s: %w", step.what, err)
		}
	}
	env := []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", loginVar + "=" + login, busVar + "=" + bus}
	err = unix.Exec("/proc/self/exe", os.Args, env)
	self, _ := os.Executable()
	return fmt.Errorf("cannot serve read-only: cannot execute %s again as an unprivileged user: %w; install the hikae package, whose program anybody may execute", self, err)
}

// The securebits (capabilities(7)); each is followed by the bit that locks it.
const (
	noRoot         = 3 << 0 // uid 0 is nobody special
	noSetuidFixup  = 3 << 2 // a change of user changes no capability
	keepCapsLocked = 1 << 5 // and stays off
	noAmbientRaise = 3 << 6
)

// becomeNobody gives this thread the credentials that the package speaks of.
func becomeNobody() error {
	const keep = unix.CAP_DAC_READ_SEARCH
	// Without the fix-up the capabilities outlive the change of user.
	const bits = noRoot | noSetuidFixup | keepCapsLocked
	if err := prctl(unix.PR_SET_SECUREBITS, bits, 0); err != nil {
		return err
	}
	for _, call := range []uintptr{unix.SYS_SETRESGID, unix.SYS_SETRESUID} {
		if err := become(call, UID, UID, UID); err != nil {
			return err
		}
	}
	if err := capset(1<<keep|1<<unix.CAP_SETPCAP, 1<<keep); err != nil {
		return err
	}
	if err := prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, keep); err != nil {
		return err
	}
	for c := uintptr(0); c <= 63; c++ {
		if err := prctl(unix.PR_CAPBSET_DROP, c, 0); errors.Is(err, unix.EINVAL) {
			break // the kernel knows no more
		} else if err != nil {
			return err
		}
	}
	if err := prctl(unix.PR_SET_SECUREBITS, bits|noAmbientRaise, 0); err != nil {
		return err
	}
	if err := capset(1<<keep, 1<<keep); err != nil {
		return err
	}
	return prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0)
}

func prctl(option int, a, b uintptr) error { return unix.Prctl(option, a, b, 0, 0) }

// capset sets this thread's effective and permitted, and its inheritable
// capabilities.
func capset(permitted, inheritable uint32) error {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{{Effective: permitted, Permitted: permitted, Inheritable: inheritable}}
	return unix.Capset(&head, &data[0])
}

// check reports what this process has that a confined one has not, so that a
// variable in the environment alone makes none believe that it is.
func check() error {
	want := fmt.Sprintf("%016x", 1<<unix.CAP_DAC_READ_SEARCH)
	id := strings.Repeat(fmt.Sprintf("%d\t", UID), 4)
	state := map[string]string{
		"Uid": strings.TrimSpace(id), "Gid": strings.TrimSpace(id), "Groups": "",
		"CapInh": want, "CapPrm": want, "CapEff": want, "CapAmb": want, "CapBnd": fmt.Sprintf("%016x", 0), "NoNewPrivs": "1",
	}
	f, err := os.Open("/proc/thread-self/status")
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		if due, ok := state[name]; ok {
			if got := strings.TrimSpace(value); got != due {
				return fmt.Errorf("%s is %q, not %q (%s in the environment is hikae's own)", name, got, due, loginVar)
			}
			delete(state, name)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if len(state) > 0 {
		return fmt.Errorf("/proc does not say all of this process's credentials: %d are missing", len(state))
	}
	var st unix.Statfs_t
	if err := unix.Statfs("/", &st); err != nil {
		return err
	}
	if st.Flags&unix.ST_RDONLY == 0 {
		return errors.New("the root file system can be written")
	}
	return nil
}
