// Package filecap turns the capabilities of an executable between the bytes of
// its security.capability attribute and the text that getcap(8) prints and
// setcap(8) takes: "cap_net_bind_service,cap_net_raw=ep".
//
// The text is canonical: one set of capabilities has one text, whatever kernel
// or libcap the host has. It is what libcap 2.66 prints on a kernel that knows
// 41 capabilities. A file that gains its capabilities only in a user namespace
// has that namespace's root after it, as getcap -n shows: " [rootid=1000]".
//
// Sources: struct vfs_ns_cap_data in linux/capability.h, cap_to_text(3).
package filecap

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Caps are a file's capabilities. Bit n of a set stands for capability n.
type Caps struct {
	Permitted   uint64
	Inheritable uint64
	// Effective raises all of the process's new capabilities at once: the
	// kernel keeps one bit a file, not a set.
	Effective bool
	RootID    uint32 // root of the user namespace that they hold in; 0: the first
}

// known is the number of capabilities with a name: CAP_LAST_CAP+1 of Linux 5.9.
const known = 41

// The attribute is a magic word and the sets in words of 32 bits, all little
// endian: permitted and inheritable low, then high, then in revision 3 the root.
const (
	revisionMask = 0xff000000
	revision1    = 0x01000000
	revision2    = 0x02000000
	revision3    = 0x03000000
	effectiveBit = 0x000001

	size1 = 4 + 2*4
	size2 = 4 + 4*4
	size3 = size2 + 4
)

// errFormat says that an attribute is not one that a kernel writes.
var errFormat = errors.New("not of a known format")

// Decode reads the value of a security.capability attribute.
func Decode(b []byte) (Caps, error) {
	if len(b) < size1 {
		return Caps{}, fmt.Errorf("cannot read file capabilities: %w", errFormat)
	}
	word := func(i int) uint64 { return uint64(binary.LittleEndian.Uint32(b[4*i:])) }
	magic := binary.LittleEndian.Uint32(b)
	c := Caps{Effective: magic&effectiveBit != 0}
	switch rev := magic & revisionMask; {
	case magic&^(revisionMask|effectiveBit) != 0:
		return Caps{}, fmt.Errorf("cannot read file capabilities: %w", errFormat)
	case rev == revision1 && len(b) == size1:
		c.Permitted, c.Inheritable = word(1), word(2)
	case rev == revision2 && len(b) == size2, rev == revision3 && len(b) == size3:
		c.Permitted, c.Inheritable = word(1)|word(3)<<32, word(2)|word(4)<<32
		if rev == revision3 {
			c.RootID = binary.LittleEndian.Uint32(b[size2:])
		}
	default:
		return Caps{}, fmt.Errorf("cannot read file capabilities: %w", errFormat)
	}
	return c, nil
}

// Encode gives the value of the attribute: revision 2, or 3 where a RootID
// asks for it.
func (c Caps) Encode() []byte {
	magic := uint32(revision2)
	if c.RootID != 0 {
		magic = revision3
	}
	if c.Effective {
		magic |= effectiveBit
	}
	b := make([]byte, 0, size3)
	b = binary.LittleEndian.AppendUint32(b, magic)
	for _, set := range []uint64{c.Permitted, c.Inheritable, c.Permitted >> 32, c.Inheritable >> 32} {
		b = binary.LittleEndian.AppendUint32(b, uint32(set&0xffffffff))
	}
	if c.RootID != 0 {
		b = binary.LittleEndian.AppendUint32(b, c.RootID)
	}
	return b
}
