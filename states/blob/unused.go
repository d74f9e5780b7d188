package blob

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A blob's time is when it was last put or asked for, to a day.
const usedToADay = 24 * time.Hour

// has reports whether a blob is there, and notes that it was asked for: from then on
// Remove leaves it.
func (d *Dir) has(name string) (bool, error) {
	info, err := os.Lstat(d.path(name))
	if err == nil && time.Since(info.ModTime()) > usedToADay {
		if err = os.Chtimes(d.path(name), time.Time{}, time.Now()); !errors.Is(err, fs.ErrNotExist) {
			err = nil // who may only read removes nothing either
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// going marks what Remove has put aside.
const going = ".going"

// Unused lists the blobs that were last put or asked for before a time.
func (d *Dir) Unused(ctx context.Context, before time.Time) (map[string]bool, error) {
	all := map[string]bool{}
	err := filepath.WalkDir(d.root, func(p string, e fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || !e.Type().IsRegular() {
			return ignoreGone(err)
		}
		if path, aside := strings.CutSuffix(p, going); aside { // by one that was cut off
			return putBack(p, path)
		}
		if CheckName(e.Name()) != nil {
			return nil //nolint:nilerr // not one of ours
		}
		if info, err := e.Info(); err != nil {
			return ignoreGone(err)
		} else if info.ModTime().Before(before) {
			all[e.Name()] = true
		}
		return nil
	})
	return all, err
}

// Remove removes those of some blobs that were not asked for since that time, and
// returns their bytes. It may run beside whoever puts and asks: each is put aside, and
// back again if it was asked for until then; who asks in between is told that it is
// missing, and puts it anew.
func (d *Dir) Remove(ctx context.Context, names map[string]bool, before time.Time) (bytes int64, err error) {
	for name := range names {
		if err := ctx.Err(); err != nil {
			return bytes, err
		}
		path := d.path(name)
		aside := path + going
		if err := os.Rename(path, aside); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return bytes, err
		}
		info, err := os.Lstat(aside)
		if err != nil {
			return bytes, err
		}
		if !info.ModTime().Before(before) {
			err = putBack(aside, path)
		} else if err = os.Remove(aside); err == nil {
			bytes += info.Size()
		}
		if err != nil {
			return bytes, err
		}
	}
	return bytes, nil
}

// putBack gives a blob its place again, if there is none in it.
func putBack(aside, path string) error {
	err := unix.Renameat2(unix.AT_FDCWD, aside, unix.AT_FDCWD, path, unix.RENAME_NOREPLACE)
	switch {
	case errors.Is(err, unix.EEXIST):
		return os.Remove(aside)
	case errors.Is(err, unix.EINVAL): // a file system that knows no such rename: the same bytes, either way
		err = os.Rename(aside, path)
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: aside, New: path, Err: err}
	}
	return nil
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
