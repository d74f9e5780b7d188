package lenstest

import (
	"bytes"
	"errors"
	"regexp"
	"strings"

	"hikae/engine/lens"
)

// Lossless holds a grammar to what all of them promise, over any bytes: a file
// is refused with a place in it, or printed from its tree byte for byte, and
// nothing lies between its nodes but blanks and comments. It reports whether the
// file was taken.
func Lossless(t TB, g lens.Grammar, src []byte) bool {
	t.Helper()
	f, err := g.Parse(src)
	if err != nil {
		if syntax, ok := errors.AsType[*lens.SyntaxError](err); !ok {
			t.Errorf("%s: the error has no place: %v", g.Name, err)
		} else if syntax.Byte < 0 || syntax.Byte > len(src) || syntax.Line < 1 || syntax.Column < 1 {
			t.Errorf("%s: the error is at %+v of %d bytes", g.Name, syntax.Pos, len(src))
		}
		return false
	}
	printed, err := f.Print()
	if err != nil || !bytes.Equal(printed, src) {
		t.Errorf("%s: printed from its tree, %q is %q, %v", g.Name, src, printed, err)
		return true
	}
	between(t, g, f, f.Root)
	return true
}

// between looks at what lies between the nodes of a block.
func between(t TB, g lens.Grammar, f *lens.File, n *lens.Node) {
	t.Helper()
	at := n.Body.Start
	for _, c := range n.Nodes {
		nothing(t, g, f, lens.Span{Start: at, End: c.Whole.Start})
		for _, w := range c.Words {
			if w.Start < c.Whole.Start || w.End > c.Whole.End || w.End < w.Start {
				t.Errorf("%s: a word at %v of a node at %v", g.Name, w, c.Whole)
			}
		}
		if c.Block {
			between(t, g, f, c)
		}
		at = c.Whole.End
	}
	nothing(t, g, f, lens.Span{Start: at, End: n.Body.End})
}

var joins = regexp.MustCompile(`\\\r?\n`)

// nothing holds a span to be blanks and comments.
func nothing(t TB, g lens.Grammar, f *lens.File, s lens.Span) {
	t.Helper()
	rest := strings.TrimPrefix(s.Of(f.Source()), "\xef\xbb\xbf")
	if g.Joined { // what joins lines is nothing
		rest = joins.ReplaceAllString(rest, "")
	}
	for rest = strings.TrimLeft(rest, lens.Blank+"\x00"); rest != ""; rest = strings.TrimLeft(rest, lens.Blank+"\x00") {
		end := -1
		for _, c := range g.Comments {
			if strings.HasPrefix(rest, c) {
				stop := map[string]string{"/*": "*/", "<!--": "-->"}[c]
				if stop == "" {
					stop = "\n"
				}
				if end = strings.Index(rest[len(c):], stop); end >= 0 {
					end += len(c) + len(stop)
				} else {
					end = len(rest)
				}
				break
			}
		}
		if end < 0 {
			t.Errorf("%s: %q at byte %d is in no node", g.Name, rest, s.End-len(rest))
			return
		}
		rest = rest[end:]
	}
}

// Edits holds a grammar's files to the editing of nodes: without a node, and
// with one twice, a file reads as it did but for that. nth chooses the node. For
// a grammar in which any statement may go or come twice.
func Edits(t TB, g lens.Grammar, src []byte, nth int) {
	t.Helper()
	f, err := g.Parse(src)
	if err != nil {
		return
	}
	var nodes []*lens.Node
	for n := range f.Root.All {
		nodes = append(nodes, n)
	}
	if len(nodes) == 0 {
		return
	}
	n := nodes[nth%len(nodes)]
	want := says(f, func(c *lens.Node) int {
		if c == n {
			return 0
		}
		return 1
	})
	f.Remove(n)
	same(t, g, src, f, want)

	f, _ = g.Parse(src)
	if n.Block || strings.Contains(n.Whole.Of(src), "\n") {
		return
	}
	want = says(f, func(c *lens.Node) int {
		if c.Whole == n.Whole {
			return 2
		}
		return 1
	})
	for c := range f.Root.All {
		if c.Whole == n.Whole {
			f.InsertAfter(c, n.Whole.Of(src))
			break
		}
	}
	same(t, g, src, f, want)
}

func same(t TB, g lens.Grammar, src []byte, f *lens.File, want string) {
	t.Helper()
	edited, err := f.Bytes()
	if err != nil {
		t.Errorf("%s: an edit of %q: %v", g.Name, src, err)
		return
	}
	again, err := g.Parse(edited)
	if err != nil {
		t.Errorf("%s: %q, edited, is %q: %v", g.Name, src, edited, err)
		return
	}
	if got := says(again, func(*lens.Node) int { return 1 }); got != want {
		t.Errorf("%s: %q, edited, is %q and says\n%swant\n%s", g.Name, src, edited, got, want)
	}
}

// says is what a file's nodes say, a line each, as often as times gives.
func says(f *lens.File, times func(*lens.Node) int) string {
	var b strings.Builder
	var visit func(n *lens.Node, depth int)
	visit = func(n *lens.Node, depth int) {
		for _, c := range n.Nodes {
			for range times(c) {
				b.WriteString(strings.Repeat("\t", depth))
				for i := range c.Words {
					b.WriteString(c.Word(f.Source(), i) + "|")
				}
				b.WriteString("\n")
				visit(c, depth+1)
			}
		}
	}
	visit(f.Root, 0)
	return b.String()
}
