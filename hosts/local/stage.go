package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// staging is what has been made ready, and what is not yet on disk for good.
type staging struct {
	mu sync.Mutex
	// temps maps the paths that directories are staged at to where they will
	// be: what is staged below them gets its label by that.
	temps    map[string]string
	unsynced map[*staged]struct{} // files whose bytes may still be in memory
	dirs     map[string]struct{}  // directories whose names may be
	note     func(dir string) error
}

// TrackWrites implements hosts.WriteTracker.
func (h *Host) TrackWrites(note func(dir string) error) (stop func()) {
	set := func(f func(string) error) {
		h.staging.mu.Lock()
		defer h.staging.mu.Unlock()
		h.staging.note = f
	}
	set(note)
	return func() { set(nil) }
}

// tell says that something is about to be made in a directory. What is itself
// made aside is found with what it lies in.
func (g *staging) tell(h *Host, dir string) error {
	g.mu.Lock()
	note := g.note
	g.mu.Unlock()
	if note == nil || h.finalPath(dir) != dir {
		return nil
	}
	return note(dir)
}

// staged implements hosts.Staged.
type staged struct {
	h    *Host
	path string // where it will be
	node hosts.Node
	temp string // its name until then; "" for a directory that is there and is changed in place
	of   fileID // what was made
	done bool

	settled int64 // the mtime by which a write since would show; 0: it would not
}

// Stage implements hosts.Stager. All metadata is on what it makes; the bytes of
// all that was staged are synced when the first of it is committed.
//
// What belongs in a directory that is staged too can be staged below that
// one's Path; it has to be committed first, and then comes into view with the
// directory. Where the directory is there already, Path is where it is. A
// directory that something else is to replace has to be empty at the Commit.
func (h *Host) Stage(ctx context.Context, p string, n hosts.Node, content io.Reader) (hosts.Staged, error) {
	s, err := h.stage(ctx, p, n, content)
	if err != nil { // no nil *staged in the interface
		return nil, err
	}
	return s, nil
}

func (h *Host) stage(ctx context.Context, p string, n hosts.Node, content io.Reader) (*staged, error) {
	wrap := func(err error) error { return fmt.Errorf("cannot write %s: %w", p, err) }
	d, name, err := h.parent("write", p)
	if err != nil {
		return nil, wrap(bare(err))
	}
	defer d.Close()
	s := &staged{h: h, path: p, node: n}
	inPlace, err := h.mayReplace(d, name, p, n.Type)
	if err != nil && !errors.Is(err, hosts.ErrNotEmpty) { // it may be empty by then
		return nil, wrap(h.explain(err, d, name))
	}
	m, err := h.meta(ctx, h.finalPath(p), &n)
	if err != nil {
		return nil, wrap(err)
	}
	if inPlace {
		return s, nil
	}
	if m.label == "" {
		m.keepLabel(d, name)
	}
	if err := h.staging.tell(h, path.Dir(p)); err != nil {
		return nil, wrap(err)
	}
	s.temp = newTempName()
	if err := s.create(ctx, d, m, content); err != nil {
		_ = removeTemp(d, s.temp)
		return nil, wrap(h.explain(err, d, name))
	}
	h.staging.add(s)
	return s, nil
}

func newTempName() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hosts.TempName(b)
}

// mayReplace refuses what must not be written over, early: before anything of a
// group is. inPlace: a directory is there and stays.
func (h *Host) mayReplace(d dirFD, name, p string, t hosts.NodeType) (inPlace bool, err error) {
	switch t {
	case hosts.File, hosts.Dir, hosts.Link:
	default:
		return false, fmt.Errorf("%s is not what hikae makes", t)
	}
	st, err := d.statx(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	mounts, err := h.mounts()
	if err != nil {
		return false, err
	}
	was := nodeType(st.Mode)
	switch {
	case mounts.has(p, st):
		return false, hosts.ErrMountPoint
	case st.Attributes&(unix.STATX_ATTR_IMMUTABLE|unix.STATX_ATTR_APPEND) != 0:
		return false, unix.EPERM
	case was == hosts.Other:
		return false, errors.New("a device, socket or pipe is there, and is not replaced")
	case was == hosts.Dir && t == hosts.Dir:
		return true, nil
	case was == hosts.Dir:
		return false, emptyDir(d, name)
	}
	return false, nil
}

// emptyDir refuses a directory with something in it.
func emptyDir(d dirFD, name string) error {
	dir, names, err := openAndList(d, name)
	if err != nil {
		return err
	}
	dir.Close()
	if len(names) > 0 {
		return hosts.ErrNotEmpty
	}
	return nil
}

// create makes what will be renamed, complete.
func (s *staged) create(ctx context.Context, d dirFD, m *meta, content io.Reader) error {
	var err error
	switch s.node.Type {
	case hosts.File:
		err = s.createFile(ctx, d, m, content)
	case hosts.Dir:
		if err = unix.Mkdirat(int(d), s.temp, 0o700); err == nil {
			err = m.onDir(d, s.temp)
		}
	case hosts.Link:
		if err = unix.Symlinkat(s.node.Link, int(d), s.temp); err == nil {
			err = m.onLink(d, s.temp)
		}
	}
	if err != nil {
		return err
	}
	st, err := d.statx(s.temp)
	if err != nil {
		return err
	}
	s.of = idOf(st)
	return nil
}

func idOf(st *unix.Statx_t) fileID {
	stamp := stampOf(st)
	return fileID{stamp.Dev, stamp.Ino}
}

// Path implements hosts.Staged.
func (s *staged) Path() string {
	if s.temp == "" {
		return s.path
	}
	return path.Join(path.Dir(s.path), s.temp)
}

// Commit implements hosts.Staged.
func (s *staged) Commit() error {
	if s.done {
		return fmt.Errorf("cannot write %s: it was committed or discarded before", s.path)
	}
	if err := s.h.staging.flush(s.h); err != nil {
		return err
	}
	d, name, err := s.h.parent("write", s.path)
	if err == nil {
		defer d.Close()
		if err = s.commitIn(d, name); err != nil {
			err = s.h.explain(err, d, name)
		}
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", s.path, bare(err))
	}
	s.done = true
	s.h.staging.committed(s)
	s.h.wrote(s.path)
	return nil
}

func (s *staged) commitIn(d dirFD, name string) error {
	inPlace, err := s.h.mayReplace(d, name, s.path, s.node.Type)
	if err != nil {
		return err
	}
	if s.temp == "" {
		if !inPlace {
			return errors.New("the directory has gone")
		}
		m, err := s.h.meta(context.Background(), s.h.finalPath(s.path), &s.node)
		if err != nil {
			return err
		}
		return m.onDir(d, name)
	}
	if err := s.same(d, s.temp); err != nil {
		return err
	}
	if err := replace(d, s.temp, name, s.node.Type == hosts.Dir); err != nil {
		return err
	}
	if err := s.same(d, name); err != nil {
		return err
	}
	s.proven(d, name)
	return nil
}

// same reports an error unless name is what was staged: who may write the
// directory could have put something else there.
func (s *staged) same(d dirFD, name string) error {
	st, err := d.statx(name)
	if err != nil {
		return err
	}
	if idOf(st) != s.of {
		return errors.New("somebody else has put a file in its place")
	}
	return nil
}

// replace puts temp in the place of name.
func replace(d dirFD, temp, name string, dir bool) error {
	st, err := d.statx(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && dir == (nodeType(st.Mode) == hosts.Dir) {
		return unix.Renameat(int(d), temp, int(d), name)
	}
	if err != nil {
		return err
	}
	// A directory for a file or a link, or the reverse: rename does not do it,
	// so they change places, and what was there goes from the other one.
	err = unix.Renameat2(int(d), temp, int(d), name, unix.RENAME_EXCHANGE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EXDEV) {
		if err := removeTemp(d, name); err != nil {
			return err
		}
		return unix.Renameat(int(d), temp, int(d), name)
	}
	if err != nil {
		return err
	}
	if err := removeTemp(d, temp); err != nil { // no longer empty
		return errors.Join(err, unix.Renameat2(int(d), temp, int(d), name, unix.RENAME_EXCHANGE))
	}
	return nil
}

// removeTemp removes a file, a link or an empty directory.
func removeTemp(d dirFD, name string) error {
	err := unix.Unlinkat(int(d), name, 0)
	if errors.Is(err, unix.EISDIR) || errors.Is(err, unix.EPERM) {
		if st, statErr := d.statx(name); statErr == nil && nodeType(st.Mode) == hosts.Dir {
			err = unix.Unlinkat(int(d), name, unix.AT_REMOVEDIR)
		}
	}
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

// Discard implements hosts.Staged.
func (s *staged) Discard() error {
	if s.done {
		return nil
	}
	s.done = true
	s.h.staging.forget(s)
	if s.temp == "" {
		return nil
	}
	d, _, err := s.h.parent("remove", s.path)
	if err == nil {
		defer d.Close()
		err = removeTree(d, s.temp)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove %s: %w", s.Path(), bare(err))
	}
	return nil
}

func (g *staging) add(s *staged) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch s.node.Type {
	case hosts.File:
		if g.unsynced == nil {
			g.unsynced = map[*staged]struct{}{}
		}
		g.unsynced[s] = struct{}{}
	case hosts.Dir:
		if g.temps == nil {
			g.temps = map[string]string{}
		}
		g.temps[s.Path()] = s.path
	}
}

func (g *staging) forget(s *staged) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.unsynced, s)
	if s.node.Type == hosts.Dir {
		delete(g.temps, s.Path())
	}
}

func (g *staging) committed(s *staged) {
	g.mu.Lock()
	if s.node.Type == hosts.Dir && s.temp != "" {
		// What was committed below it has moved with it.
		for dir := range maps.Clone(g.dirs) {
			if rest, ok := strings.CutPrefix(dir, s.Path()); ok && (rest == "" || rest[0] == '/') {
				delete(g.dirs, dir)
				g.dirs[s.path+rest] = struct{}{}
			}
		}
	}
	g.mu.Unlock()
	g.dirty(path.Dir(s.path))
	if s.node.Type == hosts.Dir {
		g.dirty(s.path)
	}
	g.forget(s)
}

// dirty notes that a directory must be synced.
func (g *staging) dirty(dir string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.dirs == nil {
		g.dirs = map[string]struct{}{}
	}
	g.dirs[dir] = struct{}{}
}

// finalPath gives where a path will be, if it is in a directory that is staged.
func (h *Host) finalPath(p string) string {
	h.staging.mu.Lock()
	defer h.staging.mu.Unlock()
	if len(h.staging.temps) == 0 {
		return p
	}
	for dir := p; dir != "/"; dir = path.Dir(dir) {
		if to, ok := h.staging.temps[dir]; ok {
			p = to + p[len(dir):]
			dir = to
		}
	}
	return p
}
