// Package rpmdbtest makes rpm databases for tests and benchmarks: headers, Berkeley DB files as EL 8 has them, which rpm
// itself reads by its bdb_ro backend, and an invented but lifelike set of installed packages.
package rpmdbtest

import (
	"cmp"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
)

// Types of a tag's data, rpmTagType_e of rpm's rpmtag.h.
const (
	typeChar        = 1
	typeInt16       = 3
	typeInt32       = 4
	typeInt64       = 5
	typeString      = 6
	typeBin         = 7
	typeStringArray = 8
	typeI18NString  = 9
)

const (
	tagHeaderImmutable = 63
	tagRSAHeader       = 268
	tagSHA1Header      = 269
	tagSHA256Header    = 273
)

var be = binary.BigEndian

// A Header collects the tags of a package's header. Those of the signed region come first; those set after Install was
// called are what rpm adds when it installs the package.
type Header struct {
	region, added []entry
	installed     bool
	signer        string // key id in hex
	signed        int64  // seconds since 1970
}

type entry struct {
	tag, typ, count uint32
	align           int
	data            []byte
}

// Install closes the region: what is added from here on is not covered by the header's digests.
func (h *Header) Install() { h.installed = true }

// Sign adds a signature by the key with an id of 16 hex digits. Whoever does not have the key takes it for a real one.
func (h *Header) Sign(keyID string, at int64) { h.signer, h.signed = keyID, at }

func (h *Header) add(tag, typ uint32, count, align int, data []byte) {
	e := entry{tag, typ, uint32(count), align, data}
	if h.installed {
		h.added = append(h.added, e)
	} else {
		h.region = append(h.region, e)
	}
}

// String adds a string.
func (h *Header) String(tag uint32, s string) { h.add(tag, typeString, 1, 1, append([]byte(s), 0)) }

// I18NString adds a string that could be translated, for the C locale.
func (h *Header) I18NString(tag uint32, s string) {
	h.add(tag, typeI18NString, 1, 1, append([]byte(s), 0))
}

// Bin adds bytes.
func (h *Header) Bin(tag uint32, b []byte) { h.add(tag, typeBin, len(b), 1, b) }

// Chars adds small numbers of a byte each.
func (h *Header) Chars(tag uint32, b []byte) { h.addArray(tag, typeChar, len(b), 1, b) }

// Strings adds strings; like all arrays, none at all leaves the tag out.
func (h *Header) Strings(tag uint32, ss []string) {
	var b []byte
	for _, s := range ss {
		b = append(append(b, s...), 0)
	}
	h.addArray(tag, typeStringArray, len(ss), 1, b)
}

// Uint16s adds numbers.
func (h *Header) Uint16s(tag uint32, ns []uint16) {
	var b []byte
	for _, n := range ns {
		b = be.AppendUint16(b, n)
	}
	h.addArray(tag, typeInt16, len(ns), 2, b)
}

// Uint32s adds numbers.
func (h *Header) Uint32s(tag uint32, ns ...uint32) {
	var b []byte
	for _, n := range ns {
		b = be.AppendUint32(b, n)
	}
	h.addArray(tag, typeInt32, len(ns), 4, b)
}

// Uint64s adds numbers.
func (h *Header) Uint64s(tag uint32, ns ...uint64) {
	var b []byte
	for _, n := range ns {
		b = be.AppendUint64(b, n)
	}
	h.addArray(tag, typeInt64, len(ns), 8, b)
}

func (h *Header) addArray(tag, typ uint32, count, align int, b []byte) {
	if count > 0 {
		h.add(tag, typ, count, align, b)
	}
}

// headerMagic stands before a header in a package file, and is part of what its digest covers.
var headerMagic = []byte{0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0}

// Bytes lays the header out as it stands in a database: lib/header.c of rpm. The region's digests are added to it.
func (h *Header) Bytes() []byte {
	byTag := func(a, b entry) int { return cmp.Compare(a.tag, b.tag) }
	region := slices.SortedStableFunc(slices.Values(h.region), byTag)

	index, data := layOut(nil, nil, region)
	n := len(region) + 1
	head := appendEntry(nil, tagHeaderImmutable, typeBin, uint32(len(data)), headerEntrySize)
	index = append(head, index...)
	data = appendEntry(data, tagHeaderImmutable, typeBin, uint32(-n*headerEntrySize), headerEntrySize)

	covered := append(lengths(headerMagic, n, len(data)), index...)
	covered = append(covered, data...)
	sum1, sum256 := sha1.Sum(covered), sha256.Sum256(covered)
	rest := Header{installed: true, added: slices.Clone(h.added)}
	rest.String(tagSHA1Header, hex.EncodeToString(sum1[:]))
	rest.String(tagSHA256Header, hex.EncodeToString(sum256[:]))
	if h.signer != "" {
		rest.Bin(tagRSAHeader, signature(covered, h.signer, h.signed))
	}

	added := slices.SortedStableFunc(slices.Values(rest.added), byTag)
	index, data = layOut(index, data, added)
	out := lengths(nil, n+len(added), len(data))
	return append(append(out, index...), data...)
}

const headerEntrySize = 16

func lengths(b []byte, tags, bytes int) []byte {
	b = be.AppendUint32(slices.Clip(b), uint32(tags))
	return be.AppendUint32(b, uint32(bytes))
}

func layOut(index, data []byte, entries []entry) ([]byte, []byte) {
	for _, e := range entries {
		for len(data)%e.align != 0 {
			data = append(data, 0)
		}
		index = appendEntry(index, e.tag, e.typ, uint32(len(data)), e.count)
		data = append(data, e.data...)
	}
	return index, data
}

func appendEntry(b []byte, tag, typ, offset, count uint32) []byte {
	for _, n := range []uint32{tag, typ, offset, count} {
		b = be.AppendUint32(b, n)
	}
	return b
}

// signature gives an OpenPGP signature packet over covered: version 4, RSA and SHA-256, RFC 9580 §5.2.3. All is right with
// it but the number that only the key could make.
func signature(covered []byte, keyID string, made int64) []byte {
	body := []byte{4, 0, 1, 8, 0, 6, 5, 2}
	body = be.AppendUint32(body, uint32(made))
	sum := sha256.New()
	sum.Write(covered)
	sum.Write(body)
	sum.Write(be.AppendUint32([]byte{4, 0xff}, uint32(len(body))))

	id, err := hex.DecodeString(keyID)
	if err != nil || len(id) != 8 {
		panic("not a key id: " + keyID)
	}
	body = append(append(body, 0, 10, 9, 16), id...)
	body = append(body, sum.Sum(nil)[:2]...)
	number := make([]byte, 256)
	for i := range number {
		number[i] = byte(0x80 | i)
	}
	body = append(be.AppendUint16(body, 8*256), number...)
	return append([]byte{0x89, byte(len(body) >> 8), byte(len(body))}, body...)
}
