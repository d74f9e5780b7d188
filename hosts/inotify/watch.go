// Package inotify tells what changes below directories of this machine.
//
// It asks inotify(7) itself: the end of a write, and the two halves of a rename,
// are what a follower waits for. Only directories are watched, one watch each, so
// that a file which is replaced by a rename is not lost sight of; so are the
// directories above a root, so that a root which is missing or replaced is found.
// Links are never followed, and no other file system is entered.
//
// # What is told when
//
// At once: what was closed after writing, renamed, linked, removed, made (but for
// a file that is still open), or given other attributes. Within writtenAfter: what
// is written and stays open. What changes by a shared mapping is seen when it is
// closed and not before: inotify does not tell of it.
//
// # What makes it miss nothing
//
// A directory is told of, with all below it, once it is watched and not before:
// what was made in it earlier is then found by whoever reads it. A watch belongs to
// an inode, a path does not. So before a path is believed the kernel is asked to
// watch what is there: the number that it gives is the known one, or the directory
// has moved and events that say so are on their way. What they leave in doubt is
// listed again (doubtAfter).
//
// After the queue ran over, every watched directory is listed and what is in it is
// looked at. An inode's ctime cannot be set back: what has one from before the queue
// was last empty did not change, and only the rest is told of (hosts.Seen.Shallow,
// since of what was removed there is nothing left to look at). If the clock was set
// back meanwhile, all is in doubt. Directories that the kernel has no watches left
// for are looked at in the same way, every few seconds.
package inotify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// Bounds of waiting.
const (
	// writtenAfter is how long a file may be written and stay open untold.
	writtenAfter = 2 * time.Second
	// pairedAfter is how long the second half of a rename may come after the first.
	pairedAfter = 5 * time.Millisecond
	// doubtAfter is when a directory that was not where it should be is looked for.
	doubtAfter = 50 * time.Millisecond
	// pollEvery is how often directories without a watch are looked at, unless that
	// would take more than a pollShare-th of the time.
	pollEvery = 3 * time.Second
	pollShare = 50
	// workFor is how long directories are listed before events are taken again.
	workFor = time.Millisecond
	// breath is waited between looks at the queue once inVain of them gave nothing
	// to tell: a file that is written thousands of times a second is no reason to.
	breath = 2 * time.Millisecond
	inVain = 50
)

// Options say what a watch needs of the host.
type Options struct {
	Root string // the directory that is the host's root; "" is "/"
	// Resolve gives the path of a directory, once the links on the way that may be
	// followed were, and where these are, with an error too. nil: none may be.
	Resolve func(dir string) (is string, links []string, err error)
	// Patterns compiles hosts.WatchRoot.Exclude. nil: no root may have any.
	Patterns func(patterns []string) (match func(path string) bool, err error)
	Log      *slog.Logger

	slack time.Duration // how much a ctime may lag behind; a test's
	every time.Duration // pollEvery; a test's
	stall func()        // called before the queue is read; a test's
}

// Watch does what hosts.Watcher's Watch says.
func Watch(ctx context.Context, opts Options, roots []hosts.WatchRoot, emit func(hosts.WatchReport) error) error {
	if opts.Root == "" {
		opts.Root = "/"
	}
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	if opts.slack == 0 {
		opts.slack = ctimeSlack
	}
	if opts.every == 0 {
		opts.every = pollEvery
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out := newOutbox()
	for _, r := range roots {
		out.roots = append(out.roots, r.Path)
	}
	done := make(chan error, 1)
	go func() { done <- watch(ctx, &opts, roots, out) }()
	for {
		select {
		case err := <-done:
			if err == nil {
				err = context.Cause(ctx)
			}
			return fmt.Errorf("cannot watch: %w", err)
		case <-out.ring:
			if ctx.Err() != nil {
				continue
			}
			if r, ok := out.take(); ok {
				if err := emit(r); err != nil {
					cancel(err)
				}
			}
		}
	}
}

// errElsewhere: a link on the way to a root leads elsewhere now.
var errElsewhere = errors.New("a root is elsewhere")

// watch runs until ctx ends, beginning anew when a root is elsewhere.
func watch(ctx context.Context, opts *Options, roots []hosts.WatchRoot, out *outbox) error {
	for first := true; ; first = false {
		p, err := makePlan(opts, roots)
		if err != nil {
			return err
		}
		w := newWatcher(opts, p, out)
		err = w.open()
		if err == nil {
			w.silent = first
			err = w.run(ctx)
		}
		w.close()
		if !errors.Is(err, errElsewhere) {
			return err
		}
	}
}

// watcher is a watch under way. One goroutine uses it.
type watcher struct {
	opts *Options
	plan *plan
	k    *kernel
	t    *table
	out  *outbox

	ways map[int32]*way   // of directories that lead to roots
	inos map[int32]uint64 // of directories that have no watch and are looked at

	waiting map[entry]*wait // files that are being written
	due     []dueWait
	made    []entry // files that were made since events were last taken
	moved   map[uint32]*move
	doubts  map[int32]*doubt
	drained bool // the kernel's queue was empty
	strays  bool // something happened in a directory on its way

	tasks []task
	drops []int32 // directories that are going away
	looks looks
	marks mounts

	silent  bool // what is found by the first listing is not told
	ready   bool
	relink  bool // a link on the way to a root was changed
	full    bool // the kernel gives no more watches
	noted   map[string]bool
	tops    []string // directories that are looked at, as told
	repoll  bool     // tops may have changed
	systems map[uint64]fileSystem
	wake    int // eventfd(2): ctx has ended
	buf     []byte
	listing []byte
	scratch []string
}

func newWatcher(opts *Options, p *plan, out *outbox) *watcher {
	return &watcher{
		opts: opts, plan: p, out: out, t: newTable(), wake: -1,
		ways: map[int32]*way{0: p.way}, inos: map[int32]uint64{},
		waiting: map[entry]*wait{}, moved: map[uint32]*move{}, doubts: map[int32]*doubt{},
		noted: map[string]bool{}, systems: map[uint64]fileSystem{},
		buf: make([]byte, 64<<10), listing: make([]byte, 32<<10),
	}
}

func (w *watcher) open() (err error) {
	if w.k, err = openKernel(w.opts.Root); err != nil {
		return err
	}
	if w.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return fmt.Errorf("eventfd: %w", err)
	}
	if err := w.marks.open(w.opts.Root); err != nil {
		return err
	}
	if err := w.k.start(); err != nil {
		if !scarce(err) {
			return fmt.Errorf("inotify_init: %w", err)
		}
		w.full = true
		w.noteOnce(fmt.Sprintf("the kernel gives this user no more instances of inotify (%v): everything is looked at every few seconds instead; raise fs.inotify.max_user_instances (sysctl), to twice what it is, and start again", err))
	}
	return nil
}

func (w *watcher) close() {
	if w.k != nil {
		w.k.close()
	}
	if w.wake >= 0 {
		_ = unix.Close(w.wake)
	}
	w.marks.close()
}

// noteOnce tells a person something, unless it was told.
func (w *watcher) noteOnce(s string) {
	const most = 200
	switch {
	case w.noted[s] || len(w.noted) > most:
		return
	case len(w.noted) == most:
		w.noted[s] = true
		s = fmt.Sprintf("more than %d notes: what else there is to say of this watch is not said until it begins anew", most)
	}
	w.noted[s] = true
	w.out.note(s)
}

// shown is a path as a person can read it.
func shown(p string) string {
	if q := strconv.Quote(p); len(q) != len(p)+2 {
		return q
	}
	return p
}
