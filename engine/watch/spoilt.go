package watch

import (
	"errors"
	"maps"
	"slices"
	"time"

	"hikae/engine"
	"hikae/engine/control"
)

// spoilt are files of the source that nothing can be compiled with: a lens is to
// lay an overlay over them, and does not understand what somebody wrote there. In
// their place a follower keeps what they last were, and the rest goes on.
type spoilt struct {
	files map[engine.Addr]*engine.Resource // what each was before; nil for nothing
	bad   map[engine.Addr]*engine.Resource // what each is on the source
	since map[engine.Addr]time.Time        // when that was heard of
	why   error
}

func newSpoilt() spoilt {
	return spoilt{files: map[engine.Addr]*engine.Resource{}, bad: map[engine.Addr]*engine.Resource{}, since: map[engine.Addr]time.Time{}}
}

// find takes out of what changed the files that an error names, or else one of them,
// which may be it, and reports whether there was any. last is the newest snapshot that compiled, now the
// one that does not.
func (s *spoilt) find(err error, last, now *engine.Snapshot, changed map[engine.Addr]time.Time) bool {
	var diags *control.DiagError
	if !errors.As(err, &diags) || last == nil {
		return false
	}
	bad := map[engine.Addr]bool{}
	for _, d := range diags.Diags {
		if d.Subject != nil {
			a := engine.Addr{Kind: "file", Name: d.Subject.Filename}
			_, is := changed[a]
			// Where all is to be compared, not all that changed is listed.
			_, known := s.files[a]
			if is || !known && now != nil && !engine.Same(resourceOf(last, a), resourceOf(now, a)) {
				bad[a] = true
			}
		}
	}
	for a := range changed {
		if a.Kind == "file" && len(bad) == 0 {
			bad[a] = true
		}
	}
	for a := range bad {
		if _, again := s.files[a]; !again {
			s.files[a] = resourceOf(last, a)
		}
		if now != nil {
			s.bad[a] = resourceOf(now, a)
		}
		s.since[a] = changed[a]
		delete(changed, a)
	}
	if len(bad) > 0 {
		s.why = err
	}
	return len(bad) > 0
}

// mended forgets those that changed, or are others in a snapshot: they are tried
// again.
func (s *spoilt) mended(now *engine.Snapshot, changed map[engine.Addr]time.Time) {
	for a := range s.files {
		if _, is := changed[a]; is || now != nil && !engine.Same(resourceOf(now, a), s.bad[a]) {
			delete(s.files, a)
			delete(s.bad, a)
			delete(s.since, a)
		}
	}
	if len(s.files) == 0 {
		s.why = nil
	}
}

// again adds them to what changed: one that no error named may be well.
func (s *spoilt) again(changed map[engine.Addr]time.Time) {
	for a, since := range s.since {
		if _, is := changed[a]; !is {
			changed[a] = since
		}
	}
}

// in is a snapshot with what the files last were.
func (s *spoilt) in(snap *engine.Snapshot) *engine.Snapshot {
	if len(s.files) == 0 || snap == nil {
		return snap
	}
	out := *snap
	out.Resources = slices.DeleteFunc(slices.Clone(snap.Resources), func(r engine.Resource) bool { _, is := s.files[r.Addr]; return is })
	for _, r := range s.files {
		if r != nil {
			out.Resources = append(out.Resources, *r)
		}
	}
	slices.SortFunc(out.Resources, func(a, b engine.Resource) int { return a.Addr.Compare(b.Addr) })
	return &out
}

func (s *spoilt) addrs() []engine.Addr {
	return slices.SortedFunc(maps.Keys(s.files), engine.Addr.Compare)
}

// resourceOf finds a resource; nil for none.
func resourceOf(snap *engine.Snapshot, a engine.Addr) *engine.Resource {
	i, is := slices.BinarySearchFunc(snap.Resources, a, func(r engine.Resource, a engine.Addr) int { return r.Addr.Compare(a) })
	if !is {
		return nil
	}
	return &snap.Resources[i]
}
