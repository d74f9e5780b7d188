package local

import (
	"crypto/sha256"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// What was found of a path's attributes is remembered under its stamp, as the
// hash of its bytes is: every change of an attribute sets the ctime. Only the
// common answers are, that there is nothing to tell; the others are read again.

// fits says by which rule something was found to be right: a path's label by the
// policy, or an rpmdb by its headers' digests.
type fits [8]byte

// notePlain remembers that.
func (h *Host) notePlain(s Stamp) {
	h.stamps.note(s, func(k *Digested) { k.Plain = true })
}

// What is known of a label before the policy is asked.
type known int

const (
	labelUnknown known = iota
	labelFits
	labelOdd
)

// label tells what is known of the label of name in d by a rule.
func (k *Digested) label(f fits, c *ctimes, d dirFD, name string) known {
	is := labelUnknown
	switch {
	case f == fits{}:
	case k.Fits == f:
		is = labelFits
	case k.Odd == f:
		is = labelOdd
	}
	if is != labelUnknown && !c.tell(k.Stamp.Dev, d, name) {
		return labelUnknown
	}
	return is
}

// noteLabel remembers which of both.
func (h *Host) noteLabel(s Stamp, f fits, odd bool) {
	h.stamps.note(s, func(k *Digested) {
		if k.Fits, k.Odd = f, (fits{}); odd {
			k.Fits, k.Odd = fits{}, f
		}
	})
}

// labelRule names what the answer for a path depends on besides its own stamp: the
// files of the policy, and the policy that the kernel has loaded, since a type
// that this does not know shows as none. "" where that cannot be told.
func (h *Host) labelRule(files []Stamp) string {
	now := time.Now()
	for _, s := range files {
		if s != (Stamp{}) && !s.settled(now) {
			return ""
		}
	}
	rule := fmt.Sprint(files)
	if h.root != "/" {
		return short(rule)
	}
	// The status page counts the policies loaded since the boot.
	status, err := os.ReadFile("/sys/fs/selinux/status")
	if os.IsNotExist(err) {
		return short(rule) // a kernel without SELinux shows what is on the disk
	}
	boot, bootErr := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil || bootErr != nil {
		return ""
	}
	return short(fmt.Sprintf("%s %s %x", rule, boot, status))
}

// short is a name for a long rule: it is hashed again for each path.
func short(rule string) string {
	sum := sha256.Sum256([]byte(rule))
	return string(sum[:])
}

// fitsRule names the answer that a path has the label that the rule gives it.
func fitsRule(rule, path string) fits {
	if rule == "" {
		return fits{}
	}
	sum := sha256.Sum256([]byte(rule + "\x00" + path))
	return fits(sum[:8])
}

// ctimes knows on which devices a change of an attribute sets the ctime.
type ctimes struct {
	mu  sync.Mutex
	has map[uint64]bool
}

// tell reports that of the device that name in d is on. It asks by a path that
// follows links, so a link's device is not asked for.
func (c *ctimes) tell(dev uint64, d dirFD, name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	tells, known := c.has[dev]
	if known {
		return tells
	}
	st, err := d.statx(name)
	if err != nil || st.Mode&unix.S_IFMT == unix.S_IFLNK || stampOf(st).Dev != dev {
		return false
	}
	var f unix.Statfs_t
	if err := retryErr(func() error { return unix.Statfs(d.proc(name), &f) }); err != nil {
		return false
	}
	if c.has == nil {
		c.has = map[uint64]bool{}
	}
	c.has[dev] = ctimeTells(int64(f.Type)) //nolint:unconvert // int32 on some
	return c.has[dev]
}

// ctimeTells reports whether a file system sets the ctime with attributes. ext4,
// xfs and btrfs always did. tmpfs does since Linux 6.6, and so what lies over it.
func ctimeTells(fsType int64) bool {
	switch fsType {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC:
		return true
	case unix.OVERLAYFS_SUPER_MAGIC, unix.TMPFS_MAGIC:
		return kernelSince(6, 6)
	}
	return false
}

func kernelSince(major, minor int) bool {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return false
	}
	var is [2]int
	n, err := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &is[0], &is[1])
	return err == nil && n == 2 && (is[0] > major || is[0] == major && is[1] >= minor)
}
