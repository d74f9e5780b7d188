package watch

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"hikae/engine/control"
)

// A follower that is away stops no other, and gets what it missed.
func TestFollowerAway(t *testing.T) {
	follows(t, func(w *world, _ *Following) { w.host("vps") }, func(w *world) {
		w.pass(2 * time.Second)
		w.with(func() { w.followers["vps"].away = true })
		w.edit("/etc/a", "2")
		w.pass(time.Second)
		w.inStep("standby")
		w.is("vps", Away)
		w.edit("/etc/b", "2")
		w.pass(time.Hour)
		w.inStep("standby")
		if f := w.told("vps"); f.BehindFor(nil, time.Now()) < 59*time.Minute {
			t.Errorf("it is behind for %v", f.BehindFor(nil, time.Now()))
		}
		w.with(func() { w.followers["vps"].away = false })
		w.pass(time.Minute + 5*time.Second)
		w.inStep("vps")
		// It was restarted: what was held open is lost.
		w.with(func() { w.followers["vps"].session++ })
		w.edit("/etc/a", "3")
		w.pass(5 * time.Second)
		w.inStep("vps")
	})
}

// One that goes away while nothing changes is told to be, whether the link breaks or
// nobody answers.
func TestFollowerAwayWhileIdle(t *testing.T) {
	for _, silent := range []bool{false, true} {
		follows(t, nil, func(w *world) {
			w.pass(2 * time.Second)
			h := w.followers["standby"]
			w.with(func() { h.away, h.silent = true, silent })
			w.pass(askEvery + askMost + 5*time.Second)
			w.is("standby", Away)
			w.with(func() { h.away, h.silent = false, false })
			w.pass(time.Minute + 5*time.Second)
			w.inStep("standby")
		})
	}
}

// What cannot be applied is held back with its reason; the rest goes on. It is tried
// again when something else changes, which may be what it wants, and when it does.
func TestHeldBack(t *testing.T) {
	follows(t, nil, func(w *world) {
		w.pass(2 * time.Second)
		h := w.followers["standby"]
		w.with(func() { h.refuses[file("/etc/a")] = "bad" })
		w.edit("/etc/a", "bad")
		w.edit("/etc/b", "2")
		w.pass(2 * time.Second)
		w.is("standby", HeldBack)
		if w.value("standby", "/etc/a") != "1" || w.value("standby", "/etc/b") != "2" {
			t.Errorf("it is %v", h.is)
		}
		if f := w.told("standby"); len(f.HeldBack) != 1 || f.HeldBack[0].Name != "file:/etc/a" || f.HeldBack[0].Why == "" || f.Kinds["file"].HeldBack != 1 {
			t.Errorf("the status says %+v", f)
		}
		w.pass(30 * time.Minute)
		w.is("standby", HeldBack)
		if f := w.told("standby"); f.BehindFor(nil, time.Now()) < 29*time.Minute {
			t.Errorf("behind for %v only", f.BehindFor(nil, time.Now()))
		}
		w.with(func() { delete(h.refuses, file("/etc/a")) })
		w.edit("/etc/b", "3") // it may be what it wants
		w.pass(heldBackFirst + time.Second)
		w.inStep("standby")

		w.with(func() { h.refuses[file("/etc/a")] = "worse" })
		w.edit("/etc/a", "worse")
		w.pass(time.Second)
		w.is("standby", HeldBack)
		w.edit("/etc/a", "good")
		w.pass(time.Second)
		w.inStep("standby")

		// By itself, too: nothing else changes.
		w.with(func() { h.refuses[file("/etc/a")] = "later" })
		w.edit("/etc/a", "later")
		w.pass(20 * time.Minute)
		w.with(func() { clear(h.refuses) })
		w.pass(heldBackLast + time.Second)
		w.inStep("standby")
	})
}

// An apply that fails without saying of what is tried again as a whole.
func TestFailsAsAWhole(t *testing.T) {
	follows(t, nil, func(w *world) {
		w.pass(2 * time.Second)
		w.with(func() { w.followers["standby"].fails = errors.New("no space left on device") })
		w.edit("/etc/a", "2")
		w.pass(10 * time.Minute)
		if f := w.told("standby"); f.State == InStep || f.Why == "" || f.BehindFor(nil, time.Now()) < 9*time.Minute {
			t.Errorf("the status says %+v", f)
		}
		w.with(func() { w.followers["standby"].fails = nil })
		w.pass(heldBackLast + time.Second)
		w.inStep("standby")
	})
}

func TestHold(t *testing.T) {
	follows(t, nil, func(w *world) {
		w.pass(2 * time.Second)
		w.with(func() { w.holds["standby"] = &control.Hold{By: "somebody"} })
		w.edit("/etc/a", "2")
		w.pass(time.Hour * 3) // audits too
		w.is("standby", OnHold)
		if got := w.value("standby", "/etc/a"); got != "1" {
			t.Errorf("on hold, and it is %q", got)
		}
		w.with(func() { delete(w.holds, "standby") })
		w.pass(3 * time.Second)
		w.inStep("standby")

		// Held, audited, and released with nothing that waits.
		w.with(func() { w.holds["standby"] = &control.Hold{By: "somebody"} })
		w.edit("/etc/a", "3")
		w.pass(time.Second)
		w.edit("/etc/a", "2")
		w.pass(time.Second)
		w.is("standby", OnHold)
		w.with(func() { delete(w.holds, "standby") })
		w.pass(3 * time.Second)
		w.inStep("standby")
	})
}

// A hold from before the start, of one that is in step.
func TestHoldFromTheStart(t *testing.T) {
	follows(t, func(w *world, _ *Following) {
		w.holds["standby"] = &control.Hold{By: "somebody"}
		w.followers["standby"].is = maps.Clone(w.primary)
	}, func(w *world) {
		w.pass(time.Minute)
		w.is("standby", OnHold)
		if n := len(w.followers["standby"].applies); n > 0 || w.followers["standby"].wholes > 0 {
			t.Errorf("%d applied", n)
		}
		w.with(func() { delete(w.holds, "standby") })
		w.pass(3 * time.Second)
		w.inStep("standby")
	})
}

// Over the budget nothing is applied, until a person lets it pass.
func TestOverBudget(t *testing.T) {
	follows(t, nil, func(w *world) {
		w.pass(2 * time.Second)
		h := w.followers["standby"]
		w.with(func() { h.over = true })
		w.edit("/etc/a", "")
		w.pass(time.Second)
		w.is("standby", OverBudget)
		w.edit("/etc/b", "")
		w.pass(2 * time.Hour)
		w.is("standby", OverBudget)
		if len(h.is) != 2 {
			t.Errorf("it was applied: %v", h.is)
		}
		w.with(func() { w.allowed = time.Now() })
		w.pass(5 * time.Second)
		w.inStep("standby")
	})
}

// What a person lets pass is what they were told of, and nothing that came after they
// said so.
func TestAllowedIsWhatWasTold(t *testing.T) {
	follows(t, func(w *world, _ *Following) { w.primary[file("/etc/c")] = "1" }, func(w *world) {
		w.pass(2 * time.Second)
		h := w.followers["standby"]
		w.with(func() { h.over = true })
		w.edit("/etc/a", "")
		w.pass(time.Second)
		w.is("standby", OverBudget)
		w.with(func() {
			w.allowed = time.Now()
			h.takes = 2 * time.Second
		})
		w.edit("/etc/b", "") // the word was for /etc/a
		w.pass(time.Hour)
		w.is("standby", OverBudget)
		if len(h.is) != 3 {
			t.Errorf("it was applied: %v", h.is)
		}
		w.with(func() { w.allowed = time.Now() })
		w.pass(time.Minute)
		w.inStep("standby")

		// Said while it is tried once more, with more than was told by then.
		w.edit("/etc/c", "")
		w.pass(10 * time.Second)
		w.is("standby", OverBudget)
		w.with(func() { h.takes = time.Minute })
		w.edit("/etc/d", "1")
		w.pass(overBudgetAgain + 10*time.Second)
		w.with(func() { w.allowed = time.Now() })
		w.pass(10 * time.Minute)
		w.is("standby", OverBudget)
		w.with(func() { w.allowed = time.Now() })
		w.pass(10 * time.Minute)
		w.inStep("standby")
	})
}

// What a person said while the clock was ahead lets nothing pass later; and what they
// say when it was set back is heard.
func TestAllowedByAnotherClock(t *testing.T) {
	follows(t, nil, func(w *world) {
		w.pass(2 * time.Second)
		h := w.followers["standby"]
		w.with(func() { h.over, w.allowed = true, time.Now().AddDate(1, 0, 0) })
		w.edit("/etc/a", "")
		w.pass(time.Hour)
		w.is("standby", OverBudget)
		w.with(func() { w.allowed = time.Now().AddDate(-1, 0, 0) })
		w.pass(5 * time.Second)
		w.inStep("standby")
	})
}

// What hikae never met waits for a person's first apply.
func TestFirstContact(t *testing.T) {
	follows(t, func(w *world, _ *Following) { w.followers["standby"].unknown = true }, func(w *world) {
		w.pass(2 * time.Hour)
		w.is("standby", Waiting)
		if h := w.followers["standby"]; len(h.is) > 0 || h.plans > 0 {
			t.Errorf("it was met: %v", h.is)
		}
		w.with(func() { w.followers["standby"].unknown = false })
		w.pass(3 * time.Second)
		w.inStep("standby")
	})
}

// Drift of the follower, and a change of the primary that no watch told of, are found
// by the audit and mended.
func TestAudit(t *testing.T) {
	follows(t, nil, func(w *world) {
		w.pass(2 * time.Second)
		w.with(func() {
			w.followers["standby"].is[file("/etc/a")] = "by hand"
			w.silent = true
		})
		w.edit("/etc/b", "2")
		w.pass(59 * time.Minute)
		if w.value("standby", "/etc/a") != "by hand" || w.value("standby", "/etc/b") != "1" {
			t.Error("found before the audit: the test tells nothing")
		}
		w.pass(2 * time.Minute)
		w.inStep("standby")
		f := w.told("standby")
		if !slices.Contains(f.Drift, "file:/etc/a") || !f.Mended || f.Audited.IsZero() || f.Kinds["file"].Drift == 0 {
			t.Errorf("the status says %+v", f)
		}
		if next := time.Until(f.Audit); next < 50*time.Minute || next > time.Hour {
			t.Errorf("the next audit is in %v", next)
		}
		w.pass(time.Hour)
		if f := w.told("standby"); f.Drifted > 0 || f.Mended {
			t.Errorf("drift of the audit before: %+v", f)
		}
	})
}

// Where the project wants so, drift is told and left; what changes is brought.
func TestAuditReports(t *testing.T) {
	follows(t, func(_ *world, of *Following) { of.Report = true }, func(w *world) {
		w.pass(2 * time.Second)
		h := w.followers["standby"]
		w.with(func() { h.is[file("/etc/a")] = "by hand" })
		w.pass(59*time.Minute + 57*time.Second)
		w.with(func() { h.takes = 5 * time.Second })
		w.edit("/etc/b", "2") // is being applied when the audit begins
		w.pass(2 * time.Second)
		w.edit("/etc/new", "1") // waits beside the audit
		w.pass(time.Minute)
		f := w.told("standby")
		if f.Drifted != 1 || f.Drift[0] != "file:/etc/a" || f.Mended || w.value("standby", "/etc/a") != "by hand" {
			t.Errorf("%v, and the status says %+v", h.is, f)
		}
		if w.value("standby", "/etc/b") != "2" || w.value("standby", "/etc/new") != "1" {
			t.Errorf("what changed did not come: %v", h.is)
		}
		w.edit("/etc/a", "2") // its own change brings it
		w.pass(time.Minute)
		w.inStep("standby")
	})
}

// What a person let pass passes once, though not all of it went well.
func TestLetPassOnce(t *testing.T) {
	follows(t, nil, func(w *world) {
		w.pass(2 * time.Second)
		h := w.followers["standby"]
		w.with(func() { h.over, h.refuses[file("/etc/a")] = true, "bad" })
		w.edit("/etc/a", "bad")
		w.pass(time.Second)
		w.is("standby", OverBudget)
		w.with(func() { w.allowed = time.Now() })
		w.pass(5 * time.Second)
		w.edit("/etc/b", "")
		w.pass(time.Hour)
		w.is("standby", OverBudget)
		if got := w.value("standby", "/etc/b"); got != "1" {
			t.Errorf("what was allowed before let this pass: it is %q", got)
		}
	})
}

// What is held back is so beside what is to be merged by hand.
func TestHeldBackBesideAConflict(t *testing.T) {
	follows(t, nil, func(w *world) {
		w.pass(2 * time.Second)
		h := w.followers["standby"]
		w.with(func() { h.conflict, h.refuses[file("/etc/a")] = true, "bad" })
		w.edit("/etc/a", "bad")
		w.pass(2 * time.Second)
		w.is("standby", HeldBack)
		if f := w.told("standby"); f.Conflict == "" || len(f.HeldBack) != 1 {
			t.Errorf("the status says %+v", f)
		}
		w.with(func() { h.conflict = false; clear(h.refuses) })
		w.pass(heldBackLast + time.Second)
		w.inStep("standby")
	})
}

// A file that nothing can be compiled with is held back alone, though it is broken
// twice.
func TestBrokenAgain(t *testing.T) {
	follows(t, nil, func(w *world) {
		w.pass(2 * time.Second)
		for _, value := range []string{broken, broken + " again", broken + " and again"} {
			w.edit("/etc/a", value)
			w.pass(time.Second)
			w.edit("/etc/b", "with "+value)
			w.pass(time.Second)
			w.is("standby", HeldBack)
			if a, b := w.value("standby", "/etc/a"), w.value("standby", "/etc/b"); a != "1" || b != "with "+value {
				t.Errorf("%s: a is %q, and b %q", value, a, b)
			}
			if f := w.told("standby"); len(f.HeldBack) != 1 || f.HeldBack[0].Name != "file:/etc/a" {
				t.Errorf("%s: the status says %+v", value, f)
			}
		}
		w.edit("/etc/a", "mended")
		w.pass(time.Second)
		w.inStep("standby")
	})
}

// A file that nothing compiles with is kept as it was, whenever that is found, and
// comes when it is mended, whatever else is going on then.
func TestSpoilt(t *testing.T) {
	follows(t, nil, func(w *world) {
		w.pass(2 * time.Second)
		h := w.followers["standby"]
		keeps := func(a, b string) {
			t.Helper()
			w.is("standby", HeldBack)
			if w.value("standby", "/etc/a") != a || w.value("standby", "/etc/b") != b {
				t.Errorf("want a %q, b %q: %v", a, b, h.is)
			}
			if f := w.told("standby"); len(f.HeldBack) != 1 || f.HeldBack[0].Name != "file:/etc/a" {
				t.Errorf("the status says %+v", f)
			}
		}
		w.edit("/etc/a", broken)
		w.edit("/etc/b", "2")
		w.pass(2 * time.Second)
		keeps("1", "2")
		w.edit("/etc/b", "3")
		w.pass(2 * time.Second)
		keeps("1", "3")
		w.pass(3 * time.Hour) // and audits
		keeps("1", "3")
		if f := w.told("standby"); time.Since(f.HeldBack[0].Since) < 3*time.Hour {
			t.Errorf("it is held back since %v only", f.HeldBack[0].Since)
		}

		away := func(is bool) { w.with(func() { h.away = is }) }
		away(true)
		w.edit("/etc/b", "4")
		w.pass(10 * time.Second) // all is to be compared now
		w.edit("/etc/a", "mended")
		w.pass(time.Minute)
		away(false)
		w.pass(time.Minute + 5*time.Second)
		w.inStep("standby")

		away(true)
		w.edit("/etc/b", "5")
		w.pass(10 * time.Second)
		w.edit("/etc/a", broken)
		w.pass(time.Minute)
		away(false)
		w.pass(time.Minute + 5*time.Second)
		keeps("mended", "5")
		w.edit("/etc/a", "2")
		w.pass(5 * time.Second)
		w.inStep("standby")
	})
}

// One that is away is not tried at each change of a source that never keeps still.
func TestAwayIsNotHurried(t *testing.T) {
	follows(t, nil, func(w *world) {
		w.pass(2 * time.Second)
		h := w.followers["standby"]
		w.with(func() { h.away = true })
		before := h.wholes
		for i := range 600 {
			w.edit("/etc/a", fmt.Sprint(i))
			w.pass(100 * time.Millisecond)
		}
		if n := h.wholes - before; n < 2 || n > 12 {
			t.Errorf("tried %d times in a minute", n)
		}
		w.with(func() { h.away = false })
		w.pass(time.Minute)
		w.inStep("standby")
	})
}

// What was held back because it might have been what does not compile is tried again.
func TestHeldBackOnSuspicion(t *testing.T) {
	follows(t, nil, func(w *world) {
		w.pass(2 * time.Second)
		h := w.followers["standby"]
		w.with(func() { h.takes = 5 * time.Second })
		w.edit("/etc/b", "2") // is being applied while the rest comes
		w.pass(time.Second)
		w.edit("/etc/a", unnamed)
		for i := range 20 {
			w.edit(fmt.Sprint("/etc/", i), "1")
		}
		w.pass(10 * time.Second)
		w.with(func() { h.takes = time.Millisecond })
		w.pass(10 * time.Minute)
		w.is("standby", HeldBack)
		if got := w.value("standby", "/etc/a"); got != "1" {
			t.Errorf("it is %q", got)
		}
		w.edit("/etc/a", "mended")
		w.pass(2 * time.Hour)
		w.inStep("standby")
	})
}

// A follower that hangs is given up alone, told of as such and tried again, while the
// watchdog, the source and the others know nothing of it.
func TestHangs(t *testing.T) {
	follows(t, func(w *world, _ *Following) { w.host("vps") }, func(w *world) {
		w.pass(10 * time.Second)
		h := w.followers["standby"]
		w.with(func() { h.hangs = true })
		w.edit("/etc/a", "2")
		alive := func(d time.Duration) {
			t.Helper()
			for range int(d / time.Minute) {
				w.pass(time.Minute)
				if age := w.aliveFor(); age > 2*aliveEvery {
					t.Fatalf("the watchdog heard nothing for %v", age)
				}
			}
		}
		alive(applyMost)
		w.inStep("vps")
		alive(2 * time.Minute)
		w.is("standby", Hung)
		w.edit("/etc/a", "3")
		alive(3 * time.Hour)
		w.is("standby", Hung)
		w.inStep("vps")
		if n := h.foundLocked; n < 3 || n > int(3*time.Hour/awayAtMost) {
			t.Errorf("it was tried %d times", n)
		}
		w.with(func() { h.hangs = false })
		alive(3 * time.Minute)
		w.inStep("standby")
		if h.overlaps > 0 {
			t.Errorf("%d applies at the same time", h.overlaps)
		}
	})
}
