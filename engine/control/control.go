// Package control is the controller's side of a command: it connects to a
// host, has it read, keeps what was read as a snapshot, compares, and has the
// plan applied. What it learns and does it tells to a view.
package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hikae/engine"
	"hikae/engine/agent"
	"hikae/engine/view"
	"hikae/hosts"
	"hikae/states"
)

// Controller holds what the commands of one project share.
type Controller struct {
	Store   *states.Store
	Keys    *Keys
	Schemas []engine.Schema // of what is read and applied
	Lenses  []engine.Lens
	// Resolved is the directory that holds how people merged files: see
	// Resolve.
	Resolved string
	View     *view.View
	Version  string
	// Connect opens a session with a host's agent.
	Connect func(ctx context.Context, t Target) (*agent.Client, error)
	// LoginDeadline is engine.ApplyRequest's.
	LoginDeadline time.Duration
	// Holder names who applies, for others who find a host locked.
	Holder string
	// Spent has what was done within an hour count towards a budget, too.
	Spent *Spent
	// Ages has generations age by no clock that is set.
	Ages *Ages
	// Loaded is shared by the controllers of several hosts.
	Loaded *Loaded
}

// On is a controller of the same project that tells another view.
func (c *Controller) On(v *view.View) *Controller {
	other := *c
	other.View = v
	return &other
}

// Target is a host as a command sees it: what the project says of it.
type Target struct {
	Name     string
	Role     engine.Role
	Source   string         // the host whose snapshot it follows; its own name for a primary; "" for none
	Patches  []engine.Patch // the overlays that concern it
	Only     []string
	HostOnly []string
	Keep     []string // PATH#KEY: keys inside files that are its own
	Safe     []string // patterns of units and paths that a standby does too
	Paths    []string
	Mirrors  []string // the trees that a mirror keeps
	Budget   engine.Budget
}

// scope is what is read of a host: its trees and, beyond them, the files that
// overlays describe (desired, nil where that was not compiled) and those that
// hikae applied, for to forget one is to leave it for ever.
func (c *Controller) scope(t Target, d *engine.Desired) (engine.Scope, error) {
	s := engine.Scope{Paths: t.Paths, HostOnly: t.HostOnly}
	trees := append([]string{"/etc"}, t.Paths...)
	add := func(a engine.Addr) {
		if a.Kind == "file" && !hosts.Within(a.Name, trees) {
			s.Files = append(s.Files, a.Name)
		}
	}
	for _, p := range t.Patches {
		add(p.Addr)
	}
	if d != nil {
		for a := range d.Resources {
			add(a)
		}
	}
	base, err := c.base(t.Name)
	if err != nil {
		return s, err
	}
	for a := range base {
		add(a)
	}
	begun, err := c.begun(t.Name)
	if err != nil {
		return s, err
	}
	for _, b := range begun {
		add(b.addr())
	}
	slices.Sort(s.Files)
	s.Files = slices.Compact(s.Files)
	return s, nil
}

// base is what hikae applied to a host.
func (c *Controller) base(host string) (engine.Base, error) {
	raw, err := c.Store.Get(states.Base, host)
	if err != nil {
		return nil, err
	}
	return engine.DecodeBase(raw)
}

// session is an open connection and what was read over it.
type session struct {
	conn   *agent.Client
	actual *engine.Actual
}

func (s *session) close() { _ = s.conn.Close() }

// read reads a host that is connected.
func (c *Controller) read(ctx context.Context, conn *agent.Client, t Target, d *engine.Desired) (*engine.Actual, error) {
	scope, err := c.scope(t, d)
	if err != nil {
		return nil, err
	}
	return c.readScope(ctx, conn, t, scope)
}

// readScope reads a part of a host. It waits for the end of a transaction of
// packages that is under way there.
func (c *Controller) readScope(ctx context.Context, conn *agent.Client, t Target, scope engine.Scope) (*engine.Actual, error) {
	const patience = 10 * time.Minute
	const first = 50 * time.Millisecond
	began := time.Now()
	for wait := first; ; wait = min(2*wait, time.Second) {
		act, err := c.readOnce(ctx, conn, t, scope)
		if !errors.Is(err, hosts.ErrPackagesChange) || time.Since(began) > patience {
			return act, err
		}
		if wait == first {
			c.View.Progress(t.Name, "waiting: "+err.Error())
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}

func (c *Controller) readOnce(ctx context.Context, conn *agent.Client, t Target, scope engine.Scope) (*engine.Actual, error) {
	var stamps []byte
	var err error
	if !scope.Part() { // who reads a part has read all before, over this session
		if stamps, err = c.Store.Get(states.Stamps, t.Name); err != nil {
			return nil, err
		}
	}
	act := &engine.Actual{Resources: map[engine.Addr]*engine.Resource{}}
	req := agent.ReadRequest{Scope: scope, Stamps: stamps, HomeKey: c.Keys.Home}
	act.Coverage, req.Stamps, err = conn.Read(ctx, req, func(r engine.Resource) error {
		if act.Resources[r.Addr] != nil {
			return fmt.Errorf("%s was read twice", r.Addr)
		}
		if isUnnamed(&r) && !scope.Unnamed.May(r.Node.Content.Size) {
			return fmt.Errorf("%s was read without the hash of its content", r.Addr)
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
	act.Facts = conn.Facts()
	if len(req.Stamps) > 0 && !bytes.Equal(req.Stamps, stamps) { // a plan of what is as it was writes nothing
		if err := c.Store.Set(states.Stamps, t.Name, req.Stamps); err != nil {
			return nil, err
		}
	}
	return act, nil
}

// dialing is a connection to a host's agent on its way: a login takes the host
// longer than anything that is done here meanwhile.
type dialing struct {
	done chan struct{}
	conn *agent.Client
	err  error
}

func (c *Controller) dial(ctx context.Context, t Target) *dialing {
	c.View.Progress(t.Name, "connecting")
	d := &dialing{done: make(chan struct{})}
	go func() {
		defer close(d.done)
		d.conn, d.err = c.Connect(ctx, t)
	}()
	return d
}

// wait gives the connection.
func (d *dialing) wait() (*agent.Client, error) {
	<-d.done
	return d.conn, d.err
}

// abandon closes the connection as soon as it is there. It does not wait for
// that: a person may be asked for a passphrase.
func (d *dialing) abandon() {
	go func() {
		if conn, err := d.wait(); err == nil {
			_ = conn.Close()
		}
	}()
}

// open reads a host that is being connected to. With finish the agent first
// brings to its end what an apply left that was cut off.
func (c *Controller) open(ctx context.Context, t Target, to *dialing, d *engine.Desired, finish bool) (*session, error) {
	conn, err := c.connected(ctx, t, to, finish)
	if err != nil {
		return nil, err
	}
	act, err := c.read(ctx, conn, t, d)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return &session{conn: conn, actual: act}, nil
}

// connected gives the connection of a host that can be read.
func (c *Controller) connected(ctx context.Context, t Target, to *dialing, finish bool) (*agent.Client, error) {
	conn, err := to.wait()
	if err != nil {
		return nil, err
	}
	if err := c.unfinished(ctx, conn, t, finish); err != nil {
		_ = conn.Close()
		return nil, err
	}
	c.View.Progress(t.Name, "reading")
	return conn, nil
}

// unfinished tells of an apply that was cut off and, with finish, has the agent
// bring it to its end. So it does where only this controller knows that one was
// begun: the agent that lost its controller may not have got to its journal yet,
// and what it goes on to make is seen by a read only once it has let go of the
// host's lock.
func (c *Controller) unfinished(ctx context.Context, conn *agent.Client, t Target, finish bool) error {
	note := func(text string) {
		text = view.Safe(text)
		c.View.Emit(view.Event{Type: "note", Host: t.Name, Text: t.Name + ": " + text, Data: map[string]string{"text": text}})
	}
	if !finish {
		if text := conn.Unfinished(); text != "" {
			note(text)
		}
		return nil
	}
	if begun, err := c.begun(t.Name); err != nil || len(begun) == 0 && conn.Unfinished() == "" {
		return err
	}
	res, err := conn.Apply(ctx, engine.ApplyRequest{Stage: engine.StageSystem, Holder: c.Holder}, nil, func(e engine.ApplyEvent) {
		if e.Progress != "" {
			c.View.Progress(t.Name, e.Progress)
		}
	})
	for _, n := range res.Notes {
		note(n)
	}
	return err
}

// now is the time of a snapshot: to the second, in UTC.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }
