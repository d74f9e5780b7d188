package execute

import (
	"context"
	"errors"
	"io"

	"hikae/hosts"
)

// Each sync waits for the disk, and what is put on disk together waits once. So an
// apply writes what it needs before it changes anything (its journal, directories
// for what is kept), and syncs all of it right before that. A kill needs no sync;
// of a power cut before that one, nothing is left but what was to be thrown away.

// syncer is a host whose writes can be synced together.
type syncer interface {
	hosts.Stager
	hosts.Syncer
}

// put is how something is written.
type put func(ctx context.Context, h hosts.Host, p string, n hosts.Node, content io.Reader) error

// putNow is Host.Put.
func putNow(ctx context.Context, h hosts.Host, p string, n hosts.Node, content io.Reader) error {
	return h.Put(ctx, p, n, content)
}

// putSoon is Host.Put, but for the sync.
func putSoon(ctx context.Context, h hosts.Host, p string, n hosts.Node, content io.Reader) error {
	s, ok := h.(syncer)
	if !ok {
		return h.Put(ctx, p, n, content)
	}
	staged, err := s.Stage(ctx, p, n, content)
	if err != nil {
		return err
	}
	if err := staged.Commit(); err != nil {
		return errors.Join(err, staged.Discard())
	}
	return nil
}

// syncSoon is that sync.
func syncSoon(ctx context.Context, h hosts.Host) error {
	if s, ok := h.(syncer); ok {
		return s.Sync(ctx)
	}
	return nil
}
