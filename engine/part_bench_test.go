package engine

import (
	"fmt"
	"slices"
	"testing"
)

// house is a primary of 5,000 resources, the standby that is in step with it, and
// what was applied there.
func house() (w Want, act *Actual, base Base) {
	var rs []Resource
	for i := range 2000 {
		rs = append(rs, config(fmt.Sprintf("/etc/some/directory%d/pristine%d.conf", i%50, i), 1, 1))
	}
	for i := range 2000 {
		rs = append(rs, file(fmt.Sprintf("/etc/some/directory%d/file%d.conf", i%50, i), 2))
	}
	for i := range 800 {
		rs = append(rs, pkg(fmt.Sprintf("package%d", i), "1"))
	}
	for i := range 200 {
		rs = append(rs, service(fmt.Sprintf("unit%d.service", i), true, true))
	}
	w = Want{Host: "standby", Role: RoleStandby, Source: snapshot(rs...), Schemas: testSchemas()}
	act, base = actual(slices.Clone(rs)...), Base{}
	for a, r := range act.Resources {
		base[a] = FingerprintOf(r, ByKind(w.Schemas)[a.Kind])
	}
	return w, act, base
}

func BenchmarkCompile(b *testing.B) {
	w, _, _ := house()
	for b.Loop() {
		if _, diags := Compile(w); diags.HasErrors() {
			b.Fatal(diags)
		}
	}
}

func BenchmarkMakePlan(b *testing.B) {
	w, act, base := house()
	d, _ := Compile(w)
	for b.Loop() {
		MakePlan("standby", d, act, base, w.Schemas)
	}
}

// One file of 5,000 resources has changed.
func BenchmarkPart(b *testing.B) {
	w, act, base := house()
	whole, _ := Compile(w)
	changed := &w.Source.Resources[2500]
	of := map[Addr]bool{changed.Addr: true}
	for b.Loop() {
		n := *changed.Node
		n.Content.ID[1], n.Content.ID[2] = n.Content.ID[1]+1, 1
		changed.Node = &n
		part, ok, _ := CompilePart(w, whole, of)
		if !ok {
			b.Fatal("not alone")
		}
		whole.Lay(part)
		if p := MakePlan("standby", part, act, base, w.Schemas); len(p.Changes) != 1 {
			b.Fatal(p.Changes)
		}
	}
}

func BenchmarkBase(b *testing.B) {
	_, _, base := house()
	for b.Loop() {
		if _, err := DecodeBase(base.Encode()); err != nil {
			b.Fatal(err)
		}
	}
}
