package confine

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"hikae/hosts/mountinfo"
)

// mountsReadOnly gives this thread a mount namespace of its own in which all
// that is mounted is read-only. What is unmounted outside goes here too.
func mountsReadOnly() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return err
	}
	err := unix.MountSetattr(unix.AT_FDCWD, "/", unix.AT_RECURSIVE, &unix.MountAttr{
		Attr_set: unix.MOUNT_ATTR_RDONLY, Propagation: unix.MS_SLAVE,
	})
	if err == nil || !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM) {
		return err
	}
	// A kernel before 5.12 (EL 8), or a container that does not know the call.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return err
	}
	f, err := os.Open("/proc/thread-self/mountinfo")
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	for m, err := range mountinfo.Read(f) {
		if err != nil {
			return err
		}
		err = unix.Mount("", m.Point, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|flags(m.Options), "")
		// One that another hides or that went meanwhile cannot be reached either.
		if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("%s: %w", m.Point, err)
		}
	}
	return nil
}

// flags are those of a mount that a remount would lose.
func flags(options []string) (bits uintptr) {
	known := map[string]uintptr{
		"nosuid": unix.MS_NOSUID, "nodev": unix.MS_NODEV, "noexec": unix.MS_NOEXEC,
		"noatime": unix.MS_NOATIME, "nodiratime": unix.MS_NODIRATIME, "relatime": unix.MS_RELATIME,
	}
	for _, o := range options {
		bits |= known[o]
	}
	return bits
}
