package ini

import (
	"slices"
	"strings"

	"hikae/engine/lens"
)

// separators part the items of a list: libdnf's OptionStringList. Empty items
// count for nothing here.
const separators = " ,"

// Items are the items of a value that is a list, over all its lines.
func (e *Entry) Items(src []byte) []string { return split(e.Value(src)) }

func split(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(separators+"\n", r) })
}

// SetItems makes the value these items. Lines of which no item changes keep
// their bytes, unless the items that stay change their order.
func (f *File) SetItems(e *Entry, items []string) {
	src := f.Doc.Source()
	old := e.Items(src)
	if slices.Equal(old, items) {
		return
	}
	if !sameOrder(old, items) || Quoted(e.written(src)) {
		f.SetValue(e, strings.Join(items, f.between(e)))
		return
	}
	lines := make([][]string, len(e.Lines))
	for i, l := range e.Lines {
		lines[i] = split(l.Of(src))
	}
	f.setLines(e, lines, items)
}

// setLines changes only the lines whose items change: an item goes from its
// line, and a new one follows the item that it comes after.
func (f *File) setLines(e *Entry, lines [][]string, items []string) {
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
			f.Doc.Delete(f.lineOf(e.Lines[i]))
		default:
			f.Doc.Replace(e.Lines[i], strings.Join(now, f.between(e)))
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
func (f *File) between(e *Entry) string {
	src := f.Doc.Source()
	if len(e.Lines) > 1 {
		second := e.Lines[1]
		indent := src[f.lineOf(second).Start:second.Start]
		return lens.Newline(src) + string(indent)
	}
	text := e.Lines[0].Of(src)
	if first := strings.IndexAny(text, separators); first >= 0 {
		if rest := strings.TrimLeft(text[first:], separators); rest != "" {
			return text[first : len(text)-len(rest)]
		}
	}
	return " "
}
