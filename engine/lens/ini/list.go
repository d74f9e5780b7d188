package ini

import (
	"bytes"
	"slices"
	"strings"

	"hikae/engine/lens"
)

// separators part the items of a list: libdnf's OptionStringList. Empty items
// count for nothing here.
const separators = " ,"

// Items are the items of a value of dnf's that is a list, over all its lines.
func Items(written string) []string { return split(Value(written)) }

func split(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(separators+"\n", r) })
}

// SetDnfValue gives a setting of dnf's another value of one line. Quotes around
// one line stay.
func SetDnfValue(f *lens.File, n *lens.Node, value string) {
	lines := valueLines(f.Source(), n.Words[1])
	first := lines[0]
	if len(lines) == 1 && Quoted(first.Of(f.Source())) {
		first = lens.Span{Start: first.Start + 1, End: first.End - 1}
	}
	f.Replace(first, value)
	// Only the lines themselves go: others, of blanks, may stand between them.
	for _, l := range lines[1:] {
		f.Delete(lineOf(f.Source(), l))
	}
}

// RemoveDnf takes a setting of dnf's out, with all its lines. Comments stay.
func RemoveDnf(f *lens.File, n *lens.Node) {
	lines := []lens.Span{n.Words[0]}
	if len(n.Words) > 1 {
		lines = append(lines, valueLines(f.Source(), n.Words[1])[1:]...)
	}
	for _, l := range lines {
		f.Delete(lineOf(f.Source(), l))
	}
}

// SetItems makes the value of a setting these items. Lines of which no item
// changes keep their bytes, unless the items that stay change their order.
func SetItems(f *lens.File, n *lens.Node, items []string) {
	src := f.Source()
	written := n.Words[1].Of(src)
	old := Items(written)
	if slices.Equal(old, items) {
		return
	}
	spans := valueLines(src, n.Words[1])
	if !sameOrder(old, items) || Quoted(written) {
		SetDnfValue(f, n, strings.Join(items, between(src, spans)))
		return
	}
	lines := make([][]string, len(spans))
	for i, l := range spans {
		lines[i] = split(l.Of(src))
	}
	setLines(f, spans, lines, items)
}

// setLines changes only the lines whose items change: an item goes from its
// line, and a new one follows the item that it comes after.
func setLines(f *lens.File, spans []lens.Span, lines [][]string, items []string) {
	next := 0 // the first of items that is not placed yet
	for i, had := range lines {
		var now []string
		for _, item := range had {
			at := slices.Index(items, item)
			if at < 0 {
				continue
			}
			now = append(append(now, items[next:at]...), item) // new ones before it
			next = at + 1
		}
		if more := followers(lines[i+1:], items[next:]); len(had) > 0 || i == 0 {
			now = append(now, more...)
			next += len(more)
		}
		switch {
		case slices.Equal(now, had):
		case len(now) == 0 && i > 0:
			f.Delete(lineOf(f.Source(), spans[i]))
		default:
			f.Replace(spans[i], strings.Join(now, between(f.Source(), spans)))
		}
	}
}

// followers are the first of the items that no later line has.
func followers(later [][]string, items []string) []string {
	n := 0
	for n < len(items) && !slices.ContainsFunc(later, func(line []string) bool { return slices.Contains(line, items[n]) }) {
		n++
	}
	return items[:n]
}

// sameOrder tells whether the items that stay keep their order, and none comes
// twice.
func sameOrder(old, items []string) bool {
	twice := func(s []string) bool {
		s = slices.Sorted(slices.Values(s))
		return len(slices.Compact(slices.Clone(s))) != len(s)
	}
	if twice(old) || twice(items) {
		return false
	}
	stay := func(s, in []string) []string {
		return slices.DeleteFunc(slices.Clone(s), func(x string) bool { return !slices.Contains(in, x) })
	}
	return slices.Equal(stay(old, items), stay(items, old))
}

// between is what parts two items of a value as it is written: a line's end
// and the next line's indentation, or what stands between two on one line.
func between(src []byte, lines []lens.Span) string {
	if len(lines) > 1 {
		second := lines[1]
		indent := src[lineOf(src, second).Start:second.Start]
		return lens.Newline(src) + string(indent)
	}
	text := lines[0].Of(src)
	if first := strings.IndexAny(text, separators); first >= 0 {
		if rest := strings.TrimLeft(text[first:], separators); rest != "" {
			return text[first : len(text)-len(rest)]
		}
	}
	return " "
}

// lineOf is the whole line that a span begins on, its line feed included.
func lineOf(src []byte, s lens.Span) lens.Span {
	l := lens.Span{Start: bytes.LastIndexByte(src[:s.Start], '\n') + 1, End: len(src)}
	if i := bytes.IndexByte(src[s.Start:], '\n'); i >= 0 {
		l.End = s.Start + i + 1
	}
	return l
}
