package control

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"hikae/engine"
	"hikae/states/blob"
)

// SavedPlan binds a plan that was looked at to what was observed and what was
// wished then. It holds no bytes and no secret: the plan is made again from
// the same store, and refused where it would not be the same.
type SavedPlan struct {
	Host    string      `json:"host"`
	From    string      `json:"from,omitempty"`
	Role    engine.Role `json:"role"`
	Made    time.Time   `json:"made"`
	Changes int         `json:"changes"`
	// Conflicts are files that the plan leaves to be merged by hand.
	Conflicts int `json:"conflicts,omitempty"`
	// Over is what is over the budget, "" for nothing.
	Over     string `json:"over_budget,omitempty"`
	Observed string `json:"observed"`
	Wanted   string `json:"wanted"`
}

// savedPlans is the file: the plans of the hosts that were planned together.
type savedPlans struct {
	Version int         `json:"version"`
	Plans   []SavedPlan `json:"plans"`
}

const savedVersion = 2

// Saved is a plan's binding.
func (p *Planned) Saved(from string) SavedPlan {
	return SavedPlan{
		Host: p.Target.Name, From: from, Role: p.Target.Role, Made: now(), Changes: len(p.Changes), Conflicts: len(p.Conflicts), Over: p.Spent.Over(),
		Observed: p.Observed.String(), Wanted: p.Wanted.String(),
	}
}

// SavePlans writes the bindings of plans to a file.
func SavePlans(path string, plans []SavedPlan) error {
	b, err := json.MarshalIndent(savedPlans{savedVersion, plans}, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot save the plan: %w", err)
	}
	return blob.WriteFile(path, 0o600, func(w io.Writer) error {
		_, err := w.Write(append(b, '\n'))
		return err
	})
}

// LoadPlans reads the saved plans for just these hosts, in their order.
func LoadPlans(path string, hosts []string) ([]SavedPlan, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the plan: %w", err)
	}
	var s savedPlans
	if err := json.Unmarshal(b, &s); err != nil || s.Version != savedVersion {
		return nil, fmt.Errorf("cannot read the plan %s: it is not a plan of this version of hikae", path)
	}
	out := make([]SavedPlan, len(hosts))
	for i, h := range hosts {
		n := slices.IndexFunc(s.Plans, func(p SavedPlan) bool { return p.Host == h })
		if n < 0 {
			return nil, otherHosts(path, s.Plans, hosts)
		}
		out[i] = s.Plans[n]
	}
	if len(hosts) != len(s.Plans) {
		return nil, otherHosts(path, s.Plans, hosts)
	}
	return out, nil
}

func otherHosts(path string, plans []SavedPlan, hosts []string) error {
	names := make([]string, len(plans))
	for i, p := range plans {
		names[i] = p.Host
	}
	return fmt.Errorf("%w: the plan %s is for %s, not for %s", engine.ErrRefused, path, strings.Join(names, ", "), strings.Join(hosts, ", "))
}

func (s *SavedPlan) stillHolds(p *engine.Plan) error {
	switch {
	case s.Wanted != p.Wanted.String():
		return fmt.Errorf("%w: what %s should be has changed since the plan of %s was made; plan again", engine.ErrRefused, s.Host, s.Made.Format(time.RFC3339))
	case s.Observed != p.Observed.String():
		return fmt.Errorf("%w: %s has changed since the plan of %s was made; plan again", engine.ErrRefused, s.Host, s.Made.Format(time.RFC3339))
	}
	return nil
}
