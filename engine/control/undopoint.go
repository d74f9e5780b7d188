package control

import (
	"context"
	"fmt"
	"strings"

	"hikae/states"
)

// undoPoint stores what a host was before hikae touched it for the first time.
func (c *Controller) undoPoint(ctx context.Context, p *Planned) (string, error) {
	if p.again { // that apply had one taken, of the host as it was
		points, err := c.Store.Get(states.Undo, p.Target.Name)
		if gens := strings.Fields(string(points)); err == nil && len(gens) > 0 {
			return undoCommand(p.Target.Name, gens[len(gens)-1]), nil
		}
	}
	taken, err := c.keep(ctx, p.session, p.Target, "", true)
	if err != nil {
		return "", fmt.Errorf("cannot keep an undo point of %s, so nothing is changed there: %w", p.Target.Name, err)
	}
	if taken.Changed { // else somebody had taken it, to be what the host is planned by
		points, err := c.Store.Get(states.Undo, p.Target.Name)
		if err == nil {
			err = c.Store.Set(states.Undo, p.Target.Name, append(points, taken.Generation+"\n"...))
		}
		if err != nil {
			return "", err
		}
	}
	return undoCommand(p.Target.Name, taken.Generation), nil
}

func undoCommand(host, generation string) string {
	return fmt.Sprintf("hikae apply %s --from %s@%s", host, host, generation)
}
