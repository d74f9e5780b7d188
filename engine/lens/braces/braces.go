// Package braces reads files of statements that end with semicolons and of
// blocks in braces, in two dialects: that of named.conf, as BIND's lexer and
// parser read it (lib/isc/lex.c, lib/isccfg/parser.c), and that of dhcpd.conf,
// as ISC dhcpd's do (common/conflex.c, common/parse.c).
//
// A statement is a node with its words; a block is one whose words stand before
// its brace. What lists of named hold, addresses and keys, are statements too,
// without more words than one or two: "!10.0.0.0/8;" has one.
//
// A statement of named may have several braces, and words behind them:
//
//	inet 127.0.0.1 allow { any; } keys { k; } read-only yes;
//
// It is a block that has a node for each: its Body begins with the first brace,
// and in it are the block {any;}, which has no words, the block keys and the
// statement read-only.
package braces

import (
	"strings"
	"sync"

	"hikae/engine/lens"
)

// Dialect is how one daemon reads its file.
type Dialect struct {
	name     string
	blanks   string
	comments []string // of "#", "//", "/*"
	marks    string   // characters that are words of their own
	pairs    string   // characters that are words together: operators
	// closed: a semicolon ends every block too; else it ends those of after and
	// may be left out there.
	closed bool
	after  map[string]bool
	// behind are the words that may follow a brace within one statement.
	behind map[string]bool
	// free are blocks whose text another program reads.
	free map[string]bool
	// record tells whether a brace behind a word opens no block but a list
	// within the statement.
	record func(word string) bool
	str    func(src []byte, at int) (end int, fault string)

	once   sync.Once
	mayEnd [256]bool
}

// Named is the dialect of named.conf and rndc.conf.
var Named = Dialect{
	name:     "named",
	blanks:   " \t\r\n",
	comments: []string{"#", "//", "/*"},
	closed:   true,
	behind: set("allow", "keys", "read-only", // controls, statistics-channels
		"except-from",                                                                                // deny-answer-addresses, deny-answer-aliases
		"default-masters", "default-primaries", "zone-directory", "in-memory", "min-update-interval", // catalog-zones
		"add-soa", "break-dnssec", "dnsrps-enable", "dnsrps-options", "ede", "max-policy-ttl", "min-ns-dots", // response-policy
		"nsdname-enable", "nsdname-wait-recurse", "nsip-enable", "nsip-wait-recurse",
		"qname-wait-recurse", "recursive-only", "servfail-until-ready"),
	free: set("plugin", "dyndb"),
	str:  namedString,
}

// DHCPD is the dialect of dhcpd.conf, dhcpd6.conf and dhclient.conf.
var DHCPD = Dialect{
	name:     "dhcpd",
	blanks:   lens.Blank,
	comments: []string{"#"},
	marks:    ",()",
	pairs:    "=!~",
	after:    set("key"),
	record:   func(word string) bool { return word == "=" || strings.EqualFold(word, "of") },
	str:      dhcpdString,
}

func set(words ...string) map[string]bool {
	m := make(map[string]bool, len(words))
	for _, w := range words {
		m[w] = true
	}
	return m
}

// ends are the bytes at which a bare word may end.
func (d *Dialect) ends() *[256]bool {
	d.once.Do(func() {
		for _, c := range []byte("{};\"#/" + d.blanks + d.marks + d.pairs) {
			d.mayEnd[c] = true
		}
	})
	return &d.mayEnd
}

// Comments are what begins a comment: see lens.Grammar.
func (d *Dialect) Comments() []string { return d.comments }

// maxDepth bounds how deep blocks nest: the daemons themselves recurse.
const maxDepth = 500

// Parse reads a file. It keeps src, which must not change.
func Parse(src []byte, d *Dialect) (*lens.File, error) {
	p := &parser{lexer: lexer{src: src, d: d}}
	nodes, end, err := p.body(0)
	if err != nil {
		return nil, err
	}
	if end.kind == closing {
		return nil, lens.ErrorAt(src, end.Start, "a } that closes nothing")
	}
	return lens.NewFile(src, nodes), nil
}

type parser struct {
	lexer
	build lens.Builder
	// Stacks: what was gathered of the statements and bodies that are open.
	words []lens.Span
	nodes []*lens.Node
}

// body reads statements up to a closing brace or the end of the file, which it
// returns.
func (p *parser) body(depth int) ([]*lens.Node, token, error) {
	base := len(p.nodes)
	defer func() { p.nodes = p.nodes[:base] }()
	for {
		t, err := p.next()
		if err != nil {
			return nil, t, err
		}
		switch t.kind {
		case closing, end:
			return p.build.Nodes(p.nodes[base:]), t, nil
		case semicolon:
			return nil, t, lens.ErrorAt(p.src, t.Start, "a ; that ends nothing")
		}
		n, err := p.statement(t, depth)
		if err != nil {
			return nil, t, err
		}
		p.nodes = append(p.nodes, n)
	}
}

// statement reads a statement from its first token on.
func (p *parser) statement(t token, depth int) (*lens.Node, error) {
	start, words, nodes := t.Start, len(p.words), len(p.nodes)
	defer func() { p.words, p.nodes = p.words[:words], p.nodes[:nodes] }()
	for {
		switch t.kind {
		case word:
			p.words = append(p.words, t.Span)
		case semicolon:
			return p.build.Node(lens.Node{Whole: lens.Span{Start: start, End: t.End}, Words: p.words[words:]}), nil
		case opening:
			if n := len(p.words); n > words && p.d.record != nil && p.d.record(p.words[n-1].Of(p.src)) {
				if err := p.list(t); err != nil {
					return nil, err
				}
				break
			}
			return p.block(start, words, t, depth)
		default:
			return nil, p.missing(t)
		}
		var err error
		if t, err = p.next(); err != nil {
			return nil, err
		}
	}
}

// list reads a list in braces as words of the statement.
func (p *parser) list(open token) error {
	p.words = append(p.words, open.Span)
	for {
		t, err := p.next()
		switch {
		case err != nil:
			return err
		case t.kind != word && t.kind != closing:
			return lens.ErrorAt(p.src, t.Start, "the list that began in line %d is not closed", lens.PosOf(p.src, open.Start).Line)
		}
		p.words = append(p.words, t.Span)
		if t.kind == closing {
			return nil
		}
	}
}

// block reads what is left of a statement from its first brace on.
func (p *parser) block(start, words int, open token, depth int) (*lens.Node, error) {
	head := lens.Node{Whole: lens.Span{Start: start}, Words: p.words[words:], Block: true}
	free := len(head.Words) > 0 && p.d.free[strings.ToLower(head.Name(p.src))]
	var err error
	if head.Body, head.Nodes, err = p.braces(open, depth, free); err != nil {
		return nil, err
	}
	head.Whole.End = head.Body.End + 1
	t, err := p.peek()
	switch {
	case err != nil:
		return nil, err
	case t.kind == semicolon && (p.d.closed || p.d.after[strings.ToLower(head.Name(p.src))]):
		p.at, head.Whole.End = t.End, t.End
		return p.build.Node(head), nil
	case !p.d.closed:
		return p.build.Node(head), nil
	case !p.follows(t):
		return nil, p.missing(t)
	}
	first := p.build.Node(lens.Node{
		Whole: lens.Span{Start: open.Start, End: head.Whole.End}, Block: true, Body: head.Body, Nodes: head.Nodes,
	})
	parts := []*lens.Node{first}
	for t.kind != semicolon {
		part, err := p.part(depth)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
		if t, err = p.peek(); err != nil {
			return nil, err
		}
		if t.kind != semicolon && !p.follows(t) {
			return nil, p.missing(t)
		}
	}
	p.at = t.End
	head.Whole.End = t.End
	head.Body = lens.Span{Start: open.Start, End: parts[len(parts)-1].Whole.End}
	head.Nodes = p.build.Nodes(parts)
	return p.build.Node(head), nil
}

// part reads one more part of a statement: words, and a block if one comes.
func (p *parser) part(depth int) (*lens.Node, error) {
	words := len(p.words)
	defer func() { p.words = p.words[:words] }()
	for {
		t, err := p.peek()
		switch {
		case err != nil:
			return nil, err
		case t.kind == word && (len(p.words) == words || !p.follows(t)):
			p.words = append(p.words, t.Span)
			p.at = t.End
			continue
		}
		n := lens.Node{Words: p.words[words:]}
		n.Whole = lens.Span{Start: n.Words[0].Start, End: n.Words[len(n.Words)-1].End}
		if t.kind == opening {
			p.at = t.End
			n.Block = true
			if n.Body, n.Nodes, err = p.braces(t, depth, false); err != nil {
				return nil, err
			}
			n.Whole.End = n.Body.End + 1
		}
		return p.build.Node(n), nil
	}
}

// follows tells whether a token may come behind a brace within a statement.
func (p *parser) follows(t token) bool {
	return t.kind == word && p.d.behind[strings.ToLower(t.Of(p.src))]
}

// braces reads what stands in braces.
func (p *parser) braces(open token, depth int, free bool) (lens.Span, []*lens.Node, error) {
	if depth == maxDepth {
		return lens.Span{}, nil, lens.ErrorAt(p.src, open.Start, "more than %d blocks in each other", maxDepth)
	}
	var nodes []*lens.Node
	var t token
	var err error
	if free {
		nodes, t = p.freeText(open)
	} else if nodes, t, err = p.body(depth + 1); err != nil {
		return lens.Span{}, nil, err
	}
	if t.kind != closing {
		return lens.Span{}, nil, lens.ErrorAt(p.src, open.Start, "a { that nothing closes")
	}
	return lens.Span{Start: open.End, End: t.Start}, nodes, nil
}

// freeText reads text up to the brace that closes it as one word: BIND's
// "bracketed text", in which a backslash takes the meaning from a brace and
// comments and quotes mean nothing.
func (p *parser) freeText(open token) ([]*lens.Node, token) {
	depth := 1
	for at := open.End; at < len(p.src); at++ {
		switch p.src[at] {
		case '\\':
			at++
		case '{':
			depth++
		case '}':
			if depth--; depth > 0 {
				continue
			}
			p.at = at + 1
			text := lens.Trim(p.src, lens.Span{Start: open.End, End: at}, lens.Blank)
			t := token{lens.Span{Start: at, End: at + 1}, closing}
			if text.Len() == 0 {
				return nil, t
			}
			return []*lens.Node{p.build.Node(lens.Node{Whole: text, Words: []lens.Span{text}})}, t
		}
	}
	return nil, token{kind: end}
}

// missing is the error of a statement that goes on with what it cannot.
func (p *parser) missing(t token) error {
	if t.kind == end {
		return lens.ErrorAt(p.src, len(p.src), "the file ends within a statement: a ; is missing")
	}
	return lens.ErrorAt(p.src, t.Start, "a ; is missing before %q", t.Of(p.src))
}
