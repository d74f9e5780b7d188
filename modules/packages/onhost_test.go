package packages

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"hikae/engine"
	"hikae/hosts/local"
)

// TestOnHost changes the packages of the machine that it runs on: a throwaway
// EL 8 of the lab, with systemd as PID 1, which HIKAE_ON_LAB_HOST=1 says. Its
// repositories must have git, jq and two versions of dovecot.
func TestOnHost(t *testing.T) {
	if os.Getenv("HIKAE_ON_LAB_HOST") != "1" {
		t.Skip("not run: only on a host of the lab")
	}
	h, err := local.New(local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if !h.Facts().Systemd {
		t.Fatal("systemd is not PID 1")
	}
	m := New()
	before, cov := read(t, m, h)
	if !cov.Whole || len(before) < 100 || before["bash"].Value.IsNull() {
		t.Fatalf("%d packages, coverage %+v", len(before), cov)
	}
	t.Logf("%d packages, skipped %v, notes %q", len(before), cov.Skipped, cov.Notes)

	said := mustApply(t, m, h, []engine.Resource{want("dovecot", "2.3.16-3.el8.x86_64", true), want("jq", "", false)})
	t.Log(strings.Join(said, "\n"))
	got, _ := read(t, m, h)
	if v := got["dovecot"].Value; v.GetAttr(AttrVersion).AsString() != "2.3.16-3.el8.x86_64" || v.GetAttr(AttrRepo).AsString() != "appstream" || !v.GetAttr(AttrAsked).True() {
		t.Errorf("dovecot: %#v", v)
	}
	if v := got["jq"].Value; v.GetAttr(AttrAsked).True() {
		t.Errorf("jq: %#v", v)
	}

	// The agent goes away while dnf works; the next one waits for it.
	ctx, cancel := context.WithCancel(t.Context())
	newer, older := want("dovecot", "2.3.16-5.el8.x86_64", true), got["dovecot"]
	change := engine.Change{Addr: newer.Addr, Action: engine.Update, Before: &older, After: &newer}
	err = m.Apply(ctx, h, engine.Job{
		Changes:  []engine.Change{change},
		Done:     func(engine.Addr) { t.Error("done, though the agent went away") },
		Progress: func(string) { cancel() },
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	var adopted []string
	done := 0
	err = m.Apply(t.Context(), h, engine.Job{
		Changes:  []engine.Change{change},
		Done:     func(engine.Addr) { done++ },
		Progress: func(s string) { adopted = append(adopted, s) },
	})
	if err != nil || done != 1 {
		t.Fatalf("done %d, error %v", done, err)
	}
	if !slices.Contains(adopted, "waiting for the package transaction of an earlier apply") {
		t.Errorf("said %q", adopted)
	}
	got, _ = read(t, m, h)
	if v := got["dovecot"].Value.GetAttr(AttrVersion).AsString(); v != "2.3.16-5.el8.x86_64" {
		t.Errorf("dovecot: %s", v)
	}

	// Down again, and all of it away.
	mustApply(t, m, h, []engine.Resource{want("dovecot", "2.3.16-3.el8.x86_64", true)})
	got, _ = read(t, m, h)
	var more []string
	for l := range got {
		if _, ok := before[l]; !ok {
			more = append(more, l)
		}
	}
	mustApply(t, m, h, nil, more...)
	got, _ = read(t, m, h)
	if len(got) != len(before) {
		t.Errorf("%d packages, %d before", len(got), len(before))
	}
	for l := range before {
		if a, b := before[l].Value.GetAttr(AttrAsked), got[l].Value.GetAttr(AttrAsked); !a.RawEquals(b) {
			t.Errorf("%s: asked is %#v, was %#v", l, b, a)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	if os.Getenv("HIKAE_ON_LAB_HOST") != "1" {
		b.Skip("not run: only on a host of the lab")
	}
	for b.Loop() {
		h, err := local.New(local.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := New().Read(b.Context(), h, engine.Scope{}, func(engine.Resource) error { return nil }); err != nil {
			b.Fatal(err)
		}
		h.Close()
	}
}
