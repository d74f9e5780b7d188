package watch

import (
	"math/rand/v2"
	"time"
)

// backoff is how long to wait after one failure in a row, and the next.
type backoff struct {
	first, longest time.Duration
	tries          int
}

// again is the next wait, half of it left to chance: many who lost the same host
// do not come back to it at once.
func (b *backoff) again() time.Duration {
	d := b.first << min(b.tries, 20)
	if d > b.longest || d <= 0 {
		d = b.longest
	}
	b.tries++
	return d/2 + rand.N(d/2+1) //nolint:gosec // no secret
}

func (b *backoff) reset() { b.tries = 0 }
