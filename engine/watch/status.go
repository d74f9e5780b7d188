package watch

import (
	"encoding/json"
	"time"
)

// Status is what the loop says of itself.
type Status struct {
	Process int       `json:"process"`
	Started time.Time `json:"started"`
	Written time.Time `json:"written"` // a few seconds old at most while it runs

	Sources   []SourceStatus   `json:"sources"`
	Followers []FollowerStatus `json:"followers"`
}

// SourceStatus is how it is with a host that others follow.
type SourceStatus struct {
	Host       string    `json:"host"`
	State      string    `json:"state"` // followed, away, connecting
	Since      time.Time `json:"since"`
	Why        string    `json:"why,omitempty"`
	Changed    time.Time `json:"changed,omitzero"`     // when a change was last heard of
	Generation string    `json:"generation,omitempty"` // the newest
	Store      string    `json:"store,omitempty"`      // why none can be written
	Alarms     []string  `json:"alarms,omitempty"`
	Notes      []string  `json:"notes,omitempty"` // of the watch: what is only looked at now and then
}

// FollowerStatus is how it is with a host that follows another.
type FollowerStatus struct {
	Host   string    `json:"host"`
	Source string    `json:"source"`
	State  State     `json:"state"`
	Since  time.Time `json:"since"`
	Why    string    `json:"why,omitempty"`

	// Behind counts by kind what changed on the source and is not here yet; Oldest
	// is when the oldest of it was heard of.
	Behind  map[string]int `json:"behind,omitempty"`
	All     bool           `json:"all,omitempty"` // all is yet to be compared
	Oldest  time.Time      `json:"oldest,omitzero"`
	Applied time.Time      `json:"applied,omitzero"` // when something last was
	Changes int            `json:"changes"`          // applied since the start

	HeldBack []Held    `json:"held_back,omitempty"`
	Conflict string    `json:"conflict,omitempty"`
	Drift    []string  `json:"drift,omitempty"` // that the last audit found
	Audited  time.Time `json:"audited,omitzero"`
	Audit    time.Time `json:"next_audit,omitzero"`
}

// Held is something that a follower could not take.
type Held struct {
	Name  string    `json:"name"` // KIND:NAME, "" for the host
	Why   string    `json:"why"`
	Since time.Time `json:"since"`
}

// State is in a word how it is with a follower.
type State string

// The states of a follower.
const (
	Starting   State = "starting"
	InStep     State = "in step"
	Behind     State = "behind" // and being brought in step
	OnHold     State = "on hold"
	Waiting    State = "waiting for a first apply"
	Away       State = "away"
	Busy       State = "busy" // another process has it, or the store
	OverBudget State = "over budget"
	HeldBack   State = "held back" // in step but for what it could not take
)

// BehindFor is for how long the follower has not been what its source is: 0 where
// nothing is known to differ.
func (f *FollowerStatus) BehindFor(source *SourceStatus, now time.Time) time.Duration {
	oldest := f.Oldest
	earlier := func(t time.Time) {
		if !t.IsZero() && (oldest.IsZero() || t.Before(oldest)) {
			oldest = t
		}
	}
	for _, h := range f.HeldBack {
		earlier(h.Since)
	}
	if f.State != InStep && f.State != Behind && f.State != HeldBack {
		earlier(f.Since)
	}
	if source != nil && source.State != followed {
		earlier(source.Since)
	}
	if oldest.IsZero() {
		return 0
	}
	return now.Sub(oldest)
}

const (
	followed   = "followed"
	connecting = "connecting"
	away       = "away"
)

// Decode reads what WriteStatus wrote.
func Decode(raw []byte) (*Status, error) {
	var s Status
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, err
	}
	return &s, nil
}
