package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"hikae/hosts"
)

const (
	// smallFile is up to which size, in bytes, a file is taken whole before it is
	// written, so that the next one is received meanwhile.
	smallFile = 256 << 10
	// treeWriters write small files at a time: most of it is waiting for locks
	// of the file system.
	treeWriters = 4
)

// treeOps is a stream of changes under way.
type treeOps struct {
	ss   *session
	work chan func()
	wg   sync.WaitGroup // of what was given to the writers

	mu     sync.Mutex
	failed []treeFailed
}

// treeOps makes the changes that the client sends, first among them m.
func (ss *session) treeOps(ctx context.Context, m message) error {
	defer ss.tree.Batch()()
	o := &treeOps{ss: ss, work: make(chan func())}
	defer close(o.work)
	defer o.wg.Wait()
	for range treeWriters {
		go func() {
			for f := range o.work {
				f()
			}
		}()
	}
	for i := uint(0); ; i++ {
		switch m.kind {
		case kindTreeOp:
			var op hosts.TreeOp
			if err := ss.l.unmarshal(m.body, &op); err != nil {
				return err
			}
			if err := checkOp(&op); err != nil {
				return err
			}
			if err := o.do(ctx, i, op); err != nil {
				return err
			}
		case kindTreeDone:
			o.wg.Wait()
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			r := treeResult{Failed: o.failed}
			if at := ss.tree.Pruned(); !at.IsZero() {
				r.Pruned = at.Unix()
			}
			return ss.l.sendValue(kindTreeResult, r)
		default:
			return protocolError("message of kind %d among changes to a tree", m.kind)
		}
		var err error
		if m, err = ss.l.recv(ctx); err != nil {
			return err
		}
	}
}

// fail notes what became of a change. The error is cut: there may be many.
func (o *treeOps) fail(i uint, err error) {
	if err == nil {
		return
	}
	w := toWire(err)
	const most = 1000
	w.Text = w.Text[:min(len(w.Text), most)]
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failed = append(o.failed, treeFailed{Index: i, Err: w})
}

// do makes one change. Only the end of the session is an error.
func (o *treeOps) do(ctx context.Context, i uint, op hosts.TreeOp) error {
	if hasContent(&op) {
		return o.file(ctx, i, op)
	}
	if op.Verb != hosts.TreeMake { // it may be about what the writers have in hand
		o.wg.Wait()
	}
	o.fail(i, o.ss.tree.Do(ctx, op, nil))
	return nil
}

func (o *treeOps) file(ctx context.Context, i uint, op hosts.TreeOp) error {
	in := &treeContent{ctx: ctx, l: o.ss.l, left: op.Entry.Content.Size}
	if op.Entry.Content.Size > smallFile {
		err := o.ss.tree.Do(ctx, op, in.read)
		if lost := in.drain(); lost != nil {
			return lost
		}
		o.fail(i, err)
		return nil
	}
	type part struct {
		b    []byte
		hole int64
	}
	var parts []part
	err := in.read(func(b []byte) error {
		parts = append(parts, part{b: append([]byte(nil), b...)})
		return nil
	}, func(n int64) error {
		parts = append(parts, part{hole: n})
		return nil
	})
	if lost := in.drain(); lost != nil {
		return lost
	}
	if err != nil {
		o.fail(i, err)
		return nil
	}
	o.wg.Add(1)
	o.work <- func() {
		defer o.wg.Done()
		o.fail(i, o.ss.tree.Do(ctx, op, func(data func([]byte) error, hole func(int64) error) error {
			for _, p := range parts {
				var err error
				if p.b != nil {
					err = data(p.b)
				} else {
					err = hole(p.hole)
				}
				if err != nil {
					return err
				}
			}
			return nil
		}))
	}
	return nil
}

// treeContent is the content of one file as it comes over the wire.
type treeContent struct {
	ctx  context.Context // of the operation that it is part of
	l    *link
	left int64 // bytes that may still come
	end  error // how it ended: errTreeEnd, what kept the other side from it, or the session's end
	lost bool  // the last
}

var errTreeEnd = errors.New("that was all")

// read is a hosts.TreeContent.
func (c *treeContent) read(data func([]byte) error, hole func(int64) error) error {
	for c.end == nil {
		if err := c.next(data, hole); err != nil {
			return err
		}
	}
	if errors.Is(c.end, errTreeEnd) {
		return nil
	}
	return c.end
}

// next takes one message. An error is the caller's own.
func (c *treeContent) next(data func([]byte) error, hole func(int64) error) error {
	m, err := c.l.recv(c.ctx)
	if err != nil {
		c.end, c.lost = err, true
		return nil
	}
	n := int64(0)
	switch m.kind {
	case kindChunk:
		n = int64(len(m.body))
		defer c.l.recycle(m)
	case kindTreeHole:
		var h treeHole
		if err := c.l.unmarshal(m.body, &h); err != nil {
			c.end, c.lost = err, true
			return nil
		}
		n = h.Size
	case kindTreeEnd:
		c.finish(m)
		return nil
	default:
		c.end, c.lost = protocolError("message of kind %d within a file", m.kind), true
		return nil
	}
	if n <= 0 || n > c.left {
		c.end, c.lost = protocolError("a file is over its size, or has a part of %d bytes", n), true
		return nil
	}
	c.left -= n
	if m.kind == kindChunk {
		return data(m.body)
	}
	return hole(n)
}

func (c *treeContent) finish(m message) {
	var e contentEnd
	if err := c.l.unmarshal(m.body, &e); err != nil {
		c.end, c.lost = err, true
		return
	}
	switch {
	case e.Err != nil:
		c.end = e.Err.err()
	case c.left != 0:
		c.end = fmt.Errorf("%w: it ends %d bytes early", hosts.ErrTorn, c.left)
	default:
		c.end = errTreeEnd
	}
}

// drain reads what is left, so that what follows can be read. It returns the
// session's end.
func (c *treeContent) drain() error {
	for c.end == nil {
		_ = c.next(func([]byte) error { return nil }, func(int64) error { return nil })
	}
	if c.lost {
		return c.end
	}
	return nil
}
