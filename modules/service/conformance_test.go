package service

import (
	"context"
	"testing"

	"hikae/engine"
	"hikae/hosts"
	"hikae/hosts/hosttest"
	"hikae/modules/moduletest"
)

// hostOf is a test's host whose systemd is the fake.
func hostOf(tb testing.TB, f *fake) *hosttest.Host {
	tb.Helper()
	h := hosttest.New(tb)
	show := func() {
		us, err := f.Units(context.Background())
		if err != nil {
			tb.Fatal(err)
		}
		h.SetUnits(us...)
		h.SetFacts(f.Facts())
	}
	show()
	h.OnRun(func(ctx context.Context, c hosts.Cmd) (hosts.Result, error) {
		r, err := f.Run(ctx, c)
		show()
		return r, err
	})
	return h
}

func TestConformance(t *testing.T) {
	moduletest.Run(t, moduletest.Case{
		Module: Module{Settle: 1e6},
		Source: func(tb testing.TB) *hosttest.Host { return hostOf(tb, newFake()) },
		Target: func(tb testing.TB) *hosttest.Host {
			f := newFake()
			f.target = "graphical.target"
			set := func(name, file, active, sub string) {
				u := f.units[name]
				u.file, u.loaded, u.active, u.sub = file, file, active, sub
			}
			set("httpd.service", "disabled", "inactive", "dead")
			set("web.service", "enabled", "active", "running")
			set("old.service", "masked", "inactive", "dead")
			set("bad.service", "disabled", "inactive", "dead")
			set("backup.timer", "disabled", "failed", "failed")
			f.units["extra.service"] = &unit{file: "enabled", loaded: "enabled", active: "active", sub: "running", typ: "simple"}
			return hostOf(tb, f)
		},
		Base: []engine.Addr{addr("extra.service")},
	})
}
