package hosts

import (
	"context"
	"time"
)

// Work is what processes do at a moment.
type Work struct {
	Busy bool          // one runs, is to run, or waits for a disk; or it is not known
	Used time.Duration // processor time that all together have used until now, unless Busy
}

// WorkReader is a Host that can tell whether a unit's processes are at work.
type WorkReader interface {
	// Work tells of the processes of a control group, as systemd names it.
	Work(ctx context.Context, cgroup string) (Work, error)
}

// Rest tells from looks at processes when they have come to rest: for so long they
// have used next to no processor time, and none that wants to run or waits for a
// disk is left. What is at work uses more, or is busy at each look; what looks after
// its children ten times a second does neither.
type Rest struct {
	For   time.Duration
	since time.Duration
	from  *Work // what was seen then; nil: they are at work
}

// What processes at rest may use, for their timers: a part of the time, and a moment.
const (
	restShare = 20 // 1/20
	restSlack = time.Millisecond
)

// Reached takes a look, made so long after some beginning.
func (r *Rest) Reached(at time.Duration, w Work) bool {
	if w.Busy {
		return false
	}
	if r.from != nil {
		used := w.Used - r.from.Used // less than nothing where one has ended
		if used < 0 || used > (at-r.since)/restShare+restSlack {
			r.from = nil
		}
	}
	if r.from == nil {
		r.from, r.since = &w, at
	}
	return at-r.since >= r.For
}
