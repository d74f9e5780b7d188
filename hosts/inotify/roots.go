package inotify

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"hikae/hosts"
)

// root is one of the WatchRoots.
type root struct {
	hosts.WatchRoot
	real    string   // where Path is, with no link on the way but at its end
	links   []string // that are on the way
	exclude func(path string) bool
}

// excludes reports whether nobody wants to hear of a path below the root.
func (r *root) excludes(p string) bool {
	return r.exclude != nil && p != r.real && r.exclude(r.given(p))
}

// given is what the root's user calls a path.
func (r *root) given(p string) string {
	if r.real == r.Path {
		return p
	}
	return path.Join(r.Path, strings.TrimPrefix(p, r.real))
}

// way is a directory that leads to roots, or what is a root itself.
type way struct {
	to    map[string]*way
	roots []int // that are here
	link  bool  // a link is here that the way to a root led over
}

// below calls fn for each root that is here or further on.
func (w *way) below(fn func(root int)) {
	if w == nil {
		return
	}
	for _, r := range w.roots {
		fn(r)
	}
	for _, next := range w.to {
		next.below(fn)
	}
}

// cover says which roots a directory's entries are of.
type cover struct {
	trees []int // all below the directory too
	here  []int // only its entries
}

// plan is what is to be watched.
type plan struct {
	roots   []*root
	way     *way // of the host's root
	covers  []cover
	numbers map[string]uint32 // of covers
	aliased bool              // some root is not called what it is
}

func makePlan(opts *Options, given []hosts.WatchRoot) (*plan, error) {
	p := &plan{way: &way{}, numbers: map[string]uint32{}}
	for _, g := range given {
		if !path.IsAbs(g.Path) || path.Clean(g.Path) != g.Path || strings.IndexByte(g.Path, 0) >= 0 {
			return nil, fmt.Errorf("%q is not an absolute, clean path", g.Path)
		}
		r := &root{WatchRoot: g}
		r.real, r.links = resolved(opts, g.Path)
		if len(g.Exclude) > 0 {
			if opts.Patterns == nil {
				return nil, fmt.Errorf("nobody can tell what %q matches", g.Exclude)
			}
			var err error
			if r.exclude, err = opts.Patterns(g.Exclude); err != nil {
				return nil, err
			}
		}
		p.aliased = p.aliased || r.real != r.Path
		p.roots = append(p.roots, r)
		p.wayTo(r.real).roots = append(p.wayTo(r.real).roots, len(p.roots)-1)
		p.wayTo(r.Path) // so that a link on it is seen when it is made, or changed
		for _, l := range r.links {
			p.wayTo(l).link = true
		}
	}
	p.number(cover{}) // 0
	return p, nil
}

// resolved is where a path is, once the links that may be followed were, and where
// these are.
func resolved(opts *Options, p string) (is string, links []string) {
	if opts.Resolve == nil || p == "/" {
		return p, nil
	}
	dir, links, err := opts.Resolve(path.Dir(p))
	if err != nil {
		return p, links // not there yet
	}
	return path.Join(dir, path.Base(p)), links
}

// moved gives the roots that are elsewhere now, as a link on the way was changed.
func (p *plan) moved(opts *Options) (roots []*root) {
	for _, r := range p.roots {
		if is, links := resolved(opts, r.Path); is != r.real || !slices.Equal(links, r.links) {
			roots = append(roots, r)
		}
	}
	return roots
}

func (p *plan) wayTo(to string) *way {
	w := p.way
	for part := range strings.SplitSeq(strings.Trim(to, "/"), "/") {
		if part == "" {
			continue
		}
		if w.to[part] == nil {
			if w.to == nil {
				w.to = map[string]*way{}
			}
			w.to[part] = &way{}
		}
		w = w.to[part]
	}
	return w
}

// number gives equal covers one number.
func (p *plan) number(c cover) uint32 {
	key := fmt.Sprint(c.trees, c.here)
	n, ok := p.numbers[key]
	if !ok {
		n = uint32(len(p.covers)) //nolint:gosec // as many as roots and their overlaps
		p.numbers[key] = n
		p.covers = append(p.covers, c)
	}
	return n
}

// coverAt is the cover of the directory at, which lies in one of cover from and
// is on the way w, which may be nil.
func (p *plan) coverAt(from uint32, at string, w *way) uint32 {
	trees := p.covers[from].trees
	same := w == nil || len(w.roots) == 0
	if same && len(trees) == 0 {
		return 0
	}
	for _, r := range trees {
		same = same && !p.roots[r].excludes(at)
	}
	if same && len(p.covers[from].here) == 0 {
		return from
	}
	var c cover
	for _, r := range trees {
		if !p.roots[r].excludes(at) {
			c.trees = append(c.trees, r)
		}
	}
	if w != nil {
		for _, r := range w.roots {
			if p.roots[r].Tree {
				c.trees = append(c.trees, r)
			} else {
				c.here = append(c.here, r)
			}
		}
	}
	slices.Sort(c.trees)
	return p.number(c)
}

// names adds to list what the entry at, of a directory with that cover, is called
// by the roots that it is of: nothing where it is of none, and one name for all
// but where a link led to a root. w is the way that the entry is on, or nil.
func (p *plan) names(list []string, from uint32, at string, w *way) []string {
	add := func(r *root) {
		if len(list) == 0 || p.aliased && !slices.Contains(list, r.given(at)) {
			list = append(list, r.given(at))
		}
	}
	for _, roots := range [...][]int{p.covers[from].trees, p.covers[from].here} {
		for _, r := range roots {
			if !p.roots[r].excludes(at) {
				add(p.roots[r])
			}
		}
	}
	if w != nil {
		for _, r := range w.roots {
			add(p.roots[r])
		}
	}
	return list
}

// patterns reports whether any root of a cover leaves something out.
func (p *plan) patterns(c uint32) bool {
	for _, r := range p.covers[c].trees {
		if p.roots[r].exclude != nil {
			return true
		}
	}
	return false
}
