package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine/rules"
	"hikae/hosts"
)

// group applies one group. On a failure it is put back whole, its daemons
// included, and the error says why.
func (e *execution) group(ctx context.Context, g *group) error {
	if g.loose() {
		return e.apply(ctx, "service", g.services)
	}
	files, ok := e.module("file").(Transactor)
	if !ok {
		return errors.New("cannot apply files: their module makes no transactions")
	}
	job := e.job(g.files)
	job.Done = func(Addr) {} // told when the group is through
	tx, err := files.Begin(ctx, e.x.Host, job)
	if err != nil {
		return err
	}
	before, err := e.states(ctx, g)
	if err != nil { // which daemons are to be reloaded and watched is not known
		return errors.Join(err, tx.Discard())
	}
	// Once the first file is renamed the group is finished or put back, even
	// if the controller is gone.
	ctx = context.WithoutCancel(ctx)
	if err := tx.Commit(ctx); err != nil {
		e.putBack(!errors.Is(err, ErrNotPutBack))
		return err
	}
	if err := e.activate(ctx, g, before); err != nil {
		return e.rollback(ctx, g, tx, before, err)
	}
	for _, c := range slices.Concat(g.files, g.services) {
		e.done[c.Addr] = true
		e.emit(ApplyEvent{Done: &c.Addr})
	}
	return nil
}

// activate makes the daemons of a group run on its new files, and sees that
// they do.
func (e *execution) activate(ctx context.Context, g *group, before map[string]unitState) error {
	if err := e.prepare(ctx, g); err != nil {
		return err
	}
	for _, u := range g.units {
		if err := e.checkUnit(ctx, u); err != nil {
			return err
		}
	}
	if g.unitsChange() && e.x.Host.Facts().Systemd {
		if err := e.systemctl(ctx, "daemon-reload"); err != nil {
			return err
		}
	}
	if len(g.services) > 0 {
		job := e.job(g.services)
		job.Done = func(Addr) {}
		if err := e.module("service").Apply(ctx, e.x.Host, job); err != nil {
			return err
		}
	}
	if err := e.refresh(ctx, g, before); err != nil {
		return err
	}
	return e.health(ctx, g, before)
}

func (e *execution) prepare(ctx context.Context, g *group) error {
	var changed []string
	for _, c := range g.files {
		changed = append(changed, c.Addr.Name)
	}
	for _, u := range g.units {
		if u.Prepare == nil {
			continue
		}
		if err := u.Prepare(ctx, e.x.Host, changed); err != nil {
			return fmt.Errorf("cannot prepare %s: %w", u.Name, err)
		}
	}
	return nil
}

// checkUnit asks the daemon's own checker. A checker that is not installed
// belongs to a daemon that is not either.
func (e *execution) checkUnit(ctx context.Context, u Unit) error {
	if len(u.Check) == 0 {
		return nil
	}
	if _, err := e.x.Host.Stat(u.Check[0]); err != nil {
		return nil //nolint:nilerr // see above
	}
	r, err := e.x.Host.Run(ctx, hosts.Cmd{Argv: u.Check})
	if err != nil {
		return fmt.Errorf("cannot check the configuration of %s: %w", u.Name, err)
	}
	if r.Code != 0 {
		return fmt.Errorf("%s refuses its new configuration: %s: %s", u.Name, strings.Join(u.Check, " "), lastLines(r, 6))
	}
	return nil
}

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

// How long a daemon has to show that it lives on its new configuration.
const (
	healthFor  = 1500 * time.Millisecond
	healthStep = 250 * time.Millisecond
)

// health watches the units that should run: none may fail, stop or be
// restarted by systemd while it looks.
func (e *execution) health(ctx context.Context, g *group, before map[string]unitState) error {
	watch := map[string]bool{}
	for name, s := range before {
		if s.active() {
			watch[name] = true
		}
	}
	for _, c := range g.services {
		switch {
		case running(c.After):
			watch[c.Addr.Name] = true
		case c.After != nil && isFalse(c.After.Value.GetAttr("running")):
			delete(watch, c.Addr.Name)
			for _, u := range g.units { // what only serves it may stop with it
				if u.Name == c.Addr.Name {
					for _, b := range u.Before {
						delete(watch, b)
					}
				}
			}
		}
	}
	if len(watch) == 0 {
		return nil
	}
	names := make([]string, 0, len(watch))
	for n := range watch {
		names = append(names, n)
	}
	slices.Sort(names)
	first, err := e.show(ctx, names)
	if err != nil {
		return err
	}
	for end := time.Now().Add(healthFor); ; {
		now, err := e.show(ctx, names)
		if err != nil {
			return err
		}
		for _, n := range names {
			if now[n].Active == "failed" || now[n].Active == "inactive" {
				return fmt.Errorf("%s is %s on its new configuration: %s", n, now[n].Active, e.journal(ctx, n))
			}
			if now[n].Restarts > first[n].Restarts {
				return fmt.Errorf("%s dies on its new configuration and is restarted: %s", n, e.journal(ctx, n))
			}
		}
		if !time.Now().Before(end) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(healthStep):
		}
	}
}

// rollback puts a group back. What cannot be put back is in the error too.
func (e *execution) rollback(ctx context.Context, g *group, tx Transaction, before map[string]unitState, cause error) error {
	errs := []error{cause}
	fail := func(err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("while putting it back: %w", err))
		}
	}
	for _, c := range g.services { // while their unit files are still there
		if started(c) {
			fail(e.systemctl(ctx, "disable", "--now", c.Addr.Name))
		}
	}
	fail(tx.Rollback(ctx))
	fail(e.prepare(ctx, g))
	if g.unitsChange() && e.x.Host.Facts().Systemd {
		fail(e.systemctl(ctx, "daemon-reload"))
	}
	if back := reversed(g.services); len(back) > 0 {
		job := e.job(back)
		job.Done = func(Addr) {}
		fail(e.module("service").Apply(ctx, e.x.Host, job))
	}
	for _, u := range g.units {
		if !before[u.Name].active() {
			continue
		}
		for _, b := range u.Before {
			fail(e.systemctl(ctx, "restart", b))
		}
		fail(e.systemctl(ctx, "reload-or-restart", u.Name))
	}
	for _, name := range g.unitFile {
		if before[name].active() {
			fail(e.systemctl(ctx, "restart", name))
		}
	}
	e.putBack(len(errs) == 1)
	return errors.Join(errs...)
}

// putBack notes that a group was put back, or that it could not be, whole.
func (e *execution) putBack(whole bool) {
	e.rolledBack = true
	e.stuck = e.stuck || !whole
}

// started reports whether a change brought a unit that was not there before
// and is now to be enabled or to run.
func started(c Change) bool {
	return c.Before == nil && c.After != nil && c.After.Value != cty.NilVal &&
		(running(c.After) || isTrue(c.After.Value.GetAttr("enabled")))
}

// reversed turns changes round: from what was wished to what was read.
func reversed(cs []Change) []Change {
	var back []Change
	for _, c := range cs {
		if c.Before != nil && c.After != nil {
			back = append(back, Change{Addr: c.Addr, Action: Update, Before: c.After, After: c.Before})
		}
	}
	return back
}

// unitState is what systemd says of a unit now.
type unitState struct {
	Active   string
	Restarts int // by systemd, since the unit was started
}

func (s unitState) active() bool {
	return s.Active == "active" || s.Active == "activating" || s.Active == "reloading"
}

// states asks for the units that the group could disturb.
// A template is no unit that could be asked for.
func (e *execution) states(ctx context.Context, g *group) (map[string]unitState, error) {
	var names []string
	for _, u := range g.units {
		names = append(names, u.Name)
		names = append(names, u.Before...)
	}
	names = append(names, g.unitFile...)
	for _, c := range g.services {
		names = append(names, c.Addr.Name)
	}
	slices.Sort(names)
	names = slices.DeleteFunc(slices.Compact(names), func(n string) bool { return strings.Contains(n, "@.") })
	if len(names) == 0 || !e.x.Host.Facts().Systemd {
		return nil, nil
	}
	return e.show(ctx, names)
}

// show asks systemd for several units at once: their blocks come in the order
// asked, parted by empty lines (systemctl(1)).
func (e *execution) show(ctx context.Context, names []string) (map[string]unitState, error) {
	argv := append([]string{"systemctl", "show", "-p", "Id,ActiveState,NRestarts", "--"}, names...)
	r, err := e.x.Host.Run(ctx, hosts.Cmd{Argv: argv})
	if err != nil {
		return nil, fmt.Errorf("cannot ask systemd: %w", err)
	}
	if r.Code != 0 {
		return nil, fmt.Errorf("cannot ask systemd: systemctl show: %s", lastLines(r, 3))
	}
	states := make(map[string]unitState, len(names))
	for i, block := range strings.Split(strings.TrimSpace(string(r.Stdout)), "\n\n") {
		var s unitState
		for line := range strings.Lines(block) {
			k, v, _ := strings.Cut(strings.TrimSpace(line), "=")
			switch k {
			case "ActiveState":
				s.Active = v
			case "NRestarts":
				s.Restarts, _ = strconv.Atoi(v) // old systemds do not say
			}
		}
		if i < len(names) {
			states[names[i]] = s
		}
	}
	return states, nil
}

func (e *execution) systemctl(ctx context.Context, args ...string) error {
	r, err := e.x.Host.Run(ctx, hosts.Cmd{Argv: append([]string{"systemctl"}, args...)})
	if err != nil {
		return fmt.Errorf("cannot run systemctl %s: %w", strings.Join(args, " "), err)
	}
	if r.Code != 0 {
		reason := lastLines(r, 3)
		if len(args) > 1 {
			reason += ": " + e.journal(ctx, args[len(args)-1])
		}
		return fmt.Errorf("systemctl %s failed: %s", strings.Join(args, " "), reason)
	}
	return nil
}

// journal is a unit's last words.
func (e *execution) journal(ctx context.Context, unit string) string {
	r, err := e.x.Host.Run(ctx, hosts.Cmd{Argv: []string{"journalctl", "-q", "--no-pager", "-n", "8", "-o", "cat", "-u", unit}})
	if err != nil {
		return "no journal: " + err.Error()
	}
	return lastLines(r, 8)
}

// lastLines is the end of what a program said, of its errors if it had any: a
// checker may print the whole configuration beside them. Lines that may show a
// secret are replaced.
func lastLines(r hosts.Result, n int) string {
	text := strings.TrimSpace(string(r.Stderr))
	if text == "" {
		text = strings.TrimSpace(string(r.Stdout))
	}
	lines := strings.Split(rules.Redact(text), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "\n")
}

func running(r *Resource) bool {
	return r != nil && r.Value != cty.NilVal && isTrue(r.Value.GetAttr("running"))
}

func isFalse(v cty.Value) bool { return !v.IsNull() && v.IsKnown() && v.False() }
