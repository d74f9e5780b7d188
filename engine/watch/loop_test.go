package watch

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"hikae/engine"
)

// What changes is there at once, is stored within a second, and what changes within
// ten minutes is one generation.
func TestFollows(t *testing.T) {
	follows(t, nil, func(w *world) {
		w.pass(2 * time.Second)
		w.inStep("standby")
		w.edit("/etc/a", "2")
		w.pass(50 * time.Millisecond)
		if got := w.value("standby", "/etc/a"); got != "2" {
			t.Errorf("50 ms later it is %q", got)
		}
		w.edit("/etc/new", "1")
		w.edit("/etc/b", "")
		w.pass(time.Second)
		w.inStep("standby")
		w.with(func() {
			if n := len(w.gens); n != 1 || !maps.Equal(w.gens[0].of, w.primary) {
				t.Errorf("%d generations, the newest of %v", n, w.gens[n-1].of)
			}
			if want := []string{"/etc/a=1", "/etc/b=1", "/etc/a=2", "/etc/b=", "/etc/new=1"}; !slices.Equal(sorted(w.followers["standby"].applies), sorted(want)) {
				t.Errorf("applied %v", w.followers["standby"].applies)
			}
		})
		w.pass(10 * time.Minute)
		w.edit("/etc/a", "3")
		w.pass(time.Second)
		w.with(func() {
			if n := len(w.gens); n != 2 {
				t.Errorf("%d generations after it was frozen", n)
			}
		})
		if f := w.told("standby"); f.Kinds["file"].Applied.IsZero() || f.Seen.IsZero() || f.Audit.IsZero() {
			t.Errorf("the status lacks something: %+v", f)
		}
	})
}

func sorted(s []string) []string { s = slices.Clone(s); slices.Sort(s); return s }

// What changes while an apply runs is not lost, and nothing is applied twice or
// beside another apply.
func TestChangesMeanwhile(t *testing.T) {
	follows(t, nil, func(w *world) {
		w.pass(2 * time.Second)
		w.with(func() { w.followers["standby"].takes = time.Second })
		for i := range 50 {
			w.edit(fmt.Sprintf("/etc/f%d", i%7), fmt.Sprint(i))
			w.pass(130 * time.Millisecond)
		}
		w.pass(5 * time.Second)
		w.inStep("standby")
		h := w.followers["standby"]
		if h.overlaps > 0 || h.wholes != 1 {
			t.Errorf("%d applies beside another, %d of the whole host", h.overlaps, h.wholes)
		}
		if twice := sorted(h.applies); len(slices.Compact(twice)) != len(h.applies) {
			t.Errorf("applied twice: %v", h.applies)
		}
	})
}

// A primary that goes away, again and again, stops nothing; it is asked for less and
// less often, and followed again when it is back.
func TestSourceAway(t *testing.T) {
	follows(t, nil, func(w *world) {
		w.pass(2 * time.Second)
		w.goDown()
		w.with(func() { w.primary[file("/etc/a")] = "2" }) // nobody hears of it
		w.pass(time.Minute)
		w.with(func() {
			if s := w.status.Sources[0]; s.State != away || s.Why == "" {
				t.Errorf("the status says %+v", s)
			}
		})
		w.is("standby", InStep) // with what was known
		if f := w.told("standby"); f.BehindFor(&SourceStatus{State: away, Since: time.Now().Add(-time.Minute)}, time.Now()) < 50*time.Second {
			t.Errorf("it is not behind: %+v", f)
		}
		w.pass(3 * time.Hour)
		w.comeBack()
		w.pass(time.Minute + 5*time.Second) // the longest wait
		w.inStep("standby")
		w.edit("/etc/b", "2")
		w.pass(time.Second)
		w.inStep("standby")
	})
}

// A primary that goes down says nothing of what others should be.
func TestSourceStops(t *testing.T) {
	follows(t, nil, func(w *world) {
		w.pass(2 * time.Second)
		w.with(func() { w.systemd = "stopping" })
		w.edit("/etc/a", "")
		w.pass(time.Minute)
		if got := w.value("standby", "/etc/a"); got != "1" {
			t.Errorf("a host that is going down was followed: %q", got)
		}
		if w.sessions > 10 {
			t.Errorf("it was read %d times in a minute", w.sessions)
		}
		w.with(func() { w.systemd = "running"; w.primary[file("/etc/a")] = "2" })
		w.pass(2 * time.Minute)
		w.inStep("standby")
	})
}

// A source that can be reached, but not followed for long, is not asked without end.
func TestSourceFlaps(t *testing.T) {
	follows(t, nil, func(w *world) {
		w.pass(2 * time.Second)
		for range 600 {
			if w.pass(time.Second); w.up {
				w.goDown()
			} else {
				w.comeBack()
			}
		}
		w.with(func() {
			if w.sessions > 120 {
				t.Errorf("%d sessions in 10 minutes", w.sessions)
			}
		})
		if !w.up {
			w.comeBack()
		}
		w.edit("/etc/a", "9")
		w.pass(2 * time.Minute)
		w.inStep("standby")
	})
}

// A store that cannot be written keeps no change from the followers.
func TestStoreCannotBeWritten(t *testing.T) {
	follows(t, nil, func(w *world) {
		w.pass(2 * time.Second)
		w.with(func() { w.storeErr = errors.New("no space left on device") })
		w.edit("/etc/a", "2")
		w.pass(5 * time.Second)
		w.inStep("standby")
		w.with(func() {
			if s := w.status.Sources[0]; s.Store == "" {
				t.Errorf("the status says %+v", s)
			}
			w.storeErr = nil
		})
		w.pass(storeAgain + time.Second)
		w.with(func() {
			if s := w.status.Sources[0]; s.Store != "" || !maps.Equal(w.gens[len(w.gens)-1].of, w.primary) {
				t.Errorf("the status says %+v, stored is %v", s, w.gens)
			}
		})
	})
}

// What changes while it is read is not seen, and comes when it rests.
func TestChangedWhileRead(t *testing.T) {
	follows(t, nil, func(w *world) {
		w.pass(2 * time.Second)
		w.with(func() { w.lost[file("/etc/a")] = true })
		w.edit("/etc/a", "half")
		w.edit("/etc/b", "2")
		w.pass(time.Second)
		if a, b := w.value("standby", "/etc/a"), w.value("standby", "/etc/b"); a != "1" || b != "2" {
			t.Errorf("a %q, b %q", a, b)
		}
		w.with(func() { clear(w.lost) })
		w.edit("/etc/a", "whole")
		w.pass(time.Second)
		w.inStep("standby")
	})
}

// A mount that is gone is an alarm, as long as it is.
func TestAlarm(t *testing.T) {
	follows(t, nil, func(w *world) {
		w.pass(2 * time.Second)
		w.with(func() { w.holes = []engine.Hole{{Path: "/srv", Mount: true, Err: "it is not mounted"}, {Path: "/x"}} })
		w.edit("/etc/a", "2")
		w.pass(time.Second)
		w.with(func() {
			if a := w.status.Sources[0].Alarms; len(a) != 1 {
				t.Errorf("alarms: %q", a)
			}
			w.holes = nil
		})
		w.edit("/etc/a", "3")
		w.pass(time.Second)
		w.with(func() {
			if a := w.status.Sources[0].Alarms; len(a) > 0 {
				t.Errorf("alarms: %q", a)
			}
		})
	})
}

// Idle hours cost no work, and the status is a few seconds old at most.
func TestIdle(t *testing.T) {
	follows(t, func(_ *world, of *Following) { of.Audit = 24 * time.Hour }, func(w *world) {
		w.pass(10 * time.Second)
		before, gens := w.followers["standby"].wholes, 0
		w.with(func() { gens = len(w.gens) })
		w.pass(12 * time.Hour)
		w.with(func() {
			if age := time.Since(w.status.Written); age > 2*aliveEvery {
				t.Errorf("the status is %v old", age)
			}
			if h := w.followers["standby"]; h.wholes != before || h.plans > 0 || len(w.gens) != gens {
				t.Errorf("%d applies, %d plans, %d generations while nothing changed", h.wholes-before, h.plans, len(w.gens)-gens)
			}
		})
	})
}

// What hangs is given up and tried again, and the watchdog is told that all is well
// all the while; of what cannot be given up it is not.
func TestWatchdog(t *testing.T) {
	follows(t, nil, func(w *world) {
		w.pass(2 * time.Second)
		if !w.isReady() {
			t.Error("it is not ready")
		}
		h := w.followers["standby"]
		w.with(func() { h.stalls = true })
		w.edit("/etc/a", "2")
		for range int(applyMost / time.Minute) {
			w.pass(time.Minute)
			if age := w.aliveFor(); age > 2*aliveEvery {
				t.Fatalf("the watchdog heard nothing for %v", age)
			}
		}
		w.with(func() { h.stalls = false })
		w.pass(5 * time.Minute)
		w.inStep("standby")

		stuck := make(chan struct{})
		w.with(func() { h.stuck = stuck })
		w.edit("/etc/a", "3")
		w.pass(applyMost + lateAfter + time.Minute)
		if age := w.aliveFor(); age < 30*time.Second {
			t.Errorf("the watchdog was told %v ago that all is well", age)
		}
		w.with(func() { h.stuck = nil })
		close(stuck)
		w.pass(5 * time.Minute)
		w.inStep("standby")
		if age := w.aliveFor(); age > 2*aliveEvery {
			t.Errorf("the watchdog heard nothing for %v", age)
		}
	})
}

// While a loop ends, as when the project was edited, what it has begun is brought to its
// end: the watchdog must not kill it for that.
func TestWatchdogAtTheEnd(t *testing.T) {
	follows(t, nil, func(w *world) {
		w.pass(10 * time.Second)
		h := w.followers["standby"]
		stuck := make(chan struct{})
		w.with(func() { h.stuck = stuck })
		w.edit("/etc/a", "2")
		w.pass(time.Second)
		go func() { // the loop is told to end meanwhile
			w.pass(10 * time.Minute)
			if age := w.aliveFor(); age > 2*aliveEvery {
				t.Errorf("the watchdog heard nothing for %v", age)
			}
			close(stuck)
		}()
	})
}

// A primary whose agent answers, and never begins to watch, is given up as any other
// that hangs, and the watchdog has no reason to end all that follow others.
func TestNeverReady(t *testing.T) {
	follows(t, func(w *world, _ *Following) { w.unready = true }, func(w *world) {
		for range 60 {
			w.pass(time.Minute)
			if age := w.aliveFor(); age > 2*aliveEvery {
				t.Fatalf("the watchdog heard nothing for %v", age)
			}
		}
		w.with(func() { w.unready = false })
		w.pass(readMost + 2*time.Minute)
		w.inStep("standby")
	})
}

// It is ready, for systemd, once it was found that the primary is away, too.
func TestReadyWhileAway(t *testing.T) {
	follows(t, func(w *world, _ *Following) { w.goDown() }, func(w *world) {
		w.pass(5 * time.Second)
		if !w.isReady() {
			t.Error("it is not ready")
		}
		w.comeBack()
		w.pass(10 * time.Second)
		w.inStep("standby")
	})
}
