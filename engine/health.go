package engine

import (
	"context"
	"fmt"
	"slices"
	"time"
)

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
