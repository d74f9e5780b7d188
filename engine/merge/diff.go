package merge

import (
	"slices"
	"sort"

	"github.com/aymanbagabas/go-udiff/lcs"
)

// edit replaces the lines [start, end) of one text by [newStart, newEnd) of
// another. Between two edits there is at least one common line.
type edit struct{ start, end, newStart, newEnd int }

// diff gives the edits that make b of a. lcs gives up, roughly, where it would
// take over a hundred edits; so the texts are first cut at the lines that are
// unique in both and in the same order (patience diff), and lcs has only what
// lies between.
func diff(a, b []string) []edit {
	var out []edit
	add := func(e edit) {
		if n := len(out); n > 0 && out[n-1].end == e.start && out[n-1].newEnd == e.newStart {
			out[n-1].end, out[n-1].newEnd = e.end, e.newEnd
			return
		}
		out = append(out, e)
	}
	x, y := 0, 0
	for _, p := range append(anchors(a, b), anchor{len(a), len(b)}) {
		if apart(a[x:p.a], b[y:p.b]) {
			if x < p.a || y < p.b {
				add(edit{x, p.a, y, p.b})
			}
		} else {
			for _, d := range lcs.DiffLines(a[x:p.a], b[y:p.b]) {
				add(edit{x + d.Start, x + d.End, y + d.ReplStart, y + d.ReplEnd})
			}
		}
		x, y = p.a+1, p.b+1
	}
	return out
}

// apart reports whether two runs of lines have none in common.
func apart(a, b []string) bool {
	if len(a) == 0 || len(b) == 0 {
		return true
	}
	in := make(map[string]struct{}, len(a))
	for _, l := range a {
		in[l] = struct{}{}
	}
	return !slices.ContainsFunc(b, func(l string) bool { _, both := in[l]; return both })
}

// anchor is a line that two texts have in common, by its index in each.
type anchor struct{ a, b int }

// anchors gives the longest row of lines that come once in each text, in the
// same order.
func anchors(a, b []string) []anchor {
	type count struct{ a, b, inA, inB int }
	seen := make(map[string]*count, len(a))
	for i, l := range a {
		if seen[l] == nil {
			seen[l] = &count{}
		}
		seen[l].a, seen[l].inA = i, seen[l].inA+1
	}
	for i, l := range b {
		if c := seen[l]; c != nil {
			c.b, c.inB = i, c.inB+1
		}
	}
	// The longest increasing subsequence by patience sorting: tops[i] is the
	// candidate that ends a row of i+1, below[i] the one before candidate i.
	var all []anchor
	var tops, below []int
	for i, l := range a {
		c := seen[l]
		if c.inA != 1 || c.inB != 1 {
			continue
		}
		pile := sort.Search(len(tops), func(p int) bool { return all[tops[p]].b >= c.b })
		all, below = append(all, anchor{i, c.b}), append(below, -1)
		if pile > 0 {
			below[len(all)-1] = tops[pile-1]
		}
		if pile == len(tops) {
			tops = append(tops, 0)
		}
		tops[pile] = len(all) - 1
	}
	if len(tops) == 0 {
		return nil
	}
	var row []anchor
	for i := tops[len(tops)-1]; i >= 0; i = below[i] {
		row = append(row, all[i])
	}
	slices.Reverse(row)
	return row
}
