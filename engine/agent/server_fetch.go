package agent

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"

	"hikae/engine"
	"hikae/hosts"
)

// maxFetch bounds the contents of one fetch request; a client with more asks
// again.
const maxFetch = 10_000

func (ss *session) fetch(ctx context.Context, m message) error {
	var req fetchRequest
	if err := ss.l.unmarshal(m.body, &req); err != nil {
		return err
	}
	if n := len(req.Contents) + len(req.Unnamed); n > maxFetch {
		return protocolError("%d contents in one request", n)
	}
	recipients, err := ss.recipients(req.Recipients)
	if err != nil {
		return err
	}
	shipped := ss.unpack(ctx, req.Contents)
	buf := make([]byte, headerSize+chunkSize)
	for i, c := range req.Contents {
		err := ss.sendOne(ctx, i, func() (failed, err error) { return ss.sendContent(c, recipients, shipped, buf) })
		if err != nil {
			return err
		}
	}
	for i, path := range req.Unnamed {
		err := ss.sendOne(ctx, len(req.Contents)+i, func() (failed, err error) { return ss.sendUnnamed(path, buf) })
		if err != nil {
			return err
		}
	}
	return ss.l.send(kindFetchDone, nil)
}

// sendOne sends what is at index of what was asked for.
func (ss *session) sendOne(ctx context.Context, index int, send func() (failed, err error)) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if err := ss.l.queueValue(kindBegin, contentBegin{Index: uint(index)}); err != nil { // #nosec G115 -- an index
		return err
	}
	failed, err := send()
	if err != nil {
		return err
	}
	return ss.l.queueValue(kindEnd, contentEnd{Err: toWire(failed)})
}

// sendUnnamed sends the bytes of a file that a Read has not named.
func (ss *session) sendUnnamed(path string, buf []byte) (failed, err error) {
	u, ok := ss.vault.byPath(path)
	if !ok {
		return fmt.Errorf("%w: no read of this session has left it without a name", engine.ErrRefused), nil
	}
	return ss.sendFile(hosts.Content{Size: u.size}, u.open, buf)
}

// recipients parses whom secrets are sealed to. The host's own go before any
// that the client names, and a read-only session knows no others.
func (ss *session) recipients(asked []string) ([]age.Recipient, error) {
	keys := ss.Recipients
	if len(keys) == 0 && !ss.ReadOnly {
		keys = asked
	} else if len(asked) > 0 && !sameSet(asked, keys) {
		return nil, fmt.Errorf("%w: the recipients are not those of this host (/etc/hikae/recipients)", engine.ErrRefused)
	}
	var out []age.Recipient
	for _, k := range keys {
		r, err := parseRecipient(k)
		if err != nil {
			return nil, fmt.Errorf("%w: cannot read recipient %q: %w", engine.ErrRefused, k, err)
		}
		out = append(out, r...)
	}
	return out, nil
}

func sameSet(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

func parseRecipient(s string) ([]age.Recipient, error) {
	if strings.HasPrefix(s, "ssh-") {
		r, err := agessh.ParseRecipient(s)
		return []age.Recipient{r}, err
	}
	return age.ParseRecipients(strings.NewReader(s))
}

// sendContent sends the bytes of c. failed is what kept it from it; err is
// the end of the session.
func (ss *session) sendContent(c hosts.Content, recipients []age.Recipient, shipped unpacked, buf []byte) (failed, err error) {
	open, ok := ss.vault.find(c)
	if b, has := shipped.bytes[c.ID]; !ok && has {
		return ss.sendReader(bytes.NewReader(b), buf)
	}
	if !ok && shipped.err != nil && shipped.asked(c) {
		return shipped.err, nil
	}
	if !ok {
		return fmt.Errorf("%w: no read of this session has found it", engine.ErrRefused), nil
	}
	if c.Sealed {
		sealed, err := ss.seal(c, open, recipients)
		if err != nil {
			return err, nil
		}
		return ss.sendReader(bytes.NewReader(sealed), buf)
	}
	return ss.sendFile(c, open, buf)
}

// sendFile sends what open gives, which is to be of c's size.
func (ss *session) sendFile(c hosts.Content, open func() (io.ReadCloser, error), buf []byte) (failed, err error) {
	rc, err := open()
	if err != nil {
		return err, nil
	}
	// The client checks the hash: it would not believe us, and twice is dear
	// for a file of gigabytes.
	failed, err = ss.sendReader(&verifier{ReadCloser: rc, want: c, wrong: ErrChanged}, buf)
	if cerr := rc.Close(); failed == nil {
		failed = cerr
	}
	return failed, err
}

// sendReader sends r in chunks. buf has room for the header before each.
func (ss *session) sendReader(r io.Reader, buf []byte) (failed, err error) {
	for {
		n, rerr := fill(r, buf[headerSize:])
		if n > 0 {
			if err := ss.l.sendChunk(buf[:headerSize+n]); err != nil {
				return nil, err
			}
		}
		if rerr == io.EOF { //nolint:errorlint // see fill
			return nil, nil
		}
		if rerr != nil {
			return rerr, nil
		}
	}
}

// fill reads until buf is full. Unlike io.ReadFull it leaves io.EOF what it
// is, so that an end is never mistaken for a failure nor a failure for an end:
// a wrapped io.EOF is a failure.
func fill(r io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var nn int
		nn, err = r.Read(buf[n:])
		n += nn
	}
	return n, err
}

// seal encrypts a secret, so that it never leaves the host in the clear.
func (ss *session) seal(c hosts.Content, open func() (io.ReadCloser, error), to []age.Recipient) ([]byte, error) {
	if len(to) == 0 {
		return nil, fmt.Errorf("%w: it is a secret and there is nobody to seal it to", engine.ErrRefused)
	}
	secret, err := ss.vault.secret(c, open)
	if err != nil {
		return nil, err
	}
	defer clear(secret)
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to...)
	if err != nil {
		return nil, fmt.Errorf("cannot seal: %w", err)
	}
	if _, err := w.Write(secret); err != nil {
		return nil, fmt.Errorf("cannot seal: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("cannot seal: %w", err)
	}
	return out.Bytes(), nil
}
