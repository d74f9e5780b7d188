package local

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// maxHoles bounds how many holes are told of one by one.
const maxHoles = 1000

// summing is one Sum under way.
type summing struct {
	t    *tree
	top  dirFD
	see  *sight
	free chan struct{} // a token for each goroutine beside the first

	mu    sync.Mutex
	sum   hosts.TreeSum
	dirs  map[string][]byte
	links map[uint64][]string
}

// Sum implements hosts.Tree.
func (t *tree) Sum(ctx context.Context, rel string) (hosts.TreeSum, error) {
	var each func(*hosts.TreeEntry)
	n := noting{seen: map[mark]struct{}{}}
	if t.known != nil && rel == "." {
		each = n.entry
	}
	s, err := t.walk(ctx, rel, t.opts.Hash, each)
	if err != nil {
		return hosts.TreeSum{}, fmt.Errorf("cannot read %s: %w", t.abs(rel), bare(err))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if rel == "." {
		t.digests, t.links = s.dirs, s.links
		if each != nil {
			t.summed, t.since = n.seen, false
		}
		s.sum.Links = linksDigest(groups(t.links))
	} else {
		maps.Copy(t.digests, s.dirs)
	}
	if t.known != nil {
		s.sum.Known = t.known.count()
		if err := t.kept.prune(); err != nil { // a tree that does not change has old versions too
			t.h.log.Warn("old versions stay", "tree", t.root, "error", err)
		}
	}
	return s.sum, nil
}

// walk reads all at and below a path, with hash the bytes of files too, calling each (which may be nil) from
// several goroutines.
func (t *tree) walk(ctx context.Context, rel string, hash bool, each func(*hosts.TreeEntry)) (*summing, error) {
	see, err := t.sight()
	if err != nil {
		return nil, err
	}
	see.hash = hash
	top, err := t.top()
	if err != nil {
		return nil, err
	}
	defer top.Close()
	s := &summing{
		t: t, top: top, see: see, free: make(chan struct{}, runtime.GOMAXPROCS(0)-1),
		dirs: map[string][]byte{}, links: map[uint64][]string{},
	}
	e, err := t.Stat(ctx, rel, false)
	if err != nil {
		return nil, err
	}
	if each != nil {
		each(&e)
	}
	if e.Type == hosts.Dir {
		if e.Digest, err = s.dir(ctx, rel, each); err != nil {
			return nil, err
		}
	} else {
		s.sum.Files, s.sum.Bytes = 1, e.Content.Size
	}
	var enc encoder
	enc.entry(".", &e)
	s.sum.Digest = enc.sum()
	return s, nil
}

// dir gives the digest of all that is in a directory. Only the end of ctx is an
// error: what cannot be read is a hole, and has a digest like no other.
func (s *summing) dir(ctx context.Context, rel string, each func(*hosts.TreeEntry)) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	entries, holes, err := s.t.list(ctx, s.top, rel, s.see)
	if err != nil {
		holes = []hosts.TreeHole{{Path: rel, Err: bare(err).Error()}}
	}
	if each != nil {
		for i := range entries {
			each(&entries[i])
		}
	}
	if err := s.children(ctx, entries, each); err != nil {
		return nil, err
	}
	var enc encoder
	for i := range entries {
		enc.entry(path.Base(entries[i].Path), &entries[i])
	}
	if slices.ContainsFunc(holes, func(h hosts.TreeHole) bool { return !h.Mount }) {
		_, _ = rand.Read(enc.room(sha256.Size)) // never fails
	}
	digest := enc.sum()
	s.count(rel, entries, holes, digest)
	return digest, nil
}

// children fills in the digests of directories.
func (s *summing) children(ctx context.Context, entries []hosts.TreeEntry, each func(*hosts.TreeEntry)) error {
	var wg sync.WaitGroup
	errs := make([]error, len(entries))
	for i := range entries {
		e := &entries[i]
		if e.Type != hosts.Dir {
			continue
		}
		work := func() { e.Digest, errs[i] = s.dir(ctx, e.Path, each) }
		select {
		case s.free <- struct{}{}:
			wg.Go(func() {
				work()
				<-s.free
			})
		default:
			work()
		}
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (s *summing) count(rel string, entries []hosts.TreeEntry, holes []hosts.TreeHole, digest []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirs[rel] = digest
	s.sum.Dirs++
	for i := range entries {
		e := &entries[i]
		if e.Type == hosts.Dir {
			continue
		}
		s.sum.Files++
		s.sum.Bytes += e.Content.Size
		if e.Inode != 0 {
			s.links[e.Inode] = append(s.links[e.Inode], e.Path)
		}
	}
	s.sum.Holes = append(s.sum.Holes, holes[:min(len(holes), maxHoles-len(s.sum.Holes))]...)
}

// list tells what is in a directory.
func (t *tree) list(ctx context.Context, top dirFD, rel string, see *sight) ([]hosts.TreeEntry, []hosts.TreeHole, error) {
	at := dirFD(-1)
	var err error
	if rel == "." {
		at, err = openDirIn(top, ".")
	} else {
		var d dirFD
		if d, err = t.below(top, rel); err == nil {
			at, err = openDirIn(d, ".")
			d.Close()
		}
	}
	if err != nil {
		return nil, nil, err
	}
	defer at.Close()
	names, err := at.names()
	if err != nil {
		return nil, nil, err
	}
	slices.Sort(names)
	entries, holes := make([]hosts.TreeEntry, 0, len(names)), []hosts.TreeHole(nil)
	prefix := t.abs(rel) + "/"
	var st unix.Statx_t
	for _, name := range names {
		abs := prefix + name
		if t.excluded(abs) {
			if t.opts.Write && hosts.IsTemp(name) {
				clearTempAt(at, name, time.Now())
			}
			continue
		}
		child := abs[len(t.root)+1:]
		err := at.statxInto(name, &st)
		if err == nil && t.foreign(abs, &st, see) {
			holes = append(holes, hosts.TreeHole{Path: child, Err: hosts.ErrMountPoint.Error(), Mount: true})
			continue
		}
		var e hosts.TreeEntry
		ok := false
		if err == nil {
			e, ok, err = t.entry(at, name, child, &st, see)
		}
		if err == nil && ok && see.hash && e.Type == hosts.File && !e.Hollow() {
			e.Content.ID, err = hashOf(ctx, at, name, abs)
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			holes = append(holes, hosts.TreeHole{Path: child, Err: bare(err).Error()})
		case ok:
			entries = append(entries, e)
		}
	}
	return entries, holes, nil
}

// tempAge is how long after its last change a temporary file has nobody any more
// who writes it.
const tempAge = time.Minute

// clearTempAt removes what a writer that was killed has left.
func clearTempAt(d dirFD, name string, now time.Time) {
	st, err := d.statx(name)
	if err == nil && now.Sub(time.Unix(0, stampOf(st).CTime)) > tempAge {
		_ = removeTemp(d, name) // the next one tries again
	}
}

// List implements hosts.Tree.
func (t *tree) List(ctx context.Context, rel string) ([]hosts.TreeEntry, []hosts.TreeHole, error) {
	wrap := func(err error) error { return &fs.PathError{Op: "list", Path: t.abs(rel), Err: err} }
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	see, err := t.sight()
	if err != nil {
		return nil, nil, wrap(err)
	}
	see.young, see.hash = true, t.opts.Hash
	top, err := t.top()
	if err != nil {
		return nil, nil, wrap(err)
	}
	defer top.Close()
	if rel != "." && t.excludedAbove(rel) {
		return nil, nil, wrap(fs.ErrNotExist)
	}
	entries, holes, err := t.list(ctx, top, rel, see)
	if err != nil {
		return nil, nil, wrap(err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range entries {
		e := &entries[i]
		if e.Type == hosts.Dir {
			e.Digest = t.digests[e.Path]
		}
		if t.known != nil {
			e.Known = t.known.has(e)
		}
	}
	return entries, holes, nil
}

// Links implements hosts.Tree.
func (t *tree) Links() [][]string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return groups(t.links)
}

// groups sorts names by file. What has but one name in the tree is not told.
func groups(links map[uint64][]string) [][]string {
	var all [][]string
	for _, names := range links {
		if len(names) > 1 {
			slices.Sort(names)
			all = append(all, names)
		}
	}
	slices.SortFunc(all, func(a, b []string) int { return slices.Compare(a, b) })
	return all
}
