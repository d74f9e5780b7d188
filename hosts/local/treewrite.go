package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

var (
	errReadOnlyTree = errors.New("this tree was opened to be read")
	errOtherThere   = errors.New("something else is there than was compared")
	errNamed        = errors.New("it has another name, by which it would be changed too")
)

// Do implements hosts.Tree.
func (t *tree) Do(ctx context.Context, op hosts.TreeOp, content hosts.TreeContent) error {
	err := t.do(ctx, op, content)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", t.abs(op.Path), bare(err))
	}
	return nil
}

func (t *tree) do(ctx context.Context, op hosts.TreeOp, content hosts.TreeContent) error {
	if t.known == nil {
		return errReadOnlyTree
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if op.Path == "." {
		return t.doRoot(ctx, op)
	}
	if t.excludedAbove(op.Path) {
		return fmt.Errorf("%w: it is excluded", fs.ErrPermission)
	}
	if op.Verb == hosts.TreeMove || op.Verb == hosts.TreeRemove || op.Entry.Type == hosts.Dir && op.Verb == hosts.TreeMake {
		defer t.changed()
	}
	d, name, release, err := t.parent(op.Path)
	if err != nil {
		return err
	}
	defer release()
	st, err := t.standing(d, name, op.Path)
	if err != nil {
		return t.h.explain(err, d, name)
	}
	w := &writing{t: t, d: d, name: name, op: &op, was: st}
	switch op.Verb {
	case hosts.TreeMake:
		err = w.make(ctx, content)
	case hosts.TreeMeta:
		err = w.meta(ctx)
	case hosts.TreeMove:
		err = w.move(ctx)
	case hosts.TreeLink:
		err = w.link()
	case hosts.TreeCopy:
		err = w.copy(ctx)
	case hosts.TreeRemove:
		err = w.remove()
	default:
		err = fs.ErrInvalid
	}
	if err != nil {
		return t.h.explain(err, d, name)
	}
	return nil
}

// standing is the status of what is at name in d: nil where nothing is.
func (t *tree) standing(d dirFD, name, rel string) (*unix.Statx_t, error) {
	st, err := d.statx(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	mounts, err := t.h.mounts()
	if err != nil {
		return nil, err
	}
	if t.foreign(t.abs(rel), st, &sight{mounts: mounts}) {
		return nil, hosts.ErrMountPoint
	}
	return st, nil
}

// doRoot makes the root of the tree, or sets its metadata.
func (t *tree) doRoot(ctx context.Context, op hosts.TreeOp) error {
	if op.Entry.Type != hosts.Dir || op.Verb != hosts.TreeMake && op.Verb != hosts.TreeMeta {
		return fs.ErrInvalid
	}
	d, name, err := t.h.parent("write", t.root)
	if err != nil {
		return err
	}
	defer d.Close()
	if t.missing {
		if err := unix.Mkdirat(int(d), name, 0o700); err != nil && !errors.Is(err, unix.EEXIST) {
			return t.h.explain(err, d, name)
		}
		st, err := d.statx(name)
		if err != nil {
			return err
		}
		t.device, t.missing = stampOf(st).Dev, false
	}
	top, err := t.top()
	if err != nil {
		return err
	}
	defer top.Close()
	return t.dress(ctx, top, ".", &op.Entry)
}

// writing is one change.
type writing struct {
	t    *tree
	d    dirFD  // the directory that it is in
	name string // in d
	op   *hosts.TreeOp
	was  *unix.Statx_t // what is there: nil for nothing
}

// make makes the entry aside, complete, and puts it in its place.
func (w *writing) make(ctx context.Context, content hosts.TreeContent) error {
	e := &w.op.Entry
	if e.Type == hosts.Dir && w.was != nil && nodeType(w.was.Mode) == hosts.Dir {
		return w.meta(ctx)
	}
	if e.Type == hosts.File {
		if err := w.t.room(w.d, e.Takes()); err != nil {
			return err
		}
		if e.Takes() > lookEvery { // it may take long until the next is noted
			if err := w.t.known.flush(); err != nil {
				return err
			}
		}
	}
	temp := newTempName()
	if err := w.aside(ctx, temp, content); err != nil {
		_ = removeTemp(w.d, temp)
		return err
	}
	return w.place(temp)
}

// lookEvery is after how many bytes it is looked again whether there is room.
const lookEvery = 1 << 20

// room refuses a file that does not fit, after old versions made way for it.
func (t *tree) room(d dirFD, size int64) error {
	const least = 4096 // that a file takes
	if t.written.Add(size+least) < lookEvery {
		return nil
	}
	t.written.Store(0)
	spare, err := t.spare(d)
	if err == nil && spare < size {
		if err := t.kept.makeRoom(size - spare); err != nil {
			t.h.log.Warn("old versions stay where room is needed", "tree", t.root, "error", err)
		}
		spare, err = t.spare(d)
	}
	if err != nil || spare >= size { // what cannot be told, the write will tell
		return nil //nolint:nilerr // see there
	}
	t.written.Store(lookEvery) // the next one looks too
	return fmt.Errorf("%w: it takes %d MiB, and %d %% of the file system are to stay free (keep_free)", hosts.ErrNoRoom, size>>20, t.opts.KeepFree)
}

func (w *writing) aside(ctx context.Context, temp string, content hosts.TreeContent) error {
	e := &w.op.Entry
	var err error
	switch e.Type {
	case hosts.File:
		return w.file(ctx, temp, content)
	case hosts.Dir:
		err = unix.Mkdirat(int(w.d), temp, 0o700)
	case hosts.Link:
		err = unix.Symlinkat(e.Link, int(w.d), temp)
	case hosts.Other:
		err = unix.Mknodat(int(w.d), temp, e.Special|0o600, int(e.Device)) //nolint:gosec // a device number
	default:
		err = fs.ErrInvalid
	}
	if err != nil {
		return err
	}
	return w.t.dress(ctx, w.d, temp, e)
}

// file writes the temporary file. One with holes is on disk before it is in its
// place. Of others a power cut leaves the old or the new, or a size that the next
// audit sees is wrong: file systems write the bytes before they note the size.
func (w *writing) file(ctx context.Context, temp string, content hosts.TreeContent) error {
	e := &w.op.Entry
	m, err := w.t.dressing(ctx, e)
	if err != nil {
		return err
	}
	fd, err := w.d.openat(temp, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer dirFD(fd).Close()
	size, given, holes := int64(0), int64(0), false
	data := func(b []byte) error {
		if given += int64(len(b)); given > e.Takes() { // it was compressed there, or that is a lie
			if err := w.t.room(w.d, int64(len(b))); err != nil {
				return err
			}
		}
		for len(b) > 0 {
			n, err := retry(func() (int, error) { return unix.Pwrite(fd, b, size) })
			if err != nil {
				return err
			}
			size += int64(n)
			b = b[n:]
		}
		return nil
	}
	hole := func(n int64) error {
		holes = true
		size += n
		return nil
	}
	if content != nil {
		if err := content(data, hole); err != nil {
			return err
		}
	}
	if size != e.Content.Size {
		return fmt.Errorf("%w: %d bytes came, want %d", hosts.ErrTorn, size, e.Content.Size)
	}
	if holes {
		if err := retryErr(func() error { return unix.Ftruncate(fd, size) }); err != nil {
			return err
		}
	}
	if holes {
		if err := retryErr(func() error { return unix.Fsync(fd) }); err != nil {
			return err
		}
	}
	if err := m.onFile(fd, w.d, temp); err != nil {
		return err
	}
	return setMTime(w.d, temp, e.MTime)
}

// place puts what was made aside in its place, and what was there among the
// versions.
func (w *writing) place(temp string) error {
	err := w.t.known.add(&w.op.Entry)
	if err == nil {
		err = w.swap(temp)
	}
	if err != nil {
		_ = removeTemp(w.d, temp)
	}
	return err
}

func (w *writing) swap(temp string) error {
	if w.was == nil {
		err := unix.Renameat2(int(w.d), temp, int(w.d), w.name, unix.RENAME_NOREPLACE)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) { // a file system without
			return unix.Renameat(int(w.d), temp, int(w.d), w.name)
		}
		return err
	}
	if nodeType(w.was.Mode) == hosts.Dir {
		if err := w.emptied(); err != nil {
			return err
		}
		return unix.Renameat(int(w.d), temp, int(w.d), w.name)
	}
	if w.op.Entry.Type == hosts.Dir {
		if err := w.t.kept.keep(w.d, w.name, w.op.Path, false); err != nil {
			return err
		}
	} else if nodeType(w.was.Mode) == hosts.File {
		if err := w.t.kept.keep(w.d, w.name, w.op.Path, true); err != nil {
			return err
		}
	}
	return unix.Renameat(int(w.d), temp, int(w.d), w.name)
}

// emptied gets a directory out of the way in which nothing is that counts.
func (w *writing) emptied() error {
	dir, names, err := openAndList(w.d, w.name)
	if err != nil {
		return err
	}
	defer dir.Close()
	for _, name := range names {
		if !w.t.excluded(w.t.abs(w.op.Path) + "/" + name) {
			return hosts.ErrNotEmpty
		}
	}
	if len(names) == 0 {
		return unix.Unlinkat(int(w.d), w.name, unix.AT_REMOVEDIR)
	}
	if w.t.opts.Versions <= 0 { // what is excluded is this host's own
		return hosts.ErrNotEmpty
	}
	return w.t.kept.keep(w.d, w.name, w.op.Path, false)
}

// meta sets the metadata of what stands there and is of the same content. What has
// another name is left: that may be out of the tree, where somebody laid a link (see
// proc(5), fs.protected_hardlinks).
func (w *writing) meta(ctx context.Context) error {
	e := &w.op.Entry
	if w.was == nil || nodeType(w.was.Mode) != e.Type || e.Type == hosts.File && stampOf(w.was).Size != e.Content.Size {
		return errOtherThere
	}
	if e.Type != hosts.Dir && w.was.Nlink > 1 {
		return errNamed
	}
	if err := w.t.known.add(e); err != nil {
		return err
	}
	return w.t.dress(ctx, w.d, w.name, e)
}

// Note implements hosts.Tree.
func (t *tree) Note(ctx context.Context, but []string) error {
	if t.known == nil {
		return errReadOnlyTree
	}
	wrap := func(err error) error { return fmt.Errorf("cannot note what is in %s: %w", t.root, bare(err)) }
	seen, err := t.marks(ctx, but)
	if err != nil {
		return wrap(err)
	}
	top, err := t.top()
	if err != nil {
		return wrap(err)
	}
	defer top.Close()
	fd, err := openDirIn(top, ".")
	if err != nil {
		return wrap(err)
	}
	defer fd.Close()
	if err := retryErr(func() error { return unix.Syncfs(int(fd)) }); err != nil {
		return wrap(err)
	}
	if err := t.known.replace(seen); err != nil {
		return wrap(err)
	}
	if err := t.kept.prune(); err != nil {
		return wrap(err)
	}
	return nil
}
