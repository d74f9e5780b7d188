package agent

import (
	"context"
	"fmt"

	"hikae/engine"
	"hikae/hosts"
)

// collect brings together all contents of the changes: what is on this host,
// and from the client what is not. go_ is false when the client gave up.
func (ss *session) collect(ctx context.Context, st *store, changes []engine.Change) (go_ bool, err error) {
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
	var size int64
	for _, c := range needed(changes, ss.schemas) {
		found, err := st.find(ctx, c, unchanged)
		if err != nil {
			return false, err
		}
		if !found {
			want.Contents = append(want.Contents, c)
			size += c.Size
		}
	}
	if err := ss.fits(st, want.Contents, size); err != nil {
		return false, err
	}
	if err := ss.l.sendValue(kindLacks, want); err != nil {
		return false, err
	}
	return ss.receive(ctx, st, want.Contents)
}

// fits refuses what could only fail halfway.
func (ss *session) fits(st *store, want []hosts.Content, size int64) error {
	for _, c := range want {
		if c.Sealed && c.Size > maxSecret {
			return fmt.Errorf("%w: a secret of %d bytes, at most %d are allowed", engine.ErrRefused, c.Size, maxSecret)
		}
		if c.Sealed && len(ss.vault.key) == 0 {
			return fmt.Errorf("%w: %w", engine.ErrRefused, errNoKey)
		}
	}
	if st.spool == nil {
		return nil
	}
	free, err := st.spool.free()
	if err != nil {
		return err
	}
	const margin = 16 << 20
	if size > 0 && size+margin > free {
		return fmt.Errorf("%w: %d MiB of contents do not fit in %s, where %d MiB are free",
			engine.ErrRefused, size>>20, ss.Spool, free>>20)
	}
	return nil
}

// receive takes the contents that the client sends, in the order of want. When
// one cannot be kept it says so at once and lets the rest go by until the
// client hears it.
func (ss *session) receive(ctx context.Context, st *store, want []hosts.Content) (go_ bool, err error) {
	var failed error
	for next := 0; ; {
		m, err := ss.l.recv(ctx)
		if err != nil {
			return false, err
		}
		switch {
		case m.kind == kindAbort && len(m.body) == 0:
			return false, ss.l.send(kindAbort, nil)
		case m.kind == kindUploaded && len(m.body) == 0 && next == len(want):
			return failed == nil, nil
		case m.kind == kindBegin && next < len(want):
			var b contentBegin
			if err := ss.l.unmarshal(m.body, &b); err != nil {
				return false, err
			}
			if b.Index != uint(next) { // #nosec G115 -- an index
				return false, protocolError("content %d where %d is wanted", b.Index, next)
			}
		default:
			return false, protocolError("message of kind %d while contents are awaited", m.kind)
		}
		aborted, err := ss.receiveOne(ctx, st, want[next], &failed)
		if err != nil || aborted {
			return false, err
		}
		next++
	}
}

// receiveOne takes one content. The first failure is reported and kept.
func (ss *session) receiveOne(ctx context.Context, st *store, c hosts.Content, failed *error) (aborted bool, err error) {
	var w contentWriter
	fail := func(err error) error {
		if err == nil || *failed != nil {
			return nil
		}
		*failed = &ContentError{Content: c, Err: err}
		return ss.l.sendValue(kindFail, toWire(*failed))
	}
	if *failed == nil {
		var werr error
		if w, werr = st.writer(c); werr != nil {
			if err := fail(werr); err != nil {
				return false, err
			}
		}
	}
	discard := func() {
		if w != nil {
			w.discard()
			w = nil
		}
	}
	defer discard()
	for {
		m, err := ss.l.recv(ctx)
		if err != nil {
			return false, err
		}
		switch m.kind {
		case kindChunk:
			var werr error
			if w != nil {
				_, werr = w.Write(m.body)
			}
			ss.l.recycle(m)
			if werr != nil {
				discard()
				if err := fail(werr); err != nil {
					return false, err
				}
			}
		case kindEnd:
			var end contentEnd
			if err := ss.l.unmarshal(m.body, &end); err != nil {
				return false, err
			}
			if end.Err != nil {
				return false, protocolError("a client that cannot send a content must call the apply off")
			}
			if w == nil {
				return false, nil
			}
			werr := w.commit()
			w = nil
			return false, fail(werr)
		case kindAbort:
			return true, ss.l.send(kindAbort, nil)
		default:
			return false, protocolError("message of kind %d within a content", m.kind)
		}
	}
}
