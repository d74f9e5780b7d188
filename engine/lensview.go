package engine

import (
	"fmt"
	"io/fs"
	"path"
	"reflect"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/hosts"
)

// LensName is what a lens is called: as its package, which is called as the
// daemon whose files it reads.
func LensName(l Lens) string { return path.Base(reflect.TypeOf(l).PkgPath()) }

// maxViewed bounds, in bytes, what one look at a tree may read.
const maxViewed = 128 << 20

// viewed is a tree of which it is known what was read, and what was not to be.
type viewed struct {
	Tree
	read, failed map[string]bool
	left         int
}

func view(t Tree) *viewed {
	return &viewed{Tree: t, read: map[string]bool{}, failed: map[string]bool{}, left: maxViewed}
}

func (t *viewed) ReadFile(p string) ([]byte, error) {
	n, err := t.Stat(p)
	if err != nil {
		return nil, err
	}
	var b []byte
	if t.left -= int(min(n.Content.Size, maxViewed+1)); t.left < 0 {
		err = &fs.PathError{Op: "read", Path: p, Err: fmt.Errorf("the files read have more than %d MiB", maxViewed>>20)}
	} else {
		b, err = t.Tree.ReadFile(p)
	}
	t.read[p] = true
	t.failed[p] = err != nil
	return b, err
}

// LensChanges is what changes of files amount to, by the path of the file: the
// changes of the resources that lenses show of a tree before and after. A file
// that a lens cannot read on either side has none.
func LensChanges(lenses []Lens, before, after Tree, changed []string) map[string][]Change {
	out := map[string][]Change{}
	if len(changed) == 0 {
		return out
	}
	for _, l := range lenses {
		d := differ{kinds: ByKind(l.Kinds()), changed: map[string]bool{}, bad: map[string]bool{}, out: out}
		b, a := view(before), view(after)
		if d.before = shownBy(l, b, d.bad); !mayDiffer(b, after, changed) {
			continue
		}
		d.after = shownBy(l, a, d.bad)
		for _, p := range changed {
			if b.read[p] || a.read[p] {
				d.changed[p] = true
			}
		}
		if len(d.changed) > 0 {
			d.compare()
		}
	}
	for p := range out {
		slices.SortStableFunc(out[p], func(a, b Change) int { return a.Addr.Compare(b.Addr) })
	}
	return out
}

// mayDiffer reports whether a lens that has read a tree may see another one after
// the changes: which files it reads follows from what it has read, and from which
// there are.
func mayDiffer(was *viewed, after Tree, changed []string) bool {
	return slices.ContainsFunc(changed, func(p string) bool {
		b, errBefore := was.Stat(p)
		a, errAfter := after.Stat(p)
		return was.read[p] || errBefore != nil || errAfter != nil || b.Type != hosts.File || a.Type != hosts.File
	})
}

// shownBy is what a lens shows of a tree. The files that cannot be read are bad.
func shownBy(l Lens, t *viewed, bad map[string]bool) map[Addr]*Resource {
	found, diags := l.Get(t)
	shown := make(map[Addr]*Resource, len(found))
	for i := range found {
		shown[found[i].Addr] = &found[i]
	}
	for _, d := range diags {
		if d.Severity == hcl.DiagError && d.Subject != nil {
			bad[d.Subject.Filename] = true
		}
	}
	for p, failed := range t.failed {
		bad[p] = bad[p] || failed
	}
	return shown
}

// differ compares what one lens shows of two trees.
type differ struct {
	kinds         map[string]Schema
	before, after map[Addr]*Resource
	changed       map[string]bool // the changed files that the lens has read
	bad           map[string]bool
	out           map[string][]Change
}

func (d *differ) compare() {
	for a, was := range d.before {
		switch is := d.after[a]; {
		case is == nil:
			d.add(Change{Addr: a, Action: Delete, Before: was})
		case !sameShown(was, is, d.kinds[a.Kind]):
			d.add(Change{Addr: a, Action: Update, Before: was, After: is})
		}
	}
	for a, is := range d.after {
		if d.before[a] == nil {
			d.add(Change{Addr: a, Action: Create, After: is})
		}
	}
}

// add takes a change down for the file it is in; one whose own file is as it
// was comes from another: where only one was read, from that.
func (d *differ) add(c Change) {
	at := ""
	for _, r := range []*Resource{c.After, c.Before} {
		if r != nil && at == "" && d.changed[r.Range.Filename] {
			at = r.Range.Filename
		}
	}
	if at == "" && len(d.changed) == 1 {
		for p := range d.changed {
			at = p
		}
	}
	if at != "" && !d.bad[at] {
		d.out[at] = append(d.out[at], c)
	}
}

// sameShown reports whether two resources say the same, but for what only tells.
func sameShown(a, b *Resource, s Schema) bool {
	if a.Value == cty.NilVal || b.Value == cty.NilVal {
		return a.Value == b.Value
	}
	for _, attr := range s.Attrs {
		if !attr.Info && !a.Value.GetAttr(attr.Name).RawEquals(b.Value.GetAttr(attr.Name)) {
			return false
		}
	}
	return true
}

// ChangedTrees are a host's files as they are and as changes make them. read
// gives the bytes of a plain content, from wherever it is; of a secret there
// are none.
func ChangedTrees(act *Actual, changes []Change, read func(hosts.Content) ([]byte, error)) (before, after Tree, changed []string) {
	nodes := make(map[string]*hosts.Node, len(act.Resources))
	for a, r := range act.Resources {
		if a.Kind == "file" && r.Node != nil {
			nodes[a.Name] = r.Node
		}
	}
	bytes := func(p string, n *hosts.Node) ([]byte, error) {
		if n.Content.Sealed {
			return nil, &fs.PathError{Op: "read", Path: p, Err: fs.ErrPermission}
		}
		return read(n.Content)
	}
	all := func(yield func(string, *hosts.Node) bool) {
		for p, n := range nodes {
			if !yield(p, n) {
				return
			}
		}
	}
	before = NewTree(act.Facts, all, bytes)
	for _, c := range changes {
		if c.Addr.Kind != "file" {
			continue
		}
		delete(nodes, c.Addr.Name)
		if c.After != nil && c.After.Node != nil {
			nodes[c.Addr.Name] = c.After.Node
		}
		changed = append(changed, c.Addr.Name)
	}
	return before, NewTree(act.Facts, all, bytes), changed
}

// LensKinds are the kinds that lenses show.
func LensKinds(lenses []Lens) []Schema {
	var ss []Schema
	for _, l := range lenses {
		ss = append(ss, l.Kinds()...)
	}
	return ss
}
