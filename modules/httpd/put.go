package httpd

import (
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/apache"
	"hikae/modules/internal/lensput"
)

// Put makes the edits. It implies no other resources.
func (Lens) Put(t engine.Tree, edits []engine.Edit) ([]engine.FileEdit, []engine.Resource, hcl.Diagnostics) {
	c := load(t)
	if c.diags.HasErrors() {
		return nil, nil, c.diags
	}
	p := &put{config: c, added: map[string]*file{}}
	edits = lensput.Sorted(edits)
	for _, e := range edits {
		if v := c.named(e.Addr.Name); v != nil {
			p.change(v, e, edits)
		} else if !e.Absent {
			p.create(e)
		}
	}
	files := p.Files()
	return files, nil, p.Diags
}

type put struct {
	lensput.Put
	*config
	added map[string]*file // files that were not there
}

func (c *config) named(name string) *vhost {
	for _, v := range c.vhosts {
		if v.name == name {
			return v
		}
	}
	return nil
}

// change edits a virtual host that is there.
func (p *put) change(v *vhost, wish engine.Edit, all []engine.Edit) {
	e := &edit{put: p, v: v, wish: wish}
	switch f := wish.Attrs[attrFile]; {
	case v.made:
		e.fail("", "%q is made by a macro at %s, line %d: change the macro or its arguments there.", v.name, v.at.Filename, v.at.Start.Line)
	case wish.Absent:
		p.remove(e, all)
	case f != cty.NilVal && !f.IsNull() && path.Clean(f.AsString()) != v.file.Path:
		e.fail(attrFile, "%q is in %s; to move it, move its block.", v.name, v.file.Path)
	default:
		e.listen()
		e.attributes()
	}
}

// attributes makes what is wished of all but the addresses.
func (e *edit) attributes() {
	for _, a := range attributes() {
		want, ok := e.wish.Attrs[a.name]
		if !ok {
			continue
		}
		if !want.IsNull() && want.Type().IsListType() && want.LengthInt() == 0 {
			want = cty.NullVal(a.form.typ())
		}
		if have := a.form.get(e.v, a); !have.RawEquals(want) {
			a.form.set(e, a, want)
		}
	}
}

// listen gives the virtual host its addresses.
func (e *edit) listen() {
	want, ok := e.wish.Attrs[attrListen]
	if !ok {
		return
	}
	wanted := texts(want)
	if len(wanted) == 0 {
		e.fail(attrListen, "A virtual host needs an address, such as \"*:443\".")
		return
	}
	src, tree := e.v.file.Source(), e.v.file.Tree
	have := e.v.node.Words[1:]
	e.Diags = append(e.Diags, e.heard(e.v, wanted, e.wish.RangeOf(attrListen))...)
	if slices.EqualFunc(have, wanted, func(w lens.Span, t string) bool { return apache.Text(src, w) == t }) {
		return
	}
	quoted := make([]string, len(wanted))
	for i, t := range wanted {
		like := ""
		if i < len(have) {
			like = have[i].Of(src)
		}
		if quoted[i], ok = e.quote(attribute{name: attrListen}, t, like); ok && like != "" && apache.Text(src, have[i]) == t {
			quoted[i] = like
		}
		if !ok || strings.Contains(t, ">") || t == "" {
			e.fail(attrListen, "%q is no address of a virtual host.", t)
			return
		}
	}
	// The name says the port: with another it would be another virtual host.
	moved := *e.v
	moved.addresses = strings.Fields(e.resolve(strings.Join(wanted, " ")))
	base, _, _ := strings.Cut(e.v.name, "#")
	if name := e.nameOf(&moved); name != base {
		e.fail(attrListen, "At %q the virtual host is called %q: remove %q and write that one.", wanted[0], name, e.v.name)
		return
	}
	tree.SetArguments(e.v.node, quoted)
	e.touched()
}

// remove takes a virtual host out, and the file that was for it alone.
func (p *put) remove(e *edit, all []engine.Edit) {
	v := e.v
	later := v.twins[slices.Index(v.twins, v)+1:]
	for _, t := range later { // it would be called otherwise
		if !slices.ContainsFunc(all, func(o engine.Edit) bool { return o.Absent && o.Addr.Name == t.name }) {
			e.fail("", "Without %q, %q would be called otherwise: of several of one name, remove the last first.", v.name, t.name)
			return
		}
	}
	if v.file.byGlob && alone(v.file.Tree.Root, v.node) {
		p.Remove(v.file.File, e.wish.Addr)
		return
	}
	v.file.Tree.Remove(v.node)
	e.touched()
}

// alone tells whether a block has nothing but one node, or conditional sections
// about it.
func alone(block, n *lens.Node) bool {
	return len(block.Nodes) == 1 && (block.Nodes[0] == n || block.Nodes[0].Block && alone(block.Nodes[0], n))
}
