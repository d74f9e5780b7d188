package watch

import (
	"errors"
	"slices"
	"time"

	"hikae/engine"
	"hikae/engine/control"
)

// spoils finds what of the work cannot be given to the follower as it is, and takes
// it out; it reports whether there is to be another try at once.
func (f *follower) spoils(w *work, applied *control.Applied, err error) bool {
	out := applied != nil && len(applied.LockedOut) > 0
	if !out && !errors.As(err, new(*control.DiagError)) {
		return false
	}
	if w.snap == nil { // the source is away
		if snap, err := f.loop.Control.Load(f.source.of.Source.Name); err == nil {
			w.snap = snap
		}
	}
	found := false
	switch {
	case out:
		f.close() // the link may be gone, and what the host put back is to be seen
		w.all = true
		for _, a := range applied.LockedOut {
			wait := lockedOutSoon
			if f.outs[a] {
				wait = lockedOutAgain
			}
			f.outs[a] = true
			f.spoilt.lockedOut(err, a, wait, f.good, w.snap, w.addrs)
		}
		found = true
	case f.good == nil:
		found = f.spoilt.find(err, f.stored(w.snap), w.snap, w.addrs)
	default:
		before := lately(f.good, w.snap)
		found = f.spoilt.find(err, before, w.snap, w.addrs) || f.spoilt.suspect(err, before, w.snap, w.addrs)
	}
	if found {
		f.loop.Log.Error("held back; what it was before is kept", "host", f.t.Name, "error", err)
	}
	return found
}

// tellSpoilt tells of each, and why.
func (f *follower) tellSpoilt() {
	for _, a := range f.spoilt.addrs() {
		f.told.keepsBack([]engine.Addr{a}, f.spoilt[a].why)
	}
}

// How far back the past is looked for, and after how long once more where it was not
// found: to read a generation takes a while.
const (
	mostPast  = 20
	pastAgain = time.Minute
)

// stored is the past by the stored generations, for a loop that has just begun: the
// newest that has a file otherwise than it is now and than what was tried already.
func (f *follower) stored(now *engine.Snapshot) past {
	source := f.source.of.Source.Name
	return func(a engine.Addr) (*engine.Resource, string, bool) {
		if now == nil || time.Since(f.noPast) < pastAgain {
			return nil, "", false
		}
		not, before := []*engine.Resource{resourceOf(now, a)}, ""
		if one := f.spoilt[a]; one != nil {
			not, before = append(not, one.was), one.from
		}
		gens, _ := f.loop.Control.Generations(source) // none are as good
		looked := 0
		for _, gen := range slices.Backward(gens) {
			if before != "" && gen >= before {
				continue
			}
			if looked++; looked > mostPast {
				break
			}
			snap, err := f.loop.Control.Load(source + "@" + gen)
			if err != nil {
				f.loop.Log.Warn("cannot look for what a file was", "host", f.t.Name, "generation", gen, "error", err)
				continue
			}
			was := resourceOf(snap, a)
			if !slices.ContainsFunc(not, func(r *engine.Resource) bool { return engine.Same(r, was) }) {
				return was, gen, true
			}
		}
		f.noPast = time.Now()
		return nil, "", false
	}
}
