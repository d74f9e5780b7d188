package local

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// versionsDir holds what a mirror overwrote and removed: beside the tree, where
// that is the same file system, or else in it. A rename keeps them, and only
// root reads them. Below it: the tree's name, the time, the path.
const versionsDir = ".hikae-versions"

// versions keeps versions of a tree.
type versions struct {
	t *tree

	mu     sync.Mutex
	pruned time.Time // when it was last looked for what is old
	spare  int64     // bytes that go where room is needed, at the time of counted
	counted,
	went time.Time // the newest that went for room
}

const versionTime = "2006-01-02T15:04:05Z"

// root opens the directory of this tree's versions, making it with make.
func (k *versions) root(create bool) (dirFD, error) {
	d, err := k.home()
	for _, name := range []string{versionsDir, k.name()} {
		if err != nil {
			return d, err
		}
		if create {
			if err = unix.Mkdirat(int(d), name, 0o700); errors.Is(err, unix.EEXIST) {
				err = nil
			}
		}
		fd := -1
		if err == nil {
			fd, err = d.openat(name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
		}
		d.Close()
		if d = dirFD(fd); err == nil {
			if err = k.ours(d); err != nil {
				d.Close()
			}
		}
	}
	return d, err
}

func (k *versions) name() string {
	if name := path.Base(k.t.root); name != "/" {
		return name
	}
	return "root"
}

// ours refuses a directory that another could have laid there.
func (k *versions) ours(d dirFD) error {
	st, err := fstatx(int(d))
	switch {
	case err != nil:
		return err
	case st.Uid != k.t.h.owner || st.Mode&0o077 != 0:
		return fmt.Errorf("%s beside or in %s is not root's own with mode 0700: remove it", versionsDir, k.t.root)
	case stampOf(st).Dev != k.t.device:
		return hosts.ErrMountPoint
	}
	return nil
}

// home opens the directory that holds the versions.
func (k *versions) home() (dirFD, error) {
	d, _, err := k.t.h.parent("open", k.t.root)
	if err != nil {
		return -1, bare(err)
	}
	st, err := fstatx(int(d))
	if err == nil && stampOf(st).Dev == k.t.device && !k.t.mountPoint() {
		return d, nil
	}
	d.Close()
	if err != nil {
		return -1, err
	}
	return k.t.top()
}

// mountPoint reports whether the root of the tree is one.
func (t *tree) mountPoint() bool {
	mounts, err := t.h.mounts()
	if err != nil {
		return true
	}
	d, err := t.top()
	if err != nil {
		return true
	}
	defer d.Close()
	st, err := fstatx(int(d))
	return err != nil || mounts.has(t.root, st)
}

// keep puts what is at name in d, a path of the tree, among the versions. With
// link it stays where it is as well, where it can: something is about to be
// renamed over it.
func (k *versions) keep(d dirFD, name, rel string, link bool) error {
	named, err := elsewhere(d, name)
	if err != nil {
		return err
	}
	if k.t.opts.Versions <= 0 || named {
		if link {
			return nil
		}
		return unix.Unlinkat(int(d), name, 0)
	}
	// Of one path several may go within a second, or a file and then what was in
	// the directory that took its place.
	for i := 1; i < maxAtOnce; i++ {
		if err = k.move(d, name, rel, link, i); !errors.Is(err, fs.ErrExist) && !errors.Is(err, unix.ENOTDIR) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("cannot keep the old version: %w", err)
	}
	return nil
}

// elsewhere reports whether a file has another name, by which its bytes stay: in the
// tree, or among the versions since a writer was killed. A version that is the same
// file as one in the tree would change with it.
func elsewhere(d dirFD, name string) (bool, error) {
	st, err := d.statx(name)
	return err == nil && nodeType(st.Mode) == hosts.File && st.Nlink > 1, err
}

// maxAtOnce bounds how many versions of a path are kept of one second.
const maxAtOnce = 1000

func (k *versions) move(d dirFD, name, rel string, link bool, i int) error {
	to, err := k.place(path.Dir(rel), i)
	if err != nil {
		return err
	}
	defer to.Close()
	if link {
		return unix.Linkat(int(d), name, int(to), name, 0)
	}
	return unix.Renameat2(int(d), name, int(to), name, unix.RENAME_NOREPLACE)
}

// place opens the directory for what was in a directory of the tree, now: the
// i-th of this second.
func (k *versions) place(dir string, i int) (dirFD, error) {
	d, err := k.root(true)
	if err != nil {
		return -1, err
	}
	parts := []string{time.Now().UTC().Format(versionTime)}
	if i > 1 {
		parts[0] = fmt.Sprintf("%s.%d", parts[0], i)
	}
	if dir != "." {
		parts = append(parts, strings.Split(dir, "/")...)
	}
	for _, p := range parts {
		if err = unix.Mkdirat(int(d), p, 0o700); errors.Is(err, unix.EEXIST) {
			err = nil
		}
		fd := -1
		if err == nil {
			fd, err = d.openat(p, unix.O_PATH|unix.O_DIRECTORY, 0)
		}
		d.Close()
		if d = dirFD(fd); err != nil {
			return -1, err
		}
	}
	return d, nil
}
