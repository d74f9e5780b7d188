package inotify

import (
	"path"
	"slices"
	"sync"

	"hikae/hosts"
)

// What is held while nobody takes it: so many paths, and bytes of them. With more,
// what they lie in is told of in their place.
const (
	maxHeld      = 100_000
	maxHeldBytes = 16 << 20
)

// outbox gathers what is to be told until it is taken.
type outbox struct {
	mu    sync.Mutex
	order []string // "" where one was moved further on
	seen  map[string]*held
	size  int // bytes of the paths
	notes []string
	ready bool
	state state
	fresh bool // there is something to take
	ring  chan struct{}
	roots []string // that stand for all, when there is too much
}

type held struct {
	hosts.Seen
	at int // in order
}

// state is what each report says besides.
type state struct {
	watches int
	polled  []string
}

func newOutbox() *outbox {
	return &outbox{seen: map[string]*held{}, ring: make(chan struct{}, 1)}
}

// tell adds what was seen. deep and shallow are as hosts.Seen has them.
func (o *outbox) tell(p string, deep, shallow bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.add(p, deep, shallow)
}

func (o *outbox) add(p string, deep, shallow bool) *held {
	o.fresh = true
	h := o.seen[p]
	switch {
	case h == nil:
		if len(o.seen) >= maxHeld || o.size+len(p) > maxHeldBytes {
			o.squeeze()
		}
		h = o.hold(hosts.Seen{Path: p, Deep: deep, Shallow: shallow})
	case deep:
		h.Shallow = shallow && (h.Shallow || !h.Deep)
		h.Deep = true
	}
	return h
}

func (o *outbox) hold(s hosts.Seen) *held {
	h := &held{Seen: s, at: len(o.order)}
	o.seen[s.Path] = h
	o.order = append(o.order, s.Path)
	o.size += len(s.Path)
	return h
}

// removed tells of what was removed, or made anew: it is not what came there.
func (o *outbox) removed(p string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.add(p, false, false).From = ""
}

// renamed tells of what was renamed, and of its old name after it.
func (o *outbox) renamed(p, from string, deep bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	origin := from
	if h := o.seen[from]; h != nil && h.From != "" { // untold as yet: from further back
		origin, h.From = h.From, ""
	}
	h := o.add(p, deep, false)
	h.From = ""
	if origin != p {
		h.From = origin
	}
	o.last(from)
	if origin != from && origin != p {
		o.last(origin)
	}
}

// last has a path told after all others.
func (o *outbox) last(p string) {
	if h := o.seen[p]; h != nil {
		o.order[h.at] = ""
		h.at = len(o.order)
		o.order = append(o.order, p)
		o.pack()
		return
	}
	o.add(p, false, false)
}

// pack leaves out the places of what was moved further on, once most are: of two
// names that somebody renames to and fro there is no end.
func (o *outbox) pack() {
	const few = 4096
	if len(o.order) < few+2*len(o.seen) {
		return
	}
	o.order = slices.DeleteFunc(o.order, func(p string) bool { return p == "" })
	for at, p := range o.order {
		o.seen[p].at = at
	}
}

// squeeze has each directory stand for what is held of its entries; if that is
// still too much, the roots stand for all.
func (o *outbox) squeeze() {
	was := o.seen
	o.seen, o.order, o.size = map[string]*held{}, nil, 0
	for p, h := range was {
		if h.Deep && !h.Shallow {
			p = h.Path
			o.put(p, false)
		} else {
			o.put(path.Dir(p), true)
			if h.Deep {
				o.put(p, true)
			}
		}
	}
	if len(o.seen) > maxHeld/2 || o.size > maxHeldBytes/2 {
		o.seen, o.order, o.size = map[string]*held{}, nil, 0
		for _, r := range o.roots {
			o.put(r, false)
		}
	}
}

func (o *outbox) put(p string, shallow bool) {
	if h := o.seen[p]; h != nil {
		h.Deep, h.Shallow = true, h.Shallow && shallow
		return
	}
	o.hold(hosts.Seen{Path: p, Deep: true, Shallow: shallow})
}

// note adds a sentence for a person.
func (o *outbox) note(s string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.notes = append(o.notes, s)
	o.fresh = true
}

// flush has what was told taken, and says how the watch is. It is false where
// there is nothing to take.
func (o *outbox) flush(s state, ready bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.state = s
	if ready {
		o.ready, o.fresh = true, true
	}
	if o.fresh {
		select {
		case o.ring <- struct{}{}:
		default: // it was rung and nobody came yet
		}
	}
	return o.fresh
}

// take gives what is to be told; false where it is nothing.
func (o *outbox) take() (hosts.WatchReport, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	r := hosts.WatchReport{Ready: o.ready, Notes: o.notes, Watches: o.state.watches, Polled: o.state.polled}
	if !o.fresh {
		return r, false
	}
	deep := false
	for _, h := range o.seen {
		deep = deep || h.Deep && !h.Shallow
	}
	for _, p := range o.order {
		if p == "" || deep && o.within(p) {
			continue
		}
		r.Seen = append(r.Seen, o.seen[p].Seen)
	}
	clear(o.seen)
	if cap(o.order) > 4096 {
		o.seen, o.order = map[string]*held{}, nil
	}
	o.order, o.size, o.notes, o.ready, o.fresh = o.order[:0], 0, nil, false, false
	return r, true
}

// within reports whether a directory above p is told of with all below it.
func (o *outbox) within(p string) bool {
	for p != "/" && p != "." {
		p = path.Dir(p)
		if h := o.seen[p]; h != nil && h.Deep && !h.Shallow {
			return true
		}
	}
	return false
}
