package control

import (
	"context"
	"fmt"
	"slices"

	"hikae/engine/agent"
	"hikae/engine/view"
)

// Trust has a host keep what its read-only sessions go by: the home key, the
// recipients, and what the project reads of it beyond /etc.
func (c *Controller) Trust(ctx context.Context, t Target) error {
	scope, err := c.scope(t, nil)
	if err != nil {
		return err
	}
	conn, err := c.Connect(ctx, t)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // what it was opened for is done or failed by then
	trust := agent.Trust{HomeKey: c.Keys.Home, Recipients: c.Keys.Recipients(), Paths: slices.Concat(scope.Paths, scope.Files, t.Mirrors)}
	if err := conn.Trust(ctx, trust); err != nil {
		return err
	}
	c.View.Emit(view.Event{
		Type: "trusted", Host: t.Name,
		Text: fmt.Sprintf("%s holds the keys in %s; for a key that may only read, write in root's authorized_keys there:\n  restrict,command=\"/usr/bin/hikae agent --read-only\" ssh-ed25519 AAAA...",
			t.Name, agent.TrustDir),
		Data: map[string]any{"directory": agent.TrustDir, "paths": trust.Paths, "recipients": trust.Recipients},
	})
	return nil
}
