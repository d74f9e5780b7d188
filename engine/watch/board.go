package watch

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"sync"
	"time"

	"hikae/engine"
	"hikae/engine/control"
)

// board gathers the status of all, and writes it where `hikae status` reads it.
type board struct {
	loop  *Loop
	dirty chan struct{}

	mu     sync.Mutex
	status Status
}

func newBoard(l *Loop) *board {
	now := time.Now().UTC()
	b := &board{loop: l, dirty: make(chan struct{}, 1), status: Status{Process: os.Getpid(), Started: now}}
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
	for {
		b.write()
		select {
		case <-ctx.Done():
			b.write()
			return
		case <-b.dirty:
			sleep(ctx, atMost)
		case <-alive.C:
			if b.loop.Alive != nil {
				b.loop.Alive()
			}
		}
	}
}

func (b *board) write() {
	b.mu.Lock()
	b.status.Written = time.Now().UTC()
	raw, err := json.Marshal(b.status)
	b.mu.Unlock()
	if err == nil {
		err = b.loop.Control.Store.WriteStatus(raw)
	}
	if err != nil {
		b.loop.Log.Error("cannot say how it is", "error", err)
	}
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

func (b *board) follower(host, source string) *followerStatus {
	i := slices.IndexFunc(b.status.Followers, func(s FollowerStatus) bool { return s.Host == host && s.Source == source })
	return &followerStatus{b, &b.status.Followers[i]}
}

// followerStatus is what a follower tells.
type followerStatus struct {
	*board
	s *FollowerStatus
}

// be needs the lock.
func (t *followerStatus) be(state State, why string) {
	if t.s.State != state {
		t.s.State, t.s.Since = state, time.Now().UTC()
	}
	t.s.Why = why
}

// waits says what is yet to be applied.
func (t *followerStatus) waits(addrs map[engine.Addr]time.Time, all bool) {
	t.change(func() {
		t.s.All, t.s.Behind, t.s.Oldest = all, nil, time.Time{}
		for a, since := range addrs {
			if t.s.Behind == nil {
				t.s.Behind = map[string]int{}
			}
			t.s.Behind[a.Kind]++
			if t.s.Oldest.IsZero() || since.Before(t.s.Oldest) {
				t.s.Oldest = since.UTC()
			}
		}
		if all || len(addrs) > 0 {
			switch t.s.State {
			case InStep, HeldBack:
				t.be(Behind, "")
			}
		}
	})
}

// applied says that so much was; nothing waits but what waits says.
func (t *followerStatus) applied(addrs map[engine.Addr]time.Time, all bool) {
	t.change(func() {
		if t.s.HeldBack = slices.DeleteFunc(t.s.HeldBack, func(h Held) bool {
			return all || slices.ContainsFunc(keys(addrs), func(a engine.Addr) bool { return a.String() == h.Name })
		}); all {
			t.s.Conflict = ""
		}
		if len(addrs) > 0 || all {
			t.s.Applied = time.Now().UTC()
			t.s.Changes += len(addrs)
		}
		t.rest()
	})
}

// rest is the state of one that has done what it could. It needs the lock.
func (t *followerStatus) rest() {
	switch {
	case t.s.All || len(t.s.Behind) > 0:
		t.be(Behind, "")
	case len(t.s.HeldBack) > 0:
		t.be(HeldBack, t.s.HeldBack[0].Why)
	default:
		t.be(InStep, "")
	}
}

func keys(m map[engine.Addr]time.Time) []engine.Addr {
	out := make([]engine.Addr, 0, len(m))
	for a := range m {
		out = append(out, a)
	}
	return out
}

func (t *followerStatus) keepsBack(addrs []engine.Addr, err error) {
	t.change(func() {
		names := []string{""}
		if len(addrs) > 0 {
			names = nil
		}
		for _, a := range addrs {
			names = append(names, a.String())
		}
		for _, n := range names {
			i := slices.IndexFunc(t.s.HeldBack, func(h Held) bool { return h.Name == n })
			if i < 0 {
				t.s.HeldBack = append(t.s.HeldBack, Held{Name: n, Since: time.Now().UTC()})
				i = len(t.s.HeldBack) - 1
			}
			t.s.HeldBack[i].Why = err.Error()
		}
		t.rest()
	})
}

func (t *followerStatus) conflict(err error) { t.change(func() { t.s.Conflict = err.Error() }) }

// away says why nothing can be applied; it reports whether that is new.
func (t *followerStatus) away(state State, err error) (fresh bool) {
	t.change(func() {
		fresh = t.s.State != state
		t.be(state, err.Error())
	})
	return fresh
}

func (t *followerStatus) working() {
	t.change(func() {
		if t.s.State == OnHold || t.s.State == Waiting {
			t.be(Behind, "")
		}
	})
}

func (t *followerStatus) waiting(err error) {
	why := "look at it with hikae plan " + t.s.Host + ", then hikae apply " + t.s.Host
	if err != nil {
		why = err.Error()
	}
	t.change(func() { t.be(Waiting, why) })
}

func (t *followerStatus) held(h *control.Hold, err error) {
	why := ""
	switch {
	case err != nil:
		why = err.Error()
	case h.Until.IsZero():
		why = "by " + h.By + ", until it is released"
	default:
		why = "by " + h.By + ", until " + h.Until.Format(time.RFC3339)
	}
	t.change(func() { t.be(OnHold, why) })
}

func (t *followerStatus) audited(drift []string) {
	t.change(func() { t.s.Drift, t.s.Audited = drift, time.Now().UTC() })
}

func (t *followerStatus) nextAudit(at time.Time) { t.change(func() { t.s.Audit = at.UTC() }) }
