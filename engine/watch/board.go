package watch

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"sync"
	"time"
)

// board gathers the status of all, and writes it where `hikae status` reads it.
type board struct {
	loop  *Loop
	dirty chan struct{}
	trees []func() MirrorStatus

	mu     sync.Mutex
	status Status
	pulses []*pulse

	failing map[string]bool // what could not be written when it last was
}

// tried logs that something could not be written, once until it could: it is tried
// every few seconds, and the disk may be full for days.
func (b *board) tried(what string, err error) {
	if err != nil && !b.failing[what] {
		b.loop.Log.Error("cannot say how it is; it is tried again", "error", err)
	}
	b.failing[what] = err != nil
}

func newBoard(l *Loop) *board {
	now := time.Now().UTC()
	b := &board{loop: l, dirty: make(chan struct{}, 1), failing: map[string]bool{}, status: Status{Process: os.Getpid(), Started: now}}
	for _, f := range l.Following {
		b.status.Sources = append(b.status.Sources, SourceStatus{Host: f.Source.Name, State: connecting, Since: now})
		for _, t := range f.Followers {
			b.status.Followers = append(b.status.Followers, FollowerStatus{Host: t.Name, Source: f.Source.Name, State: Starting, Since: now})
		}
	}
	return b
}

// run writes the status as it changes, at most so often, and now and then.
func (b *board) run(ctx context.Context) {
	const atMost = 200 * time.Millisecond
	alive := time.NewTicker(aliveEvery)
	defer alive.Stop()
	b.metricsFile()
	for {
		b.write()
		select {
		case <-ctx.Done():
			b.write()
			return
		case <-b.dirty:
			sleep(ctx, atMost)
		case <-alive.C:
			b.metricsFile()
			b.alive(time.Now())
		}
	}
}

func (b *board) write() {
	var mirrors []MirrorStatus
	for _, status := range b.trees { // it looks for a hold on the disk, which nobody else is to wait for
		mirrors = append(mirrors, status())
	}
	b.mu.Lock()
	b.status.Written, b.status.Mirrors = time.Now().UTC(), mirrors
	raw, err := json.Marshal(b.status)
	b.mu.Unlock()
	if err == nil {
		err = b.loop.Control.WriteStatus(raw)
	}
	b.tried("status", err)
}

// change changes the status.
func (b *board) change(how func()) {
	b.mu.Lock()
	how()
	b.mu.Unlock()
	select {
	case b.dirty <- struct{}{}:
	default:
	}
}

func (b *board) source(host string) *sourceStatus {
	i := slices.IndexFunc(b.status.Sources, func(s SourceStatus) bool { return s.Host == host })
	return &sourceStatus{b, &b.status.Sources[i]}
}

// sourceStatus is what a source tells.
type sourceStatus struct {
	*board
	s *SourceStatus
}

func (t *sourceStatus) be(state, why string) {
	t.change(func() {
		if t.s.State != state {
			t.s.State, t.s.Since = state, time.Now().UTC()
		}
		t.s.Why = why
	})
}

func (t *sourceStatus) away(err error) { t.be(away, err.Error()) }

func (t *sourceStatus) here() { t.be(followed, "") }

// anew forgets what was noted of a session that has ended.
func (t *sourceStatus) anew() { t.change(func() { t.s.Notes = nil }) }

func (t *sourceStatus) changed(at time.Time) { t.change(func() { t.s.Changed = at.UTC() }) }

func (t *sourceStatus) stored(gen string) {
	t.change(func() { t.s.Generation, t.s.Store = gen, "" })
}

func (t *sourceStatus) store(err error) { t.change(func() { t.s.Store = err.Error() }) }

func (t *sourceStatus) note(text string) {
	const most = 20
	t.change(func() {
		if !slices.Contains(t.s.Notes, text) && len(t.s.Notes) < most {
			t.s.Notes = append(t.s.Notes, text)
		}
	})
}

// alarm sets the alarms, and returns those that are new.
func (t *sourceStatus) alarm(all []string) (fresh []string) {
	t.change(func() {
		for _, text := range all {
			if !slices.Contains(t.s.Alarms, text) {
				fresh = append(fresh, text)
			}
		}
		t.s.Alarms = all
	})
	return fresh
}
