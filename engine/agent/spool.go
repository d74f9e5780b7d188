package agent

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// DefaultSpool is where an agent keeps the contents of the apply under way.
const DefaultSpool = "/var/lib/hikae/spool"

// spool holds the contents of one apply: files of mode 0600, named by their
// hash, in a directory of their own that is removed at the end. What a crashed
// agent or a lost link left behind is taken over by the next.
type spool struct {
	dir  string
	lock *os.File // held as long as the directory is in use
}

const (
	applyPrefix = "apply-"
	lockName    = ".lock"
)

// openSpool makes a spool below base, which must be (or become) a directory
// that nobody else can enter.
func openSpool(base string) (*spool, error) {
	if err := makePrivate(base); err != nil {
		return nil, err
	}
	// The base is locked while directories come and go, so that no one takes
	// over one that is not locked yet.
	guard, err := lockFile(filepath.Join(base, lockName), unix.LOCK_EX)
	if err != nil {
		return nil, err
	}
	defer func() { _ = guard.Close() }() // gives the lock back

	dir, err := os.MkdirTemp(base, applyPrefix)
	if err != nil {
		return nil, fmt.Errorf("cannot make spool: %w", err)
	}
	lock, err := lockFile(filepath.Join(dir, lockName), unix.LOCK_EX)
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	sp := &spool{dir: dir, lock: lock}
	if err := sp.adopt(base); err != nil {
		return nil, errors.Join(err, sp.close())
	}
	return sp, nil
}

// left reports whether there are contents of an apply that was cut off, or that
// is under way. A power cut brings back what was removed just before it.
func (ss *session) left() bool {
	dirs, err := filepath.Glob(filepath.Join(ss.Spool, applyPrefix+"*"))
	return err == nil && len(dirs) > 0
}

// sweepSpool removes what cut off applies have left, where the session was to
// bring such a one to its end: what it could use of it, it has used.
func (ss *session) sweepSpool() {
	if !ss.tidy {
		return
	}
	sp, err := openSpool(ss.Spool)
	if err == nil {
		err = sp.close()
	}
	if err != nil {
		ss.log.Warn("the spool is left behind", "error", err)
	}
}

func makePrivate(dir string) error {
	own := filepath.Dir(dir)                                      // hikae's
	if err := os.MkdirAll(filepath.Dir(own), 0o755); err != nil { // #nosec G301 -- its parents are public, as /var/lib
		return fmt.Errorf("cannot make spool: %w", err)
	}
	if err := os.Mkdir(own, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("cannot make spool: %w", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("cannot make spool: %w", err)
	}
	var st unix.Stat_t
	if err := unix.Lstat(dir, &st); err != nil {
		return fmt.Errorf("cannot make spool %s: %w", dir, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR || st.Mode&0o077 != 0 || int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("cannot use spool %s: it must be a directory of mode 0700 that belongs to the agent's user; remove it", dir)
	}
	return nil
}

func lockFile(name string, how int) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot lock spool: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), how); err != nil { // #nosec G115 -- a descriptor
		_ = f.Close()
		return nil, fmt.Errorf("cannot lock spool: %w", err)
	}
	return f, nil
}

// adopt moves the contents of abandoned spools here and removes the rest of
// them. Their bytes are believed only when their hash is right: see have.
func (sp *spool) adopt(base string) error {
	dirs, err := filepath.Glob(filepath.Join(base, applyPrefix+"*"))
	if err != nil {
		return fmt.Errorf("cannot read spool: %w", err)
	}
	for _, dir := range dirs {
		if dir == sp.dir {
			continue
		}
		lock, err := lockFile(filepath.Join(dir, lockName), unix.LOCK_EX|unix.LOCK_NB)
		if err != nil {
			continue // another apply is at work in it
		}
		entries, err := os.ReadDir(dir)
		for _, e := range entries {
			if _, perr := hosts.ParseID(e.Name()); perr == nil && e.Type().IsRegular() {
				_ = os.Rename(filepath.Join(dir, e.Name()), filepath.Join(sp.dir, e.Name()))
			}
		}
		_ = lock.Close()
		if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
			return fmt.Errorf("cannot clear old spool: %w", err)
		}
	}
	return nil
}

// close removes all that is spooled.
func (sp *spool) close() error {
	if err := errors.Join(os.RemoveAll(sp.dir), sp.lock.Close()); err != nil {
		return fmt.Errorf("cannot clear spool: %w", err)
	}
	return nil
}

func (sp *spool) path(id hosts.ID) string { return filepath.Join(sp.dir, id.String()) }

// have reports whether c was left here whole by an earlier apply.
func (sp *spool) have(c hosts.Content) bool {
	f, err := os.Open(sp.path(c.ID))
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // only read
	_, err = io.Copy(io.Discard, newVerifier(f, c, ErrChanged))
	return err == nil
}

// free is the space left for contents, in bytes.
func (sp *spool) free() (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(sp.dir, &st); err != nil {
		return 0, fmt.Errorf("cannot ask for free space in %s: %w", sp.dir, err)
	}
	return int64(st.Bavail) * st.Bsize, nil // #nosec G115 -- blocks of a file system
}

func (sp *spool) open(id hosts.ID) (io.ReadCloser, error) {
	f, err := os.Open(sp.path(id))
	if err != nil {
		return nil, err
	}
	return movable{f}, nil
}

// movable is a spooled content, checked when it was spooled.
type movable struct{ *os.File }

var _ hosts.Movable = movable{}

var errMoved = errors.New("it was moved before")

// FD implements hosts.Movable.
func (m movable) FD() int { return int(m.Fd()) } // #nosec G115 -- a descriptor

// MoveTo implements hosts.Movable. The spool's own name for it goes with the
// spool; until then a second path that needs the content gets a copy.
func (m movable) MoveTo(dir int, name string) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(m.Fd()), &st); err != nil { // #nosec G115 -- a descriptor
		return err
	}
	if st.Nlink != 1 {
		return errMoved
	}
	return unix.Linkat(unix.AT_FDCWD, m.Name(), dir, name, 0)
}

// put spools what r holds where it is c, and nothing otherwise.
func (sp *spool) put(c hosts.Content, r io.Reader) error {
	w, err := sp.create(c)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		w.discard()
		return err
	}
	return w.commit()
}

// spoolWriter writes one content.
type spoolWriter struct {
	want hosts.Content
	f    *os.File
	to   string
	n    int64
	sum  hash.Hash

	started int64 // up to where its way to the disk was begun
}

// writeEvery is after how many bytes a large content is begun to be written to
// the disk.
const writeEvery = 8 << 20

// writeBehind is how many bytes a disk may be behind.
const writeBehind = 8 * writeEvery

func (sp *spool) create(c hosts.Content) (*spoolWriter, error) {
	to := sp.path(c.ID)
	f, err := os.OpenFile(to+".part", os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot spool: %w", err)
	}
	return &spoolWriter{want: c, f: f, to: to, sum: sha256.New()}, nil
}

func (w *spoolWriter) Write(p []byte) (int, error) {
	if w.n+int64(len(p)) > w.want.Size {
		return 0, fmt.Errorf("%w: more than its %d bytes arrived", errDamaged, w.want.Size)
	}
	n, err := w.f.Write(p)
	w.n += int64(n)
	if w.n-w.started >= writeEvery {
		// What is not needed is begun to be written (posix_fadvise(2)), so that the sync at
		// the end has little left to wait for; and what was begun before, and is written by
		// now, gives its memory to what comes. Best effort.
		from := max(0, w.n-writeBehind)
		_ = unix.Fadvise(int(w.f.Fd()), from, w.n-from, unix.FADV_DONTNEED) // #nosec G115 -- a descriptor
		w.started = w.n
	}
	_, _ = w.sum.Write(p[:n]) // a hash does not fail
	if err != nil {
		return n, fmt.Errorf("cannot spool: %w", err)
	}
	return n, nil
}

var errDamaged = errors.New("the content that arrived is not the one that was asked for")

// commit checks size and hash. It does not sync: what a power cut spoils is
// found by its hash.
func (w *spoolWriter) commit() error {
	if w.n != w.want.Size || hosts.ID(w.sum.Sum(nil)) != w.want.ID {
		w.discard()
		return fmt.Errorf("%w: %d bytes, or another hash", errDamaged, w.n)
	}
	if err := w.f.Close(); err != nil {
		_ = os.Remove(w.to + ".part")
		return fmt.Errorf("cannot spool: %w", err)
	}
	if err := os.Rename(w.to+".part", w.to); err != nil {
		return fmt.Errorf("cannot spool: %w", err)
	}
	return nil
}

func (w *spoolWriter) discard() {
	_ = w.f.Close()
	_ = os.Remove(w.to + ".part")
}
