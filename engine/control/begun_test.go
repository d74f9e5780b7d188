package control

import (
	"slices"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
)

// Base after an apply that was cut off is what the host shows of what that was
// to make.
func TestBegunIsSettledByTheHost(t *testing.T) {
	schemas := []engine.Schema{
		{Kind: "file", Node: true},
		{Kind: "user", Attrs: []engine.Attr{{Name: "shell", Type: cty.String}, {Name: "uid", Type: cty.Number}}},
	}
	byKind := engine.ByKind(schemas)
	file := func(name string, mode uint32) *engine.Resource {
		return &engine.Resource{Addr: engine.Addr{Kind: "file", Name: name}, Node: &hosts.Node{Type: hosts.Dir, Mode: mode}}
	}
	user := func(name, shell string, uid cty.Value) *engine.Resource {
		return &engine.Resource{Addr: engine.Addr{Kind: "user", Name: name},
			Value: cty.ObjectVal(map[string]cty.Value{"shell": cty.StringVal(shell), "uid": uid})}
	}
	made := func(r *engine.Resource) engine.Change {
		return engine.Change{Addr: r.Addr, Action: engine.Create, After: r}
	}
	gone := func(r *engine.Resource) engine.Change {
		return engine.Change{Addr: r.Addr, Action: engine.Delete, Before: r}
	}
	anyID := cty.NullVal(cty.Number)
	changes := []engine.Change{
		made(file("/etc/made", 0o755)), made(file("/etc/half", 0o755)), made(file("/etc/never", 0o755)), made(file("/srv/unseen", 0o755)),
		gone(file("/etc/gone", 0o755)), gone(file("/etc/stays", 0o755)),
		made(user("new", "/bin/sh", anyID)), made(user("other", "/bin/sh", anyID)), gone(user("halfgone", "/bin/sh", anyID)),
	}
	act := &engine.Actual{Resources: map[engine.Addr]*engine.Resource{}, Coverage: map[string]engine.Coverage{
		"file": {Roots: []string{"/etc"}}, "user": {Whole: true},
	}}
	for _, r := range []*engine.Resource{
		file("/etc/made", 0o755), file("/etc/half", 0o700), file("/etc/stays", 0o755),
		user("new", "/bin/sh", cty.NumberIntVal(1000)), user("other", "/bin/false", cty.NumberIntVal(1001)),
		user("halfgone", "", cty.NumberIntVal(1002)), // as much of it as was not removed yet
	} {
		act.Resources[r.Addr] = r
	}
	base := engine.Base{}
	for _, name := range []string{"/etc/gone", "/etc/stays"} {
		r := file(name, 0o755)
		base[r.Addr] = engine.FingerprintOf(r, byKind["file"])
	}
	halfgone := user("halfgone", "/bin/sh", cty.NumberIntVal(1002))
	base[halfgone.Addr] = engine.FingerprintOf(halfgone, byKind["user"])
	open := begunOf(changes, schemas).settle(base, act, schemas)
	if len(open) != 1 || open[0].addr().Name != "/srv/unseen" {
		t.Errorf("still open: %v", open)
	}
	var names []string
	for a, f := range base {
		names = append(names, a.Name)
		if r := act.Resources[a]; r == nil || f != engine.FingerprintOf(r, byKind[a.Kind]) {
			t.Errorf("%s is not in Base as the host shows it", a)
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"/etc/made", "/etc/stays", "halfgone", "new"}) {
		t.Errorf("Base holds %q", names)
	}
}
