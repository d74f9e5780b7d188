package inotify

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hikae/hosts"
)

func sysctl(tb testing.TB, name string) int {
	tb.Helper()
	b, err := os.ReadFile("/proc/sys/fs/inotify/" + name)
	must(tb, err)
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	must(tb, err)
	return n
}

// After the queue ran over, what changed is told of, and of what did not little.
func TestOverflow(t *testing.T) {
	const untouched, busy = 10_000, 50
	dir := inMemory(t)
	for i := range untouched / 100 {
		for j := range 99 {
			mkdir(t, dir, fmt.Sprintf("srv/still/%d/%d", i, j))
		}
		put(t, dir, fmt.Sprintf("srv/still/%d/file", i), "x")
	}
	mkdir(t, dir, "srv/moved/below")
	for i := range busy {
		mkdir(t, dir, fmt.Sprintf("srv/busy/%d", i))
		for j := range 10 {
			put(t, dir, fmt.Sprintf("srv/busy/%d/%d", i, j), "x")
		}
	}
	put(t, dir, "srv/still/7/file", "x")
	const slack = 50 * time.Millisecond
	time.Sleep(2 * slack) // what was made is older than what is in doubt
	var stalled atomic.Bool
	stall, goOn := make(chan struct{}), make(chan struct{})
	w := start(t, dir, Options{slack: slack, stall: func() {
		if stalled.CompareAndSwap(true, false) {
			stall <- struct{}{}
			<-goOn
		}
	}}, tree("/srv"))
	stalled.Store(true)
	put(t, dir, "srv/still/7/file", "first")
	<-stall
	for n := 0; n <= sysctl(t, "max_queued_events"); {
		for i := range busy {
			for j := range 10 {
				must(t, os.Chmod(w.dir(fmt.Sprintf("srv/busy/%d/%d", i, j)), 0o600+os.FileMode(n%2)))
				n++
			}
		}
	}
	// From here on nothing is in the queue.
	put(t, dir, "srv/still/8/file", "in place")
	put(t, dir, "srv/still/9/new", "")
	must(t, os.Remove(w.dir("srv/still/10/file")))
	mkdir(t, dir, "srv/still/11/new/below")
	must(t, os.Rename(w.dir("srv/moved"), w.dir("srv/still/12/moved")))
	must(t, os.Chmod(w.dir("srv/still/13/file"), 0o600))
	must(t, os.Remove(w.dir("srv/still/14/1")))
	close(goOn)
	shallow := func(p string) hosts.Seen { return hosts.Seen{Path: p, Deep: true, Shallow: true} }
	want := []hosts.Seen{
		{Path: "/srv/still/8/file"}, {Path: "/srv/still/9/new"}, shallow("/srv/still/10"), {Path: "/srv/still/11/new", Deep: true},
		{Path: "/srv/still/12/moved", Deep: true}, shallow("/srv"), {Path: "/srv/still/13/file"}, {Path: "/srv/still/14/1"},
	}
	for _, s := range want {
		w.wants(s)
	}
	put(t, dir, "srv/still/20/file", "end")
	seen := w.wants(hosts.Seen{Path: "/srv/still/20/file"})
	still := slices.DeleteFunc(seen, func(s hosts.Seen) bool { return strings.HasPrefix(s.Path, "/srv/busy/") })
	if len(still) > 40 {
		t.Errorf("%d told of what did not change: %+v", len(still), still)
	}
	for _, s := range still {
		if s.Deep && !s.Shallow && !slices.Contains(want, s) {
			t.Errorf("told: %+v", s)
		}
	}
	// And all is watched as before.
	w.forget()
	for _, p := range []string{"srv/still/12/moved/below/x", "srv/still/11/new/below/x", "srv/busy/1/1"} {
		put(t, dir, p, "")
		w.wants(hosts.Seen{Path: "/" + p})
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if want := 2 + untouched/100*100 + 3 + busy + 3; w.last.Watches < want-10 || w.last.Watches > want+10 {
		t.Errorf("%d watches, %d directories", w.last.Watches, want)
	}
}

func TestClock(t *testing.T) {
	c := wallClock()
	if at, ok := c.since(time.Second); !ok || at != c.wall-int64(time.Second) {
		t.Errorf("%d, %v", at, ok)
	}
	c.boot -= int64(time.Hour) // an hour has gone by that the wall clock does not know of
	if at, ok := c.since(time.Second); ok || at != 0 {
		t.Errorf("the clock was set back: %d, %v", at, ok)
	}
	c.boot += 2 * int64(time.Hour)
	if _, ok := c.since(time.Second); !ok {
		t.Error("the clock was set on, and all is in doubt")
	}
}

// What waits to be told is bounded.
func TestOutboxIsBounded(t *testing.T) {
	o := newOutbox()
	o.roots = []string{"/srv"}
	for i := range maxHeld + 10 {
		o.tell(filepath.Join("/srv", strconv.Itoa(i%100), strconv.Itoa(i)), false, false)
	}
	o.flush(state{}, false)
	r, ok := o.take()
	if !ok || len(r.Seen) > 1000 || !slices.Contains(r.Seen, hosts.Seen{Path: "/srv/99", Deep: true, Shallow: true}) {
		t.Errorf("%d told", len(r.Seen))
	}
	long := strings.Repeat("/"+strings.Repeat("n", 250), 15)
	for i := range 2 * maxHeldBytes / len(long) {
		o.tell("/srv/"+strconv.Itoa(i)+long, false, false)
	}
	if o.size > maxHeldBytes {
		t.Errorf("%d bytes are held", o.size)
	}
	if r, ok := o.take(); !ok || len(r.Seen) > maxHeldBytes/len(long) || !slices.Contains(r.Seen, hosts.Seen{Path: "/srv", Deep: true}) {
		t.Errorf("%d told", len(r.Seen))
	}
	for i := range maxHeld + 10 {
		o.tell(filepath.Join("/srv", strconv.Itoa(i), "x"), false, false)
	}
	if r, ok := o.take(); !ok || len(r.Seen) > 100 || !slices.Contains(r.Seen, hosts.Seen{Path: "/srv", Deep: true}) {
		t.Errorf("%d told", len(r.Seen))
	}
}

func TestOutboxRenames(t *testing.T) {
	for name, tt := range map[string]struct {
		do   func(o *outbox)
		want []hosts.Seen
	}{
		"two in a row": {func(o *outbox) { o.renamed("/b", "/a", false); o.renamed("/c", "/b", false) },
			[]hosts.Seen{{Path: "/c", From: "/a"}, {Path: "/b"}, {Path: "/a"}}},
		"exchanged": {func(o *outbox) {
			o.renamed("/t", "/a", false)
			o.renamed("/a", "/b", false)
			o.renamed("/b", "/t", false)
		}, []hosts.Seen{{Path: "/b", From: "/a"}, {Path: "/t"}, {Path: "/a", From: "/b"}}},
		"there and back": {func(o *outbox) { o.renamed("/b", "/a", false); o.renamed("/a", "/b", false) },
			[]hosts.Seen{{Path: "/a"}, {Path: "/b"}}},
		"removed after it": {func(o *outbox) { o.renamed("/b", "/a", false); o.removed("/b") },
			[]hosts.Seen{{Path: "/b"}, {Path: "/a"}}},
		"written, then renamed": {func(o *outbox) { o.tell("/a", false, false); o.renamed("/b", "/a", false) },
			[]hosts.Seen{{Path: "/b", From: "/a"}, {Path: "/a"}}},
		"below what is in doubt": {func(o *outbox) { o.tell("/a/x", false, false); o.tell("/a", true, false) },
			[]hosts.Seen{{Path: "/a", Deep: true}}},
		"shallow hides nothing": {func(o *outbox) { o.tell("/a/x", false, false); o.tell("/a", true, true) },
			[]hosts.Seen{{Path: "/a/x"}, {Path: "/a", Deep: true, Shallow: true}}},
		"deep stays deep": {func(o *outbox) { o.tell("/a", true, false); o.tell("/a", true, true) },
			[]hosts.Seen{{Path: "/a", Deep: true}}},
	} {
		o := newOutbox()
		tt.do(o)
		r, ok := o.take()
		sorted := func(s []hosts.Seen) []hosts.Seen {
			s = slices.Clone(s)
			slices.SortFunc(s, func(a, b hosts.Seen) int { return strings.Compare(a.Path, b.Path) })
			return s
		}
		if !ok || !slices.Equal(sorted(r.Seen), sorted(tt.want)) {
			t.Errorf("%s: %+v, want %+v", name, r.Seen, tt.want)
		}
		at := map[string]int{}
		for i, s := range r.Seen {
			at[s.Path] = i
		}
		for i, s := range r.Seen {
			if j, ok := at[s.From]; ok && r.Seen[j].From == "" && j < i {
				t.Errorf("%s: %s is told before what came from there: %+v", name, s.From, r.Seen)
			}
		}
	}
}

// What is renamed to and fro while nobody takes it is held once, and in the order of
// its last rename.
func TestOutboxRenamedAgainAndAgain(t *testing.T) {
	o := newOutbox()
	for range 100_000 {
		o.renamed("/r/b", "/r/a", false)
		o.renamed("/r/a", "/r/b", false)
	}
	o.renamed("/r/c", "/r/d", false)
	if len(o.order) > 10_000 {
		t.Errorf("%d places for %d paths", len(o.order), len(o.seen))
	}
	r, _ := o.take()
	var got []string
	for _, s := range r.Seen {
		got = append(got, s.From+">"+s.Path)
	}
	if want := []string{">/r/a", ">/r/b", "/r/d>/r/c", ">/r/d"}; !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}
