package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// Put implements hosts.Host. What it wrote is on disk when it returns.
func (h *Host) Put(ctx context.Context, p string, n hosts.Node, content io.Reader) error {
	s, err := h.stage(ctx, p, n, content)
	if err != nil {
		return err
	}
	if err := s.Commit(); err != nil {
		return errors.Join(err, s.Discard())
	}
	return h.syncDir(path.Dir(p))
}

// Link implements hosts.Linker.
func (h *Host) Link(ctx context.Context, from, to string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := h.link(from, to); err != nil {
		return fmt.Errorf("cannot link %s to %s: %w", from, to, bare(err))
	}
	h.staging.dirty(path.Dir(to))
	return nil
}

func (h *Host) link(from, to string) error {
	d, name, err := h.parent("link", from)
	if err != nil {
		return err
	}
	defer d.Close()
	fd, err := d.openat(name, unix.O_PATH, 0)
	if err != nil {
		return err
	}
	defer dirFD(fd).Close()
	st, err := fstatx(fd)
	if err != nil {
		return err
	}
	if nodeType(st.Mode) != hosts.File {
		return errNotRegular
	}
	in, name, err := h.parent("link", to)
	if err != nil {
		return err
	}
	defer in.Close()
	return unix.Linkat(fd, "", int(in), name, unix.AT_EMPTY_PATH)
}

// Remove implements hosts.Host. It is on disk when it returns.
func (h *Host) Remove(ctx context.Context, p string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	wrap := func(err error) error { return fmt.Errorf("cannot remove %s: %w", p, err) }
	d, name, err := h.parent("remove", p)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return wrap(bare(err))
	}
	defer d.Close()
	st, err := d.statx(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return wrap(err)
	}
	mounts, err := h.mounts()
	if err != nil {
		return wrap(err)
	}
	if mounts.has(p, st) || name == "." {
		return wrap(hosts.ErrMountPoint)
	}
	flags := 0
	if nodeType(st.Mode) == hosts.Dir {
		flags = unix.AT_REMOVEDIR
	}
	err = unix.Unlinkat(int(d), name, flags)
	h.wrote(p)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil
	case errors.Is(err, unix.ENOTEMPTY), errors.Is(err, unix.EEXIST):
		return wrap(hosts.ErrNotEmpty)
	case err != nil:
		return wrap(h.explain(err, d, name))
	}
	return h.syncDir(path.Dir(p))
}

// CleanTemps implements hosts.TempCleaner.
func (h *Host) CleanTemps(ctx context.Context, dirs []string) ([]string, error) {
	var removed []string
	var errs []error
	for _, dir := range dirs {
		if err := ctx.Err(); err != nil {
			return removed, err
		}
		names, err := h.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("cannot look for temporary files: %w", err))
			continue
		}
		for _, name := range names {
			if !hosts.IsTemp(name) {
				continue
			}
			p := path.Join(dir, name)
			if err := h.removeTemp(p); err != nil {
				errs = append(errs, fmt.Errorf("cannot remove temporary %s: %w", p, err))
				continue
			}
			removed = append(removed, p)
		}
	}
	return removed, errors.Join(errs...)
}

func (h *Host) removeTemp(p string) error {
	d, name, err := h.parent("remove", p)
	if err != nil {
		return bare(err)
	}
	defer d.Close()
	return removeTree(d, name)
}

// removeTree removes what is at name in d, and below it: of a directory that
// was staged, which holds only what was staged in it. It goes into nothing
// that is mounted there.
func removeTree(d dirFD, name string) error {
	err := removeTemp(d, name)
	if !errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, unix.EEXIST) {
		return err
	}
	dir, names, err := openAndList(d, name)
	if err != nil {
		return err
	}
	defer dir.Close()
	for _, child := range names {
		if err := removeTree(dir, child); err != nil {
			return err
		}
	}
	return removeTemp(d, name)
}

// explain says what a bare error of the kernel means here, and the remedy.
func (h *Host) explain(err error, d dirFD, name string) error {
	switch {
	case errors.Is(err, unix.EROFS):
		return fmt.Errorf("%w: remount it writable (mount -o remount,rw) or find out why it is not", err)
	case errors.Is(err, unix.ENOSPC):
		return fmt.Errorf("%w: free space or inodes (df -h, df -i)", err)
	case errors.Is(err, unix.EDQUOT):
		return fmt.Errorf("%w: raise its owner's quota", err)
	case errors.Is(err, unix.EBUSY):
		return fmt.Errorf("%w: %w", hosts.ErrMountPoint, err)
	case errors.Is(err, hosts.ErrMountPoint):
		return fmt.Errorf("it is %w: unmount it, or write what is mounted there", err)
	case errors.Is(err, unix.EPERM):
		for _, at := range []struct{ name, what string }{{name, "it"}, {".", "its directory"}} {
			st, statErr := d.statx(at.name)
			if statErr != nil {
				continue
			}
			if st.Attributes&unix.STATX_ATTR_IMMUTABLE != 0 {
				return fmt.Errorf("%w: %s is immutable (chattr -i makes it writable)", err, at.what)
			}
			if st.Attributes&unix.STATX_ATTR_APPEND != 0 {
				return fmt.Errorf("%w: %s is append-only (chattr -a makes it writable)", err, at.what)
			}
		}
	}
	return err
}
