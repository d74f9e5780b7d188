package lens

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// File is a file that a grammar has read: the document to edit, and what
// stands in it.
type File struct {
	*Document
	Root *Node // a block without words, whose body is the whole file
	// Joined: a backslash before the end of a line joins the next one to it, so
	// what is inserted keeps clear of one.
	Joined bool

	open []*Node // blocks of one line that are to have several
}

// Node is a statement of a file, or a block: a statement with others in it. A
// section of an ini file is a block, a setting a statement.
//
// The nodes of a body come in the order of the file and do not overlap. What
// lies between them is nobody's: blanks, comments, and nothing else. A grammar
// that meets what it has no other place for makes a statement of it.
type Node struct {
	// Whole is all of the node from its first to its last byte, a semicolon or a
	// closing line included, the end of its last line not.
	Whole Span
	// Words are what it says, as written, quotes and all: the name first.
	Words []Span
	Block bool
	Body  Span // of a block: what is between its opening and its closing
	Nodes []*Node
	Shown bool // a lens shows it: see Verbatim
}

// Name is the first word as written, or "" where there is none.
func (n *Node) Name(src []byte) string { return n.Word(src, 0) }

// Word is a word as written, or "" where there are not so many.
func (n *Node) Word(src []byte, i int) string {
	if i >= len(n.Words) {
		return ""
	}
	return n.Words[i].Of(src)
}

// All walks the nodes below n, each before what is in it.
func (n *Node) All(yield func(*Node) bool) { n.walk(yield) }

func (n *Node) walk(yield func(*Node) bool) bool {
	for _, c := range n.Nodes {
		if !yield(c) || !c.walk(yield) {
			return false
		}
	}
	return true
}

// Show marks nodes, and not what is in them, as shown by a lens.
func Show(nodes ...*Node) {
	for _, n := range nodes {
		if n != nil {
			n.Shown = true
		}
	}
}

// Verbatim are the nodes that no lens shows, each outermost one once: what is
// kept without being understood.
func (f *File) Verbatim() []*Node {
	var kept []*Node
	var visit func(*Node)
	visit = func(n *Node) {
		for _, c := range n.Nodes {
			if !c.Shown {
				kept = append(kept, c)
				continue
			}
			visit(c)
		}
	}
	visit(f.Root)
	return kept
}

// Print writes the file from its tree: the words of each node, and what stands
// between. It is the source again, byte for byte; an error where the tree is not
// one, its nodes out of order or outside of their bodies.
func (f *File) Print() ([]byte, error) {
	p := printer{src: f.Source()}
	p.out.Grow(len(p.src))
	p.node(f.Root)
	if p.err == nil && p.at != len(p.src) {
		p.err = fmt.Errorf("the tree ends at byte %d of %d", p.at, len(p.src))
	}
	return p.out.Bytes(), p.err
}

type printer struct {
	src []byte
	out bytes.Buffer
	at  int
	err error
}

// upTo writes what has not been written before an offset.
func (p *printer) upTo(end int) {
	if p.err != nil {
		return
	}
	if end < p.at || end > len(p.src) {
		p.err = fmt.Errorf("the tree goes from byte %d to %d", p.at, end)
		return
	}
	p.out.Write(p.src[p.at:end])
	p.at = end
}

func (p *printer) node(n *Node) {
	p.upTo(n.Whole.Start)
	closing := n.Whole.End
	for _, w := range n.Words {
		p.upTo(w.Start)
		p.upTo(w.End)
	}
	if n.Block {
		p.upTo(n.Body.Start)
		for _, c := range n.Nodes {
			p.node(c)
			if p.err == nil && p.at > n.Body.End {
				p.err = fmt.Errorf("a node ends at byte %d, its block at %d", p.at, n.Body.End)
			}
		}
		p.upTo(n.Body.End)
	}
	p.upTo(closing)
}

// Builder makes the tree of a large file in few allocations.
type Builder struct {
	nodes []Node
	words []Span
	links []*Node
}

const chunk = 512

// Node makes a node. The words are copied.
func (b *Builder) Node(n Node) *Node {
	if len(b.nodes) == cap(b.nodes) {
		b.nodes = make([]Node, 0, chunk)
	}
	n.Words = b.spans(n.Words)
	b.nodes = append(b.nodes, n)
	return &b.nodes[len(b.nodes)-1]
}

func (b *Builder) spans(words []Span) []Span {
	if len(words) == 0 {
		return nil
	}
	if cap(b.words)-len(b.words) < len(words) {
		b.words = make([]Span, 0, max(2*chunk, len(words)))
	}
	at := len(b.words)
	b.words = append(b.words, words...)
	return slices.Clip(b.words[at:])
}

// Nodes copies a list of nodes: what a parser gathers on a stack of its own.
func (b *Builder) Nodes(nodes []*Node) []*Node {
	if len(nodes) == 0 {
		return nil
	}
	if len(nodes) > chunk {
		return slices.Clone(nodes)
	}
	if cap(b.links)-len(b.links) < len(nodes) {
		b.links = make([]*Node, 0, 2*chunk)
	}
	at := len(b.links)
	b.links = append(b.links, nodes...)
	return slices.Clip(b.links[at:])
}

// NewFile is the file of a source and of the nodes that stand in it.
func NewFile(src []byte, nodes []*Node) *File {
	all := Span{0, len(src)}
	return &File{Document: NewDocument(src), Root: &Node{Whole: all, Body: all, Block: true, Nodes: nodes}}
}

// Named are the nodes directly in a block whose first word is a name.
func (n *Node) Named(src []byte, name string) []*Node {
	var found []*Node
	for _, c := range n.Nodes {
		if len(c.Words) > 0 && string(src[c.Words[0].Start:c.Words[0].End]) == name {
			found = append(found, c)
		}
	}
	return found
}

// Find are the nodes that a key leads to: names parted by dots, from the
// outermost block on: "mysqld.server_id", "options.listen-on". A part may also be
// all the words of a block, `view "external".match-clients`, or a * for any:
// "*.pm.max_children". fold is what makes
// two spellings of a name one; nil where there is but one.
func (f *File) Find(key string, fold func(string) string) []*Node {
	if fold == nil {
		fold = func(s string) string { return s }
	}
	return f.find(f.Root, fold(key), fold)
}

func (f *File) find(in *Node, key string, fold func(string) string) []*Node {
	var found []*Node
	for _, n := range in.Nodes {
		if len(n.Words) == 0 {
			continue
		}
		name := fold(n.Name(f.src))
		if name == key {
			found = append(found, n)
			continue
		}
		if !n.Block {
			continue
		}
		all := make([]string, len(n.Words))
		for i := range n.Words {
			all[i] = n.Word(f.src, i)
		}
		for _, part := range []string{name, fold(strings.Join(all, " ")), "*"} {
			if rest, ok := strings.CutPrefix(key, part+"."); ok {
				found = append(found, f.find(n, rest, fold)...)
				break
			}
		}
	}
	return found
}
