// Package lens is what lossless views of configuration files stand on: spans
// over a file's original bytes, and edits that splice them.
//
// A grammar (engine/lens/ini and its kin) reads a file into a tree of spans;
// what it does not need, comments and odd spacing, lies between the spans and
// is never looked at again. To change a setting is to replace the bytes of one
// span. So an edit touches nothing but what it edits, and no edit no byte.
package lens

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
)

// Span is a range of bytes of a document: from Start up to but without End.
type Span struct{ Start, End int }

// Len is how many bytes the span has.
func (s Span) Len() int { return s.End - s.Start }

// Of returns the bytes of the span.
func (s Span) Of(src []byte) string { return string(src[s.Start:s.End]) }

// Document is bytes with edits to be made in them. The spans of all edits are
// over the original bytes. It never writes into the slice that it was given.
type Document struct {
	src   []byte
	edits []edit
	lines []int // where each begins; nil until one is asked for
}

type edit struct {
	Span
	text string
}

// NewDocument returns a document without edits.
func NewDocument(src []byte) *Document { return &Document{src: src} }

// Source is the original bytes.
func (d *Document) Source() []byte { return d.src }

// Replace puts text in the place of a span.
func (d *Document) Replace(s Span, text string) { d.edits = append(d.edits, edit{s, text}) }

// Delete takes a span out.
func (d *Document) Delete(s Span) { d.Replace(s, "") }

// Insert puts text before the byte at an offset. Of several at one offset, the
// first inserted comes first; they come before what replaces that byte.
func (d *Document) Insert(at int, text string) { d.Replace(Span{at, at}, text) }

// Bytes returns the document with its edits made: the original slice where
// there are none. Spans that overlap, or lie outside, are an error: two edits
// want the same bytes.
func (d *Document) Bytes() ([]byte, error) {
	if len(d.edits) == 0 {
		return d.src, nil
	}
	edits := slices.Clone(d.edits)
	slices.SortStableFunc(edits, func(a, b edit) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(min(a.Len(), 1), min(b.Len(), 1)))
	})
	var out bytes.Buffer
	at := 0
	for _, e := range edits {
		if e.Start < at || e.End < e.Start || e.End > len(d.src) {
			return nil, fmt.Errorf("cannot edit bytes %d to %d: another edit has them", e.Start, e.End)
		}
		out.Write(d.src[at:e.Start])
		out.WriteString(e.text)
		at = e.End
	}
	out.Write(d.src[at:])
	return out.Bytes(), nil
}

// Pos is a place in a file as people count: lines and columns from 1, columns
// in bytes.
type Pos struct{ Line, Column, Byte int }

// PosOf gives the place of an offset; of many of one document, in little time.
func (d *Document) PosOf(offset int) Pos {
	if d.lines == nil {
		d.lines = make([]int, 1, 1+bytes.Count(d.src, []byte("\n")))
		for i, b := range d.src {
			if b == '\n' {
				d.lines = append(d.lines, i+1)
			}
		}
	}
	line, begins := slices.BinarySearch(d.lines, offset)
	if begins {
		line++
	}
	return Pos{Line: line, Column: offset - d.lines[line-1] + 1, Byte: offset}
}

// PosOf gives the place of an offset.
func PosOf(src []byte, offset int) Pos {
	before := src[:offset]
	return Pos{
		Line:   bytes.Count(before, []byte("\n")) + 1,
		Column: offset - bytes.LastIndexByte(before, '\n'),
		Byte:   offset,
	}
}

// SyntaxError is what is wrong with a file and where.
type SyntaxError struct {
	Pos
	Text string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Text) }

// ErrorAt returns a SyntaxError at an offset.
func ErrorAt(src []byte, offset int, format string, args ...any) error {
	return &SyntaxError{PosOf(src, offset), fmt.Sprintf(format, args...)}
}

// Newline is what ends the lines of a file: that of its first line, and a line
// feed where there is none.
func Newline(src []byte) string {
	if i := bytes.IndexByte(src, '\n'); i > 0 && src[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}
