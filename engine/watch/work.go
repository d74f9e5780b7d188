package watch

import (
	"time"

	"hikae/engine"
)

// work is what is to be done on a follower.
type work struct {
	all   bool                      // apply all of the newest generation
	snap  *engine.Snapshot          // what the source is
	addrs map[engine.Addr]time.Time // what changed there, and when that was heard of first
	audit bool                      // compare all, and tell of drift
	due   bool                      // see whether other packages are due
	// allowed is what a person has let pass that was over the budget.
	allowed engine.Allowance
}

func (w *work) none() bool { return !w.all && !w.audit && !w.due && len(w.addrs) == 0 }

// take is told of what changed on the source.
func (f *follower) take(snap *engine.Snapshot, changed []engine.Addr, since time.Time) {
	f.put(func(w *work) {
		w.snap = snap
		if len(w.addrs)+len(changed) > mostSingle {
			w.all = true
		}
		for _, a := range changed {
			if w.all && len(w.addrs) > 0 { // one of them says since when
				break
			}
			if _, waits := w.addrs[a]; !waits {
				w.addrs[a] = since
			}
		}
	})
}

// whole is told that all is to be applied, of what the source is or, where that is
// nil, of its newest generation.
func (f *follower) whole(snap *engine.Snapshot) {
	f.put(func(w *work) {
		f.retry = time.Time{} // what it was compared with in vain may be another
		if w.all = true; snap != nil {
			w.snap = snap
		}
	})
}

func (f *follower) put(change func(*work)) {
	f.mu.Lock()
	change(&f.work)
	f.told.waits(f.work.addrs, f.work.all)
	f.mu.Unlock()
	f.wake()
}

func (f *follower) wake() {
	select {
	case f.signal <- struct{}{}:
	default:
	}
}

// begin takes what there is to do, with what was held back where its time has come.
func (f *follower) begin() work {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.work
	f.work = work{snap: w.snap, addrs: map[engine.Addr]time.Time{}}
	f.held.release(&w)
	return w
}

// back puts work back that was not done, behind what came since.
func (f *follower) back(w work) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.work.all = f.work.all || w.all
	f.work.audit = f.work.audit || w.audit
	f.work.due = f.work.due || w.due
	if f.work.snap == nil {
		f.work.snap = w.snap
	}
	for a, since := range w.addrs {
		f.work.addrs[a] = since
	}
	f.told.waits(f.work.addrs, f.work.all)
}
