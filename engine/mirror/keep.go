package mirror

import (
	"context"
	"errors"
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
	maxSeen      = 100_000
	maxSeenBytes = 32 << 20
	// rounds bounds how often an audit goes on at once where a source keeps changing.
	rounds = 4
)

// lookEvery is how often it is looked whether the target is held.
const lookEvery = time.Second

// errHeld ends the sessions where the target is held: who holds it may bring the tree
// by hand meanwhile.
var errHeld = errors.New("the target is held")

// keep keeps the tree while the sessions last, and until the target is held.
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
		if m.o.Hold() {
			return errHeld
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
		case <-time.After(min(p.pause(next), lookEvery)):
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
		case <-time.After(lookEvery):
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
	for _, s := range r.Seen {
		m.seenBytes += len(s.Path) + len(s.From)
	}
	if m.seen = append(m.seen, r.Seen...); len(m.seen) > maxSeen || m.seenBytes > maxSeenBytes {
		m.seen, m.seenBytes = []hosts.Seen{{Path: m.o.Root, Deep: true}}, 0
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
	m.seen, m.seenBytes = nil, 0
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
	p.stand(out, c, m.record.InStep && !p.auditAgain)
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
