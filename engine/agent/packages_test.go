package agent

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hikae/engine"
	"hikae/hosts"
)

// changingHost is a host on which somebody may be changing packages.
type changingHost struct {
	*watchedHost
	who   atomic.Value
	asked chan struct{} // gets one each time that it is asked; nil: nobody counts
}

func newChanging(t *testing.T) (*changingHost, *rig) {
	w, r := newWatched(t)
	h := &changingHost{watchedHost: w}
	h.who.Store("")
	r.server.Host = h
	return h, r
}

func (h *changingHost) PackagesHeldBy() (string, error) {
	if h.asked != nil {
		h.asked <- struct{}{}
	}
	return h.who.Load().(string), nil
}

// beginning is a module during whose Read a transaction begins.
type beginning struct {
	fileModule
	h *changingHost
}

func (m beginning) Read(ctx context.Context, r hosts.Reader, s engine.Scope, emit func(engine.Resource) error) (engine.Coverage, error) {
	m.h.who.Store("rpm (process 7)")
	return m.fileModule.Read(ctx, r, s, emit)
}

// The middle of a transaction is not read, whether it was under way before or not.
func TestReadDuringTransaction(t *testing.T) {
	h, r := newChanging(t)
	r.server.Modules = []engine.Module{beginning{fileModule{r.host}, h}, sourcedModule{}}
	c := r.client(t)
	read := func(kinds ...string) error {
		_, _, err := c.Read(t.Context(), ReadRequest{Scope: engine.Scope{Kinds: kinds}, HomeKey: testKey()}, func(engine.Resource) error { return nil })
		return err
	}
	if err := read("user"); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"file", "user"} { // the first begins one
		if err := read(kind); !errors.Is(err, hosts.ErrPackagesChange) || !strings.Contains(err.Error(), "rpm (process 7)") {
			t.Errorf("%s: %v", kind, err)
		}
	}
	h.who.Store("")
	if err := read("user"); err != nil {
		t.Errorf("after it: %v", err)
	}
}

// What is seen during a transaction is told after it.
func TestWatchDuringTransaction(t *testing.T) {
	h, r := newChanging(t)
	h.asked = make(chan struct{})
	c := r.client(t)
	ctx, enough := context.WithCancel(t.Context())
	told := make(chan Watched)
	over := make(chan error, 1)
	go func() {
		over <- c.Watch(ctx, WatchRequest{}, func(w Watched) error { told <- w; return nil })
	}()
	<-h.roots
	h.reports <- hosts.WatchReport{Ready: true} // says nothing of what the host is
	<-told
	h.who.Store("dnf")
	h.reports <- hosts.WatchReport{Seen: []hosts.Seen{{Path: "/etc/passwd"}}}
	for range 3 {
		select {
		case <-h.asked:
		case w := <-told:
			t.Fatalf("told %+v during the transaction", w)
		}
	}
	h.who.Store("")
	for done := false; !done; {
		select {
		case <-h.asked:
		case w := <-told:
			if len(w.Seen) != 1 || len(w.Kinds) != 1 {
				t.Errorf("told %+v", w)
			}
			done = true
		}
	}
	// One that does not end keeps no client from ending the watch.
	h.who.Store("dnf")
	h.reports <- hosts.WatchReport{Seen: []hosts.Seen{{Path: "/etc/passwd"}}}
	<-h.asked
	enough()
	deadline := time.After(30 * time.Second)
	for {
		select {
		case <-h.asked:
		case err := <-over:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("ended with %v", err)
			}
			return
		case <-deadline:
			t.Fatal("the watch does not end")
		}
	}
}
