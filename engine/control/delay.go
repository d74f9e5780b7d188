package control

import (
	"slices"
	"time"

	"hikae/engine"
	"hikae/states"
)

// Delayed is a source whose packages are those that it had so long ago: what an
// update breaks is to be seen there first. Of what was never so, all that is known
// is how they were at first. A person who applies does not wait.
// Where snap is nil, the source is what its newest generation says.
func (c *Controller) Delayed(source string, snap *engine.Snapshot, delay time.Duration) (*engine.Snapshot, error) {
	if delay <= 0 {
		return snap, nil
	}
	if snap == nil {
		var err error
		if snap, err = c.Load(source); err != nil {
			return nil, err
		}
	}
	gens, err := c.Store.Generations(source)
	if err != nil || len(gens) == 0 {
		return snap, err
	}
	before := time.Now().Add(-delay)
	gen := gens[0]
	for _, g := range gens {
		if t, err := states.GenerationTime(g); err == nil && t.Before(before) {
			gen = g
		}
	}
	old, err := c.Load(source + "@" + gen)
	if err != nil {
		return nil, err
	}
	return withPackages(snap, old), nil
}

// delayedKinds are those that say which packages there are.
var delayedKinds = []string{"module_stream", "package"}

// withPackages is a snapshot with the packages of another.
func withPackages(snap, old *engine.Snapshot) *engine.Snapshot {
	out := *snap
	out.Resources = nil
	for _, from := range []struct {
		snap *engine.Snapshot
		late bool
	}{{snap, false}, {old, true}} {
		for _, r := range from.snap.Resources {
			if slices.Contains(delayedKinds, r.Addr.Kind) == from.late {
				out.Resources = append(out.Resources, r)
			}
		}
	}
	slices.SortFunc(out.Resources, func(a, b engine.Resource) int { return a.Addr.Compare(b.Addr) })
	return &out
}
