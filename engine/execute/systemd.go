package execute

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/rules"
	"hikae/hosts"
)

// unitState is what systemd says of a unit now.
type unitState struct {
	hosts.UnitState
	Listens []string
}

func (s unitState) active() bool {
	return s.Active == "active" || s.Active == "activating" || s.Active == "reloading"
}

// states asks for the units that the group could disturb.
// A template is no unit that could be asked for, and what has no dot in its
// name is none of systemd's.
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
	names = slices.DeleteFunc(slices.Compact(names), func(n string) bool { return isTemplate(n) || !strings.Contains(n, ".") })
	if len(names) == 0 || !e.x.Host.Facts().Systemd {
		return nil, nil
	}
	states, err := e.show(ctx, names)
	if err != nil {
		return nil, err
	}
	return states, e.listens(ctx, states)
}

func isTemplate(unit string) bool { return strings.Contains(unit, "@.") }

// show asks systemd for several units at once; by its program where it does not
// answer otherwise.
func (e *execution) show(ctx context.Context, names []string) (map[string]unitState, error) {
	h, ok := e.x.Host.(hosts.UnitStater)
	if !ok {
		return e.showByProgram(ctx, names)
	}
	told, err := h.UnitStates(ctx, names)
	if err != nil {
		return e.showByProgram(ctx, names)
	}
	states := make(map[string]unitState, len(told))
	for n, s := range told {
		states[n] = unitState{UnitState: s}
	}
	return states, nil
}

// showByProgram is show by systemctl(1): the units' blocks come in the order asked,
// parted by empty lines.
func (e *execution) showByProgram(ctx context.Context, names []string) (map[string]unitState, error) {
	argv := append([]string{"systemctl", "show", "-p", "Id,LoadState,ActiveState,SubState,NRestarts,MainPID,ControlGroup", "--"}, names...)
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
			case "LoadState":
				s.Load = v
			case "ActiveState":
				s.Active = v
			case "SubState":
				s.Sub = v
			case "MainPID":
				s.MainPID, _ = strconv.Atoi(v) // what is no service has none
			case "ControlGroup":
				s.CGroup = v
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
			reason += ": " + e.lastWords(ctx, args[len(args)-1])
		}
		return fmt.Errorf("systemctl %s failed: %s", strings.Join(args, " "), reason)
	}
	return nil
}

// lastWords are what systemd's journal last has of a unit.
func (e *execution) lastWords(ctx context.Context, unit string) string {
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

func running(r *engine.Resource) bool {
	return r != nil && r.Value != cty.NilVal && isTrue(r.Value.GetAttr("running"))
}

// stops reports whether a change of a unit has it not run any more.
func stops(c engine.Change) bool {
	return c.After == nil || isFalse(c.After.Value.GetAttr("running"))
}

func isTrue(v cty.Value) bool { return !v.IsNull() && v.IsKnown() && v.True() }

func isFalse(v cty.Value) bool { return !v.IsNull() && v.IsKnown() && v.False() }
