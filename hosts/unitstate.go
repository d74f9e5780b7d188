package hosts

import "context"

// UnitState is what systemd says of a unit now.
type UnitState struct {
	Load, Active, Sub string
	Restarts          int    // by systemd, since the unit was started
	MainPID           int    // 0: none, or not known
	CGroup            string // "" where nothing runs
}

// UnitStater is a Host that tells how units are without a program for it: that
// one asks systemd for all that there is to know of each, which takes ten times as
// long.
type UnitStater interface {
	// UnitStates tells of each unit, of those that are not loaded too.
	UnitStates(ctx context.Context, names []string) (map[string]UnitState, error)
}
