package file

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"hikae/engine"
	"hikae/engine/rules"
	"hikae/hosts"
)

// Apply implements engine.Module: a transaction with nothing to wait for
// between its commit and its end.
func (m Module) Apply(ctx context.Context, h hosts.Host, job engine.Job) error {
	tx, err := m.Begin(ctx, h, job)
	if err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// Begin implements engine.Transactor. New directories are made at once: they
// are empty until Commit, and files are made ready inside them.
func (Module) Begin(ctx context.Context, h hosts.Host, job engine.Job) (engine.Transaction, error) {
	t := &transaction{h: h, job: job}
	changes := slices.Clone(job.Changes)
	// Parents before children, so that directories are there in time.
	slices.SortFunc(changes, func(a, b engine.Change) int { return cmp.Compare(a.Addr.Name, b.Addr.Name) })
	if err := t.cleanTemps(ctx, changes); err != nil {
		return nil, err
	}
	for _, c := range changes {
		if err := t.prepare(ctx, c); err != nil {
			return nil, errors.Join(err, t.Discard())
		}
	}
	return t, nil
}

// cleanTemps removes what a writer that was killed left beside these paths.
func (t *transaction) cleanTemps(ctx context.Context, changes []engine.Change) error {
	cleaner, ok := t.h.(hosts.TempCleaner)
	if !ok {
		return nil
	}
	var dirs []string
	for _, c := range changes {
		if err := checkPath(c.Addr.Name); err == nil {
			if link, linked := behindLink(t.h, c.Addr.Name); linked {
				return fmt.Errorf("%w: %s lies behind %s, which is a link: write the path that it leads to", engine.ErrRefused, c.Addr.Name, link)
			}
			dirs = append(dirs, path.Dir(c.Addr.Name))
		}
	}
	slices.Sort(dirs)
	_, err := cleaner.CleanTemps(ctx, slices.Compact(dirs))
	return err
}

// transaction is a set of file changes made ready.
type transaction struct {
	h       hosts.Host
	job     engine.Job
	steps   []*step
	newDirs []string // made by Begin, parents first
}

// step is one change on its way.
type step struct {
	engine.Change
	staged hosts.Staged // of a file or a link that is to stand there
	kept   string       // where the old bytes were put
	done   bool
}

func (t *transaction) prepare(ctx context.Context, c engine.Change) error {
	p := c.Addr.Name
	if err := checkPath(p); err != nil {
		return err
	}
	now, err := current(ctx, t.h, p)
	if err != nil {
		return fmt.Errorf("cannot prepare %s: %w", p, err)
	}
	after := wanted(c)
	if c.Before != nil && !matches(now, c.Before.Node) && !matches(now, after) {
		return fmt.Errorf("%w: %s is no longer what the plan was made against; plan again", engine.ErrRefused, p)
	}
	if c.Before != nil && !matches(now, c.Before.Node) {
		// An apply that was cut off has made it so already: that is what there
		// is to keep and to put back.
		before := *c.Before
		before.Node = now
		c.Before = &before
	}
	if c.Before == nil && now.Type != hosts.Absent && c.After != nil && c.After.Pristine != nil && matches(now, c.After.Pristine) {
		// A package's own file that the read passes over while it is pristine.
		c.Before = &engine.Resource{Addr: c.Addr, Node: now, Package: c.After.Package, Pristine: c.After.Pristine}
	}
	if c.Before == nil && now.Type != hosts.Absent && !matches(now, after) {
		return fmt.Errorf("%w: %s came to be since the plan was made; plan again", engine.ErrRefused, p)
	}
	s := &step{Change: c}
	if after.Type != hosts.Absent {
		if err := t.parents(ctx, p); err != nil {
			return err
		}
	}
	switch after.Type {
	case hosts.Dir:
		if now.Type == hosts.Absent {
			if err := t.h.Put(ctx, p, *after, nil); err != nil {
				return err
			}
			t.newDirs = append(t.newDirs, p)
			s.done = true
		}
	case hosts.File, hosts.Link:
		if s.staged, err = t.stage(ctx, p, after); err != nil {
			return err
		}
	}
	t.steps = append(t.steps, s)
	return nil
}

// parents makes the directories that neither a package nor the plan brings.
func (t *transaction) parents(ctx context.Context, p string) error {
	var missing []string
	for dir := path.Dir(p); dir != "/"; dir = path.Dir(dir) {
		if _, err := t.h.Stat(dir); err == nil {
			break
		} else if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("cannot prepare %s: %w", p, err)
		}
		missing = append(missing, dir)
	}
	slices.Reverse(missing)
	for _, dir := range missing {
		n := hosts.Node{Type: hosts.Dir, Mode: 0o755, Owner: "root", Group: "root"}
		if err := t.h.Put(ctx, dir, n, nil); err != nil {
			return err
		}
		t.newDirs = append(t.newDirs, dir)
	}
	return nil
}

func (t *transaction) stage(ctx context.Context, p string, n *hosts.Node) (hosts.Staged, error) {
	stager, ok := t.h.(hosts.Stager)
	if !ok {
		return nil, fmt.Errorf("cannot stage %s: this host cannot make files ready", p)
	}
	if n.Type == hosts.Link {
		return stager.Stage(ctx, p, *n, nil)
	}
	r, err := t.job.Open(n.Content)
	if err != nil {
		return nil, fmt.Errorf("cannot stage %s: %w", p, err)
	}
	defer r.Close() //nolint:errcheck // opened for reading
	return stager.Stage(ctx, p, *n, r)
}

// Commit implements engine.Transaction: all renames first, then what is to go,
// children before parents.
func (t *transaction) Commit(ctx context.Context) error {
	for _, s := range t.steps {
		if wanted(s.Change).Type == hosts.Absent {
			continue
		}
		if err := t.commit(ctx, s); err != nil {
			return t.undo(ctx, err)
		}
	}
	for _, s := range slices.Backward(t.steps) {
		if wanted(s.Change).Type != hosts.Absent {
			continue
		}
		if err := t.commit(ctx, s); err != nil {
			return t.undo(ctx, err)
		}
	}
	if s, ok := t.h.(hosts.Syncer); ok {
		if err := s.Sync(ctx); err != nil {
			return t.undo(ctx, err)
		}
	}
	for _, s := range t.steps {
		t.job.Done(s.Addr)
	}
	return nil
}

func (t *transaction) commit(ctx context.Context, s *step) error {
	p, after := s.Addr.Name, wanted(s.Change)
	if err := ctx.Err(); err != nil {
		return err
	}
	if b := s.Before; b != nil && b.Node.Type == hosts.File && t.job.Keep != nil {
		var err error
		if s.kept, err = t.job.Keep(ctx, p); err != nil {
			return fmt.Errorf("cannot keep the old %s: %w", p, err)
		}
	}
	replacesDir := s.Before != nil && s.Before.Node.Type == hosts.Dir && after.Type != hosts.Dir
	if after.Type == hosts.Absent || replacesDir {
		err := t.h.Remove(ctx, p)
		if errors.Is(err, hosts.ErrNotEmpty) && s.Action == engine.Delete {
			return nil // it is somebody else's too by now: it stays, and is no longer hikae's
		}
		if err != nil {
			return err
		}
		s.done = true // whatever follows, it is to be put back
	}
	switch {
	case s.staged != nil:
		staged := s.staged
		s.staged = nil
		if err := staged.Commit(); err != nil {
			return errors.Join(err, staged.Discard())
		}
	case after.Type == hosts.Dir && !s.done:
		if err := t.h.Put(ctx, p, *after, nil); err != nil {
			return err
		}
	}
	s.done = true
	return nil
}

// undo puts back what a failed Commit had done.
func (t *transaction) undo(ctx context.Context, cause error) error {
	if err := t.Rollback(ctx); err != nil {
		return errors.Join(cause, engine.ErrNotPutBack, err)
	}
	return cause
}

// Rollback implements engine.Transaction. It goes on past what fails: as much
// as can be is put back, and the error names the rest.
func (t *transaction) Rollback(ctx context.Context) error {
	var errs []error
	// The other way round from Commit: what went comes back, parents before
	// children, then what came goes.
	var steps []*step
	for _, s := range t.steps {
		if wanted(s.Change).Type == hosts.Absent {
			steps = append(steps, s)
		}
	}
	for _, s := range slices.Backward(t.steps) {
		if wanted(s.Change).Type != hosts.Absent {
			steps = append(steps, s)
		}
	}
	for _, s := range steps {
		if !s.done {
			continue
		}
		if err := t.restore(ctx, s); err != nil {
			errs = append(errs, fmt.Errorf("cannot put %s back: %w", s.Addr.Name, err))
			continue
		}
		s.done = false
	}
	return errors.Join(append(errs, t.Discard())...)
}

func (t *transaction) restore(ctx context.Context, s *step) error {
	p := s.Addr.Name
	if s.Before == nil || s.Before.Node.Type == hosts.Absent {
		if slices.Contains(t.newDirs, p) {
			return nil // Discard removes it, when what is in it has gone
		}
		return t.h.Remove(ctx, p)
	}
	n := *s.Before.Node
	if n.Type != hosts.File {
		return t.h.Put(ctx, p, n, nil)
	}
	if s.kept == "" {
		return errors.New("its old bytes were not kept")
	}
	r, err := t.h.Open(s.kept)
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // opened for reading
	return t.h.Put(ctx, p, n, r)
}

// Discard implements engine.Transaction: nothing made ready is left behind.
func (t *transaction) Discard() error {
	var errs []error
	for _, s := range t.steps {
		if s.staged != nil {
			errs = append(errs, s.staged.Discard())
			s.staged = nil
		}
	}
	for _, dir := range slices.Backward(t.newDirs) {
		// A directory that somebody uses meanwhile stays.
		_ = t.h.Remove(context.Background(), dir)
	}
	t.newDirs = nil
	return errors.Join(errs...)
}

// wanted is the node that is to stand there after the change.
func wanted(c engine.Change) *hosts.Node {
	if c.Action == engine.Delete || c.After == nil || c.After.Node == nil {
		return &hosts.Node{Type: hosts.Absent}
	}
	return c.After.Node
}

// current is what stands at a path now, without its label; Absent for nothing.
func current(ctx context.Context, h hosts.Reader, p string) (*hosts.Node, error) {
	n, err := h.Stat(p)
	if errors.Is(err, fs.ErrNotExist) {
		return &hosts.Node{Type: hosts.Absent}, nil
	}
	if err != nil {
		return nil, err
	}
	if n.Type == hosts.File {
		size := n.Content.Size
		if n.Content, err = h.Digest(ctx, p); err != nil {
			return nil, err
		}
		if n.Content.Size == 0 {
			n.Content.Size = size
		}
	}
	return &n, nil
}

// matches compares what stands at a path with what was read or is wished, as
// far as can be told here: not the label, and of a secret only its size.
func matches(now, want *hosts.Node) bool {
	a, b := *now, *want
	a.Label, b.Label = "", ""
	if b.Content.Sealed {
		a.Content, b.Content = hosts.Content{Size: a.Content.Size}, hosts.Content{Size: b.Content.Size}
	}
	return a.Equal(&b)
}

// checkPath refuses what must never be written, whoever asks.
func checkPath(p string) error {
	if !strings.HasPrefix(p, "/") || path.Clean(p) != p || p == "/" || strings.Contains(p, "\x00") {
		return fmt.Errorf("%w: cannot write %q: not a clean absolute path", engine.ErrRefused, p)
	}
	if ownedElsewhere(p) {
		return fmt.Errorf("%w: cannot write %s as a file: it is kept entry by entry (kinds user, group, service)", engine.ErrRefused, p)
	}
	if r, ok := rules.HostOnlyPath(p); ok {
		return fmt.Errorf("%w: cannot write %s: it is the host's own (%s)", engine.ErrRefused, p, r.Why)
	}
	return nil
}
