// Package ini is the grammar of files of [sections] with settings, in the
// dialects of the programs that read them: libdnf's (Parse), MariaDB's
// (ParseMyCnf), php-fpm's (ParseFPM) and systemd's (ParseUnit, ParseUnit239).
//
// In all of them a section is a block whose one word is its name, without the
// brackets, and a setting a statement of two words: the key, and the value as
// written, quotes, escapes and continuation lines included. A setting without
// an equals sign has only the key. What a program passes over though it is no
// comment is a statement of its own, of one word or none.
//
// A section ends before the comments right above the next one, which are that
// one's. A section or key may come several times: what each means then is for
// the reader of the file to say, not for the grammar.
package ini

import (
	"bytes"

	"hikae/engine/lens"
)

const bom = "\xef\xbb\xbf"

// builder gathers sections and what is in them.
type builder struct {
	lens.Builder
	src     []byte
	top     []*lens.Node
	section *lens.Node // the one that settings belong to now; nil before the first
	inside  []*lens.Node
	open    int // where the section's body begins
}

// header begins a section. The line is blank before start; body is where what
// belongs to the section begins.
func (b *builder) header(start int, name lens.Span, body int) {
	b.close(start)
	b.section = b.Node(lens.Node{Whole: lens.Span{Start: start}, Words: []lens.Span{name}, Block: true})
	b.open = body
}

// setting adds a statement to the section, or before the first one.
func (b *builder) setting(whole lens.Span, words ...lens.Span) {
	n := b.Node(lens.Node{Whole: whole, Words: words})
	if b.section == nil {
		b.top = append(b.top, n)
		return
	}
	b.inside = append(b.inside, n)
}

// close ends the section that is open, before an offset at which another
// begins or the file ends.
func (b *builder) close(next int) {
	if b.section == nil {
		return
	}
	end := b.open
	if n := len(b.inside); n > 0 {
		end = max(end, b.inside[n-1].Whole.End)
	}
	stop := next
	if next < len(b.src) {
		stop = max(end, commentsAbove(b.src, next, end))
	}
	end += len(bytes.TrimRight(b.src[end:stop], lens.Blank))
	b.section.Nodes = b.Nodes(b.inside)
	b.section.Body = lens.Span{Start: b.open, End: end}
	b.section.Whole.End = end
	b.top = append(b.top, b.section)
	b.section, b.inside = nil, b.inside[:0]
}

// commentsAbove is where the lines of comments begin that stand right above the
// line of an offset, after low.
func commentsAbove(src []byte, at, low int) int {
	start := low + bytes.LastIndexByte(src[low:at], '\n') + 1
	for start > low {
		line := low + bytes.LastIndexByte(src[low:start-1], '\n') + 1
		if c := src[line]; c != '#' && c != ';' || line == low {
			break
		}
		start = line
	}
	return start
}

func (b *builder) file() *lens.File {
	b.close(len(b.src))
	return lens.NewFile(b.src, b.top)
}

// Named are the sections of a name.
func Named(f *lens.File, name string) []*lens.Node {
	var found []*lens.Node
	for _, n := range f.Root.Named(f.Source(), name) {
		if n.Block {
			found = append(found, n)
		}
	}
	return found
}

// Names are the names of the sections, each once, in the order of the file.
func Names(f *lens.File) []string {
	var names []string
	seen := map[string]bool{}
	for _, n := range f.Root.Nodes {
		if name := n.Name(f.Source()); n.Block && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}

// Settings are the settings of a key in sections, in the order of the file.
func Settings(src []byte, sections []*lens.Node, key string) []*lens.Node {
	var found []*lens.Node
	for _, s := range sections {
		for _, n := range s.Named(src, key) {
			if len(n.Words) == 2 {
				found = append(found, n)
			}
		}
	}
	return found
}

// Last is the last setting of a key in sections, nil where there is none.
func Last(src []byte, sections []*lens.Node, key string) *lens.Node {
	if all := Settings(src, sections, key); len(all) > 0 {
		return all[len(all)-1]
	}
	return nil
}

// quoted tells whether text stands in quotes, both " or both '.
func quoted(text string) bool {
	n := len(text)
	return n > 1 && text[0] == text[n-1] && (text[0] == '"' || text[0] == '\'')
}
