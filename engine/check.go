package engine

import (
	"context"
	"fmt"
	"hikae/hosts"
	"strings"
)

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
