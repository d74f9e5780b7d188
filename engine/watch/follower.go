package watch

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"hikae/engine"
	"hikae/engine/control"
	"hikae/states"
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

// work is what is to be done on a follower.
type work struct {
	all   bool                      // apply all of the newest generation
	snap  *engine.Snapshot          // what the source is
	addrs map[engine.Addr]time.Time // what changed there, and when that was heard of first
	audit bool                      // compare all, and tell of drift
	due   bool                      // see whether other packages are due
	// allowed is what a person has let pass that was over the budget.
	allowed engine.Allowance
}

func (w *work) none() bool { return !w.all && !w.audit && !w.due && len(w.addrs) == 0 }

func newFollower(l *Loop, b *board, s *source, t control.Target) *follower {
	return &follower{
		loop: l, source: s, t: t, told: b.follower(t.Name, s.of.Source.Name), signal: make(chan struct{}, 1),
		wait: backoff{first: time.Second, longest: time.Minute}, audit: s.of.Audit, pulse: b.pulse(t.Name), held: newHeldBack(), spoilt: spoilt{}, outs: map[engine.Addr]bool{},
		work: work{addrs: map[engine.Addr]time.Time{}},
	}
}

// take is told of what changed on the source.
func (f *follower) take(snap *engine.Snapshot, changed []engine.Addr, since time.Time) {
	f.put(func(w *work) {
		w.snap = snap
		if len(w.addrs)+len(changed) > mostSingle {
			w.all = true
		}
		for _, a := range changed {
			if w.all && len(w.addrs) > 0 { // one of them says since when
				break
			}
			if _, waits := w.addrs[a]; !waits {
				w.addrs[a] = since
			}
		}
	})
}

// whole is told that all is to be applied, of what the source is or, where that is
// nil, of its newest generation.
func (f *follower) whole(snap *engine.Snapshot) {
	f.put(func(w *work) {
		f.retry = time.Time{} // what it was compared with in vain may be another
		if w.all = true; snap != nil {
			w.snap = snap
		}
	})
}

func (f *follower) put(change func(*work)) {
	f.mu.Lock()
	change(&f.work)
	f.told.waits(f.work.addrs, f.work.all)
	f.mu.Unlock()
	f.wake()
}

func (f *follower) wake() {
	select {
	case f.signal <- struct{}{}:
	default:
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

// rest keeps one that is away from being tried for a while.
func (f *follower) rest(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.retry = time.Now().Add(d)
}

// rests is for how long it is not tried yet.
func (f *follower) rests() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Until(f.retry)
}

// tell tells a person what an apply did that nobody was asked about.
func (f *follower) tell(applied *control.Applied) {
	if applied == nil {
		return
	}
	for _, n := range applied.Notes {
		f.loop.Log.Warn(n, "host", f.t.Name)
	}
	for _, a := range slices.Compact(slices.SortedFunc(slices.Values(applied.Overwritten), engine.Addr.Compare)) {
		f.loop.Log.Warn("a file that was edited on the host itself was overwritten; its old bytes are kept there", "host", f.t.Name, "file", a.Name, "kept", kept(applied.Kept, a.Name))
	}
	if applied.Applied > 0 {
		f.loop.Log.Info("applied", "host", f.t.Name, "changes", applied.Applied, "seconds", math.Round(applied.Seconds*1000)/1000)
	}
}

// kept finds the copy of a file among those that were kept.
func kept(all []string, name string) string {
	for _, k := range all {
		if strings.HasSuffix(k, name) {
			return k
		}
	}
	return ""
}

// begin takes what there is to do, with what was held back where its time has come.
func (f *follower) begin() work {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.work
	f.work = work{snap: w.snap, addrs: map[engine.Addr]time.Time{}}
	f.held.release(&w)
	return w
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

// judge decides what follows from how it went.
func (f *follower) judge(w work, applied *control.Applied, err error) time.Duration {
	var over *control.OverBudget
	switch {
	case err == nil, errors.Is(err, control.ErrConflict) && !errors.Is(err, control.ErrHeldBack):
		f.wait.reset()
		f.passed()
		maps.DeleteFunc(f.outs, func(a engine.Addr, _ bool) bool { return f.spoilt[a] == nil })
		f.good = f.spoilt.in(w.snap)
		f.done(w.addrs, w.all)
		if errors.Is(err, control.ErrConflict) {
			f.told.conflict(err)
		}
		return f.held.soon()
	case f.hung:
		return f.lost(Hung, w, err)
	case errors.Is(err, states.ErrLocked), errors.Is(err, engine.ErrLocked):
		f.back(w)
		f.told.away(Busy, err)
		return lookEvery
	case errors.As(err, &over):
		f.back(w)
		f.overBudget(w, over)
		return lookEvery
	case !w.all && !control.LostLink(err) && short(err):
		w.all = true
		f.back(w)
		f.loop.Log.Debug("all is compared", "host", f.t.Name, "because", err)
		f.wake()
		return 0
	case control.LostLink(err), applied == nil:
		return f.lost(Away, w, err)
	}
	return f.keepBack(w, applied, err)
}

// lost gives one up that is away or hangs, until it is tried again.
func (f *follower) lost(state State, w work, err error) time.Duration {
	f.close()
	w.all = true // nobody knows how far it came
	f.back(w)
	f.told.away(state, err)
	d := f.wait.again()
	if !errors.As(err, new(*control.DiagError)) { // the source's next change may mend that
		f.rest(min(d, awayAtMost))
	}
	text := "the follower is away, or cannot be compared"
	if state == Hung {
		text = "the follower hangs"
	}
	f.loop.Log.Warn(text, "host", f.t.Name, "error", err, "again_in", d.Round(time.Millisecond))
	return d
}

// done tells of what was applied, and of what came meanwhile.
func (f *follower) done(addrs map[engine.Addr]time.Time, all bool) {
	f.mu.Lock()
	f.told.waits(f.work.addrs, f.work.all)
	f.mu.Unlock()
	f.told.applied(addrs, all, f.spoilt.addrs()...)
	f.tellSpoilt()
}

// short reports whether the short way alone has failed.
func short(err error) bool {
	return errors.Is(err, control.ErrWhole) || errors.Is(err, control.ErrNotInStep) || errors.Is(err, engine.ErrRefused)
}

// keepBack tells of what failed; the rest goes on. It is tried again when it
// changes, soon after something else does, which may be what it wants, and now and
// then.
func (f *follower) keepBack(w work, applied *control.Applied, err error) time.Duration {
	f.passed() // what was let pass was so once, however it went
	f.mu.Lock()
	for _, a := range applied.Left {
		f.held.add(a, w.addrs[a])
	}
	f.held.all = f.held.all || w.all || len(applied.Left) == 0
	d := f.held.again()
	f.mu.Unlock()
	done := maps.Clone(w.addrs)
	for _, a := range applied.Left {
		delete(done, a)
	}
	f.done(done, false)
	f.told.keepsBack(applied.Left, err)
	if errors.Is(err, control.ErrConflict) {
		f.told.conflict(err)
	}
	f.loop.Log.Error("held back", "host", f.t.Name, "error", err, "changes", len(applied.Left), "again_in", d.Round(time.Second))
	return d
}

// back puts work back that was not done, behind what came since.
func (f *follower) back(w work) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.work.all = f.work.all || w.all
	f.work.audit = f.work.audit || w.audit
	f.work.due = f.work.due || w.due
	if f.work.snap == nil {
		f.work.snap = w.snap
	}
	for a, since := range w.addrs {
		f.work.addrs[a] = since
	}
	f.told.waits(f.work.addrs, f.work.all)
}
