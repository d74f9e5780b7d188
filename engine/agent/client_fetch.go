package agent

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"hikae/hosts"
)

// Fetch gets contents that a Read of this session found, in their order, and
// calls each with one after the other. A plain content is checked by its hash
// and size as it is read: the reader ends with a *ContentError instead of
// io.EOF where it is not what it should be (ErrChanged: it was written to
// since). A sealed one is read as the agent encrypted it to the recipients
// (age, its binary format), so that its length is not Content.Size.
//
// recipients are age or SSH public keys; a host with recipients of its own
// takes no others.
//
// When each returns that *ContentError, the others still follow, and Fetch
// returns all of them joined. Any other error ends the session.
func (c *Client) Fetch(ctx context.Context, contents []hosts.Content, recipients []string, each func(hosts.Content, io.Reader) error) error {
	if c.ReadOnly() {
		recipients = nil // it has its own
	}
	request := func(some []hosts.Content) fetchRequest {
		return fetchRequest{Contents: some, Recipients: recipients}
	}
	return fetchList(ctx, c, contents, request, func(want hosts.Content) (*contentReader, func() error) {
		r := &contentReader{c: c, ctx: ctx, want: want}
		if !want.Sealed {
			r.hash = sha256.New()
		}
		return r, func() error { return each(want, r) }
	})
}

// Unnamed is a file whose content a Read of this session has not named
// (engine.Unnamed), of Size bytes.
type Unnamed struct {
	Path string
	Size int64
}

// FetchUnnamed gets contents that have no name yet, in their order, and calls each with
// one after the other. What name gives once the reader has ended with io.EOF is the
// content. The reader ends with a *ContentError where the file is no longer what it
// was when it was read.
//
// When each returns that *ContentError, the others still follow, and FetchUnnamed
// returns all of them joined. Any other error ends the session.
func (c *Client) FetchUnnamed(ctx context.Context, files []Unnamed, each func(f Unnamed, r io.Reader, name func() hosts.Content) error) error {
	request := func(some []Unnamed) fetchRequest {
		var ask fetchRequest
		for _, f := range some {
			ask.Unnamed = append(ask.Unnamed, f.Path)
		}
		return ask
	}
	return fetchList(ctx, c, files, request, func(f Unnamed) (*contentReader, func() error) {
		r := &contentReader{c: c, ctx: ctx, want: hosts.Content{Size: f.Size}, unnamed: true, hash: sha256.New()}
		return r, func() error { return each(f, r, r.name) }
	})
}

func (c *Client) from() string {
	if c.opts.Host == "" {
		return ""
	}
	return " from " + c.opts.Host
}

// fetchList asks for a list, as much of it at a time as a request may hold. begin gives
// what reads one of it, and what takes that.
func fetchList[T any](ctx context.Context, c *Client, list []T, request func([]T) fetchRequest, begin func(T) (*contentReader, func() error)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.during(ctx)()
	var failed []error
	for some := range slices.Chunk(list, maxFetch) {
		f, err := fetchSome(ctx, c, some, request(some), begin)
		if err = c.end(err); err != nil {
			return fmt.Errorf("cannot fetch contents%s: %w", c.from(), err)
		}
		failed = append(failed, f...)
	}
	return errors.Join(failed...)
}

func fetchSome[T any](ctx context.Context, c *Client, some []T, request fetchRequest, begin func(T) (*contentReader, func() error)) (failed []error, err error) {
	if err := c.l.sendValue(kindFetch, request); err != nil {
		return nil, err
	}
	for i, one := range some {
		r, take := begin(one)
		own, err := c.fetchOne(r, i, take)
		if err != nil {
			return nil, err
		}
		if own != nil {
			failed = append(failed, own)
		}
	}
	_, err = c.recv(ctx, kindFetchDone)
	return failed, err
}

// fetchOne has take read the content that comes at index of what was asked for. own is
// what was wrong with it, where the others may follow all the same.
func (c *Client) fetchOne(r *contentReader, index int, take func() error) (own, err error) {
	m, err := c.recv(r.ctx, kindBegin)
	if err != nil {
		return nil, err
	}
	var b contentBegin
	if err := c.l.unmarshal(m.body, &b); err != nil {
		return nil, err
	}
	if b.Index != uint(index) { // #nosec G115 -- an index
		return nil, protocolError("content %d where %d is wanted", b.Index, index)
	}
	own = take()
	if wrong, ok := errors.AsType[*ContentError](own); own != nil && (!ok || wrong.Content != r.want) {
		return nil, own
	}
	return own, r.drain()
}

// contentReader reads the chunks of one content.
type contentReader struct {
	c    *Client
	ctx  context.Context // of the Fetch that it is part of
	want hosts.Content
	hash hash.Hash // nil: the bytes are sealed and cannot be checked here
	// unnamed: it has no ID that it could be held to.
	unnamed bool

	m    message // the chunk that rest is of
	rest []byte
	n    int64
	end  error // how it ended: io.EOF, a *ContentError or the session's end
}

func (r *contentReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 && r.end == nil {
		r.next()
	}
	if len(r.rest) == 0 {
		return 0, r.end
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// WriteTo implements io.WriterTo: the chunks go to w as they came.
func (r *contentReader) WriteTo(w io.Writer) (int64, error) {
	var total int64
	for {
		if len(r.rest) > 0 {
			n, err := w.Write(r.rest)
			total += int64(n)
			r.rest = r.rest[n:]
			if err != nil {
				return total, err
			}
		}
		switch {
		case r.end == nil:
			r.next()
		case errors.Is(r.end, io.EOF):
			return total, nil
		default:
			return total, r.end
		}
	}
}

// next takes the next message; all of the last chunk has been read.
func (r *contentReader) next() {
	r.c.l.recycle(r.m)
	r.m = message{}
	m, err := r.c.recv(r.ctx, kindChunk, kindEnd)
	if err != nil {
		r.end = err
		return
	}
	if m.kind == kindEnd {
		r.end = r.finish(m)
		return
	}
	r.m, r.rest = m, m.body
	r.n += int64(len(m.body))
	if r.hash != nil {
		r.hash.Write(m.body)
	}
	if limit := r.limit(); r.n > limit {
		r.end, r.rest = protocolError("content %s is over %d bytes", r.want.ID, limit), nil
	}
}

// limit is how many bytes may come. Sealing adds a header, which grows with
// the recipients, and 16 bytes each 64 KiB (age-encryption.org/v1).
func (r *contentReader) limit() int64 {
	if r.hash != nil {
		return r.want.Size
	}
	return r.want.Size + r.want.Size/1024 + 1<<20
}

func (r *contentReader) finish(m message) error {
	var e contentEnd
	if err := r.c.l.unmarshal(m.body, &e); err != nil {
		return err
	}
	if e.Err != nil {
		return &ContentError{Content: r.want, Err: e.Err.err()}
	}
	if r.hash != nil && (r.n != r.want.Size || !r.unnamed && r.name() != r.want) {
		return &ContentError{Content: r.want, Err: ErrChanged}
	}
	return io.EOF
}

// name is what was read, by its hash.
func (r *contentReader) name() hosts.Content {
	return hosts.Content{Size: r.n, ID: hosts.ID(r.hash.Sum(nil))}
}

// drain reads what is left, so that the next content can follow. What was
// wrong with this one is the caller's to know.
func (r *contentReader) drain() error {
	r.rest = nil
	for r.end == nil {
		r.next()
		r.rest = nil
	}
	var own *ContentError
	if errors.Is(r.end, io.EOF) || errors.As(r.end, &own) {
		return nil
	}
	return r.end
}
