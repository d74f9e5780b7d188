package mirror

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"hikae/engine/agent"
	"hikae/hosts"
)

// diff is a path at which the sides differ; nil where one has nothing.
type diff struct {
	path     string
	src, dst *hosts.TreeEntry
}

// Bounds of what is brought at one time, and of what is kept of it: what is beyond
// them is found by the next comparison. A source may say that it has anything.
const (
	maxDiffs     = 200_000
	maxDiffBytes = 64 << 20
	// maxBlind and maxBlindBytes bound what cannot be read, which has to be known.
	maxBlind      = 100_000
	maxBlindBytes = 32 << 20
)

// comparing gathers differences.
type comparing struct {
	p     *pair
	diffs []diff
	bytes int // of their names and attributes
	// blind are paths that could not be read on one side, with why. Nothing at
	// or below them is changed.
	blind map[string]string
	// hidden are mount points of the source: what the tree has there is behind
	// another file system, and not gone.
	hidden     map[string]string
	blindBytes int
	full       bool // there is more than the bounds
	// paths are those that a watch told of, where it is about these, and trees those
	// with all below them.
	paths, trees map[string]bool
}

func (p *pair) comparing() *comparing {
	return &comparing{p: p, blind: map[string]string{}, hidden: map[string]string{}}
}

// add adds a difference, where there is room for more.
func (c *comparing) add(d diff) bool {
	if len(c.diffs) >= c.p.m.diffs || c.bytes > maxDiffBytes {
		c.full = true
	}
	if c.full {
		return false
	}
	for _, e := range []**hosts.TreeEntry{&d.src, &d.dst} {
		if *e != nil { // by itself, not with all that came with it
			one := **e
			*e = &one
			c.bytes += one.Weight()
		}
	}
	c.diffs = append(c.diffs, d)
	return true
}

// unread notes a path in blind or hidden.
func (c *comparing) unread(in map[string]string, path, why string) error {
	c.blindBytes += len(path) + len(why)
	if len(c.blind)+len(c.hidden) >= maxBlind || c.blindBytes > maxBlindBytes {
		return fmt.Errorf("too much of %s cannot be read to go on (over %d paths), such as %s: %s", c.p.m.o.Root, len(c.blind)+len(c.hidden), path, why)
	}
	in[path] = why
	return nil
}

// blinded reports whether a path is at or below one that could not be read.
func (c *comparing) blinded(p string) bool { return atOrBelow(p, c.blind) }

func atOrBelow(p string, of map[string]string) bool {
	if len(of) == 0 {
		return false
	}
	for ; ; p = path.Dir(p) {
		if _, is := of[p]; is {
			return true
		}
		if p == "." {
			return false
		}
	}
}

// same reports whether two entries are equal, but for what is below a directory
// and which other names a file has.
func same(a, b *hosts.TreeEntry) bool {
	if a == nil || b == nil {
		return a == b
	}
	return sameContent(a, b) && a.MTime == b.MTime && a.Mode == b.Mode && a.Owner == b.Owner && a.Group == b.Group &&
		a.ACL == b.ACL && a.DefaultACL == b.DefaultACL && a.Caps == b.Caps && a.Label == b.Label && equalMaps(a.Xattrs, b.Xattrs)
}

func equalMaps(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || v != w {
			return false
		}
	}
	return true
}

// sameContent reports whether the bytes of two entries are the same, as far as
// one can tell without reading them: a file's by size and time, or by hash where
// both have one.
func sameContent(a, b *hosts.TreeEntry) bool {
	if a.Type != b.Type || a.Link != b.Link || a.Special != b.Special || a.Device != b.Device {
		return false
	}
	if a.Type != hosts.File {
		return true
	}
	if !a.Content.ID.IsZero() && !b.Content.ID.IsZero() {
		return a.Content == b.Content
	}
	return a.Content.Size == b.Content.Size && a.MTime == b.MTime
}

// whole compares the trees. ok: they are equal, and nothing was listed.
func (p *pair) whole(ctx context.Context) (c *comparing, a, b hosts.TreeSum, ok bool, err error) {
	c = p.comparing()
	if p.root != nil && p.files == 0 { // all is to come
		c.add(diff{path: ".", src: p.root, dst: p.root})
		return c, a, b, false, c.deep(ctx, []string{"."}, nil)
	}
	p.root = nil
	err = both(
		func() (err error) { a, err = p.src.Sum(ctx, "."); return err },
		func() (err error) { b, err = p.dst.Sum(ctx, "."); return err },
	)
	if err != nil || bytes.Equal(a.Digest, b.Digest) && bytes.Equal(a.Links, b.Links) {
		return c, a, b, err == nil, err
	}
	for _, h := range slices.Concat(a.Holes, b.Holes) {
		if h.Mount { // those are listed
			continue
		}
		if err := c.unread(c.blind, h.Path, h.Err); err != nil {
			return c, a, b, false, err
		}
	}
	src, dst, err := p.stats(ctx, []string{"."}, false)
	if err != nil {
		return c, a, b, false, err
	}
	if src[0].Entry != nil && !same(src[0].Entry, dst[0].Entry) {
		c.add(diff{".", src[0].Entry, dst[0].Entry})
	}
	return c, a, b, false, c.below(ctx, []string{"."})
}

// stats looks at paths on both sides.
func (p *pair) stats(ctx context.Context, paths []string, hash bool) (src, dst []agent.Status, err error) {
	err = both(
		func() (err error) { src, err = p.src.Stat(ctx, paths, hash); return err },
		func() (err error) { dst, err = p.dst.Stat(ctx, paths, hash); return err },
	)
	return src, dst, err
}

// told compares what a watch told of.
func (p *pair) told(ctx context.Context, paths, deep []string) (*comparing, error) {
	c := p.comparing()
	c.paths, c.trees = setOf(paths), setOf(deep)
	all := map[string]bool{".": true}
	for _, q := range slices.Concat(paths, deep) {
		for ; !all[q]; q = path.Dir(q) { // a directory's own time changes with what is in it
			all[q] = true
		}
	}
	list := make([]string, 0, len(all))
	for q := range all {
		list = append(list, q)
	}
	slices.Sort(list)
	src, dst, err := p.stats(ctx, list, false)
	if err != nil {
		return nil, err
	}
	var down, come, gone, equal []string
	for i, q := range list {
		if errors.Is(src[i].Err, hosts.ErrMountPoint) {
			err = c.unread(c.hidden, q, src[i].Err.Error())
		} else if why := firstError(src[i].Err, dst[i].Err); why != nil {
			err = c.unread(c.blind, q, why.Error())
		}
		if err != nil {
			return nil, err
		}
		if src[i].Err != nil || dst[i].Err != nil {
			continue
		}
		d := diff{q, src[i].Entry, dst[i].Entry}
		c.judgeTold(d, &down, &come, &gone)
		if d.src != nil && d.src.Type == hosts.File && same(d.src, d.dst) && d.src.Content.Size <= hashUpTo && c.paths[q] {
			equal = append(equal, q)
		}
	}
	if err := c.rehash(ctx, equal); err != nil {
		return nil, err
	}
	come, gone = outermost(come), outermost(gone)
	if err := c.deep(ctx, come, gone); err != nil {
		return nil, err
	}
	c.unique()
	return c, c.subtrees(ctx, outermost(down))
}

// hashUpTo is up to which size a file that looks as it did when it was told of
// is compared by its bytes: it may have been written twice within one tick of
// the file system's clock.
const hashUpTo = 16 << 20

// judgeTold is judge for one path that a watch told of.
func (c *comparing) judgeTold(d diff, down, come, gone *[]string) {
	c.judge(d, new([]string), come, gone)
	both := d.src != nil && d.dst != nil && d.src.Type == hosts.Dir && d.dst.Type == hosts.Dir
	if both && c.trees[d.path] {
		*down = append(*down, d.path)
	}
}

// rehash compares files by their bytes.
func (c *comparing) rehash(ctx context.Context, paths []string) error {
	if len(paths) == 0 {
		return nil
	}
	src, dst, err := c.p.stats(ctx, paths, true)
	if err != nil {
		return err
	}
	for i, q := range paths {
		d := diff{q, src[i].Entry, dst[i].Entry}
		if firstError(src[i].Err, dst[i].Err) == nil && d.src != nil && !same(d.src, d.dst) {
			c.add(d)
		}
	}
	return nil
}

// suspects compares files of several names by their bytes: one was told of, and may
// look as it did. All names of a file are one file, on the target too.
func (c *comparing) suspects(ctx context.Context, paths []string) error {
	groups, err := c.p.src.Links(ctx)
	if err != nil {
		return err
	}
	told, all := setOf(paths), setOf(paths)
	for _, names := range groups {
		if slices.ContainsFunc(names, func(n string) bool { return told[n] }) {
			for _, n := range names {
				all[n] = true
			}
		}
	}
	if err := c.rehash(ctx, slices.Sorted(maps.Keys(all))); err != nil {
		return err
	}
	c.unique()
	return nil
}

// subtrees compares all below directories.
func (c *comparing) subtrees(ctx context.Context, dirs []string) error {
	for _, d := range dirs {
		var a, b hosts.TreeSum
		err := both(
			func() (err error) { a, err = c.p.src.Sum(ctx, d); return err },
			func() (err error) { b, err = c.p.dst.Sum(ctx, d); return err },
		)
		if err != nil {
			return err
		}
		if bytes.Equal(a.Digest, b.Digest) {
			continue
		}
		if err := c.below(ctx, []string{d}); err != nil {
			return err
		}
	}
	c.unique()
	return nil
}

// unique leaves one difference a path, the one found last.
func (c *comparing) unique() {
	slices.SortStableFunc(c.diffs, func(a, b diff) int { return strings.Compare(a.path, b.path) })
	kept := c.diffs[:0]
	for i, d := range c.diffs {
		if i+1 < len(c.diffs) && c.diffs[i+1].path == d.path {
			continue
		}
		kept = append(kept, d)
	}
	c.diffs = kept
}

// outermost leaves out what lies below another.
func outermost(dirs []string) []string {
	slices.SortFunc(dirs, func(a, b string) int { return comparePaths(a, b) })
	var out []string
	for _, d := range dirs {
		if len(out) == 0 || d != out[len(out)-1] && out[len(out)-1] != "." && !strings.HasPrefix(d, out[len(out)-1]+"/") {
			out = append(out, d)
		}
	}
	return out
}

func setOf(paths []string) map[string]bool {
	set := make(map[string]bool, len(paths))
	for _, p := range paths {
		set[p] = true
	}
	return set
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
