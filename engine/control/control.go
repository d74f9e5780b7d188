// Package control is the controller's side of a command: it connects to a
// host, has it read, keeps what was read as a snapshot, compares, and has the
// plan applied. What it learns and does it tells to a view.
package control

import (
	"context"
	"fmt"
	"time"

	"hikae/engine"
	"hikae/engine/agent"
	"hikae/engine/view"
	"hikae/states"
)

// Controller holds what the commands of one project share.
type Controller struct {
	Store   *states.Store
	Keys    *Keys
	Schemas []engine.Schema
	View    *view.View
	Version string
	// Connect opens a session with a host's agent.
	Connect func(ctx context.Context, t Target) (*agent.Client, error)
	// Holder names who applies, for others who find a host locked.
	Holder string
}

// Target is a host as a command sees it: what the project says of it.
type Target struct {
	Name     string
	Role     engine.Role
	Source   string         // the host whose snapshot it follows; its own name for a primary; "" for none
	Patches  []engine.Patch // the overlays that concern it
	Only     []string
	HostOnly []string
	Paths    []string
}

func (t Target) scope() engine.Scope {
	return engine.Scope{Paths: t.Paths, HostOnly: t.HostOnly}
}

// session is an open connection and what was read over it.
type session struct {
	conn   *agent.Client
	actual *engine.Actual
}

func (s *session) close() { _ = s.conn.Close() }

// read reads a host that is connected.
func (c *Controller) read(ctx context.Context, conn *agent.Client, t Target) (*engine.Actual, error) {
	stamps, err := c.Store.Get(states.Stamps, t.Name)
	if err != nil {
		return nil, err
	}
	act := &engine.Actual{Facts: conn.Facts(), Resources: map[engine.Addr]*engine.Resource{}}
	req := agent.ReadRequest{Scope: t.scope(), Stamps: stamps, HomeKey: c.Keys.Home}
	act.Coverage, stamps, err = conn.Read(ctx, req, func(r engine.Resource) error {
		if act.Resources[r.Addr] != nil {
			return fmt.Errorf("%s was read twice", r.Addr)
		}
		act.Resources[r.Addr] = &r
		if n := len(act.Resources); n%500 == 0 {
			c.View.Progress(t.Name, fmt.Sprintf("read %d resources", n))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(stamps) > 0 {
		if err := c.Store.Set(states.Stamps, t.Name, stamps); err != nil {
			return nil, err
		}
	}
	return act, nil
}

// open connects to a host and reads it.
func (c *Controller) open(ctx context.Context, t Target) (*session, error) {
	c.View.Progress(t.Name, "connecting")
	conn, err := c.Connect(ctx, t)
	if err != nil {
		return nil, err
	}
	c.View.Progress(t.Name, "reading")
	act, err := c.read(ctx, conn, t)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return &session{conn: conn, actual: act}, nil
}

// now is the time of a snapshot: to the second, in UTC.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }
