// Package execute is the host's half of an apply: the changes of a stage made
// kind by kind and group by group, checked by the daemons that read them, kept
// only if these live on them and people still get in, and put back otherwise;
// with a journal on disk, from which the next apply brings to its end what was
// cut off. It runs in the agent, or in a program that the agent left behind.
package execute

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"hikae/engine"
	"hikae/hosts"
)

// Executor applies changes on the host that it runs on. It is the agent's
// half of an apply, and it finishes or puts back what it began when the
// controller goes away.
type Executor struct {
	Host    hosts.Host
	Modules []engine.Module
	Units   []engine.Unit
	// Rescue is the argv of a program of the host that calls Rescue; nil: none.
	Rescue []string
}

var _ engine.Applier = (*Executor)(nil)

// Apply implements engine.Applier. Only what keeps it from starting is an error;
// what goes wrong later is in the result. It begins with what an apply left that
// was cut off; with no changes that is all it does.
func (x *Executor) Apply(ctx context.Context, req engine.ApplyRequest, open func(hosts.Content) (io.ReadCloser, error), emit func(engine.ApplyEvent)) (engine.ApplyResult, error) {
	run := &execution{x: x, req: req, open: open, emit: emit, done: map[engine.Addr]bool{}, record: &journal{h: x.Host}}
	if err := run.check(); err != nil {
		return engine.ApplyResult{}, err
	}
	if l, ok := x.Host.(hosts.Locker); ok {
		unlock, err := l.Lock(req.Holder)
		if err != nil {
			return engine.ApplyResult{}, fmt.Errorf("%w: %w", engine.ErrLocked, err)
		}
		defer unlock()
	}
	if err := run.recover(ctx); err != nil {
		return engine.ApplyResult{Notes: run.notes}, err
	}
	if len(req.Changes) == 0 {
		return run.result(nil), nil
	}
	return run.result(run.journalled(ctx)), nil
}

// journalled makes all changes, with a journal of them on the host's disk.
func (e *execution) journalled(ctx context.Context) error {
	e.keep = newKeeper(e.x.Host)
	if err := e.record.open(ctx, e.req.Holder, e.keep.root, e.req.Changes); err != nil {
		return err
	}
	if t, ok := e.x.Host.(hosts.WriteTracker); ok {
		defer t.TrackWrites(e.record.note)()
	}
	err := e.all(ctx)
	if pruneErr := e.keep.prune(ctx); pruneErr != nil {
		e.notes = append(e.notes, pruneErr.Error())
	}
	return errors.Join(err, e.record.close(context.WithoutCancel(ctx)))
}

// execution is one Apply under way.
type execution struct {
	x    *Executor
	req  engine.ApplyRequest
	open func(hosts.Content) (io.ReadCloser, error)
	emit func(engine.ApplyEvent)
	keep *keeper

	record     *journal
	done       map[engine.Addr]bool
	heldBack   []engine.Note
	rolledBack bool // a group was put back
	stuck      bool // one could not be, whole
	notes      []string
	more       bool // more was touched than files that stand alone
}

// check refuses, before anything is written, what must never be.
func (e *execution) check() error {
	for _, c := range e.req.Changes {
		if e.module(c.Addr.Kind) == nil {
			return fmt.Errorf("%w: no resources of kind %q are known here", engine.ErrRefused, c.Addr.Kind)
		}
		if rule, own := engine.HostOwn(c.Addr); own {
			return fmt.Errorf("%w: %s is the host's own: %s", engine.ErrRefused, c.Addr, rule.Why)
		}
		if c.Action != engine.Delete && c.After == nil {
			return fmt.Errorf("%w: %s: nothing is said of what it should be", engine.ErrRefused, c.Addr)
		}
	}
	return nil
}

func (e *execution) module(kind string) engine.Module {
	for _, m := range e.x.Modules {
		if m.Schema().Kind == kind {
			return m
		}
	}
	return nil
}

// all makes the changes of the stage.
func (e *execution) all(ctx context.Context) error {
	var kinds []string
	byKind := map[string][]engine.Change{}
	for _, c := range e.req.Changes {
		if byKind[c.Addr.Kind] == nil {
			kinds = append(kinds, c.Addr.Kind)
		}
		byKind[c.Addr.Kind] = append(byKind[c.Addr.Kind], c)
	}
	var schemas []engine.Schema
	for _, m := range e.x.Modules {
		schemas = append(schemas, m.Schema())
	}
	order := engine.KindOrder(schemas)
	slices.SortStableFunc(kinds, func(a, b string) int { return order[a] - order[b] })
	if e.req.Stage == engine.StageSystem {
		return e.system(ctx, kinds, byKind)
	}
	return e.config(ctx, kinds, byKind)
}

// system applies kind by kind, or several together.
func (e *execution) system(ctx context.Context, kinds []string, byKind map[string][]engine.Change) error {
	e.more = true
	for len(kinds) > 0 {
		n := e.joined(kinds)
		var cs []engine.Change
		for _, k := range kinds[:n] {
			cs = append(cs, byKind[k]...)
		}
		if err := e.apply(ctx, kinds[0], cs); err != nil {
			return err
		}
		kinds = kinds[n:]
	}
	return nil
}

// config applies kind by kind what stands alone, and group by group what is
// connected: files, and the units that read them.
func (e *execution) config(ctx context.Context, kinds []string, byKind map[string][]engine.Change) error {
	var late []engine.Change // groups go after the users that were in them
	byKind["group"], late = split(byKind["group"], func(c engine.Change) bool { return c.Action == engine.Delete })
	for _, k := range kinds {
		if k == "file" || k == "service" {
			continue
		}
		e.more = true
		if err := e.applyProven(ctx, k, byKind[k]); err != nil {
			return err
		}
	}
	if err := e.applyProven(ctx, "group", late); err != nil {
		return err
	}
	var errs []error
	for _, g := range groupChanges(byKind["file"], byKind["service"], e.x.Units) {
		select {
		case <-engine.Stopping(ctx):
			return errors.Join(append(errs, errors.New("the controller is gone: the rest is left for the next apply"))...)
		default:
		}
		if err := e.group(ctx, g); err != nil {
			errs = append(errs, err)
		}
		if e.record.Group != nil { // neither through nor put back: no other is begun
			break
		}
	}
	return errors.Join(errs...)
}

// joined counts how many of the kinds, from the first on, are applied with it.
func (e *execution) joined(kinds []string) int {
	first, ok := e.module(kinds[0]).(engine.Joint)
	if !ok {
		return 1
	}
	for n := 1; n < len(kinds); n++ {
		if next, ok := e.module(kinds[n]).(engine.Joint); !ok || next.Together() != first.Together() {
			return n
		}
	}
	return len(kinds)
}

// split divides changes in two, the second those of which last is true.
func split(cs []engine.Change, last func(engine.Change) bool) (first, second []engine.Change) {
	for _, c := range cs {
		if last(c) {
			second = append(second, c)
		} else {
			first = append(first, c)
		}
	}
	return first, second
}

// apply makes changes of one kind that no group needs.
func (e *execution) apply(ctx context.Context, kind string, cs []engine.Change) error {
	if len(cs) == 0 {
		return nil
	}
	if err := e.module(kind).Apply(ctx, e.x.Host, e.job(cs)); err != nil {
		return fmt.Errorf("cannot apply %s: %w", kind, err)
	}
	return nil
}

func (e *execution) job(cs []engine.Change) engine.Job {
	return engine.Job{
		Changes: cs,
		Open:    e.open,
		Same:    e.req.Same,
		Keep: func(ctx context.Context, paths []string) ([]string, error) {
			kept, err := e.keep.keep(ctx, paths)
			for _, k := range kept {
				e.emit(engine.ApplyEvent{Kept: k})
			}
			return kept, err
		},
		Done: func(a engine.Addr) {
			e.done[a] = true
			e.emit(engine.ApplyEvent{Done: &a})
		},
		HeldBack: func(a engine.Addr, why string) { e.heldBack = append(e.heldBack, engine.Note{Addr: a, Why: why}) },
		Progress: func(text string) { e.emit(engine.ApplyEvent{Progress: text}) },
	}
}

func (e *execution) result(err error) engine.ApplyResult {
	r := engine.ApplyResult{
		RolledBack: e.rolledBack && !e.stuck, Notes: e.notes, HeldBack: e.heldBack,
		Alone: !e.more && !e.rolledBack && err == nil,
	}
	for _, c := range e.req.Changes {
		if e.done[c.Addr] {
			r.Applied = append(r.Applied, c.Addr)
		} else {
			r.NotApplied = append(r.NotApplied, c.Addr)
		}
	}
	switch {
	case err != nil:
		r.Err = err.Error()
	case len(r.NotApplied) > len(r.HeldBack):
		r.Err = fmt.Sprintf("%d changes were not made", len(r.NotApplied)-len(r.HeldBack))
	}
	return r
}
