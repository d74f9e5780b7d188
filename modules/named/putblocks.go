package named

import (
	"slices"
	"strings"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/braces"
)

func (p *put) putOptions(e engine.Edit) {
	switch {
	case e.Addr.Name != optionsName:
		p.Fail(e.RangeOf(""), "There is one set of options", `Write %s "%s".`, OptionsKind, optionsName)
	case e.Absent:
		p.Fail(e.RangeOf(""), "Options cannot go", "To take a setting out, set it to null.")
	case p.options.node != nil:
		p.settings(p.options, p.statements(p.options), inOptions, e)
	default:
		if text := p.block("options", inOptions, e, nil); text != "" {
			p.append(text, e.Addr)
		}
	}
}

// append writes a statement at the end of named.conf.
func (p *put) append(text string, a engine.Addr) {
	f := p.files[0]
	p.appendTo(item{f, f.Tree.Root}, text)
	p.Touch(f, a)
}

func (p *put) acl(e engine.Edit) {
	at := slices.IndexFunc(p.acls, func(i item) bool { return i.word(1) == e.Addr.Name })
	if e.Absent {
		if at >= 0 {
			p.drop(p.acls[at], e.Addr)
		}
		return
	}
	v, said := e.Attrs[attrAddresses]
	if at >= 0 && !said {
		return
	}
	if !said || v.IsNull() {
		p.Fail(e.RangeOf(attrAddresses), "List of nothing", "Say whom the acl %q is about, with %s; to take it out, write absent = true.", e.Addr.Name, attrAddresses)
		return
	}
	want, err := elements(v)
	if err != nil {
		p.Fail(e.RangeOf(attrAddresses), "Value cannot be written", "%s.", err)
		return
	}
	if at >= 0 {
		p.setList(p.acls[at], want, e.Addr)
		return
	}
	quoted, err := braces.Named.Quote(e.Addr.Name)
	if err != nil || e.Addr.Name == "" {
		p.Fail(e.RangeOf(""), "Not a name", "%q cannot be the name of an acl.", e.Addr.Name)
		return
	}
	text := "acl " + quoted + " {\n"
	for _, w := range want {
		text += p.step() + w + ";\n"
	}
	text += "};"
	for _, last := range slices.Backward(p.acls) {
		if !p.going[last.node] {
			last.file.Tree.InsertAfter(last.node, text)
			p.Touch(last.file, e.Addr)
			return
		}
	}
	// Before what may refer to it: named takes acls in any order, but a person
	// reads them first.
	f := p.files[0]
	if nodes := f.Tree.Root.Nodes; len(nodes) > 0 && !p.going[nodes[0]] {
		f.Tree.InsertBefore(nodes[0], text)
		p.Touch(f, e.Addr)
		return
	}
	p.append(text, e.Addr)
}

// step is what named.conf indents by.
func (p *put) step() string {
	if len(p.files[0].Tree.Root.Nodes) == 0 {
		return "\t"
	}
	return p.files[0].Tree.Step()
}

func (p *put) view(e engine.Edit, edits []engine.Edit) {
	at := slices.IndexFunc(p.views, func(v *view) bool { return v.name == e.Addr.Name })
	switch {
	case e.Absent && at >= 0:
		for _, z := range p.zones {
			left := z.view == p.views[at] && !slices.ContainsFunc(edits, func(o engine.Edit) bool {
				return o.Absent && o.Addr == engine.Addr{Kind: ZoneKind, In: z.in(), Name: z.name}
			})
			if left {
				p.Fail(e.RangeOf(""), "View is not empty", "The view %q has the zone %q: it has to be absent too.", e.Addr.Name, z.name)
				return
			}
		}
		p.drop(p.views[at].item, e.Addr)
	case e.Absent:
	case at >= 0:
		p.settings(p.views[at].item, p.views[at].stmts, inView, e)
	default:
		p.newView(e)
	}
}

// newView writes a view before the first that takes every client.
func (p *put) newView(e engine.Edit) {
	quoted, err := braces.Named.Quote(e.Addr.Name)
	if err != nil || e.Addr.Name == "" || strings.Contains(e.Addr.Name, "/") {
		p.Fail(e.RangeOf(""), "Not a name", "%q cannot be the name of a view.", e.Addr.Name)
		return
	}
	if len(p.views) == 0 && len(p.zones) > 0 {
		p.Fail(e.RangeOf(""), "Zones are in no view", "Where there is a view, every zone is in one, and those of %s are in none.", p.zones[0].file.Path)
		return
	}
	made := &view{name: e.Addr.Name}
	p.views = append(p.views, made)
	var zones []string
	for _, z := range p.all {
		if z.Addr.Kind == ZoneKind && z.Addr.In == e.Addr.Name && !z.Absent {
			p.made[keyOf(z.Addr.In, z.Addr.Name)] = true
			zones = append(zones, indent(p.newZone(z, made), p.step())+"\n")
		}
	}
	text := p.block("view "+quoted, inView, e, zones)
	if text == "" {
		return
	}
	for _, v := range p.views {
		if v.node != nil && !p.going[v.node] && everybody(v) {
			v.file.Tree.InsertBefore(v.node, text)
			p.Touch(v.file, e.Addr)
			return
		}
	}
	p.append(text, e.Addr)
}

// everybody tells whether a view takes every client.
func everybody(v *view) bool {
	for _, s := range v.stmts {
		switch statement(s.src(), s.node) {
		case "match-clients":
			return slices.ContainsFunc(s.node.Nodes, func(n *lens.Node) bool {
				return strings.EqualFold(element(s.src(), n), "any")
			})
		case "match-destinations", "match-recursive-only":
			return false
		}
	}
	return true
}

// indent puts blanks before each line.
func indent(text, step string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if l != "" {
			lines[i] = step + l
		}
	}
	return strings.Join(lines, "\n")
}
