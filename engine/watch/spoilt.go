package watch

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"hikae/engine"
	"hikae/engine/control"
)

// spoilt are resources of the source that a follower is not given as they are there:
// files that nothing can be compiled with, for a lens is to lay an overlay over them
// and does not understand what somebody wrote; and what kept everybody from logging
// in. In their place a follower keeps what they last were, and the rest goes on.
type spoilt map[engine.Addr]*spoiltOne

type spoiltOne struct {
	was   *engine.Resource // what it was before; nil: it counts as not seen
	bad   *engine.Resource // what it is on the source
	since time.Time        // when that was heard of
	why   error
	from  string    // the generation that says what it was; "" for what was last applied
	after time.Time // then it is tried again as it is; zero: with the next audit
}

// What kept everybody out is tried again: soon, for it may be that the link was down
// just then, and after that seldom, for each time nobody can log in for a while.
const (
	lockedOutSoon  = time.Minute
	lockedOutAgain = time.Hour
)

// past says what a resource was when it was not what it is, and in which generation;
// "" for what was last applied.
type past func(engine.Addr) (was *engine.Resource, generation string, known bool)

// lately is the past of which something was applied.
func lately(good, now *engine.Snapshot) past {
	return func(a engine.Addr) (*engine.Resource, string, bool) {
		was := resourceOf(good, a)
		return was, "", now != nil && !engine.Same(was, resourceOf(now, a))
	}
}

// find takes out of what changed the files that an error names, and reports whether
// there was any.
func (s spoilt) find(err error, before past, now *engine.Snapshot, changed map[engine.Addr]time.Time) bool {
	var diags *control.DiagError
	if !errors.As(err, &diags) {
		return false
	}
	found := false
	for _, d := range diags.Diags {
		if d.Subject == nil {
			continue
		}
		a := engine.Addr{Kind: "file", Name: d.Subject.Filename}
		_, is := changed[a]
		one := s[a]
		if one != nil && !is && one.from == "" { // what it was is no better, or it is not this one
			continue
		}
		// Where all is to be compared, not all that changed is listed.
		if was, from, known := before(a); is || known {
			s.keep(a, &spoiltOne{was: was, from: from, why: err}, now, changed)
			found = true
		}
	}
	return found
}

// suspect takes one file out of what changed: it may be what an error means that
// names none.
func (s spoilt) suspect(err error, before past, now *engine.Snapshot, changed map[engine.Addr]time.Time) bool {
	if !errors.As(err, new(*control.DiagError)) {
		return false
	}
	for a := range changed {
		if a.Kind == "file" {
			was, from, _ := before(a)
			s.keep(a, &spoiltOne{was: was, from: from, why: err}, now, changed)
			return true
		}
	}
	return false
}

// lockedOut takes out of what changed what kept everybody out, for a while. Where not
// even what it was before lets them in, it counts as not seen.
func (s spoilt) lockedOut(err error, a engine.Addr, wait time.Duration, good, now *engine.Snapshot, changed map[engine.Addr]time.Time) {
	one := &spoiltOne{why: err, after: time.Now().Add(wait)}
	if good != nil && s[a] == nil {
		one.was = resourceOf(good, a)
	}
	s.keep(a, one, now, changed)
}

// keep needs all of one but for what only it knows.
func (s spoilt) keep(a engine.Addr, one *spoiltOne, now *engine.Snapshot, changed map[engine.Addr]time.Time) {
	if one.from != "" {
		one.why = fmt.Errorf("kept as it was in generation %s: %w", one.from, one.why)
	}
	if now != nil {
		one.bad = resourceOf(now, a)
	}
	one.since = changed[a]
	delete(changed, a)
	s[a] = one
}

// mended forgets those that changed, or are others in a snapshot: they are tried
// again.
func (s spoilt) mended(now *engine.Snapshot, changed map[engine.Addr]time.Time) {
	for a, one := range s {
		if _, is := changed[a]; is || now != nil && !engine.Same(resourceOf(now, a), one.bad) {
			delete(s, a)
		}
	}
}

// again adds to what changed those whose time has come; with an audit also those that
// have none, for one that no error named may be well.
func (s spoilt) again(changed map[engine.Addr]time.Time, audit bool) {
	for a, one := range s {
		if _, is := changed[a]; !is && one.due(audit) {
			changed[a] = one.since
		}
	}
}

func (one *spoiltOne) due(audit bool) bool {
	if one.after.IsZero() {
		return audit
	}
	return time.Now().After(one.after)
}

// due reports whether the time of any has come.
func (s spoilt) due() bool {
	for _, one := range s {
		if one.due(false) {
			return true
		}
	}
	return false
}

// in is a snapshot with what they last were.
func (s spoilt) in(snap *engine.Snapshot) *engine.Snapshot {
	if len(s) == 0 || snap == nil {
		return snap
	}
	var unseen []engine.Addr
	for a, one := range s {
		if one.was == nil {
			unseen = append(unseen, a)
		}
	}
	out := *snap
	out.Resources = slices.DeleteFunc(slices.Clone(snap.Resources), func(r engine.Resource) bool { return s[r.Addr] != nil })
	for _, one := range s {
		if one.was != nil {
			out.Resources = append(out.Resources, *one.was)
		}
	}
	slices.SortFunc(out.Resources, func(a, b engine.Resource) int { return a.Addr.Compare(b.Addr) })
	return out.Unseen(unseen, "what it is there cannot be had here")
}

func (s spoilt) addrs() []engine.Addr {
	return slices.SortedFunc(maps.Keys(s), engine.Addr.Compare)
}

// resourceOf finds a resource; nil for none.
func resourceOf(snap *engine.Snapshot, a engine.Addr) *engine.Resource {
	i, is := slices.BinarySearchFunc(snap.Resources, a, func(r engine.Resource, a engine.Addr) int { return r.Addr.Compare(a) })
	if !is {
		return nil
	}
	return &snap.Resources[i]
}
