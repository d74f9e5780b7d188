package execute

import (
	"context"
	"fmt"
	"slices"
	"time"

	"hikae/engine"
	"hikae/hosts"
)

// readyFor bounds the wait for a unit's Ready.
const readyFor = 30 * time.Second

// refresh reloads or restarts the units that ran before and read what changed.
func (e *execution) refresh(ctx context.Context, g *group, before map[string]unitState) error {
	touched, stopped := map[string]bool{}, map[string]bool{}
	for _, c := range g.services {
		if stops(c) {
			touched[c.Addr.Name], stopped[c.Addr.Name] = true, true // and so it stays
		}
		if c.Before == nil || !running(c.Before) {
			touched[c.Addr.Name] = true // started just now, on the new files
		}
	}
	old := stale(e.x.Host, g.changed())
	for _, u := range g.units {
		if stopped[u.Name] {
			continue
		}
		verb := "restart"
		if u.Reload && !slices.Contains(g.unitFile, u.Name) {
			verb = "reload-or-restart"
		}
		names := []string{u.Name}
		switch {
		case rebinds(&u, old): // one that was started just now was so on the old mounts
			verb, names = "restart", slices.Concat(u.Before, names)
		case touched[u.Name]:
			continue
		}
		touched[u.Name] = true
		if err := e.unit(ctx, verb, before, names...); err != nil {
			return err
		}
	}
	for _, name := range g.unitFile {
		if touched[name] {
			continue
		}
		if err := e.unit(ctx, "restart", before, name); err != nil {
			return err
		}
	}
	e.noteStale(g)
	return nil
}

// unit reloads or restarts those of the units that were active before: at once,
// for one that is bound to another is restarted with it, and need not be twice.
func (e *execution) unit(ctx context.Context, verb string, before map[string]unitState, names ...string) error {
	var active []string
	for _, name := range names {
		if before[name].active() {
			e.emit(engine.ApplyEvent{Unit: name, Progress: verb})
			active = append(active, name)
		}
	}
	if len(active) == 0 {
		return nil
	}
	if err := e.systemctl(ctx, append([]string{verb}, active...)...); err != nil {
		return err
	}
	for _, name := range active {
		if err := e.ready(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// ready waits until a unit is through with its reload. Whether it has come
// through well, the look at its health tells.
func (e *execution) ready(ctx context.Context, name string) error {
	i := slices.IndexFunc(e.x.Units, func(u engine.Unit) bool { return u.Name == name })
	if i < 0 || len(e.x.Units[i].Ready) == 0 {
		return nil
	}
	if _, err := e.x.Host.Stat(e.x.Units[i].Ready[0]); err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, readyFor)
	defer cancel()
	if _, err := e.x.Host.Run(ctx, hosts.Cmd{Argv: e.x.Units[i].Ready}); err != nil {
		return fmt.Errorf("%s does not come to the end of its reload: %w", name, err)
	}
	return nil
}

// refreshBack has the units of a group that was put back run as they did. A
// daemon that still lives on what it had read before is reloaded, not restarted.
func (e *execution) refreshBack(ctx context.Context, g *group, before map[string]unitState) []error {
	var errs []error
	do := func(verb string, names ...string) {
		err := e.unit(ctx, verb, before, names...)
		if err != nil {
			// One that died too often is not started again until it is told so.
			if e.systemctl(ctx, append([]string{"reset-failed"}, names...)...) == nil {
				err = e.unit(ctx, "restart", before, names...)
			}
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	old := stale(e.x.Host, g.changed())
	for _, u := range g.units {
		if rebinds(&u, old) {
			do("restart", slices.Concat(u.Before, []string{u.Name})...)
			continue
		}
		do("reload-or-restart", u.Name)
	}
	for _, name := range g.unitFile {
		do("restart", name)
	}
	return errs
}

// loaded refuses unit files that systemd does not take: it has read them, and
// what runs goes on by what it had read before.
func (e *execution) loaded(ctx context.Context, g *group) error {
	names := slices.DeleteFunc(slices.Clone(g.unitFile), isTemplate)
	if len(names) == 0 {
		return nil
	}
	states, err := e.show(ctx, names)
	if err != nil {
		return err
	}
	for _, n := range names {
		if s := states[n].Load; s == "bad-setting" || s == "error" {
			return fmt.Errorf("systemd refuses the unit file of %s (%s): %s", n, s, e.lastWords(ctx, n))
		}
	}
	return nil
}
