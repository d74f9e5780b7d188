package agent

import (
	"context"
	"fmt"

	"hikae/engine"
)

// ReadRequest is what a Read is asked for.
type ReadRequest struct {
	Scope engine.Scope
	// Stamps are what the last Read of this host returned, or nothing: with
	// them only files that changed are hashed again.
	Stamps []byte
	// HomeKey names secrets (16 to 64 bytes). A session has one; a read-only
	// session takes none from the client.
	HomeKey []byte
}

// maxRead bounds what one Read may find, in bytes on the wire: a host with a
// million files needs a quarter of it.
const maxRead = 1 << 30

// Read runs the modules in scope on the host and calls emit with each resource
// they find, those of one kind in their module's order. It returns what was
// really seen, by kind, and the stamps for the next Read.
func (c *Client) Read(ctx context.Context, req ReadRequest, emit func(engine.Resource) error) (map[string]engine.Coverage, []byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.during(ctx)()
	if len(req.HomeKey) > 0 {
		c.homeKey = req.HomeKey
	}
	res, err := c.read(ctx, req, emit)
	if err = c.end(err); err != nil {
		return nil, nil, fmt.Errorf("cannot read the host%s: %w", c.at(), err)
	}
	if res.SystemState != "" {
		c.state.Store(res.SystemState)
	}
	if len(res.Stamps) == 0 { // what we have holds
		res.Stamps = req.Stamps
	}
	if res.Coverage == nil { // nothing was seen; who reads may add what was not, either
		res.Coverage = map[string]engine.Coverage{}
	}
	return res.Coverage, res.Stamps, nil
}

func (c *Client) read(ctx context.Context, req ReadRequest, emit func(engine.Resource) error) (readResult, error) {
	var res readResult
	key := c.homeKey
	if c.ReadOnly() {
		if err := c.sameKey(); err != nil {
			return res, calledOff{err}
		}
		key = nil // it has its own
	}
	err := c.l.sendValue(kindRead, readRequest{Scope: req.Scope, Stamps: req.Stamps, HomeKey: key})
	if err != nil {
		return res, err
	}
	for size := 0; ; {
		m, err := c.recv(ctx, kindResources, kindReadDone)
		if err != nil {
			return res, err
		}
		if size += len(m.body); size > maxRead {
			return res, protocolError("resources of more than %d bytes", maxRead)
		}
		if m.kind == kindReadDone {
			return res, c.l.unmarshal(m.body, &res)
		}
		err = sequence(c.l.codec, m.body, func(w *wireFound) error {
			r, err := c.found(w)
			if err != nil {
				return err
			}
			return emit(*r)
		})
		if err != nil {
			return res, err
		}
	}
}

// found checks a resource that the agent sent: a snapshot will hold it.
func (c *Client) found(w *wireFound) (*engine.Resource, error) {
	a := w.Addr.addr()
	s, ok := c.schemas[a.Kind]
	if !ok {
		return nil, protocolError("resource of unknown kind %q", a.Kind)
	}
	if err := checkAddr(a, s); err != nil {
		return nil, err
	}
	r, err := c.l.resource(a, &w.Resource, s)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", a, err)
	}
	return r, nil
}
