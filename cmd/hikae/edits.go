package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// untilEdited calls edited once the project is another, and one that can be followed.
// files are those that it takes bytes of.
func (a *app) untilEdited(ctx context.Context, files []string, stamp string, log *slog.Logger, edited func()) {
	const every = 2 * time.Second
	tick := time.NewTicker(every)
	defer tick.Stop()
	for e := (edits{followed: stamp, seen: stamp}); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !e.settled(a.projectStamp(files), time.Now()) {
			continue
		}
		err := a.followable()
		if err == nil {
			edited()
			return
		}
		if ctx.Err() == nil {
			log.Error("the project was edited and cannot be followed: it is followed as it was", "error", err, "again_in", e.refused(time.Now()))
		}
	}
}

// edits are those of a project, by its stamp.
type edits struct {
	followed string // the last that was tried
	seen     string
	tries    int       // of that, in vain
	again    time.Time // when it is tried once more
}

// settled reports whether a project is another, and is not being written: half of one
// says that the rest is to go. One that was refused is tried again now and then: what
// it lacked may have come, and no stamp tells of it (a key, room on the disk).
func (e *edits) settled(stamp string, now time.Time) bool {
	still := stamp == e.seen
	e.seen = stamp
	switch {
	case !still:
		return false
	case stamp != e.followed:
		e.followed, e.tries = stamp, 0
		return true
	}
	return e.tries > 0 && !now.Before(e.again)
}

// refused puts off the next try, each time for longer.
func (e *edits) refused(now time.Time) time.Duration {
	const first, longest = 10 * time.Second, 5 * time.Minute
	wait := min(first<<min(e.tries, 10), longest)
	e.tries++
	e.again = now.Add(wait)
	return wait
}

// followable is an error where the project cannot be read, nobody follows in it, or its
// keys or its store cannot be had.
func (a *app) followable() error {
	pr, err := a.project()
	if err == nil {
		_, err = following(pr)
	}
	if err == nil {
		_, err = a.controller(pr)
	}
	return err
}

// projectStamp tells two states apart of the project's HCL, and of files in it.
func (a *app) projectStamp(files []string) string {
	names, _ := filepath.Glob(filepath.Join(a.dir, "*.hcl")) // the pattern is good
	for _, f := range files {
		names = append(names, filepath.Join(a.dir, filepath.FromSlash(f)))
	}
	var b strings.Builder
	for _, n := range names {
		if fi, err := os.Stat(n); err == nil {
			_, _ = fmt.Fprintln(&b, n, fi.Size(), fi.ModTime().UnixNano())
		}
	}
	return b.String()
}
