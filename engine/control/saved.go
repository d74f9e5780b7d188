package control

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"hikae/engine"
	"hikae/states/blob"
)

// SavedPlan binds a plan that was looked at to what was observed and what was
// wished then. It holds no bytes and no secret: the plan is made again from
// the same store, and refused where it would not be the same.
type SavedPlan struct {
	Version  int         `json:"version"`
	Host     string      `json:"host"`
	From     string      `json:"from,omitempty"`
	Role     engine.Role `json:"role"`
	Made     time.Time   `json:"made"`
	Changes  int         `json:"changes"`
	Observed string      `json:"observed"`
	Wanted   string      `json:"wanted"`
}

const savedVersion = 1

// Save writes a plan's binding to a file.
func (p *Planned) Save(path, from string) error {
	s := SavedPlan{
		Version: savedVersion, Host: p.Target.Name, From: from, Role: p.Target.Role, Made: now(), Changes: len(p.Changes),
		Observed: p.Observed.String(), Wanted: p.Wanted.String(),
	}
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot save the plan: %w", err)
	}
	return blob.WriteFile(path, 0o600, func(w io.Writer) error {
		_, err := w.Write(append(b, '\n'))
		return err
	})
}

// LoadPlan reads a saved plan for a host.
func LoadPlan(path, host string) (*SavedPlan, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the plan: %w", err)
	}
	var s SavedPlan
	if err := json.Unmarshal(b, &s); err != nil || s.Version != savedVersion {
		return nil, fmt.Errorf("cannot read the plan %s: it is not a plan of this version of hikae", path)
	}
	if s.Host != host {
		return nil, fmt.Errorf("%w: the plan %s is for host %s, not %s", engine.ErrRefused, path, s.Host, host)
	}
	return &s, nil
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
