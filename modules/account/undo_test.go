package account

import (
	"maps"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
)

// What an apply did to the account files is undone in all of them, also in one
// that it made.
func TestUndo(t *testing.T) {
	h := newFake()
	before := maps.Clone(h.data)
	undo, err := User{}.Undoable(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	ranges := func(s string) cty.Value { return cty.SetVal([]cty.Value{cty.StringVal(s)}) }
	c := wished(User{}, "ann", map[string]cty.Value{
		"shell": cty.StringVal("/bin/sh"), "subuid": ranges("200000:65536"), "subgid": ranges("200000:65536"),
	})
	c.Before = &engine.Resource{Addr: c.Addr, Value: read(t, User{}, h, vault{})["ann"]}
	if _, err := apply(User{}, h, vault{}, c); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{passwdPath, subuidPath, subgidPath} {
		if string(h.data[p]) == string(before[p]) {
			t.Fatalf("%s was not changed: %q", p, h.data[p])
		}
	}
	if err := undo(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{passwdPath, shadowPath, groupPath, gshadowPath, subuidPath, subgidPath} {
		was, is := before[p]
		now, stands := h.data[p]
		if string(now) != string(was) || stands != is {
			t.Errorf("%s is %q, was %q", p, now, was)
		}
	}
}
