package engine

import (
	"fmt"
	"testing"
)

// What hikae brought stays where something of the host's own needs it, and what that
// needs; what the source has too needs none of it, for there it does without.
func TestNeededStays(t *testing.T) {
	needs := func(name string, what ...string) Resource {
		r := pkg(name, "1")
		for _, w := range what {
			r.Needs = append(r.Needs, Addr{Kind: "package", Name: w})
		}
		return r
	}
	act := actual(needs("own", "middle"), needs("middle", "deep"), needs("deep"), needs("both", "replaced"), needs("replaced"), needs("alone", "deep"))
	base := Base{}
	for _, gone := range []string{"middle", "deep", "replaced", "alone"} {
		a := Addr{Kind: "package", Name: gone}
		base[a] = FingerprintOf(act.Resources[a], testSchemas()[1])
	}
	d, diags := Compile(Want{Host: "rio2", Source: &Snapshot{Host: "rio1", Resources: []Resource{pkg("both", "1")}, Coverage: act.Coverage}, Schemas: testSchemas()})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	p := MakePlan("rio2", d, act, base, testSchemas())
	var changes []string
	for _, c := range p.Changes {
		changes = append(changes, fmt.Sprint(c.Action, " ", c.Addr.Name))
	}
	if got, want := fmt.Sprint(changes), fmt.Sprint([]string{fmt.Sprint(Delete, " alone"), fmt.Sprint(Delete, " replaced")}); got != want {
		t.Errorf("planned are %s, want %s", got, want)
	}
	want := "[{package:middle kept: own needs it, which is this host's own} {package:deep kept: middle needs it, which is this host's own}]"
	if got := fmt.Sprint(p.Left); got != want {
		t.Errorf("left are %s\nwant %s", got, want)
	}
	delete(act.Resources, Addr{Kind: "package", Name: "own"})
	if p := MakePlan("rio2", d, act, base, testSchemas()); len(p.Changes) != 4 || len(p.Left) != 0 {
		t.Errorf("once nothing needs them: %v, left %v", p.Changes, p.Left)
	}
}
