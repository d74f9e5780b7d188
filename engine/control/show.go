package control

import (
	"context"
	"errors"

	"hikae/engine"
	"hikae/engine/lang"
	"hikae/engine/view"
	"hikae/hosts"
	"hikae/states"
)

// Validate compiles a host's desired state; ok is false where it follows a
// host that was never read.
func (c *Controller) Validate(ctx context.Context, t Target) (ok bool, err error) {
	_, err = c.desired(ctx, t, PlanOptions{})
	if errors.Is(err, states.ErrNoSnapshot) {
		return false, nil
	}
	return err == nil, err
}

// Describe gives a resource as HCL and, of a text file that is no secret, its
// bytes.
func (c *Controller) Describe(ctx context.Context, r *engine.Resource) (hcl, content string, err error) {
	for _, s := range c.Schemas {
		if s.Kind == r.Addr.Kind {
			hcl = string(lang.EncodeResource(r, s))
		}
	}
	n := r.Node
	if r.Addr.Kind != "file" || n == nil || n.Type != hosts.File || n.Content.Sealed || n.Content.Size > diffMax {
		return hcl, "", nil
	}
	b, err := c.blob(ctx, n.Content)
	if err != nil || !isText(b) {
		return hcl, "", err
	}
	return hcl, view.Printable(string(b)), nil
}

// Diff shows what would have to change on snapshot from to be snapshot to.
func (c *Controller) Diff(ctx context.Context, from, to string) error {
	a, err := c.Load(from)
	if err != nil {
		return err
	}
	b, err := c.Load(to)
	if err != nil {
		return err
	}
	d := &engine.Desired{Resources: map[engine.Addr]*engine.Resource{}, Pristine: map[engine.Addr]*engine.Resource{}}
	for i := range b.Resources {
		if r := &b.Resources[i]; r.IsPristine() {
			d.Pristine[r.Addr] = r
		} else {
			d.Resources[r.Addr] = r
		}
	}
	act := &engine.Actual{Facts: hosts.Facts{}, Resources: map[engine.Addr]*engine.Resource{}, Coverage: a.Coverage}
	base := engine.Base{}
	for i := range a.Resources {
		r := &a.Resources[i]
		act.Resources[r.Addr] = r
		for _, s := range c.Schemas { // in a comparison of snapshots all is known to be theirs
			if s.Kind == r.Addr.Kind && !r.IsPristine() {
				base[r.Addr] = engine.FingerprintOf(r, s)
			}
		}
	}
	p := &Planned{
		Plan: engine.MakePlan(from, d, act, base, c.Schemas), Desired: d,
	}
	files := shownFiles{diffs: map[string]string{}}
	for _, ch := range p.Changes {
		if !showable(ch) {
			continue
		}
		before, err1 := c.blob(ctx, ch.Before.Node.Content)
		after, err2 := c.blob(ctx, ch.After.Node.Content)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		files.diffs[ch.Addr.Name] = Unified(ch.Addr.Name, ch.Addr.Name, before, after)
	}
	files.lenses = c.lensChanges(act, p.Changes, func(ct hosts.Content) ([]byte, error) { return c.blob(ctx, ct) })
	p.files = func() shownFiles { return files }
	p.Forecast, p.FirstContact, p.Overwrites = false, false, nil
	c.Show(p)
	return nil
}
