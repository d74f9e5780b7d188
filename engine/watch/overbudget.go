package watch

import (
	"time"

	"hikae/engine/control"
)

// overBudget tells of what a person is to look at. Their word is for what was told
// when they said it: more than that is told anew.
func (f *follower) overBudget(w work, over *control.OverBudget) {
	anew := w.allowed != nil || f.stopped.IsZero()
	if anew || !f.allowed() { // else it was said while this was tried
		f.over = over.Changes
	}
	f.tried = time.Now()
	if f.told.away(OverBudget, over); anew {
		f.stopped = time.Now()
		f.loop.Log.Error("stopped: more would be deleted or overwritten than the budget allows", "host", f.t.Name, "error", over)
	}
}

func (f *follower) passed() { f.stopped, f.over = time.Time{}, nil }

// allowed reports whether a person has let pass what was over the budget.
func (f *follower) allowed() bool {
	if f.stopped.IsZero() {
		return false
	}
	at, err := f.loop.Control.Allowed(f.t.Name)
	return err == nil && at.After(f.stopped)
}
