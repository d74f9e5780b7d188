// Package acl turns POSIX access control lists between the bytes of the
// system.posix_acl_access and system.posix_acl_default attributes and the short
// text that setfacl(1) takes: "u::rw-,u:alice:r--,g::r--,m::r--,o::---".
//
// The text holds names and is canonical: owner, named users, owning group,
// named groups, mask, others; those with a name in the order of the names. So
// the same list has the same text on two hosts that number their users otherwise.
//
// Sources: acl(5), linux/posix_acl_xattr.h, fs/posix_acl.c.
package acl

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Tag says whom an entry is for.
type Tag uint16

// The tags, in the order that the kernel keeps entries in.
const (
	UserObj  Tag = 0x01 // the file's owner
	User     Tag = 0x02
	GroupObj Tag = 0x04 // the file's group
	Group    Tag = 0x08
	Mask     Tag = 0x10 // the most that User, GroupObj and Group get
	Other    Tag = 0x20
)

// Entry grants Perm, bits 4 read, 2 write, 1 execute. ID belongs to User and
// Group only.
type Entry struct {
	Tag  Tag
	Perm uint8
	ID   uint32
}

// List is a whole list, in the kernel's order once it was Decoded or Parsed.
type List []Entry

const (
	version   = 2          // of the attribute
	noID      = 0xffffffff // in entries that have none
	entrySize = 8          // bytes: tag, perm, id, all little endian
)

// Decode reads the value of an attribute.
func Decode(b []byte) (List, error) {
	if len(b) < 4 || binary.LittleEndian.Uint32(b) != version || len(b[4:])%entrySize != 0 {
		return nil, errors.New("cannot read access control list: not of a known format")
	}
	var l List
	for b = b[4:]; len(b) > 0; b = b[entrySize:] {
		perm := binary.LittleEndian.Uint16(b[2:])
		if perm > 7 {
			return nil, fmt.Errorf("cannot read access control list: permissions %#x", perm)
		}
		e := Entry{Tag: Tag(binary.LittleEndian.Uint16(b)), Perm: uint8(perm)}
		if e.named() {
			e.ID = binary.LittleEndian.Uint32(b[4:])
		}
		l = append(l, e)
	}
	if err := l.normalize(); err != nil {
		return nil, fmt.Errorf("cannot read access control list: %w", err)
	}
	return l, nil
}

// Encode gives the value of the attribute.
func (l List) Encode() []byte {
	b := binary.LittleEndian.AppendUint32(make([]byte, 0, 4+entrySize*len(l)), version)
	for _, e := range l {
		b = binary.LittleEndian.AppendUint16(b, uint16(e.Tag))
		b = binary.LittleEndian.AppendUint16(b, uint16(e.Perm))
		id := uint32(noID)
		if e.named() {
			id = e.ID
		}
		b = binary.LittleEndian.AppendUint32(b, id)
	}
	return b
}

// Minimal reports whether the list says no more than permission bits can.
func (l List) Minimal() bool { return len(l) == 3 }

func (e Entry) named() bool { return e.Tag == User || e.Tag == Group }

// normalize sorts the list as the kernel does and checks it as acl_valid(3) does.
func (l List) normalize() error {
	slices.SortStableFunc(l, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Tag, b.Tag), cmp.Compare(a.ID, b.ID))
	})
	var count [Other + 1]int
	for i, e := range l {
		switch e.Tag {
		case UserObj, User, GroupObj, Group, Mask, Other:
		default:
			return fmt.Errorf("an entry of unknown kind %#x", uint16(e.Tag))
		}
		if i > 0 && l[i-1].Tag == e.Tag && l[i-1].ID == e.ID {
			return errors.New("two entries for the same")
		}
		count[e.Tag]++
	}
	switch {
	case count[UserObj] == 0, count[GroupObj] == 0, count[Other] == 0:
		return errors.New("the entries u::, g:: and o:: must be there")
	case count[User]+count[Group] > 0 && count[Mask] == 0:
		return errors.New("entries with a name need a mask: m::rwx")
	}
	return nil
}
