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

// push has n listed, next, for a job.
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
	w.child(&visit{dir: n, fd: fd, path: p, dev: st.Dev, counts: w.fileSystem(st.Dev, fd, p).countsLinks, job: &job{told: true}}, name)
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
	counts  bool // as fileSystem.countsLinks
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
	v := &visit{dir: n, fd: fd, path: p, dev: st.Dev, counts: w.fileSystem(st.Dev, fd, p).countsLinks, changed: j.since == 0 || st.Ctim.Nano() >= j.since, job: j}
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

// unlisted deals with a directory that could not be listed.
func (w *watcher) unlisted(n int32, p string, err error) {
	if gone(err) || scarce(err) {
		w.suspect(n)
		return
	}
	w.closedTo(p, err)
}

func (w *watcher) closedTo(p string, err error) {
	w.noteOnce(fmt.Sprintf("cannot watch %s: %v: what changes below it is not told", shown(p), err))
}

// fileSystem is what is known of one, by its device.
type fileSystem struct {
	countsLinks bool // a directory of two links has no directory in it
}

// fileSystem looks what the file system of a directory is, once for each.
func (w *watcher) fileSystem(dev uint64, fd int, p string) fileSystem {
	is, ok := w.systems[dev]
	if !ok {
		var st unix.Statfs_t
		if unix.Fstatfs(fd, &st) == nil {
			is.countsLinks = st.Type == unix.EXT4_SUPER_MAGIC || st.Type == unix.XFS_SUPER_MAGIC || st.Type == unix.TMPFS_MAGIC
			if others(st.Type) {
				w.noteOnce(fmt.Sprintf("%s is on a file system that is not this host's alone: what others change there is not told, and is found by the next audit", shown(p)))
			}
		}
		w.systems[dev] = is
	}
	return is
}
