package engine

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"

	"hikae/engine/lens"
	"hikae/hosts"
)

// including is a lens as a daemon with an include: what a section says is in the
// first of the files that the main file leads to, or goes into a file of its own.
type including struct{}

const mainFile = "/etc/d/main"

func (including) Kinds() []Schema                        { return []Schema{{Kind: "section"}} }
func (including) Get(Tree) ([]Resource, hcl.Diagnostics) { return nil, nil }
func (including) Units() []Unit                          { return nil }
func (including) Grammars() []lens.Grammar               { return nil }
func (including) Verbatim(Tree) []hcl.Range              { return nil }
func (including) Put(t Tree, edits []Edit) (out []FileEdit, implied []Resource, _ hcl.Diagnostics) {
	dir := "/etc/e/f" // where the main file does not say another
	if n, err := t.Stat(mainFile); err == nil && n.Content.ID[0]%2 == 0 {
		dir = "/etc/d"
	}
	for _, e := range edits {
		f := FileEdit{Path: dir + "/" + e.Addr.Name, Bytes: []byte("new"), For: []Addr{e.Addr}}
		if _, err := t.Stat(dir); err != nil {
			f.Path = mainFile
		} else if names, err := t.ReadDir(dir); err == nil && len(names) > 0 && dir+"/"+names[0] != mainFile {
			f.Path = dir + "/" + names[0]
			n, _ := t.Stat(f.Path)
			f.Bytes = []byte(n.Content.ID.String())
			implied = append(implied, service("s1.service", true, true))
		}
		out = append(out, f)
	}
	return out, implied, nil
}

// drawn are the addresses that the test's hosts have something at, or not.
func drawnAddrs() []Addr {
	var as []Addr
	for _, p := range []string{"/etc/a", "/etc/b", "/etc/c", "/etc/c/x", mainFile, "/etc/d", "/etc/d/y", "/etc/d/z", "/etc/e/f/v", "/etc/e/f/w", "/etc/e/g", "/srv/q", "/etc/machine-id"} {
		as = append(as, Addr{Kind: "file", Name: p})
	}
	for _, n := range []string{"p1", "p2"} {
		as = append(as, Addr{Kind: "package", Name: n})
	}
	for _, n := range []string{"s1.service", "s2.service", "dhcpd.service"} {
		as = append(as, Addr{Kind: "service", Name: n})
	}
	return append(as, Addr{Kind: "user", Name: "u1"}, Addr{Kind: "user", Name: "u2"})
}

func drawResource(t *rapid.T, a Addr, label string) *Resource {
	if !rapid.Bool().Draw(t, label) {
		return nil
	}
	id := rapid.ByteRange(1, 4).Draw(t, label+" is")
	var r Resource
	switch a.Kind {
	case "file":
		if r = file(a.Name, id); id == 4 {
			r = config(a.Name, rapid.ByteRange(1, 2).Draw(t, label+" was"), 2)
		}
		if a.Name == "/etc/d" || a.Name == "/etc/c" {
			r.Node.Type, r.Node.Content = hosts.Dir, hosts.Content{}
		}
	case "package":
		r = pkg(a.Name, fmt.Sprint(id))
	case "service":
		r = service(a.Name, id%2 == 0, id > 2)
	default:
		ids := cty.NullVal(cty.Set(cty.String))
		if id < 3 {
			ids = cty.SetVal([]cty.Value{cty.StringVal(fmt.Sprintf("%d:10", 100+4*int(id)))})
		}
		r = Resource{Addr: a, Value: cty.ObjectVal(map[string]cty.Value{"uid": cty.NumberIntVal(int64(id)), "subuid": ids})}
	}
	return &r
}

func drawAll(t *rapid.T, label string) map[Addr]*Resource {
	m := map[Addr]*Resource{}
	for _, a := range drawnAddrs() {
		if r := drawResource(t, a, label+" "+a.String()); r != nil {
			m[a] = r
		}
	}
	return m
}

func drawPatches(t *rapid.T) []Patch {
	var out []Patch
	add := func(p Patch) {
		if rapid.Bool().Draw(t, "overlay of "+p.Addr.String()) {
			p.Rank, p.Range = RankHost, hcl.Range{Filename: "x.hcl"}
			out = append(out, p)
		}
	}
	add(Patch{Addr: Addr{Kind: "file", Name: "/etc/a"}, Content: []byte("overlay")})
	add(Patch{Addr: Addr{Kind: "file", Name: "/etc/b"}, Absent: true})
	add(Patch{Addr: Addr{Kind: "service", Name: "s2.service"}, Attrs: map[string]cty.Value{"running": cty.False}})
	add(Patch{Addr: Addr{Kind: "section", Name: "v"}})
	return out
}

func sourceOf(m map[Addr]*Resource) *Snapshot {
	s := &Snapshot{Host: "primary", Coverage: map[string]Coverage{
		"file": {Roots: []string{"/etc", "/srv"}}, "package": {Whole: true}, "service": {Whole: true}, "user": {Whole: true},
	}}
	for _, a := range sortedAddrs(m) {
		s.Resources = append(s.Resources, *m[a])
	}
	return s
}

// A plan of a part has just those changes that the plan of the whole has for its
// addresses, whatever has changed at them; and the whole that it is laid in is
// what would be compiled anew.
func TestPartIsOfTheWhole(t *testing.T) {
	schemas := testSchemas()
	schemas[3].Attrs = append(schemas[3].Attrs, Attr{Name: "subuid", Type: cty.Set(cty.String)})
	alone := 0
	rapid.Check(t, func(t *rapid.T) {
		before := drawAll(t, "was")
		w := Want{
			Host: "standby", Role: RoleStandby, Source: sourceOf(before), Schemas: schemas, Lenses: []Lens{including{}},
			Patches: drawPatches(t), Bytes: func(hosts.Content) ([]byte, error) { return nil, nil },
		}
		if rapid.Bool().Draw(t, "takes some") {
			w.Only = []string{"file:/etc/{a,c,c/x,d,d/*,e,e/f/*}", "service:*", "user:*"}
			w.Patches = slices.DeleteFunc(w.Patches, func(p Patch) bool { return p.Addr.Name == "/etc/b" })
		}
		whole, diags := Compile(w)
		if diags.HasErrors() {
			t.Skip(diags)
		}
		after, of := maps.Clone(before), map[Addr]bool{}
		for _, a := range drawnAddrs() {
			if rapid.IntRange(0, 4).Draw(t, "changes "+a.String()) > 0 {
				continue
			}
			of[a] = true
			if delete(after, a); true {
				if r := drawResource(t, a, "is "+a.String()); r != nil {
					after[a] = r
				}
			}
		}
		w.Source = sourceOf(after)
		anew, diags := Compile(w)
		if diags.HasErrors() {
			t.Skip(diags)
		}
		part, ok, diags := CompilePart(w, whole, of)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		if ok {
			alone++
			same(t, "the part", part, anew.Part(of))
			whole.Lay(part)
			same(t, "the whole", whole, anew)
		} else {
			part = anew.Part(of)
		}

		act := actual()
		act.Resources = drawAll(t, "here")
		base := Base{}
		for a, r := range act.Resources {
			if rapid.Bool().Draw(t, "applied "+a.String()) {
				base[a] = FingerprintOf(r, ByKind(schemas)[a.Kind])
			}
		}
		samePlan(t, MakePlan("standby", part, act, base, schemas), MakePlan("standby", anew, act, base, schemas), of)
	})
	if alone < 10 {
		t.Errorf("only %d were compiled alone", alone)
	}
}

func same(t *rapid.T, what string, got, want *Desired) {
	t.Helper()
	for name, m := range map[string][2]map[Addr]*Resource{"wish": {got.Resources, want.Resources}, "pristine": {got.Pristine, want.Pristine}} {
		if g, w := render(m[0]), render(m[1]); g != w {
			t.Fatalf("%s of %s:\n%s\nwant:\n%s", name, what, g, w)
		}
	}
	if g, w := fmt.Sprint(got.Held, got.Left), fmt.Sprint(want.Held, want.Left); g != w {
		t.Fatalf("notes of %s: %s\nwant: %s", what, g, w)
	}
	for _, r := range want.Resources {
		if in, ok := want.Inline[idOfFile(r)]; ok && string(got.Inline[idOfFile(r)].Data) != string(in.Data) {
			t.Fatalf("%s has no content of %s", what, r.Addr)
		}
	}
}

func idOfFile(r *Resource) hosts.ID {
	if r.Node == nil {
		return hosts.ID{}
	}
	return r.Node.Content.ID
}

func render(m map[Addr]*Resource) string {
	var b strings.Builder
	for _, a := range sortedAddrs(m) {
		fmt.Fprintf(&b, "%s %+v %+v %s %#v\n", a, m[a].Node, m[a].Pristine, path.Base(m[a].Package), m[a].Value)
	}
	return b.String()
}

func samePlan(t *rapid.T, got, want *Plan, of map[Addr]bool) {
	t.Helper()
	text := func(p *Plan) string {
		var b strings.Builder
		for _, c := range p.Changes {
			if of[c.Addr] {
				fmt.Fprintf(&b, "%v %s %s\n%s%s", c.Action, c.Addr, c.Why, render(map[Addr]*Resource{c.Addr: orNone(c.Before)}), render(map[Addr]*Resource{c.Addr: orNone(c.After)}))
			}
		}
		for _, notes := range [][]Note{p.Held, p.Left, p.Guarded} {
			for _, n := range notes {
				if of[n.Addr] {
					fmt.Fprintln(&b, n)
				}
			}
		}
		for _, a := range p.Overwrites {
			if of[a] {
				fmt.Fprintln(&b, "overwrites", a)
			}
		}
		s := p.Spending(Budget{DefaultBudget, DefaultBudget}, true, nil)
		fmt.Fprintln(&b, s.DeletionBudget, s.ModificationBudget, p.wishedFiles, p.known, p.FirstContact)
		return b.String()
	}
	if g, w := text(got), text(want); g != w {
		t.Fatalf("the plan of the part:\n%s\nof the whole:\n%s", g, w)
	}
	for _, c := range got.Changes {
		if !of[c.Addr] {
			t.Fatalf("the plan of the part changes %s", c.Addr)
		}
	}
}

func orNone(r *Resource) *Resource {
	if r == nil {
		return &Resource{}
	}
	return r
}
