package rpmdb

import (
	"crypto/sha1" //nolint:gosec // the digest that old packages have
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"sync"
)

// headerMagic stands before a header in a package file, and is part of what its digest covers.
const headerMagic = "\x8e\xad\xe8\x01\x00\x00\x00\x00"

var digestBufs = sync.Pool{New: func() any { b := make([]byte, 16<<10); return &b }}

// checkDigest compares the header's immutable region with the digest that was taken of it when it was built, as rpm itself
// does on each read: pages of a database can be torn or stale and yet look well. A header without region or digest, as old
// packages and imported keys have, passes.
func (h header) checkDigest() error {
	covered, ok := h.region()
	if !ok {
		return nil
	}
	for _, d := range []struct {
		tag uint32
		new func() hash.Hash
	}{{tagSHA256Header, sha256.New}, {tagSHA1Header, sha1.New}} {
		want, err := h.str(d.tag)
		if err != nil {
			return err
		}
		if want == "" {
			continue
		}
		sum := d.new()
		buf := digestBufs.Get().(*[]byte)
		defer digestBufs.Put(buf)
		for _, part := range covered {
			for part != "" {
				n := copy(*buf, part)
				sum.Write((*buf)[:n])
				part = part[n:]
			}
		}
		if hex.EncodeToString(sum.Sum(nil)) != want {
			return errors.New("the header does not fit its digest")
		}
		return nil // the better one is enough
	}
	return nil
}

// region returns what the digest covers, in parts. The region starts with the entry of its tag, whose data is the trailer at
// its end; that says by a negative offset how long the index is.
func (h header) region() (covered [4]string, ok bool) {
	entry := h.index[:headerEntry]
	trailer := be32(entry, 8)
	end := uint64(trailer) + headerEntry
	if be32(entry, 0) != tagHeaderImmutable || be32(entry, 4) != typeBin || be32(entry, 12) != headerEntry ||
		end > uint64(len(h.data)) {
		return covered, false
	}
	index := -int64(int32(be32(h.data[trailer:], 8))) //nolint:gosec // stored as a negative number
	if be32(h.data[trailer:], 0) != tagHeaderImmutable || index < headerEntry || index > int64(len(h.index)) || index%headerEntry != 0 {
		return covered, false
	}
	lengths := binary.BigEndian.AppendUint32(nil, uint32(index/headerEntry)) //nolint:gosec // within h.index
	lengths = binary.BigEndian.AppendUint32(lengths, uint32(end))            //nolint:gosec // within h.data
	return [4]string{headerMagic, string(lengths), h.index[:index], h.data[:end]}, true
}
