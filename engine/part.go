package engine

import (
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/hosts"
)

// A part of what a host should be is what Compile makes of some addresses, and
// of nothing else: what is at them has changed on the source, or on the host. A
// plan of a part has just those changes that a plan of the whole has for these
// addresses, and takes as long as they are many.

// CompilePart compiles a part. w is what whole was compiled from, but that the
// source is another at these addresses, or that it has other Coverage.
//
// ok is false where a part cannot be told from the rest: a lens has read one of
// the files to lay overlays, and may now write other files, or has implied one of
// the addresses. Then only Compile will do.
func CompilePart(w Want, whole *Desired, of map[Addr]bool) (part *Desired, ok bool, diags hcl.Diagnostics) {
	if whole.entangled(of) {
		return nil, false, nil
	}
	w.Patches = slices.DeleteFunc(slices.Clone(w.Patches), func(p Patch) bool { return !of[p.Addr] })
	c := newCompiler(w)
	c.rulesOf = whole.rulesOf
	c.out.part, c.out.whole = of, whole
	diags = c.compile(func(a Addr) bool { return of[a] })
	return c.out, true, diags
}

// Part is the wish for some addresses alone.
func (d *Desired) Part(of map[Addr]bool) *Desired {
	out := *d
	out.Resources, out.Pristine = some(d.Resources, of), some(d.Pristine, of)
	out.Held, out.Left = someNotes(d.Held, of), someNotes(d.Left, of)
	out.part, out.whole = of, d
	return &out
}

func some(all map[Addr]*Resource, of map[Addr]bool) map[Addr]*Resource {
	out := make(map[Addr]*Resource, len(of))
	for a := range of {
		if r := all[a]; r != nil {
			out[a] = r
		}
	}
	return out
}

// Part is what was read at some addresses alone.
func (a *Actual) Part(of map[Addr]bool) *Actual {
	out := *a
	out.Resources = some(a.Resources, of)
	return &out
}

func someNotes(all []Note, of map[Addr]bool) []Note {
	return slices.DeleteFunc(slices.Clone(all), func(n Note) bool { return !of[n.Addr] })
}

// Lay puts a part in its place in the whole that it was compiled beside. What
// was made of the whole before (Rebase, Keep) may share its maps, so the whole
// gets new ones.
func (d *Desired) Lay(part *Desired) {
	d.Resources, d.Pristine = laid(d.Resources, part.Resources, part.part), laid(d.Pristine, part.Pristine, part.part)
	d.said = laid(d.said, part.said, part.part)
	d.Held, d.Left = laidNotes(d.Held, part.Held, part.part), laidNotes(d.Left, part.Left, part.part)
	inline := make(map[hosts.ID]Inline, len(d.Inline)+len(part.Inline))
	for id, in := range d.Inline {
		inline[id] = in
	}
	for id, in := range part.Inline {
		inline[id] = in
	}
	d.Inline = inline
	d.source = part.source
}

// Whole is what a part is a part of, with it in its place; for all else itself.
func (d *Desired) Whole() *Desired {
	if d.part == nil {
		return d
	}
	whole := *d.whole
	whole.Lay(d)
	return &whole
}

// laid is a map with what a part has of some addresses in place of what it had.
func laid[V any](whole, part map[Addr]V, of map[Addr]bool) map[Addr]V {
	m := make(map[Addr]V, len(whole)+len(part))
	for a, v := range whole {
		if !of[a] {
			m[a] = v
		}
	}
	for a, v := range part {
		m[a] = v
	}
	return m
}

func laidNotes(whole, part []Note, of map[Addr]bool) []Note {
	out := slices.DeleteFunc(slices.Clone(whole), func(n Note) bool { return of[n.Addr] })
	out = append(out, part...)
	slices.SortFunc(out, func(a, b Note) int { return a.Addr.Compare(b.Addr) })
	return out
}

// at is what is wished at an address, of a part or beside it.
func (d *Desired) at(a Addr) *Resource {
	if d.part != nil && !d.part[a] {
		return d.whole.Resources[a]
	}
	return d.Resources[a]
}

// countFiles counts the files that are wished: shares of a Budget are of all of
// them, beside a part too.
func (d *Desired) countFiles() int {
	n := 0
	for _, r := range d.Resources {
		if r.Node != nil {
			n++
		}
	}
	if d.part != nil {
		for a, r := range d.whole.Resources {
			if !d.part[a] && r.Node != nil {
				n++
			}
		}
	}
	return n
}

// looks are what a lens has looked at to lay overlays, and what came of it.
type looks struct {
	seen    map[string]bool // paths, the written ones too; true: the names in it
	implied map[Addr]bool
}

// entangled reports whether overlays of lenses may make something else of files,
// where these addresses change.
func (d *Desired) entangled(of map[Addr]bool) bool {
	for a := range of {
		if d.looks.implied[a] {
			return true
		}
		if a.Kind != "file" || len(d.looks.seen) == 0 {
			continue
		}
		if _, seen := d.looks.seen[a.Name]; seen || d.looks.seen[path.Dir(a.Name)] {
			return true
		}
		// A directory is there for what lies below it, too: see NewTree.
		for dir := path.Dir(a.Name); dir != "/"; dir = path.Dir(dir) {
			if _, seen := d.looks.seen[dir]; seen && !d.stands(dir, of) {
				return true
			}
		}
	}
	return false
}

// stands reports whether a directory is wished, or something in it, whatever
// becomes of some addresses.
func (d *Desired) stands(dir string, but map[Addr]bool) bool {
	for p, n := range d.files {
		if (p == dir || strings.HasPrefix(p, dir+"/")) && n.Type != hosts.Absent && !but[Addr{Kind: "file", Name: p}] {
			return true
		}
	}
	return false
}

// looking is a tree that remembers what of it was looked at.
type looking struct {
	Tree
	at *looks
}

func (l looking) note(p string, names bool) { l.at.seen[p] = l.at.seen[p] || names }

func (l looking) Stat(p string) (hosts.Node, error) {
	l.note(p, false)
	return l.Tree.Stat(p)
}

func (l looking) ReadDir(p string) ([]string, error) {
	l.note(p, true)
	return l.Tree.ReadDir(p)
}

func (l looking) ReadFile(p string) ([]byte, error) {
	l.note(p, false)
	return l.Tree.ReadFile(p)
}

// Same reports whether two resources at one address, as they were read, do not
// differ: nil is none.
func Same(a, b *Resource) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.Package != b.Package || !a.Node.Equal(b.Node) || !a.Pristine.Equal(b.Pristine) {
		return false
	}
	if a.Value == cty.NilVal || b.Value == cty.NilVal {
		return a.Value == b.Value
	}
	return a.Value.RawEquals(b.Value)
}
