package file

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"hikae/engine"
	"hikae/hosts"
)

// transaction is a set of file changes made ready, or one that a journal tells
// of (Resume).
type transaction struct {
	h     hosts.Host
	job   engine.Job
	steps []*step // parents before children
}

// step is one path on its way.
type step struct {
	engine.Step
	change bool         // asked for; else a directory that has to be there for others
	staged hosts.Staged // of what is to stand there
	done   bool
}

// Steps implements engine.Transaction.
func (t *transaction) Steps() []engine.Step {
	steps := make([]engine.Step, len(t.steps))
	for i, s := range t.steps {
		steps[i] = s.Step
	}
	return steps
}

// stage makes the steps from the first on ready: what is to come into a new
// directory inside of that one, while it is still aside.
func (t *transaction) stage(ctx context.Context, first int) error {
	stager, ok := t.h.(hosts.Stager)
	if !ok {
		return errors.New("cannot write files: this host cannot make them ready")
	}
	for _, s := range t.steps[first:] {
		if s.New.Type == hosts.Absent {
			continue
		}
		if err := t.stageOne(ctx, stager, s); err != nil {
			return fmt.Errorf("cannot stage %s: %w", s.Path, err)
		}
	}
	return nil
}

func (t *transaction) stageOne(ctx context.Context, stager hosts.Stager, s *step) (err error) {
	at := path.Join(t.aside(path.Dir(s.Path)), path.Base(s.Path))
	if s.New.Type != hosts.File {
		s.staged, err = stager.Stage(ctx, at, s.New, nil)
		return err
	}
	r, err := t.job.Open(s.New.Content)
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // opened for reading
	s.staged, err = stager.Stage(ctx, at, s.New, r)
	return err
}

// aside is where a directory lies now: one that is new is not yet in its place.
func (t *transaction) aside(dir string) string {
	for _, s := range slices.Backward(t.steps) {
		if s.Path == dir && s.staged != nil && s.New.Type == hosts.Dir {
			return s.staged.Path()
		}
	}
	return dir
}

// keep puts the old bytes aside, all at once, on disk when it returns.
func (t *transaction) keep(ctx context.Context) error {
	if t.job.Keep == nil {
		return nil
	}
	var files []*step
	var paths []string
	for _, s := range t.steps {
		if s.Old.Type == hosts.File {
			files, paths = append(files, s), append(paths, s.Path)
		}
	}
	if len(files) == 0 {
		return nil
	}
	kept, err := t.job.Keep(ctx, paths)
	if err != nil {
		return fmt.Errorf("cannot keep what is to be overwritten: %w", err)
	}
	for i, s := range files {
		s.Kept = kept[i]
	}
	return nil
}

// order is the one in which steps are made: what comes, children before the
// new directory that they come with; then what goes, children before parents;
// then what takes the place of a directory that is empty now.
func (t *transaction) order() []*step {
	var come, leave, replace []*step
	for _, s := range slices.Backward(t.steps) {
		switch {
		case s.New.Type == hosts.Absent:
			leave = append(leave, s)
		case s.Old.Type == hosts.Dir && s.New.Type != hosts.Dir:
			replace = append(replace, s)
		default:
			come = append(come, s)
		}
	}
	return slices.Concat(come, leave, replace)
}

// Commit implements engine.Transaction.
func (t *transaction) Commit(ctx context.Context) error {
	for _, s := range t.order() {
		if err := t.commit(ctx, s); err != nil {
			return t.undo(ctx, err)
		}
	}
	if err := t.sync(ctx); err != nil {
		return t.undo(ctx, err)
	}
	for _, s := range t.steps {
		if s.change {
			t.job.Done(engine.Addr{Kind: Kind, Name: s.Path})
		}
	}
	return nil
}

func (t *transaction) sync(ctx context.Context) error {
	s, ok := t.h.(hosts.Syncer)
	if !ok {
		return nil
	}
	return s.Sync(ctx)
}

// commit makes one step.
func (t *transaction) commit(ctx context.Context, s *step) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var err error
	switch {
	case s.New.Type == hosts.Absent:
		err = t.h.Remove(ctx, s.Path)
		if errors.Is(err, hosts.ErrNotEmpty) {
			return nil // it is somebody else's too by now: it stays, and is no longer hikae's
		}
	case s.staged == nil:
		return nil // it was refused
	default:
		if err = s.staged.Commit(); err != nil {
			err = errors.Join(err, s.staged.Discard())
		}
	}
	s.staged = nil
	s.done = err == nil
	if err != nil {
		// Whatever it did before it failed is to be put back, if what stands
		// there is that.
		old, _, lookErr := t.look(ctx, s)
		if lookErr != nil {
			return errors.Join(err, engine.ErrNotPutBack, lookErr)
		}
		s.done = !old
	}
	return err
}

// undo puts back what a failed Commit had done.
func (t *transaction) undo(ctx context.Context, cause error) error {
	if err := t.Rollback(context.WithoutCancel(ctx)); err != nil {
		return errors.Join(cause, engine.ErrNotPutBack, err)
	}
	return cause
}

// Rollback implements engine.Transaction: the other way round from Commit.
// Parents come back before children, and what came goes last, children first.
func (t *transaction) Rollback(ctx context.Context) error {
	steps := t.order()
	came := slices.IndexFunc(steps, func(s *step) bool {
		return s.New.Type == hosts.Absent || s.Old.Type == hosts.Dir && s.New.Type != hosts.Dir
	})
	if came < 0 {
		came = len(steps)
	}
	back := slices.Clone(steps[came:])
	slices.Reverse(back)
	var errs []error
	for _, s := range append(back, steps[:came]...) {
		if !s.done {
			continue
		}
		if err := t.restore(ctx, s); err != nil {
			errs = append(errs, fmt.Errorf("cannot put %s back: %w", s.Path, err))
			continue
		}
		s.done = false
	}
	return errors.Join(append(errs, t.Discard())...)
}

func (t *transaction) restore(ctx context.Context, s *step) error {
	if old, made, err := t.look(ctx, s); err == nil && old && !made {
		return nil
	}
	switch s.Old.Type {
	case hosts.Absent:
		err := t.h.Remove(ctx, s.Path)
		if errors.Is(err, hosts.ErrNotEmpty) {
			return nil // somebody uses it by now
		}
		return err
	case hosts.File:
	default:
		return t.h.Put(ctx, s.Path, s.Old, nil)
	}
	if s.Kept == "" {
		return errors.New("its old bytes were not kept")
	}
	r, err := t.h.Open(s.Kept)
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // opened for reading
	return t.h.Put(ctx, s.Path, s.Old, r)
}

// Discard implements engine.Transaction: nothing made ready is left behind.
func (t *transaction) Discard() error { return t.drop(0) }

// drop discards the steps from the first on, children before parents.
func (t *transaction) drop(first int) error {
	var errs []error
	for _, s := range slices.Backward(t.steps[first:]) {
		if s.staged != nil {
			errs = append(errs, s.staged.Discard())
			s.staged = nil
		}
	}
	if first > 0 {
		t.steps = t.steps[:first]
	}
	return errors.Join(errs...)
}
