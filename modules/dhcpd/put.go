package dhcpd

import (
	"math"
	"net/netip"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/modules/internal/lensput"
)

// Put makes the edits. It implies no other resources.
func (Lens) Put(t engine.Tree, edits []engine.Edit) ([]engine.FileEdit, []engine.Resource, hcl.Diagnostics) {
	c := load(t)
	if c.diags.HasErrors() {
		return nil, nil, c.diags
	}
	p := &put{config: c}
	edits = lensput.Sorted(edits)
	for _, e := range edits {
		if v, ok := p.whose(e); ok {
			p.edit(c.servers[v], e)
		}
	}
	files := p.Files()
	return files, nil, p.Diags
}

type put struct {
	lensput.Put
	*config
}

// whose is the server of a resource, by its address.
func (p *put) whose(e engine.Edit) (version, bool) {
	if e.Addr.Kind == HostKind {
		v := version(e.Addr.In)
		if v != v4 && v != v6 {
			p.Fail(e.RangeOf(""), "Host of no server", "Say whose the host is: dhcp_host \"v4\" %q, or \"v6\".", e.Addr.Name)
			return "", false
		}
		return v, true
	}
	net, err := netip.ParsePrefix(e.Addr.Name)
	if err != nil || net.Masked().String() != e.Addr.Name || net.Addr().Is4In6() || e.Addr.In != "" {
		why := "it is a network and its length, as 192.168.1.0/24 or fd00::/64"
		if err == nil {
			why += ", written " + net.Masked().String()
		}
		p.Fail(e.RangeOf(""), "Not a subnet", "%q cannot be one: %s.", e.Addr.Name, why)
		return "", false
	}
	return versionOf(e.Addr.Name), true
}

func (p *put) edit(s *server, e engine.Edit) {
	d := s.byAddr[e.Addr]
	for _, other := range p.servers {
		if d == nil {
			d = other.byAddr[e.Addr]
		}
	}
	switch {
	case d == nil && e.Absent:
	case d == nil:
		p.create(s, e)
	case e.Absent:
		d.at.file.Tree.Remove(d.at.node)
		p.Touch(d.at.file, e.Addr)
	default:
		p.change(d, e)
	}
}

// change edits a declaration that is there.
func (p *put) change(d *declaration, e engine.Edit) {
	if w, ok := e.Attrs[attrWithin]; ok && !w.IsNull() && w.AsString() != d.within {
		p.Fail(e.RangeOf(attrWithin), "Declared elsewhere", "%s stands in %q; to move it, edit the file.", e.Addr, d.within)
		return
	}
	statements := d.statements()
	var lines []string
	for _, s := range settings(d.addr.Kind) {
		want, ok := e.Attrs[s.attr]
		if !ok {
			continue
		}
		if have, _ := s.get(d.version, statements); have.RawEquals(want) && !want.IsNull() {
			continue
		}
		found := s.find(d.version, statements)
		var texts []string
		if !want.IsNull() {
			if texts, ok = p.written(s, d.version, want, e); !ok {
				continue
			}
		}
		lines = append(lines, p.rewrite(d, s, found, texts, e)...)
	}
	if len(lines) > 0 {
		add(d.at, lines)
		p.Touch(d.at.file, e.Addr)
	}
}

// rewrite makes statements say texts: what there are of both, one by one, and the
// rest added or taken out. Of a setting that only the last statement of counts,
// the earlier ones stay unless it goes. Statements without a place it returns.
func (p *put) rewrite(d *declaration, s setting, found []place, texts []string, e engine.Edit) []string {
	if s.form != many && len(texts) == 1 && len(found) > 1 {
		found = found[len(found)-1:]
	}
	key := s.key(d.version)
	for i, at := range found {
		switch {
		case i >= len(texts):
			at.file.Tree.Remove(at.node)
		case s.form == many && strings.Join(s.words(d.version, at), " ") == texts[i]:
			continue
		default:
			at.file.Replace(lens.Span{Start: at.node.Words[len(strings.Fields(key))].Start, End: at.node.Words[len(at.node.Words)-1].End}, texts[i])
		}
		p.Touch(at.file, e.Addr)
	}
	var lines []string
	for i := len(found); i < len(texts); i++ {
		lines = append(lines, key+" "+texts[i]+";")
	}
	if len(found) == 0 {
		return lines
	}
	last := found[len(found)-1]
	for _, line := range lines {
		last.file.Tree.InsertAfter(last.node, line)
		p.Touch(last.file, e.Addr)
	}
	return nil
}

// add writes statements in a block: behind its own, before the blocks in it.
func add(block place, lines []string) {
	tree, nodes := block.file.Tree, block.node.Nodes
	if len(nodes) == 0 {
		tree.AppendTo(block.node, strings.Join(lines, "\n"))
		return
	}
	last := slices.IndexFunc(nodes, func(n *lens.Node) bool { return n.Block })
	if last < 0 {
		last = len(nodes)
	}
	for _, line := range lines {
		if last == 0 {
			tree.InsertBefore(nodes[0], line)
		} else {
			tree.InsertAfter(nodes[last-1], line)
		}
	}
}

// written is a value as it stands behind its key: a text for each statement.
func (p *put) written(s setting, v version, want cty.Value, e engine.Edit) ([]string, bool) {
	texts, why := s.texts(v, want)
	for i, text := range texts {
		if why == "" {
			why = s.wrong(v, e.Addr, text)
		}
		if why == "" && (s.form == phrase || s.form == phrases) {
			var err error
			if texts[i], err = dialect.Quote(text); err != nil {
				why = err.Error()
			}
		}
	}
	if s.form == addrs || s.form == phrases {
		texts = []string{strings.Join(texts, ", ")}
	}
	for _, text := range texts {
		if why == "" && !s.reads(v, text, want) {
			why = "dhcpd would read it otherwise: words have one blank between them"
		}
	}
	if why != "" {
		p.Fail(e.RangeOf(s.attr), "Value cannot be written", "%s: %s.", s.attr, why)
	}
	return texts, why == ""
}

// texts are the texts of a value, or why it has none.
func (s setting) texts(v version, want cty.Value) (texts []string, why string) {
	switch {
	case s.key(v) == "":
		return nil, "dhcpd has it for the other version of IP only"
	case s.form == number:
		f := want.AsBigFloat()
		if n, _ := f.Uint64(); !f.IsInt() || f.Sign() < 0 || n > math.MaxUint32 {
			return nil, "it is a whole number of 32 bits"
		}
		return []string{f.Text('f', 0)}, ""
	case s.form.typ() == cty.String:
		return []string{want.AsString()}, ""
	}
	for it := want.ElementIterator(); it.Next(); {
		_, m := it.Element()
		if m.IsNull() {
			return nil, "no member of it is null"
		}
		texts = append(texts, m.AsString())
	}
	switch {
	case len(texts) == 0 && s.form != many:
		return nil, "it has one member at least; null takes it out"
	case len(texts) > 1 && v == v6 && s.attr == "fixed_address":
		return nil, "a host has one address of IPv6"
	}
	return texts, ""
}

// wrong tells what is wrong with a text, "" where nothing is.
func (s setting) wrong(v version, a engine.Addr, text string) string {
	if s.check == nil {
		return ""
	}
	why := s.check(text)
	if addr, err := netip.ParseAddr(text); why == "" && err == nil && addr.Is4() != (v == v4) {
		why = "of the other version of IP"
	}
	if why == "" && a.Kind == SubnetKind && s.attr == "ranges" {
		why = inNetwork(netip.MustParsePrefix(a.Name), text)
	}
	if why == "" {
		return ""
	}
	return "\"" + text + "\" is " + why
}

// reads tells whether a statement with a text says a value, of a list of statements
// one of its members.
func (s setting) reads(v version, text string, want cty.Value) bool {
	f, err := grammar().Parse([]byte(s.key(v) + " " + text + ";"))
	if err != nil || len(f.Root.Nodes) != 1 || f.Root.Nodes[0].Block || f.Root.Nodes[0].Whole.Len() != len(f.Source()) {
		return false
	}
	at := place{lensput.FileOf("", f.Source()), f.Root.Nodes[0]}
	got, _ := s.get(v, []place{at})
	if s.form == many {
		return got.RawEquals(lensput.Strings([]string{text}))
	}
	return got.RawEquals(want)
}
