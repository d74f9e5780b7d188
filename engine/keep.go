package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"hikae/hosts"
)

// Kept is where old bytes are put before they are overwritten or removed:
// Kept/TIME/PATH, for keepDays.
const (
	Kept     = "/var/lib/hikae/kept"
	keepDays = 30
	keptTime = "20060102T150405Z"
)

// keeper puts old bytes aside during one apply.
type keeper struct {
	h    hosts.Host
	root string
}

func newKeeper(h hosts.Host) *keeper {
	return &keeper{h: h, root: path.Join(Kept, time.Now().UTC().Format(keptTime))}
}

// keep copies a file with its metadata and says where to.
func (k *keeper) keep(ctx context.Context, p string) (string, error) {
	n, err := k.h.Stat(p)
	if err != nil {
		return "", fmt.Errorf("cannot keep %s: %w", p, err)
	}
	to := path.Join(k.root, p)
	if err := k.mkdirs(ctx, path.Dir(to)); err != nil {
		return "", err
	}
	r, err := k.h.Open(p)
	if err != nil {
		return "", fmt.Errorf("cannot keep %s: %w", p, err)
	}
	defer r.Close() //nolint:errcheck // opened for reading
	if err := k.h.Put(ctx, to, n, r); err != nil {
		return "", fmt.Errorf("cannot keep %s: %w", p, err)
	}
	return to, nil
}

func (k *keeper) mkdirs(ctx context.Context, dir string) error {
	if _, err := k.h.Stat(dir); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot look at %s: %w", dir, err)
	}
	if err := k.mkdirs(ctx, path.Dir(dir)); err != nil {
		return err
	}
	return k.h.Put(ctx, dir, hosts.Node{Type: hosts.Dir, Mode: 0o700, Owner: "root", Group: "root"}, nil)
}

// prune removes what was kept longer than keepDays ago.
func (k *keeper) prune(ctx context.Context) error {
	names, err := k.h.ReadDir(Kept)
	if err != nil {
		return nil //nolint:nilerr // nothing was ever kept
	}
	var errs []error
	for _, name := range names {
		t, err := time.Parse(keptTime, name)
		if err != nil || time.Since(t) < keepDays*24*time.Hour {
			continue
		}
		errs = append(errs, removeAll(ctx, k.h, path.Join(Kept, name)))
	}
	return errors.Join(errs...)
}

func removeAll(ctx context.Context, h hosts.Host, p string) error {
	n, err := h.Stat(p)
	if err != nil {
		return err
	}
	if n.Type == hosts.Dir {
		names, err := h.ReadDir(p)
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := removeAll(ctx, h, path.Join(p, name)); err != nil {
				return err
			}
		}
	}
	return h.Remove(ctx, p)
}
