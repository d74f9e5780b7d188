package lenstest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
)

// TB is what the laws need of a test: a *testing.T and a *rapid.T have it.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// GetPut holds a lens to the first law: no edit changes no byte.
func GetPut(t TB, l engine.Lens, tree Tree) {
	t.Helper()
	files, _, diags := l.Put(tree, nil)
	if diags.HasErrors() {
		return // a tree that cannot be read cannot be edited
	}
	for _, f := range files {
		t.Errorf("an empty edit changes %s:\n%q\nto\n%q", f.Path, tree[f.Path], f.Bytes)
	}
}

// PutGet holds a lens to the second law: Get after Put shows the edits and
// nothing else. It returns the tree after the edits, which must be possible.
func PutGet(t TB, l engine.Lens, tree Tree, edits ...engine.Edit) Tree {
	t.Helper()
	before, _ := l.Get(tree)
	files, _, diags := l.Put(tree, edits)
	if diags.HasErrors() {
		t.Fatalf("the edit is refused: %s", Text(diags))
	}
	if !slices.IsSortedFunc(files, func(a, b engine.FileEdit) int { return strings.Compare(a.Path, b.Path) }) {
		t.Errorf("the files are not in the order of their paths")
	}
	for _, f := range files {
		if old, ok := tree[f.Path]; ok && !f.Remove && old == string(f.Bytes) {
			t.Errorf("%s is said to change and does not", f.Path)
		}
	}
	after := tree.With(files)
	got, diags := l.Get(after)
	if diags.HasErrors() {
		t.Fatalf("what was put cannot be read: %s", Text(diags))
	}
	compare(t, l, got, expected(l, before, edits))
	if again, _, _ := l.Put(after, edits); len(again) > 0 {
		t.Errorf("the same edit once more changes %s again:\n%q\nto\n%q", again[0].Path, after[again[0].Path], again[0].Bytes)
	}
	return after
}

// expected is what Get is to show after the edits. Attributes that only inform
// are left out of it.
func expected(l engine.Lens, before []engine.Resource, edits []engine.Edit) map[engine.Addr]map[string]cty.Value {
	want := wished(l, before)
	for _, e := range edits {
		if e.Absent {
			delete(want, e.Addr)
			continue
		}
		if want[e.Addr] == nil {
			want[e.Addr] = map[string]cty.Value{}
			for _, a := range schemaOf(l, e.Addr.Kind).Attrs {
				if !a.Info {
					want[e.Addr][a.Name] = cty.NullVal(a.Type)
				}
			}
		}
		for name, v := range e.Attrs {
			if _, ok := want[e.Addr][name]; ok {
				want[e.Addr][name] = v
			}
		}
	}
	return want
}

// wished is the attributes of resources that do not only inform.
func wished(l engine.Lens, resources []engine.Resource) map[engine.Addr]map[string]cty.Value {
	m := map[engine.Addr]map[string]cty.Value{}
	for _, r := range resources {
		m[r.Addr] = map[string]cty.Value{}
		for _, a := range schemaOf(l, r.Addr.Kind).Attrs {
			if !a.Info {
				m[r.Addr][a.Name] = r.Value.GetAttr(a.Name)
			}
		}
	}
	return m
}

func compare(t TB, l engine.Lens, resources []engine.Resource, want map[engine.Addr]map[string]cty.Value) {
	t.Helper()
	got := wished(l, resources)
	for addr, attrs := range want {
		if got[addr] == nil {
			t.Errorf("%s is not there after the edit", addr)
			continue
		}
		for name, w := range attrs {
			if g := got[addr][name]; !g.RawEquals(w) {
				t.Errorf("%s: %s is %#v after the edit, want %#v", addr, name, g, w)
			}
		}
	}
	for addr := range got {
		if want[addr] == nil {
			t.Errorf("%s is there after the edit", addr)
		}
	}
}

func schemaOf(l engine.Lens, kind string) engine.Schema {
	for _, s := range l.Kinds() {
		if s.Kind == kind {
			return s
		}
	}
	return engine.Schema{}
}

// Text is diagnostics as lines: file:line: summary: detail.
func Text(diags hcl.Diagnostics) string {
	var s string
	for _, d := range diags {
		if d.Subject != nil {
			s += fmt.Sprintf("%s:%d: ", d.Subject.Filename, d.Subject.Start.Line)
		}
		s += d.Summary + ": " + d.Detail + "\n"
	}
	return s
}

// PutGot holds a lens to what follows from its laws: to put what Get shows
// changes no byte.
func PutGot(t TB, l engine.Lens, tree Tree) {
	t.Helper()
	got, diags := l.Get(tree)
	if diags.HasErrors() {
		return
	}
	var edits []engine.Edit
	for _, r := range got {
		e := engine.Edit{Addr: r.Addr, Attrs: map[string]cty.Value{}}
		for _, a := range schemaOf(l, r.Addr.Kind).Attrs {
			if v := r.Value.GetAttr(a.Name); !a.Info && !v.IsNull() {
				e.Attrs[a.Name] = v
			}
		}
		edits = append(edits, e)
	}
	files, _, diags := l.Put(tree, edits)
	if diags.HasErrors() {
		t.Errorf("what is there is refused: %s", Text(diags))
	}
	for _, f := range files {
		t.Errorf("putting what is there changes %s:\n%q\nto\n%q", f.Path, tree[f.Path], f.Bytes)
	}
}
