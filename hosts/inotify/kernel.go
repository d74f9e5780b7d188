package inotify

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// what is asked of the kernel for a directory. Opening and reading are not, so
// that hikae's own reads are no events. A file that was removed while it is open
// is none of the directory's any more (IN_EXCL_UNLINK).
const what = unix.IN_MODIFY | unix.IN_ATTRIB | unix.IN_CLOSE_WRITE | unix.IN_CREATE | unix.IN_DELETE |
	unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_EXCL_UNLINK

// kernel is an instance of inotify, and the host's root.
type kernel struct {
	fd   int // -1: none could be had
	root int // O_PATH
	path string

	stepwise bool // openat2(2) is not to be had: before Linux 5.6, EL 8
	touches  bool // access times cannot be left alone: only the owner and root may
}

func openKernel(root string) (*kernel, error) {
	r, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: root, Err: err}
	}
	return &kernel{fd: -1, root: r, path: root}, nil
}

// start gets an instance of inotify.
func (k *kernel) start() (err error) {
	k.fd, err = unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		k.fd = -1
	}
	return err
}

func (k *kernel) close() {
	if k.fd >= 0 {
		_ = unix.Close(k.fd)
	}
	_ = unix.Close(k.root)
}

// add watches the directory that dir is open on or, where name is not empty,
// name in it, following no link there. A directory that is watched already
// gives the number that it has.
func (k *kernel) add(dir int, name string) (int32, error) {
	if k.fd < 0 {
		return 0, unix.ENOSPC
	}
	p := "/proc/self/fd/" + strconv.Itoa(dir)
	flags := uint32(what | unix.IN_ONLYDIR)
	if name != "" {
		p += "/" + name
		flags |= unix.IN_DONT_FOLLOW
	}
	for {
		wd, err := unix.InotifyAddWatch(k.fd, p, flags)
		switch err {
		case nil:
			return int32(wd), nil //nolint:gosec // the kernel's are int
		case unix.EINTR:
		default:
			return 0, err
		}
	}
}

// remove watches no longer. There is nothing to be told by its error: the
// directory may have gone before.
func (k *kernel) remove(wd int32) {
	if k.fd >= 0 {
		_, _ = unix.InotifyRmWatch(k.fd, uint32(wd)) //nolint:gosec // never negative
	}
}

// open opens a directory of the host for reading. No link is on the way: who
// watches has resolved those that may be followed.
func (k *kernel) open(dir string) (int, error) {
	rel := strings.TrimPrefix(dir, "/")
	if rel == "" {
		rel = "."
	}
	if !k.stepwise {
		fd, err := -1, error(unix.EPERM)
		if !k.touches {
			fd, err = k.straight(rel, unix.O_NOATIME)
		}
		if errors.Is(err, unix.EPERM) {
			fd, err = k.straight(rel, 0)
			k.touches = err == nil
		}
		if !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM) {
			return fd, err
		}
		k.stepwise = true
	}
	at, err := unix.FcntlInt(uintptr(k.root), unix.F_DUPFD_CLOEXEC, 3)
	for part := range strings.SplitSeq(rel, "/") {
		if err != nil {
			return -1, err
		}
		var next int
		next, err = retry(func() (int, error) {
			return unix.Openat(at, part, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		})
		_ = unix.Close(at)
		at = next
	}
	if err != nil {
		return -1, err
	}
	defer func() { _ = unix.Close(at) }()
	return retry(func() (int, error) {
		return unix.Openat(at, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	})
}

func (k *kernel) straight(rel string, flags uint64) (int, error) {
	return retry(func() (int, error) {
		return unix.Openat2(k.root, rel, &unix.OpenHow{
			Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC | flags,
			Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
		})
	})
}

func retry[T any](call func() (T, error)) (T, error) {
	for {
		v, err := call()
		if !errors.Is(err, unix.EINTR) {
			return v, err
		}
	}
}

// statAt is an lstat that wakes no automounter.
func statAt(dir int, name string, st *unix.Stat_t) error {
	for {
		err := unix.Fstatat(dir, name, st, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT)
		if err != unix.EINTR {
			return err
		}
	}
}

// gone reports whether an error says that no directory is there.
func gone(err error) bool {
	return isAny(err, unix.ENOENT, unix.ENOTDIR, unix.ELOOP, unix.ESTALE)
}

// scarce reports whether an error says that something has run out.
func scarce(err error) bool {
	return isAny(err, unix.ENOSPC, unix.EMFILE, unix.ENFILE, unix.ENOMEM)
}

// others reports whether a file system's type is one that others change too, of
// which the kernel does not tell.
func others(kind int64) bool {
	return slices.Contains([]int64{unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC,
		unix.CEPH_SUPER_MAGIC, unix.V9FS_MAGIC, unix.AFS_FS_MAGIC, unix.FUSE_SUPER_MAGIC}, kind)
}

func isAny(err error, of ...unix.Errno) bool {
	for _, e := range of {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// dirent types of getdents64(2).
const (
	dtUnknown = 0
	dtDir     = 4
)

// list calls fn for each entry of an open directory. Names are good during the call.
func (k *kernel) list(dir int, buf []byte, fn func(name []byte, kind byte)) error {
	for {
		n, err := retry(func() (int, error) { return unix.Getdents(dir, buf) })
		if err != nil {
			return fmt.Errorf("getdents: %w", err)
		}
		if n == 0 {
			return nil
		}
		direntries(buf[:n], fn)
	}
}
