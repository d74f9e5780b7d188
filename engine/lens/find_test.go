package lens

import "testing"

func TestFindAny(t *testing.T) {
	src := []byte("[www]\npm.max_children = 5\n[shop]\npm.max_children = 9\n")
	block := func(start, head, end int) *Node {
		s := Span{start + head + 1, end}
		setting := &Node{Whole: Span{s.Start, s.End - 1}, Words: []Span{{s.Start, s.Start + len("pm.max_children")}}}
		return &Node{Whole: Span{start, end}, Words: []Span{{start + 1, start + head - 1}}, Block: true, Body: s, Nodes: []*Node{setting}}
	}
	f := NewFile(src, []*Node{block(0, 5, 26), block(26, 6, len(src))})
	if _, err := f.Print(); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]int{"*.pm.max_children": 2, "www.pm.max_children": 1, "*": 0, "*.pm": 0, "pm.max_children": 0} {
		if got := f.Find(key, nil); len(got) != want {
			t.Errorf("%s leads to %d nodes, not %d", key, len(got), want)
		}
	}
}
