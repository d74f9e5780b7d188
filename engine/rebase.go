package engine

import (
	"maps"
	"slices"
	"strings"

	"hikae/engine/merge"
	"hikae/hosts"
)

// Conflict is a file that cannot be merged without a person: it stays as it is
// on the host. See Rebase.
type Conflict struct {
	Addr Addr
	// Why says what a person must know; with hunks, nothing more than they do.
	Why   string
	Hunks []merge.Hunk
	// Secret: the texts are not shown, not even here: the hunks have lines only.
	Secret bool
	Sides  Sides
	// Source is the host that the file comes from, Package the one that the
	// file belongs to on the host that it goes to.
	Source, Package string
}

// Redact takes the texts out of a secret's hunks.
func (c *Conflict) Redact() {
	for i := range c.Hunks {
		h := &c.Hunks[i]
		h.Base.Text, h.Ours.Text, h.Theirs.Text = "", "", ""
	}
}

// Sides are the three contents of a merge: what the source's package installed,
// what the source has there, and what the host's package installed.
type Sides struct{ Base, Ours, Theirs hosts.Content }

// Skewed is a file whose content is to be made for a host: it is edited on the
// source, while the host's package installed something else in its place than
// the source's did.
type Skewed struct {
	Addr  Addr
	Node  *hosts.Node // as it is to be, but for its content
	Sides Sides
	// Pristine is what the host's package, called Package, installed.
	Pristine *hosts.Node
	Package  string
	// Fixed: the content is that of Ours, and only its name may be another: by
	// its mode it may be a secret here, or none.
	Fixed bool
}

// Merged is what became of a Skewed file: a content and a word on how it came
// about, or why there is none.
type Merged struct {
	Content  hosts.Content
	How      string
	Conflict *Conflict
}

// Rebase carries what is wished over to what the host's own packages installed:
// "pristine" stands for the bytes of whatever version a host has, and so an edit
// is what the source has changed of them. A file of which the source changed the
// mode keeps the host's package's bytes; one whose bytes it changed gets what
// merge makes of them; what an overlay says of a file is said of this host and
// stays. Where both packages installed the same, nothing is done.
//
// A package that the plan is about to change, as changing tells, is passed over:
// which version the host has is known afterwards. changing and merge are called
// once, if at all; merge returns a result for each. The result shares with d
// what is not changed.
func (d *Desired) Rebase(act *Actual, changing func() []Change, merge func([]Skewed) ([]Merged, error)) (*Desired, error) {
	addrs := slices.DeleteFunc(sortedAddrs(d.Resources), func(a Addr) bool {
		have := act.Resources[a]
		return have == nil || !skewed(d.Resources[a], have)
	})
	if len(addrs) == 0 {
		return d, nil
	}
	out := *d
	out.Resources, out.Inline = maps.Clone(d.Resources), maps.Clone(d.Inline)
	out.conflicts, out.how = nil, map[Addr]string{}
	pending := changing()
	var files []Skewed
	for _, a := range addrs {
		if have := act.Resources[a]; !changes(pending, have.Package) {
			if f := out.rebase(d.Resources[a], have); f != nil {
				files = append(files, *f)
			}
		}
	}
	if len(files) == 0 {
		return &out, nil
	}
	merged, err := merge(files)
	if err != nil {
		return nil, err
	}
	for i, m := range merged {
		a := files[i].Addr
		if m.Conflict != nil {
			out.conflicts = append(out.conflicts, *m.Conflict)
			continue
		}
		out.Resources[a].Node.Content, out.how[a] = m.Content, m.How
	}
	return &out, nil
}

// skewed reports whether a wish was made on another ground than the host's.
func skewed(r, have *Resource) bool {
	for _, n := range []*hosts.Node{r.Node, r.Pristine, have.Pristine} {
		if n == nil || n.Type != hosts.File {
			return false
		}
	}
	return !r.Pristine.Equal(have.Pristine)
}

// changes reports whether a plan changes a package, in whatever architecture.
func changes(cs []Change, pkg string) bool {
	for _, c := range cs {
		if c.Addr.Kind == "package" && (c.Addr.Name == pkg || strings.HasPrefix(c.Addr.Name, pkg+".")) {
			return true
		}
	}
	return false
}

// rebase moves one file, and returns it where its content is to be made.
func (d *Desired) rebase(r, have *Resource) *Skewed {
	said := d.said[r.Addr]
	moved := *r
	moved.Package, moved.Pristine = have.Package, have.Pristine
	moved.Node = rebaseNode(r, have, said)
	d.Resources[r.Addr] = &moved
	sides := Sides{Base: r.Pristine.Content, Ours: r.Node.Content, Theirs: have.Pristine.Content}
	fixed := said["content"] || sides.Base == sides.Theirs || sides.Ours == sides.Theirs
	switch {
	case !fixed && sides.Ours == sides.Base:
		moved.Node.Content = sides.Theirs
		return nil
	case fixed && moved.Node.Mode == r.Node.Mode:
		return nil
	}
	return &Skewed{Addr: r.Addr, Node: moved.Node, Sides: sides, Pristine: have.Pristine, Package: have.Package, Fixed: fixed}
}

// rebaseNode is a wish's metadata on the host's ground: what the source left as
// its package made it is as the host's package makes it.
func rebaseNode(r, have *Resource, said map[string]bool) *hosts.Node {
	n, was, is := r.Node.Clone(), r.Pristine, have.Pristine
	if !said["mode"] && n.Mode == was.Mode {
		n.Mode = is.Mode
	}
	for _, f := range []struct {
		name string
		of   func(*hosts.Node) *string
	}{
		{"owner", func(n *hosts.Node) *string { return &n.Owner }},
		{"group", func(n *hosts.Node) *string { return &n.Group }},
		{"caps", func(n *hosts.Node) *string { return &n.Caps }},
	} {
		if !said[f.name] && *f.of(n) == *f.of(was) {
			*f.of(n) = *f.of(is)
		}
	}
	return n
}

// conflicted reports whether a file waits for a person.
func (d *Desired) conflicted(a Addr) bool {
	for i := range d.conflicts {
		if d.conflicts[i].Addr == a {
			return true
		}
	}
	return false
}

// say remembers what an overlay says of a file beyond what packages do.
func (c *compiler) say(p Patch) {
	said := c.out.said[p.Addr]
	if said == nil {
		said = map[string]bool{}
		c.out.said[p.Addr] = said
	}
	for name, v := range p.Attrs {
		said[name] = !v.IsNull()
	}
	if p.Content != nil || p.ContentFrom != "" {
		said["content"] = true
	}
}
