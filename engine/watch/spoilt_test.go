package watch

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"
)

// What kept everybody out is held back, and tried again once soon and then seldom,
// whether or not the link was lost by it; the rest goes on. Another that does not
// passes at once.
func TestLockedOut(t *testing.T) {
	for _, cuts := range []bool{false, true} {
		follows(t, nil, func(w *world) {
			w.pass(2 * time.Second)
			h := w.followers["standby"]
			w.with(func() { h.locks[file("/etc/a")], h.cuts = "bad", cuts })
			w.edit("/etc/a", "bad")
			w.edit("/etc/b", "2")
			w.pass(5 * time.Second)
			keeps := func(a, b string, lockouts int) {
				t.Helper()
				w.is("standby", HeldBack)
				if w.value("standby", "/etc/a") != a || w.value("standby", "/etc/b") != b || h.lockouts != lockouts {
					t.Errorf("cuts: %v: it is %v after %d tries", cuts, h.is, h.lockouts)
				}
				if f := w.told("standby"); len(f.HeldBack) != 1 || f.HeldBack[0].Name != "file:/etc/a" || f.HeldBack[0].Why != "rolled back: nobody could log in anew" {
					t.Errorf("the status says %+v", f)
				}
			}
			keeps("1", "2", 1)
			for _, b := range []string{"3", "4", "5"} {
				w.edit("/etc/b", b)
				w.pass(10 * time.Second)
				keeps("1", b, 1)
			}
			w.with(func() { h.away = true })
			w.edit("/etc/b", "6")
			w.pass(time.Minute)
			w.with(func() { h.away = false })
			w.pass(2 * time.Minute) // all was compared
			keeps("1", "6", 2)
			w.edit("/etc/a", "good")
			w.pass(time.Second)
			w.inStep("standby")

			// Once it was the link's fault.
			w.with(func() { h.locks[file("/etc/a")] = "other" })
			w.edit("/etc/a", "other")
			w.pass(5 * time.Second)
			w.is("standby", HeldBack)
			w.with(func() { clear(h.locks) })
			w.pass(3 * time.Minute)
			w.inStep("standby")
			if h.lockouts != 3 {
				t.Errorf("tried %d times in vain", h.lockouts)
			}

			w.with(func() { h.locks[file("/etc/a")] = "worse" })
			w.edit("/etc/a", "worse")
			w.pass(9*time.Hour + 10*time.Minute)
			if n := h.lockouts - 5; n < 7 || n > 9 {
				t.Errorf("tried %d times in nine hours", n)
			}
			w.with(func() { clear(h.locks) })
			w.pass(2*time.Hour + 10*time.Minute)
			w.inStep("standby")
		})
	}
}

// A loop that begins while a file is spoilt keeps it as the newest generation has it
// that compiles, and all else is followed; also while the source is away.
func TestSpoiltFromTheStart(t *testing.T) {
	follows(t, func(w *world, _ *Following) {
		for i, is := range []string{"0", "1", broken + " long ago", broken} {
			w.primary[file("/etc/a")] = is
			w.gens = append(w.gens, generation{name: fmt.Sprint("gen", i), of: maps.Clone(w.primary)})
		}
		w.followers["standby"].is[file("/etc/a")] = "1"
		w.up = false
	}, func(w *world) {
		keeps := func(b string) {
			t.Helper()
			w.is("standby", HeldBack)
			if w.value("standby", "/etc/a") != "1" || w.value("standby", "/etc/b") != b {
				t.Errorf("it is %v", w.followers["standby"].is)
			}
			if f := w.told("standby"); len(f.HeldBack) != 1 || f.HeldBack[0].Name != "file:/etc/a" || !strings.Contains(f.HeldBack[0].Why, "kept as it was in generation gen1: ") {
				t.Errorf("the status says %+v", f)
			}
		}
		w.pass(10 * time.Second)
		keeps("1")
		w.edit("/etc/b", "2")
		w.comeBack()
		w.pass(time.Minute)
		keeps("2")
		w.edit("/etc/b", "3")
		w.pass(time.Second)
		keeps("3")
		w.edit("/etc/a", "2")
		w.pass(time.Second)
		w.inStep("standby")
	})
}

// Where no generation compiles, all is left as it is, and told why.
func TestSpoiltEver(t *testing.T) {
	follows(t, func(w *world, _ *Following) {
		w.primary[file("/etc/a")] = broken
		w.gens = append(w.gens, generation{name: "gen0", of: maps.Clone(w.primary)})
		w.followers["standby"].is[file("/etc/a")] = "own"
	}, func(w *world) {
		w.pass(10 * time.Second)
		w.is("standby", Away)
		if f := w.told("standby"); !strings.Contains(f.Why, "no lens understands it") {
			t.Errorf("the status says %+v", f)
		}
		w.edit("/etc/a", "2")
		w.pass(5 * time.Second)
		w.inStep("standby")
	})
}
