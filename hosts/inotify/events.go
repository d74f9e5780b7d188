package inotify

import (
	"time"

	"golang.org/x/sys/unix"
)

// entry is a name in a directory.
type entry struct {
	dir  int32
	name string
}

// wait is of a file that is written and not closed yet.
type wait struct {
	written bool // there was a write; else it was only made
	looked  bool // it had something in it with no write told of, at a first look
}

type dueWait struct {
	entry
	wait  *wait
	until time.Time
}

// move is the first half of a rename.
type move struct {
	dir   int32  // that was renamed; none: no directory, or none that is watched
	from  string // as it is told; "" where nobody is to hear of it
	until time.Time
}

func (w *watcher) event(e *event) {
	n := w.t.watched(e.wd)
	if n == none {
		return
	}
	if e.is(unix.IN_IGNORED) {
		w.t.setWD(n, 0)
		w.suspect(n) // it was removed, which its parent tells, or its file system has gone
		return
	}
	if e.is(unix.IN_UNMOUNT) {
		return
	}
	isDir := e.is(unix.IN_ISDIR)
	if len(e.name) == 0 {
		if e.is(unix.IN_ATTRIB) {
			w.tellDir(n, false, false)
		}
		return
	}
	if way := w.wayAt(n, e.name); way != nil && (way.to != nil || way.link) && e.is(unix.IN_CREATE|unix.IN_DELETE|unix.IN_MOVED_FROM|unix.IN_MOVED_TO) {
		w.onTheWay(way)
	}
	switch {
	case e.is(unix.IN_MODIFY):
		w.await(n, e.name, true)
	case e.is(unix.IN_CLOSE_WRITE), e.is(unix.IN_ATTRIB):
		if e.is(unix.IN_CLOSE_WRITE) {
			w.closed(n, e.name)
		}
		w.tell(n, e.name)
	case e.is(unix.IN_CREATE) && isDir:
		w.removed(n, e.name)
		w.arrived(n, e.name)
	case e.is(unix.IN_CREATE):
		w.await(n, e.name, false)
	case e.is(unix.IN_DELETE):
		w.closed(n, e.name)
		if isDir {
			w.dropAt(n, e.name)
		}
		w.removed(n, e.name)
	case e.is(unix.IN_MOVED_FROM):
		w.movedFrom(n, e)
	case e.is(unix.IN_MOVED_TO):
		w.movedTo(n, e)
	}
}

// onTheWay tells of the roots that lie behind what came or went.
func (w *watcher) onTheWay(way *way) {
	w.relink = w.relink || w.opts.Resolve != nil
	for _, next := range way.to {
		next.below(func(r int) {
			root := w.plan.roots[r]
			w.out.tell(root.Path, true, !root.Tree)
		})
	}
}

func (w *watcher) movedFrom(n int32, e *event) {
	w.closed(n, e.name)
	m := &move{dir: none, until: time.Now().Add(pairedAfter)}
	if names := w.names(n, e.name); len(names) > 0 {
		m.from = names[0]
	}
	if e.is(unix.IN_ISDIR) {
		if m.dir = w.t.find(n, e.name); m.dir != none {
			w.t.detach(m.dir)
			// Two that were exchanged: the other one's second half came before this.
			w.arrived(n, e.name)
		}
	}
	w.moved[e.cookie] = m
}

// left is what becomes of a move that has no second half: it was renamed to
// where nobody watches.
func (w *watcher) left(m *move) {
	if m.dir != none && w.t.dirs[m.dir].parent == none {
		w.drop(m.dir)
	}
	if m.from != "" {
		w.out.removed(m.from)
	}
}

func (w *watcher) movedTo(n int32, e *event) {
	m := w.moved[e.cookie]
	if m == nil {
		m = &move{dir: none}
	}
	delete(w.moved, e.cookie)
	w.closed(n, e.name)
	if m.dir != none && (w.t.dirs[m.dir].parent != none || w.t.has(m.dir, flagDead)) { // a listing has found it already
		m.dir = none
	}
	names := w.names(n, e.name)
	for _, p := range names {
		if m.from != "" {
			w.out.renamed(p, m.from, e.is(unix.IN_ISDIR))
		} else {
			w.out.removed(p)
			if m.dir != none { // nobody who lists it would find it new
				w.out.tell(p, true, false)
			}
		}
	}
	if len(names) == 0 && m.from != "" {
		w.out.removed(m.from)
	}
	if !e.is(unix.IN_ISDIR) {
		w.dropAt(n, e.name)
		return
	}
	if m.dir != none {
		w.place(m.dir, n, e.name)
	}
	w.arrived(n, e.name)
}

// place gives a directory that was renamed its new place. Its watches are still
// good; what is to be checked is left to who lists it.
func (w *watcher) place(d, n int32, name []byte) {
	if w.t.below(n, d) { // events and listings are at odds
		w.drop(d)
		w.push(0, &job{all: true, told: true})
		return
	}
	w.dropAt(n, name)
	p, ok := w.t.path(n)
	if !ok {
		w.t.attach(d, n, name) // on its way with its parent
		w.strays = true
		return
	}
	was := w.t.dirs[d].cover
	w.t.attach(d, n, name)
	way := w.wayAt(n, name)
	cover := w.plan.coverAt(w.t.dirs[n].cover, join(p, name), way)
	if cover == 0 && way == nil {
		w.drop(d)
		return
	}
	w.setWay(d, way)
	w.t.dirs[d].cover = cover
	// A pattern may leave out below it what it did not before, and the other way round.
	all := w.strays || len(w.doubts) > 0 || cover != was || w.plan.patterns(cover)
	w.push(d, &job{all: all, told: true})
}

// await has a file told of when it is closed, or has been written for long.
func (w *watcher) await(n int32, name []byte, written bool) {
	e := entry{n, string(name)}
	if was := w.waiting[e]; was != nil {
		was.written = was.written || written
		return
	}
	if len(w.names(n, name)) == 0 {
		return
	}
	is := &wait{written: written}
	w.waiting[e] = is
	w.t.set(n, flagWaiting)
	w.due = append(w.due, dueWait{e, is, time.Now().Add(writtenAfter)})
	if !written {
		w.made = append(w.made, e)
	}
}

func (w *watcher) closed(n int32, name []byte) {
	if w.t.has(n, flagWaiting) {
		delete(w.waiting, entry{n, string(name)})
	}
}

// settle tells of those files made that nobody is going to close, as far as that
// can be seen: links, and what is no regular file. inotify says of all only
// that they were made.
func (w *watcher) settle() {
	again := w.made[:0]
	for _, e := range w.made {
		is := w.waiting[e]
		if is == nil || is.written {
			continue
		}
		p, ok := w.t.path(e.dir)
		if !ok {
			continue
		}
		fd, err := w.k.open(p)
		if err != nil {
			continue // it is told of later
		}
		var st unix.Stat_t
		err = statAt(fd, e.name, &st)
		_ = unix.Close(fd)
		if err == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && st.Nlink == 1 {
			if st.Size == 0 {
				continue
			}
			// A new file with something in it that no event told to be written is a link
			// to one that had no name: unless that event lies in the queue.
			if !is.looked {
				is.looked = true
				again = append(again, e)
				continue
			}
		}
		delete(w.waiting, e)
		w.tell(e.dir, []byte(e.name))
	}
	w.made = again
}

// names is what an entry is called by those who are to hear of it.
func (w *watcher) names(n int32, name []byte) []string {
	d := &w.t.dirs[n]
	way := w.wayAt(n, name)
	if d.cover == 0 && (way == nil || len(way.roots) == 0) {
		return nil
	}
	p, ok := w.t.path(n)
	if !ok {
		return nil
	}
	w.scratch = w.plan.names(w.scratch[:0], d.cover, join(p, name), way)
	return w.scratch
}

func (w *watcher) tell(n int32, name []byte) {
	for _, p := range w.names(n, name) {
		w.out.tell(p, false, false)
	}
}

// removed tells of an entry that went, or that is another than before.
func (w *watcher) removed(n int32, name []byte) {
	for _, p := range w.names(n, name) {
		w.out.removed(p)
	}
}

// tellDir tells of a directory itself.
func (w *watcher) tellDir(n int32, deep, shallow bool) {
	p, ok := w.t.path(n)
	if !ok {
		return
	}
	for _, name := range w.plan.names(nil, w.t.dirs[n].cover, p, w.ways[n]) {
		w.out.tell(name, deep, shallow)
	}
	way := w.ways[n]
	if way == nil || w.t.dirs[n].cover != 0 || !deep {
		return
	}
	if !shallow { // it is only a way to roots
		w.onTheWay(way)
		return
	}
	for _, next := range way.to {
		for _, r := range next.roots {
			w.out.tell(w.plan.roots[r].Path, false, false)
		}
	}
}

func (w *watcher) wayAt(n int32, name []byte) *way {
	if way := w.ways[n]; way != nil {
		return way.to[string(name)]
	}
	return nil
}

func (w *watcher) setWay(n int32, way *way) {
	if way != nil {
		w.ways[n] = way
	} else {
		delete(w.ways, n)
	}
}
