package agent

import "hikae/engine"

// sentChanges holds what an agent says of an apply to what it was sent: the record
// of what is hikae's on the host (engine.Base), what a person is told, and what is
// not tried again go by it. What the agent did, only a new read shows.
type sentChanges map[engine.Addr]bool

func sentOf(cs []engine.Change) sentChanges {
	sent := make(sentChanges, len(cs))
	for _, c := range cs {
		sent[c.Addr] = true
	}
	return sent
}

// event refuses one that is of what was not sent.
func (s sentChanges) event(e *engine.ApplyEvent) error {
	if e.Done != nil && !s[*e.Done] {
		return protocolError("the agent tells of a change of %q, which it was not sent", *e.Done)
	}
	for _, a := range e.Of {
		if !s[a] {
			return protocolError("the agent tells of a login after a change of %q, which it was not sent", a)
		}
	}
	return nil
}

// result refuses one that does not tell of each change once, as engine.ApplyResult
// says. An apply that ended with an error may leave some out.
func (s sentChanges) result(r *engine.ApplyResult, failed bool) error {
	const applied, notApplied, heldBack = 1, 2, 3
	told := make(map[engine.Addr]int, len(s))
	for i, list := range [][]engine.Addr{r.Applied, r.NotApplied} {
		for _, a := range list {
			switch {
			case !s[a]:
				return protocolError("the result is of %q, which was not sent", a)
			case told[a] != 0:
				return protocolError("the result tells of %q twice", a)
			}
			told[a] = applied + i
		}
	}
	if !failed && len(told) < len(s) {
		return protocolError("the result tells of %d changes, of %d sent", len(told), len(s))
	}
	for _, n := range r.HeldBack {
		if told[n.Addr] != notApplied {
			return protocolError("the result holds back %q, which is not, or not once, among what was not applied", n.Addr)
		}
		told[n.Addr] = heldBack
	}
	return nil
}
