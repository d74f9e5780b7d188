package engine

import (
	"context"
	"slices"
)

// refresh reloads or restarts the units that ran before and read what changed.
func (e *execution) refresh(ctx context.Context, g *group, before map[string]unitState) error {
	touched, stopped := map[string]bool{}, map[string]bool{}
	for _, c := range g.services {
		if c.After != nil && isFalse(c.After.Value.GetAttr("running")) {
			touched[c.Addr.Name], stopped[c.Addr.Name] = true, true // and so it stays
		}
		if c.Before == nil || !running(c.Before) {
			touched[c.Addr.Name] = true // started just now, on the new files
		}
	}
	do := func(verb, unit string) error {
		if touched[unit] || !before[unit].active() {
			return nil
		}
		touched[unit] = true
		e.emit(ApplyEvent{Unit: unit, Progress: verb})
		return e.systemctl(ctx, verb, unit)
	}
	for _, u := range g.units {
		if stopped[u.Name] {
			continue
		}
		for _, b := range u.Before {
			if !before[u.Name].active() {
				continue
			}
			if err := do("restart", b); err != nil {
				return err
			}
		}
		verb := "restart"
		if u.Reload && !slices.Contains(g.unitFile, u.Name) {
			verb = "reload-or-restart"
		}
		if err := do(verb, u.Name); err != nil {
			return err
		}
	}
	for _, name := range g.unitFile {
		if err := do("restart", name); err != nil {
			return err
		}
	}
	return nil
}
