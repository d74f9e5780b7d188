package inotify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// run takes events and tells of them until ctx ends.
func (w *watcher) run(ctx context.Context) error {
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(woken)
		_, _ = unix.Write(w.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	})
	defer func() {
		if !stop() {
			<-woken // the descriptor is closed next, and then another's
		}
	}()
	w.looks.emptied = wallClock()
	w.begin()
	fds := []unix.PollFd{
		{Fd: int32(w.wake), Events: unix.POLLIN},      //nolint:gosec // a descriptor
		{Fd: int32(w.marks.fd), Events: unix.POLLPRI}, //nolint:gosec // a descriptor
		{Fd: int32(w.k.fd), Events: unix.POLLIN},      //nolint:gosec // a descriptor; -1 is passed over
	}
	vain := 0 // how often in a row events came and there was nothing to tell
	for {
		if _, err := unix.Poll(fds, w.timeout(time.Now())); err != nil && err != unix.EINTR {
			return fmt.Errorf("poll: %w", err)
		}
		if ctx.Err() != nil {
			return nil
		}
		if fds[1].Revents != 0 {
			w.remounted()
		}
		w.drained = true
		if fds[2].Revents != 0 {
			if err := w.drain(); err != nil {
				return err
			}
		}
		now := time.Now()
		w.expire(now)
		w.work(now.Add(workFor))
		if w.relink {
			w.relink = false
			if elsewhere := w.plan.moved(w.opts); len(elsewhere) > 0 {
				for _, r := range elsewhere {
					w.out.tell(r.Path, true, !r.Tree)
				}
				return errElsewhere
			}
		}
		told := w.out.flush(w.state(), w.ready)
		w.ready = false
		if told || fds[2].Revents == 0 || len(w.tasks) > 0 {
			vain = 0
		} else if vain++; vain > inVain {
			time.Sleep(breath) // somebody writes and writes: its end is what is waited for
		}
	}
}

// begin has all roots listed.
func (w *watcher) begin() {
	silent := w.silent
	w.t.dirs[0].cover = w.plan.coverAt(0, "/", w.plan.way)
	w.push(0, &job{all: true, end: func() {
		w.ready = silent
		for _, r := range w.plan.roots {
			if !silent {
				w.out.tell(r.Path, true, !r.Tree)
			}
		}
	}})
}

// drain takes what is in the kernel's queue.
func (w *watcher) drain() error {
	if w.opts.stall != nil {
		w.opts.stall()
	}
	for range 16 { // then what was told goes out, and more is taken
		now := wallClock()
		n, err := retry(func() (int, error) { return unix.Read(w.k.fd, w.buf) })
		if errors.Is(err, unix.EAGAIN) {
			w.settle()
			w.looks.emptied = now
			return nil
		}
		if err != nil {
			return fmt.Errorf("cannot read events: %w", err)
		}
		ran := false
		if err := parse(w.buf[:n], func(e event) {
			if e.is(unix.IN_Q_OVERFLOW) {
				ran = true
				w.overflow()
				return
			}
			w.event(&e)
		}); err != nil {
			return err
		}
		w.settle()
		if n < len(w.buf)-unix.SizeofInotifyEvent-256 { // all that there was
			if !ran {
				w.looks.emptied = now
			}
			if len(w.made) > 0 {
				continue
			}
			return nil
		}
	}
	w.drained = false
	return nil
}

// timeout is how many milliseconds nothing is to be done; -1 until something happens.
func (w *watcher) timeout(now time.Time) int {
	if len(w.tasks)+len(w.drops) > 0 {
		return 0
	}
	var next time.Time
	sooner := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	for _, m := range w.moved {
		sooner(m.until)
	}
	for _, d := range w.doubts {
		sooner(d.until)
	}
	if len(w.due) > 0 {
		sooner(w.due[0].until)
	}
	if len(w.inos) > 0 && !w.looks.polling {
		sooner(w.looks.next)
	}
	if next.IsZero() {
		return -1
	}
	if wait := next.Sub(now); wait > 0 {
		return int((wait + time.Millisecond - 1) / time.Millisecond)
	}
	return 0
}

// expire does what is due.
func (w *watcher) expire(now time.Time) {
	for cookie, m := range w.moved {
		if w.drained && now.After(m.until) {
			delete(w.moved, cookie)
			w.left(m)
		}
	}
	if len(w.moved) == 0 {
		w.strays = false
	}
	for len(w.due) > 0 && !now.Before(w.due[0].until) {
		d := w.due[0]
		w.due = w.due[1:]
		if w.waiting[d.entry] == d.wait {
			delete(w.waiting, d.entry)
			w.tell(d.dir, []byte(d.name))
		}
	}
	for n, d := range w.doubts {
		if !now.Before(d.until) {
			w.recheck(n, d)
		}
	}
	if len(w.inos) > 0 && !w.looks.polling && !now.Before(w.looks.next) {
		w.poll()
	}
}
