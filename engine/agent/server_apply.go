package agent

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"

	"hikae/engine"
	"hikae/hosts"
)

// Bounds of the changes of one apply: how many, and their bytes on the wire.
const (
	maxChanges     = 500_000
	maxChangeBytes = 256 << 20
)

func (ss *session) apply(ctx context.Context, m message) error {
	if ss.ReadOnly || ss.Applier == nil {
		// What follows it was sent in good faith or not: the session ends.
		return fmt.Errorf("%w: %w: this session cannot change the host", ErrProtocol, ErrReadOnly)
	}
	var begin applyBegin
	if err := ss.l.unmarshal(m.body, &begin); err != nil {
		return err
	}
	if begin.Stage != engine.StageSystem && begin.Stage != engine.StageConfig {
		return protocolError("stage %d", begin.Stage)
	}
	if begin.LoginDeadline < 0 || begin.LoginDeadline > engine.MaxLoginDeadline {
		return protocolError("a login deadline of %v", begin.LoginDeadline)
	}
	req := engine.ApplyRequest{Stage: begin.Stage, Holder: begin.Holder, LoginDeadline: begin.LoginDeadline}
	var err error
	if req.Changes, err = ss.changes(ctx); err != nil {
		return err
	}
	if err := ss.useKey(begin.HomeKey); err != nil {
		return err
	}
	if len(ss.vault.key) > 0 {
		req.Same = ss.vault.same
	}
	if len(req.Changes) == 0 { // an apply was cut off
		ss.tidy = true
	}
	st := &store{ss: ss, from: make(map[hosts.ID]source)}
	defer st.close()
	got, err := ss.collect(ctx, st, req.Changes)
	switch {
	case err != nil:
		return err
	case got == calledOffByClient:
		st.close()
		return ss.l.send(kindAbort, nil)
	case got == refusedHere:
		return nil // it was told already
	}
	return ss.run(ctx, req, st)
}

// changes receives the changes and refuses all of them if one cannot be meant.
func (ss *session) changes(ctx context.Context) ([]engine.Change, error) {
	var out []engine.Change
	seen := make(map[engine.Addr]bool)
	size := 0
	for {
		m, err := ss.l.recv(ctx)
		if err != nil {
			return nil, err
		}
		if m.kind == kindPlanned && len(m.body) == 0 {
			return out, nil
		}
		if m.kind != kindChanges {
			return nil, protocolError("message of kind %d among the changes", m.kind)
		}
		if size += len(m.body); size > maxChangeBytes {
			return nil, protocolError("changes of more than %d bytes", maxChangeBytes)
		}
		err = sequence(ss.l.codec, m.body, func(w *wireChange) error {
			c, err := ss.change(w)
			if err != nil {
				return err
			}
			if seen[c.Addr] {
				return protocolError("%q is changed twice", c.Addr)
			}
			if len(out) == maxChanges {
				return protocolError("more than %d changes", maxChanges)
			}
			seen[c.Addr] = true
			out = append(out, c)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
}

func (ss *session) change(w *wireChange) (engine.Change, error) {
	c := engine.Change{Addr: w.Addr.addr(), Action: w.Action, Why: w.Why}
	s, ok := ss.schemas[c.Addr.Kind]
	if !ok {
		return c, protocolError("no resources of kind %q are known here", c.Addr.Kind)
	}
	if err := checkAddr(c.Addr, s); err != nil {
		return c, err
	}
	var err error
	if c.Before, err = ss.l.resource(c.Addr, w.Before, s); err != nil {
		return c, fmt.Errorf("%q: %w", c.Addr, err)
	}
	if c.After, err = ss.l.resource(c.Addr, w.After, s); err != nil {
		return c, fmt.Errorf("%q: %w", c.Addr, err)
	}
	return c, checkChange(&c)
}

// needed lists the contents that the changes cannot be made without, each once.
func needed(changes []engine.Change, schemas map[string]engine.Schema) []hosts.Content {
	var out []hosts.Content
	seen := make(map[hosts.Content]bool)
	for _, c := range changes {
		if c.After == nil {
			continue
		}
		for _, k := range c.After.Contents(schemas[c.Addr.Kind]) {
			if !seen[k] {
				seen[k] = true
				out = append(out, k)
			}
		}
	}
	return out
}

// run calls the Applier and tells the client of it. It outlives the client.
func (ss *session) run(ctx context.Context, req engine.ApplyRequest, st *store) error {
	stop := make(chan struct{})
	done := make(chan applyResult, 1)
	events := newEvents(ss.l)
	go func() {
		actx := engine.WithStop(context.WithoutCancel(ctx), stop)
		res, err := ss.applySafely(actx, req, st.open, events.emit)
		done <- applyResult{Result: res, Err: toWire(err)}
	}()

	stopped := false
	halt := func() {
		if !stopped {
			stopped = true
			close(stop)
		}
	}
	var broken error
	in, gone := ss.l.in, ctx.Done()
	for {
		select {
		case m := <-in:
			halt()
			if m.kind != kindStop || len(m.body) != 0 {
				broken = protocolError("message of kind %d during an apply", m.kind)
				in = nil
			}
		case <-gone:
			halt()
			ss.log.Warn("the controller is gone; bringing the apply to its end", "error", context.Cause(ctx))
			broken, gone, in = context.Cause(ctx), nil, nil
		case r := <-done:
			events.close()
			st.close() // before the client hears of the end
			if broken != nil {
				ss.log.Warn("apply ended without its controller", "applied", len(r.Result.Applied),
					"not_applied", len(r.Result.NotApplied), "rolled_back", r.Result.RolledBack)
				return broken
			}
			return ss.l.sendValue(kindResult, r)
		}
	}
}

func (ss *session) applySafely(ctx context.Context, req engine.ApplyRequest,
	open func(hosts.Content) (io.ReadCloser, error), emit func(engine.ApplyEvent),
) (res engine.ApplyResult, err error) {
	defer func() {
		if p := recover(); p != nil {
			ss.log.Error("apply panicked", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("internal error while applying: %v; plan again to see what was done", p)
		}
	}()
	return ss.Applier.Apply(ctx, req, open, emit)
}

// events sends what an apply reports. The apply never waits for its audience:
// when the queue is full, events are lost (the result is complete without them).
type events struct {
	l     *link
	queue chan engine.ApplyEvent
	sent  chan struct{}
}

func newEvents(l *link) *events {
	const room = 4096
	e := &events{l: l, queue: make(chan engine.ApplyEvent, room), sent: make(chan struct{})}
	go func() {
		defer close(e.sent)
		for ev := range e.queue {
			put := e.l.queueValue // what comes in a row goes out together
			if len(e.queue) == 0 {
				put = e.l.sendValue
			}
			if err := put(kindEvent, ev); err != nil {
				continue // nobody listens any more
			}
		}
	}()
	return e
}

func (e *events) emit(ev engine.ApplyEvent) {
	select {
	case e.queue <- ev:
	default:
	}
}

// close waits until all is sent; the apply must be over.
func (e *events) close() {
	close(e.queue)
	<-e.sent
}
