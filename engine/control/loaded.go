package control

import (
	"sync"
	"weak"

	"hikae/engine"
)

// Loaded are the snapshots that a Controller has decoded and somebody still
// uses: hosts that follow one source share it. A snapshot is never changed
// once it is loaded; what nobody uses any more is let go.
type Loaded struct {
	mu   sync.Mutex
	refs map[string]*loading
}

type loading struct {
	mu   sync.Mutex // held while it is decoded, so that this is done once
	snap weak.Pointer[engine.Snapshot]
}

// get gives the snapshot of that name, decoded now or before.
func (l *Loaded) get(ref string, decode func() (*engine.Snapshot, error)) (*engine.Snapshot, error) {
	if l == nil {
		return decode()
	}
	l.mu.Lock()
	if l.refs == nil {
		l.refs = map[string]*loading{}
	}
	one := l.refs[ref]
	if one == nil {
		one = &loading{}
		l.refs[ref] = one
	}
	l.mu.Unlock()
	one.mu.Lock()
	defer one.mu.Unlock()
	if snap := one.snap.Value(); snap != nil {
		return snap, nil
	}
	snap, err := decode()
	if err == nil {
		one.snap = weak.Make(snap)
	}
	return snap, err
}
