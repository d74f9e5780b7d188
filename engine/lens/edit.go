package lens

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// SetWord gives a word another text, as it is to be written.
func (f *File) SetWord(w Span, text string) { f.Replace(w, text) }

// SetArguments gives a node other words behind its first, as they are to be
// written: those that stay are not touched.
func (f *File) SetArguments(n *Node, words []string) {
	have := n.Words[1:]
	switch {
	case len(have) == len(words):
		for i, w := range have {
			if w.Of(f.src) != words[i] {
				f.SetWord(w, words[i])
			}
		}
	case len(have) == 0:
		f.Insert(n.Words[0].End, " "+strings.Join(words, " "))
	case len(words) == 0:
		f.Delete(Span{n.Words[0].End, have[len(have)-1].End})
	default:
		f.Replace(Span{have[0].Start, have[len(have)-1].End}, strings.Join(words, " "))
	}
}

// Remove takes a node out: with its lines where nothing else stands on them,
// else alone. Comments above it and beside it stay.
func (f *File) Remove(n *Node) {
	s := n.Whole
	start, ownStart := f.lineStart(s.Start)
	end, ownEnd := f.lineEnd(s.End)
	switch {
	case ownStart && ownEnd:
		s = Span{start, end}
	case ownEnd: // the last of its line: the blanks before it go
		s.Start = len(bytes.TrimRight(f.src[:s.Start], " \t"))
	case !ownStart || end > s.End: // in the middle: what parts it from the next goes
		s.End = len(f.src) - len(bytes.TrimLeft(f.src[s.End:], " \t"))
	}
	f.Delete(s)
}

// lineStart is where the line of an offset begins, and whether only blanks
// stand between.
func (f *File) lineStart(at int) (start int, own bool) {
	start = bytes.LastIndexByte(f.src[:at], '\n') + 1
	return start, len(bytes.Trim(f.src[start:at], Blank)) == 0
}

// lineEnd is where the line of an offset ends, its line feed included, and
// whether only blanks stand between.
func (f *File) lineEnd(at int) (end int, own bool) {
	end = len(f.src)
	if i := bytes.IndexByte(f.src[at:], '\n'); i >= 0 {
		end = at + i + 1
	}
	return end, len(bytes.Trim(f.src[at:end], Blank)) == 0
}

// Indent is the blanks that a node's line begins with.
func (f *File) Indent(n *Node) string {
	start, _ := f.lineStart(n.Whole.Start)
	line := f.src[start:n.Whole.Start]
	return string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
}

// InsertAfter writes a statement behind a node: on lines of its own, indented as
// the node's, or, where the node shares its line with others, on that line. text
// is one or several lines, without indentation of its own but that of what it
// nests, parted by line feeds and without one at the end.
func (f *File) InsertAfter(n *Node, text string) {
	_, ownStart := f.lineStart(n.Whole.Start)
	end, ownEnd := f.lineEnd(n.Whole.End)
	shares := !ownStart || !ownEnd && !f.commentTo(n.Whole.End, end)
	if shares && !strings.Contains(text, "\n") {
		f.Insert(n.Whole.End, " "+text)
		return
	}
	f.lineBehind(n.Whole.End, f.Indent(n), text)
}

// InsertBefore writes a statement before a node, as InsertAfter does behind.
func (f *File) InsertBefore(n *Node, text string) {
	start, ownStart := f.lineStart(n.Whole.Start)
	if !ownStart {
		f.Insert(n.Whole.Start, text+" ")
		return
	}
	f.Insert(start, f.indented(f.Indent(n), text)+Newline(f.src))
}

// AppendTo writes a statement at the end of a block's body, the file's too,
// indented as what is there. In an empty body it takes one step more than the
// block; in one that begins and ends on one line it stays on that.
func (f *File) AppendTo(block *Node, text string) {
	if n := len(block.Nodes); n > 0 {
		f.InsertAfter(block.Nodes[n-1], text)
		return
	}
	if block == f.Root {
		f.Append(f.indented("", text))
		return
	}
	indent := f.Indent(block) + f.Step()
	body := block.Body.Of(f.src)
	switch {
	case strings.Contains(body, "\n"):
		// Comments may stand there; the statement comes behind them.
		start, own := f.lineStart(block.Body.End)
		if own {
			f.Insert(start, f.clear(start)+f.indented(indent, text)+Newline(f.src))
			return
		}
		f.Insert(block.Body.End, Newline(f.src)+f.indented(indent, text)+Newline(f.src)+f.Indent(block))
	case block.Body.End == block.Whole.End: // nothing closes it: a section at the end of the file
		f.lineBehind(block.Body.End, f.Indent(block), text)
	default:
		f.opened(block)
		f.Insert(block.Body.End, Newline(f.src)+f.indented(indent, text))
	}
}

// opened gives the closing of a block that begins and ends on one line a line of
// its own, once: several statements may be written before it.
func (f *File) opened(block *Node) {
	if slices.Contains(f.open, block) {
		return
	}
	f.open = append(f.open, block)
	body := bytes.TrimRight(f.src[block.Body.Start:block.Body.End], Blank) // a comment may stand there
	f.Delete(Span{block.Body.Start + len(body), block.Body.End})
	f.Replace(Span{block.Body.End, block.Body.End + 1}, Newline(f.src)+f.Indent(block)+string(f.src[block.Body.End]))
}

// lineBehind inserts lines behind the line that an offset is on.
func (f *File) lineBehind(at int, indent, text string) {
	end, own := f.lineEnd(at)
	nl := Newline(f.src)
	switch {
	case !own && !f.commentTo(at, end):
		f.Insert(at, nl+f.indented(indent, text))
	case end > 0 && f.src[end-1] == '\n':
		f.Insert(end, f.clear(end)+f.indented(indent, text)+nl)
	default: // the file ends without a line feed
		f.Insert(end, f.clear(end)+nl+f.indented(indent, text))
	}
}

// Append adds a line at the end, as Document's.
func (f *File) Append(line string) {
	if clear := f.clear(len(f.src)); clear != "" && !f.appended() {
		if f.src[len(f.src)-1] != '\n' {
			clear += Newline(f.src) // which Document's does not add to what is added
		}
		f.Insert(len(f.src), clear)
	}
	f.Document.Append(line)
}

// clear is what keeps a line that is inserted at an offset from being joined to
// the one before it. Only at the end of a file can it be.
func (f *File) clear(at int) string {
	if !f.Joined || at != len(f.src) {
		return ""
	}
	text, ended := bytes.CutSuffix(f.src, []byte("\n"))
	text = bytes.TrimSuffix(text, []byte("\r"))
	switch {
	case !bytes.HasSuffix(text, []byte(`\`)):
		return ""
	case ended:
		return Newline(f.src)
	}
	return " " // a backslash before a blank joins nothing
}

// commentTo tells whether what is left of a line behind a node, which is not
// blank, is a comment that ends with it. What begins one hangs on the grammar:
// but what is in no node is nothing else.
func (f *File) commentTo(at, end int) bool {
	if f.nodeIn(at, end) {
		return false
	}
	rest := bytes.Trim(f.src[at:end], Blank)
	for start, stop := range map[string]string{"/*": "*/", "<!--": "-->"} {
		if bytes.HasPrefix(rest, []byte(start)) {
			return bytes.Index(rest[len(start):], []byte(stop)) == len(rest)-len(start)-len(stop)
		}
	}
	return true
}

// nodeIn tells whether a node that ends behind an offset begins before another,
// or the body that the offset is in ends before that, by what closes it.
func (f *File) nodeIn(at, end int) bool {
	n := f.Root
	for {
		i, _ := slices.BinarySearchFunc(n.Nodes, at, func(c *Node, at int) int { return cmp.Compare(c.Whole.End, at+1) })
		switch {
		case i == len(n.Nodes) || n.Nodes[i].Whole.Start >= at:
			return i < len(n.Nodes) && n.Nodes[i].Whole.Start < end || n.Body.End < n.Whole.End && n.Body.End < end
		case !n.Nodes[i].Block:
			return true
		}
		n = n.Nodes[i]
	}
}

// indented is lines with blanks before each that has something.
func (f *File) indented(indent, text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if l != "" {
			lines[i] = indent + l
		}
	}
	return strings.Join(lines, Newline(f.src))
}

// Step is what the file indents by, a block's body against the block: the first
// example in it, or four blanks.
func (f *File) Step() string {
	step := ""
	var visit func(*Node) bool
	visit = func(n *Node) bool {
		for _, c := range n.Nodes {
			if !c.Block {
				continue
			}
			for _, inner := range c.Nodes {
				if _, own := f.lineStart(inner.Whole.Start); !own {
					continue
				}
				if more, ok := strings.CutPrefix(f.Indent(inner), f.Indent(c)); ok && more != "" {
					step = more
					return true
				}
			}
			if visit(c) {
				return true
			}
		}
		return false
	}
	if !visit(f.Root) {
		return "    "
	}
	return step
}
