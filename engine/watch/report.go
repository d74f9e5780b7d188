package watch

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"hikae/engine/control"
)

// silentAfter is how old a status is of a loop that is stuck or gone.
const silentAfter = 30 * time.Second

// stuckAfter is for how long a mirror may be at one comparison: of the largest it
// takes hours, and one that hangs says that it is in step.
const stuckAfter = 24 * time.Hour

// Report is a Status as one finds it who asks: it may be of a loop that is no more.
type Report struct {
	Running bool    `json:"running"`
	Holder  string  `json:"holder,omitempty"` // who runs it
	Silent  bool    `json:"silent"`           // nothing was heard of it for 30 s
	Age     float64 `json:"age_seconds"`      // of the status
	Status
	Now time.Time `json:"-"`
}

// Ask reads how it is. The report is nil where nothing ever followed.
func Ask(c *control.Controller, now time.Time) (*Report, error) {
	holder, err := c.Store.Watcher()
	if err != nil {
		return nil, err
	}
	raw, err := c.Store.ReadStatus()
	if err != nil || raw == nil && holder == "" {
		return nil, err
	}
	s := &Status{}
	if raw != nil {
		if s, err = Decode(raw); err != nil {
			return nil, fmt.Errorf("cannot read status: %w", err)
		}
	}
	r := &Report{Running: holder != "", Holder: holder, Status: *s, Now: now}
	age := now.Sub(s.Written) // one of the future is from before the clock was set back
	r.Age, r.Silent = max(0, age).Seconds(), age.Abs() > silentAfter
	for i := range r.Followers { // a hold is told before the loop has seen it
		f := &r.Followers[i]
		if h, err := c.Held(f.Host); err == nil && h != nil { // what is wrong with it the loop tells
			f.State, f.Why, f.Since = OnHold, heldWhy(h), h.Since
		}
		f.BehindSeconds = f.BehindFor(r.Source(f.Source), now).Seconds()
	}
	return r, nil
}

// heldWhy is a hold in words.
func heldWhy(h *control.Hold) string {
	if h.Until.IsZero() {
		return "by " + h.By + ", until it is released"
	}
	return "by " + h.By + ", until " + h.Until.Format(time.RFC3339)
}

// Of limits a report to some hosts, as source or follower; none are all. It tells
// which of them nobody follows and which follow nobody.
func (r *Report) Of(names []string) error {
	if len(names) == 0 {
		return nil
	}
	known := map[string]bool{}
	wanted := func(host string) bool { known[host] = true; return slices.Contains(names, host) }
	r.Followers = slices.DeleteFunc(r.Followers, func(f FollowerStatus) bool {
		a, b := wanted(f.Host), wanted(f.Source)
		return !a && !b
	})
	r.Mirrors = slices.DeleteFunc(r.Mirrors, func(m MirrorStatus) bool {
		a, b := wanted(m.Host), wanted(m.Source)
		return !a && !b
	})
	r.Sources = slices.DeleteFunc(r.Sources, func(s SourceStatus) bool {
		of := slices.ContainsFunc(r.Followers, func(f FollowerStatus) bool { return f.Source == s.Host })
		return !wanted(s.Host) && !of
	})
	for _, n := range names {
		if !known[n] {
			return fmt.Errorf("hikae watch knows no host %q: it follows nobody, and nobody follows it", n)
		}
	}
	return nil
}

// Source finds a source; nil for none.
func (s *Status) Source(host string) *SourceStatus {
	i := slices.IndexFunc(s.Sources, func(s SourceStatus) bool { return s.Host == host })
	if i < 0 {
		return nil
	}
	return &s.Sources[i]
}

// Essence tells a status from another that says something else.
func (r *Report) Essence() string {
	s := r.Status
	s.Written, s.Followers = time.Time{}, slices.Clone(s.Followers)
	for i := range s.Followers {
		s.Followers[i].BehindSeconds = 0
	}
	raw, err := json.Marshal(s)
	return fmt.Sprint(string(raw), err, r.Running, r.Silent)
}

// Late says what is further behind than a bound: a line for each; none where all
// is well. Of a loop that does not run nobody knows, and a tree that is not
// followed since its mount is gone is behind at once.
func (r *Report) Late(bound time.Duration) []string {
	var late []string
	switch {
	case !r.Running:
		late = append(late, "hikae watch does not run")
	case r.Silent:
		late = append(late, fmt.Sprintf("hikae watch was not heard of for %s", Span(r.Now.Sub(r.Written))))
	}
	for i := range r.Followers {
		f := &r.Followers[i]
		if d := f.BehindFor(r.Source(f.Source), r.Now); d > bound {
			late = append(late, fmt.Sprintf("%s is behind %s for %s", f.Host, f.Source, Span(d))+r.because(f))
		}
	}
	for _, s := range r.Sources {
		for _, a := range s.Alarms {
			late = append(late, s.Host+": "+a)
		}
	}
	for _, m := range r.Mirrors {
		if d := m.BehindFor(r.Now); m.Alarm != "" {
			late = append(late, m.Host+": "+m.Root+": "+m.Alarm)
		} else if d > bound {
			late = append(late, fmt.Sprintf("%s: %s is behind for %s", m.Host, m.Root, Span(d)))
		} else if d := r.Now.Sub(m.NextAudit); d > stuckAfter && !m.NextAudit.IsZero() && !m.Held {
			late = append(late, fmt.Sprintf("%s: %s was to be compared %s ago, and is not done", m.Host, m.Root, Span(d)))
		}
	}
	return late
}

// because says why a follower is behind, where that is known: its one line is all
// that monitoring shows.
func (r *Report) because(f *FollowerStatus) string {
	why, more := "", ""
	source := r.Source(f.Source)
	switch {
	case source != nil && source.State != followed:
		why = source.Host + " is " + source.State + ": " + source.Why
	case f.State != InStep && f.State != Behind && f.State != HeldBack:
		why = string(f.State) + ": " + f.Why
	case f.Conflict != "":
		why = f.Conflict
	case len(f.HeldBack) > 0:
		why = f.HeldBack[0].Name + ": " + f.HeldBack[0].Why
		if n := len(f.HeldBack) - 1; n > 0 {
			more = fmt.Sprintf(" (and %d more are held back)", n)
		}
	}
	if why = strings.Trim(strings.Join(strings.Fields(why), " "), ": "); why == "" {
		return ""
	}
	return ": " + why + more
}

// BehindFor is for how long the follower has not been what its source is: 0 where
// nothing is known to differ.
func (f *FollowerStatus) BehindFor(source *SourceStatus, now time.Time) time.Duration {
	oldest := earlier(f.Oldest, f.Conflicted)
	for _, h := range f.HeldBack {
		oldest = earlier(oldest, h.Since)
	}
	switch f.State {
	case InStep, Behind, HeldBack:
	case OnHold: // which is no being behind, as long as nothing waits
		if f.All {
			oldest = earlier(oldest, f.Since)
		}
	default:
		oldest = earlier(oldest, f.Since)
	}
	if source != nil && source.State != followed {
		oldest = earlier(oldest, source.Since)
	}
	if oldest.IsZero() {
		return 0
	}
	return max(0, now.Sub(oldest))
}

// BehindFor is for how long the mirror has not been what its source is.
func (m *MirrorStatus) BehindFor(now time.Time) time.Duration {
	if m.InStep {
		return 0
	}
	return max(0, now.Sub(m.Since))
}

// Span is a time span for a person: two figures at most.
func Span(d time.Duration) string {
	const day = 24 * time.Hour
	two := func(n time.Duration, of, m string, rest time.Duration) string {
		if rest == 0 {
			return fmt.Sprintf("%d %s", n, of)
		}
		return fmt.Sprintf("%d %s %d %s", n, of, rest, m)
	}
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 2*day:
		return two(d/time.Hour, "h", "min", d%time.Hour/time.Minute)
	}
	return two(d/day, "d", "h", d%day/time.Hour)
}
