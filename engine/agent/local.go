package agent

import (
	"context"
	"net"
)

// Local opens a session with an agent within this process: the same protocol,
// over a pipe. ctx bounds the opening only; Close ends the agent and waits
// for it.
func Local(ctx context.Context, s Server, o Options) (*Client, error) {
	ours, theirs := net.Pipe()
	served := make(chan struct{})
	go func() {
		defer close(served)
		if s.Done != nil {
			defer s.Done()
		}
		// How the session went, the client knows too.
		_ = Serve(context.WithoutCancel(ctx), theirs, s)
	}()
	c, err := New(ctx, ours, o)
	if err != nil {
		<-served
		return nil, err
	}
	c.served = served
	return c, nil
}
