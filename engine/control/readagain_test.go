package control

import (
	"testing"

	"hikae/engine"
	"hikae/hosts"
)

// What was read anew takes the place of what was read of it before, also where
// nothing is there any more, and nothing else changes.
func TestWithNew(t *testing.T) {
	file := func(p string, mode uint32) *engine.Resource {
		return &engine.Resource{Addr: engine.Addr{Kind: "file", Name: p}, Node: &hosts.Node{Type: hosts.File, Mode: mode}}
	}
	user := func(name string) *engine.Resource {
		return &engine.Resource{Addr: engine.Addr{Kind: "user", Name: name}}
	}
	actual := func(cov map[string]engine.Coverage, rs ...*engine.Resource) *engine.Actual {
		a := &engine.Actual{Resources: map[engine.Addr]*engine.Resource{}, Coverage: cov}
		for _, r := range rs {
			a.Resources[r.Addr] = r
		}
		return a
	}
	old := engine.Hole{Path: "/etc/h"}
	unread := engine.Hole{Path: "/etc/unread"}
	was := actual(map[string]engine.Coverage{
		"file": {Roots: []string{"/etc"}, Holes: []engine.Hole{old}}, "user": {Whole: true}, "package": {Whole: true},
	}, file("/etc/a", 0o600), file("/etc/gone", 0o600), file("/etc/stays", 0o600), file("/etc/unread", 0o600),
		user("ann"), &engine.Resource{Addr: engine.Addr{Kind: "package", Name: "bash"}})
	now := actual(map[string]engine.Coverage{
		"file": {Roots: []string{"/etc/a"}, Holes: []engine.Hole{unread}}, "user": {Holes: []engine.Hole{{Path: "x"}}},
	}, file("/etc/a", 0o644), user("bob"))
	got := withNew(was, now, engine.Scope{Kinds: []string{"file", "user"}, Only: []string{"/etc/a", "/etc/gone", "/etc/unread"}})

	want := map[string]bool{"file:/etc/a": true, "file:/etc/stays": true, "user:bob": true, "package:bash": true}
	for a := range got.Resources {
		if !want[a.String()] {
			t.Errorf("%s is still there", a)
		}
		delete(want, a.String())
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
	if mode := got.Resources[engine.Addr{Kind: "file", Name: "/etc/a"}].Node.Mode; mode != 0o644 {
		t.Errorf("the old /etc/a, of mode %o", mode)
	}
	files := got.Coverage["file"]
	if len(files.Roots) != 1 || files.Roots[0] != "/etc" || len(files.Holes) != 2 || files.Holes[1] != unread {
		t.Errorf("files: %+v", files)
	}
	if got.Coverage["user"].Whole || !got.Coverage["package"].Whole {
		t.Errorf("coverage %+v", got.Coverage)
	}
	if len(was.Coverage["file"].Holes) != 1 || len(was.Resources) != 6 {
		t.Error("what was read before has changed")
	}
}
