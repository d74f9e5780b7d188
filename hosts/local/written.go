package local

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// A file whose ctime is young is hashed again whenever it is asked for, since it
// may be written twice within one tick of the clock (see racy). Of a large file
// that this process has just written that would be the dearest part of all. So it
// is proven instead that its bytes are those that were hashed while they were
// written:
//
//   - While nobody else can reach the file, its mtime is looked at, and found
//     older than a tick. Only then is it put where others can.
//   - What is written to it after that sets its mtime, and to something else: a
//     clock that has gone on by a tick does not show that time again. The file
//     system has to keep times to the nanosecond, as it does where the mtime has
//     such a part; those that count in seconds are hashed.
//   - Only who owns it, or root, can set the mtime back. So the file has to be
//     root's, and nobody else's to write, then and whenever it is asked for.
//
// The ctime tells nothing here: it is set once more when the name goes under which
// the file waited. All this is believed in this session only; a later one hashes
// the file once, and then knows it by its age.

// tick is longer than a tick of the clock that files' times are taken from: 10 ms
// at most (CONFIG_HZ=100).
const tick = 20 * time.Millisecond

// provenFrom is the size in bytes from which that is worth it: reading as much
// takes as long as waiting for a tick.
const provenFrom = 16 << 20

// written are the files that are known so, by what was hashed.
type written struct {
	mu sync.Mutex
	m  map[wroteStamp]hosts.ID
}

// wroteStamp is a Stamp without its ctime.
type wroteStamp struct {
	dev, ino    uint64
	size, mtime int64
}

func wroteStampOf(st *unix.Statx_t) wroteStamp {
	s := stampOf(st)
	return wroteStamp{s.Dev, s.Ino, s.Size, s.MTime}
}

func (w *written) add(s wroteStamp, id hosts.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.m == nil {
		w.m = map[wroteStamp]hosts.ID{}
	}
	w.m[s] = id
}

// known gives the hash of a file that this process wrote, if it is as it was.
func (h *Host) known(st *unix.Statx_t) (hosts.ID, bool) {
	w := &h.written
	w.mu.Lock()
	defer w.mu.Unlock()
	id, ok := w.m[wroteStampOf(st)]
	return id, ok && h.onlyRootWrites(st)
}

// settleBytes makes sure that what is in a file that nobody else can reach yet is on
// its way no more, and gives the mtime by which a later write would show; 0 where
// it would not.
func settleBytes(fd int, size int64) int64 {
	if size < provenFrom || retryErr(func() error { return unix.Fdatasync(fd) }) != nil {
		return 0
	}
	st, err := fstatx(fd)
	if err != nil || !finelyTimed(fd) {
		return 0
	}
	at := stampOf(st).MTime
	if at%int64(time.Second) == 0 {
		return 0
	}
	age := time.Duration(time.Now().UnixNano() - at)
	if age < 0 { // the clock was set back
		return 0
	}
	time.Sleep(tick - age)
	return at
}

// finelyTimed reports whether a file is on a file system of this machine that
// takes its times from this machine's clock, as a disk's do.
func finelyTimed(fd int) bool {
	var f unix.Statfs_t
	err := retryErr(func() error { return unix.Fstatfs(fd, &f) })
	return err == nil && ctimeTells(int64(f.Type)) //nolint:unconvert // int32 on some
}

// proven notes what stands at its place now, where its mtime shows that it is
// what was written.
func (s *staged) proven(d dirFD, name string) {
	if s.settled == 0 || s.node.Content.Sealed || s.node.Content.ID.IsZero() {
		return
	}
	st, err := d.statx(name)
	if err != nil || idOf(st) != s.of || !s.h.onlyRootWrites(st) {
		return
	}
	if w := wroteStampOf(st); w.mtime == s.settled && w.size == s.node.Content.Size {
		s.h.written.add(w, s.node.Content.ID)
	}
}

// onlyRootWrites reports whether nobody but root may write a file. An access
// control list that lets others do shows as write permission of the group.
func (h *Host) onlyRootWrites(st *unix.Statx_t) bool {
	return (st.Uid == 0 || st.Uid == h.owner) && st.Mode&0o022 == 0
}
