package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
)

// unit is what the fake systemd knows of one.
type unit struct {
	file, active, sub, typ string
	loaded                 string // the file's state as systemd has read it: changes show after a daemon-reload
	also                   string // enabled and disabled with it
	broken                 bool   // its start fails
	dies                   bool   // it starts and is restarted a moment later
	stale                  bool
	shown                  int
}

// fake is a host with a systemd in memory whose n-th command can be made to fail.
type fake struct {
	hosts.Host // whatever else is asked for panics
	units      map[string]*unit
	target     string
	runs       []string // without show and journalctl
	failAt     int
	journal    string
}

var errStopped = errors.New("stopped here")

func newFake() *fake {
	u := func(file, active, sub, typ string) *unit {
		return &unit{file: file, loaded: file, active: active, sub: sub, typ: typ}
	}
	return &fake{target: "multi-user.target", units: map[string]*unit{
		"httpd.service":         u("enabled", "active", "running", "notify"),
		"dhcpd.service":         u("enabled", "active", "running", "notify"),
		"web.service":           u("disabled", "inactive", "dead", "simple"),
		"old.service":           u("enabled", "active", "running", "simple"),
		"bad.service":           u("masked", "inactive", "dead", ""),
		"once.service":          u("enabled", "inactive", "dead", "oneshot"),
		"backup.timer":          u("enabled", "active", "waiting", ""),
		"sshd.service":          u("enabled", "active", "running", "notify"),
		"smartd.service":        u("enabled", "active", "running", "simple"),
		"dbus.service":          u("static", "active", "running", "simple"),
		"tmp.mount":             u("enabled", "active", "mounted", ""),
		"x@.service":            u("disabled", "", "", ""),
		"x@two.service":         u("disabled", "active", "running", "simple"),
		"user@.service":         u("static", "", "", ""),
		"user@1000.service":     u("disabled", "active", "running", "notify"),
		"x@one.service":         u("enabled", "active", "running", "simple"),
		"graphical.target":      u("static", "inactive", "dead", ""),
		"multi-user.target":     u("static", "active", "active", ""),
		"generated.service":     u("generated", "active", "running", "simple"),
		"default.target":        u("enabled", "active", "active", ""),
		"display.service":       u("alias", "active", "running", ""),
		"transient-1.service":   u("transient", "active", "running", ""),
		"systemd-tmp.timer":     u("static", "active", "waiting", ""),
		"cups.socket":           u("enabled", "active", "listening", ""),
		"cups.service":          u("enabled", "inactive", "dead", "simple"),
		"flapping.service":      u("enabled", "activating", "auto-restart", "simple"),
		"user@0.service":        u("", "active", "running", "notify"),
		"rc-local.service":      u("enabled-runtime", "active", "exited", "forking"),
		"getty@tty1.service":    u("enabled", "active", "running", "idle"),
		"bluetooth.service":     u("indirect", "inactive", "dead", "dbus"),
		"needs-reload.service":  u("disabled", "inactive", "dead", "notify"),
		"dbus-org.test.service": u("linked", "inactive", "dead", "dbus"),
	}}
}

func (f *fake) Facts() hosts.Facts { return hosts.Facts{Systemd: true, DefaultUnit: f.target} }

func (f *fake) Stat(p string) (hosts.Node, error) {
	if p == "/etc/systemd/system/default.target" {
		return hosts.Node{Type: hosts.Link, Link: "/usr/lib/systemd/system/" + f.target}, nil
	}
	return hosts.Node{}, fs.ErrNotExist
}

func (f *fake) Open(p string) (io.ReadCloser, error) {
	if p == "/proc/self/cgroup" {
		return io.NopCloser(strings.NewReader("0::/system.slice/web-agent.service\n")), nil
	}
	return nil, fs.ErrNotExist
}

func (f *fake) Units(context.Context) ([]hosts.Unit, error) {
	var us []hosts.Unit
	for _, n := range slices.Sorted(maps.Keys(f.units)) {
		u := f.units[n]
		us = append(us, hosts.Unit{Name: n, File: u.file, Active: u.active, Sub: u.sub, NotApplicable: u.typ == "oneshot"})
	}
	return us, nil
}

func (f *fake) Run(_ context.Context, c hosts.Cmd) (hosts.Result, error) {
	if c.Argv[0] == "journalctl" {
		return hosts.Result{Stdout: []byte(f.journal)}, nil
	}
	i := slices.Index(c.Argv, "--")
	var names []string
	verb := c.Argv[len(c.Argv)-1]
	if i > 0 {
		names, verb = c.Argv[i+1:], c.Argv[i-1]
	}
	if c.Argv[1] == "show" {
		return hosts.Result{Stdout: []byte(f.show(names))}, nil
	}
	if f.failAt > 0 && len(f.runs)+1 >= f.failAt {
		return hosts.Result{}, errStopped
	}
	f.runs = append(f.runs, strings.Join(append([]string{verb}, names...), " "))
	return f.do(verb, names), nil
}

func (f *fake) show(names []string) string {
	var b strings.Builder
	for _, n := range names {
		u, ok := f.units[n]
		if !ok {
			b.WriteString("LoadState=not-found\nActiveState=inactive\nSubState=dead\nUnitFileState=\nNeedDaemonReload=no\n\n")
			continue
		}
		restarts := 0
		if u.dies && u.active == "active" {
			if u.shown++; u.shown > 1 { // by the second look it has died
				restarts = 1
			}
		}
		load := "loaded"
		if u.loaded == "masked" {
			load = "masked"
		}
		need := map[bool]string{true: "yes", false: "no"}[u.stale]
		fmt.Fprintf(&b, "Type=%s\nNRestarts=%d\nLoadState=%s\nActiveState=%s\nSubState=%s\nUnitFileState=%s\nNeedDaemonReload=%s\n\n",
			u.typ, restarts, load, u.active, u.sub, u.loaded, need)
	}
	return b.String()
}

func (f *fake) do(verb string, names []string) hosts.Result {
	var r hosts.Result
	bad := func(format string, args ...any) {
		r.Code = 1
		r.Stderr = fmt.Appendf(r.Stderr, format+"\n", args...)
	}
	switch verb {
	case "daemon-reload":
		for _, u := range f.units {
			u.loaded, u.stale = u.file, false
		}
		return r
	case "set-default":
		f.target = names[0]
		return r
	}
	for _, n := range names {
		u, ok := f.units[n]
		if !ok {
			bad("Unit %s not found.", n)
			continue
		}
		switch verb {
		case "enable", "disable":
			if u.file == "enabled" || u.file == "disabled" {
				u.file = verb + "d"
				if u.also != "" {
					f.units[u.also].file = verb + "d"
				}
			}
		case "mask":
			u.file = "masked"
		case "unmask":
			u.file = "enabled" // its links are still there
		case "stop":
			u.active, u.sub = "inactive", "dead"
		case "reset-failed":
			u.active, u.sub = "inactive", "dead"
		case "start":
			switch {
			case u.stale:
				bad("its file changed on disk")
			case u.broken:
				u.active, u.sub = "failed", "failed"
				bad("Job for %s failed.", n)
			default:
				u.active, u.sub = "active", "running"
			}
		}
	}
	return r
}

func read(t testing.TB, f *fake) map[string]cty.Value {
	t.Helper()
	got := map[string]cty.Value{}
	_, err := Module{}.Read(t.Context(), f, engine.Scope{}, func(r engine.Resource) error {
		got[r.Addr.Name] = r.Value
		if !r.Value.Type().Equals(Module{}.Schema().ObjectType()) {
			t.Errorf("%s is not of its schema's type: %#v", r.Addr, r.Value)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// plan is the difference as the engine makes it: what the wish leaves open is
// what is there.
func plan(want, have map[string]cty.Value) []engine.Change {
	var cs []engine.Change
	for _, name := range slices.Sorted(maps.Keys(want)) {
		w := &engine.Resource{Addr: addr(name), Value: want[name]}
		h, ok := have[name]
		if !ok {
			cs = append(cs, engine.Change{Addr: addr(name), Action: engine.Create, After: w})
			continue
		}
		attrs, differs := h.AsValueMap(), false
		for k, v := range want[name].AsValueMap() {
			if !v.IsNull() && !v.RawEquals(attrs[k]) {
				attrs[k], differs = v, true
			}
		}
		if differs {
			w.Value = cty.ObjectVal(attrs)
			cs = append(cs, engine.Change{Addr: addr(name), Action: engine.Update, Before: &engine.Resource{Addr: addr(name), Value: h}, After: w})
		}
	}
	return cs
}

func apply(t testing.TB, f *fake, cs []engine.Change) (done []string, err error) {
	t.Helper()
	err = Module{Settle: 20e6}.Apply(t.Context(), f, engine.Job{
		Changes:  cs,
		Done:     func(a engine.Addr) { done = append(done, a.Name) },
		Progress: func(string) {},
	})
	return done, err
}
