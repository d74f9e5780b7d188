package engine

import (
	"fmt"
	"testing"
)

// budgeted plans n files that were applied and are wished no more, and m that
// are wished otherwise than they are; the host has further files beside.
func budgeted(t *testing.T, n, m, inStep int) *Plan {
	t.Helper()
	base := Base{}
	var wish, have []Resource
	add := func(kind string, i int) Resource { return file(fmt.Sprintf("/etc/%s%d", kind, i), 1) }
	for i := range n {
		have = append(have, add("gone", i))
	}
	for i := range m {
		have = append(have, add("other", i))
		wish = append(wish, file(fmt.Sprintf("/etc/other%d", i), 2))
	}
	for i := range inStep {
		have = append(have, add("same", i))
		wish = append(wish, add("same", i))
	}
	for i := range have {
		base[have[i].Addr] = FingerprintOf(&have[i], testSchemas()[0])
	}
	p := MakePlan("h", desired(t, Want{Host: "h", Source: snapshot(wish...)}), actual(have...), base, testSchemas())
	if len(p.Changes) != n+m {
		t.Fatalf("got %v", lines(p))
	}
	return p
}

func TestBudget(t *testing.T) {
	own := Budget{DefaultBudget, DefaultBudget}
	for _, c := range []struct {
		n, m, inStep int
		budget       Budget
		wasInStep    bool
		want         string
	}{
		{25, 300, 0, own, true, ""},
		{26, 0, 0, own, true, "26 deletions (at most 25)"},
		{26, 0, 300, own, true, ""}, // a tenth of 326
		{33, 0, 267, own, true, "33 deletions (at most 30)"},
		{0, 301, 0, own, true, "301 files overwritten (at most 300)"},
		{0, 301, 903, own, true, ""}, // a quarter of those wished
		{35, 301, 0, own, true, "35 deletions (at most 33) and 301 files overwritten (at most 300)"},
		{0, 101, 0, own, false, ""}, // the first contact lists them
		{26, 0, 0, own, false, "26 deletions (at most 25)"},
		{1, 0, 0, Budget{0, DefaultBudget}, true, "1 deletions (at most 0)"},
		{0, 3, 0, Budget{DefaultBudget, 2}, true, "3 files overwritten (at most 2)"},
		{60, 200, 0, Budget{60, 200}, true, ""},
	} {
		if got := budgeted(t, c.n, c.m, c.inStep).Spending(c.budget, c.wasInStep, nil).Over(); got != c.want {
			t.Errorf("%+v: over %q", c, got)
		}
	}
	// Both stages of an apply together.
	p := budgeted(t, 20, 0, 0)
	if got := p.Spending(own, true, nil).Add(p.Changes).Over(); got != "40 deletions (at most 25)" {
		t.Errorf("got %q", got)
	}
}

// What was let pass counts no more, and nothing else does less for it: not a file that
// is to be yet another, nor one that is to go and was to be changed.
func TestAllowance(t *testing.T) {
	none := Budget{0, 0}
	p := budgeted(t, 2, 2, 0)
	allowed := Spends(p.Changes)
	if got := p.Spending(none, true, allowed).Add(p.Changes).Over(); len(allowed) != 4 || got != "" {
		t.Errorf("%v: over %q", allowed, got)
	}
	more := budgeted(t, 3, 3, 0)
	if got := more.Spending(none, true, allowed).Over(); got != "1 deletions (at most 0) and 1 files overwritten (at most 0)" {
		t.Errorf("got %q", got)
	}
	for i := range p.Changes {
		switch c := &p.Changes[i]; c.Action {
		case Delete:
			c.Action, c.After = Update, c.Before
		default:
			after := *c.After
			after.Node = after.Node.Clone()
			after.Node.Content.ID[0]++
			c.After = &after
		}
	}
	if got := p.Spending(none, true, allowed).Over(); got != "4 files overwritten (at most 0)" {
		t.Errorf("got %q", got)
	}
}

// What is created, and what a package changes, is spent on nothing.
func TestBudgetIsOfDeletionsAndFiles(t *testing.T) {
	p := MakePlan("h", desired(t, Want{Host: "h", Source: snapshot(file("/etc/new", 1), pkg("a", "2"), service("x", true, true))}),
		actual(pkg("a", "1"), service("x", false, false)), Base{}, testSchemas())
	if s := p.Spending(Budget{0, 0}, true, nil); len(p.Changes) != 3 || s.Over() != "" {
		t.Errorf("got %v, %q", lines(p), s.Over())
	}
}
