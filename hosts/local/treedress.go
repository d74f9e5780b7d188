package local

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// dress puts an entry's metadata on what is at name in d, its times last.
func (t *tree) dress(ctx context.Context, d dirFD, name string, e *hosts.TreeEntry) error {
	m, err := t.dressing(ctx, e)
	if err != nil {
		return err
	}
	switch e.Type {
	case hosts.Link, hosts.Other:
		err = t.dressOdd(d, name, m, e)
	default:
		fd, openErr := d.openRead(name, unix.O_NONBLOCK)
		if openErr != nil {
			return openErr
		}
		defer dirFD(fd).Close()
		st, statErr := fstatx(fd)
		if statErr != nil {
			return statErr
		}
		if nodeType(st.Mode) != e.Type {
			return errOtherThere
		}
		if e.Type == hosts.File && st.Nlink > 1 {
			return errNamed
		}
		err = m.onFile(fd, d, name)
	}
	if err != nil {
		return err
	}
	return setMTime(d, name, e.MTime)
}

// dressing turns an entry's metadata into this host's numbers.
func (t *tree) dressing(ctx context.Context, e *hosts.TreeEntry) (*meta, error) {
	n := e.Node
	if e.Type == hosts.Other {
		n.Mode, n.ACL, n.Xattrs = 0, "", nil
		n.Type = hosts.Link // what has an owner and a label, and is not opened
	}
	m, err := t.h.meta(ctx, t.abs(e.Path), &n)
	if err == nil && e.Type == hosts.Other {
		m.mode = e.Mode
	}
	return m, err
}

// dressOdd is for what cannot be opened without harm.
func (t *tree) dressOdd(d dirFD, name string, m *meta, e *hosts.TreeEntry) error {
	if err := m.onLink(d, name); err != nil || e.Type == hosts.Link {
		return err
	}
	// A link that somebody put there meanwhile is not followed: fchmodat(2)
	// knows no such flag before Linux 6.6, so the path goes by way of O_PATH.
	fd, err := d.openat(name, unix.O_PATH, 0)
	if err != nil {
		return err
	}
	defer dirFD(fd).Close()
	st, err := fstatx(fd)
	if err == nil && uint32(st.Mode)&unix.S_IFMT != e.Special {
		err = errOtherThere
	}
	if err != nil {
		return err
	}
	return unix.Chmod(fmt.Sprintf("/proc/self/fd/%d", fd), e.Mode)
}

func setMTime(d dirFD, name string, ns int64) error {
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, unix.NsecToTimespec(ns)}
	if err := unix.UtimesNanoAt(int(d), name, times, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("cannot set its time: %w", err)
	}
	return nil
}
