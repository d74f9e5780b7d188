package watch

import (
	"time"

	"hikae/engine"
)

// heldBack is what a follower could not take.
type heldBack struct {
	addrs map[engine.Addr]time.Time
	all   bool // all is to be compared again
	at    time.Time
	tried time.Time // when it last was
	next  backoff
}

// A thing that failed is tried again after this long at first, and at last.
const heldBackFirst, heldBackLast = 5 * time.Second, 5 * time.Minute

// heldBackAll is how soon all may be compared again: on a source that never keeps
// still it would keep the follower from all else.
const heldBackAll = time.Minute

func newHeldBack() heldBack {
	return heldBack{addrs: map[engine.Addr]time.Time{}, next: backoff{first: heldBackFirst, longest: heldBackLast}}
}

func (h *heldBack) none() bool { return !h.all && len(h.addrs) == 0 }

func (h *heldBack) add(a engine.Addr, since time.Time) {
	if since.IsZero() {
		since = time.Now()
	}
	if _, is := h.addrs[a]; !is {
		h.addrs[a] = since
	}
}

// again sets when it is tried next, and returns in how long.
func (h *heldBack) again() time.Duration {
	d := h.next.again()
	h.tried = time.Now()
	h.at = h.tried.Add(d)
	return d
}

// soon has it tried soon, for something else was applied that it may want.
func (h *heldBack) soon() time.Duration {
	if h.none() {
		h.next.reset()
		return 0
	}
	at := time.Now().Add(heldBackFirst)
	if least := h.tried.Add(heldBackAll); h.all && at.Before(least) {
		at = least
	}
	if at.Before(h.at) {
		h.at = at
	}
	return h.wait()
}

// wait is how long it waits yet; 0 where there is nothing.
func (h *heldBack) wait() time.Duration {
	if h.none() {
		return 0
	}
	return max(time.Until(h.at), time.Millisecond)
}

// release adds it to the work, where its time has come, or where it changed.
func (h *heldBack) release(w *work) {
	due := !h.none() && !time.Now().Before(h.at)
	for a, since := range h.addrs {
		if _, changed := w.addrs[a]; due || changed || w.all {
			w.addrs[a] = since
			delete(h.addrs, a)
		}
	}
	if due && h.all {
		w.all = true
	}
	if w.all {
		h.all = false
	}
}
