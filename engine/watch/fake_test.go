package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/agent"
	"hikae/engine/control"
	"hikae/hosts"
)

// world is a primary and those who follow it, as the loop meets them by Control: each
// host is a map of what has which value. It takes the bubble's time to do things.
type world struct {
	t  *testing.T
	mu sync.Mutex

	primary  map[engine.Addr]string
	up       bool
	down     chan struct{} // closed when the primary goes away
	watching chan agent.Watched
	silent   bool // the watch tells nothing
	unready  bool // nor that it has begun
	systemd  string
	holes    []engine.Hole
	lost     map[engine.Addr]bool // cannot be kept: it changes while it is read
	sessions int                  // of the primary, begun

	followers map[string]*fakeHost
	holds     map[string]*control.Hold
	allowed   time.Time

	storeErr error
	gens     []generation
	frozen   int

	ready bool
	alive time.Time // when the watchdog was last told

	status   *Status
	statuses int
}

// generation is one that was written.
type generation struct {
	name  string
	at    time.Time // when it was last written
	begun time.Time
	of    map[engine.Addr]string
}

// fakeHost is a follower.
type fakeHost struct {
	name    string
	is      map[engine.Addr]string
	away    bool
	unknown bool
	refuses map[engine.Addr]string // the value that cannot be applied, and why not
	locks   map[engine.Addr]string // the value that keeps everybody out
	cuts    bool                   // and cuts the link
	over    bool                   // the next change is over the budget
	// conflict: something is to be merged by hand, beside what is refused.
	conflict bool
	fails    error         // of every apply
	takes    time.Duration // of an apply
	silent   bool          // it does not answer when it is asked
	stalls   bool          // an apply lasts until it is given up
	stuck    chan struct{} // an apply lasts until this is closed, given up or not
	// hangs: an apply lasts until some time after it was given up, and those after find
	// the host locked.
	hangs, hung bool
	foundLocked int

	lockouts       int
	session        int // the newest; older ones are lost
	applies        []string
	wholes, plans  int
	busy, overlaps int
}

func file(name string) engine.Addr { return engine.Addr{Kind: "file", Name: name} }

func newWorld(t *testing.T) *world {
	w := &world{
		t: t, up: true, down: make(chan struct{}), primary: map[engine.Addr]string{file("/etc/a"): "1", file("/etc/b"): "1"}, systemd: "running",
		followers: map[string]*fakeHost{}, holds: map[string]*control.Hold{}, lost: map[engine.Addr]bool{},
	}
	w.host("standby")
	return w
}

func (w *world) host(name string) *fakeHost {
	h := &fakeHost{name: name, is: map[engine.Addr]string{}, refuses: map[engine.Addr]string{}, locks: map[engine.Addr]string{}, takes: 20 * time.Millisecond}
	w.followers[name] = h
	return h
}

// follows runs a loop on the world in a bubble, where hours pass in no time, and has
// test see it.
func follows(t *testing.T, before func(*world, *Following), test func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		of := Following{Source: control.Target{Name: "primary"}, Audit: time.Hour}
		if before != nil {
			before(w, &of)
		}
		for _, name := range slices.Sorted(maps.Keys(w.followers)) {
			of.Followers = append(of.Followers, control.Target{Name: name, Source: "primary"})
		}
		l := &Loop{
			Control: w, Following: []Following{of}, Log: slog.New(slog.DiscardHandler),
			Ready: func() { w.with(func() { w.ready = true }) },
			Alive: func() { w.with(func() { w.alive = time.Now() }) },
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- l.Run(ctx) }()
		test(w)
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(time.Hour):
			t.Error("the loop does not end")
		}
	})
}

// pass lets time pass.
func (w *world) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// edit changes the primary; "" removes.
func (w *world) edit(name, value string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if value == "" {
		delete(w.primary, file(name))
	} else {
		w.primary[file(name)] = value
	}
	w.tell(name)
}

// tell needs the lock.
func (w *world) tell(name string) {
	if w.up && !w.silent && w.watching != nil {
		w.watching <- agent.Watched{WatchReport: hosts.WatchReport{Seen: []hosts.Seen{{Path: name}}}}
	}
}

// with changes the world.
func (w *world) with(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

func (w *world) goDown() {
	w.with(func() { w.up = false; close(w.down); w.watching = nil })
}

func (w *world) comeBack() { w.with(func() { w.up, w.down = true, make(chan struct{}) }) }

// inStep holds a follower to be what the primary is, in fact and by the status.
func (w *world) inStep(host string) {
	w.t.Helper()
	w.is(host, InStep)
	w.mu.Lock()
	defer w.mu.Unlock()
	if got := w.followers[host].is; !maps.Equal(got, w.primary) {
		w.t.Errorf("%s is %v, and the primary %v", host, got, w.primary)
	}
	if f := w.of(host); f.Behind != 0 || f.All || len(f.HeldBack) > 0 {
		w.t.Errorf("%s is in step, its status says %+v", host, f)
	}
}

func (w *world) is(host string, state State) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if f := w.of(host); f.State != state {
		w.t.Errorf("%s: %q (%s), want %q", host, f.State, f.Why, state)
	}
}

// of is what the status says of a follower.
func (w *world) of(host string) FollowerStatus {
	for _, f := range w.status.Followers {
		if f.Host == host {
			return f
		}
	}
	w.t.Fatalf("no status of %s", host)
	return FollowerStatus{}
}

func (w *world) told(host string) FollowerStatus {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.of(host)
}

func (w *world) value(host, name string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.followers[host].is[file(name)]
}

// aliveFor is how long ago the watchdog was told that all is well.
func (w *world) aliveFor() (age time.Duration) {
	w.with(func() { age = time.Since(w.alive) })
	return age
}

func (w *world) isReady() (is bool) {
	w.with(func() { is = w.ready })
	return is
}

// What follows is Control.

var _ Control = (*world)(nil)

func (w *world) Watching() (func(), error) { return func() {}, nil }

func (w *world) WriteStatus(raw []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status = &Status{}
	w.statuses++
	return json.Unmarshal(raw, w.status)
}

var errDown = fmt.Errorf("cannot reach it: %w", agent.ErrLost)

func (w *world) Watch(ctx context.Context, _ control.Target, emit func(agent.Watched) error) error {
	w.mu.Lock()
	if !w.up {
		w.mu.Unlock()
		return errDown
	}
	events, down := make(chan agent.Watched, 1000), w.down
	w.watching = events
	w.mu.Unlock()
	w.mu.Lock()
	ready := !w.unready
	w.mu.Unlock()
	if err := emit(agent.Watched{WatchReport: hosts.WatchReport{Ready: ready}}); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-down:
			return errDown
		case e := <-events:
			if err := emit(e); err != nil {
				return err
			}
		}
	}
}

func (w *world) KeepRPMs(ctx context.Context, _ control.Target, _ []engine.Addr) error {
	return lasts(ctx, 10*time.Millisecond)
}

// lasts waits as what is done does.
func lasts(ctx context.Context, d time.Duration) error {
	sleep(ctx, d)
	return ctx.Err()
}

type fakeSource struct {
	w      *world
	actual map[engine.Addr]string
	lost   map[engine.Addr]bool // not seen, though read
	open   string
}

func (w *world) Source(ctx context.Context, _ control.Target) (Source, error) {
	if err := lasts(ctx, 100*time.Millisecond); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.up {
		return nil, errDown
	}
	w.sessions++
	return &fakeSource{w: w, actual: maps.Clone(w.primary), lost: map[engine.Addr]bool{}}, nil
}

func (s *fakeSource) Close() {}

func (s *fakeSource) InstallHook(context.Context) (bool, string, error) { return false, "", nil }

func (s *fakeSource) Facts() hosts.Facts {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	return hosts.Facts{SystemState: s.w.systemd}
}

func (s *fakeSource) Coverage() map[string]engine.Coverage {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	return map[string]engine.Coverage{"file": {Holes: slices.Clone(s.w.holes)}}
}

func (s *fakeSource) All(ctx context.Context) ([]engine.Addr, error) {
	s.w.mu.Lock()
	all := slices.Collect(maps.Keys(s.actual))
	for a := range s.w.primary {
		if _, is := s.actual[a]; !is {
			all = append(all, a)
		}
	}
	s.w.mu.Unlock()
	return s.read(ctx, all)
}

func (s *fakeSource) Refresh(ctx context.Context, seen []hosts.Seen, _ []string) ([]engine.Addr, error) {
	all := []engine.Addr{{Kind: "package", Name: "p"}}
	for _, x := range seen {
		all = append(all, file(x.Path))
	}
	return s.read(ctx, all)
}

func (s *fakeSource) read(ctx context.Context, addrs []engine.Addr) ([]engine.Addr, error) {
	if err := lasts(ctx, 2*time.Millisecond); err != nil {
		return nil, err
	}
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if !s.w.up {
		return nil, errDown
	}
	s.actual = maps.Clone(s.actual)
	var changed []engine.Addr
	for _, a := range addrs {
		if was, now := s.actual[a], s.w.primary[a]; was != now {
			changed = append(changed, a)
			delete(s.lost, a)
			if s.actual[a] = now; now == "" {
				delete(s.actual, a)
			}
		}
	}
	return changed, nil
}

func (s *fakeSource) Keep(_ context.Context, addrs []engine.Addr) (lost []engine.Addr, err error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	for _, a := range addrs {
		if s.w.lost[a] {
			lost = append(lost, a)
			s.lost[a] = true
		}
	}
	return lost, nil
}

func (s *fakeSource) Snapshot() *engine.Snapshot {
	return snapshotOf(s.actual, slices.Collect(maps.Keys(s.lost)))
}

func snapshotOf(is map[engine.Addr]string, without []engine.Addr) *engine.Snapshot {
	snap := &engine.Snapshot{Host: "primary", Taken: time.Now(), Coverage: map[string]engine.Coverage{}}
	for _, a := range slices.SortedFunc(maps.Keys(is), engine.Addr.Compare) {
		if !slices.Contains(without, a) {
			snap.Resources = append(snap.Resources, engine.Resource{Addr: a, Value: cty.StringVal(is[a])})
		}
	}
	cov := engine.Coverage{}
	for _, a := range without {
		cov.Holes = append(cov.Holes, engine.Hole{Path: a.Name})
	}
	snap.Coverage["file"] = cov
	return snap
}

func (s *fakeSource) Retaken() bool { return false }

func (s *fakeSource) Freeze() {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.open = ""
	s.w.frozen++
}

func (s *fakeSource) Commit() func(context.Context) (*control.Taken, error) {
	is := s.actual
	return func(ctx context.Context) (*control.Taken, error) {
		if err := lasts(ctx, 50*time.Millisecond); err != nil {
			return nil, err
		}
		s.w.mu.Lock()
		defer s.w.mu.Unlock()
		if s.w.storeErr != nil {
			return nil, s.w.storeErr
		}
		if s.open == "" {
			s.open = fmt.Sprint("gen", len(s.w.gens))
			s.w.gens = append(s.w.gens, generation{name: s.open, begun: time.Now()})
		}
		g := &s.w.gens[len(s.w.gens)-1]
		g.at, g.of = time.Now(), is
		return &control.Taken{Generation: s.open}, nil
	}
}
