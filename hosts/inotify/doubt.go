package inotify

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ctimeSlack is how much older than its event a change's ctime may be: it is
// taken from a coarse clock (jiffies, whole seconds on old file systems) when the
// change begins, and a long write(2) tells of itself when it has ended.
const ctimeSlack = 5 * time.Second

// doubt is of a directory that was not where it should be.
type doubt struct {
	until time.Time
	tries int
}

// suspect has a directory looked for again, after the events that are on their
// way have said where it is.
func (w *watcher) suspect(n int32) {
	if w.doubts[n] == nil && !w.t.going(n) {
		w.doubts[n] = &doubt{until: time.Now().Add(doubtAfter)}
	}
}

// recheck lists a directory in doubt, and what it is in.
func (w *watcher) recheck(n int32, d *doubt) {
	if _, ok := w.t.path(n); !ok && !w.t.going(n) {
		d.until = time.Now().Add(doubtAfter) // it is on its way
		return
	}
	const most = 6
	if d.tries++; d.tries > most || w.t.going(n) {
		delete(w.doubts, n)
		if !w.t.going(n) {
			w.tellDir(n, true, false)
			w.look(n, 0)
		}
		return
	}
	d.until = time.Now().Add(doubtAfter << d.tries)
	w.push(n, w.telling(n, &job{all: true, told: true}))
	if parent := w.t.dirs[n].parent; parent != none {
		w.push(parent, &job{told: true}) // first
	}
}

// looks is how what is not told by events is found.
type looks struct {
	emptied clock // when the kernel's queue was last seen empty
	over    bool  // it ran over, and all is looked at
	again   bool  // it ran over meanwhile

	polling bool      // what has no watch is being looked at
	next    time.Time // when it is again
	last    clock     // when that was begun
}

// clock is the time by the clock that ctimes have, and by one that nobody sets.
type clock struct{ wall, boot int64 }

func wallClock() clock {
	var wall, boot unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_REALTIME, &wall)
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot)
	return clock{wall.Nano(), boot.Nano()}
}

// since is the least ctime that what changed after c can have. false, and 0: the
// clock was set back, and there is none.
func (c clock) since(slack time.Duration) (int64, bool) {
	now := wallClock()
	if step := (now.wall - now.boot) - (c.wall - c.boot); step < -int64(slack)/2 {
		return 0, false
	}
	return max(1, c.wall-int64(slack)), true
}

// overflow finds what the events that were lost would have told.
func (w *watcher) overflow() {
	if w.looks.over {
		w.looks.again = true
		return
	}
	w.looks.over = true
	since, ok := w.looks.emptied.since(w.opts.slack)
	began := wallClock()
	if !ok {
		for _, r := range w.plan.roots {
			w.out.tell(r.Path, true, !r.Tree)
		}
		w.noteOnce("the kernel's queue of changes ran over while the clock was set back: all is in doubt")
	}
	w.noteOnce(fmt.Sprintf("the kernel's queue of changes ran over, as it does when very much changes at once: what was lost is looked for each time; fs.inotify.max_queued_events (sysctl) of %d holds more", 4*kernelLimit("max_queued_events", 16384)))
	w.opts.Log.Info("the kernel's queue of changes ran over: looking for what changed", "since", time.Unix(0, since))
	w.push(0, &job{all: true, told: true, since: since, end: func() {
		w.looks.over = false
		if w.looks.again {
			w.looks.again = false
			w.looks.emptied = began
			w.overflow()
		}
	}})
}

// look has a directory looked at every few seconds, since it has no watch.
func (w *watcher) look(n int32, ino uint64) {
	if len(w.inos) == 0 {
		w.looks.last = wallClock()
		w.looks.next = time.Now().Add(w.opts.every)
	}
	if _, ok := w.inos[n]; !ok {
		w.repoll = true
	}
	w.inos[n] = ino
}

func (w *watcher) unlook(n int32) {
	if _, ok := w.inos[n]; ok {
		delete(w.inos, n)
		w.repoll = true
	}
}

// unwatched gives the directories without a watch that lie in one that has.
func (w *watcher) unwatched() (tops []int32) {
	for n := range w.inos {
		parent := w.t.dirs[n].parent
		if _, within := w.inos[parent]; !within && (parent != none || w.t.has(n, flagRoot)) {
			tops = append(tops, n)
		}
	}
	return tops
}

// poll looks at what has no watch, and asks for watches again.
func (w *watcher) poll() {
	since, ok := w.looks.last.since(w.opts.slack)
	w.looks.last = wallClock()
	w.looks.polling = true
	w.full = w.k.fd < 0
	began := time.Now()
	left := 0
	for _, n := range w.unwatched() {
		if !ok {
			w.tellDir(n, true, false)
		}
		left++
		w.push(n, &job{all: true, told: true, since: since, end: func() {
			if left--; left == 0 {
				w.polled(began)
			}
		}})
	}
	if left == 0 {
		w.polled(began)
	}
}

func (w *watcher) polled(began time.Time) {
	w.looks.polling = false
	w.looks.next = time.Now().Add(max(w.opts.every, pollShare*time.Since(began)))
}

// state is how the watch is; a note says when it came to lack watches, or not to.
func (w *watcher) state() state {
	if w.repoll && len(w.tasks) == 0 {
		w.repoll = false
		var tops []string
		for _, n := range w.unwatched() {
			if p, ok := w.t.path(n); ok {
				tops = append(tops, p)
			}
		}
		slices.Sort(tops)
		w.noteLimit(tops)
		w.tops = tops[:min(len(tops), maxTops)]
	}
	return state{watches: len(w.t.byWD), polled: w.tops}
}

// maxTops bounds what a report lists of directories without a watch.
const maxTops = 100

func (w *watcher) noteLimit(tops []string) {
	had := len(w.tops) > 0
	switch {
	case len(tops) > 0 && !had && w.full && w.k.fd >= 0:
		most := 1 << 16
		for most < 2*max(len(w.t.byWD)+len(w.inos), kernelLimit("max_user_watches", 0)) {
			most *= 2
		}
		const some = 3
		var names []string
		for _, p := range tops[:min(len(tops), some)] {
			names = append(names, shown(p))
		}
		where := strings.Join(names, ", ")
		if more := len(tops) - some; more > 0 {
			where += fmt.Sprintf(" and in %d more places", more)
		}
		w.out.note(fmt.Sprintf("the kernel gives no more than %d watches: %d directories, those at %s, are looked at every few seconds instead; raise fs.inotify.max_user_watches (sysctl) to %d",
			len(w.t.byWD), len(w.inos), where, most))
	case len(tops) == 0 && had:
		w.out.note("all directories are watched again")
	}
}

// join is path.Join of what is clean.
func join(dir string, name []byte) string {
	if dir == "/" {
		return "/" + string(name)
	}
	return dir + "/" + string(name)
}

// kernelLimit is one of those of inotify(7), or usual where it cannot be read.
func kernelLimit(name string, usual int) int {
	b, err := os.ReadFile("/proc/sys/fs/inotify/" + name)
	if err != nil {
		return usual
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return usual
	}
	return n
}
