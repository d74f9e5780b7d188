// Package dovecot reads files of settings and blocks that end with their lines:
// dovecot.conf and what it includes, as config_parse_line of dovecot 2.3 does
// (src/config/config-parser.c), with what 2.4 added where 2.3 would refuse it:
// quoted keys and `group @name value {`.
//
//	key = value             a statement: the key and the value
//	type {                  a block, up to a line of } alone
//	type name {
//	!include conf.d/*.conf  a statement
//
// A line goes on after a backslash. Its comment, which may stand behind that,
// and the blanks around are nobody's; so the words of a value are its parts, one
// a line: see Value.
//
// A comment or an empty line behind a backslash makes dovecot forget all that
// came before it. That is a statement without words.
package dovecot

import "hikae/engine/lens"

// Grammar is that of dovecot.conf.
func Grammar() lens.Grammar {
	return lens.Grammar{
		Name:     "dovecot",
		Files:    []string{Main, "/etc/dovecot/local.conf", "/etc/dovecot/conf.d/*.conf", "/etc/dovecot/*.ext", "/etc/dovecot/conf.d/*.ext"},
		Place:    func(string) string { return Main },
		Parse:    Parse,
		Comments: []string{"#"},
	}
}

// Main is the file that dovecot begins with.
const Main = "/etc/dovecot/dovecot.conf"

// Parse reads a file. It keeps src, which must not change.
func Parse(src []byte) (*lens.File, error) {
	p := &parser{reader: reader{src: src}}
	for p.next() {
		if err := p.line(); err != nil {
			return nil, err
		}
	}
	if n := len(p.open); n > 0 {
		return nil, lens.ErrorAt(src, p.open[n-1].node.Whole.Start, "a block without its }")
	}
	return lens.NewFile(src, p.build.Nodes(p.nodes)), nil
}

type parser struct {
	reader
	said  scanner
	build lens.Builder
	says  []lens.Span
	nodes []*lens.Node // of all bodies that are open
	open  []opened
}

type opened struct {
	node *lens.Node
	base int // where its nodes begin
}

// line takes in one logical line.
func (p *parser) line() error {
	n := lens.Node{Whole: p.whole}
	if len(p.parts) == 0 {
		p.nodes = append(p.nodes, p.build.Node(n))
		return nil
	}
	kind := p.said.scan(p.text)
	if kind == statement && p.said.words[0].Len() == 0 && len(p.open) == 0 { // in a block of any keys it is one
		return lens.ErrorAt(p.src, p.offset(0), "a = without a key before it")
	}
	switch kind {
	case fault:
		return lens.ErrorAt(p.src, p.offset(p.said.at), "%s", p.said.why)
	case closing:
		if len(p.open) == 0 {
			return lens.ErrorAt(p.src, p.offset(0), "a } that closes nothing")
		}
		p.close()
		return nil
	}
	p.says = p.says[:0]
	for i, w := range p.said.words {
		if p.says = p.spans(p.says, w); i == 0 && len(p.says) > 1 {
			return lens.ErrorAt(p.src, p.offset(0), "a key on several lines")
		}
	}
	n.Words = p.says
	if kind == opening {
		n.Block = true
		n.Body.Start = p.whole.End
		p.nodes = append(p.nodes, p.build.Node(n))
		p.open = append(p.open, opened{p.nodes[len(p.nodes)-1], len(p.nodes)})
		return nil
	}
	p.nodes = append(p.nodes, p.build.Node(n))
	return nil
}

// close ends the innermost block with the line that was read.
func (p *parser) close() {
	o := p.open[len(p.open)-1]
	p.open = p.open[:len(p.open)-1]
	o.node.Body.End = p.whole.Start
	o.node.Whole.End = p.whole.End
	o.node.Nodes = p.build.Nodes(p.nodes[o.base:])
	p.nodes = p.nodes[:o.base]
}
