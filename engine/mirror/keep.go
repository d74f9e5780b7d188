package mirror

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"hikae/engine/agent"
	"hikae/hosts"
)

const (
	// settle is how soon a file that is being written is looked at again, where
	// no watch tells of its end; after patience it is taken as it is.
	settle   = time.Second
	patience = 30 * time.Second
	// maxSeen is how many paths are remembered; of more, the whole is in doubt.
	maxSeen = 100_000
	// rounds bounds how often an audit goes on at once where a source keeps changing.
	rounds = 4
)

// keep keeps the tree while the sessions last.
func (m *Mirror) keep(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if err := m.waitReleased(ctx); err != nil { // to open a tree may be to make it
		return err
	}
	p, err := m.open(ctx)
	if err != nil {
		return m.gone(err)
	}
	defer p.close()
	if m.o.Every == 0 {
		stop, err := m.watch(ctx, cancel)
		if err != nil {
			return err
		}
		defer stop()
	}
	err = p.loop(ctx)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return m.gone(err)
}

// loop audits, and between audits looks at what it is told of.
func (p *pair) loop(ctx context.Context) error {
	m := p.m
	every := m.o.Audit
	if m.o.Every > 0 {
		every = m.o.Every
	}
	next := time.Now()
	for {
		if err := m.waitReleased(ctx); err != nil {
			return err
		}
		if !time.Now().Before(next) {
			if err := p.audit(ctx); err != nil {
				return err
			}
			m.takeAllowed() // what was to pass has: it is not for another time
			next = time.Now().Add(every)
			if p.auditAgain {
				next = earlier(next, time.Now().Add(p.again()))
			} else {
				p.left = 0
			}
			m.status.set(func(s *Status) { s.LastAudit, s.NextAudit = time.Now(), next })
		} else if seen := m.takeSeen(); len(seen) > 0 || p.due() {
			if err := p.live(ctx, seen); err != nil {
				return err
			}
			if p.auditAgain {
				next = earlier(next, time.Now().Add(p.again()))
			}
		}
		if err := p.arrived(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-m.wake:
		case <-time.After(p.pause(next)):
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// again is how soon an audit follows one that left something, or a change that
// only an audit can follow: the longer it takes, and the more often it was in
// vain, the later.
func (p *pair) again() time.Duration {
	const share, most = 10, 10 * time.Minute
	wait := max(share*p.took, p.m.again) << min(p.left, 10)
	return min(wait, most)
}

// due reports whether a file that was being written is to be looked at again.
func (p *pair) due() bool { return len(p.m.unsettled) > 0 && !time.Now().Before(p.m.settled) }

// pause is how long nothing need be done.
func (p *pair) pause(next time.Time) time.Duration {
	until := next
	if len(p.m.unsettled) > 0 {
		until = earlier(until, p.m.settled)
	}
	if at := p.arrivals.due(); !at.IsZero() {
		until = earlier(until, at)
	}
	return max(time.Until(until), 0)
}

// waitReleased waits while the target is held.
func (m *Mirror) waitReleased(ctx context.Context) error {
	for m.o.Hold() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(settle):
		}
	}
	return nil
}

// watch begins to be told of changes. It returns once none is missed.
func (m *Mirror) watch(ctx context.Context, ended func(error)) (stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	ready, done := make(chan struct{}), make(chan error, 1)
	isReady := sync.OnceFunc(func() { close(ready) })
	var client *agent.Client
	run := m.o.Watch
	if run == nil {
		if client, err = m.o.Source(ctx); err != nil {
			cancel()
			return nil, err
		}
		roots := []hosts.WatchRoot{{Path: m.o.Root, Tree: true, Exclude: m.excludes()}}
		run = func(ctx context.Context, emit func(hosts.WatchReport) error) error {
			return client.Watch(ctx, agent.WatchRequest{Trees: roots}, func(w agent.Watched) error { return emit(w.WatchReport) })
		}
	}
	go func() {
		err := run(ctx, func(r hosts.WatchReport) error {
			m.told(r)
			if r.Ready {
				isReady()
			}
			return nil
		})
		done <- err
		if ctx.Err() == nil {
			ended(fmt.Errorf("the watch of %s ended: %w", m.o.Root, err))
		}
	}()
	stop = func() {
		cancel()
		<-done //nolint:errcheck // it was told of, or asked for
		if client != nil {
			_ = client.Close()
		}
	}
	select {
	case <-ready:
		m.status.set(func(s *Status) { s.Watched = true })
		return stop, nil
	case err := <-done:
		done <- err
		stop()
		return nil, fmt.Errorf("cannot watch %s: %w", m.o.Root, err)
	}
}

// told takes what a watch tells.
func (m *Mirror) told(r hosts.WatchReport) {
	for _, n := range r.Notes {
		m.note("%s", n)
	}
	m.mu.Lock()
	if m.seen = append(m.seen, r.Seen...); len(m.seen) > maxSeen {
		m.seen = []hosts.Seen{{Path: m.o.Root, Deep: true}}
	}
	m.mu.Unlock()
	if len(r.Seen) > 0 {
		m.nudge()
	}
}

func (m *Mirror) takeSeen() []hosts.Seen {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := m.seen
	m.seen = nil
	return seen
}

// rel gives a path below the root.
func (m *Mirror) rel(p string) (string, bool) {
	if p == m.o.Root || strings.HasPrefix(m.o.Root, strings.TrimSuffix(p, "/")+"/") {
		return ".", true // the root, or what it lies in
	}
	return strings.CutPrefix(p, m.o.Root+"/")
}

// live brings what a watch told of, and what was being written before.
func (p *pair) live(ctx context.Context, seen []hosts.Seen) error {
	m := p.m
	list, deep, renamed := map[string]bool{}, []string{}, map[string]string{}
	for _, s := range seen {
		rel, ok := m.rel(s.Path)
		if !ok {
			continue
		}
		list[rel] = true
		if s.Deep {
			deep = append(deep, rel)
		}
		if from, ok := m.rel(s.From); ok && s.From != "" && from != "." {
			renamed[rel] = from
			list[from] = true
		}
	}
	for q := range m.unsettled {
		list[q] = true
	}
	if len(list) == 0 {
		return nil
	}
	if err := p.moveDirs(ctx, renamed); err != nil {
		return err
	}
	c, err := p.told(ctx, slices.Sorted(maps.Keys(list)), deep)
	if err != nil {
		return err
	}
	out, err := p.make(ctx, c, renamed)
	if err != nil {
		return err
	}
	p.auditAgain = p.auditAgain || len(out.failed) > 0 || c.full
	for i := range c.diffs { // its other names, if any, were not told of
		d := &c.diffs[i]
		if d.src != nil && d.src.Inode != 0 && d.dst != nil {
			p.suspect[d.path] = true
		}
		p.auditAgain = p.auditAgain || d.src != nil && d.src.Inode != 0 || d.dst != nil && d.dst.Inode != 0
	}
	m.stand(out, c, m.record.InStep && !p.auditAgain)
	return nil
}

// moveDirs renames directories on the target that were renamed on the source,
// so that nothing below them is looked for. What they hold is compared after.
func (p *pair) moveDirs(ctx context.Context, renamed map[string]string) error {
	for _, to := range sorted(renamed) {
		from := renamed[to]
		src, dst, err := p.stats(ctx, []string{to, from}, false)
		if err != nil {
			return err
		}
		is := func(e *hosts.TreeEntry) bool { return e != nil && e.Type == hosts.Dir }
		if !is(src[0].Entry) || src[1].Entry != nil || dst[0].Entry != nil || !is(dst[1].Entry) ||
			firstError(src[1].Err, dst[0].Err) != nil || !dst[1].Entry.Known {
			continue
		}
		out := &outcome{failed: map[string]string{}}
		op := hosts.TreeOp{Verb: hosts.TreeMove, Path: to, From: from, Entry: *src[0].Entry}
		if err := p.send(ctx, []hosts.TreeOp{op}, out); err != nil {
			return err
		}
	}
	return nil
}

// make plans and carries out what a comparison found.
func (p *pair) make(ctx context.Context, c *comparing, renamed map[string]string) (*outcome, error) {
	m := p.m
	pl, err := p.plan(ctx, c, renamed)
	if err != nil {
		return nil, err
	}
	m.settle(pl)
	if pl.count() == 0 {
		return &outcome{foreign: pl.foreign, failed: map[string]string{}}, nil
	}
	m.status.behind("", pl.count(), pl.bytes)
	if err := m.within(pl.deletions(), pl.modifications, p.files); err != nil {
		return nil, err
	}
	if !m.record.InStep && pl.modifications > 0 {
		kept := "they are kept in .hikae-versions"
		if m.o.Versions <= 0 {
			kept = "they are not kept (versions)"
		}
		m.note("first contact: %d files of the target's own in %s are overwritten; %s", pl.modifications, m.o.Root, kept)
	}
	if err := p.fits(ctx, pl); err != nil {
		return nil, err
	}
	out, err := p.carry(ctx, pl)
	if out.done > 0 {
		m.emit(Event{Type: "arrived", Text: fmt.Sprintf("%d changes", out.done), Files: out.done, Bytes: out.bytes})
		p.arrivals.note()
	}
	for _, q := range out.again {
		m.unsettle(q)
	}
	return out, err
}

// fits refuses what would leave the target less room than is to be kept.
func (p *pair) fits(ctx context.Context, pl *plan) error {
	const worthAsking = 1 << 20
	if pl.bytes < worthAsking {
		return nil // the writer looks too
	}
	info, err := p.dst.Info(ctx)
	if err != nil {
		return err
	}
	if keep := info.Total / 100 * int64(p.m.o.KeepFree); info.Free-pl.bytes < keep && !p.m.record.InStep {
		return alarmed("%s does not fit on the target: %d MiB are to come, %d MiB are free, of which %d MiB are to stay so (keep_free)",
			p.m.o.Root, pl.bytes>>20, info.Free>>20, keep>>20)
	}
	return nil
}

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
		p.files = dst.Files
		p.linksDiffer = !slices.Equal(src.Links, dst.Links)
		if equal {
			m.settle(&plan{})
			m.stand(&outcome{}, c, true)
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
			m.stand(out, c, settled)
			continue
		}
		p.auditAgain = !settled
		m.stand(out, c, settled || out.done == 0 && len(out.failed) == 0)
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

// stand tells how the mirror stands after a comparison.
func (m *Mirror) stand(out *outcome, c *comparing, inStep bool) {
	var failed []string
	for _, why := range []map[string]string{out.failed, c.blind} {
		for _, q := range slices.Sorted(maps.Keys(why)) {
			failed = append(failed, q+": "+why[q])
		}
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

// settle notes which files are being written.
func (m *Mirror) settle(pl *plan) {
	young := map[string]time.Time{}
	for _, q := range pl.young {
		young[q] = time.Now()
		if t, ok := m.unsettled[q]; ok {
			young[q] = t
		}
	}
	m.unsettled = young
	m.settled = time.Now().Add(settle)
}

func (m *Mirror) unsettle(q string) {
	if _, ok := m.unsettled[q]; !ok {
		m.unsettled[q] = time.Now()
	}
	m.settled = time.Now().Add(settle)
}

// waitedFor reports whether a file that is being written was waited for long
// enough.
func (m *Mirror) waitedFor(q string) bool {
	t, ok := m.unsettled[q]
	return ok && time.Since(t) > patience
}

// torn reports whether a file that is written to meanwhile will do: where one
// was waited for.
func (m *Mirror) torn(paths []string) bool { return slices.ContainsFunc(paths, m.waitedFor) }
