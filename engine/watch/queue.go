package watch

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"hikae/engine/agent"
	"hikae/hosts"
)

// queue gathers what is seen on a source while it is being read.
type queue struct {
	signal chan struct{} // of one that waits
	ready  chan struct{} // closed once all is watched

	mu    sync.Mutex
	seen  map[string]hosts.Seen // by path
	kinds map[string]time.Time  // when each was last heard of
	first time.Time             // when the oldest of it was heard of
	notes []string
	isSet bool
}

func newQueue() *queue {
	return &queue{
		signal: make(chan struct{}, 1), ready: make(chan struct{}),
		seen: map[string]hosts.Seen{}, kinds: map[string]time.Time{},
	}
}

// add takes what a watch tells.
func (q *queue) add(w agent.Watched) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if w.Ready && !q.isSet {
		q.isSet = true
		close(q.ready)
	}
	q.note(w.Notes)
	for _, s := range w.Seen {
		q.see(s)
	}
	if len(q.seen) > mostSeen {
		q.seen = map[string]hosts.Seen{"/": {Path: "/", Deep: true}}
	}
	for _, k := range w.Kinds {
		q.kinds[k] = time.Now()
	}
	if len(q.seen)+len(q.notes)+len(q.kinds) > 0 {
		if q.first.IsZero() {
			q.first = time.Now()
		}
		q.wake()
	}
	return nil
}

// What is held of what nobody has taken yet, at most. Of more paths, all is in doubt.
const (
	mostSeen  = 20_000
	mostNotes = 50
	mostNote  = 4 << 10 // bytes of one
)

// note takes what is for a person, as much as one reads.
func (q *queue) note(notes []string) {
	for _, n := range notes {
		n = n[:min(len(n), mostNote)]
		if len(q.notes) > mostNotes {
			return
		}
		if len(q.notes) == mostNotes {
			n = fmt.Sprintf("more than %d notes at once: the rest is not shown", mostNotes)
		}
		q.notes = append(q.notes, n)
	}
}

// wake has one who waits look.
func (q *queue) wake() {
	select {
	case q.signal <- struct{}{}:
	default:
	}
}

// see merges what is seen into what was: it is as deep in doubt as either, and of a
// path that it is not said any more to have been renamed from, too.
func (q *queue) see(s hosts.Seen) {
	was := q.seen[s.Path]
	if was.Deep {
		s.Shallow = was.Shallow && (s.Shallow || !s.Deep)
		s.Deep = true
	}
	q.seen[s.Path] = s
	if was.From != s.From && was.From != "" {
		q.see(hosts.Seen{Path: was.From, Deep: was.Deep})
	}
}

// gathered is what was seen since it was last taken.
type gathered struct {
	seen  []hosts.Seen
	kinds []string
	notes []string
	since time.Time
}

// longestUnsettled bounds the wait for a kind that never settles.
const longestUnsettled = 2 * time.Second

// settles is how long a kind is left alone that is written into several files, one
// after the other: what is read in between is not meant.
func settles(kind string) time.Duration {
	switch kind {
	case "user", "group":
		return 150 * time.Millisecond
	}
	return 0
}

// take gives what has settled, and in how long there is more; 0 where there is none.
func (q *queue) take() (g gathered, more time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	g = gathered{notes: q.notes, since: q.first}
	for _, s := range q.seen {
		g.seen = append(g.seen, s)
	}
	for k, at := range q.kinds {
		if wait := settles(k) - time.Since(at); wait > 0 && time.Since(q.first) < longestUnsettled {
			more = max(more, wait)
			continue
		}
		g.kinds = append(g.kinds, k)
		delete(q.kinds, k)
	}
	slices.Sort(g.kinds)
	clear(q.seen)
	if q.notes = nil; len(q.kinds) == 0 {
		q.first = time.Time{}
	}
	return g, more
}
