package file

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"hikae/engine"
	"hikae/hosts"
)

// Apply implements engine.Module: each change stands alone, so what is refused
// holds back itself and what lies below it, and nothing else. All the same the
// bytes of all are on disk before the first is renamed.
func (Module) Apply(ctx context.Context, h hosts.Host, job engine.Job) error {
	t := newTransaction(h, job)
	t.cleanTemps(ctx)
	refused := map[string]error{}
	for _, c := range t.job.Changes {
		if above := refusedAbove(refused, c.Addr.Name); above != "" {
			refused[c.Addr.Name] = fmt.Errorf("%w: %s is held back with %s", engine.ErrRefused, c.Addr.Name, above)
			continue
		}
		n := len(t.steps)
		err := t.prepare(ctx, c)
		if err == nil {
			err = t.stage(ctx, n)
		}
		if err != nil {
			refused[c.Addr.Name] = errors.Join(err, t.drop(n))
		}
	}
	err := t.keep(ctx)
	if err == nil {
		err = t.sync(ctx) // the journal, if nothing was to be kept: see engine/execute
	}
	if err != nil {
		return errors.Join(err, t.Discard())
	}
	for _, s := range t.order() {
		if err := t.commit(ctx, s); err != nil {
			refused[s.Path] = err
		}
	}
	if err := t.sync(ctx); err != nil {
		return err
	}
	for _, s := range t.steps {
		// What was made ready in a directory that did not come is not there.
		if s.change && refused[s.Path] == nil && refusedAbove(refused, s.Path) == "" {
			job.Done(engine.Addr{Kind: Kind, Name: s.Path})
		}
	}
	var errs []error
	for _, p := range sorted(refused) {
		errs = append(errs, refused[p])
	}
	return errors.Join(append(errs, t.Discard())...)
}

func sorted(m map[string]error) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// refusedAbove finds the directory above a path that was refused.
func refusedAbove(refused map[string]error, p string) string {
	if len(refused) == 0 {
		return ""
	}
	for dir := path.Dir(p); len(dir) > 1; dir = path.Dir(dir) {
		if refused[dir] != nil {
			return dir
		}
	}
	return ""
}

// Begin implements engine.Transactor: all is made ready aside, new directories
// with what comes into them too, and the old bytes are kept.
func (Module) Begin(ctx context.Context, h hosts.Host, job engine.Job) (engine.Transaction, error) {
	t := newTransaction(h, job)
	t.cleanTemps(ctx)
	for _, c := range t.job.Changes {
		if err := t.prepare(ctx, c); err != nil {
			return nil, err
		}
	}
	err := t.stage(ctx, 0)
	if err == nil {
		err = t.keep(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, t.Discard())
	}
	return t, nil
}

// Resume implements engine.Transactor.
func (Module) Resume(h hosts.Host, steps []engine.Step) (engine.Transaction, error) {
	t := newTransaction(h, engine.Job{})
	for _, s := range steps {
		if err := checkPath(s.Path); err != nil {
			return nil, err
		}
		t.steps = append(t.steps, &step{Step: s, done: true})
	}
	return t, nil
}

func newTransaction(h hosts.Host, job engine.Job) *transaction {
	t := &transaction{h: h, job: job}
	t.job.Changes = slices.Clone(job.Changes)
	// Parents before children.
	slices.SortFunc(t.job.Changes, func(a, b engine.Change) int { return cmp.Compare(a.Addr.Name, b.Addr.Name) })
	return t
}

// cleanTemps removes what a writer that was killed left beside these paths.
// What it cannot remove is in nobody's way.
func (t *transaction) cleanTemps(ctx context.Context) {
	cleaner, ok := t.h.(hosts.TempCleaner)
	if !ok {
		return
	}
	var dirs []string
	for _, c := range t.job.Changes {
		if strings.HasPrefix(c.Addr.Name, "/") {
			dirs = append(dirs, path.Dir(c.Addr.Name))
		}
	}
	slices.Sort(dirs)
	_, _ = cleaner.CleanTemps(ctx, slices.Compact(dirs))
}

// prepare compares what stands at a path with what the plan was made against,
// and adds the steps that lead from the one to what is wished.
func (t *transaction) prepare(ctx context.Context, c engine.Change) error {
	p := c.Addr.Name
	if err := checkPath(p); err != nil {
		return err
	}
	if link, linked := behindLink(t.h, p); linked && !t.makes(link) {
		return fmt.Errorf("%w: %s lies behind %s, which is a link: write the path that it leads to", engine.ErrRefused, p, link)
	}
	now, err := current(ctx, t.h, p)
	if err != nil {
		return fmt.Errorf("cannot prepare %s: %w", p, err)
	}
	after := wanted(c)
	isAfter, err := t.stands(p, now, after)
	if err != nil {
		return fmt.Errorf("cannot prepare %s: %w", p, err)
	}
	isBefore := false
	if c.Before != nil {
		if isBefore, err = t.stands(p, now, c.Before.Node); err != nil {
			return fmt.Errorf("cannot prepare %s: %w", p, err)
		}
	}
	old := now
	switch {
	case isBefore:
		old = c.Before.Node
	case c.Before != nil && !isAfter:
		return fmt.Errorf("%w: %s is no longer what the plan was made against; plan again", engine.ErrRefused, p)
	case c.Before != nil: // an apply that was cut off has made it so already
	case now.Type == hosts.Absent || isAfter:
	case c.After != nil && c.After.Pristine != nil && matches(now, c.After.Pristine):
		// A package's own file, which the read passes over while it is pristine.
	default:
		return fmt.Errorf("%w: %s came to be since the plan was made; plan again", engine.ErrRefused, p)
	}
	s := &step{Step: engine.Step{Path: p, Old: *old, New: *after}, change: true}
	if old == now && (after.Content.Sealed || c.Before != nil && c.Before.Node.Content.Sealed) {
		s.Old.Content = hosts.Content{Size: now.Content.Size, Sealed: true} // no plain hash of a secret outlives this process
	}
	if after.Type != hosts.Absent {
		if err := t.parents(p); err != nil {
			return err
		}
	}
	if old.Type == hosts.Dir && after.Type != hosts.Dir && after.Type != hosts.Absent {
		if err := t.emptied(p); err != nil {
			return err
		}
	}
	t.steps = append(t.steps, s)
	return nil
}

// parents adds the directories that neither a package nor the plan brings.
func (t *transaction) parents(p string) error {
	var missing []string
	for dir := path.Dir(p); dir != "/" && !t.makes(dir); dir = path.Dir(dir) {
		_, err := t.h.Stat(dir)
		if err == nil {
			break
		}
		if !isAbsent(err) {
			return fmt.Errorf("cannot prepare %s: %w", p, err)
		}
		missing = append(missing, dir)
	}
	for _, dir := range slices.Backward(missing) {
		n := hosts.Node{Type: hosts.Dir, Mode: 0o755, Owner: "root", Group: "root"}
		t.steps = append(t.steps, &step{Step: engine.Step{Path: dir, New: n}})
	}
	return nil
}

// makes reports whether a directory is to stand at a path after this.
func (t *transaction) makes(dir string) bool {
	for _, s := range slices.Backward(t.steps) {
		if s.Path == dir {
			return s.New.Type == hosts.Dir
		}
	}
	return false
}

// emptied refuses to replace a directory in which something is that does not
// go with it.
func (t *transaction) emptied(dir string) error {
	names, err := t.h.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("cannot prepare %s: %w", dir, err)
	}
	for _, name := range names {
		p := path.Join(dir, name)
		goes := slices.ContainsFunc(t.job.Changes, func(c engine.Change) bool {
			return c.Addr.Name == p && wanted(c).Type == hosts.Absent
		})
		if !goes {
			return fmt.Errorf("%w: %s is a directory that is not to be one any more, and %s in it is not hikae's to remove", engine.ErrRefused, dir, p)
		}
	}
	return nil
}
