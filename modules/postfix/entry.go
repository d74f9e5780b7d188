package postfix

import (
	"strings"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/postfix"
	"hikae/modules/internal/lensput"
)

// tableAt is the table of a path, where there is one that can be edited.
func (p *put) tableAt(e engine.Edit, at string, alias bool) *table {
	for _, t := range p.tables {
		if t.path == at && t.alias == alias {
			if t.file == nil {
				p.create(t)
			}
			return t
		}
	}
	switch {
	case p.secret[at]:
		p.Fail(e.RangeOf(""), "Table of passwords", "%s holds passwords, which stand in no overlay: write it with file and secret.", at)
	case p.unread[at]:
		p.Fail(e.RangeOf(""), "File cannot be edited", "%s is there and cannot be read here.", at)
	case alias && at == aliasesPath:
		t := &table{path: at, alias: true, byName: map[string][]*entry{}}
		p.create(t)
		p.tables = append(p.tables, t)
		return t
	default:
		p.Fail(e.RangeOf(""), "No table of Postfix's", "%q: neither main.cf nor master.cf names it as hash:, btree:, lmdb:, cdb:, dbm: or texthash:.", at)
	}
	return nil
}

// create makes a table that is named and not there.
func (p *put) create(t *table) {
	t.file = lensput.New(t.path)
	t.file.Tree, _ = postfix.ParseTable(nil)
	t.file.Document = t.file.Tree.Document
}

// entry makes an edit of a lookup table.
func (p *put) entry(e engine.Edit) {
	if e.Absent && !p.known(e.Addr.In, false) {
		return
	}
	t := p.tableAt(e, e.Addr.In, false)
	if t == nil || p.gone(t, e) {
		return
	}
	want, said := e.Attrs[attrValue]
	found := t.byName[folded(e.Addr.Name)]
	if !said {
		p.unsaid(e, len(found))
		return
	}
	text := want.AsString()
	switch {
	case len(found) > 0 && cty.StringVal(found[0].text).RawEquals(want): // as it is, however odd
	case text == "" || strings.ContainsAny(text, "\n\r\x00") || strings.Trim(text, lens.Blank) != text:
		p.Fail(e.RangeOf(attrValue), "Value cannot be written", "What is found under %q is one line, not empty, without blanks around it.", e.Addr.Name)
	case len(found) > 0:
		postfix.SetEntry(t.file.Tree, found[0].node, text)
		p.Touch(t.file, e.Addr)
	case !postfix.KeyOK(e.Addr.Name):
		p.Fail(e.RangeOf(""), "Key cannot be written", "%q: a key does not begin with #, and blanks in it stand in double quotes.", e.Addr.Name)
	default:
		t.file.Append(e.Addr.Name + t.gap() + text)
		p.Touch(t.file, e.Addr)
	}
}

// gap is what a table puts between key and value.
func (t *table) gap() string {
	if n := len(t.entries); n > 0 && !t.alias {
		words := t.entries[n-1].node.Words
		if gap := string(t.file.Source()[words[0].End:words[1].Start]); strings.Trim(gap, " \t") == "" {
			return gap
		}
	}
	return "\t"
}

// alias makes an edit of aliases.
func (p *put) alias(e engine.Edit) {
	at := aliasesPath
	if e.Addr.In != "" {
		at = e.Addr.In
	}
	if e.Absent && !p.known(at, true) {
		return
	}
	t := p.tableAt(e, at, true)
	if t == nil || p.gone(t, e) {
		return
	}
	want, said := e.Attrs[attrValue]
	found := t.byName[folded(e.Addr.Name)]
	if !said {
		p.unsaid(e, len(found))
		return
	}
	to, ok := stringsOf(want)
	switch {
	case ok && len(found) > 0 && equal(t.targets(found[0]), to): // as it is, however odd
	case !ok || !postfix.AliasOK(e.Addr.Name, to):
		p.Fail(e.RangeOf(attrValue), "Alias cannot be written",
			"%q: a name, and what its mail goes to, each as aliases(5) has it: quotes around what holds a colon, a comma or a blank.", e.Addr.Name)
	case len(found) > 0:
		setTargets(t.file.Tree, found[0], t.targets(found[0]), to)
		p.Touch(t.file, e.Addr)
	default:
		t.file.Append(e.Addr.Name + ": " + strings.Join(to, ", "))
		p.Touch(t.file, e.Addr)
	}
}

// setTargets makes where an alias leads another: target for target where there
// are as many, else anew.
func setTargets(f *lens.File, e *entry, have, want []string) {
	if len(have) != len(want) {
		postfix.SetEntry(f, e.node, strings.Join(want, ", "))
		return
	}
	for i, s := range e.to {
		if have[i] != want[i] {
			f.Replace(s, want[i])
		}
	}
}

// known tells whether a table is there to take something out of.
func (p *put) known(at string, alias bool) bool {
	for _, t := range p.tables {
		if t.path == at && t.alias == alias {
			return t.file != nil
		}
	}
	return false
}

// gone takes an entry out that is to be absent or null, and those of its name
// that it hid.
func (p *put) gone(t *table, e engine.Edit) bool {
	want, said := e.Attrs[attrValue]
	if !e.Absent && (!said || !want.IsNull()) {
		return false
	}
	for _, old := range t.byName[folded(e.Addr.Name)] {
		t.file.Tree.Remove(old.node)
		p.Touch(t.file, e.Addr)
	}
	return true
}

func (p *put) unsaid(e engine.Edit, found int) {
	if found == 0 {
		p.Fail(e.RangeOf(""), "Entry without a value", "%s is not there yet: say what it leads to, with value.", e.Addr)
	}
}
