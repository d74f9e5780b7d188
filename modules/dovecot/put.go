package dovecot

import (
	"bytes"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"hikae/engine"
	"hikae/engine/lens"
	grammar "hikae/engine/lens/dovecot"
	"hikae/modules/internal/lensput"
)

// Put makes the edits. It implies no other resources.
func (Lens) Put(t engine.Tree, edits []engine.Edit) ([]engine.FileEdit, []engine.Resource, hcl.Diagnostics) {
	c := load(t)
	if c.diags.HasErrors() {
		return nil, nil, c.diags
	}
	p := &put{config: c, edits: lensput.Sorted(edits)}
	for _, e := range p.edits {
		switch {
		case e.Addr.Kind == SettingKind:
			p.setting(e)
		case e.Absent:
			p.removeBlock(e)
		default:
			p.block(e)
		}
	}
	p.writeBlocks()
	p.removeOwn()
	files := p.Files()
	return files, nil, p.Diags
}

type put struct {
	lensput.Put
	*config
	edits    []engine.Edit
	made     []*made
	examples map[*lens.Node]map[string]int
}

// find is the block of a path, nil where it is not there.
func (b *block) find(path string) *block {
	if path == "" {
		return b
	}
	for id := range strings.SplitSeq(path, sep) {
		if b = b.blocks[id]; b == nil {
			return nil
		}
	}
	return b
}

// setting makes the edit of a setting.
func (p *put) setting(e engine.Edit) {
	name := e.Addr.Name
	want, said := e.Attrs[attrValue]
	if e.Absent || said && want.IsNull() {
		p.unset(e)
		return
	}
	b := p.top.find(e.Addr.In)
	var last *place
	if b != nil {
		if places := b.settings[name]; len(places) > 0 {
			last = &places[len(places)-1]
		}
	}
	if !said {
		if last == nil {
			p.Fail(e.RangeOf(""), "Setting without a value", "%s is not there yet: say its value.", e.Addr)
		}
		return
	}
	if last == nil && !isKey(name) {
		p.Fail(e.RangeOf(""), "Not a setting's name", "%q cannot be one.", name)
		return
	}
	sort := sortOf(typeOf(e.Addr.In), name)
	before := ""
	if last != nil {
		before = grammar.Raw(last.body, last.src())
		if have, ok := sort.shown(before); ok && have.RawEquals(want) {
			return // what dovecot would refuse too
		}
	}
	raw, why := sort.written(want, before)
	if why == "" && secretRaw(name, raw) {
		why = "dovecot takes it for a secret, which no project holds; let it name a file, with <"
	}
	if why != "" {
		p.Fail(e.RangeOf(attrValue), "Value cannot be written", "%s: %s.", name, why)
		return
	}
	if last == nil {
		p.create(e, raw)
		return
	}
	if have, ok := sort.shown(before); ok {
		if again, _ := sort.shown(raw); again.RawEquals(have) {
			return
		}
	}
	last.file.Replace(value(last.body), lead(last.body)+raw)
	p.Touch(last.file, e.Addr)
}

// secretRaw tells whether a raw value is a secret.
func secretRaw(name, raw string) bool {
	said, form := grammar.Read(raw)
	return form != grammar.File && secret(name, said)
}

// value is where the value of a setting stands, over all its lines.
func value(n *lens.Node) lens.Span {
	return lens.Span{Start: n.Words[1].Start, End: n.Words[len(n.Words)-1].End}
}

// lead is the blank that a value needs where there was none: behind "key =".
func lead(n *lens.Node) string {
	if w := n.Words[1]; w.Len() == 0 && n.Words[0].End < w.Start-1 {
		return " "
	}
	return ""
}

// typeOf is the type of the innermost block of a path.
func typeOf(path string) string {
	if i := strings.LastIndex(path, sep); i >= 0 {
		path = path[i+len(sep):]
	}
	typ, _, _ := strings.Cut(path, " ")
	return typ
}

// isKey tells whether a text can be the name of a setting.
func isKey(s string) bool {
	return s != "" && addressable(s) && !strings.ContainsAny(s, " =#{}\"'\\") && s[0] != '!'
}

// unset takes out all that says something of a setting.
func (p *put) unset(e engine.Edit) {
	b := p.top.find(e.Addr.In)
	if b == nil {
		return
	}
	seen := map[place]bool{} // a file that is included twice
	for _, at := range b.settings[e.Addr.Name] {
		if seen[at] {
			continue
		}
		seen[at] = true
		at.file.Tree.Remove(at.body)
		p.Touch(at.file, e.Addr)
	}
}

// removeBlock takes out all parts of a block. One that is counted goes only as
// the last of its type: those behind it would get other numbers, and so other
// names.
func (p *put) removeBlock(e engine.Edit) {
	b := p.top.find(joined(e.Addr.In, e.Addr.Name))
	if b == nil {
		return
	}
	typ, number, _ := parseID(b.id)
	if strings.HasPrefix(number, "#") {
		for id := range b.parent.blocks {
			if t, n, _ := parseID(id); t == typ && later(n, number) && !p.removes(b.in, id) {
				p.Fail(e.RangeOf(""), "Block that others are counted by", "With %q gone %q would be another: remove them from the last one on, or edit the file.", b.id, id)
				return
			}
		}
	}
	for _, at := range b.parts {
		if at.body == at.file.Tree.Root { // a file that is included in it
			continue
		}
		at.file.Tree.Remove(at.body)
		p.Touch(at.file, e.Addr)
	}
}

// later tells whether a number stands for a later block than another.
func later(a, b string) bool {
	return strings.HasPrefix(a, "#") && (len(a) > len(b) || len(a) == len(b) && a > b)
}

// removes tells whether a block is to be removed.
func (p *put) removes(in, id string) bool {
	return slices.ContainsFunc(p.edits, func(e engine.Edit) bool {
		return e.Absent && e.Addr == engine.Addr{Kind: BlockKind, In: in, Name: id}
	})
}

// removeOwn takes away the lens's own file where nothing is left in it.
func (p *put) removeOwn() {
	f := p.ByPath[own]
	if f == nil || len(bytes.TrimSpace(f.Source())) == 0 {
		return
	}
	if b, err := f.Bytes(); err == nil && len(bytes.TrimSpace(b)) == 0 {
		p.Remove(f, engine.Addr{Kind: "file", Name: own})
	}
}
