package watch

import (
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"hikae/engine"
	"hikae/engine/control"
	"hikae/states"
)

// judge decides what follows from how it went.
func (f *follower) judge(w work, applied *control.Applied, err error) time.Duration {
	var over *control.OverBudget
	switch {
	case err == nil, errors.Is(err, control.ErrConflict) && !errors.Is(err, control.ErrHeldBack):
		f.wait.reset()
		f.passed()
		maps.DeleteFunc(f.outs, func(a engine.Addr, _ bool) bool { return f.spoilt[a] == nil })
		f.good = f.spoilt.in(w.snap)
		f.done(w.addrs, w.all)
		if errors.Is(err, control.ErrConflict) {
			f.told.conflict(err)
		}
		return f.held.soon()
	case f.hung:
		return f.lost(Hung, w, err)
	case errors.Is(err, states.ErrLocked), errors.Is(err, engine.ErrLocked):
		f.back(w)
		f.told.away(Busy, err)
		return lookEvery
	case errors.As(err, &over):
		f.back(w)
		f.overBudget(w, over)
		return lookEvery
	case !w.all && !control.LostLink(err) && short(err):
		w.all = true
		f.back(w)
		f.loop.Log.Debug("all is compared", "host", f.t.Name, "because", err)
		f.wake()
		return 0
	case control.LostLink(err), applied == nil:
		return f.lost(Away, w, err)
	}
	return f.keepBack(w, applied, err)
}

// lost gives one up that is away or hangs, until it is tried again.
func (f *follower) lost(state State, w work, err error) time.Duration {
	f.close()
	w.all = true // nobody knows how far it came
	f.back(w)
	f.told.away(state, err)
	d := f.wait.again()
	if !errors.As(err, new(*control.DiagError)) { // the source's next change may mend that
		f.rest(min(d, awayAtMost))
	}
	text := "the follower is away, or cannot be compared"
	if state == Hung {
		text = "the follower hangs"
	}
	f.loop.Log.Warn(text, "host", f.t.Name, "error", err, "again_in", d.Round(time.Millisecond))
	return d
}

// rest keeps one that is away from being tried for a while.
func (f *follower) rest(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.retry = time.Now().Add(d)
}

// rests is for how long it is not tried yet.
func (f *follower) rests() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Until(f.retry)
}

// done tells of what was applied, and of what came meanwhile.
func (f *follower) done(addrs map[engine.Addr]time.Time, all bool) {
	f.mu.Lock()
	f.told.waits(f.work.addrs, f.work.all)
	f.mu.Unlock()
	f.told.applied(addrs, all, f.spoilt.addrs()...)
	f.tellSpoilt()
}

// keepBack tells of what failed; the rest goes on. It is tried again when it
// changes, soon after something else does, which may be what it wants, and now and
// then.
func (f *follower) keepBack(w work, applied *control.Applied, err error) time.Duration {
	f.passed() // what was let pass was so once, however it went
	f.mu.Lock()
	for _, a := range applied.Left {
		f.held.add(a, w.addrs[a])
	}
	f.held.all = f.held.all || w.all || len(applied.Left) == 0
	d := f.held.again()
	f.mu.Unlock()
	done := maps.Clone(w.addrs)
	for _, a := range applied.Left {
		delete(done, a)
	}
	f.done(done, false)
	f.told.keepsBack(applied.Left, err)
	if errors.Is(err, control.ErrConflict) {
		f.told.conflict(err)
	}
	f.loop.Log.Error("held back", "host", f.t.Name, "error", err, "changes", len(applied.Left), "again_in", d.Round(time.Second))
	return d
}

// short reports whether the short way alone has failed.
func short(err error) bool {
	return errors.Is(err, control.ErrWhole) || errors.Is(err, control.ErrNotInStep) || errors.Is(err, engine.ErrRefused)
}

// tell tells a person what an apply did that nobody was asked about.
func (f *follower) tell(applied *control.Applied) {
	if applied == nil {
		return
	}
	for _, n := range applied.Notes {
		f.loop.Log.Warn(n, "host", f.t.Name)
	}
	for _, a := range slices.Compact(slices.SortedFunc(slices.Values(applied.Overwritten), engine.Addr.Compare)) {
		f.loop.Log.Warn("a file that was edited on the host itself was overwritten; its old bytes are kept there", "host", f.t.Name, "file", a.Name, "kept", kept(applied.Kept, a.Name))
	}
	if applied.Applied > 0 {
		f.loop.Log.Info("applied", "host", f.t.Name, "changes", applied.Applied, "seconds", math.Round(applied.Seconds*1000)/1000)
	}
}

// kept finds the copy of a file among those that were kept.
func kept(all []string, name string) string {
	for _, k := range all {
		if strings.HasSuffix(k, name) {
			return k
		}
	}
	return ""
}
