package agent

import (
	"context"
	"errors"
	"fmt"
	"math"

	"hikae/engine"
	"hikae/hosts"
)

// collected says how the collecting of contents ended.
type collected int

const (
	complete          collected = iota
	calledOffByClient           // and it waits to hear that we know
	refusedHere                 // and the client was told why
)

// collect brings together all contents of the changes: what is on this host,
// and from the client what is not.
func (ss *session) collect(ctx context.Context, st *store, changes []engine.Change) (collected, error) {
	// Files whose bytes stay what they are while their metadata changes.
	unchanged := make(map[hosts.ID]string)
	for _, c := range changes {
		if !ss.schemas[c.Addr.Kind].Node || c.Before == nil || c.After == nil || c.Before.Node == nil || c.After.Node == nil {
			continue
		}
		b, a := c.Before.Node, c.After.Node
		if b.Type == hosts.File && a.Type == hosts.File && b.Content == a.Content {
			unchanged[a.Content.ID] = c.Addr.Name
		}
	}
	var want lacks
	for _, c := range needed(changes, ss.schemas) {
		found, err := st.find(ctx, c, unchanged)
		if err != nil {
			return refusedHere, err
		}
		if !found {
			want.Contents = append(want.Contents, c)
		}
	}
	if err := ss.fits(st, want.Contents); err != nil {
		return refusedHere, err
	}
	if err := ss.l.sendValue(kindLacks, want); err != nil {
		return refusedHere, err
	}
	return ss.receive(ctx, st, want.Contents)
}

// fits refuses what could only fail halfway.
func (ss *session) fits(st *store, want []hosts.Content) error {
	const margin = 16 << 20
	free := int64(math.MaxInt64)
	if st.spool != nil {
		var err error
		if free, err = st.spool.free(); err != nil {
			return err
		}
	}
	left := free - margin
	for _, c := range want {
		switch {
		case c.Size < 0:
			return protocolError("content of %d bytes", c.Size)
		case c.Sealed && len(ss.vault.key) == 0:
			return fmt.Errorf("%w: %w", engine.ErrRefused, errNoKey)
		case c.Sealed && c.Size > maxSecret:
			return fmt.Errorf("%w: a secret of %d bytes, at most %d are allowed", engine.ErrRefused, c.Size, maxSecret)
		case c.Size > left:
			return fmt.Errorf("%w: the contents do not fit in %s, where %d MiB are free", engine.ErrRefused, ss.Spool, free>>20)
		case !c.Sealed:
			left -= c.Size
		}
	}
	return nil
}

// receive takes the contents that the client sends, in the order of want. When
// one cannot be kept it says so at once and lets the rest go by until the
// client hears it.
func (ss *session) receive(ctx context.Context, st *store, want []hosts.Content) (collected, error) {
	in := &intake{ss: ss, st: st}
	for next := 0; ; next++ {
		m, err := ss.l.recv(ctx)
		if err != nil {
			return refusedHere, err
		}
		switch {
		case m.kind == kindAbort && len(m.body) == 0:
			return calledOffByClient, nil
		case m.kind == kindUploaded && len(m.body) == 0 && next == len(want):
			if in.failed {
				return refusedHere, nil
			}
			return complete, nil
		case m.kind == kindBegin && next < len(want):
			var b contentBegin
			if err := ss.l.unmarshal(m.body, &b); err != nil {
				return refusedHere, err
			}
			if b.Index != uint(next) { // #nosec G115 -- an index
				return refusedHere, protocolError("content %d where %d is wanted", b.Index, next)
			}
		default:
			return refusedHere, protocolError("message of kind %d while contents are awaited", m.kind)
		}
		if got, err := in.take(ctx, want[next]); err != nil || got != complete {
			return got, err
		}
	}
}

// intake takes contents one after the other. Once one has failed the others
// are let go by.
type intake struct {
	ss     *session
	st     *store
	failed bool
	w      contentWriter // of the content that arrives; nil when it is let go by
}

// fail tells the client, once, and gives up what was taken so far.
func (in *intake) fail(c hosts.Content, err error) error {
	if in.w != nil {
		in.w.discard()
		in.w = nil
	}
	if err == nil || in.failed {
		return nil
	}
	in.failed = true
	in.st.close()
	return in.ss.l.sendValue(kindFail, toWire(&ContentError{Content: c, Err: err}))
}

func (in *intake) take(ctx context.Context, c hosts.Content) (collected, error) {
	if !in.failed {
		var err error
		if in.w, err = in.st.writer(c); err != nil {
			if err := in.fail(c, err); err != nil {
				return refusedHere, err
			}
		}
	}
	for {
		m, err := in.ss.l.recv(ctx)
		if err != nil {
			return refusedHere, errors.Join(err, in.fail(c, nil))
		}
		switch m.kind {
		case kindChunk:
			err = in.chunk(c, m)
		case kindEnd:
			return complete, in.end(c, m)
		case kindAbort:
			return calledOffByClient, in.fail(c, nil)
		default:
			err = protocolError("message of kind %d within a content", m.kind)
		}
		if err != nil {
			return refusedHere, errors.Join(err, in.fail(c, nil))
		}
	}
}

func (in *intake) chunk(c hosts.Content, m message) error {
	defer in.ss.l.recycle(m)
	if in.w == nil {
		return nil
	}
	if _, err := in.w.Write(m.body); err != nil {
		return in.fail(c, err)
	}
	return nil
}

func (in *intake) end(c hosts.Content, m message) error {
	var end contentEnd
	if err := in.ss.l.unmarshal(m.body, &end); err != nil {
		return errors.Join(err, in.fail(c, nil))
	}
	if end.Err != nil {
		return errors.Join(protocolError("a client that cannot send a content must call the apply off"), in.fail(c, nil))
	}
	if in.w == nil {
		return nil
	}
	err := in.w.commit() // which discards what is wrong
	in.w = nil
	return in.fail(c, err)
}
