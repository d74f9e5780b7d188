package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"hikae/engine"
	"hikae/engine/agent"
	"hikae/hosts"
	"hikae/states"
)

// largeFrom is the size in bytes from which the contents of a host that is read for the
// first time are named while they are fetched, and not before.
const largeFrom = 16 << 20

// openToKeep is open for a snapshot: all that is read has a name, and what is large
// may be in the store by then.
func (c *Controller) openToKeep(ctx context.Context, t Target) (*session, error) {
	conn, err := c.connected(ctx, t, c.dial(ctx, t), false)
	if err != nil {
		return nil, err
	}
	s, err := c.readToKeep(ctx, conn, t)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return s, nil
}

func (c *Controller) readToKeep(ctx context.Context, conn *agent.Client, t Target) (*session, error) {
	scope, err := c.scope(t, nil)
	if err != nil {
		return nil, err
	}
	if scope.Unnamed, err = c.unnamed(ctx, t); err != nil {
		return nil, err
	}
	act, err := c.readScope(ctx, conn, t, scope)
	if err != nil {
		return nil, err
	}
	if scope.Unnamed != nil {
		err = c.nameLarge(ctx, conn, t, act)
	}
	return &session{conn: conn, actual: act}, err
}

// unnamed says which contents a host need not name; nil for none. Of a host that was
// read before it knows the names of most, and a new one may be fetched over a slow line:
// there it is worth while to ask first.
func (c *Controller) unnamed(ctx context.Context, t Target) (*engine.Unnamed, error) {
	stamps, err := c.Store.Get(states.Stamps, t.Name)
	if err != nil || len(stamps) > 0 {
		return nil, err
	}
	u := &engine.Unnamed{From: largeFrom}
	err = c.Store.Blobs.List(ctx, func(_ string, size int64) error {
		if size >= largeFrom {
			u.But = append(u.But, size)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot list the store's contents: %w", err)
	}
	slices.Sort(u.But)
	u.But = slices.Compact(u.But)
	return u, nil
}

// isUnnamed reports whether a resource is a file whose content has no name yet.
func isUnnamed(r *engine.Resource) bool {
	return r.Addr.Kind == "file" && r.Node != nil && r.Node.Type == hosts.File && r.Node.Content.ID.IsZero()
}

// nameLarge fetches the contents that have no name yet, and gives them theirs. A file
// that was written to meanwhile was not seen.
func (c *Controller) nameLarge(ctx context.Context, conn *agent.Client, t Target, act *engine.Actual) error {
	var files []agent.Unnamed
	for _, a := range slices.SortedFunc(maps.Keys(act.Resources), engine.Addr.Compare) {
		if r := act.Resources[a]; isUnnamed(r) {
			files = append(files, agent.Unnamed{Path: a.Name, Size: r.Node.Content.Size})
		}
	}
	if len(files) == 0 {
		return nil
	}
	got, failed := 0, 0
	err := conn.FetchUnnamed(ctx, files, func(f agent.Unnamed, r io.Reader, name func() hosts.Content) error {
		c.View.Progress(t.Name, fmt.Sprintf("fetching %s (%d MiB)", f.Path, f.Size>>20))
		a := engine.Addr{Kind: "file", Name: f.Path}
		err := c.Store.PutNew(ctx, r, func() string { return blobName(name()) })
		if wrong, ok := errors.AsType[*agent.ContentError](err); ok {
			failed++
			cov := act.Coverage[a.Kind]
			cov.Holes = append(slices.Clip(cov.Holes), engine.Hole{Path: f.Path, Err: wrong.Err.Error()})
			act.Coverage[a.Kind] = cov
			delete(act.Resources, a)
			return wrong
		}
		if err != nil {
			return err
		}
		got++
		act.Resources[a].Node.Content = name()
		return nil
	})
	if got+failed == len(files) {
		return nil // each that failed is told by its path
	}
	return err
}
