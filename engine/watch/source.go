package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"hikae/engine"
	"hikae/engine/control"
	"hikae/hosts"
	"hikae/states"
)

// source is a host that others follow.
type source struct {
	loop      *Loop
	of        Following
	followers []*follower
	told      *sourceStatus
	pulse     *pulse
	writes    *pulse // of what writes generations

	commits chan commitEnd
}

// commitEnd is how writing a generation ended.
type commitEnd struct {
	taken *control.Taken
	err   error
}

func newSource(l *Loop, b *board, of Following) *source {
	name := of.Source.Name
	s := &source{
		loop: l, of: of, told: b.source(name), pulse: b.pulse(name), writes: b.pulse(name + ", its generations"),
		commits: make(chan commitEnd, 1),
	}
	for _, t := range of.Followers {
		s.followers = append(s.followers, newFollower(l, b, s, t))
	}
	return s
}

// errStopping: a host that is going down says nothing of what others should be.
var errStopping = errors.New("its systemd is stopping")

// run follows the source through all that can befall it. met is called once it is
// watched, or was found to be away.
func (s *source) run(ctx context.Context, met func()) {
	wait := backoff{first: time.Second, longest: time.Minute}
	stored := sync.OnceFunc(func() { // what is known of it is what they should be
		for _, f := range s.followers {
			f.whole(nil)
		}
	})
	for ctx.Err() == nil {
		begun := time.Now()
		s.pulse.does("connecting", readMost)
		err := s.session(ctx, func() {
			stored = func() {}
			met()
		})
		s.pulse.waits()
		stored()
		met()
		if time.Since(begun) > wait.longest { // one that ends at once is asked for less and less often
			wait.reset()
		}
		if ctx.Err() != nil {
			return
		}
		s.told.away(err)
		d := wait.again()
		s.loop.Log.Warn("the source is away; its followers keep what they have", "host", s.of.Source.Name, "error", err, "again_in", d.Round(time.Millisecond))
		sleep(ctx, d)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// session follows the source for as long as its sessions hold.
func (s *source) session(ctx context.Context, met func()) error {
	ctx, cancel := context.WithCancelCause(ctx)
	q := newQueue()
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		err := s.loop.Control.Watch(ctx, s.of.Source, q.add)
		if err == nil {
			err = errors.New("the watch has ended")
		}
		cancel(err)
	}()
	defer func() {
		cancel(nil)
		<-watching
	}()
	bound, stop := context.WithTimeout(ctx, readMost)
	defer stop()
	select {
	case <-q.ready:
	case <-bound.Done():
		return context.Cause(bound)
	}
	live, err := s.loop.Control.Source(bound, s.of.Source)
	if err != nil {
		return err
	}
	defer live.Close()
	s.told.anew()
	s.hook(bound, live)
	w := &watched{source: s, live: live, q: q, due: time.NewTimer(0), audit: time.NewTimer(s.of.Audit), people: time.NewTimer(control.CopyEvery)}
	defer w.due.Stop()
	defer w.people.Stop()
	defer w.audit.Stop()
	w.full = true
	w.told.here()
	met()
	err = w.follow(ctx)
	s.pulse.does("ending the session", writeMost)
	if w.writing {
		<-s.commits
	}
	return err
}

// hook has dnf say when a transaction has ended.
func (s *source) hook(ctx context.Context, live Source) {
	changed, advice, err := live.InstallHook(ctx)
	switch {
	case err != nil:
		advice = err.Error()
	case changed:
		s.loop.Log.Info("dnf's action is installed", "host", s.of.Source.Name)
	}
	if advice != "" {
		s.loop.Log.Warn(advice, "host", s.of.Source.Name)
		s.told.note(advice)
	}
}

// watched is a source under watch.
type watched struct {
	*source
	live Source
	q    *queue

	due     *time.Timer // when the next generation is to be written
	armed   bool
	writing bool // one is being written
	stale   bool // what is in memory is newer than what was last begun to be written
	alarmed bool // a mount is missed; a person may say that it is meant to be gone
	apart   bool // the next is to be another: packages are due by when it was begun
	full    bool // followers are to apply all of the next generation
	audit   *time.Timer
	people  *time.Timer // when the copy for people is to be made
}

func (w *watched) follow(ctx context.Context) error {
	if w.live.Facts().SystemState == "stopping" {
		return errStopping
	}
	freeze := time.NewTicker(freezeEvery)
	defer freeze.Stop()
	retaken := time.NewTicker(lookEvery)
	defer retaken.Stop()
	w.armed, w.stale = true, true
	w.alarms()
	for {
		var err error
		w.pulse.waits()
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-w.q.signal:
			err = w.refresh(ctx)
		case <-w.audit.C:
			w.audit.Reset(w.of.Audit)
			err = w.all(ctx)
		case <-w.due.C:
			w.armed = false
			w.commit(ctx)
		case <-w.people.C: // nothing need have changed since
			w.stale = true
			w.commit(ctx)
		case end := <-w.commits:
			w.writing = false
			err = w.committed(end)
		case <-retaken.C:
			if w.alarmed && !w.writing && w.live.Retaken() {
				err = w.all(ctx)
			}
		case <-freeze.C:
			if !w.writing {
				w.live.Freeze()
			}
		}
		if err != nil {
			return err
		}
	}
}

// refresh reads what was seen, and has the followers take it.
func (w *watched) refresh(ctx context.Context) error {
	g, more := w.q.take()
	if more > 0 {
		time.AfterFunc(more, w.q.wake)
	}
	for _, n := range g.notes {
		w.loop.Log.Warn(n, "host", w.of.Source.Name)
		w.told.note(n)
	}
	ctx, done := w.reads(ctx)
	defer done()
	changed, err := w.live.Refresh(ctx, g.seen, g.kinds)
	if err != nil {
		return err
	}
	return w.changed(ctx, changed, g.since)
}

// reads bounds a read of the source.
func (w *watched) reads(ctx context.Context) (context.Context, context.CancelFunc) {
	w.pulse.does("a read", readMost)
	return context.WithTimeout(ctx, readMost)
}

// all reads all: what no watch told of is found here.
func (w *watched) all(ctx context.Context) error {
	ctx, done := w.reads(ctx)
	defer done()
	changed, err := w.live.All(ctx)
	if err != nil {
		return err
	}
	if len(changed) > 0 {
		w.loop.Log.Warn("an audit found changes on the source that no watch told of", "host", w.of.Source.Name, "changes", len(changed), "first", changed[0].String())
	}
	return w.changed(ctx, changed, time.Now())
}

func (w *watched) changed(ctx context.Context, changed []engine.Addr, since time.Time) error {
	if w.live.Facts().SystemState == "stopping" {
		return errStopping
	}
	w.alarms()
	if len(changed) == 0 {
		return nil
	}
	lost, err := w.live.Keep(ctx, changed)
	if err != nil {
		return err
	}
	if len(lost) > 0 { // written to again: the watch tells of that too
		w.loop.Log.Debug("changed again while it was read", "host", w.of.Source.Name, "first", lost[0].String(), "count", len(lost))
	}
	if w.of.Delay > 0 && slices.ContainsFunc(changed, func(a engine.Addr) bool { return control.IsDelayed(a.Kind) }) {
		w.apart = true
	}
	snap := w.live.Snapshot()
	w.told.changed(since)
	for _, f := range w.followers {
		f.take(snap, changed, since)
	}
	w.stale = true
	if !w.armed && !w.writing {
		w.armed = true
		w.due.Reset(commitWithin)
	}
	return nil
}

// alarms tells of mounts that are gone: what lay there stays on every follower.
func (w *watched) alarms() {
	var gone []string
	for _, h := range w.live.Coverage()["file"].Holes {
		if h.Mount && !strings.Contains(h.Err, hosts.ErrMountPoint.Error()) { // of another file system nothing was ever followed
			gone = append(gone, fmt.Sprintf("%s: %s: nothing below it is followed, and nothing is deleted for it", h.Path, h.Err))
		}
	}
	w.alarmed = len(gone) > 0
	for _, text := range w.told.alarm(gone) {
		w.loop.Log.Error(text, "host", w.of.Source.Name)
	}
}

// commit begins to write what is in memory as a generation.
func (w *watched) commit(ctx context.Context) {
	if w.writing || !w.stale {
		return // it is begun again when that has ended
	}
	if w.writing, w.stale = true, false; w.apart {
		w.apart = false
		w.live.Freeze()
	}
	write, ends := w.live.Commit(), w.commits
	w.writes.does("writing a generation", writeMost)
	go func() {
		ctx, cancel := context.WithTimeout(ctx, writeMost)
		defer cancel()
		taken, err := write(ctx)
		w.writes.waits()
		ends <- commitEnd{taken, err}
	}()
}

func (w *watched) committed(end commitEnd) error {
	wait := commitWithin
	if w.full {
		wait = 0
	}
	switch {
	case errors.Is(end.err, states.ErrLocked): // a person's command is at work
		w.stale, wait = true, lookEvery
	case end.err != nil && !control.LostLink(end.err): // a full disk, say: the followers need not wait for it
		w.loop.Log.Error("cannot write a generation; it is tried again", "host", w.of.Source.Name, "error", end.err)
		w.told.store(end.err)
		w.stale, wait = true, storeAgain
	case end.err != nil:
		return end.err
	default:
		w.told.stored(end.taken.Generation)
		if end.taken.NoCopy {
			w.people.Reset(control.CopyEvery)
		}
		if w.full {
			w.full = false
			snap := w.live.Snapshot()
			for _, f := range w.followers {
				f.whole(snap)
			}
		}
	}
	if w.stale && !w.armed {
		w.armed = true
		w.due.Reset(wait)
	}
	return nil
}
