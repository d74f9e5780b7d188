package merge

import (
	"strconv"
	"strings"
)

// context is how many lines that are as they were are shown about a change.
const context = 3

// Unified gives the unified diff (as diff -u does) of two texts, "" where they are
// equal. from and to name them.
func Unified(from, to string, a, b []byte) string {
	before, after := lines(a), lines(b)
	edits := between(before, after)
	if len(edits) == 0 {
		return ""
	}
	var out strings.Builder
	size := len(from) + len(to)
	for _, e := range edits {
		size += length(before[e.start:e.end]) + length(after[e.newStart:e.newEnd])
	}
	out.Grow(size + size/8)
	out.WriteString("--- " + from + "\n+++ " + to + "\n")
	for len(edits) > 0 {
		n := 1
		for n < len(edits) && edits[n].start <= edits[n-1].end+2*context {
			n++
		}
		writeHunk(&out, before, after, edits[:n])
		edits = edits[n:]
	}
	return out.String()
}

// between is diff, of what lies between the lines that both texts begin and end
// with: mostly that is little.
func between(a, b []string) []edit {
	head, tail := 0, 0
	for head < min(len(a), len(b)) && a[head] == b[head] {
		head++
	}
	for tail < min(len(a), len(b))-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	edits := diff(a[head:len(a)-tail], b[head:len(b)-tail])
	for i := range edits {
		e := &edits[i]
		*e = edit{e.start + head, e.end + head, e.newStart + head, e.newEnd + head}
	}
	return edits
}

func length(lines []string) (n int) {
	for _, l := range lines {
		n += len(l) + 1
	}
	return n
}

// writeHunk writes edits that are near each other.
func writeHunk(out *strings.Builder, before, after []string, edits []edit) {
	first, last := edits[0], edits[len(edits)-1]
	start := max(0, first.start-context)
	end := min(len(before), last.end+context)
	newStart := first.newStart - (first.start - start)
	newEnd := last.newEnd + (end - last.end)
	out.WriteString("@@ -" + span(start, end) + " +" + span(newStart, newEnd) + " @@\n")
	at := start
	for _, e := range edits {
		writeLines(out, ' ', before[at:e.start])
		writeLines(out, '-', before[e.start:e.end])
		writeLines(out, '+', after[e.newStart:e.newEnd])
		at = e.end
	}
	writeLines(out, ' ', before[at:end])
}

// span is how a hunk's head names the lines [start, end): the first and how many,
// where that is not one; of none, the one before.
func span(start, end int) string {
	switch n := end - start; n {
	case 0:
		return strconv.Itoa(start) + ",0"
	case 1:
		return strconv.Itoa(start + 1)
	default:
		return strconv.Itoa(start+1) + "," + strconv.Itoa(n)
	}
}

func writeLines(out *strings.Builder, sign byte, lines []string) {
	for _, l := range lines {
		out.WriteByte(sign)
		out.WriteString(l)
		if !strings.HasSuffix(l, "\n") {
			out.WriteString("\n\\ No newline at end of file\n")
		}
	}
}
