package control

import (
	"fmt"
	"testing"
	"time"

	"hikae/engine"
	"hikae/hosts"
)

// What is damaged slowly is damaged: a budget is of all that was done within an
// hour, each path once, whoever planned it.
func TestSpent(t *testing.T) {
	update := func(name string) engine.Change {
		n := &engine.Resource{Node: &hosts.Node{Type: hosts.File}}
		return engine.Change{Addr: engine.Addr{Kind: "file", Name: name}, Action: engine.Update, Before: n, After: n}
	}
	s := &Spent{}
	var before []engine.Change
	for i := range 8 {
		del := engine.Change{Addr: engine.Addr{Kind: "file", Name: fmt.Sprint("/gone", i)}, Action: engine.Delete}
		before = append(before, update(fmt.Sprint("/a", i)), del)
	}
	s.on("b").note(before)
	s.on("b").note(before) // the same paths once more
	for _, c := range []struct {
		plan          []engine.Change
		deletions, mo int
	}{
		{nil, 2, 2}, // a quarter
		{[]engine.Change{update("/a0"), update("/a1"), update("/a2"), update("/a3"), update("/c")}, 2, 1}, // what it plans itself it counts itself
		{before, 0, 0},
	} {
		p := &Planned{Plan: &engine.Plan{Changes: c.plan}}
		s.on("b").count(p)
		if p.Spent.Deletions != c.deletions || p.Spent.Modifications != c.mo {
			t.Errorf("%v: counted %+v", c.plan, p.Spent)
		}
	}
	other := &Planned{Plan: &engine.Plan{}}
	s.on("other").count(other)
	(*Spent)(nil).on("b").count(other)
	if other.Spent.Modifications != 0 {
		t.Errorf("another host's: %+v", other.Spent)
	}
	on := s.on("b")
	for a, one := range on {
		one.at = time.Now().Add(-2 * spentFor)
		on[a] = one
	}
	old := &Planned{Plan: &engine.Plan{}}
	s.on("b").count(old)
	if old.Spent.Modifications != 0 || len(s.on("b")) != 0 {
		t.Errorf("after hours: %+v, %v", old.Spent, s.on("b"))
	}
}
