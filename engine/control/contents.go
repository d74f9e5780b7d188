package control

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"

	"golang.org/x/sync/errgroup"

	"hikae/engine"
	"hikae/engine/agent"
	"hikae/hosts"
	"hikae/states"
)

// blobName is the name of a content in the store.
func blobName(c hosts.Content) string {
	if c.Sealed {
		return c.ID.String() + ".age"
	}
	return c.ID.String()
}

// keepContents fetches from a host what the store lacks of some contents.
// Those that changed since they were read are named in the returned error;
// the others are stored.
func (c *Controller) keepContents(ctx context.Context, conn *agent.Client, host string, contents []hosts.Content) (failed map[hosts.ID]error, err error) {
	byName := map[string]hosts.Content{}
	var names []string
	for _, ct := range contents {
		if _, seen := byName[blobName(ct)]; !seen {
			byName[blobName(ct)] = ct
			names = append(names, blobName(ct))
		}
	}
	missing, err := c.Store.Blobs.Missing(ctx, names)
	if err != nil || len(missing) == 0 {
		return nil, err
	}
	want := make([]hosts.Content, len(missing))
	for i, n := range missing {
		want[i] = byName[n]
	}
	got, failed := 0, map[hosts.ID]error{}
	storing, ctx := errgroup.WithContext(ctx)
	storing.SetLimit(storers)
	err = conn.Fetch(ctx, want, c.Keys.Recipients(), func(ct hosts.Content, r io.Reader) error {
		err := ctx.Err()
		if err == nil && ct.Size <= storedAside {
			var b []byte
			if b, err = io.ReadAll(r); err == nil {
				storing.Go(func() error { return c.keepContent(ctx, host, ct, bytes.NewReader(b)) })
			}
		} else if err == nil {
			err = c.keepContent(ctx, host, ct, r)
		}
		if err != nil {
			var gone *agent.ContentError
			if errors.As(err, &gone) {
				failed[ct.ID] = err
				return gone
			}
			return err
		}
		if got++; got%100 == 0 || ct.Size > 8<<20 {
			c.View.Progress(host, fmt.Sprintf("fetched %d of %d contents", got, len(want)))
		}
		return nil
	})
	if err != nil && got+len(failed) == len(want) {
		err = nil // each that failed is told by its path
	}
	if serr := storing.Wait(); serr != nil {
		err = serr // which is why the fetch ended, if it did
	}
	return failed, err
}

// stored waits until contents are on the store's disk, but for those that could not
// be fetched: only then may something that lasts name them.
func (c *Controller) stored(ctx context.Context, contents []hosts.Content, failed map[hosts.ID]error) error {
	var names []string
	for _, ct := range contents {
		if failed[ct.ID] == nil {
			names = append(names, blobName(ct))
		}
	}
	slices.Sort(names)
	return c.Store.Stored(ctx, slices.Compact(names))
}

// A disk is waited for, not computed with: many small contents wait together, and
// one sync of the disk's journal does for all of them.
const (
	storers     = 16
	storedAside = 1 << 20 // size in bytes up to which a content is read to its end first
)

// keepContent stores one content. A secret is opened once, so that one which was
// sealed to somebody else, or not at all, is found today and not on the day that
// it is needed.
func (c *Controller) keepContent(ctx context.Context, host string, ct hosts.Content, r io.Reader) error {
	if !ct.Sealed {
		return c.Store.Blobs.Put(ctx, blobName(ct), r)
	}
	sealed, err := io.ReadAll(r) // the client bounds it
	if err != nil {
		return err
	}
	plain, err := c.Keys.Open(bytes.NewReader(sealed), ct)
	if err != nil {
		return fmt.Errorf("a secret came from %s that this project's keys do not open: is it among the recipients there (%s)? hikae trust %s writes it: %w",
			host, agent.TrustDir, host, err)
	}
	clear(plain)
	return c.Store.Blobs.Put(ctx, blobName(ct), bytes.NewReader(sealed))
}

// opener gives contents in the clear: from the overlays or from the store.
func (c *Controller) opener(ctx context.Context, inline map[hosts.ID]engine.Inline) func(hosts.Content) (io.ReadCloser, error) {
	return func(ct hosts.Content) (io.ReadCloser, error) {
		if in, ok := inline[ct.ID]; ok {
			if in.From != "" {
				return os.Open(in.From)
			}
			return io.NopCloser(bytes.NewReader(in.Data)), nil
		}
		if !ct.Sealed {
			return c.plain(ctx, ct)
		}
		r, err := c.Store.Blobs.Get(ctx, blobName(ct))
		if err != nil {
			return nil, err
		}
		defer r.Close() //nolint:errcheck // opened for reading
		plain, err := c.Keys.Open(r, ct)
		if err != nil {
			return nil, err
		}
		return io.NopCloser(bytes.NewReader(plain)), nil
	}
}

// checkedMax is the size in bytes up to which the controller checks a content of
// the store. A larger one is only ever sent on, and the agent checks it.
const checkedMax = 64 << 20

// plain opens a plain content of the store. Its reader ends with ErrTampered in
// place of io.EOF where the bytes are not that content.
func (c *Controller) plain(ctx context.Context, ct hosts.Content) (io.ReadCloser, error) {
	r, err := c.Store.Blobs.Get(ctx, blobName(ct))
	if err != nil || ct.Size > checkedMax {
		return r, err
	}
	return &checked{ReadCloser: r, want: ct, sum: sha256.New()}, nil
}

// checked is a content that is checked while it is read.
type checked struct {
	io.ReadCloser
	want hosts.Content
	sum  hash.Hash
	n    int64
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	_, _ = c.sum.Write(p[:n])
	c.n += int64(n)
	if c.n > c.want.Size || errors.Is(err, io.EOF) && (c.n != c.want.Size || hosts.ID(c.sum.Sum(nil)) != c.want.ID) {
		return 0, fmt.Errorf("%w: the store's content %s is not what it was: remove it from the store's blobs, and take the snapshot again", states.ErrTampered, c.want.ID)
	}
	return n, err
}
