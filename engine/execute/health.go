package execute

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"hikae/hosts"
)

const (
	// healthFor is how long a daemon has to show that it lives on its new
	// configuration, if it is not known to sooner (calm).
	healthFor  = 1500 * time.Millisecond
	healthStep = 100 * time.Millisecond
	// listenFor is how much longer one that was restarted may take until it
	// listens again.
	listenFor = 4 * time.Second
)

// health watches the units that should run: none may fail, stop, lose its main
// process or be restarted by systemd while it looks; and what was reloaded must
// still listen on something if it did before.
//
// That a daemon listens on less than before is told and is no failure: whether
// it was meant, its files alone say, each in its own language.
func (e *execution) health(ctx context.Context, g *group, before map[string]unitState) error {
	names := watched(g, before)
	if len(names) == 0 {
		return nil
	}
	first, err := e.show(ctx, names)
	if err != nil {
		return err
	}
	now, rest := first, e.newCalm(g, names, before, first)
	for end := time.Now().Add(healthFor); ; {
		for _, n := range names {
			if why := now[n].dead(first[n]); why != "" {
				return fmt.Errorf("%s %s on its new configuration: %s", n, why, e.lastWords(ctx, n))
			}
		}
		if !time.Now().Before(end) || rest.reached(ctx) {
			break
		}
		if err := pause(ctx, healthStep); err != nil {
			return err
		}
		if now, err = e.show(ctx, names); err != nil {
			return err
		}
	}
	for _, n := range names {
		if err := e.stillListens(ctx, n, before[n], now[n]); err != nil {
			return err
		}
	}
	return nil
}

// watched are the units that ran and are not to be stopped, and those that are
// to run.
func watched(g *group, before map[string]unitState) []string {
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
		case stops(c):
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
	names := make([]string, 0, len(watch))
	for n := range watch {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// dead says how a unit has failed since it was first looked at; "" if it lives.
func (s unitState) dead(first unitState) string {
	switch {
	case s.Active == "failed", s.Active == "inactive":
		return "is " + s.Active
	case s.Sub == "auto-restart", s.Restarts > first.Restarts,
		s.MainPID != first.MainPID && s.MainPID != 0 && first.MainPID != 0:
		return "dies and is restarted"
	}
	return ""
}

// stillListens compares on what a unit listens with what it did before.
func (e *execution) stillListens(ctx context.Context, name string, before, now unitState) error {
	sockets, ok := e.x.Host.(hosts.SocketReader)
	if !ok || len(before.Listens) == 0 || now.CGroup == "" {
		return nil
	}
	restarted := now.MainPID != before.MainPID
	var got []string
	for end := time.Now().Add(listenFor); ; {
		var err error
		if got, err = sockets.Listening(ctx, now.CGroup); err != nil {
			return err
		}
		if len(got) > 0 || !restarted || !time.Now().Before(end) {
			break
		}
		if err := pause(ctx, healthStep); err != nil {
			return err
		}
	}
	if len(got) == 0 && !restarted {
		return fmt.Errorf("%s listens on nothing any more on its new configuration (it did on %s): %s",
			name, strings.Join(before.Listens, ", "), e.lastWords(ctx, name))
	}
	var lost []string
	for _, l := range before.Listens {
		if !strings.HasPrefix(l, "unix ") && !slices.Contains(got, l) {
			lost = append(lost, l)
		}
	}
	if len(lost) > 0 {
		e.tell(fmt.Sprintf("%s listens no more on %s", name, strings.Join(lost, ", ")))
	}
	return nil
}

// listens notes on what active units listen.
func (e *execution) listens(ctx context.Context, states map[string]unitState) error {
	sockets, ok := e.x.Host.(hosts.SocketReader)
	if !ok {
		return nil
	}
	for n, s := range states {
		if !s.active() || s.CGroup == "" {
			continue
		}
		var err error
		if s.Listens, err = sockets.Listening(ctx, s.CGroup); err != nil {
			return err
		}
		states[n] = s
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
