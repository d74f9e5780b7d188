package execute

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"hikae/engine"
	"hikae/hosts"
)

// checkAhead has the daemons of a group check their new files where these are
// not yet: in a view of their own. A configuration that is refused is so never
// in a place where a daemon that is restarted just then would read it. What the
// checkers do not see, a rehearsal of the daemons does (rehearse.go). done is
// false where the host can give no such view: the files are checked once they
// are there, then.
func (e *execution) checkAhead(ctx context.Context, g *group, tx engine.Transaction, before map[string]unitState) (done bool, err error) {
	if !slices.ContainsFunc(g.units, tried) {
		return true, nil
	}
	p, ok := e.x.Host.(hosts.Previewer)
	if !ok {
		return false, nil
	}
	err = p.Preview(ctx, tx.Laid(), func(view hosts.Host) error {
		for _, u := range g.units {
			if !tried(u) {
				continue // what it prepares need not be a file
			}
			if err := g.prepare(ctx, view, u, func(string) {}); err != nil {
				return err
			}
		}
		ctx, end := context.WithCancel(ctx)
		defer end()
		verdict := e.rehearse(ctx, g, before, view) // beside the checks, which take as long
		if err := g.check(ctx, view); err != nil {
			end()
			_ = verdict() // it says no more than a checker does
			return err
		}
		return verdict()
	})
	if died, ok := errors.AsType[*diedError](err); ok {
		err = e.control(ctx, p, died)
	}
	if errors.Is(err, hosts.ErrNoPreview) {
		e.tell(fmt.Sprintf("the configuration of %s is checked in its place, and put back if it is refused: %v", g.name(), err))
		return false, nil
	}
	return true, err
}

// tried reports whether new files of a daemon can be tried before they are there.
func tried(u engine.Unit) bool { return u.Check != nil || u.Rehearse != nil }

// name is what the group is called by in what people read.
func (g *group) name() string {
	var names []string
	for _, u := range g.units {
		names = append(names, u.Name)
	}
	return strings.Join(names, ", ")
}

// changed are the paths of the group's files.
func (g *group) changed() []string {
	paths := make([]string, 0, len(g.files))
	for _, c := range g.files {
		paths = append(paths, c.Addr.Name)
	}
	return paths
}

// prepareAll prepares all units, past one that fails, and tells what is to be
// known of it.
func (e *execution) prepareAll(ctx context.Context, g *group) error {
	var errs []error
	for _, u := range g.units {
		errs = append(errs, g.prepare(ctx, e.x.Host, u, e.tell))
	}
	return errors.Join(errs...)
}

// prepare rebuilds what a daemon derives from its files.
func (g *group) prepare(ctx context.Context, h hosts.Host, u engine.Unit, tell func(string)) error {
	if u.Prepare == nil {
		return nil
	}
	err := u.Prepare(ctx, h, g.changed())
	if notice, ok := errors.AsType[*engine.Notice](err); ok {
		tell(u.Name + ": " + notice.Text)
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot prepare %s: %w", u.Name, err)
	}
	return nil
}

// check asks the daemons' checkers. One that is not installed belongs to a
// daemon that is not either.
func (g *group) check(ctx context.Context, h hosts.Host) error {
	asked := map[string]bool{} // named is checked for named-chroot as well
	for _, u := range g.units {
		if u.Check == nil {
			continue
		}
		for _, argv := range u.Check(h, g.changed()) {
			command := strings.Join(argv, " ")
			if _, err := h.Stat(argv[0]); err != nil || asked[command] {
				continue
			}
			asked[command] = true
			r, err := h.Run(ctx, hosts.Cmd{Argv: argv})
			if err != nil {
				return fmt.Errorf("cannot check the configuration of %s: %w", u.Name, err)
			}
			if r.Code != 0 {
				return fmt.Errorf("%s refuses its new configuration: %s: %s", u.Name, command, lastLines(r, 6))
			}
		}
	}
	return nil
}
