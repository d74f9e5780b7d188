package watch

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"hikae/engine"
	"hikae/engine/agent"
	"hikae/hosts"
)

func seen(s ...hosts.Seen) agent.Watched {
	return agent.Watched{WatchReport: hosts.WatchReport{Seen: s}}
}

// What is told of a path again and again is told once, as deep as it ever was, and
// what it was renamed from is not forgotten.
func TestQueueMerges(t *testing.T) {
	a, deep := hosts.Seen{Path: "/a"}, hosts.Seen{Path: "/a", Deep: true}
	shallow := hosts.Seen{Path: "/a", Deep: true, Shallow: true}
	for name, c := range map[string]struct{ told, want []hosts.Seen }{
		"once":                     {[]hosts.Seen{a, a, a}, []hosts.Seen{a}},
		"deep stays deep":          {[]hosts.Seen{deep, a}, []hosts.Seen{deep}},
		"and becomes it":           {[]hosts.Seen{a, deep}, []hosts.Seen{deep}},
		"shallow stays so":         {[]hosts.Seen{shallow, a, shallow}, []hosts.Seen{shallow}},
		"until it is deep":         {[]hosts.Seen{shallow, deep, shallow}, []hosts.Seen{deep}},
		"renamed":                  {[]hosts.Seen{{Path: "/a", From: "/b"}}, []hosts.Seen{{Path: "/a", From: "/b"}}},
		"renamed, and changed":     {[]hosts.Seen{{Path: "/a", From: "/b"}, a}, []hosts.Seen{a, {Path: "/b"}}},
		"renamed twice":            {[]hosts.Seen{{Path: "/a", From: "/b"}, {Path: "/a", From: "/c"}}, []hosts.Seen{{Path: "/a", From: "/c"}, {Path: "/b"}}},
		"a directory in its place": {[]hosts.Seen{{Path: "/a", From: "/b"}, {Path: "/b"}, {Path: "/b", Deep: true}, a}, []hosts.Seen{a, {Path: "/b", Deep: true}}},
		"in a ring":                {[]hosts.Seen{{Path: "/a", From: "/b"}, {Path: "/b", From: "/a"}, a}, []hosts.Seen{a, {Path: "/b"}}},
	} {
		q := newQueue()
		for _, s := range c.told {
			if err := q.add(seen(s)); err != nil {
				t.Fatal(err)
			}
		}
		g, _ := q.take()
		got := map[string]hosts.Seen{}
		for _, s := range g.seen {
			got[s.Path] = s
		}
		want := map[string]hosts.Seen{}
		for _, s := range c.want {
			want[s.Path] = s
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Whatever is told in whatever order: each path that was in doubt is in doubt, and as
// deep.
func TestQueueForgetsNothing(t *testing.T) {
	path := rapid.SampledFrom([]string{"/a", "/b", "/c"})
	rapid.Check(t, func(t *rapid.T) {
		q := newQueue()
		doubt, deep, whole := map[string]bool{}, map[string]bool{}, map[string]bool{}
		for range rapid.IntRange(1, 12).Draw(t, "told") {
			s := hosts.Seen{Path: path.Draw(t, "path"), Deep: rapid.Bool().Draw(t, "deep")}
			s.Shallow = s.Deep && rapid.Bool().Draw(t, "shallow")
			if from := path.Draw(t, "from"); rapid.Bool().Draw(t, "renamed") && from != s.Path {
				s.From = from
				doubt[from] = true
			}
			doubt[s.Path] = true
			deep[s.Path] = deep[s.Path] || s.Deep
			whole[s.Path] = whole[s.Path] || s.Deep && !s.Shallow
			_ = q.add(seen(s))
		}
		g, _ := q.take()
		for _, s := range g.seen {
			delete(doubt, s.Path)
			if s.From != "" {
				delete(doubt, s.From)
			}
			if deep[s.Path] && !s.Deep || whole[s.Path] && s.Shallow {
				t.Errorf("%+v, and it was deeper in doubt", s)
			}
		}
		if len(doubt) > 0 {
			t.Errorf("forgotten: %v", doubt)
		}
	})
}

// Accounts settle before they are read, but not for ever; what else is seen does not
// wait for them.
func TestQueueSettles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		_ = q.add(agent.Watched{Kinds: []string{"user", "service"}})
		g, more := q.take()
		if strings.Join(g.kinds, " ") != "service" || more != settles("user") {
			t.Errorf("%v, more in %v", g.kinds, more)
		}
		began := time.Now()
		for {
			time.Sleep(100 * time.Millisecond)
			_ = q.add(agent.Watched{Kinds: []string{"user"}}) // again and again
			if g, _ = q.take(); len(g.kinds) > 0 {
				break
			}
			if time.Since(began) > time.Minute {
				t.Fatal("it waits for ever")
			}
		}
		if d := time.Since(began); d > longestUnsettled+time.Second {
			t.Errorf("it waited for %v", d)
		}
		_ = q.add(agent.Watched{Kinds: []string{"user"}})
		time.Sleep(settles("user"))
		if g, more := q.take(); strings.Join(g.kinds, " ") != "user" || more != 0 {
			t.Errorf("settled: %v, more in %v", g.kinds, more)
		}
		if g, more := q.take(); len(g.kinds)+len(g.seen) > 0 || more != 0 || !g.since.IsZero() {
			t.Errorf("taken, and there again: %+v", g)
		}
	})
}

func TestBackoff(t *testing.T) {
	b := backoff{first: time.Second, longest: time.Minute}
	for i := range 100 {
		most := min(time.Second<<min(i, 20), time.Minute)
		if d := b.again(); d < most/2 || d > most {
			t.Errorf("try %d: %v, want %v to %v", i, d, most/2, most)
		}
	}
	b.reset()
	if d := b.again(); d > time.Second {
		t.Errorf("after success: %v", d)
	}
}

// What is held back is released when its time has come, when it changed, or when all
// is applied; soon, where something else was.
func TestHeldBackRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := file("/a"), file("/b")
		release := func(h *heldBack, w work) work {
			if w.addrs == nil {
				w.addrs = map[engine.Addr]time.Time{}
			}
			h.release(&w)
			return w
		}
		held := func() *heldBack {
			h := newHeldBack()
			h.add(a, time.Time{})
			h.add(b, time.Now())
			h.again()
			return &h
		}
		h := held()
		if w := release(h, work{}); !w.none() {
			t.Errorf("too early: %v", w)
		}
		if w := release(h, work{addrs: map[engine.Addr]time.Time{a: time.Now().Add(time.Hour)}}); len(w.addrs) != 1 || w.addrs[a].After(time.Now()) || len(h.addrs) != 1 {
			t.Errorf("it changed: %v, held %v", w, h.addrs)
		}
		time.Sleep(h.wait())
		if w := release(h, work{}); len(w.addrs) != 1 || !h.none() || h.wait() != 0 {
			t.Errorf("its time has come: %v", w)
		}
		if w := release(held(), work{all: true}); len(w.addrs) != 2 {
			t.Errorf("with all: %v", w)
		}
		h = held()
		for range 20 {
			h.again()
		}
		if d := h.wait(); d < heldBackLast/2 || d > heldBackLast {
			t.Errorf("in the long run: %v", d)
		}
		if d := h.soon(); d > heldBackFirst {
			t.Errorf("something else was applied: %v", d)
		}
		h.all = true
		time.Sleep(h.wait())
		if w := release(h, work{}); !w.all || !h.none() {
			t.Errorf("all is to be compared: %v", w)
		}
	})
}

// However much is told, what is held of it is bounded, and nothing of it forgotten.
func TestQueueIsBounded(t *testing.T) {
	q := newQueue()
	for i := range mostSeen + 1 {
		_ = q.add(agent.Watched{WatchReport: hosts.WatchReport{Seen: []hosts.Seen{{Path: fmt.Sprint("/etc/", i)}}, Notes: []string{fmt.Sprint(i)}}})
	}
	g, _ := q.take()
	if want := []hosts.Seen{{Path: "/", Deep: true}}; !cmp.Equal(g.seen, want) {
		t.Errorf("%d seen, want all in doubt", len(g.seen))
	}
	if n := len(g.notes); n != mostNotes+1 || !strings.Contains(g.notes[mostNotes], "more than") {
		t.Errorf("%d notes, the last %q", n, g.notes[n-1])
	}
}

// All is not compared over and over because something else changes.
func TestHeldBackAllIsNotHurried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHeldBack()
		for range 10 {
			h.again()
		}
		h.all = true
		h.again()
		if d := h.soon(); d < 50*time.Second || d > heldBackAll {
			t.Errorf("all is compared again in %v", d)
		}
		time.Sleep(2 * heldBackAll)
		if d := h.soon(); d > heldBackFirst {
			t.Errorf("and after a while, in %v", d)
		}
		h.all = false
		h.add(engine.Addr{Kind: "file", Name: "/a"}, time.Time{})
		h.again()
		if d := h.soon(); d > heldBackFirst {
			t.Errorf("one file is tried again in %v", d)
		}
	})
}
