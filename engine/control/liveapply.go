package control

import (
	"context"
	"errors"
	"slices"
	"time"

	"hikae/engine"
)

// ErrWhole: what has changed cannot be applied by itself: plan all of the host.
var ErrWhole = errors.New("the whole host is to be planned")

// Converge brings a follower to what the source is now, at some addresses and at
// no other. It is the short way of Apply for what has just changed, and refuses
// (ErrWhole) where packages are among it, where an apply was cut off or another
// process applied something meanwhile, and on first contact.
func (l *Live) Converge(ctx context.Context, source *engine.Snapshot, addrs []engine.Addr) (*Applied, error) {
	start := time.Now()
	unlock, err := l.c.Store.Lock(l.c.Holder)
	if err != nil {
		return nil, err
	}
	defer unlock()
	of := make(map[engine.Addr]bool, len(addrs))
	for _, a := range addrs {
		of[a] = true
	}
	d, err := l.compile(ctx, source, of)
	if err != nil {
		return nil, err
	}
	p, err := l.c.compare(ctx, l.t, d, l.s, PlanOptions{})
	switch {
	case err != nil:
		return nil, err
	case p.FirstContact || p.again || len(p.InStage(engine.StageSystem, l.c.Schemas)) > 0:
		return nil, ErrWhole
	case p.Empty():
		return &Applied{}, p.ConflictError()
	}
	spent := l.c.Spent.on(l.t.Name)
	spent.count(p)
	if over := l.c.overBudget(p); over != nil {
		return nil, over
	}
	spent.note(p.Changes)
	run := &applying{c: l.c, p: p, out: &Applied{}, shown: func() {}}
	err = run.stage(ctx, engine.StageConfig, p.Changes)
	if errs := l.settle(ctx, run); errs != nil {
		err = errors.Join(err, errs)
	}
	if err == nil {
		err = p.ConflictError()
	}
	run.out.Seconds = time.Since(start).Seconds()
	if err == nil {
		rest := engine.MakePlan(l.t.Name, p.Desired, l.s.actual, p.base, l.c.Schemas)
		for _, ch := range rest.Changes {
			run.out.Left = append(run.out.Left, ch.Addr)
		}
		if !rest.Empty() {
			return run.out, errUnmet
		}
	}
	return run.out, err
}

// compile is the wish for some addresses, whose source is another now.
func (l *Live) compile(ctx context.Context, source *engine.Snapshot, of map[engine.Addr]bool) (*engine.Desired, error) {
	if l.wish != nil {
		part, ok, diags := engine.CompilePart(l.c.want(ctx, l.t, source), l.wish, of)
		if diags.HasErrors() {
			return nil, &DiagError{diags}
		}
		if ok {
			if err := l.c.sealPatched(ctx, l.t, part); err != nil {
				return nil, err
			}
			l.wish.Lay(part)
			return part, nil
		}
	}
	d, err := l.c.compile(ctx, l.t, source)
	if err != nil {
		return nil, err
	}
	l.wish = d
	return d.Part(of), nil
}

// settle reads what an apply touched, and records how it reads.
func (l *Live) settle(ctx context.Context, run *applying) error {
	scope := l.scope
	for _, ch := range run.p.Changes {
		if ch.Addr.Kind == "file" {
			scope.Only = append(scope.Only, ch.Addr.Name)
		} else if !slices.Contains(scope.Kinds, ch.Addr.Kind) {
			scope.Kinds = append(scope.Kinds, ch.Addr.Kind)
		}
	}
	if scope.Part() {
		scope.Kinds = append(scope.Kinds, "file")
	}
	now, err := l.c.readScope(ctx, l.s.conn, l.t, scope)
	if err != nil {
		return err
	}
	l.take(withNew(l.s.actual, now, scope))
	if slices.ContainsFunc(run.p.Changes, func(ch engine.Change) bool { return isAccount(ch.Addr) }) {
		if _, err := l.All(ctx); err != nil { // see Refresh
			return err
		}
	}
	fresh, begun := run.settle(run.p.base, l.s.actual), len(run.p.begun)
	run.p.begun = run.p.begun.settle(run.p.base, l.s.actual, l.c.Schemas)
	if fresh || begun > 0 {
		return l.c.keepBase(run.p)
	}
	return nil
}
