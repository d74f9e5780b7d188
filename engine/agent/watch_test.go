package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"hikae/engine"
	"hikae/hosts"
)

// watchedHost tells what a test has it tell.
type watchedHost struct {
	*fakeHost
	roots   chan []hosts.WatchRoot
	reports chan hosts.WatchReport
}

func newWatched(t *testing.T) (*watchedHost, *rig) {
	r := newRig(t)
	h := &watchedHost{fakeHost: r.host, roots: make(chan []hosts.WatchRoot, 1), reports: make(chan hosts.WatchReport)}
	r.server.Host = h
	r.server.Modules = []engine.Module{fileModule{r.host}, sourcedModule{}}
	return h, r
}

func (h *watchedHost) Watch(ctx context.Context, roots []hosts.WatchRoot, emit func(hosts.WatchReport) error) error {
	h.roots <- roots
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case r := <-h.reports:
			if err := emit(r); err != nil {
				return err
			}
		}
	}
}

type sourcedModule struct{ userModule }

func (sourcedModule) Sources() []hosts.WatchRoot {
	return []hosts.WatchRoot{{Path: "/etc/passwd"}, {Path: "/var/lib/accounts", Tree: true}}
}

func TestWatch(t *testing.T) {
	h, r := newWatched(t)
	c := r.client(t)
	ctx, enough := context.WithCancel(t.Context())
	told := make(chan Watched)
	over := make(chan error, 1)
	go func() {
		over <- c.Watch(ctx, WatchRequest{Scope: engine.Scope{Paths: []string{"/srv/a"}, Files: []string{"/srv/a/b", "/opt/x"}}},
			func(w Watched) error { told <- w; return nil })
	}()
	want := []hosts.WatchRoot{{Path: "/etc", Tree: true}, {Path: "/opt/x"}, {Path: "/srv/a", Tree: true}, {Path: "/var/lib/accounts", Tree: true}}
	got := <-h.roots
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("watched are %v, want %v", got, want)
	}
	h.reports <- hosts.WatchReport{Ready: true, Watches: 4}
	if w := <-told; !w.Ready || w.Watches != 4 {
		t.Errorf("told %+v", w)
	}
	for _, tt := range []struct {
		seen  hosts.Seen
		kinds []string
	}{
		{hosts.Seen{Path: "/etc/caf\xe9"}, nil},
		{hosts.Seen{Path: "/etc/passwd"}, []string{"user"}},
		{hosts.Seen{Path: "/etc/passwd.old", From: "/etc/passwd"}, []string{"user"}},
		{hosts.Seen{Path: "/var", Deep: true}, []string{"user"}},
		{hosts.Seen{Path: "/var/lib/accounts/a/b"}, []string{"user"}},
		{hosts.Seen{Path: "/var/lib"}, nil},
	} {
		h.reports <- hosts.WatchReport{Seen: []hosts.Seen{tt.seen}}
		if w := <-told; !slices.Equal(w.Seen, []hosts.Seen{tt.seen}) || !slices.Equal(w.Kinds, tt.kinds) {
			t.Errorf("%+v was told as %+v, want kinds %v", tt.seen, w, tt.kinds)
		}
	}
	many := make([]hosts.Seen, maxSeen+1)
	for i := range many {
		many[i].Path = fmt.Sprintf("/etc/%d", i)
	}
	h.reports <- hosts.WatchReport{Seen: many}
	if a, b := <-told, <-told; len(a.Seen) != maxSeen || len(b.Seen) != 1 {
		t.Errorf("told %d and %d", len(a.Seen), len(b.Seen))
	}
	enough()
	if err := <-over; !errors.Is(err, context.Canceled) {
		t.Errorf("the watch ended with %v", err)
	}
	// The session goes on.
	if _, _, err := c.Read(t.Context(), ReadRequest{HomeKey: testKey()}, func(engine.Resource) error { return nil }); err != nil {
		t.Error(err)
	}
}

// deafHost goes on with its watch when it is to end: a directory that it looks at is on
// a server that does not answer, say.
type deafHost struct {
	*fakeHost
	answers chan struct{}
}

func (h deafHost) Watch(ctx context.Context, _ []hosts.WatchRoot, emit func(hosts.WatchReport) error) error {
	err := emit(hosts.WatchReport{Ready: true})
	<-h.answers
	return errors.Join(err, ctx.Err())
}

// A watch ends, though its agent pings and does not end it.
func TestWatchEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := deafHost{newFakeHost(), make(chan struct{})}
		ours, theirs := net.Pipe()
		served := make(chan error, 1)
		go func() { served <- Serve(t.Context(), theirs, Server{Host: h, Build: "v1", Spool: t.TempDir()}) }()
		o := options()
		o.Schemas = nil
		c, err := New(t.Context(), ours, o)
		if err != nil {
			t.Fatal(err)
		}
		enough := errors.New("enough")
		over := make(chan error, 1)
		go func() {
			over <- c.Watch(t.Context(), WatchRequest{}, func(Watched) error { return enough })
		}()
		select {
		case err := <-over:
			if !errors.Is(err, ErrLost) {
				t.Errorf("it ended with %v", err)
			}
		case <-time.After(time.Minute):
			t.Error("it does not end")
		}
		close(h.answers)
		_ = c.Close()
		<-served
	})
}

func TestWatchRefuses(t *testing.T) {
	_, r := newWatched(t)
	r.server.ReadOnly, r.server.HomeKey, r.server.Paths = true, testKey(), []string{"/srv/given"}
	for name, req := range map[string]WatchRequest{
		"a tree that is not given": {Trees: []hosts.WatchRoot{{Path: "/root", Tree: true}}},
		"a path":                   {Scope: engine.Scope{Paths: []string{"/root"}}},
		"what is no path":          {Trees: []hosts.WatchRoot{{Path: "../x"}}},
	} {
		err := r.client(t).Watch(t.Context(), req, func(Watched) error { return nil })
		if err == nil {
			t.Errorf("%s is watched", name)
		}
	}
}
