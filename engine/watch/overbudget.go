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
		f.word = word{}
		f.allowed()
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
	return err == nil && f.word.isNew(at)
}

// word is what a person had said when it was first asked for (control.Allowed). By
// that, and not by its being younger than something, is another one known: a clock may
// be set back, and a word of the future would let all pass that comes.
type word struct {
	at    time.Time
	known bool
}

func (w *word) isNew(at time.Time) bool {
	if !w.known {
		*w = word{at, true}
	}
	return !at.Equal(w.at)
}
