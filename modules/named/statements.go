package named

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
)

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
