package named

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/braces"
	"hikae/modules/internal/lensput"
)

// Put makes the edits. It implies no other resources.
func (Lens) Put(t engine.Tree, edits []engine.Edit) ([]engine.FileEdit, []engine.Resource, hcl.Diagnostics) {
	if len(edits) == 0 {
		return nil, nil, nil
	}
	c := load(t)
	if c.diags.HasErrors() {
		return nil, nil, c.diags
	}
	edits = lensput.Sorted(edits)
	p := &put{
		conf: c, all: edits, byZone: map[string][]engine.Edit{}, gone: map[string]bool{}, made: map[string]bool{},
		drops: map[*lensput.File][]*lens.Node{}, many: map[*lensput.File]int{}, going: map[*lens.Node]bool{}, zoneEdits: map[*zoneData]*zoneEdit{}, newFiles: map[string]bool{},
	}
	for _, z := range c.zones {
		p.many[z.file]++
	}
	if len(c.files) == 0 {
		p.Fail(&edits[0].Range, "No named.conf", "There is no %s that could be edited: it comes with the package bind.", confFile)
		return nil, nil, p.Diags
	}
	p.edits(edits)
	for _, ze := range p.zoneOrder {
		ze.write(p)
	}
	p.dropAll()
	files := p.Files()
	p.check(files)
	if p.Diags.HasErrors() {
		return nil, nil, p.Diags
	}
	return files, nil, p.Diags
}

// check reads the files again: what named would refuse is not written.
func (p *put) check(files []engine.FileEdit) {
	for _, f := range files {
		g := grammar()
		if slices.ContainsFunc(p.zoneOrder, func(ze *zoneEdit) bool { return ze.has(f.Path) }) || p.newFiles[f.Path] {
			g = zoneGrammar()
		}
		if f.Remove {
			continue
		}
		if _, err := g.Parse(f.Bytes); err != nil {
			e := p.editFor(f.For[0])
			p.Fail(&e.Range, "named would refuse it", "%s would be, after the edit: %s.", f.Path, err)
		}
	}
}

// editFor is the edit of an address.
func (p *put) editFor(a engine.Addr) engine.Edit {
	return p.all[max(0, slices.IndexFunc(p.all, func(e engine.Edit) bool { return e.Addr == a }))]
}

// put is one Put under way. A view is made before the zones in it, and a zone
// before its records; what goes, goes last.
type put struct {
	lensput.Put
	*conf
	byZone map[string][]engine.Edit // the edits of records
	all    []engine.Edit
	gone   map[string]bool // views that go, with what is in them
	made   map[string]bool // zones that are written with their new view, by key
	drops  map[*lensput.File][]*lens.Node
	going  map[*lens.Node]bool
	many   map[*lensput.File]int // how many zones a file has

	zoneEdits map[*zoneData]*zoneEdit
	zoneOrder []*zoneEdit
	newFiles  map[string]bool // zone files that are made
}

func (p *put) edits(edits []engine.Edit) {
	for _, e := range edits {
		switch {
		case e.Addr.Kind == RecordKind:
			p.byZone[e.Addr.In] = append(p.byZone[e.Addr.In], e)
		case e.Addr.Kind == ViewKind && e.Absent:
			p.gone[e.Addr.Name] = true
		}
	}
	p.findGoing()
	for _, kind := range []string{OptionsKind, ACLKind, ViewKind, ZoneKind} {
		for _, e := range edits {
			if e.Addr.Kind != kind {
				continue
			}
			switch kind {
			case OptionsKind:
				p.putOptions(e)
			case ACLKind:
				p.acl(e)
			case ViewKind:
				p.view(e, edits)
			case ZoneKind:
				p.zone(e)
			}
		}
	}
	for _, e := range edits {
		if e.Addr.Kind != RecordKind || p.byZone[e.Addr.In] == nil {
			continue
		}
		p.zoneRecords(e)
		p.byZone[e.Addr.In] = nil
	}
}

// findGoing marks the statements that are to go: nothing is written beside them.
func (p *put) findGoing() {
	absent := map[engine.Addr]bool{}
	for _, e := range p.all {
		if e.Absent {
			absent[e.Addr] = true
		}
	}
	if len(absent) == 0 {
		return
	}
	for _, i := range p.acls {
		p.going[i.node] = absent[engine.Addr{Kind: ACLKind, Name: i.word(1)}]
	}
	for _, v := range p.views {
		p.going[v.node] = absent[engine.Addr{Kind: ViewKind, Name: v.name}]
	}
	for _, z := range p.zones {
		if a := (engine.Addr{Kind: ZoneKind, In: z.in(), Name: z.name}); absent[a] {
			p.going[z.node] = true
		}
	}
}

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

// block is a new block with what an edit says of it, and more statements; ""
// where it cannot be written.
func (p *put) block(head string, in place, e engine.Edit, more []string) string {
	text := head + " {\n"
	for _, s := range of(in) {
		v, said := e.Attrs[s.attr()]
		if !said || v.IsNull() {
			continue
		}
		line, ok := p.line(s, v, e)
		if !ok {
			return ""
		}
		text += p.step() + line + "\n"
	}
	return text + strings.Join(more, "") + "};"
}

// line is a new statement.
func (p *put) line(s *setting, v cty.Value, e engine.Edit) (string, bool) {
	word := s.name
	if s.alias != "" && !p.modern {
		word = s.alias
	}
	if s.form != list {
		text, err := p.value(s, v)
		if err != nil {
			p.Fail(e.RangeOf(s.attr()), "Value cannot be written", "%s.", err)
			return "", false
		}
		return word + " " + text + ";", true
	}
	want, err := elements(v)
	if err != nil {
		p.Fail(e.RangeOf(s.attr()), "Value cannot be written", "%s.", err)
		return "", false
	}
	if len(want) == 0 {
		return word + " { };", true
	}
	return word + " { " + strings.Join(want, "; ") + "; };", true
}

// value writes a value that is no list, a zone's type in the words of the file.
func (p *put) value(s *setting, v cty.Value) (string, error) {
	text, err := s.text(v)
	if err != nil || s.name != "type" {
		return text, err
	}
	if text = modern(text); p.modern {
		return text, nil
	}
	switch text {
	case "primary":
		return "master", nil
	case "secondary":
		return "slave", nil
	}
	return text, nil
}

// settings edits the statements of a block.
func (p *put) settings(block item, stmts []item, in place, e engine.Edit) {
	var added []string
	for _, s := range of(in) {
		want, said := e.Attrs[s.attr()]
		if !said {
			continue
		}
		i := p.of(stmts, s)
		switch {
		case i.node == nil && want.IsNull():
		case i.node == nil:
			line, ok := p.line(s, want, e)
			if !ok {
				return
			}
			added = append(added, line)
		case want.IsNull():
			p.unset(stmts, s, e.Addr)
		default:
			p.change(i, s, want, e)
		}
	}
	if len(added) == 0 {
		return
	}
	p.add(block, added)
	p.Touch(block.file, e.Addr)
}

// unset takes out all statements of a setting.
func (p *put) unset(stmts []item, s *setting, a engine.Addr) {
	for _, i := range stmts {
		if name := statement(i.src(), i.node); name != s.name && (s.alias == "" || name != s.alias) {
			continue
		}
		p.drop(i, a)
	}
}

// change gives a statement another value.
func (p *put) change(i item, s *setting, want cty.Value, e engine.Edit) {
	have, ok := s.value(i)
	if ok && s.name == "type" && modern(want.AsString()) == have.AsString() || ok && have.RawEquals(want) {
		return
	}
	if s.form == list {
		elements, err := elements(want)
		if err != nil {
			p.Fail(e.RangeOf(s.attr()), "Value cannot be written", "%s.", err)
			return
		}
		p.setList(i, elements, e.Addr)
		return
	}
	text, err := p.value(s, want)
	if err != nil {
		p.Fail(e.RangeOf(s.attr()), "Value cannot be written", "%s.", err)
		return
	}
	words := i.node.Words
	i.file.Replace(lens.Span{Start: words[1].Start, End: words[len(words)-1].End}, text)
	p.Touch(i.file, e.Addr)
}

// add writes statements into a block: behind its last one that is neither a zone
// nor an include.
func (p *put) add(block item, lines []string) {
	f := block.file.Tree
	var last, first *lens.Node
	for _, n := range p.staying(block) {
		if first == nil {
			first = n
		}
		if name := statement(block.src(), n); name != "zone" && name != "include" {
			last = n
		}
	}
	switch {
	case last != nil:
		for _, l := range lines {
			f.InsertAfter(last, l)
		}
	case first != nil:
		for _, l := range lines {
			f.InsertBefore(first, l)
		}
	default:
		p.appendTo(block, strings.Join(lines, "\n"))
	}
}

// staying are the statements of a block that are not to go.
func (p *put) staying(block item) []*lens.Node {
	return slices.DeleteFunc(slices.Clone(block.node.Nodes), func(n *lens.Node) bool {
		return p.going[n] || slices.Contains(p.drops[block.file], n)
	})
}

// appendTo writes a statement at the end of a block's body.
func (p *put) appendTo(block item, text string) {
	f := block.file.Tree
	if left := p.staying(block); len(left) > 0 {
		f.InsertAfter(left[len(left)-1], text)
		return
	}
	if len(block.node.Nodes) == 0 {
		f.AppendTo(block.node, text)
		return
	}
	// All that is there goes.
	nl, outer := lens.Newline(block.src()), ""
	if block.node != f.Root {
		outer = f.Indent(block.node)
		text = nl + indent(text, outer+p.step())
	}
	f.Insert(block.node.Body.Start, strings.ReplaceAll(text, "\n", nl)+nl+outer)
}

// drop takes a statement out, once all edits are known.
func (p *put) drop(i item, a engine.Addr) {
	p.drops[i.file] = append(p.drops[i.file], i.node)
	p.Touch(i.file, a)
}

// dropAll takes out what is to go, neighbours of one line together.
func (p *put) dropAll() {
	for f, nodes := range p.drops {
		slices.SortFunc(nodes, func(a, b *lens.Node) int { return cmp.Compare(a.Whole.Start, b.Whole.Start) })
		for i := 0; i < len(nodes); {
			run := lens.Node{Whole: nodes[i].Whole}
			for i++; i < len(nodes); i++ {
				next := nodes[i].Whole
				if next.Start >= run.Whole.End && len(bytes.Trim(f.Source()[run.Whole.End:next.Start], " \t")) > 0 {
					break
				}
				run.Whole.End = max(run.Whole.End, next.End) // what is within another goes with it
			}
			f.Tree.Remove(&run)
		}
	}
}
