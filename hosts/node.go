package hosts

import (
	"encoding/hex"
	"fmt"
	"maps"
)

// NodeType says what stands at a path.
type NodeType byte

// The types hikae carries. Sockets, fifos and devices are made by those who
// use them and are read as Other.
const (
	Absent NodeType = 0
	File   NodeType = 'f'
	Dir    NodeType = 'd'
	Link   NodeType = 'l'
	Other  NodeType = 'o'
)

func (t NodeType) String() string {
	switch t {
	case Absent:
		return "absent"
	case File:
		return "file"
	case Dir:
		return "directory"
	case Link:
		return "link"
	}
	return "other"
}

// ID names a content: its SHA-256, or, where the content is a secret, its
// HMAC-SHA-256 under the home key. The zero ID means that it was not computed.
type ID [32]byte

func (id ID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether the content was not hashed.
func (id ID) IsZero() bool { return id == ID{} }

// ParseID is the inverse of ID.String.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != hex.EncodedLen(len(id)) {
		return id, fmt.Errorf("cannot read content id: %d characters, want %d", len(s), hex.EncodedLen(len(id)))
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return ID{}, fmt.Errorf("cannot read content id: %w", err)
	}
	return id, nil
}

// Content is the bytes of a file, by name. Size is in bytes.
type Content struct {
	Size   int64 `cbor:"1,keyasint,omitempty"`
	ID     ID    `cbor:"2,keyasint"`
	Sealed bool  `cbor:"3,keyasint,omitempty"` // ID is keyed and the blob is encrypted
}

// Node is everything about a path but its name: what a copy must have to be
// the same file. Times and inode numbers are not part of it.
type Node struct {
	Type  NodeType `cbor:"1,keyasint"`
	Mode  uint32   `cbor:"2,keyasint"` // 07777: permissions, setuid, setgid, sticky; 0 for a link
	Owner string   `cbor:"3,keyasint"` // a name; decimal where the id has none
	Group string   `cbor:"4,keyasint"`

	// ACL and DefaultACL are the whole list in setfacl's short form, entries
	// in kernel order, those with a name sorted by name (ids differ between
	// hosts), joined by commas: "u::rw-,u:alice:r--,g::r--,m::r--,o::---".
	// Empty when the list says no more than Mode.
	ACL        string `cbor:"5,keyasint,omitempty"`
	DefaultACL string `cbor:"6,keyasint,omitempty"`

	Xattrs map[string]string `cbor:"7,keyasint,omitempty"` // the user.* ones, raw bytes
	Caps   string            `cbor:"8,keyasint,omitempty"` // file capabilities as cap_to_text(3) writes them

	// Label is the SELinux context where it differs, by more than the SELinux
	// user, from what the host's own policy gives the path, "" where it is the policy's (or the host has no
	// policy), Unlabeled where the policy has a context and the file has none.
	Label string `cbor:"9,keyasint,omitempty"`

	Link    string  `cbor:"10,keyasint,omitempty"` // a link's target, raw bytes
	Content Content `cbor:"11,keyasint"`           // of a File
}

// Unlabeled is the Label of a file that has no security.selinux attribute
// on a host whose policy names a context for it.
const Unlabeled = "<<unlabeled>>"

// Equal reports whether a copy of n is the same as o.
func (n *Node) Equal(o *Node) bool {
	if n == nil || o == nil {
		return n == o
	}
	if n.Type == Absent || o.Type == Absent {
		return n.Type == o.Type
	}
	return n.Type == o.Type && n.Mode == o.Mode && n.Owner == o.Owner && n.Group == o.Group &&
		n.ACL == o.ACL && n.DefaultACL == o.DefaultACL && n.Caps == o.Caps && n.Label == o.Label &&
		n.Link == o.Link && n.Content == o.Content && maps.Equal(n.Xattrs, o.Xattrs)
}

// Clone returns a copy that shares nothing with n.
func (n *Node) Clone() *Node {
	if n == nil {
		return nil
	}
	c := *n
	c.Xattrs = maps.Clone(n.Xattrs)
	return &c
}
