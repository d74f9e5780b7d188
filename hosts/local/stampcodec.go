package local

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Saved stamps are a version byte, how many there are (an unsigned varint), then for
// each, in the order of device and inode: the device and the inode, each less the last file's (unsigned
// varints; the inode in full where the device changes), size, mtime, and ctime
// less mtime (varints), Idle, a byte that says what follows, and that: Name, Fits, Odd,
// Not, and the 32 bytes of the hash. That is some 60 bytes a file, of which packing would
// save little: hashes are random. A version of hikae that finds another answer
// for the same file, such as what a policy says of it, is of another version here.
const stampsVersion = 4

// What is known of a file.
const (
	stampID byte = 1 << iota
	stampPlain
	stampFits
	stampNot
	stampOdd
	stampName
)

// SaveStamps gives what LoadStamps takes in a later session. A session that
// learnt nothing gives what it began with, to the byte: nobody has to keep it.
func (h *Host) SaveStamps() ([]byte, error) {
	if b := h.stamps.unchanged(); b != nil {
		return b, nil
	}
	stamps := h.Stamps()
	slices.SortFunc(stamps, func(a, b Digested) int {
		return cmp.Or(cmp.Compare(a.Stamp.Dev, b.Stamp.Dev), cmp.Compare(a.Stamp.Ino, b.Stamp.Ino), bytes.Compare(a.Stamp.Name[:], b.Stamp.Name[:]))
	})
	const usual = 64
	out := append(make([]byte, 0, 1+usual*len(stamps)), stampsVersion)
	out = binary.AppendUvarint(out, uint64(len(stamps)))
	var last Stamp
	for _, d := range stamps {
		s := d.Stamp
		if s.Dev != last.Dev {
			last.Ino = 0
		}
		out = binary.AppendUvarint(out, s.Dev-last.Dev)
		out = binary.AppendUvarint(out, s.Ino-last.Ino)
		out = binary.AppendVarint(out, s.Size)
		out = binary.AppendVarint(out, s.MTime)
		out = binary.AppendVarint(out, s.CTime-s.MTime)
		out = append(out, d.Idle)
		out = d.appendKnown(out)
		last = s
	}
	return out, nil
}

func (d *Digested) appendKnown(out []byte) []byte {
	at := len(out)
	out = append(out, 0)
	if d.Plain {
		out[at] |= stampPlain
	}
	for _, f := range []struct {
		bit byte
		is  fits
	}{{stampName, d.Stamp.Name}, {stampFits, d.Fits}, {stampOdd, d.Odd}, {stampNot, d.Not}} {
		if f.is != (fits{}) {
			out[at] |= f.bit
			out = append(out, f.is[:]...)
		}
	}
	if !d.ID.IsZero() {
		out[at] |= stampID
		out = append(out, d.ID[:]...)
	}
	return out
}

// LoadStamps takes what SaveStamps gave, as UseStamps does. Of what is damaged
// nothing is used.
func (h *Host) LoadStamps(b []byte) error {
	stamps, err := decodeStamps(b)
	if err != nil {
		return fmt.Errorf("cannot load stamps: %w", err)
	}
	c := &h.stamps
	c.mu.Lock()
	defer c.mu.Unlock()
	c.noted = false
	c.use(stamps)
	c.loaded = bytes.Clone(b)
	return nil
}

// unchanged gives the saved stamps that still hold all that is known, nil for
// none.
func (c *stampCache) unchanged() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.noted {
		return nil
	}
	return c.loaded
}

func decodeStamps(b []byte) ([]Digested, error) {
	if len(b) == 0 || b[0] != stampsVersion {
		return nil, errors.New("they are of another version")
	}
	r := stampReader{b: b[1:]}
	const least = 8 // bytes of one
	n := r.unsigned()
	if n > uint64(len(b)/least) {
		return nil, errors.New("they are cut short")
	}
	out := make([]Digested, 0, n)
	var last Stamp
	for len(r.b) > 0 {
		var d Digested
		s := &d.Stamp
		if s.Dev = last.Dev + r.unsigned(); s.Dev != last.Dev {
			last.Ino = 0
		}
		s.Ino = last.Ino + r.unsigned()
		s.Size = r.signed()
		s.MTime = r.signed()
		s.CTime = s.MTime + r.signed()
		r.bytes(1, func(b []byte) { d.Idle = b[0] })
		var known byte
		r.bytes(1, func(b []byte) { known = b[0] })
		d.Plain = known&stampPlain != 0
		for _, f := range []struct {
			bit byte
			is  *fits
		}{{stampName, &s.Name}, {stampFits, &d.Fits}, {stampOdd, &d.Odd}, {stampNot, &d.Not}} {
			if known&f.bit != 0 {
				r.bytes(len(f.is), func(b []byte) { copy(f.is[:], b) })
			}
		}
		if known&stampID != 0 {
			r.bytes(len(d.ID), func(b []byte) { copy(d.ID[:], b) })
		}
		if r.short {
			return nil, errors.New("they are cut short")
		}
		out = append(out, d)
		last = *s
	}
	if r.short || uint64(len(out)) != n {
		return nil, errors.New("they are cut short")
	}
	return out, nil
}

// stampReader reads from b until it is short.
type stampReader struct {
	b     []byte
	short bool
}

func (r *stampReader) unsigned() uint64 {
	v, n := binary.Uvarint(r.b)
	r.skip(n)
	return v
}

func (r *stampReader) signed() int64 {
	v, n := binary.Varint(r.b)
	r.skip(n)
	return v
}

func (r *stampReader) skip(n int) {
	if n <= 0 {
		r.short = true
		return
	}
	r.b = r.b[n:]
}

func (r *stampReader) bytes(n int, use func([]byte)) {
	if len(r.b) < n {
		r.short = true
		return
	}
	use(r.b[:n])
	r.b = r.b[n:]
}
