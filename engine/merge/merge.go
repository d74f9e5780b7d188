// Package merge merges two descendants of one text, by lines, as diff3 and git
// do: what one side changed is taken, what both changed alike is taken once,
// and where both changed the same lines, or lines that touch, differently, that
// is a conflict for a person. Bytes in, bytes out: a line is what ends in \n,
// whatever else is in it, so CRLF, a missing last \n and bytes that are no
// UTF-8 come through as they are.
package merge

import (
	"bytes"
	"slices"
	"strings"
)

// Side is the part that one text has in a conflict.
type Side struct {
	Line  int    `json:"line"`  // its first line, from 1; of no lines: the one that would follow
	Lines int    `json:"lines"` // how many
	Text  string `json:"text"`
}

// Hunk is a conflict: both sides changed what base has there.
type Hunk struct {
	Base, Ours, Theirs Side
	// Binary: there is a NUL in one of the texts, so that there are no lines
	// to speak of: the texts conflict as a whole, and are not repeated here.
	Binary bool
}

// Merge gives base with the changes of both sides, or the conflicts, in the
// order of the lines, and then no bytes at all: half a merge is of no use to
// anybody.
func Merge(base, ours, theirs []byte) ([]byte, []Hunk) {
	switch { // needs no lines, so it holds for any bytes
	case bytes.Equal(base, ours) || bytes.Equal(ours, theirs):
		return slices.Clone(theirs), nil
	case bytes.Equal(base, theirs):
		return slices.Clone(ours), nil
	}
	for _, b := range [][]byte{base, ours, theirs} {
		if bytes.IndexByte(b, 0) >= 0 {
			return nil, []Hunk{{Binary: true}}
		}
	}
	var out bytes.Buffer
	var conflicts []Hunk
	for _, p := range parts(base, ours, theirs) {
		if p.hunk != nil {
			conflicts = append(conflicts, *p.hunk)
			continue
		}
		out.WriteString(p.text)
	}
	if conflicts != nil {
		return nil, conflicts
	}
	return out.Bytes(), nil
}

// Marked gives the merge with each conflict written out between markers, as git
// does with conflictStyle diff3, for a person to edit. names are those of ours,
// base and theirs. Of binary texts there is none.
func Marked(base, ours, theirs []byte, names [3]string) []byte {
	var out bytes.Buffer
	section := func(marker, name, text string) {
		out.WriteString(strings.TrimSuffix(marker+" "+name, " ") + "\n" + text)
		if text != "" && !strings.HasSuffix(text, "\n") {
			out.WriteByte('\n')
		}
	}
	for _, p := range parts(base, ours, theirs) {
		if p.hunk == nil {
			out.WriteString(p.text)
			continue
		}
		section(MarkOurs, names[0], p.hunk.Ours.Text)
		section(markBase, names[1], p.hunk.Base.Text)
		section(markMiddle, "", p.hunk.Theirs.Text)
		section(MarkTheirs, names[2], "")
	}
	return out.Bytes()
}

// The markers. A text that still has a line that begins with MarkOurs or
// MarkTheirs was not resolved.
const (
	MarkOurs   = "<<<<<<<"
	markBase   = "|||||||"
	markMiddle = "======="
	MarkTheirs = ">>>>>>>"
)

// HasMarkers reports whether a line of a text is a marker of Marked.
func HasMarkers(text []byte) bool {
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(line, []byte(MarkOurs+" ")) || bytes.HasPrefix(line, []byte(MarkTheirs+" ")) {
			return true
		}
	}
	return false
}

// part is a stretch of the merge: text, or a conflict.
type part struct {
	text string
	hunk *Hunk
}

// parts walks base once, with the edits of both sides. Edits of the two sides
// that overlap or touch are looked at together.
func parts(base, ours, theirs []byte) []part {
	b, o, t := lines(base), lines(ours), lines(theirs)
	x, y := side{lines: o, edits: diff(b, o)}, side{lines: t, edits: diff(b, t)}
	var out []part
	at := 0 // in b
	for len(x.edits)+len(y.edits) > 0 {
		start, end := cluster(x.edits, y.edits)
		out = append(out, part{text: strings.Join(b[at:start], "")})
		mine, n := x.take(start, end)
		its, m := y.take(start, end)
		was := Side{Line: start + 1, Lines: end - start, Text: strings.Join(b[start:end], "")}
		switch {
		case m == 0 || mine.Text == its.Text:
			out = append(out, part{text: mine.Text})
		case n == 0:
			out = append(out, part{text: its.Text})
		default:
			out = append(out, part{hunk: &Hunk{Base: was, Ours: mine, Theirs: its}})
		}
		at = end
	}
	return append(out, part{text: strings.Join(b[at:], "")})
}

// cluster gives the lines of base that the first edit spans together with all
// that overlap or touch it, one after the other.
func cluster(x, y []edit) (start, end int) {
	first := func(es []edit) int {
		if len(es) == 0 {
			return int(^uint(0) >> 1)
		}
		return es[0].start
	}
	start = min(first(x), first(y))
	end = start
	for {
		switch {
		case len(x) > 0 && x[0].start <= end:
			end, x = max(end, x[0].end), x[1:]
		case len(y) > 0 && y[0].start <= end:
			end, y = max(end, y[0].end), y[1:]
		default:
			return start, end
		}
	}
}

// side is one descendant: its lines and what it did to base's.
type side struct {
	lines []string
	edits []edit // those still to come
	shift int    // a line of base that is not edited is this much further down here
}

// take gives what this side has in place of base's lines [start, end), and how
// many of its edits that took.
func (s *side) take(start, end int) (Side, int) {
	from, n := start+s.shift, 0
	for n < len(s.edits) && s.edits[n].start <= end {
		s.shift = s.edits[n].newEnd - s.edits[n].end
		n++
	}
	s.edits = s.edits[n:]
	to := end + s.shift
	return Side{Line: from + 1, Lines: to - from, Text: strings.Join(s.lines[from:to], "")}, n
}

// lines cuts a text behind each \n.
func lines(b []byte) []string {
	ls := strings.SplitAfter(string(b), "\n")
	if ls[len(ls)-1] == "" {
		ls = ls[:len(ls)-1]
	}
	return ls
}
