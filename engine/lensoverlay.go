package engine

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/hosts"
)

// edit lays the overlays of lenses' kinds over the files that are desired so
// far: each lens changes only the bytes of what is asked. A file overlay of
// the same rank was laid before: it replaces, and this edits.
func (c *compiler) edit(l Lens, edits []Edit) hcl.Diagnostics {
	t := &wishTree{c: c}
	changed, implied, diags := l.Put(t, edits)
	if diags.HasErrors() {
		return diags
	}
	for _, e := range changed {
		a := Addr{Kind: "file", Name: e.Path}
		if rule, own := c.own(a); own {
			return append(diags, errorDiag("This is the host's own", fmt.Sprintf("%s is not written: %s.", a, rule.Why), nil))
		}
		r := t.resource(e.Path)
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
		c.imply(&implied[i])
	}
	return diags
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

// wishTree is the tree of files that are desired so far: the snapshot's, the
// pristine ones included, and the overlays'.
type wishTree struct{ c *compiler }

var _ Tree = (*wishTree)(nil)

func (t *wishTree) resource(p string) *Resource {
	a := Addr{Kind: "file", Name: p}
	if r := t.c.out.Resources[a]; r != nil {
		return r
	}
	return t.c.out.Pristine[a]
}

func (t *wishTree) Facts() hosts.Facts {
	if t.c.Source == nil {
		return hosts.Facts{}
	}
	return t.c.Source.Facts
}

func (t *wishTree) Stat(p string) (hosts.Node, error) {
	if r := t.resource(p); r != nil && r.Node.Type != hosts.Absent {
		return *r.Node, nil
	}
	// Directories above what is known are there, whoever made them.
	if names, _ := t.ReadDir(p); len(names) > 0 {
		return hosts.Node{Type: hosts.Dir, Mode: 0o755, Owner: "root", Group: "root"}, nil
	}
	return hosts.Node{}, &fs.PathError{Op: "stat", Path: p, Err: fs.ErrNotExist}
}

func (t *wishTree) ReadDir(dir string) ([]string, error) {
	found := map[string]bool{}
	add := func(a Addr, r *Resource) {
		if a.Kind != "file" || r.Node.Type == hosts.Absent {
			return
		}
		for p := a.Name; p != "/"; p = path.Dir(p) {
			if path.Dir(p) == dir {
				found[path.Base(p)] = true
			}
		}
	}
	for a, r := range t.c.out.Pristine {
		add(a, r)
	}
	for a, r := range t.c.out.Resources {
		add(a, r)
	}
	names := make([]string, 0, len(found))
	for n := range found {
		names = append(names, n)
	}
	slices.Sort(names)
	if len(names) == 0 {
		return nil, &fs.PathError{Op: "readdir", Path: dir, Err: fs.ErrNotExist}
	}
	return names, nil
}

func (t *wishTree) ReadFile(p string) ([]byte, error) {
	r := t.resource(p)
	if r == nil || r.Node.Type != hosts.File {
		return nil, &fs.PathError{Op: "read", Path: p, Err: fs.ErrNotExist}
	}
	if in, ok := t.c.out.Inline[r.Node.Content.ID]; ok && in.From == "" {
		return in.Data, nil
	}
	if t.c.Bytes == nil || r.Node.Content.Sealed {
		return nil, &fs.PathError{Op: "read", Path: p, Err: fs.ErrPermission}
	}
	return t.c.Bytes(r.Node.Content)
}

// View shows what a lens makes of a snapshot's files, for people.
func View(l Lens, s *Snapshot, bytes func(hosts.Content) ([]byte, error)) ([]Resource, hcl.Diagnostics) {
	c := &compiler{
		Want: Want{Source: s, Bytes: bytes},
		out:  &Desired{Resources: map[Addr]*Resource{}, Pristine: map[Addr]*Resource{}},
	}
	for i := range s.Resources {
		c.out.Resources[s.Resources[i].Addr] = &s.Resources[i]
	}
	for a, r := range c.out.Resources {
		if a.Kind != "file" || r.Node == nil {
			delete(c.out.Resources, a)
		}
	}
	return l.Get(&wishTree{c: c})
}
