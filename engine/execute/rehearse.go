package execute

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"hikae/engine"
	"hikae/engine/rules"
	"hikae/hosts"
)

// diedError: daemons did not live on the new files, in a rehearsal.
type diedError struct {
	names   []string
	why     []string
	daemons []hosts.Rehearsal
}

func (e *diedError) Error() string {
	var lines []string
	for i, n := range e.names {
		lines = append(lines, fmt.Sprintf("%s does not live on its new configuration, as a rehearsal shows: %s", n, e.why[i]))
	}
	return strings.Join(lines, "\n")
}

// rehearse starts in a view those of a group's daemons that run now and read
// what changes. Where they cannot be started so, the verdict says so and is content.
func (e *execution) rehearse(ctx context.Context, g *group, before map[string]unitState, view hosts.Host) (verdict func() error) {
	stage, ok := view.(hosts.Rehearser)
	names, daemons := g.rehearsals(before)
	if !ok || len(names) == 0 {
		return func() error { return nil }
	}
	ends := stage.Rehearse(ctx, daemons)
	return func() error {
		why, err := ends()
		if ctx.Err() != nil {
			return err
		}
		return e.judge(g, names, daemons, why, err)
	}
}

// judge makes of how rehearsals went whether the change is refused, and notes what
// has lived.
func (e *execution) judge(g *group, names []string, daemons []hosts.Rehearsal, why []string, err error) error {
	if err != nil {
		e.tell(fmt.Sprintf("whether %s would live on the new configuration is seen only once it does: %s", strings.Join(names, ", "), rules.Redact(err.Error())))
		return nil
	}
	var died diedError
	for i, w := range why {
		switch {
		case w == "" && daemons[i].Lives == 0:
			g.lived = append(g.lived, names[i])
		case w != "":
			died.names = append(died.names, names[i])
			died.why = append(died.why, rules.Redact(w))
			died.daemons = append(died.daemons, daemons[i])
		}
	}
	if len(died.names) > 0 {
		return &died
	}
	return nil
}

// rehearsals are the daemons of the group that can be rehearsed.
func (g *group) rehearsals(before map[string]unitState) (names []string, daemons []hosts.Rehearsal) {
	var beside []string // they may give up what they hold
	for _, s := range before {
		if s.CGroup != "" {
			beside = append(beside, s.CGroup)
		}
	}
	for _, u := range g.units {
		now := before[u.Name]
		by := newReaders([]engine.Unit{u})
		reads := slices.ContainsFunc(g.changed(), func(p string) bool { return slices.Contains(by.of(p), u.Name) })
		stopped := slices.ContainsFunc(g.services, func(c engine.Change) bool { return c.Addr.Name == u.Name && stops(c) })
		if u.Rehearse == nil || !now.active() || !reads || stopped {
			continue
		}
		names = append(names, u.Name)
		daemons = append(daemons, hosts.Rehearsal{
			Argv: u.Rehearse.Argv, User: u.Rehearse.User, State: u.Rehearse.State, Without: u.Rehearse.Without, Lives: u.Rehearse.Lives,
			Main:    now.MainPID,
			Running: now.CGroup, Beside: beside, Listens: len(now.Listens) > 0,
		})
	}
	return names, daemons
}

// control rehearses what died on the new files on the old ones. What dies on
// those too, while it runs, cannot be rehearsed here, and nothing was learnt.
func (e *execution) control(ctx context.Context, p hosts.Previewer, died *diedError) error {
	var why []string
	err := p.Preview(ctx, nil, func(view hosts.Host) error {
		stage, ok := view.(hosts.Rehearser)
		if !ok {
			return hosts.ErrNoPreview
		}
		var err error
		why, err = stage.Rehearse(ctx, died.daemons)()
		return err
	})
	if ctx.Err() != nil {
		return errors.Join(err, ctx.Err())
	}
	var sure diedError
	for i, n := range died.names {
		switch {
		case err != nil:
			e.tell(fmt.Sprintf("%s could not be rehearsed on its old configuration: %s", n, rules.Redact(err.Error())))
		case why[i] != "":
			e.tell(fmt.Sprintf("%s cannot be rehearsed here: it would not live on its old configuration either: %s", n, rules.Redact(why[i])))
		default:
			sure.names, sure.why = append(sure.names, n), append(sure.why, died.why[i])
		}
	}
	if len(sure.names) > 0 {
		return &sure
	}
	return nil
}
