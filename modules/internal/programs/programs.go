// Package programs runs the programs of a host that modules make changes with.
package programs

import (
	"context"
	"fmt"
	"strings"

	"hikae/engine/rules"
	"hikae/hosts"
)

// Run runs a program. That it fails is an error, with what it said; lines that
// may show a secret are replaced.
func Run(ctx context.Context, h hosts.Host, argv ...string) error {
	r, err := h.Run(ctx, hosts.Cmd{Argv: argv})
	if err != nil {
		return err
	}
	if r.Code != 0 {
		return fmt.Errorf("%s failed: %s", strings.Join(argv, " "), rules.Redact(strings.TrimSpace(string(r.Stderr)+string(r.Stdout))))
	}
	return nil
}
