package mirror

import (
	"context"
	"fmt"
)

// make plans and carries out what a comparison found.
func (p *pair) make(ctx context.Context, c *comparing, renamed map[string]string) (*outcome, error) {
	m := p.m
	pl, err := p.plan(ctx, c, renamed)
	if err != nil {
		return nil, err
	}
	m.settle(pl)
	m.refused.hold(pl)
	if err := p.fits(ctx, pl); err != nil {
		return nil, err
	}
	if pl.count() == 0 {
		return &outcome{foreign: pl.foreign, failed: pl.held}, nil
	}
	m.status.behind("", pl.count(), pl.bytes)
	if !p.auditing {
		p.entries = max(0, p.entries-pl.lost)
	}
	want := spent{deletions: pl.deletions(), modifications: len(pl.overwritten), before: p.entries + pl.lost}
	if err := m.within(want, p.files, p.entries); err != nil {
		return nil, err
	}
	if !m.record.InStep && len(pl.overwritten) > 0 {
		kept := "they are kept in .hikae-versions"
		if m.o.Versions <= 0 {
			kept = "they are not kept (versions)"
		}
		m.note("first contact: %d files of the target's own in %s are overwritten; %s", len(pl.overwritten), m.o.Root, kept)
	}
	out, err := p.carry(ctx, pl)
	if out.done > 0 {
		m.emit(Event{Type: "arrived", Text: fmt.Sprintf("%d changes", out.done), Files: out.done, Bytes: out.bytes})
		p.arrivals.note()
	}
	m.refused.note(pl, out)
	for _, q := range out.again {
		m.unsettle(q)
	}
	return out, err
}

// fits holds back what would leave the target less room than is to be kept: one file
// that does not fit stops no other. Before the two were in step once it refuses all.
func (p *pair) fits(ctx context.Context, pl *plan) error {
	const worthAsking = 1 << 20
	if pl.bytes < worthAsking {
		return nil // the writer looks too
	}
	info, err := p.dst.Info(ctx)
	if err != nil {
		return err
	}
	keep := info.Total / 100 * int64(p.m.o.KeepFree)
	if info.Free-pl.bytes >= keep {
		return nil
	}
	if !p.m.record.InStep {
		return alarmed("%s does not fit on the target: %d MiB are to come, %d MiB are free, of which %d MiB are to stay so (keep_free)",
			p.m.o.Root, pl.bytes>>20, info.Free>>20, keep>>20)
	}
	room, err := p.dst.Room(ctx)
	if err == nil {
		pl.hold(room)
	}
	return err
}
