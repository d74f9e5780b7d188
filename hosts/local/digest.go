package local

import (
	"context"
	"crypto/sha256"
	"io"
	"io/fs"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// Stamp is what a file's status says of whether its bytes are the same. Times
// are in nanoseconds since 1970.
type Stamp struct {
	Dev   uint64 `cbor:"1,keyasint"`
	Ino   uint64 `cbor:"2,keyasint"`
	Size  int64  `cbor:"3,keyasint"`
	MTime int64  `cbor:"4,keyasint"`
	CTime int64  `cbor:"5,keyasint"`
}

func stampOf(st *unix.Statx_t) Stamp {
	return Stamp{
		Dev:   unix.Mkdev(st.Dev_major, st.Dev_minor),
		Ino:   st.Ino,
		Size:  int64(st.Size), //nolint:gosec // the kernel's loff_t is signed
		MTime: st.Mtime.Sec*1e9 + int64(st.Mtime.Nsec),
		CTime: st.Ctime.Sec*1e9 + int64(st.Ctime.Nsec),
	}
}

// racy is how old a ctime must be before an equal stamp means equal bytes: a
// file may be written twice within one tick of a file system's clock, and some
// tick in whole or even seconds.
const racy = 2 * time.Second

func (s Stamp) settled(now time.Time) bool {
	age := now.UnixNano() - s.CTime
	return age >= int64(racy) // a time in the future says nothing either
}

// Digested is a stamp and what was found under it.
type Digested struct {
	Stamp Stamp
	ID    hosts.ID // the SHA-256 of the bytes; zero: not hashed
	Plain bool     // it has no attribute that a Node holds
	Fits  fits     // by which rule it was found right; zero: not known
	Odd   fits     // by which rule its label was found to be another; zero: not known
	Not   fits     // which question of Judge was answered no; zero: none
	// Idle counts the sessions in a row that did not ask for it.
	Idle uint8
}

// maxIdle is how many sessions a stamp is carried along for without being used:
// a session that read little does not make the next one hash everything.
const maxIdle = 20

type fileID struct{ dev, ino uint64 }

type stampCache struct {
	mu     sync.Mutex
	m      map[fileID]Digested
	noted  bool   // something was learnt in this session
	loaded []byte // what it began with, as saved; nil: not that alone
	ctimes ctimes
}

// UseStamps takes what Stamps gave in an earlier session. It is believed: who
// may give it decides what Digest says.
func (h *Host) UseStamps(known []Digested) {
	c := &h.stamps
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == nil {
		c.m = make(map[fileID]Digested, len(known))
	}
	for _, d := range known {
		d.Idle++
		if d.Idle <= maxIdle {
			c.m[fileID{d.Stamp.Dev, d.Stamp.Ino}] = d
		}
	}
}

// Stamps gives what Digest remembers, in no order, to be kept for UseStamps.
func (h *Host) Stamps() []Digested {
	c := &h.stamps
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]Digested, 0, len(c.m))
	for _, d := range c.m {
		list = append(list, d)
	}
	return list
}

// get gives what is known under a stamp.
func (c *stampCache) get(s Stamp, now time.Time) (Digested, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, ok := c.m[fileID{s.Dev, s.Ino}]
	if !ok || d.Stamp != s || !s.settled(now) {
		return Digested{}, false
	}
	if d.Idle > 0 {
		d.Idle = 0
		c.m[fileID{s.Dev, s.Ino}] = d
	}
	return d, true
}

// note adds to what is known under a stamp that is settled.
func (c *stampCache) note(s Stamp, add func(*Digested)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == nil {
		c.m = map[fileID]Digested{}
	}
	d := c.m[fileID{s.Dev, s.Ino}]
	if d.Stamp != s {
		d = Digested{Stamp: s}
	}
	d.Idle = 0
	add(&d)
	c.m[fileID{s.Dev, s.Ino}] = d
	c.noted = true
}

// digested gives the contents that a file is known to have.
func (h *Host) digested(st *unix.Statx_t, now time.Time) (hosts.Content, bool) {
	s := stampOf(st)
	d, ok := h.stamps.get(s, now)
	if ok = ok && !d.ID.IsZero(); !ok {
		d.ID, ok = h.known(st)
	}
	return hosts.Content{Size: s.Size, ID: d.ID}, ok
}

// stamp gives the stamp of what is at path.
func (h *Host) stamp(path string) (Stamp, error) {
	d, name, err := h.parent("stat", path)
	if err != nil {
		return Stamp{}, err
	}
	defer d.Close()
	st, err := d.statx(name)
	if err != nil {
		return Stamp{}, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	return stampOf(st), nil
}

// Digest implements hosts.Reader. A file that is being written gives the digest
// of what was read, which is not remembered.
func (h *Host) Digest(ctx context.Context, path string) (hosts.Content, error) {
	d, name, err := h.parent("digest", path)
	if err != nil {
		return hosts.Content{}, err
	}
	defer d.Close()
	st, err := d.statx(name)
	if err != nil {
		return hosts.Content{}, &fs.PathError{Op: "digest", Path: path, Err: err}
	}
	now := time.Now()
	if nodeType(st.Mode) == hosts.File {
		if c, ok := h.digested(st, now); ok {
			return c, nil
		}
	}
	c, err := h.hash(ctx, d, name, path, now)
	if err != nil {
		return hosts.Content{}, &fs.PathError{Op: "digest", Path: path, Err: err}
	}
	return c, nil
}

func (h *Host) hash(ctx context.Context, d dirFD, name, path string, now time.Time) (hosts.Content, error) {
	f, err := openRegular(d, name, path)
	if err != nil {
		return hosts.Content{}, err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	sum := sha256.New()
	buf := copyBufs.Get().(*[]byte)
	defer copyBufs.Put(buf)
	size, err := io.CopyBuffer(onlyWriter{sum}, &ctxReader{ctx, f}, *buf)
	if err != nil {
		return hosts.Content{}, err
	}
	c := hosts.Content{Size: size, ID: hosts.ID(sum.Sum(nil))}
	same, err := f.unchanged()
	if err != nil {
		return hosts.Content{}, err
	}
	// What is not settled now is not believed later either: a write between
	// this reading and the next tick of the clock would not show.
	if before := f.stamp(); same && before.Size == size && before.settled(now) {
		h.stamps.note(before, func(d *Digested) { d.ID = c.ID })
	}
	return c, nil
}

// copyBufs holds buffers for copying and hashing.
var copyBufs = sync.Pool{New: func() any { b := make([]byte, 256<<10); return &b }}

// onlyWriter hides the ReadFrom of a writer, and so makes io.CopyBuffer use the
// buffer that it is given.
type onlyWriter struct{ io.Writer }

// ctxReader reads until its context ends.
type ctxReader struct {
	ctx context.Context //nolint:containedctx // it lives as long as one copy
	r   io.Reader
}

func (r *ctxReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
