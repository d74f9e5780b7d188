package control

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"hikae/engine"
	"hikae/engine/lint"
	"hikae/engine/rules"
	"hikae/hosts"
	"hikae/states"
)

// Lint is what is to be looked at of a host's snapshot.
type Lint struct {
	Findings []lint.Finding
	Overlays []lint.Overlay // of its followers
	Secrets  int            // files that were not looked into
	Notes    []string
}

// Lint looks at the newest snapshot of a host: see package lint. followers are
// the hosts that follow it. It asks the host itself only which of the paths are
// there that its snapshot does not hold; not with offline.
func (c *Controller) Lint(ctx context.Context, t Target, followers []Target, offline bool) (*Lint, error) {
	snap, err := c.Load(t.Name)
	if err != nil {
		return nil, err
	}
	keep, err := rules.KeepWith(t.Keep)
	if err != nil {
		return nil, err
	}
	tree := &lint.Tree{Snapshot: snap, Lenses: c.Lenses, Keep: keep,
		Read: func(ct hosts.Content) ([]byte, error) { return c.blob(ctx, ct) }}
	own, out := lint.OwnOf(snap.Facts), &Lint{}
	if len(snap.Facts.Addresses) == 0 {
		out.Notes = append(out.Notes, "the snapshot does not say what addresses the host has: take it again")
	}
	out.Findings, out.Secrets = tree.Mentions(own)
	for _, f := range followers {
		other := lint.Own{}
		its, err := c.Load(f.Name)
		if err == nil {
			other = lint.OwnOf(its.Facts)
		} else if !errors.Is(err, states.ErrNoSnapshot) {
			return nil, err
		} else {
			out.Notes = append(out.Notes, fmt.Sprintf("what %s has in the place of %s's addresses is not known: run hikae snapshot %s", f.Name, t.Name, f.Name))
		}
		takes, err := engine.Takes(f.Only)
		if err != nil {
			return nil, err
		}
		out.Overlays = append(out.Overlays, tree.OverlayFor(f.Name, out.Findings, own, other, f.Patches, takes))
	}
	out.Findings = append(out.Findings, tree.Certificates(now())...)
	out.Findings = append(out.Findings, tree.Ports()...)
	missing, err := c.missing(ctx, t, snap, tree.Wanted(), offline)
	if err != nil {
		out.Notes = append(out.Notes, fmt.Sprintf("not looked at, for %s cannot be asked: whether document roots and zones' files exist: %v", t.Name, err))
	}
	out.Findings = append(out.Findings, missing...)
	return out, nil
}

// missing are the paths that are wanted and not there.
func (c *Controller) missing(ctx context.Context, t Target, snap *engine.Snapshot, wanted []lint.Wanted, offline bool) ([]lint.Finding, error) {
	there, ask := map[string]bool{}, []string{}
	for i := range snap.Resources {
		if r := &snap.Resources[i]; r.Addr.Kind == "file" && r.Node != nil && r.Node.Type != hosts.Absent {
			there[r.Addr.Name] = true
		}
	}
	for _, w := range wanted {
		if !there[w.Path] && !snap.Coverage["file"].Covers(engine.Addr{Kind: "file", Name: w.Path}) {
			ask = append(ask, w.Path)
		}
	}
	var err error
	unknown := map[string]bool{}
	if len(ask) > 0 {
		if offline {
			err = errors.New("--offline")
		} else {
			err = c.lookAt(ctx, t, ask, there)
		}
	}
	for _, p := range ask {
		unknown[p] = err != nil
	}
	var out []lint.Finding
	for _, w := range wanted {
		if !there[w.Path] && !unknown[w.Path] {
			out = append(out, w.Finding)
		}
	}
	return out, err
}

// lookAt asks a host which paths are there.
func (c *Controller) lookAt(ctx context.Context, t Target, paths []string, there map[string]bool) error {
	slices.Sort(paths)
	t.Patches = nil
	for _, p := range slices.Compact(paths) {
		t.Patches = append(t.Patches, engine.Patch{Addr: engine.Addr{Kind: "file", Name: p}}) // what the read is to look at
	}
	s, err := c.open(ctx, t, c.dial(ctx, t), nil, false)
	if err != nil {
		return err
	}
	defer s.close()
	for _, p := range paths {
		r := s.actual.Resources[engine.Addr{Kind: "file", Name: p}]
		there[p] = r != nil && r.Node != nil && r.Node.Type != hosts.Absent
	}
	return nil
}
