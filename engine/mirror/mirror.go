// Package mirror keeps a tree of data (a web root, Maildirs, uploads) on a
// follower equal to the primary's: one Mirror a tree, with sessions of its own.
//
// An audit compares the whole: each side hashes its directories, and only those
// that differ are listed. Between audits a watch on the source says what may
// have changed, and only that is compared. Either way the same plan is made of
// the differences and the same changes are sent: what is there already under
// another name, or with other metadata, is not sent again.
//
// What a mirror did not bring it does not remove; what it overwrites or removes
// is kept for a while. A source that cannot be seen, or that lost its file
// system, or much of what was in it, changes nothing on the target: that is an
// alarm, and a person decides (Allow).
package mirror

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"hikae/engine"
	"hikae/engine/agent"
	"hikae/engine/rules"
	"hikae/hosts"
)

// Settings are what a project says of a mirror.
type Settings struct {
	Root    string
	Exclude []string // patterns of absolute paths, beside the built-in ones
	Numbers bool     // owners go by number, not by name
	Reload  []string // units, where something arrived
	Run     []string // a program, where something arrived
	// Every is how often the tree is compared in place of being watched; 0: it
	// is watched, and compared every Audit.
	Every, Audit time.Duration
	Versions     time.Duration // how long what is overwritten or removed is kept; 0: not at all
	KeepFree     int           // per cent of the target's file system
	Bandwidth    int64         // bytes of files a second; 0: no limit
	Budget       engine.Budget // of deletions and modifications within a minute
}

// defaultAudit is the time between audits where nothing is said.
const defaultAudit = time.Hour

// Options are what a Mirror works with.
type Options struct {
	Settings
	// Source and Target open sessions with the two hosts. A mirror has two of
	// the source's, one to watch with.
	Source, Target func(context.Context) (*agent.Client, error)
	// Watch replaces the watch on the source; nil: by a session of Source.
	Watch  func(ctx context.Context, emit func(hosts.WatchReport) error) error
	Holder string      // names who writes the target's tree: it has one at a time
	Hash   bool        // audits compare files by their bytes, not by size and time alone
	Hold   func() bool // true: nothing is to be changed on the target now; nil: never
	Emit   func(Event) // nil: nobody listens
	// Load and Save keep a small record in the store; Load gives nil where there
	// is none.
	Load func() ([]byte, error)
	Save func([]byte) error
}

// Event is something that happened, for people and logs.
type Event struct {
	Time  time.Time
	Root  string
	Type  string // "arrived", "alarm", "note", "lost"
	Text  string
	Files int   // of "arrived": how many changes
	Bytes int64 // of their contents, as they travelled
}

// Mirror keeps one tree.
type Mirror struct {
	o      Options
	status status
	wake   chan struct{} // something is to be looked at
	record record
	spent  spending
	first  time.Duration // the first wait after a failure; tests shorten it
	diffs  int           // the most that is brought at one time; tests lower it
	again  time.Duration // the least until the audit after one that left something

	throttle  throttle
	refused   refusals
	unsettled map[string]time.Time // files that were being written, and since when
	settled   time.Time            // when they are looked at again

	mu      sync.Mutex
	allowed bool
	seen    []hosts.Seen // told, not looked at yet
	// seenBytes are of their names.
	seenBytes int
}

// New makes a mirror that does nothing until Run.
func New(o Options) *Mirror {
	if o.Hold == nil {
		o.Hold = func() bool { return false }
	}
	if o.Emit == nil {
		o.Emit = func(Event) {}
	}
	if o.Audit <= 0 {
		o.Audit = defaultAudit
	}
	m := &Mirror{o: o, wake: make(chan struct{}, 1), first: time.Second, again: time.Second, diffs: maxDiffs, refused: refusals{}, unsettled: map[string]time.Time{}}
	m.status.since = time.Now()
	return m
}

// Run keeps the tree until ctx ends: what fails is tried again, in growing
// steps. While it is held, or waits, another may write the tree.
func (m *Mirror) Run(ctx context.Context) {
	const longest = time.Minute
	wait := m.first
	for ctx.Err() == nil {
		began := time.Now()
		err := m.keep(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > longest {
			wait = m.first
		}
		if errors.Is(err, errHeld) {
			wait = m.first
			continue
		}
		m.failed(err)
		if errors.Is(err, hosts.ErrTreeLocked) { // often by a session of our own whose link was lost
			wait = min(wait, lockedFor)
		}
		select {
		case <-ctx.Done():
		case <-m.allowance():
			wait = m.first
		case <-time.After(wait/2 + rand.N(wait)): // #nosec G404 -- so that not all come at once
		}
		wait = min(2*wait, longest)
	}
}

// lockedFor is how long a tree may be locked by one who lets go of it: a loop that was
// just told to hold, or an agent whose link was lost.
const lockedFor = 5 * time.Second

// Once compares the trees once and brings what differs. It is an error where they
// are not in step after it, or where another writes the tree.
func (m *Mirror) Once(ctx context.Context) error {
	err := m.once(ctx)
	for began := time.Now(); errors.Is(err, hosts.ErrTreeLocked) && time.Since(began) < lockedFor; {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(m.first):
		}
		err = m.once(ctx)
	}
	if err != nil {
		return fmt.Errorf("cannot mirror %s: %w", m.o.Root, m.gone(err))
	}
	if s := m.Status(); !s.InStep {
		return fmt.Errorf("%s is not in step: %s", m.o.Root, s.Why)
	}
	return nil
}

func (m *Mirror) once(ctx context.Context) error {
	p, err := m.open(ctx)
	if err != nil {
		return err
	}
	defer p.close()
	if err := p.audit(ctx); err != nil {
		return err
	}
	p.arrivals.hurry()
	return p.arrived(ctx)
}

// Allow lets the next comparison pass that an alarm stopped: over the budget,
// or on another file system.
func (m *Mirror) Allow() {
	m.mu.Lock()
	m.allowed = true
	m.mu.Unlock()
	m.nudge()
}

func (m *Mirror) nudge() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// allowance ends a wait when a person has allowed what was waited for.
func (m *Mirror) allowance() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.status.alarmed() {
		return nil
	}
	return m.wake
}

// takeAllowed uses up what Allow gave.
func (m *Mirror) takeAllowed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	was := m.allowed
	m.allowed = false
	return was
}

// failed tells why the mirror stands.
func (m *Mirror) failed(err error) {
	var a *alarm
	if errors.As(err, &a) {
		m.raise(a.Error())
		return
	}
	if m.status.lost(err) {
		m.emit(Event{Type: "lost", Text: err.Error()})
	}
}

func (m *Mirror) raise(text string) {
	if m.status.raise(text) {
		m.emit(Event{Type: "alarm", Text: text})
	}
}

func (m *Mirror) emit(e Event) {
	e.Time, e.Root = time.Now(), m.o.Root
	m.o.Emit(e)
}

func (m *Mirror) note(format string, args ...any) {
	m.emit(Event{Type: "note", Text: fmt.Sprintf(format, args...)})
}

// pair is the two sides of a mirror while their sessions last.
type pair struct {
	m              *Mirror
	source, target *agent.Client
	src, dst       *agent.Tree

	root        *hosts.TreeEntry // of the source, where the target's had to be made
	files       int              // on the target, at the last audit
	entries     int              // of the source's tree
	linksDiffer bool             // at the last audit
	auditing    bool
	auditAgain  bool              // something was left that an audit has to find
	took        time.Duration     // the last audit
	suspect     map[string]bool   // files of several names that may differ by their bytes alone
	left        int               // audits in a row that left something
	failing     map[string]string // what could not be brought, and why
	arrivals    arrivals
}

// open connects to both sides and opens their trees.
func (m *Mirror) open(ctx context.Context) (*pair, error) {
	p := &pair{m: m, suspect: map[string]bool{}, failing: map[string]string{}}
	req := agent.TreeRequest{Root: m.o.Root, Exclude: m.excludes(), Numbers: m.o.Numbers, Hash: m.o.Hash}
	err := both(
		func() (err error) {
			if p.source, err = m.o.Source(ctx); err == nil {
				p.src, err = p.source.OpenTree(ctx, req)
			}
			return err
		},
		func() (err error) {
			req := req
			req.Write, req.KeepFree = true, m.o.KeepFree
			req.Versions, req.Holder = int64(m.o.Versions/time.Second), m.o.Holder
			if p.target, err = m.o.Target(ctx); err == nil {
				p.dst, err = p.target.OpenTree(ctx, req)
			}
			return err
		})
	if err == nil {
		err = m.loadRecord() // now that nobody else writes it
	}
	if err == nil {
		err = p.safe(ctx)
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *pair) close() {
	for _, c := range []*agent.Client{p.source, p.target} {
		if c != nil {
			_ = c.Close() // how the sessions went, the operations know
		}
	}
}

// excludes are the patterns of what no mirror carries, and the mirror's own.
func (m *Mirror) excludes() []string {
	return append(rules.MirrorExcludes(), m.o.Exclude...)
}

// both runs two things at once, one for each side.
func both(a, b func() error) error {
	done := make(chan error, 1)
	go func() { done <- b() }()
	err := a()
	return errors.Join(err, <-done)
}
