package mirror

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hikae/engine/agent"
	"hikae/hosts"
)

// A tree is written by one at a time, and the second is told by whom. While the host
// is held, by whoever wants to; what that one brought is known after.
func TestLocked(t *testing.T) {
	var held atomic.Bool
	s := newSides(t, func(o *Options) { o.Holder, o.Hold = "anna@laptop", held.Load })
	byHand := func() error {
		o := s.options()
		o.Holder = "berta@standby"
		m := New(o)
		m.first = time.Second
		return m.Once(t.Context())
	}
	s.sh("echo one >one")
	s.start()
	s.follows()
	if err := byHand(); !errors.Is(err, hosts.ErrTreeLocked) || !strings.Contains(err.Error(), "anna@laptop") {
		t.Errorf("beside another: %v", err)
	}
	s.sh("echo still >still")
	s.follows()

	held.Store(true)
	s.sh("echo two >two")
	if err := byHand(); err != nil {
		t.Fatalf("while it is held: %v", err)
	}
	s.equal()
	s.sh("rm two")
	held.Store(false)
	s.until("two is gone: it was brought, if by another", func() bool {
		_, err := os.Stat(s.dst.Path(root + "/two"))
		return os.IsNotExist(err)
	})
	s.follows()
	if err := byHand(); !errors.Is(err, hosts.ErrTreeLocked) {
		t.Errorf("after it was held: %v", err)
	}
}

// Whoever lost the link to a tree has let go of it.
func TestLockOfOneWhoIsGone(t *testing.T) {
	var c *agent.Client
	s := newSides(t, func(o *Options) {
		target := o.Target
		o.Target = func(ctx context.Context) (_ *agent.Client, err error) {
			c, err = target(ctx)
			return c, err
		}
	})
	p, err := s.m.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	other := New(s.options())
	if _, err := other.open(t.Context()); !errors.Is(err, hosts.ErrTreeLocked) {
		t.Fatalf("it is not locked: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, _ = c.Read(gone, agent.ReadRequest{}, nil) // ends the session, as a lost link does
	s.until("the lock is gone", func() bool {
		q, err := other.open(t.Context())
		if err == nil {
			q.close()
		}
		return err == nil
	})
}
