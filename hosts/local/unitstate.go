package local

import (
	"context"
	"errors"
	"fmt"
	"path"

	"hikae/hosts"
)

var _ hosts.UnitStater = (*Host)(nil)

// UnitStates implements hosts.UnitStater.
func (h *Host) UnitStates(ctx context.Context, names []string) (map[string]hosts.UnitState, error) {
	if !h.systemd.here {
		return nil, errors.New("cannot ask systemd: it does not run here")
	}
	ctx, cancel := context.WithTimeout(ctx, systemdTimeout)
	defer cancel()
	states, err := h.unitStates(ctx, names)
	if err != nil {
		return nil, fmt.Errorf("cannot ask systemd: %w", err)
	}
	return states, nil
}

func (h *Host) unitStates(ctx context.Context, names []string) (map[string]hosts.UnitState, error) {
	conn, err := h.systemd.connect()
	if err != nil {
		return nil, err
	}
	// An alias is told of under the unit's own name, so in the order asked.
	all, err := conn.units(ctx, "ListUnitsByNames", names)
	if err != nil {
		return nil, err
	}
	if len(all) != len(names) {
		return nil, fmt.Errorf("it tells of %d units where it was asked for %d", len(all), len(names))
	}
	states := make(map[string]hosts.UnitState, len(names))
	for i, u := range all {
		s := hosts.UnitState{Load: u.LoadState, Active: u.ActiveState, Sub: u.SubState}
		if path.Ext(u.Name) == ".service" {
			get := func(property string, to func(any)) {
				if v, err := conn.property(ctx, u.Name, "Service", property); err == nil { // gone since, or of an old systemd
					to(v)
				}
			}
			get("MainPID", func(v any) { pid, _ := v.(uint32); s.MainPID = int(pid) })
			get("NRestarts", func(v any) { n, _ := v.(uint32); s.Restarts = int(n) })
			get("ControlGroup", func(v any) { s.CGroup, _ = v.(string) })
		}
		states[names[i]] = s
	}
	return states, ctx.Err()
}
