// Package postfix is the grammar of Postfix's files: main.cf, master.cf, lookup
// tables in text form, and aliases(5).
//
// All of them are read by logical lines, as readlline(3) of Postfix's
// src/util does:
//
//   - a logical line begins with a character that is no blank;
//   - a line that begins with a blank goes on with it; one that has nothing to go
//     on with is passed over, with a warning;
//   - empty lines, lines of blanks, and lines whose first character that is no
//     blank is a # count for nothing, even between a line and what goes on with
//     it: a # elsewhere is text;
//   - a line feed counts for nothing, a carriage return for a blank;
//   - what comes behind a null byte is passed over.
//
// Words may run over several lines and then hold what lies between those: Text
// says what they amount to.
package postfix

import (
	"bytes"
	"strings"

	"hikae/engine/lens"
)

// logical is a logical line.
type logical struct {
	whole  lens.Span // from its first byte to the end of its last line, without blanks there
	orphan bool      // it begins with a blank, and so does its span: passed over
}

func blank(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// trim is a span without blanks around it: lens.Trim, for spans that are many.
func trim(src []byte, s lens.Span) lens.Span {
	for s.Start < s.End && blank(src[s.Start]) {
		s.Start++
	}
	for s.End > s.Start && blank(src[s.End-1]) {
		s.End--
	}
	return s
}

// lineEnd is where the line of an offset ends, without its line feed.
func lineEnd(src []byte, at int) int {
	if i := bytes.IndexByte(src[at:], '\n'); i >= 0 {
		return at + i
	}
	return len(src)
}

// counts tells whether a line is neither blank nor a comment.
func counts(line []byte) bool {
	for _, c := range line {
		if !blank(c) {
			return c != '#'
		}
	}
	return false
}

// read calls for each logical line of a file until one is refused. A line that
// is passed over is one of its own, so that it can go alone.
func read(src []byte, line func(logical) error) error {
	var cur logical
	open := false
	for at := 0; at < len(src); {
		end := lineEnd(src, at)
		if !counts(src[at:end]) {
			at = end + 1
			continue
		}
		body := trim(src, lens.Span{Start: at, End: end})
		if open && blank(src[at]) && !cur.orphan {
			cur.whole.End = body.End
			at = end + 1
			continue
		}
		if open {
			if err := line(cur); err != nil {
				return err
			}
		}
		cur, open = logical{whole: lens.Span{Start: at, End: body.End}, orphan: blank(src[at])}, true
		at = end + 1
	}
	if open {
		return line(cur)
	}
	return nil
}

// skip is the first offset from at on that counts: a line feed does not, nor the
// lines behind it that are blank or comments.
func skip(src []byte, at, end int) int {
	if at < end && src[at] != '\n' {
		return at
	}
	for at < end && src[at] == '\n' {
		at++
		for at < end {
			next := lineEnd(src, at)
			if counts(src[at:next]) {
				break
			}
			at = next + 1
		}
	}
	return min(at, end)
}

// Text is what a span of a logical line says: without line feeds, without the
// lines that do not count, and without what a null byte hides.
func Text(src []byte, s lens.Span) string {
	whole := src[s.Start:s.End]
	if bytes.IndexByte(whole, '\n') < 0 && bytes.IndexByte(whole, 0) < 0 {
		return string(whole)
	}
	var b strings.Builder
	for at := skip(src, s.Start, s.End); at < s.End; at = skip(src, at, s.End) {
		end := min(lineEnd(src, at), s.End)
		part := src[at:end]
		if i := bytes.IndexByte(part, 0); i >= 0 {
			b.Write(part[:i])
			break
		}
		b.Write(part)
		at = end
	}
	return b.String()
}

// cut is a span up to the first null byte in what counts of it.
func cut(src []byte, s lens.Span) lens.Span {
	if bytes.IndexByte(src[s.Start:s.End], 0) < 0 {
		return s
	}
	for at := skip(src, s.Start, s.End); at < s.End; at = skip(src, at, s.End) {
		end := min(lineEnd(src, at), s.End)
		if i := bytes.IndexByte(src[at:end], 0); i >= 0 {
			return lens.Span{Start: s.Start, End: at + i}
		}
		at = end
	}
	return s
}

// pieces are what each line of a span has, without the blanks around it.
func pieces(src []byte, s lens.Span) []lens.Span {
	var found []lens.Span
	for at := skip(src, s.Start, s.End); at < s.End; at = skip(src, at, s.End) {
		end := min(lineEnd(src, at), s.End)
		if p := trim(src, lens.Span{Start: at, End: end}); p.Len() > 0 {
			found = append(found, p)
		}
		at = end
	}
	return found
}

// Words are the words of a span, parted by any of the bytes in parting, as
// mystrtokq(3) of Postfix parts them: what stands in braces, which nest, is not
// parted.
func Words(src []byte, s lens.Span, parting string) []lens.Span {
	var words []lens.Span
	var word lens.Span
	level, in := 0, false
	s = cut(src, s)
	for at := skip(src, s.Start, s.End); at < s.End; at = skip(src, at+1, s.End) {
		c := src[at]
		if level == 0 && strings.IndexByte(parting, c) >= 0 {
			if in {
				words, in = append(words, word), false
			}
			continue
		}
		switch {
		case c == '{':
			level++
		case c == '}' && level > 0:
			level--
		}
		if !in {
			word.Start, in = at, true
		}
		word.End = at + 1
	}
	if in {
		words = append(words, word)
	}
	return words
}

// file makes a file of logical lines: words are those of one, or a refusal.
func file(src []byte, words func(lens.Span) ([]lens.Span, error)) (*lens.File, error) {
	var b lens.Builder
	var nodes []*lens.Node
	err := read(src, func(l logical) error {
		n := lens.Node{Whole: l.whole}
		if !l.orphan {
			var err error
			if n.Words, err = words(l.whole); err != nil {
				return err
			}
		}
		nodes = append(nodes, b.Node(n))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return lens.NewFile(src, nodes), nil
}
