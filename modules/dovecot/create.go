package dovecot

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"hikae/engine"
	"hikae/engine/lens"
	grammar "hikae/engine/lens/dovecot"
	"hikae/modules/internal/lensput"
)

// own is the file that new settings and blocks go to where no place for them is
// there: the last of conf.d.
const own = "/etc/dovecot/conf.d/99-hikae.conf"

// made is a block that is not there yet, or was only begun.
type made struct {
	parent *block // that is there
	id     string
	lines  []string
	blocks []*made
	edit   engine.Edit // the first that wants it
}

// block makes a block that is wished and not there.
func (p *put) block(e engine.Edit) {
	if p.top.find(joined(e.Addr.In, e.Addr.Name)) == nil {
		p.makeBlock(e, joined(e.Addr.In, e.Addr.Name))
	}
}

// create writes a setting that is not there: behind the comment that shows it, at
// the end of its block, or in the lens's own file.
func (p *put) create(e engine.Edit, raw string) {
	line := strings.TrimRight(e.Addr.Name+" = "+raw, " ")
	b := p.top.find(e.Addr.In)
	if b == nil {
		if m := p.makeBlock(e, e.Addr.In); m != nil {
			m.lines = append(m.lines, line)
		}
		return
	}
	for _, at := range b.parts {
		if p.behindExample(at, e.Addr.Name, line) {
			p.Touch(at.file, e.Addr)
			return
		}
	}
	if at, ok := p.end(b, e); ok {
		appendTo(at, line)
		p.Touch(at.file, e.Addr)
	}
}

// end is the part of a block that new things are written at the end of.
func (p *put) end(b *block, e engine.Edit) (place, bool) {
	if b == p.top {
		return p.ownFile(e)
	}
	at := b.parts[0]
	for _, part := range b.parts {
		if part.body != part.file.Tree.Root {
			at = part
		}
	}
	return at, true
}

// ownFile is the lens's own file, or dovecot.conf where that would not be read.
func (p *put) ownFile(e engine.Edit) (place, bool) {
	f := p.ByPath[own]
	if f == nil && p.includes(own) {
		if _, err := engine.Resolve(p.tree, own); err != nil {
			if made, err := lensput.Make(own, grammar.Grammar()); err == nil {
				f = made
				p.Know(own, f)
			}
		}
	}
	if f == nil {
		f = p.ByPath[grammar.Main]
	}
	if f == nil {
		if _, err := p.tree.Stat(grammar.Main); !errors.Is(err, fs.ErrNotExist) {
			p.Fail(e.RangeOf(""), "File cannot be edited", "%s is there and cannot be read.", grammar.Main)
			return place{}, false
		}
		f, _ = lensput.Make(grammar.Main, grammar.Grammar())
		p.Know(grammar.Main, f)
	}
	return place{f, f.Tree.Root}, true
}

// includes tells whether dovecot.conf includes a path.
func (p *put) includes(name string) bool {
	for _, pattern := range p.patterns {
		alternatives, _ := braces(pattern)
		for _, a := range alternatives {
			if ok, err := path.Match(a, name); ok && err == nil {
				return true
			}
		}
	}
	return false
}

// appendTo writes at the end of a part of a block. Behind what dovecot forgets an
// empty line keeps it apart.
func appendTo(at place, text string) {
	if n := len(at.body.Nodes); n > 0 && len(at.body.Nodes[n-1].Words) == 0 {
		text = "\n" + text
	}
	at.file.Tree.AppendTo(at.body, text)
}

// behindExample writes a line behind a comment that shows the setting, as the
// distribution's files have them: "#key = ...".
func (p *put) behindExample(at place, name, line string) bool {
	if p.examples == nil {
		p.examples = map[*lens.Node]map[string]int{}
	}
	shown := p.examples[at.body]
	if shown == nil {
		shown = examples(at)
		p.examples[at.body] = shown
	}
	start, ok := shown[name]
	if !ok {
		return false
	}
	src := at.src()
	stop := len(src)
	if i := bytes.IndexByte(src[start:], '\n'); i >= 0 {
		stop = start + i + 1
	}
	indent := src[start : start+bytes.IndexByte(src[start:], '#')]
	nl := lens.Newline(src)
	if src[stop-1] == '\n' {
		at.file.Insert(stop, string(indent)+line+nl)
	} else {
		at.file.Insert(stop, nl+string(indent)+line)
	}
	return true
}

// examples are the comments that show a setting, by its name: where their lines
// begin. The last of a name counts.
func examples(at place) map[string]int {
	found := map[string]int{}
	src, from := at.src(), at.body.Body.Start
	look := func(to int) {
		for from < to {
			end := to
			if i := bytes.IndexByte(src[from:to], '\n'); i >= 0 {
				end = from + i + 1
			}
			own := from == 0 || src[from-1] == '\n'
			if text, ok := bytes.CutPrefix(bytes.TrimLeft(src[from:end], " \t"), []byte("#")); ok && own {
				if name, _, ok := bytes.Cut(text, []byte("=")); ok && isKey(string(bytes.TrimRight(name, " \t"))) {
					found[string(bytes.TrimRight(name, " \t"))] = from
				}
			}
			from = end
		}
	}
	for _, n := range at.body.Nodes {
		look(n.Whole.Start)
		from = n.Whole.End
	}
	look(at.body.Body.End)
	return found
}

// makeBlock is the block of a path that is not there, begun where it was not.
func (p *put) makeBlock(e engine.Edit, path string) *made {
	parent, siblings := p.top, &p.made
	var m *made
	in := ""
	for id := range strings.SplitSeq(path, sep) {
		in = joined(in, id)
		if m == nil && parent.blocks[id] != nil {
			parent = parent.blocks[id]
			continue
		}
		if m = find(*siblings, parent, id); m == nil {
			if !p.mayMake(e, parent, id, *siblings) {
				return nil
			}
			m = &made{parent: parent, id: id, edit: e}
			*siblings = append(*siblings, m)
		}
		siblings = &m.blocks
	}
	return m
}

func find(all []*made, parent *block, id string) *made {
	for _, m := range all {
		if m.parent == parent && m.id == id {
			return m
		}
	}
	return nil
}

// mayMake refuses a block that cannot be written, or would have another number.
func (p *put) mayMake(e engine.Edit, parent *block, id string, siblings []*made) bool {
	typ, name, ok := parseID(id)
	if ok && !strings.HasPrefix(name, "#") {
		_, ok = header(typ, name)
	}
	if !ok {
		p.Fail(e.RangeOf(""), "Not a block", "%q is not a block's type and name, and blocks within blocks are parted by %q. Blocks passdb, userdb and namespace have a name or a number, as \"passdb #2\".", id, sep)
		return false
	}
	if !strings.HasPrefix(name, "#") {
		return true
	}
	next := 1
	if len(siblings) == 0 || siblings[0].parent == parent {
		next += parent.unnamed[typ]
	}
	for _, m := range siblings {
		if t, n, _ := parseID(m.id); m.parent == parent && t == typ && strings.HasPrefix(n, "#") {
			next++
		}
	}
	if n := strings.TrimPrefix(name, "#"); n != strconv.Itoa(next) {
		p.Fail(e.RangeOf(""), "Block out of turn", "%q is not there, and the next new one is \"%s #%d\".", id, typ, next)
		return false
	}
	return true
}

// header is the first line of a block.
func header(typ, name string) (string, bool) {
	if !isKey(typ) {
		return "", false
	}
	for _, written := range []string{name, `"` + name + `"`} {
		text := strings.TrimRight(typ+" "+written, " ") + " {"
		f, err := grammar.Grammar().Parse([]byte(text + "\n}\n"))
		if err != nil || len(f.Root.Nodes) != 1 {
			continue
		}
		if n := f.Root.Nodes[0]; grammar.Key(n, f.Source()) == typ && grammar.Name(n, f.Source()) == name {
			return text, true
		}
	}
	return "", false
}

// writeBlocks writes the blocks that were made, each in its parent or, where that
// is the file, in the lens's own.
func (p *put) writeBlocks() {
	for _, m := range p.made {
		if at, ok := p.end(m.parent, m.edit); ok {
			appendTo(at, m.text(at.file.Tree.Step()))
			p.Touch(at.file, m.edit.Addr)
		}
	}
}

func (m *made) text(step string) string {
	typ, name, _ := parseID(m.id)
	if strings.HasPrefix(name, "#") {
		name = ""
	}
	first, _ := header(typ, name)
	lines := []string{first}
	for _, l := range m.lines {
		lines = append(lines, step+l)
	}
	for _, inner := range m.blocks {
		for l := range strings.SplitSeq(inner.text(step), "\n") {
			lines = append(lines, step+l)
		}
	}
	return strings.Join(append(lines, "}"), "\n")
}
