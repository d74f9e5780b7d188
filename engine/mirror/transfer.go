package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"hikae/engine/agent"
	"hikae/hosts"
)

// How much is sent with one request.
const (
	opsAtOnce   = 5000
	bytesAtOnce = 256 << 20
	pathsAtOnce = 4 << 20 // bytes of the names of files
)

// outcome is what became of a plan.
type outcome struct {
	done    int
	bytes   int64
	foreign []string
	again   []string          // changed while they were read: they are looked at again
	failed  map[string]string // by path, why
}

// carry makes a plan come true.
func (p *pair) carry(ctx context.Context, pl *plan) (*outcome, error) {
	out := &outcome{foreign: pl.foreign, failed: pl.held}
	left, leftBytes := pl.count(), pl.bytes
	for _, ops := range [][]hosts.TreeOp{pl.clear, pl.dirs, pl.moves, pl.files, pl.links, pl.gone} {
		for len(ops) > 0 {
			p.m.status.behind("", left, leftBytes)
			if err := p.m.waitReleased(ctx); err != nil {
				return out, err
			}
			n, bytes := portion(ops)
			if err := p.send(ctx, ops[:n], out); err != nil {
				return out, err
			}
			ops, left, leftBytes = ops[n:], left-n, leftBytes-bytes
		}
	}
	return out, p.finish(ctx, pl.finish, out)
}

// portion is how many of the changes go with one request.
func portion(ops []hosts.TreeOp) (n int, bytes int64) {
	for names := 0; n < len(ops) && n < opsAtOnce && bytes < bytesAtOnce && names < pathsAtOnce; {
		names += len(ops[n].Path)
		if fetched(&ops[n]) {
			bytes += ops[n].Entry.Takes()
		}
		n++
	}
	return n, bytes
}

// fetched reports whether a change needs bytes of the source.
func fetched(op *hosts.TreeOp) bool {
	return op.Verb == hosts.TreeMake && op.Entry.Type == hosts.File
}

// finish sets the metadata of directories as it is now.
func (p *pair) finish(ctx context.Context, ops []hosts.TreeOp, out *outcome) error {
	for len(ops) > 0 {
		n := min(len(ops), opsAtOnce)
		part := ops[:n]
		ops = ops[n:]
		list := make([]string, n)
		for i, op := range part {
			list[i] = op.Path
		}
		now, err := p.src.Stat(ctx, list, false)
		if err != nil {
			return err
		}
		var send []hosts.TreeOp
		for i, op := range part {
			if e := now[i].Entry; e != nil && e.Type == hosts.Dir {
				op.Entry = *e
				send = append(send, op)
			}
		}
		if err := p.send(ctx, send, out); err != nil {
			return err
		}
	}
	return nil
}

// change sends changes that need nothing of the source, and all of which have to
// be made.
func (p *pair) change(ctx context.Context, ops []hosts.TreeOp) error {
	out := &outcome{failed: map[string]string{}}
	if err := p.send(ctx, ops, out); err != nil {
		return err
	}
	for path, why := range out.failed {
		return fmt.Errorf("cannot bring %s: %s", path, why)
	}
	return nil
}

// send makes changes, fetching from the source what they need while they are
// sent.
func (p *pair) send(ctx context.Context, ops []hosts.TreeOp, out *outcome) error {
	if ops = out.possible(ops); len(ops) == 0 {
		return nil
	}
	var fetch []string
	for i := range ops {
		if fetched(&ops[i]) {
			fetch = append(fetch, ops[i].Path)
		}
	}
	var bytes int64
	changed, err := p.dst.Change(ctx, func(w *agent.Changes) error {
		next := 0
		plain := func(until int) error { // the changes before the next file
			for ; next < until; next++ {
				if err := w.Do(ops[next], nil); err != nil {
					return err
				}
			}
			return nil
		}
		if len(fetch) > 0 {
			// A file that is written to all the time is taken as it is once it was waited for.
			err := p.src.Fetch(ctx, fetch, p.m.torn(fetch), func(_ int, size, mtime int64, content hosts.TreeContent) error {
				for !fetched(&ops[next]) {
					if err := plain(next + 1); err != nil {
						return err
					}
				}
				op := ops[next]
				op.Entry.Content.Size, op.Entry.MTime = size, mtime
				next++
				bytes += op.Entry.Takes()
				return w.Do(op, p.m.limited(ctx, content))
			})
			if err != nil {
				return err
			}
		}
		return plain(len(ops))
	})
	if err != nil {
		return err
	}
	p.m.status.set(func(s *Status) { s.LastArrival = time.Now() })
	if !changed.Pruned.IsZero() {
		p.m.note("what came to %s needed room (keep_free): old versions up to %s were removed before their time", p.m.o.Root, changed.Pruned.UTC().Format(time.RFC3339))
	}
	out.done += len(ops) - len(changed.Failed)
	out.bytes += bytes
	return p.m.take(changed.Failed, out)
}

// possible leaves out further names of files that did not come.
func (o *outcome) possible(ops []hosts.TreeOp) []hosts.TreeOp {
	if len(o.failed) == 0 {
		return ops
	}
	return slices.DeleteFunc(ops, func(op hosts.TreeOp) bool {
		why, failed := o.failed[op.From]
		if failed = failed && op.Verb == hosts.TreeLink; failed {
			o.failed[op.Path] = why
		}
		return failed
	})
}

// take sorts what could not be done. What stops the mirror is an error: that what the
// target is to have at first does not fit, too.
func (m *Mirror) take(failures []agent.Failure, o *outcome) error {
	for _, f := range failures {
		path := f.Op.Path
		switch {
		case errors.Is(f.Err, hosts.ErrNoRoom) && !m.record.InStep:
			return alarmed("%v", f.Err)
		case errors.Is(f.Err, hosts.ErrTreeGone):
			return f.Err
		case f.Op.Verb == hosts.TreeRemove && (errors.Is(f.Err, hosts.ErrForeign) || errors.Is(f.Err, hosts.ErrNotEmpty)):
			o.foreign = append(o.foreign, path)
		case f.Op.Verb != hosts.TreeRemove && (errors.Is(f.Err, hosts.ErrTorn) || errors.Is(f.Err, fs.ErrNotExist)):
			o.again = append(o.again, path)
		default:
			o.failed[path] = f.Err.Error()
		}
	}
	return nil
}

// limited slows a content down to the bandwidth that was allowed.
func (m *Mirror) limited(ctx context.Context, content hosts.TreeContent) hosts.TreeContent {
	if m.o.Bandwidth <= 0 {
		return content
	}
	return func(data func([]byte) error, hole func(int64) error) error {
		return content(func(b []byte) error {
			if err := m.throttle.wait(ctx, len(b), m.o.Bandwidth); err != nil {
				return err
			}
			return data(b)
		}, hole)
	}
}

// throttle spreads bytes over time.
type throttle struct{ free time.Time } // when the next byte may go

func (t *throttle) wait(ctx context.Context, n int, rate int64) error {
	now := time.Now()
	if t.free.Before(now) {
		t.free = now
	}
	until := t.free.Sub(now)
	t.free = t.free.Add(time.Duration(float64(n) / float64(rate) * float64(time.Second)))
	if until <= 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(until):
		return nil
	}
}
