package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// Walk implements hosts.Reader. A mount point below root is not passed to fn
// but to failed, with an error that wraps hosts.ErrMountPoint: neither what it
// holds nor what it hides was seen. So is a place where a mount is missing, with
// hosts.ErrNotMounted, and root itself where that is such a place. A file that
// the stamps know comes with its Content.ID. Each directory's names are taken in the
// order of their bytes, so "a/b" comes before "a.b". A root where nothing is
// gives fs.ErrNotExist; fn may end the walk with fs.SkipAll.
func (h *Host) Walk(ctx context.Context, root string, fn func(path string, n hosts.Node) error, failed func(path string, err error)) error {
	return h.walk(ctx, root, &walker{
		h: h, failed: failed,
		fn: func(path string, n hosts.Node, _ *visited) error { return fn(path, n) },
	})
}

// WalkLabels implements hosts.LabelWalker.
func (h *Host) WalkLabels(ctx context.Context, root string, fn func(path string, n hosts.Node, fits bool) error, failed func(path string, err error)) error {
	policy, err := h.policy(false)
	if err != nil {
		return err
	}
	return h.walk(ctx, root, &walker{
		h: h, failed: failed,
		fn: func(path string, n hosts.Node, v *visited) error {
			fits := policy == nil || v.label(h, path, policy.rule) == labelFits
			return fn(path, n, fits)
		},
	})
}

func (h *Host) walk(ctx context.Context, root string, w *walker) error {
	if w.failed == nil {
		w.failed = func(string, error) {}
	}
	w.now = time.Now()
	var err error
	if w.mounts, err = h.mounts(); err != nil {
		return fmt.Errorf("cannot walk %s: %w", root, err)
	}
	w.expected = h.expected()
	if h.unmounted(root, w.mounts) {
		w.fail("walk", root, hosts.ErrNotMounted)
		return nil
	}
	d, name, err := h.parent("walk", root)
	if err != nil {
		return err
	}
	defer d.Close()
	st, err := d.statx(name)
	if err != nil {
		return &fs.PathError{Op: "walk", Path: root, Err: err}
	}
	w.dev = device(st)
	if w.ids, err = h.names(false); err != nil {
		return err
	}
	if err := w.visit(ctx, d, name, root, st); !errors.Is(err, fs.SkipAll) {
		return err
	}
	return nil
}

type walker struct {
	h      *Host
	fn     func(path string, n hosts.Node, v *visited) error
	failed func(path string, err error)
	ids    *accounts
	dev    [2]uint32
	mounts mountTable

	expected map[string]bool // mount points that there should be
	now      time.Time       // of the walk's begin: what is younger is not believed
	at       visited
}

// visited is a path that a walk has come to, and what is known of it.
type visited struct {
	d     dirFD
	name  string
	st    *unix.Statx_t
	known Digested
	now   time.Time
}

func (v *visited) label(h *Host, path, rule string) known {
	k := v.known
	if at := stampAt(v.st, path); at.Name != (fits{}) {
		k, _ = h.stamps.get(at, v.now)
	}
	return k.label(fitsRule(rule, path), &h.stamps.ctimes, v.d, v.name)
}

func device(st *unix.Statx_t) [2]uint32 { return [2]uint32{st.Dev_major, st.Dev_minor} }

// visit passes one path on, and what is below it.
func (w *walker) visit(ctx context.Context, d dirFD, name, path string, st *unix.Statx_t) error {
	v := &w.at
	*v = visited{d: d, name: name, st: st, now: w.now}
	v.known, _ = w.h.stamps.get(stampOf(st), w.now)
	n, _, err := w.h.nodeKnown(d, name, st, w.ids, &v.known, w.now)
	if err != nil {
		w.fail("stat", path, err)
		return nil
	}
	if n.Type == hosts.File {
		if c, ok := w.h.digested(st, &v.known); ok {
			n.Content = c
		}
	}
	err = w.fn(path, n, v)
	if errors.Is(err, fs.SkipDir) {
		return nil
	}
	if err != nil || n.Type != hosts.Dir {
		return err
	}
	return w.dir(ctx, d, name, path)
}

// dir visits what is in a directory.
func (w *walker) dir(ctx context.Context, d dirFD, name, path string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	here, names, err := openAndList(d, name)
	if err != nil {
		w.fail("readdir", path, err)
		return nil
	}
	defer here.Close()
	if path == "/" {
		path = ""
	}
	st := new(unix.Statx_t) // nobody keeps it
	for _, name := range names {
		child := path + "/" + name
		err := here.statxInto(name, st)
		switch {
		case errors.Is(err, fs.ErrNotExist): // gone since it was listed
			continue
		case err != nil:
			w.fail("stat", child, err)
			continue
		case w.mounts.has(child, st), st.Mode&unix.S_IFMT == unix.S_IFDIR && device(st) != w.dev:
			w.fail("walk", child, hosts.ErrMountPoint)
			continue
		case w.expected[child]:
			w.fail("walk", child, hosts.ErrNotMounted)
			continue
		}
		if err := w.visit(ctx, here, name, child, st); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) fail(op, path string, err error) {
	if _, ok := errors.AsType[*fs.PathError](err); !ok {
		err = &fs.PathError{Op: op, Path: path, Err: err}
	}
	w.failed(path, err)
}
