package control

import (
	"sync"
	"time"

	"hikae/states"
)

// Ages is how old generations are. What a process has seen come ages by the clock that
// nobody sets: by the wall clock, an update would come to followers at once where that
// is set forward, and not for years where it is set back. Of what was there before there
// is only the wall clock to go by. Controllers of one process that goes on share it; nil
// remembers nothing.
type Ages struct {
	started time.Time

	mu    sync.Mutex
	begun map[string]map[string]time.Duration // by host and generation: when, from the start on
}

// NewAges knows of none.
func NewAges() *Ages {
	return &Ages{started: time.Now(), begun: map[string]map[string]time.Duration{}}
}

// of gives the ages of all generations of a host, of which there are some, the oldest
// first; negative where a name tells none.
func (a *Ages) of(host string, gens []string) []time.Duration {
	if a == nil {
		a = NewAges()
	}
	return a.at(host, gens, time.Now(), time.Since(a.started))
}

// at is of, when the wall clock shows so much, and it is so long since the start.
func (a *Ages) at(host string, gens []string, wall time.Time, since time.Duration) []time.Duration {
	// Where the clock was set back before the start, all would be too young, and the
	// oldest be due: an update taken back.
	if newest, err := states.GenerationTime(gens[len(gens)-1]); err == nil && newest.After(wall) {
		wall = newest
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	known, ages := make(map[string]time.Duration, len(gens)), make([]time.Duration, len(gens))
	for i, g := range gens {
		begun, seen := a.begun[host][g]
		if !seen {
			t, err := states.GenerationTime(g)
			if err != nil {
				ages[i] = -1
				continue
			}
			begun = since - wall.Sub(t)
		}
		known[g], ages[i] = begun, since-begun
	}
	a.begun[host] = known // and not those that are no more
	return ages
}

// sees has the generations of a host age from now on that are there.
func (c *Controller) sees(host string) {
	if c.Ages == nil {
		return
	}
	if gens, err := c.Store.Generations(host); err == nil && len(gens) > 0 {
		c.Ages.of(host, gens)
	}
}
