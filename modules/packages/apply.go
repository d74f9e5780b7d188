package packages

import (
	"context"
	"errors"
	"fmt"

	"hikae/engine"
	"hikae/hosts"
)

// Apply makes all changes in one transaction of dnf, or none of them; but one that
// cannot be on this host is held back and keeps nothing from the others: no
// repository has it, it cannot be with what is there, or, to be removed, it is
// needed by what is not to go.
//
// It first waits for a transaction that an earlier agent left running, and
// looks at what is installed now: what is there already is not installed
// again, so an apply that was cut off is simply run again. What such a cut left
// in the rpm database is repaired; it fails with ErrInconsistent where that
// cannot be.
//
// A version that no repository has any more is held back too; the newest one is
// taken for it until then (a package that is there in any version stays), unless
// the resource says exact.
func (m *Module) Apply(ctx context.Context, h hosts.Host, job engine.Job) error {
	ws, err := wishes(job.Changes)
	if err != nil || len(ws) == 0 {
		return err
	}
	d := &driver{Module: m, host: h, progress: job.Progress}
	if err := d.adopt(ctx); err != nil {
		return err
	}
	now, err := m.installedNow(ctx, h)
	if err != nil {
		return err
	}
	if now.check() != nil {
		if err := d.mend(ctx); err != nil {
			return fmt.Errorf("%w: %w", engine.ErrRefused, err)
		}
		if now, err = m.installedNow(ctx, h); err != nil {
			return err
		}
	}
	var heldBack map[nameArch]event
	var failed error
	if req := newRequest(ws, now); !req.empty() {
		if err := d.stage(ctx, ws, &req, job.Open); err != nil {
			return err
		}
		heldBack, failed = d.run(ctx, req)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		d.unstage(ctx, req)
		if errors.Is(failed, errCutOff) {
			failed = errors.Join(failed, d.mend(ctx))
		}
		if now, err = m.installedNow(ctx, h); err != nil {
			return err
		}
	}
	return report(ws, now, heldBack, failed, job)
}

// mend repairs, and tells what it did.
func (d *driver) mend(ctx context.Context) error {
	notes, err := d.repair(ctx)
	for _, n := range notes {
		d.progress(n)
	}
	return err
}

// report tells which changes are made, by what is installed now, and which are
// held back.
func report(ws []wish, now installed, heldBack map[nameArch]event, failed error, job engine.Job) error {
	var missing []string
	for _, w := range ws {
		why, held := heldBack[nameArch{w.name, w.requestArch()}]
		if w.remove && !held {
			for _, v := range now.find(w) {
				if why, held = heldBack[nameArch{w.name, v.Arch}]; held {
					break
				}
			}
		}
		switch {
		case w.remove && len(now.find(w)) == 0,
			// How a package is marked, only a transaction that ended well says.
			!w.remove && failed == nil && !held && (now.has(w) || w.file != nil && len(now.find(w)) > 0):
			job.Done(w.addr)
		case failed == nil && held:
			job.HeldBack(w.addr, why.heldBack()+why.remedy(w.addr.Name))
		default:
			missing = append(missing, w.addr.Name)
		}
	}
	if failed == nil && len(missing) > 0 {
		return fmt.Errorf("cannot change packages: dnf says it is done, but %v are not as they should be", missing)
	}
	return failed
}
