package inotify

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// child takes a directory of a listing, if it is one and somebody wants to hear of it.
func (w *watcher) child(v *visit, name []byte) {
	at := join(v.path, name)
	way := w.wayAt(v.dir, name)
	cover := w.plan.coverAt(w.t.dirs[v.dir].cover, at, way)
	if cover == 0 && way == nil || way == nil && w.marks.has(at) {
		return
	}
	c := w.t.find(v.dir, name)
	_, looked := w.inos[v.dir]
	wd, err := int32(0), error(nil)
	if c != none && w.t.dirs[c].wd != 0 || !w.full && !looked {
		wd, err = w.k.add(v.fd, string(name))
	}
	switch {
	case err == nil:
	case scarce(err):
		w.full = true
	case gone(err):
		return
	default:
		w.closedTo(at, err)
		return
	}
	var st unix.Stat_t
	if err := statAt(v.fd, string(name), &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR || way == nil && st.Dev != v.dev {
		if wd != 0 && w.t.watched(wd) == none {
			w.k.remove(wd)
		}
		return
	}
	c, isNew := w.known(v, c, name, wd, st.Ino)
	if c == none {
		return
	}
	w.t.set(c, flagKept)
	w.setWay(c, way)
	was := w.t.dirs[c].cover
	w.t.dirs[c].cover = cover
	leaf := st.Nlink == 2 && st.Dev == v.dev && v.counts
	switch {
	case isNew == isMoved:
		w.push(c, w.telling(c, &job{all: true, told: true}))
	case isNew == isOther && (v.job.told || v.job.since != 0):
		j := w.telling(c, &job{})
		if !leaf {
			w.push(c, j)
		}
		w.finish(j)
	case isNew == isOther && !leaf, isNew == isSame && (v.job.all || was != cover):
		w.push(c, v.job)
	}
}

// telling has a job tell of all below c when it is done: it is watched then.
func (w *watcher) telling(c int32, j *job) *job {
	j.end = func() { w.tellDir(c, true, false) }
	return j
}

// What a directory that is found is to the one that was known by its name.
const (
	isSame  = iota
	isOther // none was known by this inode
	isMoved // it was known in another place
)

// known gives the directory name of a visit, which has the number wd (0: it is
// not watched); c is what was known by that name. It gives none where what is
// known must first be set right.
func (w *watcher) known(v *visit, c int32, name []byte, wd int32, ino uint64) (int32, int) {
	if c != none {
		d := &w.t.dirs[c]
		switch {
		case wd != 0 && d.wd == wd:
			return c, isSame
		case d.wd == 0 && w.inos[c] == ino && ino != 0:
			if wd != 0 && w.claim(wd) == free {
				w.t.setWD(c, wd)
				w.unlook(c)
			}
			return c, isSame
		}
		w.drop(c)
	}
	if wd != 0 {
		switch w.claim(wd) {
		case elsewhere:
			c = w.t.watched(wd)
			if w.t.below(v.dir, c) { // what is known of v is older than what it holds
				w.suspect(v.dir)
				return none, isSame
			}
			if old := w.t.dirs[c].parent; old != none {
				w.push(old, &job{told: true}) // another may be in its place
			}
			w.t.detach(c)
			w.t.attach(c, v.dir, name)
			return c, isMoved
		case twice:
			wd = 0
			w.noteOnce(fmt.Sprintf("%s is the same directory as one that is watched by another name: it is looked at every few seconds", shown(join(v.path, name))))
		}
	}
	c = w.t.make()
	w.t.attach(c, v.dir, name)
	w.t.setWD(c, wd)
	if wd == 0 {
		w.look(c, ino)
	}
	return c, isOther
}

// Whose a number of the kernel's is.
const (
	free      = iota // nobody's any more
	elsewhere        // a directory's that has moved
	twice            // a directory's that is still where it was
)

// claim says whose wd is; free is made so.
func (w *watcher) claim(wd int32) int {
	n := w.t.watched(wd)
	if n == none {
		return free
	}
	p, ok := w.t.path(n)
	if !ok {
		if w.t.going(n) {
			w.t.setWD(n, 0)
			return free
		}
		return elsewhere
	}
	fd, err := w.k.open(p)
	if err != nil {
		return elsewhere
	}
	defer func() { _ = unix.Close(fd) }()
	if w.isHere(n, fd) {
		return twice
	}
	return elsewhere
}

// drop lets go of a directory and all below it.
func (w *watcher) drop(n int32) {
	if w.t.has(n, flagDead) {
		return
	}
	w.t.detach(n)
	w.t.set(n, flagDead)
	w.drops = append(w.drops, n)
}

func (w *watcher) dropAt(n int32, name []byte) {
	if c := w.t.find(n, name); c != none {
		w.drop(c)
	}
}

// forget is the work of drop, for one directory.
func (w *watcher) forget(n int32) {
	if w.t.has(n, flagFree) {
		return
	}
	w.t.children(n, w.drop)
	if wd := w.t.dirs[n].wd; wd != 0 {
		w.k.remove(wd)
		w.t.setWD(n, 0)
	}
	if w.t.has(n, flagWaiting) {
		for e := range w.waiting {
			if e.dir == n {
				delete(w.waiting, e)
			}
		}
	}
	delete(w.ways, n)
	delete(w.doubts, n)
	w.unlook(n)
	w.t.release(n) // a task of it that waits finds nothing, or lists another once too often
}
