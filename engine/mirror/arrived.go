package mirror

import (
	"context"
	"time"
)

// Daemons are told of what arrived once it has been quiet for a moment, and
// where it never is, now and then.
const (
	quiet   = 500 * time.Millisecond
	longest = 5 * time.Second
)

// arrivals says when daemons are to be told.
type arrivals struct{ first, last time.Time }

func (a *arrivals) note() {
	a.last = time.Now()
	if a.first.IsZero() {
		a.first = a.last
	}
}

// hurry makes what arrived due.
func (a *arrivals) hurry() {
	if !a.first.IsZero() {
		a.first = a.first.Add(-longest)
	}
}

// due is when; zero where nothing arrived.
func (a *arrivals) due() time.Time {
	if a.first.IsZero() {
		return a.first
	}
	return earlier(a.last.Add(quiet), a.first.Add(longest))
}

// arrived reloads and runs what is to hear of data that arrived. That it fails
// keeps nothing from coming.
func (p *pair) arrived(ctx context.Context) error {
	m := p.m
	if at := p.arrivals.due(); at.IsZero() || time.Now().Before(at) {
		return nil
	}
	p.arrivals = arrivals{}
	if len(m.o.Reload) == 0 && len(m.o.Run) == 0 {
		return nil
	}
	var run [][]string
	if len(m.o.Run) > 0 {
		run = [][]string{m.o.Run}
	}
	if err := p.target.Arrived(ctx, m.o.Reload, run); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		m.note("%v", err)
	}
	return nil
}
