package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"hikae/engine"
	"hikae/hosts"
)

// Options are the client's side of a session.
type Options struct {
	Build   string          // build id of this program
	Schemas []engine.Schema // of the kinds that this program knows
	// AnyBuild takes an agent of another build, as long as it speaks the same
	// protocol and knows the same kinds. A read-only one is taken so anyway:
	// behind a forced command no other can be chosen.
	AnyBuild bool
	Host     string // the host's name, for errors
	// HomeKey names secrets in this session, where Read does not give it.
	HomeKey []byte
}

// Client is the controller's side of a session. Its operations run one at a
// time; an operation whose context ends ends the session with it, but for
// Apply, which is first brought to a safe end.
type Client struct {
	l       *link
	opts    Options
	schemas map[string]engine.Schema
	agent   hello
	served  <-chan struct{} // of a Local client: closed when its server has ended

	state atomic.Value // the newest SystemState that a Read heard, a string

	mu      sync.Mutex // held by the operation under way
	homeKey []byte
}

// New opens a session over rwc, which belongs to the Client from now on. A
// *SkewError says that the agent is of another version.
func New(ctx context.Context, rwc io.ReadWriteCloser, o Options) (*Client, error) {
	l, err := newLink(rwc)
	if err != nil {
		return nil, err
	}
	c := &Client{l: l, opts: o, schemas: make(map[string]engine.Schema), homeKey: o.HomeKey}
	for _, s := range o.Schemas {
		c.schemas[s.Kind] = s
	}
	defer c.during(ctx)()
	if err := c.hello(ctx); err != nil {
		err = c.explain(err)
		l.close(err)
		return nil, fmt.Errorf("cannot open a session with the agent%s: %w", c.at(), err)
	}
	return c, nil
}

// at is " on HOST", where the host has a name.
func (c *Client) at() string {
	if c.opts.Host == "" {
		return ""
	}
	return " on " + c.opts.Host
}

func (c *Client) hello(ctx context.Context) error {
	fp := fingerprint(slices.Clone(c.opts.Schemas))
	if err := c.l.sendValue(kindHello, hello{Protocol: Protocol, Build: c.opts.Build, Schemas: fp[:]}); err != nil {
		return err
	}
	m, err := c.l.recv(ctx)
	if err != nil {
		return err
	}
	if m.kind != kindHello {
		return protocolError("message of kind %d where hello is wanted", m.kind)
	}
	if err := c.l.lenient.Unmarshal(m.body, &c.agent); err != nil {
		return protocolError("cannot decode hello: %w", err)
	}
	skew := &SkewError{
		Host: c.opts.Host, Client: c.opts.Build, Agent: c.agent.Build,
		ClientProto: Protocol, AgentProto: c.agent.Protocol,
		protoDiffers: c.agent.Protocol != Protocol,
		onlyBuilds:   slices.Equal(c.agent.Schemas, fp[:]),
		ReadOnly:     c.agent.ReadOnly,
	}
	switch {
	case skew.protoDiffers, !skew.onlyBuilds:
		return skew
	case c.agent.Build != c.opts.Build && !c.opts.AnyBuild && !c.agent.ReadOnly:
		return skew
	case c.agent.Facts == nil:
		return protocolError("hello without facts")
	}
	return nil
}

// Facts is what the agent's host said of itself when the session began; of how its
// systemd is, what the last Read heard.
func (c *Client) Facts() hosts.Facts {
	f := *c.agent.Facts
	if state, ok := c.state.Load().(string); ok {
		f.SystemState = state
	}
	return f
}

// Build is the agent's build id.
func (c *Client) Build() string { return c.agent.Build }

// Unfinished says for a person that an apply was cut off on the host, or is
// under way; "" for none. An Apply, of no changes even, brings it to its end.
func (c *Client) Unfinished() string { return c.agent.Unfinished }

// ReadOnly reports whether the agent refuses to change its host.
func (c *Client) ReadOnly() bool { return c.agent.ReadOnly }

// Close ends the session.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.l.dead:
		return nil
	default:
	}
	// One who does not listen any more must not hold us up.
	const patience = 2 * time.Second
	defer time.AfterFunc(patience, func() { c.l.close(io.EOF) }).Stop()
	err := c.l.send(kindBye, nil)
	c.l.close(io.EOF)
	if c.served != nil {
		<-c.served
	}
	if err != nil {
		return fmt.Errorf("cannot take leave of the agent%s: %w", c.at(), err)
	}
	return nil
}

// during ends the session when ctx ends before the returned function is called.
func (c *Client) during(ctx context.Context) (over func()) {
	stop := context.AfterFunc(ctx, func() { c.l.close(context.Cause(ctx)) })
	return func() { stop() }
}

// recv waits for one of the kinds. A failure that the agent reports is an error.
func (c *Client) recv(ctx context.Context, kinds ...kind) (message, error) {
	m, err := c.l.recv(ctx)
	if err != nil {
		return m, err
	}
	if m.kind == kindFail {
		return m, c.failure(m)
	}
	if !slices.Contains(kinds, m.kind) {
		return m, protocolError("message of kind %d where %v is wanted", m.kind, kinds)
	}
	return m, nil
}

// failure reads a kindFail.
func (c *Client) failure(m message) error {
	var w wireError
	if err := c.l.unmarshal(m.body, &w); err != nil {
		return err
	}
	return w.err()
}

// explain finds out why the agent went, where err is only that it did: its
// last words may still be on their way.
func (c *Client) explain(err error) error {
	if !errors.Is(err, ErrLost) {
		return err
	}
	const patience = 2 * time.Second
	t := time.NewTimer(patience)
	defer t.Stop()
	for {
		select {
		case m := <-c.l.in:
			if m.kind == kindFail {
				return c.failure(m)
			}
		case <-c.l.dead:
			return c.l.err
		case <-t.C:
			return err
		}
	}
}

// end decides what becomes of the session after an operation: an error that
// the agent reported, or with which both sides gave the operation up, leaves
// it as it is; any other ends it.
func (c *Client) end(err error) error {
	if err == nil {
		return nil
	}
	err = c.explain(err)
	var remote *RemoteError
	var off calledOff
	if errors.Is(err, ErrProtocol) || !errors.As(err, &remote) && !errors.As(err, &off) {
		c.l.close(err)
	}
	return err
}
