package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"hikae/hosts"
	"hikae/hosts/fcontext"
)

// tree implements hosts.Tree.
type tree struct {
	h       *Host
	root    string
	opts    hosts.TreeOptions
	device  uint64 // of the file system that the root was on when it was opened
	missing bool   // nothing was there
	open    openDirs
	written atomic.Int64 // bytes, since it was looked whether there is room

	mu      sync.Mutex
	digests map[string][]byte   // of directories, as of the last Sum
	links   map[uint64][]string // names by inode, as of the last Sum of the whole
	known   *record             // of one that is written
	unlock  func()              // of such a one
	summed  map[mark]struct{}   // marks of the last Sum of the whole of such a one
	since   bool                // something may have been written since that
	kept    *versions
}

var (
	_ hosts.TreeHost = (*Host)(nil)
	_ hosts.Tree     = (*tree)(nil)
)

// OpenTree implements hosts.TreeHost.
func (h *Host) OpenTree(root string, o hosts.TreeOptions) (hosts.Tree, error) {
	t := &tree{h: h, root: root, opts: o, digests: map[string][]byte{}, links: map[uint64][]string{}}
	if t.opts.Exclude == nil {
		t.opts.Exclude = func(string) bool { return false }
	}
	fd, err := t.openRoot()
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, hosts.ErrTreeGone):
		t.missing = true
	case err != nil:
		return nil, fmt.Errorf("cannot open the tree %s: %w", root, err)
	default:
		defer fd.Close()
		st, err := fstatx(int(fd))
		if err != nil {
			return nil, fmt.Errorf("cannot open the tree %s: %w", root, err)
		}
		t.device = stampOf(st).Dev
	}
	if o.Write {
		t.kept = &versions{t: t}
		t.written.Store(lookEvery)
		// The record is good for as long as nobody else adds to it.
		if t.unlock, err = h.lockTree(root, o.Holder); err == nil {
			if t.known, err = h.loadKnown(root); err != nil {
				t.unlock()
			}
		}
		if err != nil {
			return nil, fmt.Errorf("cannot open the tree %s: %w", root, err)
		}
	}
	return t, nil
}

// openRoot opens the root, whatever is there.
func (t *tree) openRoot() (dirFD, error) {
	d, name, err := t.h.parent("open", t.root)
	if err != nil {
		return -1, bare(err)
	}
	defer d.Close()
	fd, err := d.openat(name, unix.O_PATH|unix.O_DIRECTORY, 0)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) {
		return -1, fmt.Errorf("%w: it is no directory (a link is not followed: name what it leads to)", hosts.ErrTreeGone)
	}
	return dirFD(fd), err
}

// top opens the root and makes sure that it is still the one that was opened.
// Nobody keeps it: an open directory would keep its file system from being
// unmounted.
func (t *tree) top() (dirFD, error) {
	fd, err := t.openRoot()
	if errors.Is(err, fs.ErrNotExist) {
		return -1, fmt.Errorf("%w: nothing is at %s", hosts.ErrTreeGone, t.root)
	}
	if err != nil {
		return -1, err
	}
	st, err := fstatx(int(fd))
	if err == nil && stampOf(st).Dev != t.device {
		err = fmt.Errorf("%w: another file system is at %s than before", hosts.ErrTreeGone, t.root)
	}
	if err != nil {
		fd.Close()
		return -1, err
	}
	return fd, nil
}

// dir opens a directory of the tree, on its file system, over no link.
func (t *tree) dir(rel string) (dirFD, error) {
	top, err := t.top()
	if err != nil || rel == "." {
		return top, err
	}
	defer top.Close()
	return t.below(top, rel)
}

func (t *tree) below(top dirFD, rel string) (dirFD, error) {
	fd, err := retry(func() (int, error) {
		return unix.Openat2(int(top), rel, &unix.OpenHow{
			Flags:   unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC,
			Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV,
		})
	})
	switch {
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM):
		return t.steps(top, rel) // a kernel before 5.6 (EL 8)
	case errors.Is(err, unix.EXDEV):
		return -1, hosts.ErrMountPoint
	case errors.Is(err, unix.ELOOP):
		return -1, hosts.ErrLink
	}
	return dirFD(fd), err
}

// steps does what below does part by part.
func (t *tree) steps(top dirFD, rel string) (dirFD, error) {
	fd, err := unix.FcntlInt(uintptr(top), unix.F_DUPFD_CLOEXEC, 3)
	at := dirFD(fd)
	if err != nil {
		return -1, err
	}
	for part := range strings.SplitSeq(rel, "/") {
		if part == ".." {
			at.Close()
			return -1, hosts.ErrLink
		}
		next, err := at.openat(part, unix.O_PATH|unix.O_DIRECTORY, 0)
		at.Close()
		if err != nil {
			return -1, err
		}
		at = dirFD(next)
		st, err := fstatx(next)
		if err == nil && stampOf(st).Dev != t.device {
			err = hosts.ErrMountPoint
		}
		if err != nil {
			at.Close()
			return -1, err
		}
	}
	return at, nil
}

// parent opens the directory that a path of the tree is in. The root itself is
// "." in the root.
func (t *tree) parent(rel string) (d dirFD, name string, release func(), err error) {
	if rel == "." {
		d, release, err = t.use(".")
		return d, ".", release, err
	}
	dir, name := path.Split(rel)
	d, release, err = t.use(path.Clean(dir))
	return d, name, release, err
}

// abs gives a path of the tree as the host has it.
func (t *tree) abs(rel string) string {
	if rel == "." {
		return t.root
	}
	return t.root + "/" + rel
}

// excluded reports whether an absolute path is no part of the tree.
func (t *tree) excluded(abs string) bool {
	return hosts.IsTemp(abs) || strings.HasSuffix(abs, "/"+versionsDir) || t.opts.Exclude(abs)
}

// entry says what is at name in d. ok is false for what no mirror carries.
func (t *tree) entry(d dirFD, name, rel string, st *unix.Statx_t, see *sight) (e hosts.TreeEntry, ok bool, err error) {
	e.Path = rel
	kind := uint32(st.Mode) & unix.S_IFMT
	if kind == unix.S_IFSOCK {
		return e, false, nil
	}
	var labelled bool
	if e.Node, labelled, err = t.h.labelled(d, name, st, see.ids); err != nil {
		return e, false, err
	}
	if t.opts.Numbers {
		e.Owner, e.Group = fmt.Sprint(st.Uid), fmt.Sprint(st.Gid)
	}
	e.MTime = stampOf(st).MTime
	const block = 512                                                                    // of stx_blocks
	if disk := int64(st.Blocks) * block; e.Type == hosts.File && disk < e.Content.Size { //nolint:gosec // bytes of a file
		e.Sparse, e.Disk = true, disk
	}
	if e.Type == hosts.Other {
		e.Special = kind
		if kind != unix.S_IFIFO {
			e.Device = unix.Mkdev(st.Rdev_major, st.Rdev_minor)
		}
	}
	if e.Type != hosts.Dir && st.Nlink > 1 {
		e.Inode = st.Ino
	}
	if e.Young = see.young && e.Type == hosts.File && young(d, name, st); labelled && see.policy != nil {
		e.Label, err = t.label(d, name, rel, st, see.policy)
	}
	return e, true, err
}

// label gives the context of name in d where it is not the policy's.
func (t *tree) label(d dirFD, name, rel string, st *unix.Statx_t, p *policy) (string, error) {
	stamp, rule := stampAt(st, t.abs(rel)), fitsRule(p.rule, t.abs(rel))
	if k, ok := t.h.stamps.get(stamp, time.Now()); ok && k.label(rule, &t.h.stamps.ctimes, d, name) == labelFits {
		return "", nil
	}
	has, err := getLabel(d, name)
	if errors.Is(err, unix.ENOTSUP) || has == hosts.Unlabeled {
		return "", nil // that data has no label is nobody's intention
	}
	if err != nil {
		return "", fmt.Errorf("cannot read SELinux label: %w", err)
	}
	want, err := p.lookup(t.abs(rel), fileMode(st.Mode))
	if errors.Is(err, fcontext.ErrExpression) {
		return "", nil // the policy's own business: it is labelled by it there too
	}
	if err != nil {
		return "", err
	}
	if want == fcontext.None || fcontext.SameButUser(has, want) {
		if stamp.settled(time.Now()) {
			t.h.noteLabel(stamp, rule, false)
		}
		return "", nil
	}
	return has, nil
}

// sight is what entries are told by.
type sight struct {
	ids    *accounts
	policy *policy
	mounts mountTable
	young  bool // to tell whether files are being written
	hash   bool // to tell their hashes
}

func (t *tree) sight() (*sight, error) {
	s := &sight{}
	var err error
	if s.ids, err = t.h.names(false); err != nil {
		return nil, err
	}
	if s.policy, err = t.h.policy(false); err != nil {
		return nil, err
	}
	s.mounts, err = t.h.mounts()
	return s, err
}

// foreign reports whether what is at an absolute path is of another file system.
func (t *tree) foreign(abs string, st *unix.Statx_t, see *sight) bool {
	return stampOf(st).Dev != t.device && st.Mode&unix.S_IFMT == unix.S_IFDIR || see.mounts.has(abs, st)
}

// Stat implements hosts.Tree.
func (t *tree) Stat(ctx context.Context, rel string, hash bool) (hosts.TreeEntry, error) {
	wrap := func(err error) error { return &fs.PathError{Op: "stat", Path: t.abs(rel), Err: err} }
	if rel != "." && t.excludedAbove(rel) {
		return hosts.TreeEntry{}, wrap(fs.ErrNotExist)
	}
	see, err := t.sight()
	if err != nil {
		return hosts.TreeEntry{}, wrap(err)
	}
	see.young = true
	d, name, release, err := t.parent(rel)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, hosts.ErrLink) {
		err = fs.ErrNotExist
	}
	if err != nil {
		return hosts.TreeEntry{}, wrap(err)
	}
	defer release()
	st, err := d.statx(name)
	if err != nil {
		return hosts.TreeEntry{}, wrap(err)
	}
	if rel != "." && t.foreign(t.abs(rel), st, see) {
		return hosts.TreeEntry{}, wrap(hosts.ErrMountPoint)
	}
	e, ok, err := t.entry(d, name, rel, st, see)
	if err == nil && !ok {
		err = fs.ErrNotExist
	}
	if err != nil {
		return e, wrap(err)
	}
	if t.known != nil {
		e.Known = t.known.has(&e)
	}
	if hash && e.Type == hosts.File {
		if e.Content, err = digestIn(ctx, d, name, t.abs(rel)); err != nil {
			return e, wrap(err)
		}
	}
	return e, nil
}

// excludedAbove reports whether a path or a directory above it is excluded.
func (t *tree) excludedAbove(rel string) bool {
	for at := 0; at < len(rel); {
		end := strings.IndexByte(rel[at:], '/')
		if end < 0 {
			return t.excluded(t.abs(rel))
		}
		if t.excluded(t.abs(rel[:at+end])) {
			return true
		}
		at += end + 1
	}
	return false
}

// Close implements hosts.Tree.
func (t *tree) Close() error {
	if t.known == nil {
		return nil
	}
	defer t.unlock()
	return t.known.close()
}

// Info implements hosts.Tree.
func (t *tree) Info() (hosts.TreeInfo, error) {
	var info hosts.TreeInfo
	d, err := t.openRoot()
	for p := t.root; errors.Is(err, fs.ErrNotExist) && p != "/"; {
		info.Missing = true
		p = path.Dir(p)
		d, err = t.h.openDir(p)
	}
	if err != nil {
		return info, fmt.Errorf("cannot look at %s: %w", t.root, err)
	}
	defer d.Close()
	var fsys unix.Statfs_t
	// O_PATH does not do for fstatfs(2) before Linux 3.12.
	if err := retryErr(func() error { return unix.Fstatfs(int(d), &fsys) }); err != nil {
		return info, fmt.Errorf("cannot look at %s: %w", t.root, err)
	}
	info.Total, info.Free = int64(fsys.Blocks)*fsys.Bsize, int64(fsys.Bavail)*fsys.Bsize //nolint:gosec // bytes of a disk
	mounts, err := t.h.mounts()
	if err != nil {
		return info, err
	}
	if t.h.unmounted(t.root, mounts) {
		return info, fmt.Errorf("cannot look at %s: %w", t.root, hosts.ErrNotMounted)
	}
	st, err := fstatx(int(d))
	if err != nil {
		return info, err
	}
	info.Mount, info.FileSystem, err = t.h.fileSystem(t.root, st)
	return info, err
}
