package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"hikae/engine"
	"hikae/engine/agent"
	"hikae/hosts"
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
	err = conn.Fetch(ctx, want, c.Keys.Recipients(), func(ct hosts.Content, r io.Reader) error {
		if err := c.Store.Blobs.Put(ctx, blobName(ct), r); err != nil {
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
	return failed, err
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
		r, err := c.Store.Blobs.Get(ctx, blobName(ct))
		if err != nil || !ct.Sealed {
			return r, err
		}
		defer r.Close() //nolint:errcheck // opened for reading
		plain, err := c.Keys.Open(r, ct)
		if err != nil {
			return nil, err
		}
		return io.NopCloser(bytes.NewReader(plain)), nil
	}
}
