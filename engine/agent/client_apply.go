package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"hikae/engine"
	"hikae/hosts"
)

// An apply that was asked to stop and has a deadline ends within stopsWithin, or by that
// deadline where it is sooner, and endsWithin: one whose host hangs never does, while its
// agent answers. What takes longer, as dnf may, goes on without its controller.
const (
	stopsWithin = 10 * time.Minute
	endsWithin  = time.Minute
)

// Apply has the agent make the changes. open gives the bytes of a content, a
// secret's in the clear; it is called for those that the agent does not have
// already. emit hears of the progress; events may be lost, the result is whole.
//
// When ctx ends before the agent begins, nothing is changed. After that the
// agent is asked to begin nothing new, and Apply waits for how it ended: where ctx has
// a deadline for some minutes (stopsWithin), else for as long as it takes.
// A result that tells of other changes than of each of these once is ErrProtocol.
// ErrLost means that the agent brings to its end what it has begun, and that
// only a new plan can tell what that was.
func (c *Client) Apply(ctx context.Context, req engine.ApplyRequest, open func(hosts.Content) (io.ReadCloser, error), emit func(engine.ApplyEvent)) (engine.ApplyResult, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	res, err := c.apply(ctx, req, open, emit)
	if err = c.end(err); err != nil {
		err = fmt.Errorf("cannot apply%s: %w", c.at(), err)
	}
	return res, err
}

func (c *Client) apply(ctx context.Context, req engine.ApplyRequest, open func(hosts.Content) (io.ReadCloser, error), emit func(engine.ApplyEvent)) (engine.ApplyResult, error) {
	if c.ReadOnly() {
		return engine.ApplyResult{}, calledOff{fmt.Errorf("%w: log in with a key that may change the host", ErrReadOnly)}
	}
	if err := c.upload(ctx, req, open); err != nil {
		return engine.ApplyResult{}, err
	}
	if err := c.l.send(kindUploaded, nil); err != nil {
		return engine.ApplyResult{}, err
	}
	stopping, sent := ctx.Done(), sentOf(req.Changes)
	var late <-chan time.Time
	for {
		select {
		case m := <-c.l.in:
			switch m.kind {
			case kindEvent:
				var ev engine.ApplyEvent
				if err := c.l.unmarshal(m.body, &ev); err != nil {
					return engine.ApplyResult{}, err
				}
				if err := sent.event(&ev); err != nil {
					return engine.ApplyResult{}, err
				}
				if emit != nil {
					emit(ev)
				}
			case kindResult:
				var r applyResult
				if err := c.l.unmarshal(m.body, &r); err != nil {
					return engine.ApplyResult{}, err
				}
				if err := sent.result(&r.Result, r.Err != nil); err != nil {
					return engine.ApplyResult{}, err
				}
				return r.Result, r.Err.err()
			case kindFail:
				return engine.ApplyResult{}, c.failure(m)
			default:
				return engine.ApplyResult{}, protocolError("message of kind %d during an apply", m.kind)
			}
		case <-c.l.dead:
			return engine.ApplyResult{}, c.l.err
		case <-stopping:
			stopping = nil
			if err := c.l.send(kindStop, nil); err != nil {
				return engine.ApplyResult{}, err
			}
			if until, bound := ctx.Deadline(); bound {
				late = time.After(min(max(time.Until(until), 0), stopsWithin) + endsWithin)
			}
		case <-late:
			return engine.ApplyResult{}, fmt.Errorf("%w: the apply was asked to stop, and its time for that is over: something takes long on the host, or hangs, a disk say", ErrLost)
		}
	}
}

// upload sends the changes and the contents that the agent lacks. Until its
// end the agent has changed nothing, so here ctx may end the session.
func (c *Client) upload(ctx context.Context, req engine.ApplyRequest, open func(hosts.Content) (io.ReadCloser, error)) error {
	defer c.during(ctx)()
	if err := c.sendChanges(req); err != nil {
		return err
	}
	m, err := c.recv(ctx, kindLacks)
	if err != nil {
		return err
	}
	var want lacks
	if err := c.l.unmarshal(m.body, &want); err != nil {
		return err
	}
	ours := make(map[hosts.Content]bool)
	for _, content := range needed(req.Changes, c.schemas) {
		ours[content] = true
	}
	buf := make([]byte, headerSize+chunkSize)
	for i, content := range want.Contents {
		// An agent gets what the changes need, not what it would like to see.
		if !ours[content] {
			return protocolError("the agent asks for content %s, which no change needs", content.ID)
		}
		delete(ours, content)
		if err := c.sendContent(ctx, i, content, open, buf); err != nil {
			return err
		}
	}
	if req.Go != nil {
		if err := req.Go(); err != nil {
			return c.abort(ctx, err)
		}
	}
	return ctx.Err()
}

func (c *Client) sendChanges(req engine.ApplyRequest) error {
	err := c.l.queueValue(kindApply, applyBegin{
		Stage: req.Stage, Holder: req.Holder, HomeKey: c.homeKey, LoginDeadline: req.LoginDeadline,
	})
	if err != nil {
		return err
	}
	var buf []byte
	for i := range req.Changes {
		enc, err := c.encodeChange(&req.Changes[i])
		if err != nil {
			return fmt.Errorf("cannot send change of %q: %w", req.Changes[i].Addr, err)
		}
		if buf = append(buf, enc...); len(buf) >= batchSize {
			if err := c.l.queue(kindChanges, buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
	}
	if len(buf) > 0 {
		if err := c.l.queue(kindChanges, buf); err != nil {
			return err
		}
	}
	return c.l.send(kindPlanned, nil)
}

func (c *Client) encodeChange(ch *engine.Change) ([]byte, error) {
	before, err := c.l.toWireResource(ch.Before)
	if err != nil {
		return nil, err
	}
	after, err := c.l.toWireResource(ch.After)
	if err != nil {
		return nil, err
	}
	return c.l.marshal(wireChange{
		Addr: toWireAddr(ch.Addr), Action: ch.Action, Before: before, After: after, Why: ch.Why,
	})
}

// sendContent sends one content. Where it cannot, it calls the apply off and
// the session goes on.
func (c *Client) sendContent(ctx context.Context, i int, content hosts.Content, open func(hosts.Content) (io.ReadCloser, error), buf []byte) error {
	rc, err := open(content)
	if err != nil {
		return c.abort(ctx, &ContentError{Content: content, Err: err})
	}
	if err := c.l.queueValue(kindBegin, contentBegin{Index: uint(i)}); err != nil { // #nosec G115 -- an index
		return errors.Join(err, rc.Close())
	}
	sent := int64(0)
	for {
		n, rerr := fill(rc, buf[headerSize:])
		if n > 0 {
			if err := c.l.sendChunk(buf[:headerSize+n]); err != nil {
				return errors.Join(err, rc.Close())
			}
			sent += int64(n)
		}
		if err := c.objection(); err != nil {
			return errors.Join(c.abort(ctx, err), rc.Close())
		}
		if rerr == io.EOF { //nolint:errorlint // see fill
			break
		}
		if rerr != nil {
			_ = rc.Close() // the failed read is what counts
			return c.abort(ctx, &ContentError{Content: content, Err: rerr})
		}
	}
	if content.Sealed {
		clear(buf)
	}
	if err := rc.Close(); err != nil {
		return c.abort(ctx, &ContentError{Content: content, Err: err})
	}
	if sent != content.Size {
		return c.abort(ctx, &ContentError{Content: content, Err: fmt.Errorf("it is %d bytes here and should be %d", sent, content.Size)})
	}
	return c.l.queueValue(kindEnd, contentEnd{})
}

// objection returns what the agent has said while it was being sent contents.
func (c *Client) objection() error {
	select {
	case m := <-c.l.in:
		if m.kind == kindFail {
			return c.failure(m)
		}
		return protocolError("message of kind %d while contents are sent", m.kind)
	default:
		return nil
	}
}

// calledOff is an error of this side before anything was changed.
type calledOff struct{ error }

func (e calledOff) Unwrap() error { return e.error }

// abort calls the apply off because of err, and waits until the agent has
// forgotten it. What the agent finds wrong with it meanwhile is of no account.
func (c *Client) abort(ctx context.Context, err error) error {
	if serr := c.l.send(kindAbort, nil); serr != nil {
		return errors.Join(err, serr)
	}
	m, rerr := c.l.recv(ctx)
	if rerr == nil && m.kind == kindFail {
		m, rerr = c.l.recv(ctx)
	}
	if rerr == nil && m.kind != kindAbort {
		rerr = protocolError("message of kind %d where the end of the apply is wanted", m.kind)
	}
	if rerr != nil {
		return errors.Join(err, rerr)
	}
	return calledOff{err}
}
