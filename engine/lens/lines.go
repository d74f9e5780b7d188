package lens

import (
	"bytes"
	"strings"
)

// Lines divides a file into its lines, each with what ends it.
func Lines(src []byte) []Span {
	var lines []Span
	for at := 0; at < len(src); {
		end := len(src)
		if i := bytes.IndexByte(src[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		lines = append(lines, Span{at, end})
		at = end
	}
	return lines
}

// Trim is a span without the bytes of cutset at either end; an empty one
// begins where the span did.
func Trim(src []byte, s Span, cutset string) Span {
	text := s.Of(src)
	left := strings.TrimLeft(text, cutset)
	if left == "" {
		return Span{s.Start, s.Start}
	}
	start := s.End - len(left)
	return Span{start, start + len(strings.TrimRight(left, cutset))}
}

// Blank is what stands around words and at a line's end.
const Blank = " \t\r\n\v\f"

// Fields are the words of a span, parted by blanks: at most n of them, the
// last one being all the rest, and all where n is negative.
func Fields(src []byte, s Span, n int) []Span {
	var words []Span
	for s = Trim(src, s, Blank); s.Len() > 0; s = Trim(src, s, Blank) {
		end := strings.IndexAny(s.Of(src), Blank)
		if end < 0 || len(words)+1 == n {
			return append(words, s)
		}
		words = append(words, Span{s.Start, s.Start + end})
		s.Start += end
	}
	return words
}

// Append adds a line at the end. A last line that no line feed ends gets one.
func (d *Document) Append(line string) {
	nl := Newline(d.src)
	if n := len(d.src); n > 0 && d.src[n-1] != '\n' && !d.appended() {
		line = nl + line
	}
	d.Insert(len(d.src), line+nl)
}

// appended tells whether something is added at the end already.
func (d *Document) appended() bool {
	for _, e := range d.edits {
		if e.Start == len(d.src) && e.text != "" {
			return true
		}
	}
	return false
}
