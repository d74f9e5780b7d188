package watch

import (
	"slices"
	"strings"
	"time"

	"hikae/engine"
	"hikae/engine/control"
)

func (b *board) follower(host, source string) *followerStatus {
	i := slices.IndexFunc(b.status.Followers, func(s FollowerStatus) bool { return s.Host == host && s.Source == source })
	return &followerStatus{b, &b.status.Followers[i]}
}

// followerStatus is what a follower tells.
type followerStatus struct {
	*board
	s *FollowerStatus
}

// be needs the lock.
func (t *followerStatus) be(state State, why string) {
	if t.s.State != state {
		t.s.State, t.s.Since = state, time.Now().UTC()
	}
	t.s.Why = why
}

// waits says what is yet to be applied.
func (t *followerStatus) waits(addrs map[engine.Addr]time.Time, all bool) {
	t.change(func() {
		t.s.All, t.s.Behind, t.s.Oldest, t.s.Waits = all, len(addrs), time.Time{}, nil
		kinds := t.kinds(func(k *KindStatus) { k.Behind, k.Oldest = 0, time.Time{} })
		for a, since := range addrs {
			k, since := kinds[a.Kind], since.UTC()
			k.Behind++
			k.Oldest, t.s.Oldest = earlier(k.Oldest, since), earlier(t.s.Oldest, since)
			k.Seen, t.s.Seen = later(k.Seen, since), later(t.s.Seen, since)
			kinds[a.Kind] = k
			t.s.Waits = append(t.s.Waits, a.String())
		}
		slices.Sort(t.s.Waits)
		t.s.Waits = t.s.Waits[:min(len(t.s.Waits), maxNamed)]
		if all || len(addrs) > 0 {
			switch t.s.State {
			case InStep, HeldBack:
				t.be(Behind, "")
			}
		}
	})
}

// maxNamed is how many names a status holds of what may be many.
const maxNamed = 20

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// kinds changes all kinds. It needs the lock.
func (t *followerStatus) kinds(how func(*KindStatus)) map[string]KindStatus {
	out := make(map[string]KindStatus, len(t.s.Kinds))
	for name, k := range t.s.Kinds {
		how(&k)
		out[name] = k
	}
	t.s.Kinds = out
	return out
}

// count counts names by their kind. It needs the lock.
func (t *followerStatus) count(names []string, of func(*KindStatus) *int) {
	kinds := t.kinds(func(k *KindStatus) { *of(k) = 0 })
	for _, n := range names {
		kind, _, _ := strings.Cut(n, ":")
		k := kinds[kind]
		*of(&k)++
		kinds[kind] = k
	}
}

// applied says that so much was, and that some are held back still; nothing waits but
// what waits says.
func (t *followerStatus) applied(addrs map[engine.Addr]time.Time, all bool, still ...engine.Addr) {
	t.change(func() {
		gone, stays := map[string]bool{}, map[string]bool{}
		for _, a := range still {
			stays[a.String()] = true
		}
		for a := range addrs {
			gone[a.String()] = true
		}
		t.s.HeldBack = slices.DeleteFunc(t.s.HeldBack, func(h Held) bool { return (all || gone[h.Name]) && !stays[h.Name] })
		t.countHeldBack()
		now := time.Now().UTC()
		if all {
			t.s.Conflict, t.s.Conflicted, t.s.Mended = "", time.Time{}, t.s.Drifted > 0
		}
		if len(addrs) > 0 || all {
			t.s.Applied = now
			t.s.Changes += len(addrs)
		}
		for a := range addrs {
			k := t.s.Kinds[a.Kind]
			k.Applied = now
			t.s.Kinds[a.Kind] = k
		}
		t.rest()
	})
}

func (t *followerStatus) countHeldBack() {
	var names []string
	for _, h := range t.s.HeldBack {
		if h.Name != "" {
			names = append(names, h.Name)
		}
	}
	t.count(names, func(k *KindStatus) *int { return &k.HeldBack })
}

// rest is the state of one that has done what it could. It needs the lock.
func (t *followerStatus) rest() {
	switch {
	case t.s.All || t.s.Behind > 0:
		t.be(Behind, "")
	case len(t.s.HeldBack) > 0:
		t.be(HeldBack, t.s.HeldBack[0].Why)
	default:
		t.be(InStep, "")
	}
}

func (t *followerStatus) keepsBack(addrs []engine.Addr, err error) {
	t.change(func() {
		names := []string{""}
		if len(addrs) > 0 {
			names = nil
		}
		for _, a := range addrs {
			names = append(names, a.String())
		}
		for _, n := range names {
			i := slices.IndexFunc(t.s.HeldBack, func(h Held) bool { return h.Name == n })
			if i < 0 {
				t.s.HeldBack = append(t.s.HeldBack, Held{Name: n, Since: time.Now().UTC()})
				i = len(t.s.HeldBack) - 1
			}
			t.s.HeldBack[i].Why = err.Error()
		}
		t.countHeldBack()
		t.rest()
	})
}

// conflict says what a person is to merge; nil for nothing.
func (t *followerStatus) conflict(err error) {
	t.change(func() {
		if err == nil {
			t.s.Conflict, t.s.Conflicted = "", time.Time{}
			return
		}
		t.s.Conflict = err.Error()
		if t.s.Conflicted.IsZero() {
			t.s.Conflicted = time.Now().UTC()
		}
	})
}

// away says why nothing can be applied; it reports whether that is new.
func (t *followerStatus) away(state State, err error) (fresh bool) {
	t.change(func() {
		fresh = t.s.State != state
		t.be(state, err.Error())
	})
	return fresh
}

func (t *followerStatus) working() {
	t.change(func() {
		if t.s.State == OnHold || t.s.State == Waiting {
			t.be(Behind, "")
		}
	})
}

func (t *followerStatus) waiting(err error) {
	why := "look at it with hikae plan " + t.s.Host + ", then hikae apply " + t.s.Host
	if err != nil {
		why = err.Error()
	}
	t.change(func() { t.be(Waiting, why) })
}

func (t *followerStatus) held(h *control.Hold, err error) {
	why := ""
	if err != nil {
		why = err.Error()
	} else {
		why = heldWhy(h)
	}
	t.change(func() { t.be(OnHold, why) })
}

func (t *followerStatus) audited(drift []string) {
	t.change(func() {
		t.count(drift, func(k *KindStatus) *int { return &k.Drift })
		t.s.Drifted, t.s.Drift, t.s.Audited = len(drift), drift[:min(len(drift), maxNamed)], time.Now().UTC()
		t.s.Mended = false
	})
}

func (t *followerStatus) nextAudit(at time.Time) { t.change(func() { t.s.Audit = at.UTC() }) }
