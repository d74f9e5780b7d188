package engine

import "github.com/zclconf/go-cty/cty"

// Part is the wish for some addresses alone: a plan by it holds the changes of
// these that a plan by all of it would.
func (d *Desired) Part(of map[Addr]bool) *Desired {
	out := *d
	out.total = d.countFiles()
	out.Resources, out.Pristine = some(d.Resources, of), some(d.Pristine, of)
	return &out
}

// countFiles counts the files that are wished: shares of a Budget are of all of
// them, of a part of the wish too.
func (d *Desired) countFiles() int {
	if d.total > 0 {
		return d.total
	}
	n := 0
	for _, r := range d.Resources {
		if r.Node != nil {
			n++
		}
	}
	return n
}

// Part is what was read at some addresses alone.
func (a *Actual) Part(of map[Addr]bool) *Actual {
	out := *a
	out.Resources = some(a.Resources, of)
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
