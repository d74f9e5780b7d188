package httpd

import (
	"strings"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/apache"
)

// edit is what is wished of one virtual host, under way.
type edit struct {
	*put
	v    *vhost
	wish engine.Edit
}

func (e *edit) fail(attr, detail string, args ...any) {
	e.Fail(e.wish.RangeOf(attr), "Virtual host cannot be edited", detail, args...)
}

func (e *edit) touched() { e.Touch(e.v.file.File, e.wish.Addr) }

// quote writes a word. It reports false for one that cannot be written.
func (e *edit) quote(a attribute, text, like string) (string, bool) {
	quoted, err := apache.Quote(text, like)
	if err != nil {
		e.fail(a.name, "%s cannot be written: %s.", a.name, err)
	}
	return quoted, err == nil
}

// own holds that statements stand in the virtual host's own block.
func (e *edit) own(a attribute, ss []statement) bool {
	for _, s := range ss {
		if !s.own {
			e.fail(a.name, "%s of %q is said in %s, which is included for others too: change it there.", s.node.Name(s.file.Source()), e.v.name, s.file.Path)
			return false
		}
	}
	return true
}

func (e *edit) removeAll(a attribute, ss []statement) {
	if !e.own(a, ss) {
		return
	}
	for _, s := range ss {
		s.file.Tree.Remove(s.node)
		e.touched()
	}
}

// setWord gives a word of a statement another text, in the quotes it has.
func (e *edit) setWord(a attribute, s statement, i int, text string) {
	if quoted, ok := e.quote(a, text, s.node.Word(s.file.Source(), i)); ok {
		s.file.Tree.SetWord(s.node.Words[i], quoted)
		e.touched()
	}
}

// one gives a directive, of which the last counts, its only argument.
func (e *edit) one(a attribute, directive string, ss []statement, text string) {
	if len(ss) > 0 && ss[len(ss)-1].own {
		s := ss[len(ss)-1]
		if len(s.node.Words) != 2 {
			e.fail(a.name, "%s of %q is written as hikae does not show it: edit it in %s.", directive, e.v.name, s.file.Path)
			return
		}
		e.setWord(a, s, 1, text)
		return
	}
	quoted, ok := e.quote(a, text, "")
	switch {
	case !ok:
	case len(ss) > 0: // behind what is included
		e.v.file.Tree.AppendTo(e.v.node, directive+" "+quoted)
		e.touched()
	default:
		e.add(directive + " " + quoted)
	}
}

// add writes a statement behind the last that stands in the block by itself.
func (e *edit) add(text string) {
	e.touched()
	for i := len(e.v.node.Nodes) - 1; i >= 0; i-- {
		if n := e.v.node.Nodes[i]; !n.Block {
			e.v.file.Tree.InsertAfter(n, text)
			return
		}
	}
	e.v.file.Tree.AppendTo(e.v.node, text)
}

// lines writes the directives of an item.
func (e *edit) lines(a attribute, c codec, value cty.Value) ([]line, bool) {
	lines, err := c.write(value)
	if err != nil {
		e.fail(a.name, "%s: %s.", a.name, err)
	}
	return lines, err == nil
}

// text is directives as they are written.
func (e *edit) text(a attribute, lines []line) (string, bool) {
	var b strings.Builder
	for i, l := range lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(l.directive)
		if l.raw != "" {
			b.WriteString(" " + l.raw)
		}
		for _, w := range l.words {
			quoted, ok := e.quote(a, w, "")
			if !ok {
				return "", false
			}
			b.WriteString(" " + quoted)
		}
	}
	return b.String(), true
}

// rewrite makes a statement that is there say another line: only the words that
// differ are touched.
func (e *edit) rewrite(a attribute, s statement, l line) {
	src, tree := s.file.Source(), s.file.Tree
	if !strings.EqualFold(s.name(), l.directive) {
		tree.SetWord(s.node.Words[0], l.directive)
	}
	e.touched()
	last := s.node.Words[len(s.node.Words)-1].End
	if l.raw != "" {
		if s.raw() != l.raw {
			tree.Replace(lens.Span{Start: s.node.Words[1].Start, End: last}, l.raw)
		}
		return
	}
	have := s.node.Words[1:]
	for i := range min(len(have), len(l.words)) {
		if apache.Text(src, have[i]) != l.words[i] {
			e.setWord(a, s, i+1, l.words[i])
		}
	}
	if len(have) > len(l.words) {
		tree.Delete(lens.Span{Start: s.node.Words[len(l.words)].End, End: last})
	}
	for _, w := range l.words[min(len(have), len(l.words)):] {
		if quoted, ok := e.quote(a, w, ""); ok {
			tree.Insert(last, " "+quoted)
		}
	}
}

// set makes a list another: items that stay are not touched, one in the place
// of another is written over it.
func (l items) set(e *edit, a attribute, want cty.Value) {
	have := l.list(e.v)
	var wanted []cty.Value
	if !want.IsNull() {
		wanted = want.AsValueSlice()
	}
	keys := func(n int, value func(int) cty.Value) []string {
		keys := make([]string, n)
		for i := range keys {
			keys[i] = value(i).GoString()
		}
		return keys
	}
	old := keys(len(have), func(i int) cty.Value { return have[i].value })
	next := keys(len(wanted), func(i int) cty.Value { return wanted[i] })
	for _, h := range hunks(old, next) {
		both := min(h.oldEnd-h.old, h.newEnd-h.new)
		for i := range both {
			l.change(e, a, have[h.old+i], wanted[h.new+i])
		}
		for _, it := range have[h.old+both : h.oldEnd] {
			e.removeAll(a, it.statements)
		}
		if added := wanted[h.new+both : h.newEnd]; len(added) > 0 {
			l.insert(e, a, have, h.old+both, added)
		}
	}
}

// change writes one item over another.
func (l items) change(e *edit, a attribute, it item, want cty.Value) {
	lines, ok := e.lines(a, l, want)
	if !ok || !e.own(a, it.statements) {
		return
	}
	if len(lines) == len(it.statements) {
		for i, s := range it.statements {
			e.rewrite(a, s, lines[i])
		}
		return
	}
	if text, ok := e.text(a, lines); ok {
		s := it.statements[0]
		s.file.Tree.InsertBefore(s.node, text)
		e.removeAll(a, it.statements)
	}
}

// insert writes items before the one that is at an index.
func (l items) insert(e *edit, a attribute, have []item, at int, added []cty.Value) {
	var all []line
	for _, v := range added {
		lines, ok := e.lines(a, l, v)
		if !ok {
			return
		}
		all = append(all, lines...)
	}
	text, ok := e.text(a, all)
	if !ok {
		return
	}
	if at > 0 {
		before := have[at-1].statements
		if s := before[len(before)-1]; s.own {
			s.file.Tree.InsertAfter(s.node, text)
			e.touched()
			return
		}
	}
	if at < len(have) {
		s := have[at].statements[0]
		if !e.own(a, []statement{s}) {
			return
		}
		s.file.Tree.InsertBefore(s.node, text)
		e.touched()
		return
	}
	if at > 0 { // behind what is included
		e.v.file.Tree.AppendTo(e.v.node, text)
		e.touched()
		return
	}
	e.add(text)
}

// names are words of a directive that may be there several times.
type names struct{ directive string }

func (names) typ() cty.Type { return cty.List(cty.String) }

func (n names) get(v *vhost, _ attribute) cty.Value {
	var all []string
	for _, s := range v.named(n.directive) {
		if texts, ok := s.texts(); ok {
			all = append(all, texts...)
			lens.Show(s.node)
		}
	}
	return strs(all)
}

// written is one of the words, and where.
type written struct {
	statement
	word int
}

func (n names) set(e *edit, a attribute, want cty.Value) {
	ss := e.v.named(n.directive)
	if want.IsNull() {
		e.removeAll(a, ss)
		return
	}
	var have []written
	var old []string
	for _, s := range ss {
		if texts, ok := s.texts(); ok {
			for i, t := range texts {
				have, old = append(have, written{s, i + 1}), append(old, t)
			}
		}
	}
	next := texts(want)
	gone := map[*lens.Node]int{}
	hs := hunks(old, next)
	for _, h := range hs { // a statement of which nothing stays goes
		for _, w := range have[min(h.old+h.newEnd-h.new, h.oldEnd):h.oldEnd] {
			gone[w.node]++
		}
	}
	for _, h := range hs {
		both := min(h.oldEnd-h.old, h.newEnd-h.new)
		for i, w := range have[h.old:h.oldEnd] {
			switch {
			case !e.own(a, []statement{w.statement}):
				return
			case i < both:
				e.setWord(a, w.statement, w.word, next[h.new+i])
			case gone[w.node] < len(w.node.Words)-1:
				w.file.Tree.Delete(lens.Span{Start: w.node.Words[w.word-1].End, End: w.node.Words[w.word].End})
				e.touched()
			case w.word == 1:
				e.removeAll(a, []statement{w.statement})
			}
		}
		n.insert(e, a, have, h.old+both, next[h.new+both:h.newEnd])
	}
}

// insert writes words before the one that is at an index.
func (n names) insert(e *edit, a attribute, have []written, at int, added []string) {
	var text strings.Builder
	for _, t := range added {
		quoted, ok := e.quote(a, t, "")
		if !ok {
			return
		}
		text.WriteString(" " + quoted)
	}
	switch {
	case len(added) == 0:
	case at > 0 && have[at-1].own:
		w := have[at-1]
		w.file.Tree.Insert(w.node.Words[w.word].End, text.String())
		e.touched()
	case at < len(have) && have[at].own:
		w := have[at]
		w.file.Tree.Insert(w.node.Words[w.word-1].End, text.String())
		e.touched()
	case at > 0 || len(have) > 0:
		if at < len(have) {
			e.own(a, []statement{have[at].statement})
			return
		}
		e.v.file.Tree.AppendTo(e.v.node, n.directive+text.String())
		e.touched()
	default:
		e.add(n.directive + text.String())
	}
}
