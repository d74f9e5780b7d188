package inotify

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// job is the listing of a directory and of what is found below it.
type job struct {
	all   bool  // known directories below it are listed too
	told  bool  // directories that were not known are told of: each has a job of its own
	since int64 // what changed at or after it, in ns by the wall clock, is told; 0: nothing is
	left  int   // tasks
	end   func()
}

// task is a directory to be listed.
type task struct {
	dir int32
	job *job
}

// start begins a job at n.
func (w *watcher) start(n int32, j *job) {
	w.push(n, j)
}

func (w *watcher) push(n int32, j *job) {
	j.left++
	w.tasks = append(w.tasks, task{n, j})
}

func (w *watcher) finish(j *job) {
	if j.left == 0 && j.end != nil {
		j.end()
		j.end = nil
	}
}

// work lists directories, and lets go of those that have gone, until it is late.
func (w *watcher) work(late time.Time) {
	for i := 1; len(w.drops)+len(w.tasks) > 0; i++ {
		if last := len(w.drops) - 1; last >= 0 {
			n := w.drops[last]
			w.drops = w.drops[:last]
			w.forget(n)
		} else {
			last := len(w.tasks) - 1
			t := w.tasks[last]
			w.tasks = w.tasks[:last]
			w.list(t.dir, t.job)
			t.job.left--
			w.finish(t.job)
		}
		if i%8 == 0 && time.Now().After(late) {
			return
		}
	}
}

// arrived looks at a directory that came to be in n.
func (w *watcher) arrived(n int32, name []byte) {
	p, ok := w.t.path(n)
	if !ok {
		w.strays = true
		return
	}
	if w.plan.coverAt(w.t.dirs[n].cover, join(p, name), w.wayAt(n, name)) == 0 && w.wayAt(n, name) == nil {
		return
	}
	fd, err := w.k.open(p)
	if err != nil {
		w.unlisted(n, p, err)
		return
	}
	defer func() { _ = unix.Close(fd) }()
	var st unix.Stat_t
	if !w.isHere(n, fd) || unix.Fstat(fd, &st) != nil {
		w.suspect(n)
		return
	}
	w.child(&visit{dir: n, fd: fd, path: p, dev: st.Dev, job: &job{told: true}}, name)
}

// isHere reports whether n, which is watched, is what fd is open on.
func (w *watcher) isHere(n int32, fd int) bool {
	is := w.t.dirs[n].wd
	if is == 0 {
		return true
	}
	wd, err := w.k.add(fd, "")
	if err == nil && wd != is && w.t.watched(wd) == none {
		w.k.remove(wd)
	}
	return err == nil && wd == is
}

// visit is a directory that is being listed.
type visit struct {
	dir     int32
	fd      int
	path    string
	dev     uint64
	changed bool // since job.since, or unknown: names in it may be other directories'
	job     *job
}

// list lists a directory that is there, as far as is known.
func (w *watcher) list(n int32, j *job) {
	p, ok := w.t.path(n)
	if !ok { // going, or on its way
		w.strays = true
		return
	}
	fd, err := w.k.open(p)
	if err != nil {
		w.unlisted(n, p, err)
		return
	}
	defer func() { _ = unix.Close(fd) }()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		w.unlisted(n, p, err)
		return
	}
	if !w.hold(n, fd, &st, j) {
		w.suspect(n)
		return
	}
	v := &visit{dir: n, fd: fd, path: p, dev: st.Dev, changed: j.since == 0 || st.Ctim.Nano() >= j.since, job: j}
	if j.since != 0 && v.changed {
		w.tellDir(n, true, true)
	}
	w.t.children(n, func(c int32) { w.t.clear(c, flagKept) })
	if err := w.k.list(fd, w.listing, func(name []byte, kind byte) { w.found(v, name, kind) }); err != nil {
		w.unlisted(n, p, err)
		return
	}
	w.t.children(n, func(c int32) {
		if !w.t.has(c, flagKept) {
			w.removed(n, w.t.nameOf(c))
			if way := w.ways[c]; way != nil {
				w.onTheWay(way)
			}
			w.drop(c)
		}
	})
}

// found takes an entry of a listing.
func (w *watcher) found(v *visit, name []byte, kind byte) {
	if kind == dtDir || kind == dtUnknown {
		if !v.changed {
			if c := w.t.find(v.dir, name); c != none {
				w.t.set(c, flagKept)
				w.push(c, v.job)
				return
			}
		}
		w.child(v, name)
	}
	if v.job.since == 0 || kind == dtDir {
		return
	}
	var st unix.Stat_t
	if err := statAt(v.fd, string(name), &st); err == nil && st.Ctim.Nano() >= v.job.since {
		w.tell(v.dir, name)
	}
}

// hold makes sure that n is watched, or is looked at where it cannot be. It is
// false where what fd is open on is not n.
func (w *watcher) hold(n int32, fd int, st *unix.Stat_t, j *job) bool {
	if w.t.dirs[n].wd != 0 {
		return w.isHere(n, fd)
	}
	if ino, looked := w.inos[n]; looked && ino != 0 && ino != st.Ino {
		return false
	}
	if !w.full {
		wd, err := w.k.add(fd, "")
		switch {
		case err == nil && w.claim(wd) == free:
			w.t.setWD(n, wd)
			w.unlook(n)
			return true
		case err != nil && !scarce(err):
			return false
		case err != nil:
			w.full = true
		}
	}
	w.look(n, st.Ino)
	return true
}

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
		w.unwatched(at, err)
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
	leaf := st.Nlink == 2 && w.countsLinks(&st, v.fd)
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
			w.noteOnce(fmt.Sprintf("%s is the same directory as one that is watched by another name: it is looked at every few seconds", join(v.path, name)))
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

// unlisted deals with a directory that could not be listed.
func (w *watcher) unlisted(n int32, p string, err error) {
	if gone(err) || scarce(err) {
		w.suspect(n)
		return
	}
	w.unwatched(p, err)
}

func (w *watcher) unwatched(p string, err error) {
	w.noteOnce(fmt.Sprintf("cannot watch %s: %v: what changes below it is not told", p, err))
}

// countsLinks reports whether a directory of that file system with two links has no
// directory in it.
func (w *watcher) countsLinks(st *unix.Stat_t, fd int) bool {
	counts, ok := w.leafy[st.Dev]
	if !ok {
		var fs unix.Statfs_t
		if unix.Fstatfs(fd, &fs) == nil {
			counts = fs.Type == unix.EXT4_SUPER_MAGIC || fs.Type == unix.XFS_SUPER_MAGIC || fs.Type == unix.TMPFS_MAGIC
		}
		w.leafy[st.Dev] = counts
	}
	return counts
}
