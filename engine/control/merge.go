package control

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"hikae/engine"
	"hikae/engine/lang"
	"hikae/engine/merge"
	"hikae/engine/rules"
	"hikae/hosts"
)

// ErrConflict: files wait for a person to merge them; all else was done.
var ErrConflict = errors.New("files to merge by hand")

// ConflictError is an ErrConflict that says how many there are and what to do, or nil.
func (p *Planned) ConflictError() error {
	if n := len(p.Conflicts); n > 0 {
		return fmt.Errorf("%w: %d on %s, left as they are; run hikae resolve %s", ErrConflict, n, p.Target.Name, p.Target.Name)
	}
	return nil
}

// rebase carries a wish over to the packages that a host really has: see
// engine.Desired.Rebase. Where all are of the source's versions it costs
// nothing.
func (c *Controller) rebase(ctx context.Context, t Target, d *engine.Desired, s *session, base engine.Base) (*engine.Desired, error) {
	m := &merger{c: c, ctx: ctx, t: t, s: s, open: c.opener(ctx, d.Inline), made: map[hosts.ID][]byte{}}
	changing := func() []engine.Change {
		return engine.MakePlan(t.Name, d.Whole(), s.actual, base, c.Schemas).InStage(engine.StageSystem, c.Schemas)
	}
	out, err := d.Rebase(s.actual, changing, m.all)
	if err != nil {
		return nil, fmt.Errorf("cannot merge the files of %s: %w", t.Name, err)
	}
	for id, b := range m.made {
		out.Inline[id] = engine.Inline{Data: b}
	}
	return out, nil
}

// merger merges the files of one host.
type merger struct {
	c        *Controller
	ctx      context.Context // of the plan that it is part of
	t        Target
	s        *session
	open     func(hosts.Content) (io.ReadCloser, error)
	resolved map[string]lang.Resolution // by path
	missing  map[hosts.ID]error         // why the bytes of what a package installed are not to be had
	made     map[hosts.ID][]byte        // the contents that came about
}

// all merges files, or says why a person has to. What the host's packages
// installed is first brought into the store, all at once: from the files there
// that are still so, or out of the packages.
func (m *merger) all(files []engine.Skewed) ([]engine.Merged, error) {
	var err error
	if m.resolved, err = m.c.resolutions(m.t.Name); err != nil {
		return nil, err
	}
	var want []hosts.Content
	for _, f := range files {
		if !f.Fixed && f.Sides.Theirs.Size <= engine.MaxShipped {
			want = append(want, f.Sides.Theirs)
		}
	}
	if m.missing, err = m.c.keepShipped(m.ctx, m.s, m.t.Name, want); err != nil {
		return nil, err
	}
	out := make([]engine.Merged, len(files))
	for i, f := range files {
		if out[i], err = m.file(f); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Addr.Name, err)
		}
		if c := out[i].Conflict; c != nil {
			c.Addr, c.Sides, c.Package, c.Source = f.Addr, f.Sides, f.Package, m.t.Source
			if c.Secret = f.Sides.Ours.Sealed; c.Secret {
				c.Redact()
			}
		}
	}
	return out, nil
}

func (m *merger) file(f engine.Skewed) (engine.Merged, error) {
	if f.Fixed {
		b, why := m.bytes(f.Sides.Ours)
		if why != "" { // said when it is applied
			return engine.Merged{Content: f.Sides.Ours}, nil
		}
		return engine.Merged{Content: m.take(f, b)}, nil
	}
	r, resolved := m.resolved[f.Addr.Name]
	if resolved {
		made, ok, err := m.resolution(f, r)
		if ok || err != nil {
			return made, err
		}
	}
	var conflict *engine.Conflict
	texts, why := m.sides(f.Sides)
	if why == "" {
		merged, hunks := merge.Merge(texts[0], texts[1], texts[2])
		if hunks == nil {
			return engine.Merged{
				Content: m.take(f, merged),
				How:     fmt.Sprintf("%s's changes, merged with what %s installed here", m.t.Source, f.Package),
			}, nil
		}
		conflict = &engine.Conflict{Hunks: hunks}
	} else {
		conflict = &engine.Conflict{Why: why}
	}
	if resolved {
		conflict.Why = join("what it was resolved to no longer fits, for the sides have changed", conflict.Why)
	}
	return engine.Merged{Conflict: conflict}, nil
}

func join(a, b string) string {
	if b == "" {
		return a
	}
	return a + "; " + b
}

// resolution gives a file as a person merged it, with what has changed since
// merged on top; ok is false where that cannot be.
func (m *merger) resolution(f engine.Skewed, r lang.Resolution) (made engine.Merged, ok bool, err error) {
	how := fmt.Sprintf("as %s says", m.c.resolvedName(m.t.Name))
	if r.Sides == f.Sides {
		switch r.Take {
		case lang.TakeOurs:
			f.Fixed = true
			made, err := m.file(f)
			made.How = how
			return made, err == nil, err
		case lang.TakeTheirs:
			return engine.Merged{Content: f.Sides.Theirs, How: how}, true, nil
		}
	}
	was, why := m.sides(r.Sides)
	if why != "" && r.Sides != f.Sides {
		return made, false, nil
	}
	b := was[1]
	switch r.Take {
	case lang.TakeTheirs:
		b = was[2]
	case "":
		if b, err = m.c.resolvedBytes(r); err != nil {
			return made, false, err
		}
	}
	if r.Sides != f.Sides {
		is, why := m.sides(f.Sides)
		if why != "" {
			return made, false, nil
		}
		for i := 1; i <= 2; i++ { // what has changed of ours since, then of theirs
			var hunks []merge.Hunk
			if b, hunks = merge.Merge(was[i], b, is[i]); hunks != nil {
				return made, false, nil
			}
		}
		how += ", with what has changed since merged on top"
	}
	return engine.Merged{Content: m.take(f, b), How: how}, true, nil
}

// take names the bytes that a file is to have as the read of a host will name
// them, and keeps them for the apply. What a package shipped is no secret.
func (m *merger) take(f engine.Skewed, b []byte) hosts.Content {
	ct := hosts.Content{Size: int64(len(b)), ID: sha256.Sum256(b)}
	if ct != f.Pristine.Content && rules.Secret(f.Addr.Name, f.Node.Mode, b) {
		ct = hosts.Content{Size: ct.Size, ID: m.c.Keys.name(b), Sealed: true}
	}
	m.made[ct.ID] = b
	return ct
}

// sides gets base, ours and theirs, or says what is missing and what to do.
func (m *merger) sides(s engine.Sides) (texts [3][]byte, why string) {
	for i, ct := range []hosts.Content{s.Base, s.Ours, s.Theirs} {
		whose := [...]string{"what the package installed on " + m.t.Source, m.t.Source + "'s file", "what the package installed on " + m.t.Name}[i]
		if ct.Size > engine.MaxShipped {
			return texts, fmt.Sprintf("%s has over %d MiB", whose, engine.MaxShipped>>20)
		}
		b, why := m.bytes(ct)
		if why != "" {
			if i == 0 {
				why += "; hikae snapshot " + m.t.Source + " takes it out of the package, where one of its repositories still has that"
			}
			return texts, fmt.Sprintf("%s is not to be had: %s", whose, why)
		}
		texts[i] = b
	}
	return texts, ""
}

// bytes reads a content of the wish or of the store, and checks that it is it.
func (m *merger) bytes(ct hosts.Content) (b []byte, why string) {
	if err := m.missing[ct.ID]; err != nil {
		return nil, err.Error()
	}
	r, err := m.open(ct)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "the store does not have it"
	}
	if err != nil {
		return nil, err.Error()
	}
	b, err = io.ReadAll(io.LimitReader(r, ct.Size+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, err.Error()
	}
	if int64(len(b)) != ct.Size || !ct.Sealed && hosts.ID(sha256.Sum256(b)) != ct.ID {
		return nil, "the store's copy is damaged"
	}
	return b, ""
}
