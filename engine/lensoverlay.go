package engine

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/hosts"
)

// edit lays the overlays of lenses' kinds over the files that are desired so
// far: each lens changes only the bytes of what is asked. A file overlay of
// the same rank was laid before: it replaces, and this edits.
func (c *compiler) edit(l Lens, edits []Edit) hcl.Diagnostics {
	changed, implied, diags := l.Put(looking{c.tree(), &c.out.looks}, edits)
	if diags.HasErrors() {
		return diags
	}
	c.warn(edits, diags)
	for _, e := range changed {
		a := Addr{Kind: "file", Name: e.Path}
		c.out.looks.seen[e.Path] = true
		if rule, own := c.own(a); own {
			return append(diags, errorDiag("This is the host's own", fmt.Sprintf("%s is not written: %s.", a, rule.Why), nil))
		}
		if other := c.owner(e.Path, l); other != "" {
			return append(diags, errorDiag("A path has one owner",
				fmt.Sprintf("%s is edited by the lens %s, for %s; it is also %s. Say it one way.", e.Path, LensName(l), e.For[0], other), rangeOf(edits, e.For[0])))
		}
		if !c.only.match(a) {
			return append(diags, errorDiag("Not among what this host takes",
				fmt.Sprintf("%s is to be edited for %s, and is not among what only of %s names. Add %q to it.", a, e.For[0], c.Host, a.String()), rangeOf(edits, e.For[0])))
		}
		r := c.fileAt(a)
		if r == nil || r.Node.Type == hosts.Absent {
			r = &Resource{Addr: a, Value: cty.NilVal, Node: defaultNode(Patch{})}
			if e.New != nil {
				r.Node = e.New
			}
		}
		changed := *r
		changed.Node = r.Node.Clone()
		if e.Remove {
			changed.Node = &hosts.Node{Type: hosts.Absent}
		} else {
			changed.Node.Content = hosts.Content{Size: int64(len(e.Bytes)), ID: sha256.Sum256(e.Bytes)}
			c.out.Inline[changed.Node.Content.ID] = Inline{Data: e.Bytes}
		}
		delete(c.out.Pristine, a)
		c.out.Resources[a] = &changed
	}
	for i := range implied {
		c.out.looks.implied[implied[i].Addr] = true
		c.imply(&implied[i])
	}
	return diags
}

// owner says who else has a path that a lens edits, or "".
func (c *compiler) owner(p string, l Lens) string {
	for _, tree := range c.Mirrors {
		if p == tree || strings.HasPrefix(p, strings.TrimSuffix(tree, "/")+"/") {
			return fmt.Sprintf("in the mirror %q", tree)
		}
	}
	if c.editors == nil {
		c.editors = map[string]Lens{}
	}
	if first := c.editors[p]; first != nil && first != l {
		return "edited by the lens " + LensName(first)
	}
	c.editors[p] = l
	return ""
}

// rangeOf is where an edit was written.
func rangeOf(edits []Edit, a Addr) *hcl.Range {
	for i := range edits {
		if edits[i].Addr == a {
			return &edits[i].Range
		}
	}
	return nil
}

// warn keeps what a lens says of the edits themselves. What it says of the files
// that it reads is the source's matter.
func (c *compiler) warn(edits []Edit, diags hcl.Diagnostics) {
	for _, d := range diags {
		if d.Subject == nil || !slices.ContainsFunc(edits, func(e Edit) bool { return e.Range.Filename == d.Subject.Filename }) {
			continue
		}
		text := fmt.Sprintf("%s:%d: %s: %s", d.Subject.Filename, d.Subject.Start.Line, d.Summary, d.Detail)
		if !slices.Contains(c.out.Warnings, text) {
			c.out.Warnings = append(c.out.Warnings, text)
		}
	}
}

// imply lays what an edit implies over what is wished so far: a new timer is
// to be enabled, and of one that goes nothing is wished, without a value. An
// overlay that says something of the very resource wins.
func (c *compiler) imply(r *Resource) {
	said := slices.ContainsFunc(c.Patches, func(p Patch) bool { return p.Addr == r.Addr })
	if _, own := c.own(r.Addr); own || said || !c.only.match(r.Addr) {
		return
	}
	if r.Value == cty.NilVal {
		delete(c.out.Resources, r.Addr)
		return
	}
	if have := c.out.Resources[r.Addr]; have != nil {
		attrs := have.Value.AsValueMap()
		for name, v := range r.Value.AsValueMap() {
			if !v.IsNull() {
				attrs[name] = v
			}
		}
		merged := *have
		merged.Value = cty.ObjectVal(attrs)
		r = &merged
	}
	c.out.Resources[r.Addr] = r
	c.out.Held = slices.DeleteFunc(c.out.Held, func(n Note) bool { return n.Addr == r.Addr })
}

// lensOf finds the lens that has a kind.
func (c *compiler) lensOf(kind string) Lens {
	for _, l := range c.Lenses {
		if slices.ContainsFunc(l.Kinds(), func(s Schema) bool { return s.Kind == kind }) {
			return l
		}
	}
	return nil
}

// tree is the tree of files that are desired so far: the snapshot's, the
// pristine ones included, and the overlays'.
func (c *compiler) tree() Tree {
	var facts hosts.Facts
	if c.Source != nil {
		facts = c.Source.Facts
	}
	return NewTree(facts, c.out.files, c.read)
}

// files are the files that are wished, and beside them those of the source that
// the host does not take (only): daemons read them all as one.
func (d *Desired) files(yield func(string, *hosts.Node) bool) {
	for _, rs := range []map[Addr]*Resource{d.Resources, d.Pristine} {
		for a, r := range rs {
			if over := d.Resources[a]; over != nil {
				r = over
			}
			if a.Kind == "file" && r.Node != nil && !yield(a.Name, r.Node) {
				return
			}
		}
	}
	if d.part != nil {
		d.whole.files(func(p string, n *hosts.Node) bool { return d.part[Addr{Kind: "file", Name: p}] || yield(p, n) })
		return
	}
	if d.source == nil || d.only == nil || d.only.all {
		return
	}
	for i := range d.source.Resources {
		r := &d.source.Resources[i]
		if r.Addr.Kind == "file" && r.Node != nil && !d.only.match(r.Addr) && !yield(r.Addr.Name, r.Node) {
			return
		}
	}
}

func (c *compiler) read(p string, n *hosts.Node) ([]byte, error) {
	if in, ok := c.out.Inline[n.Content.ID]; ok && in.From == "" {
		return in.Data, nil
	}
	if c.Bytes == nil || n.Content.Sealed {
		return nil, &fs.PathError{Op: "read", Path: p, Err: fs.ErrPermission}
	}
	return c.Bytes(n.Content)
}

// fileAt is what is desired so far at a path.
func (c *compiler) fileAt(a Addr) *Resource {
	if r := c.out.Resources[a]; r != nil {
		return r
	}
	return c.out.Pristine[a]
}

// SnapshotTree is the tree of a snapshot's files. read gives the bytes of a
// plain content; a secret's are not to be had.
func SnapshotTree(s *Snapshot, read func(hosts.Content) ([]byte, error)) Tree {
	return NewTree(s.Facts, func(yield func(string, *hosts.Node) bool) {
		for i := range s.Resources {
			if r := &s.Resources[i]; r.Addr.Kind == "file" && r.Node != nil && !yield(r.Addr.Name, r.Node) {
				return
			}
		}
	}, func(p string, n *hosts.Node) ([]byte, error) {
		if n.Content.Sealed {
			return nil, &fs.PathError{Op: "read", Path: p, Err: fs.ErrPermission}
		}
		return read(n.Content)
	})
}
