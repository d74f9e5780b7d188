package mirror

import (
	"strings"
	"testing"

	"hikae/engine"
	"hikae/hosts"
)

// A tree that loses most of what it holds is asked about, however small it is; what
// a person does in a small tree by hand is not.
func TestEmptied(t *testing.T) {
	const eight, twenty = "for i in 1 2 3 4 5 6 7 8; do echo $i >$i; done", "mkdir d; for i in $(seq 19); do echo $i >d/$i; done"
	for name, c := range map[string]struct {
		first, then string
		own         bool // the target has much of its own
		budget      int
		asks        bool
	}{
		"three of four":         {first: "echo 1 >1; echo 2 >2; echo 3 >3; echo 4 >4", then: "rm 1 2 3"},
		"the only one":          {first: "echo 1 >1", then: "rm 1"},
		"both of two":           {first: "echo 1 >1; echo 2 >2", then: "rm 1 2", asks: true},
		"five of eight":         {first: eight, then: "rm 1 2 3 4 5"},
		"six of eight":          {first: eight, then: "rm 1 2 3 4 5 6", asks: true},
		"an empty root":         {first: eight, then: "d=$PWD; cd ..; rm -r $d; mkdir $d", asks: true},
		"ten of twenty":         {first: twenty, then: "rm d/?; rm d/10"},
		"eleven of twenty":      {first: twenty, then: "rm d/?; rm d/10 d/11", asks: true},
		"others in their place": {first: eight, then: "rm 1 2 3 4 5 6; for i in a b c d e f; do echo $i >$i; done"},
		"another name":          {first: "mkdir d; for i in $(seq 12); do ln -s x d/l$i; done", then: "mv d e"},
		"beside others":         {first: eight, then: "rm ?", own: true, asks: true},
		"a number was set":      {first: eight, then: "rm ?", budget: 10},
		"over that":             {first: eight, then: "rm ?", budget: 7, asks: true},
	} {
		for _, live := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", live"}[live], func(t *testing.T) {
				s := newSides(t, func(o *Options) {
					o.Budget = engine.Budget{Deletions: engine.DefaultBudget, Modifications: engine.DefaultBudget}
					if c.budget > 0 {
						o.Budget.Deletions = c.budget
					}
				})
				if c.own {
					run(t, s.dst.Root, "mkdir -p srv/data/own; for i in $(seq 50); do echo $i >srv/data/own/$i; done")
				}
				s.sh(c.first)
				p, err := s.m.open(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer p.close()
				if err := p.audit(t.Context()); err != nil {
					t.Fatal(err)
				}
				before := describe(t, s.dst.Path(root))
				s.sh(c.then)
				look := func() error {
					if live {
						return p.live(t.Context(), []hosts.Seen{{Path: root, Deep: true}})
					}
					return p.audit(t.Context())
				}
				err = look()
				if asks := err != nil && strings.Contains(err.Error(), "over budget"); asks != c.asks || err != nil && !asks {
					t.Errorf("it says %v", err)
				}
				if c.asks && describe(t, s.dst.Path(root)) != before {
					t.Error("something was changed")
				}
				if !c.asks {
					return
				}
				s.m.Allow()
				if err := look(); err != nil {
					t.Error(err)
				}
				if !c.own {
					s.equal()
				}
			})
		}
	}
}

// What goes a few at a time is counted together, and what is deleted to be unpacked
// anew is not.
func TestEmptiedByAndBy(t *testing.T) {
	s := newSides(t, func(o *Options) {
		o.Budget = engine.Budget{Deletions: engine.DefaultBudget, Modifications: engine.DefaultBudget}
	})
	s.sh("for i in $(seq 12); do echo $i >$i; done")
	p, err := s.m.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if err := p.audit(t.Context()); err != nil {
		t.Fatal(err)
	}
	live := func(script string) error {
		s.sh(script)
		return p.live(t.Context(), []hosts.Seen{{Path: root, Deep: true}})
	}
	for _, step := range []string{"rm 1 2 3 4", "for i in 1 2 3 4; do echo $i >$i; done", "rm 5 6 7 8", "for i in 5 6 7 8; do echo $i >$i; done", "rm 1 2 3", "rm 4 5 6"} {
		if err := live(step); err != nil {
			t.Fatalf("%s: %v", step, err)
		}
	}
	if err := live("rm 7 8"); err == nil || !strings.Contains(err.Error(), "which leave 4 of 12") {
		t.Errorf("it says %v", err)
	}
}
