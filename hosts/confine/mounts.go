package confine

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
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
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		point, flags, err := parseMount(lines.Text())
		if err != nil {
			return err
		}
		err = unix.Mount("", point, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|flags, "")
		// One that another hides or that went meanwhile cannot be reached either.
		if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("%s: %w", point, err)
		}
	}
	return lines.Err()
}

// parseMount reads a line of mountinfo (proc_pid_mountinfo(5)): where it is
// mounted, and the flags of the mount that a remount would lose.
func parseMount(line string) (point string, flags uintptr, err error) {
	fields := strings.Fields(line)
	if len(fields) < 6 {
		return "", 0, fmt.Errorf("cannot read mountinfo: %q", line)
	}
	known := map[string]uintptr{
		"nosuid": unix.MS_NOSUID, "nodev": unix.MS_NODEV, "noexec": unix.MS_NOEXEC,
		"noatime": unix.MS_NOATIME, "nodiratime": unix.MS_NODIRATIME, "relatime": unix.MS_RELATIME,
	}
	for o := range strings.SplitSeq(fields[5], ",") {
		flags |= known[o]
	}
	return unescapeMount(fields[4]), flags, nil
}

// unescapeMount undoes the octal escapes (\040 is a space).
func unescapeMount(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
