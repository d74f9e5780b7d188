// Package xml reads XML 1.0 files as expat does, which firewalld reads its files
// with: what expat refuses as not well-formed is refused.
//
// An element is a block; one that is empty by <a/>, or that holds nothing but
// one run of text, is a statement. Its words are its name, its attributes as
// written, name="value" each, and the text of a statement. Text beside other
// elements is a statement of one word. <?xml …?>, other instructions and a
// DOCTYPE are statements whose first word begins with ? and !.
//
// Entities that a document defines are refused: what they stand for cannot be
// seen where they stand. Files are UTF-8, ASCII or Latin-1.
package xml

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"hikae/engine/lens"
)

// maxDepth bounds how deep elements nest: firewalld's nest four deep.
const maxDepth = 1000

// Parse reads a file.
func Parse(src []byte) (*lens.File, error) {
	p := &parser{src: src}
	if err := p.document(); err != nil {
		return nil, err
	}
	return lens.NewFile(src, p.build.Nodes(p.stack)), nil
}

type parser struct {
	src      []byte
	at       int
	encoding encoding
	doctype  bool // one was read
	foreign  bool // it names another file, where entities may be defined
	public   bool // what it names next is a public name

	build lens.Builder
	words []lens.Span  // of the node that is read
	held  []lens.Span  // of the elements that are open, one behind the other
	stack []*lens.Node // of the bodies that are open, one behind the other
}

func (p *parser) fail(at int, format string, args ...any) error {
	return lens.ErrorAt(p.src, min(at, len(p.src)), format, args...)
}

func (p *parser) has(text string) bool {
	return len(p.src)-p.at >= len(text) && string(p.src[p.at:p.at+len(text)]) == text
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// space skips white space and reports whether there was any.
func (p *parser) space() bool {
	start := p.at
	for p.at < len(p.src) && isSpace(p.src[p.at]) {
		p.at++
	}
	return p.at > start
}

func (p *parser) document() error {
	if err := p.declaration(); err != nil {
		return err
	}
	roots := 0
	for {
		p.space()
		var err error
		switch {
		case p.at == len(p.src):
			if roots == 0 {
				return p.fail(p.at, "no element found")
			}
			return nil
		case p.has("<!--"), p.has("<?"):
			err = p.markup()
		case p.has("<!DOCTYPE") && roots == 0 && !p.doctype:
			err = p.docType()
		case p.src[p.at] == '<' && roots == 0:
			roots++
			err = p.elements()
		case roots == 0:
			return p.fail(p.at, "text where the first element is to be")
		default:
			return p.fail(p.at, "more than one element: a file has but one that is not in another")
		}
		if err != nil {
			return err
		}
	}
}

// elements reads an element and all in it, without recursion.
func (p *parser) elements() error {
	var open []frame
	for {
		f, empty, err := p.start()
		switch {
		case err != nil:
			return err
		case empty:
			p.stack = append(p.stack, p.build.Node(lens.Node{Whole: lens.Span{Start: f.begin, End: p.at}, Words: p.words}))
		case len(open) == maxDepth:
			return p.fail(f.begin, "elements nest more than %d deep", maxDepth)
		default:
			p.held = append(p.held, p.words...)
			open = append(open, f)
		}
		for opens := false; !opens; {
			if len(open) == 0 {
				return nil
			}
			var closes bool
			if opens, closes, err = p.content(); err != nil {
				return err
			}
			if closes {
				if err := p.end(open[len(open)-1]); err != nil {
					return err
				}
				open = open[:len(open)-1]
			}
		}
	}
}

// frame is an element that is open: where it and its body begin, and where its
// words and its nodes begin among those held.
type frame struct{ begin, body, words, nodes int }

// content reads one piece of an element's content: text, a comment or an
// instruction. It stops before a tag.
func (p *parser) content() (opens, closes bool, err error) {
	p.space()
	switch {
	case p.at == len(p.src):
		return false, false, p.fail(p.at, "an element is not closed")
	case p.has("</"):
		return false, true, nil
	case p.has("<!--"), p.has("<?"):
		return false, false, p.markup()
	case p.src[p.at] == '<' && !p.has("<![CDATA["):
		return true, false, nil
	}
	return false, false, p.text()
}

// start reads a tag that opens an element. Its words are p.words.
func (p *parser) start() (f frame, empty bool, err error) {
	f = frame{begin: p.at, words: len(p.held), nodes: len(p.stack)}
	p.at++
	name, err := p.name("an element")
	if err != nil {
		return f, false, err
	}
	p.words = append(p.words[:0], name)
	for {
		blank := p.space()
		switch {
		case p.at == len(p.src):
			return f, false, p.fail(f.begin, "the tag is not closed")
		case p.src[p.at] == '>':
			p.at++
			f.body = p.at
			return f, false, p.twice()
		case p.has("/>"):
			p.at += 2
			return f, true, p.twice()
		case !blank:
			return f, false, p.fail(p.at, "blanks part attributes")
		}
		if err := p.attribute(); err != nil {
			return f, false, err
		}
	}
}

// node makes a statement of the words gathered that ends here.
func (p *parser) node(begin int) *lens.Node {
	return p.build.Node(lens.Node{Whole: lens.Span{Start: begin, End: p.at}, Words: p.words})
}

// twice refuses two attributes of one name.
func (p *parser) twice() error {
	if len(p.words) <= 2 {
		return nil
	}
	seen := make(map[string]bool, len(p.words))
	for _, w := range p.words[1:] {
		name := attributeName(p.src[w.Start:w.End])
		if seen[string(name)] {
			return p.fail(w.Start, "the attribute %s stands twice", name)
		}
		seen[string(name)] = true
	}
	return nil
}

func attributeName(word []byte) []byte {
	return bytes.TrimRight(word[:bytes.IndexByte(word, '=')], " \t\r\n")
}

func (p *parser) attribute() error {
	name, err := p.name("an attribute")
	if err != nil {
		return err
	}
	return p.value(name)
}

// value reads what stands behind an attribute's name.
func (p *parser) value(name lens.Span) error {
	p.space()
	if !p.has("=") {
		return p.fail(p.at, "the attribute %s has no value", name.Of(p.src))
	}
	p.at++
	p.space()
	stops := `"<&`
	if !p.has(`"`) {
		stops = `'<&`
		if !p.has(`'`) {
			return p.fail(p.at, "the value of %s wants quotes", name.Of(p.src))
		}
	}
	open := p.at
	p.at++
	if err := p.chars(open, []byte(stops)); err != nil {
		return err
	}
	if p.src[p.at] == '<' {
		return p.fail(p.at, "a < in a value is written &lt;")
	}
	p.at++
	p.words = append(p.words, lens.Span{Start: name.Start, End: p.at})
	return nil
}

// end reads the tag that closes an element. One that holds but a text becomes
// a statement.
func (p *parser) end(f frame) error {
	n := lens.Node{Words: p.held[f.words:], Block: true, Body: lens.Span{Start: f.body, End: p.at}}
	p.at += 2
	name, err := p.name("an element")
	if err != nil {
		return err
	}
	if open := n.Words[0]; !bytes.Equal(p.src[name.Start:name.End], p.src[open.Start:open.End]) {
		return p.fail(n.Body.End, "</%s> closes no <%s>, of line %d", name.Of(p.src), open.Of(p.src), lens.PosOf(p.src, f.begin).Line)
	}
	p.space()
	if !p.has(">") {
		return p.fail(p.at, "the tag is not closed")
	}
	p.at++
	n.Whole = lens.Span{Start: f.begin, End: p.at}
	nodes := p.stack[f.nodes:]
	if len(nodes) == 1 && isText(nodes[0]) && only(p.src, n.Body, nodes[0].Whole) {
		n.Words = append(n.Words, nodes[0].Whole)
		n.Block, n.Body = false, lens.Span{}
	} else {
		n.Nodes = p.build.Nodes(nodes)
	}
	p.held = p.held[:f.words]
	p.stack = append(p.stack[:f.nodes], p.build.Node(n))
	return nil
}

// only tells whether nothing but white space stands beside a span of a body.
func only(src []byte, body, s lens.Span) bool {
	return lens.Trim(src, lens.Span{Start: body.Start, End: s.Start}, " \t\r\n").Len() == 0 &&
		lens.Trim(src, lens.Span{Start: s.End, End: body.End}, " \t\r\n").Len() == 0
}

// isText tells whether a node is text between tags: it is its only word.
func isText(n *lens.Node) bool {
	return len(n.Words) == 1 && !n.Block && n.Whole == n.Words[0]
}

// name reads a name.
func (p *parser) name(of string) (lens.Span, error) {
	start := p.at
	for p.at < len(p.src) && isName(p.src[p.at], p.at == start) {
		p.at++
	}
	s := lens.Span{Start: start, End: p.at}
	if s.Len() == 0 {
		return s, p.fail(start, "the name of %s is to stand here", of)
	}
	for _, c := range p.src[start:p.at] {
		if c >= utf8.RuneSelf {
			return s, p.foreignName(s)
		}
	}
	return s, nil
}

func isName(c byte, first bool) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_', c == ':', c >= utf8.RuneSelf:
		return true
	}
	return !first && ('0' <= c && c <= '9' || strings.IndexByte("-.", c) >= 0)
}
