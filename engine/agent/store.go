package agent

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"

	"hikae/engine"
	"hikae/hosts"
)

// maxSecrets bounds the secrets that one apply holds in memory, in bytes.
const maxSecrets = 16 << 20

// Small contents are held in memory, as long as there are not too many of them: a
// file that is made, moved and removed again costs more than its bytes. Sizes in
// bytes.
const (
	maxHeld    = 64 << 10 // of one
	maxHeldAll = 8 << 20  // of all together
)

// store is where the contents of one apply are.
type store struct {
	ss    *session
	spool *spool // made when first needed
	from  map[hosts.ID]source

	secrets int   // bytes held
	held    int64 // bytes of the plain ones
}

// source is where the bytes of one content are: a file that the change leaves
// where it is, memory, or the spool.
type source struct {
	content hosts.Content
	path    string
	secret  []byte
	held    []byte // nil: not in memory
}

// open implements the open of engine.Applier. Only what the changes need is
// there.
func (st *store) open(c hosts.Content) (io.ReadCloser, error) {
	s, ok := st.from[c.ID]
	if !ok || s.content != c {
		return nil, &ContentError{Content: c, Err: fmt.Errorf("%w: no change of this apply needs it", engine.ErrRefused)}
	}
	switch {
	case c.Sealed:
		return io.NopCloser(bytes.NewReader(s.secret)), nil
	case s.path != "":
		rc, err := st.ss.Host.Open(s.path)
		if err != nil {
			return nil, fmt.Errorf("cannot open %q: %w", s.path, err)
		}
		return newVerifier(rc, c, fmt.Errorf("%q %w", s.path, ErrChanged)), nil
	}
	if s.held != nil {
		return io.NopCloser(bytes.NewReader(s.held)), nil
	}
	return st.spool.open(c.ID)
}

// close forgets all contents; it may be called again.
func (st *store) close() {
	for _, s := range st.from {
		clear(s.secret)
	}
	clear(st.from)
	if st.spool == nil {
		return
	}
	if err := st.spool.close(); err != nil {
		st.ss.log.Warn("the spool is left behind", "error", err)
	}
	st.spool = nil
}

// find looks for c on this host.
func (st *store) find(ctx context.Context, c hosts.Content, unchanged map[hosts.ID]string) (bool, error) {
	if c.Sealed {
		return st.findSecret(c, unchanged), nil
	}
	if p, ok := unchanged[c.ID]; ok {
		if d, err := st.ss.Host.Digest(ctx, p); err == nil && d == c {
			st.from[c.ID] = source{content: c, path: p}
			return true, nil
		}
	}
	if err := st.needSpool(); err != nil {
		return false, err
	}
	if st.spool.have(c) {
		st.from[c.ID] = source{content: c}
		return true, nil
	}
	open, ok := st.ss.vault.find(c)
	if !ok {
		return false, nil
	}
	// It stands elsewhere on this host, perhaps where this very apply writes:
	// it is copied before anything changes.
	rc, err := open()
	if err != nil {
		return false, nil
	}
	defer func() { _ = rc.Close() }() // only read
	if err := st.put(c, rc); err != nil {
		st.ss.log.Debug("content not taken from this host", "content", c.ID, "error", err)
		return false, nil
	}
	return true, nil
}

// put keeps what r holds where it is c, and nothing otherwise.
func (st *store) put(c hosts.Content, r io.Reader) error {
	w, err := st.writer(c)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		w.discard()
		return err
	}
	return w.commit()
}

func (st *store) findSecret(c hosts.Content, unchanged map[hosts.ID]string) bool {
	open, ok := st.ss.vault.find(c)
	if !ok {
		p, there := unchanged[c.ID]
		if !there {
			return false
		}
		open = func() (io.ReadCloser, error) { return st.ss.Host.Open(p) }
	}
	b, err := st.ss.vault.secret(c, open)
	if err != nil {
		return false
	}
	return st.addSecret(c, b) == nil
}

func (st *store) addSecret(c hosts.Content, b []byte) error {
	if st.secrets += len(b); st.secrets > maxSecrets {
		clear(b)
		return fmt.Errorf("%w: the secrets of one apply may be %d bytes at most", engine.ErrRefused, maxSecrets)
	}
	st.from[c.ID] = source{content: c, secret: b}
	return nil
}

func (st *store) needSpool() (err error) {
	if st.spool == nil {
		st.spool, err = openSpool(st.ss.Spool)
	}
	return err
}

// contentWriter takes the bytes of one content; commit checks them.
type contentWriter interface {
	io.Writer
	commit() error
	discard()
}

func (st *store) writer(c hosts.Content) (contentWriter, error) {
	if c.Sealed {
		return &secretWriter{st: st, want: c}, nil
	}
	if c.Size <= maxHeld && st.held+c.Size <= maxHeldAll {
		st.held += c.Size
		return &heldWriter{st: st, want: c, buf: make([]byte, 0, c.Size)}, nil
	}
	w, err := st.spool.create(c)
	if err != nil {
		return nil, err
	}
	return &spooled{spoolWriter: w, st: st}, nil
}

// spooled notes a spooled content once it is whole.
type spooled struct {
	*spoolWriter
	st *store
}

func (w *spooled) commit() error {
	if err := w.spoolWriter.commit(); err != nil {
		return err
	}
	w.st.from[w.want.ID] = source{content: w.want}
	return nil
}

// heldWriter holds a content in memory.
type heldWriter struct {
	st   *store
	want hosts.Content
	buf  []byte
}

func (w *heldWriter) Write(p []byte) (int, error) {
	if int64(len(w.buf)+len(p)) > w.want.Size {
		return 0, fmt.Errorf("%w: more than its %d bytes arrived", errDamaged, w.want.Size)
	}
	w.buf = append(w.buf, p...)
	return len(p), nil
}

func (w *heldWriter) commit() error {
	if int64(len(w.buf)) != w.want.Size || hosts.ID(sha256.Sum256(w.buf)) != w.want.ID {
		w.discard()
		return fmt.Errorf("%w: %d bytes, or another hash", errDamaged, len(w.buf))
	}
	w.st.from[w.want.ID] = source{content: w.want, held: w.buf}
	return nil
}

func (w *heldWriter) discard() { w.st.held -= w.want.Size }

// secretWriter holds a secret in memory: it never touches the disk.
type secretWriter struct {
	st   *store
	want hosts.Content
	buf  []byte
}

func (w *secretWriter) Write(p []byte) (int, error) {
	if int64(len(w.buf)+len(p)) > min(w.want.Size, maxSecret) {
		return 0, fmt.Errorf("%w: more than its %d bytes arrived", errDamaged, w.want.Size)
	}
	if w.buf == nil {
		w.buf = make([]byte, 0, w.want.Size) // so that no copy of it is left behind
	}
	w.buf = append(w.buf, p...)
	return len(p), nil
}

func (w *secretWriter) commit() error {
	id := w.st.ss.vault.name(w.buf)
	if int64(len(w.buf)) != w.want.Size || !hmac.Equal(id[:], w.want.ID[:]) {
		w.discard()
		return errDamaged
	}
	return w.st.addSecret(w.want, w.buf)
}

func (w *secretWriter) discard() { clear(w.buf) }
