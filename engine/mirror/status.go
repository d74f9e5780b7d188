package mirror

import (
	"sync"
	"time"
)

// Status is how a mirror stands.
type Status struct {
	Root   string    `json:"root"`
	InStep bool      `json:"in_step"`
	Since  time.Time `json:"since"`            // of being in step, or behind
	Why    string    `json:"why,omitempty"`    // it is behind
	Alarm  string    `json:"alarm,omitempty"`  // it stands until a person looks
	Held   bool      `json:"held,omitempty"`   // by hikae hold
	Files  int       `json:"files"`            // backlog: changes that are to be made
	Bytes  int64     `json:"bytes"`            // and of their contents
	Failed []string  `json:"failed,omitempty"` // what could not be brought, and why: the first few
	// Foreign are paths on the target alone that no mirror brought: they are
	// left. The first few, of ForeignCount.
	Foreign      []string  `json:"foreign,omitempty"`
	ForeignCount int       `json:"foreign_count,omitempty"`
	LastArrival  time.Time `json:"last_arrival,omitzero"`
	LastAudit    time.Time `json:"last_audit,omitzero"`
	NextAudit    time.Time `json:"next_audit,omitzero"`
	Watched      bool      `json:"watched"` // changes are told of, not only found by audits
}

// maxTold is how many paths a status names.
const maxTold = 20

type status struct {
	mu    sync.Mutex
	s     Status
	since time.Time
}

// Status says how the mirror stands now.
func (m *Mirror) Status() Status {
	s := m.status.get()
	s.Root, s.Held = m.o.Root, m.o.Hold()
	return s
}

func (s *status) get() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.s
	out.Since = s.since
	return out
}

func (s *status) set(fn func(*Status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.s.InStep
	if fn(&s.s); s.s.InStep != was {
		s.since = time.Now()
	}
}

// behind says that something is to be done.
func (s *status) behind(why string, files int, bytes int64) {
	s.set(func(s *Status) { s.InStep, s.Why, s.Files, s.Bytes = false, why, files, bytes })
}

// lost notes a failure. It reports whether it is another than the last.
func (s *status) lost(err error) (news bool) {
	s.set(func(s *Status) {
		news = s.Why != err.Error()
		s.InStep, s.Why, s.Watched = false, err.Error(), false
	})
	return news
}

// raise sets the alarm. It reports whether it is another than before.
func (s *status) raise(text string) (news bool) {
	s.set(func(s *Status) {
		news = s.Alarm != text
		s.InStep, s.Why, s.Alarm, s.Watched = false, text, text, false
	})
	return news
}

func (s *status) alarmed() bool { return s.get().Alarm != "" }
