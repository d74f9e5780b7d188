package watch

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"hikae/engine"
	"hikae/engine/control"
)

// follower is a host that follows a source.
type follower struct {
	loop   *Loop
	source *source
	t      control.Target
	told   *followerStatus
	live   Follower // nil: not connected
	wait   backoff
	hung   bool // what was last tried was not over in its time
	audit  time.Duration
	pulse  *pulse

	signal chan struct{}
	held   heldBack
	spoilt spoilt
	// stopped is when its budget stopped it, zero: it did not; tried, when it last did.
	stopped, tried time.Time
	over           engine.Allowance     // what it was stopped for
	word           word                 // what was said by then
	due            *engine.Snapshot     // of which its packages are, where they are delayed
	next           time.Time            // when others may be due
	good           *engine.Snapshot     // the newest that something was applied of
	noPast         time.Time            // when none was found among the generations
	outs           map[engine.Addr]bool // what has kept everybody out

	mu    sync.Mutex
	work  work
	retry time.Time // not before it is one that is away tried again, whatever changes
}

func newFollower(l *Loop, b *board, s *source, t control.Target) *follower {
	return &follower{
		loop: l, source: s, t: t, told: b.follower(t.Name, s.of.Source.Name), signal: make(chan struct{}, 1),
		wait: backoff{first: time.Second, longest: time.Minute}, audit: s.of.Audit, pulse: b.pulse(t.Name), held: newHeldBack(), spoilt: spoilt{}, outs: map[engine.Addr]bool{},
		work: work{addrs: map[engine.Addr]time.Time{}},
	}
}

// trees are the data trees that are kept here.
func (f *follower) trees(b *board) (all []*tree) {
	if len(f.t.Only) > 0 {
		return nil
	}
	for _, s := range f.source.of.Mirrors {
		all = append(all, newTree(f.loop, b, f.source.of, f.t, s))
	}
	return all
}

// run brings the follower in step whenever there is something to do.
func (f *follower) run(ctx context.Context) {
	defer f.close()
	audit := time.NewTimer(f.audit)
	defer audit.Stop()
	f.told.nextAudit(time.Now().Add(f.audit))
	again := time.NewTimer(time.Hour)
	again.Stop()
	due := time.NewTimer(f.dueIn())
	defer due.Stop()
	alive := time.NewTicker(askEvery)
	defer alive.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-audit.C:
			audit.Reset(f.audit)
			f.told.nextAudit(time.Now().Add(f.audit))
			f.put(func(w *work) {
				w.audit = true
				f.spoilt.again(w.addrs, true)
			})
		case <-alive.C:
			f.pulse.does("asking whether it is there", briefMost)
			f.ask(ctx)
			if f.spoilt.due() {
				f.put(func(w *work) { f.spoilt.again(w.addrs, false) })
			}
			f.pulse.waits()
		case <-f.signal:
			f.pulse.does("a step", briefMost)
			if d := f.step(ctx); d > 0 {
				again.Reset(d)
			}
			due.Reset(f.dueIn())
			f.pulse.waits()
		case <-due.C:
			f.nowDue()
		case <-again.C:
			f.wake()
		}
	}
}

// ask finds out whether a follower is there that nothing is brought to: one that is
// not is told to be away, and compared as a whole once it is back.
func (f *follower) ask(ctx context.Context) {
	if f.live == nil {
		return
	}
	bound, cancel := context.WithTimeout(ctx, askMost)
	err := f.live.Alive(bound)
	late := bound.Err() != nil
	cancel()
	if ctx.Err() == nil && (late || control.LostLink(err)) {
		f.close()
		f.whole(nil)
	}
}

func (f *follower) close() {
	if f.live != nil {
		f.live.Close()
		f.live = nil
	}
}

// step does what there is to do, and returns after how long it is to be called
// again; 0 for when there is more to do.
func (f *follower) step(ctx context.Context) time.Duration {
	if held, err := f.loop.Control.Held(f.t.Name); err != nil || held != nil {
		f.told.held(held, err)
		return lookEvery
	}
	if !f.stopped.IsZero() && time.Since(f.tried) < overBudgetAgain && !f.allowed() {
		return lookEvery
	}
	if d := f.rests(); d > 0 {
		return d
	}
	w := f.begin()
	if w.none() {
		f.told.working() // a hold may be over
		f.told.applied(nil, false)
		return f.held.wait()
	}
	if known, err := f.loop.Control.Known(f.t.Name); err != nil || !known {
		f.told.waiting(err)
		f.back(w)
		return lookEvery
	}
	f.told.working()
	f.spoilt.mended(w.snap, w.addrs)
	f.pulse.does("an apply", applyMost)
	bound, cancel := context.WithTimeout(ctx, applyMost)
	applied, err := f.do(bound, &w)
	// What hangs there keeps the host locked even when it was given up.
	f.hung = err != nil && (bound.Err() != nil || f.hung && errors.Is(err, engine.ErrLocked))
	cancel()
	f.pulse.does("a step", briefMost)
	if ctx.Err() != nil {
		return 0
	}
	f.tell(applied)
	if f.spoils(&w, applied, err) {
		f.tellSpoilt()
		f.back(w)
		f.wake()
		return 0
	}
	return f.judge(w, applied, err)
}

// do tries the short way first.
func (f *follower) do(ctx context.Context, w *work) (*control.Applied, error) {
	if f.allowed() {
		w.allowed = f.over
	}
	w.all = w.all || f.live == nil || w.allowed != nil
	source, err := f.delayed(f.spoilt.in(w.snap), w)
	if err != nil {
		return nil, err
	}
	if w.audit {
		f.close()
		mend, err := f.compare(ctx, source, w.addrs)
		if err != nil {
			return nil, err
		}
		if w.all = w.all || mend; !w.all {
			if err := f.connect(ctx, source); err != nil {
				return nil, err
			}
		}
	}
	switch {
	case !w.all && len(w.addrs) == 0:
		return &control.Applied{}, nil
	case !w.all:
		return f.live.Converge(ctx, source, slices.Collect(maps.Keys(w.addrs)))
	}
	f.close()
	o := control.ApplyOptions{Shown: true, PlanOptions: control.PlanOptions{Source: source, Allowed: w.allowed}}
	o.Ask = func(ctx context.Context, packages []engine.Addr) error {
		return f.loop.Control.KeepRPMs(ctx, f.source.of.Source, packages)
	}
	applied, err := f.loop.Control.Apply(ctx, f.t, o)
	if applied == nil || control.LostLink(err) {
		return applied, err
	}
	return applied, errors.Join(err, f.connect(ctx, source))
}

func (f *follower) connect(ctx context.Context, source *engine.Snapshot) error {
	live, err := f.loop.Control.Follow(ctx, f.t, source)
	f.live = live
	return err
}

// compare tells of what the follower is not as it should be, but for what has just
// changed or is held back; it reports whether that is to be mended.
func (f *follower) compare(ctx context.Context, source *engine.Snapshot, changed map[engine.Addr]time.Time) (mend bool, err error) {
	p, err := f.loop.Control.Plan(ctx, f.t, control.PlanOptions{Source: source})
	if err != nil {
		return false, err
	}
	defer p.Close()
	var drift []string
	for _, ch := range p.Changes {
		_, is := changed[ch.Addr]
		if _, held := f.held.addrs[ch.Addr]; !is && !held {
			drift = append(drift, ch.Addr.String())
		}
	}
	f.told.audited(drift)
	f.told.conflict(p.ConflictError())
	if len(drift) > 0 {
		f.loop.Log.Warn("an audit found the host not as it should be", "host", f.t.Name, "changes", len(drift), "first", drift[0])
	}
	return len(drift) > 0 && !f.source.of.Report, nil
}
