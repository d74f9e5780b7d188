package control

import (
	"sync"
	"time"

	"hikae/engine"
)

// Spent is what was deleted and overwritten not long ago, by host. Controllers of
// one process that goes on share it; nil remembers nothing.
type Spent struct {
	mu    sync.Mutex
	hosts map[string]spent
}

// on is that of a host, which has one user at a time.
func (s *Spent) on(host string) spent {
	if s == nil {
		return spent{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hosts == nil {
		s.hosts = map[string]spent{}
	}
	if s.hosts[host] == nil {
		s.hosts[host] = spent{}
	}
	return s.hosts[host]
}

// spent is what was deleted and overwritten on a host not long ago: a budget is
// of all of it, or whoever damages the source slowly would stay below it.
type spent map[engine.Addr]spending

type spending struct {
	at      time.Time
	deleted bool
}

// spentFor is how long it counts.
const spentFor = time.Hour

// count adds it to what a plan spends, a quarter of it: many small changes an hour
// are a day's work, four times what one plan may do is not.
func (s spent) count(p *Planned) {
	of := map[engine.Addr]bool{}
	for _, ch := range p.Changes {
		of[ch.Addr] = true
	}
	var deletions, modifications int
	for a, was := range s {
		switch {
		case time.Since(was.at) > spentFor:
			delete(s, a)
		case of[a]:
		case was.deleted:
			deletions++
		default:
			modifications++
		}
	}
	const share = 4
	p.Spent.Deletions += deletions / share
	p.Spent.Modifications += modifications / share
}

// note remembers what a plan deletes and overwrites.
func (s spent) note(cs []engine.Change) {
	for _, ch := range cs {
		one := (engine.Spending{}).Add([]engine.Change{ch})
		if one.Deletions+one.Modifications > 0 {
			s[ch.Addr] = spending{time.Now(), one.Deletions > 0}
		}
	}
}
