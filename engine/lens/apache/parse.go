package apache

import (
	"bytes"
	"strconv"
	"strings"

	"hikae/engine/lens"
)

const (
	// maxDepth bounds the nesting of sections: httpd, which walks them by
	// recursion, would have no stack left.
	maxDepth = 10000
	// maxMacroLine bounds a line within a macro: MAX_STRING_LEN of httpd.h.
	maxMacroLine = 8192
	macro        = "macro"
)

// section is one that is not closed yet.
type section struct {
	name  string // folded
	node  lens.Node
	nodes int // where its own nodes begin on the parser's stack
}

type parser struct {
	reader
	line    line
	builder lens.Builder
	open    []section
	nodes   []*lens.Node
	macros  []int // which of the open sections are macros
	// conditions is how many of the open sections are conditional.
	conditions int
	words      []lens.Span
}

// Parse reads a file. What httpd refuses while it builds its tree is refused; a
// directive or section that no module is known for is not. Of a conditional
// section it takes what httpd takes where the condition holds, and where it does
// not: see Flaw, Unclosed and Sloppy.
func Parse(src []byte) (*lens.File, error) {
	p := parser{reader: reader{src: src}}
	for p.next(&p.line) {
		if err := p.take(&p.line); err != nil {
			return nil, err
		}
	}
	for len(p.open) > 0 {
		top := &p.open[len(p.open)-1]
		if !conditional(top.name) {
			return nil, p.errorAt(top.node.Whole.Start, "<%s> is not closed", top.node.Name(src))
		}
		top.node.Body.End, top.node.Whole.End = len(src), len(src)
		p.close()
	}
	f := lens.NewFile(src, p.builder.Nodes(p.nodes))
	f.Joined = true
	return f, nil
}

func (p *parser) errorAt(offset int, format string, args ...any) error {
	return lens.ErrorAt(p.src, offset, format, args...)
}

// take takes in a line.
func (p *parser) take(l *line) error {
	switch {
	case len(l.text) > maxLine || len(p.macros) > 0 && len(l.text) >= maxMacroLine:
		return p.errorAt(l.whole.Start, "the line is too long")
	case len(l.text) == 0 || l.text[0] == '#':
		if l.odd {
			p.add(lens.Node{Whole: l.whole})
		}
		return nil
	}
	start, end, args := word(l.text, 0)
	name := l.text[start:end]
	if name[0] == '"' || name[0] == '\'' {
		name = []byte(Text(name, lens.Span{End: len(name)}))
	}
	switch {
	case len(name) == 0 || name[0] != '<' || p.foreign() && !p.closes(name):
		p.statement(l)
		return nil
	case len(name) > 1 && name[1] == '/':
		return p.closing(l, string(name))
	}
	return p.opening(l, string(name[1:]), end, args)
}

// statement adds a line that is neither the beginning nor the end of a section.
func (p *parser) statement(l *line) {
	p.words = l.words(p.words[:0], 0, len(l.text))
	whole := l.whole
	if p.src[whole.End-1] == '\\' { // it keeps the blanks without which it would join the next line
		for whole.End < len(p.src) && p.src[whole.End] != '\n' && bytes.IndexByte([]byte("\\\r"), p.src[whole.End-1]) >= 0 {
			whole.End++
		}
	}
	p.add(lens.Node{Whole: whole, Words: p.words})
}

func (p *parser) add(n lens.Node) { p.nodes = append(p.nodes, p.builder.Node(n)) }

// opening begins a section. name is what follows the <.
func (p *parser) opening(l *line, name string, end, args int) error {
	inMacro := len(p.macros) > 0
	perhaps := inMacro || p.conditions > 0 // httpd may pass over it
	at := l.offset(0)
	last := bytes.LastIndexByte(l.text[args:], '>')
	if args == len(l.text) {
		last = 0
		name = strings.TrimSuffix(name, ">")
		if l.text[end-1] == '>' {
			end--
		}
	}
	switch {
	case name == "" && !inMacro:
		return p.errorAt(at, "a section has no name")
	case last < 0 && !perhaps:
		return p.errorAt(l.span(0, len(l.text)).End, "<%s has no closing >", name)
	case len(p.open) == maxDepth:
		return p.errorAt(at, "sections are nested more than %d deep", maxDepth)
	case name == "" || last < 0 && inMacro: // of no use to any, but a macro's
		p.statement(l)
		return nil
	case last < 0:
		last = len(l.text) - args
	}
	folded := Fold(name)
	// The name without the bracket, and without the quotes of a quoted one.
	nameAt := bytes.IndexByte(l.text, '<') + 1
	p.words = append(p.words[:0], l.span(nameAt, max(nameAt, min(end, nameAt+len(name)))))
	if args < len(l.text) {
		p.words = l.words(p.words, args, args+last)
	}
	if len(p.words) == 1 && needsArguments(folded) && !perhaps {
		return p.errorAt(at, "<%s> needs arguments", name)
	}
	n := lens.Node{Whole: l.whole, Words: append([]lens.Span(nil), p.words...), Block: true}
	n.Body.Start = l.whole.End
	p.open = append(p.open, section{name: folded, node: n, nodes: len(p.nodes)})
	switch {
	case folded == macro:
		p.macros = append(p.macros, len(p.open)-1)
	case conditional(folded):
		p.conditions++
	}
	return nil
}

// closing ends a section. name is the first word of the line.
func (p *parser) closing(l *line, name string) error {
	at := l.offset(0)
	bare, closed := strings.CutSuffix(name[2:], ">")
	folded := Fold(bare)
	if n := len(p.macros); n > 0 {
		inner := p.macros[n-1]
		switch {
		case closed && folded == macro:
			p.flatten(inner)
		case len(p.open)-1 == inner || !closed || folded != p.open[len(p.open)-1].name:
			p.statement(l)
			return nil
		}
	}
	switch top := len(p.open) - 1; {
	case top < 0 || closed && conditional(p.open[top].name) && folded != p.open[top].name:
		// Of a conditional section httpd says so too: its body stands alone.
		return p.errorAt(at, "</%s> closes nothing: no <%s> is open%s", bare, bare, p.openHere())
	case !closed:
		return p.errorAt(at, "</%s has no closing >", bare)
	case folded != p.open[top].name:
		return p.errorAt(at, "</%s> does not close what is open%s", bare, p.openHere())
	}
	top := &p.open[len(p.open)-1]
	top.node.Body.End, top.node.Whole.End = l.whole.Start, l.whole.End
	p.close()
	return nil
}

// openHere says which section is open.
func (p *parser) openHere() string {
	if len(p.open) == 0 {
		return ""
	}
	n := &p.open[len(p.open)-1].node
	return ": <" + n.Name(p.src) + "> of line " + strconv.Itoa(lens.PosOf(p.src, n.Whole.Start).Line)
}

// close makes the innermost section, whose end is set, a node.
func (p *parser) close() {
	top := p.open[len(p.open)-1]
	p.open = p.open[:len(p.open)-1]
	if n := len(p.macros); n > 0 && p.macros[n-1] == len(p.open) {
		p.macros = p.macros[:n-1]
	}
	if conditional(top.name) {
		p.conditions--
	}
	top.node.Nodes = p.builder.Nodes(p.nodes[top.nodes:])
	p.nodes = p.nodes[:top.nodes]
	p.add(top.node)
}

// flatten makes statements of the sections that are open within one.
func (p *parser) flatten(within int) {
	if len(p.open) == within+1 {
		return
	}
	inner := p.nodes[p.open[within].nodes:]
	nodes := make([]*lens.Node, 0, len(inner)+len(p.open))
	done := p.open[within].nodes
	for _, s := range p.open[within+1:] {
		nodes = append(nodes, p.nodes[done:s.nodes]...)
		done = s.nodes
		if conditional(s.name) {
			p.conditions--
		}
		n := s.node
		n.Block, n.Body = false, lens.Span{}
		if n.Words[0].Start > 0 && p.src[n.Words[0].Start-1] == '<' {
			n.Words[0].Start--
		}
		nodes = append(nodes, p.builder.Node(n))
	}
	nodes = append(nodes, p.nodes[done:]...)
	p.nodes = append(p.nodes[:p.open[within].nodes], nodes...)
	p.open = p.open[:within+1]
}

// foreign tells whether what is read is in another language.
func (p *parser) foreign() bool {
	return len(p.open) > 0 && foreign(p.open[len(p.open)-1].name)
}

// closes tells whether a word closes the innermost section.
func (p *parser) closes(name []byte) bool {
	return strings.EqualFold(string(name), "</"+p.open[len(p.open)-1].name+">")
}

// needsArguments tells whether a section of httpd's core is refused without
// arguments.
func needsArguments(name string) bool {
	switch name {
	case "virtualhost", "directory", "directorymatch", "files", "filesmatch", "location", "locationmatch",
		"limit", "limitexcept", "if", "elseif", macro, "proxy", "proxymatch":
		return true
	}
	return conditional(name)
}
