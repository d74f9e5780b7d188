package mirror

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"hikae/engine/agent"
	"hikae/hosts"
)

// audit compares the whole and brings what differs, until nothing more does.
func (p *pair) audit(ctx context.Context) error {
	m := p.m
	p.auditAgain, p.auditing = false, true
	began := time.Now()
	defer func() {
		p.took, p.auditing = time.Since(began), false
		if p.left++; !p.auditAgain {
			p.left = 0
		}
	}()
	for round := 1; ; round++ {
		m.takeSeen() // what was told of until now is compared with the rest
		c, src, dst, equal, err := p.whole(ctx)
		if err != nil {
			return err
		}
		if len(p.suspect) > 0 {
			if err := c.suspects(ctx, slices.Sorted(maps.Keys(p.suspect))); err != nil {
				return err
			}
			if equal = equal && len(c.diffs) == 0; equal {
				clear(p.suspect)
			}
		}
		p.files, p.entries = dst.Files, max(0, src.Files+src.Dirs-1) // but the root
		p.linksDiffer = !slices.Equal(src.Links, dst.Links)
		if equal {
			m.settle(&plan{})
			p.stand(&outcome{}, c, true)
			return p.inStep(ctx, dst, nil)
		}
		if !m.status.get().InStep && m.status.get().Why == "" {
			m.status.behind("the first comparison found differences", len(c.diffs), 0)
		}
		out, err := p.make(ctx, c, nil)
		if err != nil {
			return err
		}
		p.root = nil
		settled := len(out.failed) == 0 && len(c.blind) == 0 && !c.full && len(m.unsettled) == 0
		if out.done > 0 && round < rounds { // it is looked whether that was all
			p.stand(out, c, settled)
			continue
		}
		p.auditAgain = !settled
		p.stand(out, c, settled || out.done == 0 && len(out.failed) == 0)
		if out.done > 0 || c.full { // the source does not keep still, or not all was compared
			return nil
		}
		but := slices.Concat(out.foreign, slices.Collect(maps.Keys(out.failed)), slices.Collect(maps.Keys(c.blind)), slices.Collect(maps.Keys(m.unsettled)))
		return p.inStep(ctx, dst, but)
	}
}

// inStep has the target note what is equal, and remembers that it once was.
func (p *pair) inStep(ctx context.Context, dst hosts.TreeSum, but []string) error {
	digest := hex.EncodeToString(dst.Digest)
	r := p.m.record
	if r.Noted != digest || !r.InStep {
		if tooMany(but) {
			p.m.note("%d paths of %s differ: what is equal is noted once they are fewer", len(but), p.m.o.Root)
			return nil
		}
		if err := p.dst.Note(ctx, but); err != nil {
			return err
		}
		r.Noted = digest
	}
	if len(p.m.unsettled) == 0 && !r.InStep {
		r.InStep, r.Since = true, time.Now().UTC().Truncate(time.Second)
	}
	return p.m.saveRecord(r)
}

// tooMany reports whether paths are more than one Note takes.
func tooMany(paths []string) bool {
	size := 0
	for _, q := range paths {
		size += len(q) + 4
	}
	return len(paths) > agent.MaxNoted || size > agent.MaxMessage/2
}

// stand tells how the mirror stands after a comparison: of the whole, or of some
// paths. What others could not be brought before is not forgotten.
func (p *pair) stand(out *outcome, c *comparing, inStep bool) {
	if p.auditing {
		p.failing = map[string]string{}
	}
	maps.DeleteFunc(p.failing, func(q, _ string) bool { return c.paths[q] || c.trees[q] || inside(q, c.trees) })
	maps.Copy(p.failing, out.failed)
	maps.Copy(p.failing, c.blind)
	m, failed := p.m, []string(nil)
	for _, q := range slices.Sorted(maps.Keys(p.failing)) {
		failed = append(failed, q+": "+p.failing[q])
	}
	slices.Sort(out.foreign)
	m.status.set(func(s *Status) {
		s.InStep = inStep && len(failed) == 0 && len(m.unsettled) == 0
		s.Why, s.Files, s.Bytes, s.Alarm = "", 0, 0, ""
		switch {
		case len(failed) > 0:
			s.Why = fmt.Sprintf("%d paths could not be brought: %s", len(failed), failed[0])
		case len(m.unsettled) > 0:
			s.Why = fmt.Sprintf("%d files are being written", len(m.unsettled))
		case !inStep:
			s.Why = "the source changes"
		}
		s.Failed = failed[:min(len(failed), maxTold)]
		if out.foreign != nil || inStep {
			s.Foreign, s.ForeignCount = out.foreign[:min(len(out.foreign), maxTold)], len(out.foreign)
		}
	})
}
