package control

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"hikae/engine"
	"hikae/engine/lang"
	"hikae/engine/rules"
	"hikae/engine/view"
	"hikae/hosts"
	"hikae/states"
)

// PlanOptions say what a host is planned against.
type PlanOptions struct {
	// Snapshot is HOST or HOST@GENERATION in place of the newest one of the
	// target's source.
	Snapshot string
	// Source, where it is not nil, is what the target's source is now, though no
	// generation says so yet.
	Source *engine.Snapshot
	// Allowed is what a person has let pass: the budget does not count it.
	Allowed engine.Allowance
	// Diffs fetches the old bytes of changed text files to show them.
	Diffs bool
	// finish has the agent bring to its end what an apply left that was cut
	// off, before the host is read.
	finish bool
}

// Planned is a plan and what it was made of. The session stays open for an
// apply; Close ends it.
type Planned struct {
	*engine.Plan
	Target  Target
	Desired *engine.Desired
	wish    *engine.Desired // what Desired was before it was carried over to the host's packages
	Undo    string          // the command that brings the host back; "" for none
	Spent   engine.Spending
	session *session
	base    engine.Base
	begun   begun             // of an apply that was cut off, what could not be seen
	again   bool              // an apply was cut off before
	files   func() shownFiles // waits until they are made; nil for none
}

// Close ends the session.
func (p *Planned) Close() {
	if p.session != nil {
		p.session.close()
	}
}

// DiagError is an error of the HCL, with its places.
type DiagError struct{ Diags hcl.Diagnostics }

func (e *DiagError) Error() string { return e.Diags.Error() }

// Unwrap gives the errors that say what sort of error a diagnostic is, as
// engine.ErrRefused.
func (e *DiagError) Unwrap() []error {
	var errs []error
	for _, d := range e.Diags {
		if err, ok := d.Extra.(error); ok {
			errs = append(errs, err)
		}
	}
	return errs
}

// Plan reads a host and compares it with what it should be.
func (c *Controller) Plan(ctx context.Context, t Target, o PlanOptions) (*Planned, error) {
	conn := c.dial(ctx, t)
	desired, err := c.desired(ctx, t, o)
	if err != nil {
		conn.abandon()
		return nil, err
	}
	s, err := c.open(ctx, t, conn, desired, o.finish)
	if err != nil {
		return nil, err
	}
	p, err := c.compare(ctx, t, desired, s, o)
	if err != nil {
		s.close()
		return nil, err
	}
	return p, nil
}

// desired compiles what a host should be; nothing of the host is asked.
func (c *Controller) desired(ctx context.Context, t Target, o PlanOptions) (*engine.Desired, error) {
	if o.Source != nil {
		return c.compile(ctx, t, o.Source)
	}
	ref := o.Snapshot
	if ref == "" {
		ref = t.Source
	}
	if ref == "" {
		return c.compile(ctx, t, nil)
	}
	snap, err := c.source(t, ref)
	byHand := o.Snapshot == "" && len(t.Patches) > 0 && t.Source == t.Name // a host that only HCL describes
	if err != nil && (!byHand || !errors.Is(err, states.ErrNoSnapshot)) {
		return nil, err
	}
	return c.compile(ctx, t, snap)
}

// want is what a host's wish is compiled from; snap is nil where HCL alone says it.
func (c *Controller) want(ctx context.Context, t Target, snap *engine.Snapshot) engine.Want {
	return engine.Want{
		Host: t.Name, Role: t.Role, Source: snap, Schemas: c.Schemas,
		Patches: t.Patches, Only: t.Only, HostOnly: t.HostOnly, Safe: t.Safe,
		Lenses: c.Lenses, Mirrors: t.Mirrors,
		Bytes: func(ct hosts.Content) ([]byte, error) { return c.blob(ctx, ct) },
	}
}

func (c *Controller) compile(ctx context.Context, t Target, snap *engine.Snapshot) (*engine.Desired, error) {
	d, diags := engine.Compile(c.want(ctx, t, snap))
	if diags.HasErrors() {
		return nil, &DiagError{diags}
	}
	return d, c.sealPatched(ctx, t, d)
}

// sealPatched names the contents of the files that overlays describe as the
// read of a host will name them: what is a secret by its bytes, path and mode
// goes by its keyed hash.
func (c *Controller) sealPatched(ctx context.Context, t Target, d *engine.Desired) error {
	open := c.opener(ctx, d.Inline)
	for _, p := range t.Patches {
		r := d.Resources[p.Addr]
		if p.Addr.Kind != "file" || r == nil || r.Node == nil || r.Node.Type != hosts.File {
			continue
		}
		old := r.Node.Content
		in, err := open(old)
		if err != nil {
			continue // not to be had: said when it is applied
		}
		b, err := io.ReadAll(io.LimitReader(in, secretMax+1))
		if err = errors.Join(err, in.Close()); err != nil {
			return fmt.Errorf("cannot read the content of %s: %w", p.Addr, err)
		}
		if int64(len(b)) != old.Size || rules.Secret(p.Addr.Name, r.Node.Mode, b) == old.Sealed {
			continue
		}
		r.Node.Content = hosts.Content{Size: old.Size, ID: sha256.Sum256(b)}
		if !old.Sealed {
			r.Node.Content = hosts.Content{Size: old.Size, ID: c.Keys.name(b), Sealed: true}
		}
		d.Inline[r.Node.Content.ID] = engine.Inline{Data: b}
	}
	return nil
}

// secretMax bounds a secret in bytes; the agent reads no longer one.
const secretMax = 1 << 20

// source loads what a host is planned by. That a host had to have an undo point
// makes that no wish: one that follows itself is planned by what was taken for
// that.
func (c *Controller) source(t Target, ref string) (*engine.Snapshot, error) {
	if ref != t.Name {
		return c.Load(ref)
	}
	points, err := c.Store.Get(states.Undo, t.Name)
	if err != nil || len(points) == 0 {
		return c.Load(ref)
	}
	gens, err := c.Store.Generations(t.Name)
	if err != nil {
		return nil, err
	}
	undo := strings.Fields(string(points))
	gens = slices.DeleteFunc(gens, func(g string) bool { return slices.Contains(undo, g) })
	if len(gens) == 0 {
		return nil, fmt.Errorf("%w but undo points of %s: run hikae snapshot %s", states.ErrNoSnapshot, t.Name, t.Name)
	}
	return c.Load(ref + "@" + slices.Max(gens))
}

// Load reads a snapshot, HOST or HOST@GENERATION, from the store. It may be
// shared: nobody changes it.
func (c *Controller) Load(ref string) (*engine.Snapshot, error) {
	host, gen, _ := strings.Cut(ref, "@")
	if gen == "" {
		var err error
		if gen, err = c.Store.Newest(host); err != nil {
			return nil, err
		}
	}
	sealed, err := c.Store.Sealed(host, gen)
	if err != nil {
		sealed = gen // it is told what is wrong with it
	}
	return c.Loaded.get(host+"@"+sealed, func() (*engine.Snapshot, error) { return c.decode(host, gen) })
}

func (c *Controller) decode(host, gen string) (*engine.Snapshot, error) {
	ref := host + "@" + gen
	fsys, err := c.Store.Generation(host, gen)
	if err != nil {
		return nil, err
	}
	snap, diags := lang.DecodeSnapshot(fsys, c.Schemas)
	if diags.HasErrors() {
		return nil, fmt.Errorf("cannot read snapshot %s: %w", ref, &DiagError{diags})
	}
	return snap, nil
}

// compare plans a host that was read.
func (c *Controller) compare(ctx context.Context, t Target, d *engine.Desired, s *session, o PlanOptions) (*Planned, error) {
	base, err := c.base(t.Name)
	if err != nil {
		return nil, err
	}
	begun, err := c.begun(t.Name)
	if err != nil {
		return nil, err
	}
	open := begun.settle(base, s.actual, c.Schemas)
	rebased, err := c.rebase(ctx, t, d, s, base)
	if err == nil {
		rebased, err = c.keepKeys(ctx, t, rebased, s)
	}
	if err != nil {
		return nil, err
	}
	p := &Planned{
		Plan: engine.MakePlan(t.Name, rebased, s.actual, base, c.Schemas), Target: t, Desired: rebased, wish: d,
		session: s, base: base, begun: open, again: len(begun) > 0,
	}
	if p.Spent, err = c.spending(p, o.Allowed); err == nil && o.Diffs {
		p.files, err = c.showFiles(ctx, p)
	}
	return p, err
}

// Show tells the view of a plan.
func (c *Controller) Show(p *Planned) {
	var files shownFiles
	if p.files != nil {
		files = p.files()
	}
	c.View.Plan(view.PlanView{
		Plan: p.Plan, Schemas: c.Schemas, LensKinds: engine.LensKinds(c.Lenses),
		Diffs: files.diffs, Shown: files.lenses, Foreign: files.foreign, Source: p.Target.Source, Warnings: p.Desired.Warnings,
		Undo: p.Undo, Spent: p.Spent,
	})
}
