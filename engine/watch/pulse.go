package watch

import (
	"fmt"
	"sync"
	"time"
)

// pulse is how the watchdog knows that a goroutine of the loop is not stuck: it waits
// for something to do, or does what is to be over by a time. Each thing is done under
// a context that ends then, so that what hangs is given up and tried again; a pulse
// that is late even so is of one that nothing but a restart will free.
type pulse struct {
	of string

	mu    sync.Mutex
	what  string
	until time.Time // zero: it waits
}

// The longest that things may take.
const (
	readMost  = 30 * time.Minute // all of a host, and what packages brought
	writeMost = 2 * time.Hour    // a generation: contents of packages are fetched for it
	applyMost = 4 * time.Hour    // dnf, daemons, logins
	briefMost = 2 * time.Minute  // what asks no host

	lateAfter = 2 * time.Minute // to end once its context has
)

// does says what is done from now on, and the longest that it may take.
func (p *pulse) does(what string, most time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.what, p.until = what, time.Now().Add(most)
}

// waits says that nothing is done.
func (p *pulse) waits() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until = time.Time{}
}

// late says what is stuck; "" where nothing is.
func (p *pulse) late(now time.Time) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.until.IsZero() || now.Before(p.until.Add(lateAfter)) {
		return ""
	}
	return fmt.Sprintf("%s: %s was to be over %s ago", p.of, p.what, Span(now.Sub(p.until)))
}

// pulse makes one that the watchdog looks at.
func (b *board) pulse(of string) *pulse {
	p := &pulse{of: of}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pulses = append(b.pulses, p)
	return p
}

// alive tells the watchdog that all is well, where it is.
func (b *board) alive(now time.Time) {
	b.mu.Lock()
	pulses := b.pulses
	b.mu.Unlock()
	for _, p := range pulses {
		if what := p.late(now); what != "" {
			b.loop.Log.Error("stuck: a restart will free it", "what", what)
			return
		}
	}
	if b.loop.Alive != nil {
		b.loop.Alive()
	}
}
