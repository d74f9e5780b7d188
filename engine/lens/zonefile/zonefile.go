// Package zonefile reads zone files: RFC 1035 section 5 and RFC 2308, as BIND
// reads them (lib/dns/master.c, lib/isc/lex.c).
//
// A node is an entry: a record, or a directive such as $TTL. Its words are what
// stands in it but for parentheses, quotes and escapes as written. A record that
// begins with blanks has no word for its owner: Read tells. Parentheses take the
// meaning from line ends; a pair of them around nothing is a node without words.
package zonefile

import (
	"strings"

	"hikae/engine/lens"
)

// Comments are what begins a comment: see lens.Grammar.
var Comments = []string{";"}

// Parse reads a file. It keeps src, which must not change. What BIND would
// refuse is a *lens.SyntaxError: of entries their form, an unknown type, and of
// the usual types what stands in them; not what makes a zone of them, since a
// file may be made to be included.
func Parse(src []byte) (*lens.File, error) {
	p := &parser{src: src}
	var nodes []*lens.Node
	for {
		n, err := p.entry()
		if err != nil {
			return nil, err
		}
		if n == nil {
			return lens.NewFile(src, nodes), nil
		}
		if len(n.Words) > 0 {
			if _, err := Read(src, n); err != nil {
				return nil, err
			}
		}
		nodes = append(nodes, n)
	}
}

type parser struct {
	src   []byte
	at    int
	build lens.Builder
	words []lens.Span
}

// entry reads the next entry; nil at the end of the file.
func (p *parser) entry() (*lens.Node, error) {
	p.words = p.words[:0]
	start, end := -1, 0
	var open []int // where the parentheses are that are open
	for ; ; p.skipComment() {
		for p.at < len(p.src) && (p.src[p.at] == ' ' || p.src[p.at] == '\t' || lineEnd(p.src[p.at]) && (start < 0 || len(open) > 0)) {
			p.at++
		}
		if p.at == len(p.src) || p.src[p.at] != ';' && lineEnd(p.src[p.at]) {
			break
		}
		if p.src[p.at] == ';' {
			continue
		}
		if start < 0 {
			start = p.at
		}
		switch p.src[p.at] {
		case '(':
			open = append(open, p.at)
			p.at++
		case ')':
			if len(open) == 0 {
				return nil, lens.ErrorAt(p.src, p.at, "a ) that closes nothing")
			}
			open = open[:len(open)-1]
			p.at++
		default:
			w, err := p.word()
			if err != nil {
				return nil, err
			}
			p.words = append(p.words, w)
		}
		end = p.at
	}
	switch {
	case len(open) > 0:
		return nil, lens.ErrorAt(p.src, open[len(open)-1], "a ( that nothing closes")
	case start < 0:
		return nil, nil
	}
	return p.build.Node(lens.Node{Whole: lens.Span{Start: start, End: end}, Words: p.words}), nil
}

func lineEnd(c byte) bool { return c == '\n' || c == '\r' }

// skipComment goes to the end of the line that a comment is on.
func (p *parser) skipComment() {
	if p.at < len(p.src) && p.src[p.at] == ';' {
		for p.at < len(p.src) && p.src[p.at] != '\n' {
			p.at++
		}
	}
}

// word reads a word: bare, in which a backslash takes the meaning from the next
// character, or in quotes, which a line end does not leave open.
func (p *parser) word() (lens.Span, error) {
	start := p.at
	if p.src[start] == '"' {
		for p.at++; p.at < len(p.src) && p.src[p.at] != '\n'; p.at++ {
			switch p.src[p.at] {
			case '\\':
				p.at++
			case '"':
				p.at++
				return lens.Span{Start: start, End: p.at}, nil
			}
		}
		return lens.Span{}, lens.ErrorAt(p.src, start, "a quoted string that nothing ends")
	}
	for p.at < len(p.src) && !lineEnd(p.src[p.at]) && strings.IndexByte(" \t;()\"", p.src[p.at]) < 0 {
		if p.src[p.at] == '\\' && p.at+1 < len(p.src) && !lineEnd(p.src[p.at+1]) {
			p.at++
		}
		p.at++
	}
	return lens.Span{Start: start, End: p.at}, nil
}
