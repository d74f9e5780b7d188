package rpmdbtest

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

// A Pair is a key of a Berkeley DB file and its value.
type Pair struct{ Key, Value []byte }

// BDB is how a Berkeley DB hash file is laid out. The zero value is EL 8's on x86_64.
type BDB struct {
	Order    binary.ByteOrder // of the machine; little-endian if nil
	PageSize int              // 4096 if 0
	Buckets  int              // a power of two; by default such that each has a page or so
}

// Offsets and numbers of dbinc/db_page.h, Berkeley DB 5.3.
const (
	bdbMagic      = 0x00061561
	bdbVersion    = 9
	bdbHeader     = 26
	bdbTypeMeta   = 8
	bdbTypeHash   = 13
	bdbTypeOvfl   = 7
	bdbOnPage     = 1
	bdbOffPage    = 3
	bdbCharKey    = "%$sniglet^&\x00" // what the meta page's hash check is of
	bdbMinBuckets = 2
)

type bdbWriter struct {
	BDB
	pages [][]byte // page 0 is the meta page
}

// Bytes gives the file that holds the pairs. Keys must differ.
func (l BDB) Bytes(pairs []Pair) ([]byte, error) {
	if l.Order == nil {
		l.Order = binary.LittleEndian
	}
	if l.PageSize == 0 {
		l.PageSize = 4096
	}
	if l.Buckets == 0 {
		l.Buckets = bdbMinBuckets
		for l.Buckets*l.PageSize/64 < len(pairs) {
			l.Buckets *= 2
		}
	}
	if l.Buckets < bdbMinBuckets || bits.OnesCount(uint(l.Buckets)) != 1 {
		return nil, fmt.Errorf("%d buckets: not a power of two", l.Buckets)
	}
	w := &bdbWriter{BDB: l}
	for range l.Buckets + 1 {
		w.newPage(bdbTypeHash)
	}
	buckets := make([][]Pair, l.Buckets)
	for _, p := range pairs {
		b := fnv(p.Key) & uint32(l.Buckets-1)
		buckets[b] = append(buckets[b], p)
	}
	for i, b := range buckets {
		slices.SortStableFunc(b, func(x, y Pair) int { return bytes.Compare(x.Key, y.Key) })
		if err := w.bucket(uint32(i+1), b); err != nil {
			return nil, err
		}
	}
	w.meta(len(pairs))
	return bytes.Join(w.pages, nil), nil
}

// fnv is __ham_func5.
func fnv(key []byte) uint32 {
	var h uint32
	for _, c := range key {
		h = h*16777619 ^ uint32(c)
	}
	return h
}

func (w *bdbWriter) newPage(typ byte) uint32 {
	no := uint32(len(w.pages))
	p := make([]byte, w.PageSize)
	w.Order.PutUint32(p[8:], no)
	w.Order.PutUint16(p[22:], uint16(w.PageSize)) // where the free space ends
	p[25] = typ
	w.pages = append(w.pages, p)
	return no
}

// bucket fills page no, and pages chained to it, with pairs.
func (w *bdbWriter) bucket(no uint32, pairs []Pair) error {
	for _, pair := range pairs {
		key, val := w.item(pair.Key), w.item(pair.Value)
		p := w.pages[no]
		items, high := int(w.Order.Uint16(p[20:])), w.high(p)
		if bdbHeader+2*(items+2)+len(key)+len(val) > high {
			next := w.newPage(bdbTypeHash)
			w.Order.PutUint32(p[16:], next)
			w.Order.PutUint32(w.pages[next][12:], no)
			no, p = next, w.pages[next]
			items, high = 0, w.high(p)
			if bdbHeader+4+len(key)+len(val) > high {
				return errors.New("a pair does not fit on a page")
			}
		}
		for i, it := range [][]byte{key, val} {
			high -= len(it)
			copy(p[high:], it)
			w.Order.PutUint16(p[bdbHeader+2*(items+i):], uint16(high))
		}
		w.Order.PutUint16(p[20:], uint16(items+2))
		w.Order.PutUint16(p[22:], uint16(high))
	}
	return nil
}

func (w *bdbWriter) high(p []byte) int {
	return cmp.Or(int(w.Order.Uint16(p[22:])), 65536) // 65536 does not fit into 2 bytes
}

// item gives what stands on a hash page for a key or a value: itself, or a reference to overflow pages.
func (w *bdbWriter) item(b []byte) []byte {
	if len(b) <= w.PageSize/4 {
		return append([]byte{bdbOnPage}, b...)
	}
	ref := make([]byte, 12)
	ref[0] = bdbOffPage
	w.Order.PutUint32(ref[4:], uint32(len(w.pages)))
	w.Order.PutUint32(ref[8:], uint32(len(b)))
	prev := uint32(0)
	for chunk := range slices.Chunk(b, w.PageSize-bdbHeader) {
		no := w.newPage(bdbTypeOvfl)
		p := w.pages[no]
		w.Order.PutUint32(p[12:], prev)
		w.Order.PutUint16(p[20:], 1)
		w.Order.PutUint16(p[22:], uint16(len(chunk)))
		copy(p[bdbHeader:], chunk)
		if prev != 0 {
			w.Order.PutUint32(w.pages[prev][16:], no)
		}
		prev = no
	}
	return ref
}

func (w *bdbWriter) meta(keys int) {
	p := make([]byte, w.PageSize)
	w.pages[0] = p
	for off, n := range map[int]int{
		12: bdbMagic, 16: bdbVersion, 20: w.PageSize, 32: len(w.pages) - 1, 40: keys, 44: keys,
		72: w.Buckets - 1, 76: w.Buckets - 1, 80: w.Buckets/2 - 1, 88: keys,
	} {
		w.Order.PutUint32(p[off:], uint32(n))
	}
	p[25] = bdbTypeMeta
	w.Order.PutUint32(p[92:], fnv([]byte(bdbCharKey)))
	copy(p[52:72], "hikae test database.")
	for i := range 32 { // bucket b is on page b+1, for each doubling of the table
		w.Order.PutUint32(p[96+4*i:], 1)
	}
}
