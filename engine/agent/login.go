package agent

import (
	"context"
	"fmt"

	"hikae/hosts"
)

// ConfirmLogin tells the host that this session is the new login for which an
// apply in another session waits (engine.ApplyEvent's Login).
func (c *Client) ConfirmLogin(ctx context.Context, token string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.during(ctx)()
	err := c.l.sendValue(kindLogin, loginConfirm{Token: token})
	if err == nil {
		_, err = c.recv(ctx, kindLoginDone)
	}
	if err = c.end(err); err != nil {
		return fmt.Errorf("cannot confirm the login%s: %w", c.at(), err)
	}
	return nil
}

func (ss *session) login(m message) error {
	var l loginConfirm
	if err := ss.l.unmarshal(m.body, &l); err != nil {
		return err
	}
	gate, ok := ss.Host.(hosts.LoginGate)
	if ss.ReadOnly || !ok {
		return fmt.Errorf("%w: an apply waits for a login that can change the host", ErrReadOnly)
	}
	if err := gate.ConfirmLogin(l.Token); err != nil {
		return err
	}
	return ss.l.send(kindLoginDone, nil)
}
