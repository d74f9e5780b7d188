package service

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
)

var open = cty.NullVal(cty.Bool)

func state3(enabled, masked, running cty.Value) cty.Value {
	return object(enabled, masked, running, cty.NullVal(cty.String))
}

func TestRead(t *testing.T) {
	f := newFake()
	got := read(t, f)
	want := map[string]cty.Value{
		"httpd.service":         state3(cty.True, cty.False, cty.True),
		"dhcpd.service":         state3(cty.True, cty.False, cty.True),
		"web.service":           state3(cty.False, cty.False, cty.False),
		"old.service":           state3(cty.True, cty.False, cty.True),
		"bad.service":           state3(open, cty.True, cty.False),
		"once.service":          state3(cty.True, cty.False, open),
		"backup.timer":          state3(cty.True, cty.False, cty.True),
		"sshd.service":          state3(cty.True, cty.False, cty.True),
		"x@one.service":         state3(cty.True, cty.False, cty.True),
		"x@two.service":         state3(cty.False, cty.False, cty.True),
		"cups.socket":           state3(cty.True, cty.False, cty.True),
		"cups.service":          state3(cty.True, cty.False, cty.False),
		"flapping.service":      state3(cty.True, cty.False, cty.False),
		"needs-reload.service":  state3(cty.False, cty.False, cty.False),
		"dbus-org.test.service": state3(cty.False, cty.False, cty.False),
		"default.target":        object(open, open, open, cty.StringVal("multi-user.target")),
	}
	for _, n := range slices.Sorted(maps.Keys(got)) {
		if w, ok := want[n]; !ok {
			t.Errorf("%s should be left out", n)
		} else if !w.RawEquals(got[n]) {
			t.Errorf("%s is %#v, want %#v", n, got[n], w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d units, want %d", len(got), len(want))
	}
	if len(f.runs) > 0 {
		t.Error("Read changed something")
	}
}

// wishes for every sort of change.
func wishes() map[string]cty.Value {
	return map[string]cty.Value{
		"web.service":          state3(cty.True, cty.False, cty.True),
		"old.service":          state3(cty.False, cty.False, cty.False),
		"bad.service":          state3(cty.False, cty.False, open),
		"dhcpd.service":        state3(open, cty.True, cty.False),
		"backup.timer":         state3(cty.False, open, cty.False),
		"flapping.service":     state3(open, open, cty.True),
		"needs-reload.service": state3(cty.True, open, cty.True),
		"default.target":       object(open, open, open, cty.StringVal("graphical.target")),
	}
}

func TestApplyThenReadIsWhatWasWished(t *testing.T) {
	f := newFake()
	f.units["needs-reload.service"].stale = true
	cs := plan(wishes(), read(t, f))
	done, err := apply(t, f, cs)
	if err != nil || len(done) != len(cs) {
		t.Fatalf("%v, did %q", err, done)
	}
	if left := plan(wishes(), read(t, f)); len(left) > 0 {
		t.Errorf("still to do: %+v", left)
	}
	verbs := map[string]int{}
	for _, r := range f.runs {
		verb, _, _ := strings.Cut(r, " ")
		verbs[verb]++
	}
	for verb, n := range verbs {
		if n > 1 && verb != "daemon-reload" {
			t.Errorf("%s was called %d times: %q", verb, n, f.runs)
		}
	}
}

func TestOneDaemonReload(t *testing.T) {
	f := newFake()
	cs := plan(map[string]cty.Value{"web.service": state3(cty.True, open, cty.True), "old.service": state3(cty.False, open, cty.False)}, read(t, f))
	if _, err := apply(t, f, cs); err != nil {
		t.Fatal(err)
	}
	want := []string{"disable old.service", "enable web.service", "daemon-reload", "stop old.service", "start web.service"}
	if !slices.Equal(f.runs, want) {
		t.Errorf("ran %q", f.runs)
	}
}

func TestNothingToDoRunsNothing(t *testing.T) {
	f := newFake()
	v := state3(cty.True, cty.False, cty.True)
	c := engine.Change{Addr: addr("httpd.service"), Action: engine.Update, After: &engine.Resource{Addr: addr("httpd.service"), Value: v}}
	if done, err := apply(t, f, []engine.Change{c}); err != nil || len(done) != 1 || len(f.runs) > 0 {
		t.Errorf("%v, did %q, ran %q", err, done, f.runs)
	}
}

// Cut short at any command and run again, from a new plan or the same, it ends
// the same.
func TestApplyInterrupted(t *testing.T) {
	whole := newFake()
	if _, err := apply(t, whole, plan(wishes(), read(t, whole))); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= len(whole.runs); n++ {
		for _, samePlan := range []bool{true, false} {
			f := newFake()
			cs := plan(wishes(), read(t, f))
			f.failAt = n
			if _, err := apply(t, f, cs); !errors.Is(err, errStopped) {
				t.Fatalf("command %d: %v", n, err)
			}
			f.failAt = 0
			if !samePlan {
				cs = plan(wishes(), read(t, f))
			}
			if _, err := apply(t, f, cs); err != nil {
				t.Fatalf("command %d: %v", n, err)
			}
			if left := plan(wishes(), read(t, f)); len(left) > 0 {
				t.Errorf("command %d: still to do: %+v", n, left)
			}
		}
	}
}

func TestFailuresAreToldUnitByUnit(t *testing.T) {
	f := newFake()
	f.journal = "web: cannot bind\nweb: password = hunter2\n"
	f.units["web.service"].broken = true
	f.units["old.service"].active = "inactive"
	f.units["old.service"].dies = true
	f.units["httpd.service"].file, f.units["httpd.service"].loaded = "disabled", "disabled"
	cs := plan(map[string]cty.Value{
		"web.service":     state3(open, open, cty.True),
		"old.service":     state3(open, open, cty.True),
		"httpd.service":   state3(cty.True, open, open),
		"missing.service": state3(cty.True, open, cty.True),
		"once.service":    state3(open, open, cty.True),
		"gone.timer":      state3(cty.False, open, cty.False),
	}, read(t, f))
	done, err := apply(t, f, cs)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"service:web.service: it was started and is failed", "web: cannot bind",
		"service:old.service: it was started, died and was restarted",
		"service:missing.service: this host has no such unit; dnf provides",
		"service:once.service: it is a oneshot",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Error("the error shows a secret of the journal")
	}
	if !slices.Equal(done, []string{"gone.timer", "httpd.service"}) {
		t.Errorf("did %q", done)
	}
}

func TestNeverStopped(t *testing.T) {
	f := newFake()
	f.units["web-agent.service"] = &unit{file: "enabled", loaded: "enabled", active: "active", sub: "running", typ: "simple"}
	cs := plan(map[string]cty.Value{
		"sshd.service":      state3(cty.False, open, open),
		"web-agent.service": state3(open, open, cty.False),
		"old.service":       state3(cty.False, open, cty.False),
	}, read(t, f))
	cs = append(cs, engine.Change{Addr: addr("sshd.socket"), Action: engine.Delete})
	done, err := apply(t, f, cs)
	if !errors.Is(err, engine.ErrRefused) || !slices.Equal(done, []string{"old.service"}) {
		t.Errorf("%v, did %q", err, done)
	}
	for _, n := range []string{"sshd.service", "web-agent.service"} {
		if u := f.units[n]; u.file != "enabled" || u.active != "active" {
			t.Errorf("%s is %+v", n, u)
		}
	}
	// To wish for what already is does no harm.
	keep := engine.Change{Addr: addr("sshd.service"), Action: engine.Update, After: &engine.Resource{Value: state3(cty.True, cty.False, cty.True)}}
	if _, err := apply(t, f, []engine.Change{keep}); err != nil {
		t.Error(err)
	}
}

func TestRefused(t *testing.T) {
	str := func(s string) cty.Value { return object(open, open, open, cty.StringVal(s)) }
	for name, v := range map[string]cty.Value{
		"smartd.service":     state3(cty.False, open, open),
		"getty@tty1.service": state3(cty.False, open, open),
		"data.mount":         state3(cty.True, open, open),
		"*.service":          state3(open, open, cty.False),
		"--now.service":      state3(open, open, cty.False),
		"a b.service":        state3(open, open, cty.False),
		"../x.service":       state3(open, open, cty.False),
		"x@.service":         state3(cty.True, open, open),
		"web.service":        state3(cty.True, cty.True, open),
		"old.service":        str("graphical.target"),
		"default.target":     str("--force"),
		"noname":             state3(cty.True, open, open),
	} {
		f := newFake()
		c := engine.Change{Addr: addr(name), Action: engine.Create, After: &engine.Resource{Addr: addr(name), Value: v}}
		if done, err := apply(t, f, []engine.Change{c}); !errors.Is(err, engine.ErrRefused) || len(f.runs) > 0 || len(done) > 0 {
			t.Errorf("%s: %v, ran %q", name, err, f.runs)
		}
	}
}

func TestAlsoIsSeen(t *testing.T) {
	f := newFake()
	f.units["web.service"].also = "old.service"
	cs := plan(map[string]cty.Value{"web.service": state3(cty.True, open, open), "old.service": state3(cty.False, open, open)}, read(t, f))
	if _, err := apply(t, f, cs); err == nil || !strings.Contains(err.Error(), "Also=") {
		t.Errorf("error is %v", err)
	}
}

func TestDelete(t *testing.T) {
	f := newFake()
	del := func(n string) engine.Change { return engine.Change{Addr: addr(n), Action: engine.Delete} }
	done, err := apply(t, f, []engine.Change{del("old.service"), del("bad.service"), del("never.service")})
	if err != nil || len(done) != 3 {
		t.Fatalf("%v, did %q", err, done)
	}
	if u := f.units["old.service"]; u.file != "disabled" || u.active != "inactive" {
		t.Errorf("old.service is %+v", u)
	}
	if u := f.units["bad.service"]; u.file == "masked" {
		t.Errorf("bad.service is %+v", u)
	}
}

func FuzzParseState(f *testing.F) {
	f.Add("LoadState=loaded\nNRestarts=x\n\n=")
	f.Fuzz(func(_ *testing.T, s string) { parseState(s) })
}
