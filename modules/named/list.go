package named

import (
	"strings"

	"hikae/engine"
	"hikae/engine/lens"
)

// match pairs the items of two lists that are the same, in order: for each item
// of want the place in have of the one that it is, or -1. Of all pairings it takes
// one with the most pairs, unless the lists are long.
func match(have, want []string) []int {
	pairs := make([]int, len(want))
	for i := range pairs {
		pairs[i] = -1
	}
	from := 0
	for from < len(have) && from < len(want) && have[from] == want[from] {
		pairs[from] = from
		from++
	}
	h, w := len(have), len(want)
	for h > from && w > from && have[h-1] == want[w-1] {
		h, w = h-1, w-1
		pairs[w] = h
	}
	const most = 1 << 22
	if (h-from)*(w-from) > most {
		return pairs
	}
	// best[i][j] is how many pairs the rests from i and j on have.
	best := make([][]int, h-from+1)
	for i := range best {
		best[i] = make([]int, w-from+1)
	}
	for i := h - from - 1; i >= 0; i-- {
		for j := w - from - 1; j >= 0; j-- {
			best[i][j] = max(best[i+1][j], best[i][j+1])
			if have[from+i] == want[from+j] {
				best[i][j] = max(best[i][j], best[i+1][j+1]+1)
			}
		}
	}
	for i, j := 0, 0; i < h-from && j < w-from; {
		switch {
		case have[from+i] == want[from+j] && best[i][j] == best[i+1][j+1]+1:
			pairs[from+j] = from + i
			i, j = i+1, j+1
		case best[i+1][j] >= best[i][j+1]:
			i++
		default:
			j++
		}
	}
	return pairs
}

// change is what becomes of a list: an item of it stays, becomes another, goes,
// or comes behind one.
type change struct {
	at     int // the item; -1: none, before all of them
	put    string
	remove bool
	behind bool
}

// changes lead from one list to another: items between two that stay are put in
// the place of those that stood there, as far as these go.
func changes(have, want []string) []change {
	pairs := match(have, want)
	var all []change
	at, next := 0, 0
	for next <= len(want) {
		end, until := next, len(have)
		for end < len(want) && pairs[end] < 0 {
			end++
		}
		if end < len(want) {
			until = pairs[end]
		}
		for ; next < end; next++ {
			if at < until {
				all = append(all, change{at: at, put: want[next]})
				at++
				continue
			}
			all = append(all, change{at: at - 1, put: want[next], behind: true})
		}
		for ; at < until; at++ {
			all = append(all, change{at: at, remove: true})
		}
		at, next = at+1, end+1
	}
	return all
}

// inPlace are the changes that give each item in turn the new one of its place.
func inPlace(have, want []string) []change {
	var all []change
	for i, w := range want {
		switch {
		case i >= len(have):
			all = append(all, change{at: len(have) - 1, put: w, behind: true})
		case have[i] != w:
			all = append(all, change{at: i, put: w})
		}
	}
	for i := len(want); i < len(have); i++ {
		all = append(all, change{at: i, remove: true})
	}
	return all
}

// setList makes a block hold other elements.
func (p *put) setList(i item, want []string, a engine.Addr) {
	f := i.file.Tree
	nodes := i.node.Nodes
	have := make([]string, len(nodes))
	for n, e := range nodes {
		have[n] = element(i.src(), e)
	}
	todo := changes(have, want)
	if len(todo) == 0 {
		return
	}
	p.Touch(i.file, a)
	if len(nodes) == 0 {
		f.Replace(i.node.Body, " "+strings.Join(want, "; ")+"; ")
		return
	}
	for _, c := range todo {
		switch {
		case c.remove:
			p.drop(item{i.file, nodes[c.at]}, a)
		case !c.behind:
			f.Replace(lens.Span{Start: nodes[c.at].Whole.Start, End: nodes[c.at].Whole.End - 1}, c.put)
		case c.at < 0:
			f.InsertBefore(nodes[0], c.put+";")
		default:
			f.InsertAfter(nodes[c.at], c.put+";")
		}
	}
}
