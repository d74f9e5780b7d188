package local

import (
	"context"
	"crypto/sha256"
	"io"
	"io/fs"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// Stamp is what a file's status says of whether its bytes are the same. Times
// are in nanoseconds since 1970.
type Stamp struct {
	Dev   uint64
	Ino   uint64
	Size  int64
	MTime int64
	CTime int64
	Name  fits // which of its names, of a file that has several; zero: any
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

// stampAt is the stamp for what goes by the path as well: its label, and whether it
// is a secret. Of a file that has several names, each has its own.
func stampAt(st *unix.Statx_t, path string) Stamp {
	s := stampOf(st)
	if st.Nlink > 1 && st.Mode&unix.S_IFMT != unix.S_IFDIR {
		s.Name = fitsRule("name", path)
	}
	return s
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

// stampKey is what is remembered by.
type stampKey struct {
	fileID
	name fits
}

func (s *Stamp) key() stampKey { return stampKey{fileID{s.Dev, s.Ino}, s.Name} }

type stampCache struct {
	mu     sync.Mutex
	m      map[stampKey]*Digested
	noted  bool   // something was learnt that loaded does not hold
	loaded []byte // what it began with, as saved; nil: nothing was
	ctimes ctimes
}

// UseStamps takes what Stamps gave in an earlier session. It is believed: who
// may give it decides what Digest says. What this session has learnt already stays.
func (h *Host) UseStamps(known []Digested) {
	c := &h.stamps
	c.mu.Lock()
	defer c.mu.Unlock()
	c.use(slices.Clone(known))
}

func (c *stampCache) use(known []Digested) {
	early := c.m
	c.m = make(map[stampKey]*Digested, len(known)+len(early))
	for i := range known {
		d := &known[i]
		if d.Idle++; d.Idle <= maxIdle {
			c.m[d.Stamp.key()] = d
		}
	}
	for key, d := range early {
		k := c.m[key]
		switch {
		case k == nil, k.Stamp != d.Stamp && k.Stamp.CTime <= d.Stamp.CTime:
			c.m[key], c.noted = d, true
		case k.Stamp == d.Stamp:
			was := *k
			k.add(d)
			c.noted = c.noted || *k != was
			k.Idle = min(k.Idle, d.Idle)
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
		list = append(list, *d)
	}
	return list
}

// get gives what is known under a stamp.
func (c *stampCache) get(s Stamp, now time.Time) (Digested, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, ok := c.m[s.key()]
	if !ok || d.Stamp != s || !s.settled(now) {
		return Digested{}, false
	}
	d.Idle = 0
	return *d, true
}

// note adds to what is known under a stamp that is settled.
func (c *stampCache) note(s Stamp, add func(*Digested)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == nil {
		c.m = map[stampKey]*Digested{}
	}
	d := c.m[s.key()]
	if d == nil || d.Stamp != s {
		d = &Digested{Stamp: s}
		c.m[s.key()] = d
	}
	d.Idle = 0
	was := *d
	add(d)
	c.noted = c.noted || *d != was
}

// add takes over what another knows under the same stamp.
func (d *Digested) add(other *Digested) {
	d.Plain = d.Plain || other.Plain
	if !other.ID.IsZero() {
		d.ID = other.ID
	}
	if other.Fits != (fits{}) || other.Odd != (fits{}) {
		d.Fits, d.Odd = other.Fits, other.Odd
	}
	if other.Not != (fits{}) {
		d.Not = other.Not
	}
}

// digested gives the contents that a file is known to have, by what is known under
// its stamp or by what this process wrote.
func (h *Host) digested(st *unix.Statx_t, k *Digested) (hosts.Content, bool) {
	id, ok := k.ID, !k.ID.IsZero()
	if !ok {
		id, ok = h.known(st)
	}
	return hosts.Content{Size: stampOf(st).Size, ID: id}, ok
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
		k, _ := h.stamps.get(stampOf(st), now)
		if c, ok := h.digested(st, &k); ok {
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
