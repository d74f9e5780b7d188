package local

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"hikae/hosts"
	"hikae/hosts/unitfile"
)

// Units implements hosts.Reader. It asks each time: what runs changes by itself.
// Units that generators or programs make for the time being, devices and scopes
// are left out: nobody configured them as units. Where systemd does not run on
// this host, what the disk says is all that is filled in. Sorted by name.
func (h *Host) Units(ctx context.Context) ([]hosts.Unit, error) {
	set, err := unitfile.Scan(hostFS{h})
	if err != nil {
		return nil, err
	}
	units := map[string]*hosts.Unit{}
	files, err := set.Files()
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		units[f.Name] = &hosts.Unit{Name: f.Name, File: f.State, Path: f.Path}
	}
	if h.systemd.here {
		if err := h.liveUnits(ctx, set, units); err != nil {
			return nil, fmt.Errorf("cannot list units: %w", err)
		}
	}
	list := make([]hosts.Unit, 0, len(units))
	for _, u := range units {
		list = append(list, *u)
	}
	slices.SortFunc(list, func(a, b hosts.Unit) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// What systemd is asked for: units that are in a state of their own, and of the
// types that are configured. A host has more devices and scopes than anything else,
// and more units that do nothing than such as do.
var (
	inState = []string{"active", "reloading", "refreshing", "activating", "deactivating", "failed", "maintenance"}
	ofTypes = []string{"*.service", "*.socket", "*.target", "*.timer", "*.path", "*.mount", "*.automount", "*.swap", "*.slice"}
)

// liveUnits asks systemd for what is loaded, and then for what only some units
// are asked about. It is not asked for the unit files: that takes PID 1 a few
// milliseconds a file (1.3 s for 220, on a busy host), and the disk tells the same.
func (h *Host) liveUnits(ctx context.Context, set *unitfile.Set, units map[string]*hosts.Unit) error {
	ctx, cancel := context.WithTimeout(ctx, systemdTimeout)
	defer cancel()
	conn, err := h.systemd.connect()
	if err != nil {
		return err
	}
	passing, err := set.Passing()
	if err != nil {
		return err
	}
	loaded, err := conn.units(ctx, "ListUnitsByPatterns", inState, ofTypes)
	if err != nil {
		return err
	}
	for _, u := range units {
		u.Active, u.Sub = "inactive", "dead"
	}
	for _, l := range loaded {
		u := units[l.Name]
		if u == nil {
			template := unitfile.Template(l.Name)
			if l.LoadState == "not-found" || passing[l.Name] || passing[template] {
				continue
			}
			u = &hosts.Unit{Name: l.Name}
			units[l.Name] = u
			if t := units[template]; t != nil { // an instance that no link enables
				u.Path, u.File = t.Path, unitfile.Disabled
			}
		}
		u.Active, u.Sub = l.ActiveState, l.SubState
	}
	var ask []*hosts.Unit
	for _, u := range units {
		if worthAsking(u) {
			ask = append(ask, u)
		}
	}
	return inParallel(ask, func(u *hosts.Unit) error {
		u.NotApplicable = notApplicable(ctx, conn, u)
		return ctx.Err()
	})
}

// worthAsking picks the units of which the list does not tell whether it says
// anything that they run or not. Each question costs a round trip, and PID 1 its
// time: most are answered by what is known.
func worthAsking(u *hosts.Unit) bool {
	enabled := strings.HasPrefix(u.File, unitfile.Enabled)
	switch path.Ext(u.Name) {
	case ".service":
		if u.Active == "inactive" {
			return enabled
		}
		// Of a oneshot nothing is "running": it starts, and has exited.
		return u.Sub != "running" && (enabled || u.File == unitfile.Disabled || u.File == unitfile.Linked)
	case ".timer", ".socket", ".path", ".mount", ".automount", ".swap":
		return u.Active == "inactive" && enabled
	}
	return false
}

// notApplicable asks whether it says nothing that a unit runs or not. A unit that
// has gone since has no answer.
func notApplicable(ctx context.Context, conn manager, u *hosts.Unit) bool {
	if path.Ext(u.Name) == ".service" {
		kind, err := conn.property(ctx, u.Name, "Service", "Type")
		if err != nil {
			return false
		}
		if kind == "oneshot" {
			return true
		}
	}
	return u.Active == "inactive" && conditionFailed(ctx, conn, u.Name)
}

// conditionFailed reports whether systemd would have started the unit, but for
// a condition or assertion in it.
func conditionFailed(ctx context.Context, conn manager, name string) bool {
	for _, check := range []string{"Condition", "Assert"} {
		when, err := conn.property(ctx, name, "Unit", check+"Timestamp")
		if err != nil {
			return false
		}
		if t, _ := when.(uint64); t == 0 {
			continue // never tried
		}
		result, err := conn.property(ctx, name, "Unit", check+"Result")
		if err != nil {
			return false
		}
		if ok, isBool := result.(bool); isBool && !ok {
			return true
		}
	}
	return false
}
