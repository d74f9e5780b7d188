package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// syncers is how many fsync(2) wait at a time: a journal commits for all who
// wait for it at once.
const syncers = 16

// Sync implements hosts.Syncer.
func (h *Host) Sync(ctx context.Context) error {
	g := &h.staging
	g.mu.Lock()
	dirs := make([]string, 0, len(g.dirs))
	for dir := range g.dirs {
		dirs = append(dirs, dir)
	}
	g.mu.Unlock()
	slices.Sort(dirs)
	return inParallel(dirs, func(dir string) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return h.syncDir(dir)
	})
}

// syncDir makes the names in a directory durable.
func (h *Host) syncDir(dir string) error {
	d, err := h.openDir(dir)
	if err == nil {
		defer d.Close()
		err = fsyncAt(d, ".", unix.O_DIRECTORY)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot sync %s: %w", dir, err)
	}
	h.staging.mu.Lock()
	delete(h.staging.dirs, dir)
	h.staging.mu.Unlock()
	return nil
}

// flush puts the bytes of all that is staged on disk, before the first of it
// is renamed. Their writing was started when they were staged; the first fsync
// commits the journal for the others too, so many cost little more than one.
func (g *staging) flush(h *Host) error {
	g.mu.Lock()
	todo := make([]*staged, 0, len(g.unsynced))
	for s := range g.unsynced {
		todo = append(todo, s)
	}
	g.mu.Unlock()
	return inParallel(todo, func(s *staged) error {
		d, err := h.openDir(path.Dir(s.path))
		if err == nil {
			defer d.Close()
			err = fsyncAt(d, s.temp, 0)
		}
		if err != nil {
			return fmt.Errorf("cannot write %s: cannot sync it: %w", s.path, err)
		}
		g.mu.Lock()
		delete(g.unsynced, s)
		g.mu.Unlock()
		return nil
	})
}

func fsyncAt(d dirFD, name string, flags int) error {
	fd, err := d.openRead(name, flags)
	if err != nil {
		return err
	}
	defer dirFD(fd).Close()
	return retryErr(func() error { return unix.Fsync(fd) })
}

// inParallel calls fn for each, syncers at a time, and joins the errors.
func inParallel[T any](list []T, fn func(T) error) error {
	errs := make([]error, len(list))
	slots := make(chan struct{}, syncers)
	var wg sync.WaitGroup
	for i, v := range list {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = fn(v)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
