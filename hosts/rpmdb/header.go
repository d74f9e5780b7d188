package rpmdb

import (
	"errors"
	"fmt"
	"strings"
)

// Limits of rpm's own, from lib/header.c.
const (
	headerMaxTags  = 0xffff
	headerMaxData  = 0x0fffffff // bytes
	headerMaxArray = 0x000fffff // items of one tag
)

// A header is rpm's record of a package: an index of tags and their data. Its form, numbers being big-endian:
//
//	4 bytes  n, how many tags
//	4 bytes  d, how many bytes of data
//	n times  tag, type, offset into the data, count: 4 bytes each
//	d bytes  data
//
// The first tags form the region that was signed and whose digest is known: it begins with an entry of its own, and the
// data ends with a trailer that repeats it. Tags that rpm added when it installed the package follow, and have precedence.
//
// Nothing is checked or copied before it is asked for: strings are parts of blob.
type header struct {
	blob  string
	index string // n entries of 16 bytes
	data  string
}

const headerEntry = 16

func parseHeader(blob string) (header, error) {
	if len(blob) < 8 {
		return header{}, errors.New("the header is cut off")
	}
	n, d := be32(blob, 0), be32(blob, 4)
	if n == 0 || n > headerMaxTags || d > headerMaxData {
		return header{}, fmt.Errorf("a header with %d tags and %d bytes is not possible", n, d)
	}
	start := 8 + headerEntry*int(n)
	if len(blob) != start+int(d) {
		return header{}, fmt.Errorf("the header has %d bytes, where %d are due", len(blob), start+int(d))
	}
	return header{blob: blob, index: blob[8:start], data: blob[start:]}, nil
}

// find returns the data from where a tag's starts, to the end, and its count and type.
func (h header) find(tag uint32) (data string, count int, typ uint32, err error) {
	for i := len(h.index) - headerEntry; i >= 0; i -= headerEntry {
		if be32(h.index, i) != tag {
			continue
		}
		typ, off, n := be32(h.index, i+4), be32(h.index, i+8), be32(h.index, i+12)
		if uint64(off) > uint64(len(h.data)) || uint64(n) > uint64(len(h.data)) || n > headerMaxArray && typ != typeBin {
			return "", 0, 0, tagError(tag, "lies outside of the header")
		}
		return h.data[off:], int(n), typ, nil
	}
	return "", 0, 0, nil
}

func tagError(tag uint32, what string) error {
	return fmt.Errorf("tag %d %s", tag, what)
}

// str returns a tag's string, the first one of several, and "" when there is none.
func (h header) str(tag uint32) (string, error) {
	s, err := h.strs(tag)
	if err != nil || s.len() == 0 {
		return "", err
	}
	return s.next()
}

// strs returns a tag's strings.
func (h header) strs(tag uint32) (stringArray, error) {
	data, n, typ, err := h.find(tag)
	if err != nil || typ == 0 {
		return stringArray{}, err
	}
	switch typ {
	case typeStringArray, typeI18NString:
	case typeString:
		n = 1
	default:
		return stringArray{}, tagError(tag, fmt.Sprintf("has type %d, where strings are due", typ))
	}
	return stringArray{tag: tag, rest: data, left: n}, nil
}

// fixed returns the bytes of a tag whose items have type typ and width bytes.
func (h header) fixed(tag, typ uint32, width int) (string, error) {
	data, n, t, err := h.find(tag)
	if err != nil || t == 0 {
		return "", err
	}
	if t != typ {
		return "", tagError(tag, fmt.Sprintf("has type %d, where %d is due", t, typ))
	}
	if n*width > len(data) {
		return "", tagError(tag, "lies outside of the header")
	}
	return data[:n*width], nil
}

func (h header) bin(tag uint32) (string, error) { return h.fixed(tag, typeBin, 1) }

func (h header) uint16s(tag uint32) (uint16Array, error) {
	s, err := h.fixed(tag, typeInt16, 2)
	return uint16Array(s), err
}

func (h header) uint32s(tag uint32) (uint32Array, error) {
	s, err := h.fixed(tag, typeInt32, 4)
	return uint32Array(s), err
}

func (h header) uint64s(tag uint32) (uint64Array, error) {
	s, err := h.fixed(tag, typeInt64, 8)
	return uint64Array(s), err
}

// uint32 returns a tag's number, and whether there is one.
func (h header) uint32(tag uint32) (uint32, bool, error) {
	a, err := h.uint32s(tag)
	if err != nil || a.len() == 0 {
		return 0, false, err
	}
	return a.at(0), true, nil
}

// A stringArray walks over strings that lie one after the other, each ended by a NUL. Its zero value has none.
type stringArray struct {
	tag  uint32
	rest string
	left int
}

func (a *stringArray) len() int { return a.left }

func (a *stringArray) next() (string, error) {
	i := strings.IndexByte(a.rest, 0)
	if i < 0 || a.left == 0 {
		return "", tagError(a.tag, "is cut off")
	}
	s := a.rest[:i]
	a.rest = a.rest[i+1:]
	a.left--
	return s, nil
}

// all returns the strings that are left.
func (a *stringArray) all() ([]string, error) {
	if a.left > len(a.rest) {
		return nil, tagError(a.tag, "is cut off")
	}
	out := make([]string, a.left)
	for i := range out {
		var err error
		if out[i], err = a.next(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Arrays of big-endian numbers.
type (
	uint16Array string
	uint32Array string
	uint64Array string
)

func (a uint16Array) len() int        { return len(a) / 2 }
func (a uint16Array) at(i int) uint16 { return uint16(a[2*i])<<8 | uint16(a[2*i+1]) }
func (a uint32Array) len() int        { return len(a) / 4 }
func (a uint32Array) at(i int) uint32 { return be32(string(a), 4*i) }
func (a uint64Array) len() int        { return len(a) / 8 }
func (a uint64Array) at(i int) uint64 {
	return uint64(be32(string(a), 8*i))<<32 | uint64(be32(string(a), 8*i+4))
}

func be32(s string, i int) uint32 {
	return uint32(s[i])<<24 | uint32(s[i+1])<<16 | uint32(s[i+2])<<8 | uint32(s[i+3])
}
