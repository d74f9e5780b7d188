package control

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"hikae/engine"
	"hikae/engine/agent"
	"hikae/hosts"
	"hikae/states"
)

// Live is a host that is held open: what it is is in memory, and is kept up by
// reading again what was seen to change. It has one user at a time.
type Live struct {
	c     *Controller
	t     Target
	s     *session
	scope engine.Scope
	open  string      // the generation that Commit amends; "" for none
	taken atomic.Bool // what packages installed was brought into the store since all was read
	// copied is when Commit last made the copy for people.
	copied time.Time

	mu   sync.Mutex           // of lost and of what s.actual is: a Commit may run beside the rest
	lost map[engine.Addr]bool // what changed while its content was fetched, and was not read since
	// mounts are those that were known before the first reading.
	mounts []string
	last   string          // the generation that was last committed
	wish   *engine.Desired // what a follower should be; nil where that is not compiled
}

// Live connects to a host and reads all of it. d is what it should be, nil where
// that is not compiled.
func (c *Controller) Live(ctx context.Context, t Target, d *engine.Desired) (*Live, error) {
	scope, err := c.scope(t, d)
	if err != nil {
		return nil, err
	}
	conn, err := c.dial(ctx, t).wait()
	if err != nil {
		return nil, err
	}
	l := &Live{c: c, t: t, s: &session{conn: conn}, scope: scope, wish: d, lost: map[engine.Addr]bool{}}
	if d == nil { // what a follower has mounted is its own affair
		if l.mounts, err = c.knownMounts(t.Name); err != nil {
			l.Close()
			return nil, err
		}
	}
	if _, err := l.All(ctx); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// knownMounts are the mount points that a host had when its newest snapshot was
// taken.
func (c *Controller) knownMounts(host string) ([]string, error) {
	snap, err := c.Load(host)
	if errors.Is(err, states.ErrNoSnapshot) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return snap.Coverage["file"].Mounts, nil
}

// Close ends the session.
func (l *Live) Close() { l.s.close() }

// Target is the host.
func (l *Live) Target() Target { return l.t }

// Facts is what the host said of itself when it was connected to.
func (l *Live) Facts() hosts.Facts { return l.s.actual.Facts }

// Coverage is what was seen of the host, by kind.
func (l *Live) Coverage() map[string]engine.Coverage { return l.s.actual.Coverage }

// Alive asks the host for next to nothing. Where LostLink tells the error, the link
// is gone, or whoever is at its other end.
func (l *Live) Alive(ctx context.Context) error {
	scope := l.scope
	scope.Only, scope.Kinds = []string{"/etc"}, []string{"file"}
	_, err := l.c.readOnce(ctx, l.s.conn, l.t, scope)
	if errors.Is(err, hosts.ErrPackagesChange) {
		return nil // it has answered
	}
	return err
}

// All reads all of the host, and returns what is not as it was.
func (l *Live) All(ctx context.Context) ([]engine.Addr, error) {
	now, err := l.c.readScope(ctx, l.s.conn, l.t, l.scope)
	if err != nil {
		return nil, err
	}
	known := l.missed()
	if l.Retaken() {
		if known, err = l.c.knownMounts(l.t.Name); err != nil {
			return nil, err
		}
		if err := l.note(); err != nil {
			return nil, err
		}
	}
	now.Miss(known, nil)
	again := l.found(l.scope)
	l.taken.Store(false) // said to Commit: it may bring more than it knows of now
	return append(l.take(now), again...), nil
}

// Refresh reads again what was seen, and returns what is not as it was.
func (l *Live) Refresh(ctx context.Context, seen []hosts.Seen, kinds []string) ([]engine.Addr, error) {
	if slices.Contains(kinds, "package") || slices.Contains(kinds, "file") { // with a package come files, users and units
		return l.All(ctx)
	}
	scope := l.part(seen)
	if scope.Kinds = slices.Clone(kinds); scope.Part() {
		scope.Kinds = append(scope.Kinds, "file")
	}
	if len(scope.Kinds) == 0 {
		return nil, nil
	}
	now, err := l.c.readScope(ctx, l.s.conn, l.t, scope)
	if err != nil {
		return nil, err
	}
	now.Miss(l.missed(), slices.Concat(scope.Only, scope.Within))
	again := l.found(scope)
	changed := l.take(withNew(l.s.actual, now, scope))
	changed = append(changed, again...)
	if !slices.ContainsFunc(changed, isAccount) {
		return changed, nil
	}
	// Files go by their owners' names: other files may be somebody else's now.
	more, err := l.All(ctx)
	return append(changed, more...), err
}

// missed are the mounts that are to be there: where one is not, what it held was not
// seen.
func (l *Live) missed() []string {
	if l.s.actual == nil {
		return l.mounts
	}
	return l.s.actual.Coverage["file"].Mounts
}

// note takes the newest generation for one that is known.
func (l *Live) note() error {
	newest, err := l.c.Store.Newest(l.t.Name)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = newest
	return err
}

// Retaken reports whether somebody else has taken a snapshot of the host since the
// last Commit: who does may say what is meant to be gone (Snapshot's forgetMounts).
// All then goes by that.
func (l *Live) Retaken() bool {
	newest, err := l.c.Store.Newest(l.t.Name)
	l.mu.Lock()
	defer l.mu.Unlock()
	return err == nil && l.last != "" && newest != l.last
}

func isAccount(a engine.Addr) bool { return a.Kind == "user" || a.Kind == "group" }

// part is the scope of a read of those paths that are files' own.
func (l *Live) part(seen []hosts.Seen) engine.Scope {
	scope := l.scope
	trees := append([]string{"/etc"}, scope.Paths...)
	for _, s := range seen {
		for _, p := range []string{s.Path, s.From} {
			switch {
			case p == "":
			case s.Deep && hosts.Within(p, trees):
				scope.Within = append(scope.Within, p)
			case hosts.Within(p, trees) || slices.Contains(scope.Files, p):
				scope.Only = append(scope.Only, p)
			}
		}
		if s.Deep { // a tree or a file that is read lies in it
			for _, p := range scope.Files {
				if p != s.Path && hosts.Within(p, []string{s.Path}) {
					scope.Only = append(scope.Only, p)
				}
			}
			for _, t := range trees {
				if t != s.Path && hosts.Within(t, []string{s.Path}) {
					scope.Within = append(scope.Within, t)
				}
			}
		}
	}
	return scope
}

// take makes what was read what the host is, and tells what differs.
func (l *Live) take(now *engine.Actual) []engine.Addr {
	var changed []engine.Addr
	if was := l.s.actual; was != nil {
		for a, r := range now.Resources {
			if !engine.Same(was.Resources[a], r) {
				changed = append(changed, a)
			}
		}
		for a := range was.Resources {
			if now.Resources[a] == nil {
				changed = append(changed, a)
			}
		}
	}
	l.mu.Lock()
	l.s.actual = now
	l.mu.Unlock()
	slices.SortFunc(changed, engine.Addr.Compare)
	return changed
}

// found takes what a read has told of out of what was lost, and returns it: whether
// or not it is as it was, its content is yet to be fetched.
func (l *Live) found(scope engine.Scope) (again []engine.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for a := range l.lost {
		if !scope.Part() || a.Kind != "file" || slices.Contains(scope.Only, a.Name) || hosts.Within(a.Name, scope.Within) {
			again = append(again, a)
			delete(l.lost, a)
		}
	}
	return again
}

// readSince reports whether an address was read since act was.
func (l *Live) readSince(a engine.Addr, act *engine.Actual) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.s.actual.Resources[a] != act.Resources[a]
}

func (l *Live) lose(addrs []engine.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range addrs {
		l.lost[a] = true
	}
}

// Snapshot is what the host is now, but for what changed while its content was
// fetched: that was not seen. Nobody changes it.
func (l *Live) Snapshot() *engine.Snapshot {
	l.mu.Lock()
	lost := slices.Collect(maps.Keys(l.lost))
	l.mu.Unlock()
	return l.all().Unseen(lost, "it changed while it was read")
}

// all is all that was read.
func (l *Live) all() *engine.Snapshot {
	snap := &engine.Snapshot{Host: l.t.Name, Taken: now(), Facts: l.s.actual.Facts, Coverage: l.s.actual.Coverage}
	for _, a := range slices.SortedFunc(maps.Keys(l.s.actual.Resources), engine.Addr.Compare) {
		snap.Resources = append(snap.Resources, *l.s.actual.Resources[a])
	}
	return snap
}

// LostLink reports whether an error is the end of a session, and so says nothing
// of what was asked over it.
func LostLink(err error) bool {
	return errors.Is(err, agent.ErrLost) || errors.Is(err, agent.ErrProtocol)
}

// Keep brings into the store what it lacks of the contents of some resources. It
// returns those whose content changed again meanwhile: they count as not seen until
// they are read again.
func (l *Live) Keep(ctx context.Context, addrs []engine.Addr) (lost []engine.Addr, err error) {
	schemas := engine.ByKind(l.c.Schemas)
	var contents []hosts.Content
	for _, a := range addrs {
		if r := l.s.actual.Resources[a]; r != nil {
			contents = append(contents, r.Contents(schemas[a.Kind])...)
		}
	}
	failed, err := l.c.keepContents(ctx, l.s.conn, l.t.Name, contents)
	if err != nil {
		return nil, err
	}
	for _, a := range addrs {
		if r := l.s.actual.Resources[a]; r != nil && slices.ContainsFunc(r.Contents(schemas[a.Kind]), func(ct hosts.Content) bool { return failed[ct.ID] != nil }) {
			lost = append(lost, a)
		}
	}
	l.lose(lost)
	return lost, nil
}

// Freeze has the next Commit begin a generation.
func (l *Live) Freeze() { l.open = "" }

// CopyEvery is how often at most the copy for people is made of a host that is held
// open: it costs three times what the generation does.
const CopyEvery = 10 * time.Second

// Commit gives what stores the host, as it is now, as a generation; the open one
// is amended, where there is one. It may run beside a Refresh, but not twice at a
// time.
func (l *Live) Commit() func(ctx context.Context) (*Taken, error) {
	s, open := &session{conn: l.s.conn, actual: l.s.actual}, &l.open
	return func(ctx context.Context) (*Taken, error) {
		unlock, err := l.c.Store.Lock(l.c.Holder)
		if err != nil {
			return nil, err
		}
		defer unlock()
		var notes []string
		if !l.taken.Swap(true) { // before it is done: an All beside it may want it once more
			if notes, err = l.c.keepBeside(ctx, s, l.t); err != nil {
				l.taken.Store(false)
				return nil, err
			}
		}
		people := time.Since(l.copied) >= CopyEvery
		taken, err := l.c.keep(ctx, s, l.t, *open, people)
		if err != nil {
			return nil, err
		}
		if taken.NoCopy = !people; people {
			l.copied = time.Now()
		}
		taken.Notes = append(taken.Notes, notes...)
		if *open != taken.Generation {
			err := l.c.Store.Thin(l.t.Name, time.Now())
			if err := errors.Join(err, l.c.clean(ctx)); err != nil {
				taken.Notes = append(taken.Notes, err.Error())
			}
		}
		*open = taken.Generation
		l.mu.Lock()
		l.last = taken.Generation
		l.mu.Unlock()
		l.lose(slices.DeleteFunc(taken.lost, func(a engine.Addr) bool { return l.readSince(a, s.actual) }))
		return taken, l.c.wish(l.t.Name, taken.Generation)
	}
}

// Known reports whether hikae ever applied something to a host: one that it never
// met is no follower's, until a person has applied to it.
func (c *Controller) Known(host string) (bool, error) {
	base, err := c.base(host)
	return len(base) > 0, err
}

// Follow is Live of a host that follows another; source may be nil.
func (c *Controller) Follow(ctx context.Context, t Target, source *engine.Snapshot) (*Live, error) {
	d, err := c.desired(ctx, t, PlanOptions{Source: source})
	if err != nil {
		return nil, err
	}
	return c.Live(ctx, t, d)
}

// Watch tells what changes on the host, over a session of its own, until ctx ends.
func (c *Controller) Watch(ctx context.Context, t Target, emit func(agent.Watched) error) error {
	scope, err := c.scope(t, nil)
	if err != nil {
		return err
	}
	conn, err := c.Connect(ctx, t)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // it only listened
	return conn.Watch(ctx, agent.WatchRequest{Scope: scope}, emit)
}

// errUnmet: what was applied does not read as it was wished.
var errUnmet = fmt.Errorf("%w: read again it is not what was written", ErrNotInStep)
