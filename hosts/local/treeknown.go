package local

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// record is the record of what a mirror brought to a tree, or found equal there:
// of each entry a hash of its path and of what a write to it would change. Only
// what is in it is ever removed. It lies on the host beside the tree, which
// goes when the host does.
type record struct {
	h    *Host
	name string // of the file in knownDir

	mu   sync.Mutex
	seen map[mark]struct{}
	f    *os.File // for adding; nil: not opened yet

	second time.Time // since when synced counts
	synced int
	behind bool // the disk does not know of all yet
}

// mark is the hash of one entry.
type mark [16]byte

const (
	knownDir   = "/var/lib/hikae/mirror"
	knownMagic = "hikae mirror 1\n\x00"
)

// treeName names what hikae has of its own for a tree.
func treeName(root string) string {
	sum := sha256.Sum256([]byte(root))
	return hex.EncodeToString(sum[:8])
}

func markOf(e *hosts.TreeEntry) mark {
	var c encoder
	c.text(e.Path)
	c.b = append(c.b, byte(e.Type))
	switch e.Type {
	case hosts.File:
		c.number(uint64(e.MTime))        //nolint:gosec // any number will do
		c.number(uint64(e.Content.Size)) //nolint:gosec // never negative
	case hosts.Link:
		c.text(e.Link)
	case hosts.Other:
		c.number(uint64(e.Special))
		c.number(e.Device)
	}
	sum := sha256.Sum256(c.b)
	return mark(sum[:])
}

// loadKnown reads the record of a tree. One that was cut off loses its last mark.
func (h *Host) loadKnown(root string) (*record, error) {
	k := &record{h: h, name: treeName(root), seen: map[mark]struct{}{}}
	b, err := hosts.ReadFile(h, knownDir+"/"+k.name, 1<<30)
	if errors.Is(err, fs.ErrNotExist) {
		return k, nil
	}
	if err != nil {
		return nil, err
	}
	marks, ok := bytes.CutPrefix(b, []byte(knownMagic))
	if !ok {
		return k, nil // not one of ours: nothing is known
	}
	for ; len(marks) >= len(mark{}); marks = marks[len(mark{}):] {
		k.seen[mark(marks[:len(mark{})])] = struct{}{}
	}
	return k, nil
}

func (k *record) has(e *hosts.TreeEntry) bool { return k.hasMark(markOf(e)) }

func (k *record) hasMark(m mark) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.seen[m]
	return ok
}

func (k *record) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.seen)
}

// add notes an entry that is about to stand there.
func (k *record) add(e *hosts.TreeEntry) error {
	m := markOf(e)
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.seen[m]; ok {
		return nil
	}
	if k.f == nil {
		if err := k.open(); err != nil {
			return err
		}
	}
	if _, err := k.f.Write(m[:]); err != nil {
		return fmt.Errorf("cannot note what is brought: %w", err)
	}
	k.seen[m] = struct{}{}
	return k.sync()
}

// sync has the disk know what was added before it knows of what is brought, or after
// a loss of power that would be taken for the host's own. Of many at once, as in a
// first copy, it does so for the first ones of each second, and for the rest at the
// end (flush): who waits for each waits for hours. It needs mu.
func (k *record) sync() error {
	const most = 20
	if now := time.Now(); now.Sub(k.second) > time.Second {
		k.second, k.synced = now, 0
	}
	if k.behind = k.synced == most; k.behind {
		return nil
	}
	k.synced++
	return k.write()
}

// flush has the disk know of all that was added: where nothing follows soon.
func (k *record) flush() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.behind || k.f == nil {
		return nil
	}
	k.behind = false
	return k.write()
}

func (k *record) write() error {
	if err := retryErr(func() error { return unix.Fdatasync(int(k.f.Fd())) }); err != nil {
		return fmt.Errorf("cannot note what is brought: %w", err)
	}
	return nil
}

// open opens the record for adding. It begins anew where the marks in it are
// not whole, or there is none.
func (k *record) open() error {
	d, err := k.dir()
	if err != nil {
		return fmt.Errorf("cannot note what is brought: %w", err)
	}
	defer d.Close()
	fd, err := d.openat(k.name, unix.O_WRONLY|unix.O_APPEND, 0)
	if err == nil {
		f := os.NewFile(uintptr(fd), k.name)
		fi, err := f.Stat()
		if err == nil && fi.Size() >= int64(len(knownMagic)) && (fi.Size()-int64(len(knownMagic)))%int64(len(mark{})) == 0 {
			k.f = f
			return nil
		}
		_ = f.Close()
	}
	return k.writeTo(d)
}

// dir opens the directory of the records, making it.
func (k *record) dir() (dirFD, error) {
	d, err := k.h.openDir("/var/lib")
	for _, name := range []string{"hikae", "mirror"} {
		if err != nil {
			return d, err
		}
		if err = unix.Mkdirat(int(d), name, 0o700); errors.Is(err, unix.EEXIST) {
			err = nil
		}
		fd := -1
		if err == nil {
			fd, err = d.openat(name, unix.O_PATH|unix.O_DIRECTORY, 0)
		}
		d.Close()
		d = dirFD(fd)
	}
	return d, err
}

// writeTo writes the whole record. It needs mu.
func (k *record) writeTo(d dirFD) error {
	var b bytes.Buffer
	b.Grow(len(knownMagic) + len(k.seen)*len(mark{}))
	b.WriteString(knownMagic)
	for m := range k.seen {
		b.Write(m[:])
	}
	temp := newTempName()
	fd, err := d.openat(temp, unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT|unix.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("cannot note what is brought: %w", err)
	}
	f := os.NewFile(uintptr(fd), temp)
	if _, err = f.Write(b.Bytes()); err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = unix.Renameat(int(d), temp, int(d), k.name)
	}
	if err != nil {
		_ = f.Close()
		_ = unix.Unlinkat(int(d), temp, 0)
		return fmt.Errorf("cannot note what is brought: %w", err)
	}
	if k.f != nil {
		_ = k.f.Close()
	}
	k.f, k.behind = f, false
	return nil
}

// replace makes the record these marks.
func (k *record) replace(seen map[mark]struct{}) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	d, err := k.dir()
	if err != nil {
		return fmt.Errorf("cannot note what is brought: %w", err)
	}
	defer d.Close()
	k.seen = seen
	return k.writeTo(d)
}

func (k *record) close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.f == nil {
		return nil
	}
	f := k.f
	k.f = nil
	return f.Close()
}
