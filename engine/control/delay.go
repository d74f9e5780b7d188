package control

import (
	"slices"
	"time"

	"hikae/engine"
)

// Due is what a source was so long ago, and when it is another that was: zero where
// no younger generation is stored. Of what was never so, all that is known is how it
// was at first; nil where nothing is known.
func (c *Controller) Due(source string, delay time.Duration) (was *engine.Snapshot, next time.Time, err error) {
	gens, err := c.Store.Generations(source)
	if err != nil || len(gens) == 0 {
		return nil, next, err
	}
	gen := gens[0]
	for i, age := range c.Ages.of(source, gens) {
		if i > 0 && age >= 0 && age < delay {
			next = time.Now().Add(delay - age)
			break
		}
		if age >= 0 {
			gen = gens[i]
		}
	}
	was, err = c.Load(source + "@" + gen)
	return was, next, err
}

// delayedKinds are those that say which packages there are.
var delayedKinds = []string{"module_stream", "package"}

// IsDelayed reports whether a kind comes to followers with a pair's delay: what an
// update breaks is to be seen on the source first. A person who applies does not wait.
func IsDelayed(kind string) bool { return slices.Contains(delayedKinds, kind) }

// WithPackages is a snapshot with the packages of another.
func WithPackages(snap, old *engine.Snapshot) *engine.Snapshot {
	out := *snap
	out.Resources = slices.Concat(
		slices.DeleteFunc(slices.Clone(snap.Resources), func(r engine.Resource) bool { return IsDelayed(r.Addr.Kind) }), packages(old))
	slices.SortFunc(out.Resources, func(a, b engine.Resource) int { return a.Addr.Compare(b.Addr) })
	return &out
}

// SamePackages reports whether two snapshots have the same.
func SamePackages(a, b *engine.Snapshot) bool {
	return slices.EqualFunc(packages(a), packages(b), func(a, b engine.Resource) bool { return a.Addr == b.Addr && engine.Same(&a, &b) })
}

func packages(snap *engine.Snapshot) []engine.Resource {
	return slices.DeleteFunc(slices.Clone(snap.Resources), func(r engine.Resource) bool { return !IsDelayed(r.Addr.Kind) })
}
