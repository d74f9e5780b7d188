package dhcpd

import (
	"errors"
	"io/fs"
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
	fail := func(why string) ([]string, bool) {
		p.Fail(e.RangeOf(s.attr), "Value cannot be written", "%s: %s.", s.attr, why)
		return nil, false
	}
	if s.key(v) == "" {
		return fail("dhcpd has it for the other version of IP only")
	}
	var members []string
	switch s.form.typ() {
	case cty.Number:
		f := want.AsBigFloat()
		if n, _ := f.Uint64(); !f.IsInt() || f.Sign() < 0 || n > 1<<32-1 {
			return fail("it is a whole number of 32 bits")
		}
		members = []string{f.Text('f', 0)}
	case cty.String:
		members = []string{want.AsString()}
	default:
		for it := want.ElementIterator(); it.Next(); {
			_, m := it.Element()
			if m.IsNull() {
				return fail("no member of it is null")
			}
			members = append(members, m.AsString())
		}
		if len(members) == 0 && s.form != many {
			return fail("it has one member at least; null takes it out")
		}
	}
	for i, m := range members {
		if s.check != nil {
			if why := s.check(m); why != "" {
				return fail("\"" + m + "\" is " + why)
			}
		}
		if e.Addr.Kind == SubnetKind && s.attr == "ranges" {
			if why := inNetwork(netip.MustParsePrefix(e.Addr.Name), m); why != "" {
				return fail("\"" + m + "\" is " + why)
			}
		}
		if s.form == text || s.form == texts {
			q, err := dialect.Quote(m)
			if err != nil {
				return fail(err.Error())
			}
			members[i] = q
		}
	}
	if s.form == addrs || s.form == texts {
		members = []string{strings.Join(members, ", ")}
	}
	for _, m := range members {
		if !s.reads(v, m, want) {
			return fail("dhcpd would read it otherwise: words have one blank between them")
		}
	}
	return members, true
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
		return got.RawEquals(list([]string{text}))
	}
	return got.RawEquals(want)
}

// create adds a declaration.
func (p *put) create(s *server, e engine.Edit) {
	head, ok := p.head(e)
	if !ok {
		return
	}
	var lines []string
	for _, set := range settings(e.Addr.Kind) {
		want, ok := e.Attrs[set.attr]
		if !ok || want.IsNull() {
			continue
		}
		texts, ok := p.written(set, s.version, want, e)
		if !ok {
			return
		}
		for _, text := range texts {
			lines = append(lines, set.key(s.version)+" "+text+";")
		}
	}
	block, ok := p.placeFor(s, e)
	if !ok {
		return
	}
	body := head + " {\n"
	for _, l := range lines {
		body += block.file.Tree.Step() + l + "\n"
	}
	body += "}"
	p.Touch(block.file, e.Addr)
	if block.node == block.file.Tree.Root {
		if last := s.lastTop(e.Addr.Kind, block.file); last != nil {
			block.file.Tree.InsertAfter(last, body)
			return
		}
	}
	block.file.Tree.AppendTo(block.node, body)
}

// head is what stands before the brace.
func (p *put) head(e engine.Edit) (string, bool) {
	if e.Addr.Kind == SubnetKind {
		net := netip.MustParsePrefix(e.Addr.Name)
		if net.Addr().Is4() {
			return "subnet " + net.Addr().String() + " netmask " + netmask(net), true
		}
		return "subnet6 " + net.String(), true
	}
	if !hostName.MatchString(e.Addr.Name) {
		p.Fail(e.RangeOf(""), "Not a host's name", "%q cannot be one: letters, digits, - and _, with dots between.", e.Addr.Name)
		return "", false
	}
	return "host " + e.Addr.Name, true
}

// placeFor is the block that a new declaration stands in: the file itself where
// nothing is said.
func (p *put) placeFor(s *server, e engine.Edit) (place, bool) {
	if w, ok := e.Attrs[attrWithin]; ok && !w.IsNull() {
		if block, ok := s.within(w.AsString(), e.Addr.Kind); ok {
			return block, true
		}
		p.Fail(e.RangeOf(attrWithin), "Nowhere to declare it", "%q is no shared-network%s that is there.", w.AsString(),
			map[string]string{HostKind: " nor subnet"}[e.Addr.Kind])
		return place{}, false
	}
	f := s.byPath[s.main]
	if f == nil {
		if _, err := p.tree.Stat(s.main); !errors.Is(err, fs.ErrNotExist) {
			p.Fail(e.RangeOf(""), "File cannot be edited", "%s is there and cannot be read.", s.main)
			return place{}, false
		}
		made, err := lensput.Make(s.main, grammar())
		if err != nil {
			p.Fail(e.RangeOf(""), "File cannot be written", "%s.", err)
			return place{}, false
		}
		s.byPath[s.main], f = made, made
	}
	return place{f, f.Tree.Root}, true
}

// within is the block that an attribute names.
func (s *server) within(name, kind string) (place, bool) {
	if at, ok := s.networks[name]; ok {
		return at, true
	}
	if kind == HostKind {
		for _, d := range s.declared {
			path := "subnet " + strings.Join(wordsFrom(d.at.node, d.at.src(), 1), " ")
			if d.within != "" {
				path = d.within + " / " + path
			}
			if d.addr.Kind == SubnetKind && path == name {
				return d.at, true
			}
		}
	}
	return place{}, false
}

// lastTop is the last declaration of a kind in a file that stands in no block.
func (s *server) lastTop(kind string, f *lensput.File) *lens.Node {
	var last *lens.Node
	for _, d := range s.declared {
		if d.addr.Kind == kind && d.at.file == f && d.within == "" {
			last = d.at.node
		}
	}
	return last
}
