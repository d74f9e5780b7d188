package local

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// source is what is at From.
type source struct {
	dirFD
	name    string
	st      *unix.Statx_t
	release func()
}

// source opens the directory of the path at From.
func (w *writing) source() (*source, error) {
	if w.op.From == "." || w.t.excludedAbove(w.op.From) {
		return nil, fs.ErrInvalid
	}
	d, name, release, err := w.t.parent(w.op.From)
	if err != nil {
		return nil, err
	}
	st, err := w.t.standing(d, name, w.op.From)
	if err == nil && st == nil {
		err = fs.ErrNotExist
	}
	if err != nil {
		release()
	}
	return &source{d, name, st, release}, err
}

// move renames. What is known below a directory is known in its new place.
func (w *writing) move(ctx context.Context) error {
	from, err := w.source()
	if err != nil {
		return err
	}
	defer from.release()
	if nodeType(from.st.Mode) != w.op.Entry.Type {
		return errOtherThere
	}
	if err := w.noteMoved(ctx); err != nil {
		return err
	}
	err = unix.Renameat2(int(from.dirFD), from.name, int(w.d), w.name, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) && w.was == nil {
		err = unix.Renameat(int(from.dirFD), from.name, int(w.d), w.name)
	}
	return err
}

func (w *writing) noteMoved(ctx context.Context) error {
	if w.op.Entry.Type == hosts.Dir {
		var mu sync.Mutex
		var failed error
		_, err := w.t.walk(ctx, w.op.From, false, func(e *hosts.TreeEntry) {
			if !w.t.known.has(e) {
				return
			}
			moved := *e
			moved.Path = w.op.Path + strings.TrimPrefix(e.Path, w.op.From)
			if err := w.t.known.add(&moved); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = err
			}
		})
		if err = errors.Join(err, failed); err != nil {
			return err
		}
	}
	return w.t.known.add(&w.op.Entry)
}

func (w *writing) link() error {
	from, err := w.source()
	if err != nil {
		return err
	}
	defer from.release()
	if nodeType(from.st.Mode) == hosts.Dir || w.was != nil && nodeType(w.was.Mode) == hosts.Dir {
		return errOtherThere
	}
	if w.was != nil && w.was.Ino == from.st.Ino {
		return nil
	}
	temp := newTempName()
	if err := unix.Linkat(int(from.dirFD), from.name, int(w.d), temp, 0); err != nil {
		return err
	}
	return w.place(temp)
}

// copy makes a file from one that the tree has, if that holds what it should.
func (w *writing) copy(ctx context.Context) error {
	from, err := w.source()
	if err != nil {
		return err
	}
	defer from.release()
	f, err := openRegular(from.dirFD, from.name, w.t.abs(w.op.From))
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	want := w.op.Entry.Content
	if f.stamp().Size != want.Size {
		return errOtherThere
	}
	return w.make(ctx, func(data func([]byte) error, hole func(int64) error) error {
		buf := copyBufs.Get().(*[]byte)
		defer copyBufs.Put(buf)
		sum := newSum(want.ID)
		const block = 512
		r := segments{ctx: ctx, f: f, size: want.Size, buf: *buf, data: sum.over(data), hole: sum.overHole(hole)}
		if err := r.all(int64(f.st.Blocks)*block < want.Size); err != nil { //nolint:gosec // bytes of a file
			return err
		}
		return sum.check()
	})
}

// remove removes a file, or a directory in which nothing is left that counts,
// if a mirror brought it and it is as that left it.
func (w *writing) remove() error {
	if w.was == nil {
		return nil
	}
	see, err := w.t.sight()
	if err != nil {
		return err
	}
	e, ok, err := w.t.entry(w.d, w.name, w.op.Path, w.was, see)
	if err != nil {
		return err
	}
	if !ok || !w.t.known.has(&e) {
		return hosts.ErrForeign
	}
	if e.Type == hosts.Dir {
		return w.emptied()
	}
	return w.t.kept.keep(w.d, w.name, path.Clean(w.op.Path), false)
}
