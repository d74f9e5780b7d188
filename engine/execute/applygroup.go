package execute

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
)

// group applies one group. On a failure it is put back whole, its daemons
// included, and the error says why.
func (e *execution) group(ctx context.Context, g *group) error {
	e.more = e.more || !g.loose() || len(g.services) > 0
	if g.loose() { // each stands alone, and each is whole or not there
		return errors.Join(e.apply(ctx, "file", g.files), e.apply(ctx, "service", g.services))
	}
	files, ok := e.module("file").(engine.Transactor)
	if !ok {
		return errors.New("cannot apply files: their module makes no transactions")
	}
	job := e.job(g.files)
	job.Done = func(engine.Addr) {} // told when the group is through
	tx, err := files.Begin(ctx, e.x.Host, job)
	if err != nil {
		return err
	}
	before, err := e.states(ctx, g)
	if err != nil { // which daemons are to be reloaded and watched is not known
		return errors.Join(err, tx.Discard())
	}
	checked, err := e.checkAhead(ctx, g, tx, before)
	if err != nil {
		err = errors.Join(err, tx.Discard())
		e.putBack(true)
		return err
	}
	// Once the first file is renamed the group is finished or put back, even
	// if the controller is gone.
	ctx = context.WithoutCancel(ctx)
	defer e.outlive(ctx, g)()
	if g.login() != "" && e.req.LoginDeadline != 0 {
		e.emit(engine.ApplyEvent{Of: addrsOf(slices.Concat(g.files, g.services))})
	}
	if err := e.record.begin(ctx, g, tx.Steps(), before, e.schema("service")); err != nil {
		return errors.Join(err, tx.Discard(), e.record.end(ctx))
	}
	if err := e.units(ctx, g, true); err != nil {
		return errors.Join(e.rollback(ctx, g, tx, before, err), tx.Discard())
	}
	if err := tx.Commit(ctx); err != nil {
		if errors.Is(err, engine.ErrNotPutBack) {
			e.putBack(false)
			return err
		}
		if g.unitGoes() {
			return e.rollback(ctx, g, tx, before, err)
		}
		e.putBack(true) // and no daemon has seen anything of it
		return errors.Join(err, e.record.end(ctx))
	}
	if err := e.activate(ctx, g, before, checked); err != nil {
		return e.rollback(ctx, g, tx, before, err)
	}
	if err := e.proveLogin(ctx, g.login(), slices.Concat(g.files, g.services)); err != nil {
		return e.rollback(ctx, g, tx, before, err)
	}
	for _, c := range slices.Concat(g.files, g.services) {
		e.done[c.Addr] = true
		e.emit(engine.ApplyEvent{Done: &c.Addr})
	}
	return e.record.end(ctx)
}

// activate makes the daemons of a group run on its new files, and sees that
// they do.
func (e *execution) activate(ctx context.Context, g *group, before map[string]unitState, checked bool) error {
	if err := e.prepareAll(ctx, g); err != nil {
		return err
	}
	if !checked {
		if err := g.check(ctx, e.x.Host); err != nil {
			return err
		}
	}
	if g.unitsChange() && e.x.Host.Facts().Systemd {
		if err := e.systemctl(ctx, "daemon-reload"); err != nil {
			return err
		}
		if err := e.loaded(ctx, g); err != nil {
			return err
		}
	}
	if err := e.units(ctx, g, false); err != nil {
		return err
	}
	if err := e.refresh(ctx, g, before); err != nil {
		return err
	}
	return e.health(ctx, g, before)
}

// units makes the changes of a group's units: of those that go, before their
// files do, for what has no unit file any more cannot be disabled; or of the rest.
func (e *execution) units(ctx context.Context, g *group, going bool) error {
	rest, gone := split(g.services, func(c engine.Change) bool { return c.After == nil })
	if going {
		rest = gone
	}
	if len(rest) == 0 {
		return nil
	}
	job := e.job(rest)
	job.Done = func(engine.Addr) {} // told when the group is through
	return e.module("service").Apply(ctx, e.x.Host, job)
}

// rollback puts a group back. What cannot be put back is in the error too.
func (e *execution) rollback(ctx context.Context, g *group, tx engine.Transaction, before map[string]unitState, cause error) error {
	errs := []error{cause}
	fail := func(err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("while putting it back: %w", err))
		}
	}
	fail(e.record.undo(ctx))
	for _, c := range g.services { // while their unit files are still there
		if started(c) {
			fail(e.systemctl(ctx, "disable", "--now", c.Addr.Name))
		}
	}
	if err := tx.Rollback(ctx); err != nil {
		fail(fmt.Errorf("%w: %w", engine.ErrNotPutBack, err))
	}
	fail(e.prepareAll(ctx, g))
	if g.unitsChange() && e.x.Host.Facts().Systemd {
		fail(e.systemctl(ctx, "daemon-reload"))
	}
	back := *g
	back.lived = nil // on the new files, not on these
	if back.services = reversed(g.services); len(back.services) > 0 {
		job := e.job(back.services)
		job.Done = func(engine.Addr) {}
		fail(e.module("service").Apply(ctx, e.x.Host, job))
	}
	for _, err := range e.refreshBack(ctx, g, before) {
		fail(err)
	}
	if len(errs) == 1 { // "rolled back" is said of what serves again
		fail(e.health(ctx, &back, before))
	}
	e.putBack(len(errs) == 1)
	err := errors.Join(errs...)
	if !errors.Is(err, engine.ErrNotPutBack) {
		err = errors.Join(err, e.record.end(ctx))
	}
	return err
}

// tell adds what a person is to know of the apply.
func (e *execution) tell(text string) { e.notes = append(e.notes, text) }

// putBack notes that a group was put back, or that it could not be, whole.
func (e *execution) putBack(whole bool) {
	e.rolledBack = true
	e.stuck = e.stuck || !whole
}

// started reports whether a change brought a unit that was not there before
// and is now to be enabled or to run.
func started(c engine.Change) bool {
	return c.Before == nil && c.After != nil && c.After.Value != cty.NilVal &&
		(running(c.After) || isTrue(c.After.Value.GetAttr("enabled")))
}

// reversed turns changes round: from what was wished to what was read.
func reversed(cs []engine.Change) []engine.Change {
	var back []engine.Change
	for _, c := range cs {
		switch {
		case c.Before == nil: // see started
		case c.Action == engine.Delete || c.After == nil:
			back = append(back, engine.Change{Addr: c.Addr, Action: engine.Create, After: c.Before})
		default:
			back = append(back, engine.Change{Addr: c.Addr, Action: engine.Update, Before: c.After, After: c.Before})
		}
	}
	return back
}
