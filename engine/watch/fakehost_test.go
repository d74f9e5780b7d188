package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"hikae/engine"
	"hikae/engine/agent"
	"hikae/engine/control"
)

func (w *world) Held(host string) (*control.Hold, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.holds[host], nil
}

func (w *world) Generations(string) (all []string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, g := range w.gens {
		all = append(all, g.name)
	}
	return all, nil
}

func (w *world) Load(ref string) (*engine.Snapshot, error) {
	_, gen, named := strings.Cut(ref, "@")
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, g := range slices.Backward(w.gens) {
		if !named || g.name == gen {
			return snapshotOf(g.of, nil), nil
		}
	}
	return nil, errors.New("no snapshot")
}

func (w *world) Known(host string) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.followers[host].unknown, nil
}

func (w *world) Allowed(string) (time.Time, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.allowed, nil
}

func (w *world) Due(_ string, delay time.Duration) (was *engine.Snapshot, next time.Time, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, g := range w.gens {
		if due := g.begun.Add(delay); i > 0 && time.Now().Before(due) {
			return was, due, nil
		}
		was = snapshotOf(g.of, nil)
	}
	return was, next, nil
}

func (w *world) TreeRecord(string) ([]byte, error)  { return nil, nil }
func (w *world) SetTreeRecord(string, []byte) error { return nil }
func (w *world) Connect(context.Context, control.Target) (*agent.Client, error) {
	return nil, errDown
}

// newest is a snapshot, or what was last stored.
func (w *world) newest(snap *engine.Snapshot) (*engine.Snapshot, error) {
	if snap != nil {
		return snap, nil
	}
	return w.Load("primary")
}

func (w *world) Plan(ctx context.Context, t control.Target, o control.PlanOptions) (*control.Planned, error) {
	snap, err := w.newest(o.Source)
	if err = errors.Join(err, lasts(ctx, 200*time.Millisecond)); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.followers[t.Name]
	h.plans++
	if h.away {
		return nil, errDown
	}
	p := &control.Planned{Plan: &engine.Plan{Host: t.Name}, Target: t}
	for _, a := range h.differs(snap, nil) {
		p.Changes = append(p.Changes, engine.Change{Addr: a})
	}
	return p, nil
}

// differs lists what is not as a snapshot has it, of some addresses; nil of all.
func (h *fakeHost) differs(snap *engine.Snapshot, of []engine.Addr) (all []engine.Addr) {
	want := map[engine.Addr]string{}
	for _, r := range snap.Resources {
		want[r.Addr] = r.Value.AsString()
	}
	for _, hole := range snap.Coverage["file"].Holes {
		if v, has := h.is[file(hole.Path)]; has {
			want[file(hole.Path)] = v
		}
	}
	addrs := map[engine.Addr]bool{}
	for _, m := range []map[engine.Addr]string{want, h.is} {
		for a := range m {
			addrs[a] = true
		}
	}
	for a := range addrs {
		if h.is[a] != want[a] && (of == nil || slices.Contains(of, a)) {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, engine.Addr.Compare)
	return all
}

func (w *world) Apply(ctx context.Context, t control.Target, o control.ApplyOptions) (*control.Applied, error) {
	snap, err := w.newest(o.Source)
	if err != nil {
		return nil, err
	}
	w.with(func() { w.followers[t.Name].wholes++ })
	return w.apply(ctx, t.Name, snap, nil, o.Allowed, 0)
}

// apply does it; session is of the one that does it, 0 for one of its own.
func (w *world) apply(ctx context.Context, host string, snap *engine.Snapshot, of []engine.Addr, allowed engine.Allowance, session int) (*control.Applied, error) {
	w.mu.Lock()
	h := w.followers[host]
	if h.busy++; h.busy > 1 {
		h.overlaps++
	}
	takes, stuck, hangs := h.takes, h.stuck, h.hangs
	if h.stalls || hangs && !h.hung {
		takes = 1000 * time.Hour
	}
	w.mu.Unlock()
	if stuck != nil {
		<-stuck
	}
	err := lasts(ctx, takes)
	if err != nil && hangs {
		time.Sleep(time.Minute)
		err = errDown
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	h.busy--
	h.hung = hangs
	switch {
	case err == nil && hangs:
		h.foundLocked++
		return &control.Applied{}, engine.ErrLocked
	case err != nil:
		return nil, err
	case h.away || session != 0 && session != h.session:
		return nil, errDown
	case h.fails != nil:
		return nil, h.fails
	}
	var bad hcl.Diagnostics
	for _, r := range snap.Resources {
		if strings.HasPrefix(r.Value.AsString(), broken) {
			bad = append(bad, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "no lens understands it", Subject: &hcl.Range{Filename: r.Addr.Name}})
		}
	}
	for _, r := range snap.Resources {
		if r.Value.AsString() == unnamed {
			bad = append(bad, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "something does not compile"})
		}
	}
	if bad.HasErrors() {
		return nil, &control.DiagError{Diags: bad}
	}
	todo := h.differs(snap, of)
	if over := (&control.OverBudget{Host: host, Changes: engine.Allowance{}}); h.over {
		for _, a := range todo {
			over.Changes[a] = nil
		}
		if slices.ContainsFunc(todo, func(a engine.Addr) bool { _, is := allowed[a]; return !is }) {
			return nil, over
		}
	}
	out := &control.Applied{}
	want := map[engine.Addr]string{}
	for _, r := range snap.Resources {
		want[r.Addr] = r.Value.AsString()
	}
	for _, a := range todo {
		if v, bad := h.locks[a]; bad && v == want[a] {
			h.lockouts++
			out.LockedOut = append(out.LockedOut, a)
			out.Left, err = append(out.Left, a), fmt.Errorf("%w: nobody could log in anew", control.ErrRolledBack)
			if h.cuts {
				h.session++
				return &control.Applied{LockedOut: out.LockedOut}, err
			}
			continue
		}
		if v, bad := h.refuses[a]; bad && v == want[a] {
			out.Left, err = append(out.Left, a), fmt.Errorf("%w: %s", control.ErrRolledBack, a)
			continue
		}
		h.applies = append(h.applies, a.Name+"="+want[a])
		if h.is[a] = want[a]; want[a] == "" {
			delete(h.is, a)
		}
		out.Applied++
	}
	if h.conflict {
		err = errors.Join(control.ErrConflict, err)
	}
	if len(out.Left) > 0 && h.conflict {
		err = errors.Join(control.ErrHeldBack, err)
	}
	return out, err
}

// broken begins what nothing can be compiled with.
const broken = "broken"

// unnamed is what nothing can be compiled with either, and no error names.
const unnamed = "unnamed"

type fakeFollower struct {
	w       *world
	host    string
	session int
}

func (w *world) Follow(ctx context.Context, t control.Target, _ *engine.Snapshot) (Follower, error) {
	if err := lasts(ctx, 100*time.Millisecond); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.followers[t.Name]
	if h.away {
		return nil, errDown
	}
	h.session++
	return &fakeFollower{w, t.Name, h.session}, nil
}

func (f *fakeFollower) Close() {}

func (f *fakeFollower) Alive(ctx context.Context) error {
	f.w.mu.Lock()
	h := f.w.followers[f.host]
	away, silent := h.away || f.session != h.session, h.silent
	f.w.mu.Unlock()
	if silent {
		<-ctx.Done()
		return ctx.Err()
	}
	if away {
		return errDown
	}
	return nil
}

func (f *fakeFollower) Converge(ctx context.Context, snap *engine.Snapshot, addrs []engine.Addr) (*control.Applied, error) {
	return f.w.apply(ctx, f.host, snap, addrs, nil, f.session)
}
