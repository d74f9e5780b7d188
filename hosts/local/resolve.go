package local

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// maxLinks bounds the links followed on one path, as the kernel does.
const maxLinks = 40

// dirFD is an open directory, in most cases O_PATH: good for the *at calls.
type dirFD int

// Close gives the descriptor back. There is nothing to be told by its error.
func (d dirFD) Close() { _ = unix.Close(int(d)) }

// proc is a path to name in the directory that holds while d is open, for the
// calls on extended attributes, which have no *at form before Linux 6.13.
func (d dirFD) proc(name string) string {
	return "/proc/self/fd/" + strconv.Itoa(int(d)) + "/" + name
}

// openat opens name in d, never following a link there.
func (d dirFD) openat(name string, flags int, perm uint32) (int, error) {
	return retry(func() (int, error) {
		return unix.Openat(int(d), name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, perm)
	})
}

// openRead opens name for reading without touching its access time, which only
// the owner and root can ask for.
func (d dirFD) openRead(name string, flags int) (int, error) {
	fd, err := d.openat(name, flags|unix.O_RDONLY|unix.O_NOATIME, 0)
	if errors.Is(err, unix.EPERM) {
		fd, err = d.openat(name, flags|unix.O_RDONLY, 0)
	}
	return fd, err
}

const statMask = unix.STATX_BASIC_STATS

// statx is an lstat that also tells mount points and immutable files.
func (d dirFD) statx(name string) (*unix.Statx_t, error) {
	st := new(unix.Statx_t)
	return st, d.statxInto(name, st)
}

func (d dirFD) statxInto(name string, st *unix.Statx_t) error {
	for {
		err := unix.Statx(int(d), name, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT, statMask, st)
		if err != unix.EINTR { // a bare errno, for each of many thousand files
			return err
		}
	}
}

// checkPath refuses what is no path of a host.
func checkPath(op, p string) error {
	if !path.IsAbs(p) || path.Clean(p) != p || strings.IndexByte(p, 0) >= 0 {
		return &fs.PathError{Op: op, Path: p, Err: errors.New("not an absolute, clean path")}
	}
	return nil
}

// parent opens the directory that p is in. name is the last part of p, "." for
// the root itself.
func (h *Host) parent(op, p string) (d dirFD, name string, err error) {
	if err := checkPath(op, p); err != nil {
		return -1, "", err
	}
	dir, name := path.Split(p)
	if name == "" {
		name = "."
	}
	d, err = h.openDir(dir)
	if err != nil {
		return -1, "", &fs.PathError{Op: op, Path: p, Err: err}
	}
	return d, name, nil
}

// openDir opens a directory by the rule of the package's comment. The error is
// bare; ENOTDIR is told as ENOENT, since nothing is there either way.
func (h *Host) openDir(p string) (dirFD, error) {
	rel := strings.Trim(p, "/")
	if rel == "" {
		rel = "."
	}
	fd, err := h.openStraight(rel)
	switch {
	case err == nil:
		return dirFD(fd), nil
	case errors.Is(err, unix.ENOTDIR):
		return -1, unix.ENOENT
	case errors.Is(err, unix.ELOOP), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM):
		// A link, a kernel before 5.6 (EL 8) or a container that knows no openat2.
		return h.walkDir(rel, func(dirFD, string) {})
	}
	return -1, err
}

// openStraight opens a directory that no link leads to.
func (h *Host) openStraight(rel string) (int, error) {
	return retry(func() (int, error) {
		return unix.Openat2(int(h.fd), rel, &unix.OpenHow{
			Flags:   unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC,
			Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
		})
	})
}

// Straight implements hosts.Straightener. Before Linux 5.6 it cannot tell.
func (h *Host) Straight(p string) bool {
	if checkPath("stat", p) != nil {
		return false
	}
	rel := strings.Trim(path.Dir(p), "/")
	if rel == "" {
		return true
	}
	fd, err := h.openStraight(rel)
	if err == nil {
		dirFD(fd).Close()
	}
	return err == nil
}

// trail is the directories from the root to where a walk has come.
type trail []dirFD

func (t trail) last() dirFD { return t[len(t)-1] }

// back closes all but the first keep directories.
func (t *trail) back(keep int) {
	for _, d := range (*t)[keep:] {
		d.Close()
	}
	*t = (*t)[:keep]
}

// walkDir does what openDir does part by part, following the links it may. met is
// called with each link that it comes upon: its directory, and its name there.
func (h *Host) walkDir(rel string, met func(dirFD, string)) (dirFD, error) {
	root, err := unix.Dup(int(h.fd))
	if err != nil {
		return -1, err
	}
	at := trail{dirFD(root)}
	parts := strings.Split(rel, "/")
	for links := 0; len(parts) > 0; {
		part := parts[0]
		parts = parts[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			at.back(max(1, len(at)-1))
			continue
		}
		target, err := h.step(&at, part, met)
		if err != nil {
			at.back(0)
			return -1, err
		}
		if target == "" {
			continue
		}
		if links++; links > maxLinks {
			at.back(0)
			return -1, unix.ELOOP
		}
		if path.IsAbs(target) {
			at.back(1)
		}
		parts = slices.Concat(strings.Split(target, "/"), parts)
	}
	d := at.last()
	at = at[:len(at)-1]
	at.back(0)
	return d, nil
}

// step goes into the directory name, or gives the target of the link that it is.
func (h *Host) step(at *trail, name string, met func(dirFD, string)) (target string, err error) {
	fd, err := at.last().openat(name, unix.O_PATH, 0)
	if err != nil {
		return "", err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		dirFD(fd).Close()
		return "", err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		*at = append(*at, dirFD(fd))
		return "", nil
	case unix.S_IFLNK:
		defer dirFD(fd).Close()
		met(at.last(), name)
		if !h.trusts(&st) {
			return "", hosts.ErrLink
		}
		for _, d := range *at {
			if err := unix.Fstat(int(d), &st); err != nil {
				return "", err
			}
			if !h.trusts(&st) {
				return "", hosts.ErrLink
			}
		}
		return readlinkat(dirFD(fd), "")
	}
	dirFD(fd).Close()
	return "", unix.ENOENT
}

// trusts reports whether only root could have made the link, or what is in the
// directory, that st is of.
func (h *Host) trusts(st *unix.Stat_t) bool {
	if st.Uid != 0 && st.Uid != h.owner {
		return false
	}
	return st.Mode&unix.S_IFMT == unix.S_IFLNK || st.Mode&0o022 == 0
}

// readlinkat reads the link at name in d, or d itself where name is "".
func readlinkat(d dirFD, name string) (string, error) {
	for size := 256; ; size *= 4 {
		buf := make([]byte, size)
		n, err := retry(func() (int, error) { return unix.Readlinkat(int(d), name, buf) })
		if err != nil {
			return "", err
		}
		if n < size {
			return string(buf[:n]), nil
		}
	}
}
