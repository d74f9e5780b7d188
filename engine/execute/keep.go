package execute

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"time"

	"hikae/engine"
	"hikae/hosts"
)

// Old bytes are in engine.Kept/TIME/PATH, for keepDays.
const (
	keepDays = 30
	keptTime = "20060102T150405Z"
)

// keeper puts old bytes aside during one apply.
type keeper struct {
	h    hosts.Host
	root string
	made map[string]bool // directories below it
}

// newKeeper chooses a directory that no other apply has: nothing that was kept
// is ever written over.
func newKeeper(h hosts.Host) *keeper {
	first := path.Join(engine.Kept, time.Now().UTC().Format(keptTime))
	root := first
	for n := 2; ; n++ {
		if _, err := h.Stat(root); err != nil {
			return &keeper{h: h, root: root, made: map[string]bool{}}
		}
		root = first + "-" + strconv.Itoa(n)
	}
}

// keep puts files aside with their metadata and says where. What it made is on
// disk when it returns.
func (k *keeper) keep(ctx context.Context, paths []string) ([]string, error) {
	stager, ok := k.h.(hosts.Stager)
	if !ok {
		return nil, errors.New("this host cannot make files ready")
	}
	var staged []hosts.Staged
	discard := func(err error) error {
		for _, s := range staged {
			err = errors.Join(err, s.Discard())
		}
		return err
	}
	kept := make([]string, len(paths))
	for i, p := range paths {
		kept[i] = path.Join(k.root, p)
		if dir := path.Dir(kept[i]); !k.made[dir] {
			if err := mkdirs(ctx, k.h, dir, putSoon); err != nil {
				return nil, discard(fmt.Errorf("cannot keep %s: %w", p, err))
			}
			k.made[dir] = true
		}
		if k.link(ctx, p, kept[i]) {
			continue
		}
		s, err := k.stage(ctx, stager, p, kept[i])
		if err != nil {
			return nil, discard(fmt.Errorf("cannot keep %s: %w", p, err))
		}
		staged = append(staged, s)
	}
	for i, s := range staged {
		if err := s.Commit(); err != nil {
			staged = staged[i:]
			return nil, discard(fmt.Errorf("cannot keep old files: %w", err))
		}
	}
	if err := syncSoon(ctx, k.h); err != nil {
		return nil, fmt.Errorf("cannot keep old files: %w", err)
	}
	return kept, nil
}

// link gives the old file a second name, which is all that a rename over the
// first leaves of it: no byte is copied. Until then, whoever writes to the one
// writes to the other.
func (k *keeper) link(ctx context.Context, from, to string) bool {
	l, ok := k.h.(hosts.Linker)
	return ok && l.Link(ctx, from, to) == nil
}

// stage copies a file: what is kept lies on another file system.
func (k *keeper) stage(ctx context.Context, stager hosts.Stager, p, to string) (hosts.Staged, error) {
	n, err := k.h.Stat(p)
	if err != nil {
		return nil, err
	}
	r, err := k.h.Open(p)
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // opened for reading
	return stager.Stage(ctx, to, n, r)
}

// mkdirs makes directories that are hikae's own, root's and nobody else's.
func mkdirs(ctx context.Context, h hosts.Host, dir string, by put) error {
	if _, err := h.Stat(dir); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot look at %s: %w", dir, err)
	}
	if err := mkdirs(ctx, h, path.Dir(dir), by); err != nil {
		return err
	}
	return by(ctx, h, dir, hosts.Node{Type: hosts.Dir, Mode: 0o700, Owner: "root", Group: "root"}, nil)
}

// prune removes what was kept longer than keepDays ago.
func (k *keeper) prune(ctx context.Context) error {
	names, err := k.h.ReadDir(engine.Kept)
	if err != nil {
		return nil //nolint:nilerr // nothing was ever kept
	}
	var errs []error
	for _, name := range names {
		t, err := time.Parse(keptTime, name[:min(len(name), len(keptTime))])
		if err != nil || time.Since(t) < keepDays*24*time.Hour {
			continue
		}
		errs = append(errs, removeAll(ctx, k.h, path.Join(engine.Kept, name)))
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
