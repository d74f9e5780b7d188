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
	Mirrors   []MirrorStatus   `json:"mirrors,omitempty"`
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

	// Behind is how much changed on the source and is not here yet, Oldest when the
	// oldest of it was heard of, and Waits the names of some of it.
	Behind int `json:"behind"`
	// BehindSeconds is BehindFor, for who asks; the loop writes none.
	BehindSeconds float64   `json:"behind_seconds"`
	All           bool      `json:"all,omitempty"` // all is yet to be compared
	Oldest        time.Time `json:"oldest,omitzero"`
	Waits         []string  `json:"waits,omitempty"`
	Seen          time.Time `json:"seen,omitzero"`    // when a change for it was last heard of
	Applied       time.Time `json:"applied,omitzero"` // when something last was
	Changes       int       `json:"changes"`          // applied since the start

	// Kinds is the same by kind, of those that anything is known of.
	Kinds map[string]KindStatus `json:"kinds,omitempty"`

	HeldBack   []Held    `json:"held_back,omitempty"`
	Conflict   string    `json:"conflict,omitempty"` // what a person is to merge
	Conflicted time.Time `json:"conflicted,omitzero"`
	Drifted    int       `json:"drifted"`          // how much the last audit found to be not as it should be
	Drift      []string  `json:"drift,omitempty"`  // the names of some of it
	Mended     bool      `json:"mended,omitempty"` // it is as it should be since
	Audited    time.Time `json:"audited,omitzero"`
	Audit      time.Time `json:"next_audit,omitzero"`
}

// KindStatus is how it is with the resources of a kind on a follower.
type KindStatus struct {
	Behind   int       `json:"behind"`
	Oldest   time.Time `json:"oldest,omitzero"`
	Seen     time.Time `json:"seen,omitzero"`
	Applied  time.Time `json:"applied,omitzero"`
	HeldBack int       `json:"held_back"`
	Drift    int       `json:"drift"`
}

// MirrorStatus is how it is with a data tree that is kept on a follower.
type MirrorStatus struct {
	Host        string    `json:"host"`
	Source      string    `json:"source"`
	Root        string    `json:"root"`
	InStep      bool      `json:"in_step"`
	Since       time.Time `json:"since"` // of being in step, or behind
	Why         string    `json:"why,omitempty"`
	Alarm       string    `json:"alarm,omitempty"` // it stands until a person looks
	Held        bool      `json:"held,omitempty"`  // by hikae hold
	Files       int       `json:"files"`           // that are yet to be brought
	Bytes       int64     `json:"bytes"`
	LastArrival time.Time `json:"last_arrival,omitzero"`
	NextAudit   time.Time `json:"next_audit,omitzero"`

	// Foreign is how many entries the tree has that no mirror brought, FirstForeign
	// such a one.
	Foreign      int    `json:"foreign,omitempty"`
	FirstForeign string `json:"first_foreign,omitempty"`
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
	Hung       State = "hung" // answers, and what was begun there does not end
	Busy       State = "busy" // another process has it, or the store
	OverBudget State = "over budget"
	HeldBack   State = "held back" // in step but for what it could not take
)

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
