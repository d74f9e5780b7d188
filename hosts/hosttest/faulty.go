package hosttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"hikae/hosts"
)

// Fault says how a Faulty breaks.
type Fault int

// The faults.
const (
	// Fail: the write does nothing and returns ErrInjected; those after it work.
	Fail Fault = iota + 1
	// Stop: the write does nothing, and neither does any after it, Discard
	// included: what a process that is killed before the write would leave.
	Stop
	// StopAfter: the write is done but returns ErrStopped, and none after it
	// does anything: killed before it could note that it was done.
	StopAfter
	// Torn: as Stop, but a Put or Stage has read half its content before, and
	// what it wrote of it lies there under a temporary name.
	Torn
)

// Errors that a Faulty returns.
var (
	ErrInjected = errors.New("a fault was injected")
	ErrStopped  = errors.New("stopped by a fault")
)

// Faulty is a host of which one write goes wrong. Writes are Put, Remove, Run,
// Stage, Commit, Discard and Sync, counted together from 1. To try every
// interruption, count the writes of a run without a fault, then run again with a
// fresh host and a fault at each.
type Faulty struct {
	Full

	mu      sync.Mutex
	at      int
	fault   Fault
	writes  int
	stopped bool
}

var _ Full = (*Faulty)(nil)

// NewFaulty wraps h; without At it only counts.
func NewFaulty(h Full) *Faulty { return &Faulty{Full: h} }

// At has the n-th write from now go wrong, and undoes a former Stop; n of 0
// means none.
func (f *Faulty) At(n int, fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at, f.fault, f.writes, f.stopped = n, fault, 0, false
}

// Writes gives how many writes there were since the last At.
func (f *Faulty) Writes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writes
}

// do counts a write and does it, or not. tear does half of it.
func (f *Faulty) do(what string, write, tear func() error) error {
	f.mu.Lock()
	f.writes++
	n, fault, stopped := f.writes, Fault(0), f.stopped
	if f.at > 0 && n == f.at {
		fault = f.fault
		f.stopped = fault != Fail
	}
	f.mu.Unlock()
	switch {
	case stopped, fault == Stop:
		return fmt.Errorf("%s: %w", what, ErrStopped)
	case fault == Fail:
		return fmt.Errorf("%s: %w", what, ErrInjected)
	case fault == StopAfter:
		return errors.Join(write(), fmt.Errorf("%s: %w", what, ErrStopped))
	case fault == Torn:
		if tear != nil {
			_ = tear()
		}
		return fmt.Errorf("%s: %w", what, ErrStopped)
	}
	return write()
}

// Put implements hosts.Host.
func (f *Faulty) Put(ctx context.Context, path string, n hosts.Node, content io.Reader) error {
	return f.do("put "+path,
		func() error { return f.Full.Put(ctx, path, n, content) },
		func() error { return f.tear(ctx, path, n, content) })
}

// tear leaves half of a file beside path.
func (f *Faulty) tear(ctx context.Context, path string, n hosts.Node, content io.Reader) error {
	if n.Type != hosts.File || content == nil {
		return nil
	}
	n.Content = hosts.Content{Size: n.Content.Size / 2}
	_, err := f.Full.Stage(ctx, path, n, io.LimitReader(content, n.Content.Size))
	return err
}

// Remove implements hosts.Host.
func (f *Faulty) Remove(ctx context.Context, path string) error {
	return f.do("remove "+path, func() error { return f.Full.Remove(ctx, path) }, nil)
}

// Run implements hosts.Host.
func (f *Faulty) Run(ctx context.Context, c hosts.Cmd) (res hosts.Result, err error) {
	err = f.do(fmt.Sprint("run ", c.Argv), func() error { res, err = f.Full.Run(ctx, c); return err }, nil)
	return res, err
}

// Stage implements hosts.Stager.
func (f *Faulty) Stage(ctx context.Context, path string, n hosts.Node, content io.Reader) (hosts.Staged, error) {
	var s hosts.Staged
	err := f.do("stage "+path,
		func() (err error) { s, err = f.Full.Stage(ctx, path, n, content); return err },
		func() error { return f.tear(ctx, path, n, content) })
	if err != nil {
		return nil, err
	}
	return &faultyStaged{s, f}, nil
}

// Sync implements hosts.Syncer.
func (f *Faulty) Sync(ctx context.Context) error {
	return f.do("sync", func() error { return f.Full.Sync(ctx) }, nil)
}

type faultyStaged struct {
	hosts.Staged
	f *Faulty
}

func (s *faultyStaged) Commit() error {
	return s.f.do("commit "+s.Path(), s.Staged.Commit, nil)
}

func (s *faultyStaged) Discard() error {
	return s.f.do("discard "+s.Path(), s.Staged.Discard, nil)
}
