package local

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"

	"hikae/hosts"
)

// encoder gathers the bytes that a digest is of: every item with its length
// before it, so that no two lists of entries give the same.
type encoder struct{ b []byte }

func (c *encoder) text(s string) {
	c.b = binary.AppendUvarint(c.b, uint64(len(s)))
	c.b = append(c.b, s...)
}

func (c *encoder) number(n uint64) { c.b = binary.AppendUvarint(c.b, n) }

// room adds n bytes to be filled in.
func (c *encoder) room(n int) []byte {
	c.b = append(c.b, make([]byte, n)...)
	return c.b[len(c.b)-n:]
}

func (c *encoder) sum() []byte {
	s := sha256.Sum256(c.b)
	return s[:]
}

// entry adds all that a mirror carries of an entry but which other names it has.
func (c *encoder) entry(name string, e *hosts.TreeEntry) {
	c.text(name)
	c.b = append(c.b, byte(e.Type))
	c.number(uint64(e.Mode))
	c.text(e.Owner)
	c.text(e.Group)
	c.number(uint64(e.MTime)) //nolint:gosec // any number will do
	switch e.Type {
	case hosts.File:
		c.number(uint64(e.Content.Size)) //nolint:gosec // never negative
		if !e.Content.ID.IsZero() {
			c.b = append(c.b, e.Content.ID[:]...)
		}
	case hosts.Link:
		c.text(e.Link)
	case hosts.Dir:
		c.b = append(c.b, e.Digest...)
	case hosts.Other:
		c.number(uint64(e.Special))
		c.number(e.Device)
	}
	if e.ACL == "" && e.DefaultACL == "" && e.Caps == "" && e.Label == "" && e.Xattrs == nil {
		c.b = append(c.b, 0)
		return
	}
	c.b = append(c.b, 1)
	for _, s := range []string{e.ACL, e.DefaultACL, e.Caps, e.Label} {
		c.text(s)
	}
	c.number(uint64(len(e.Xattrs)))
	for _, name := range slices.Sorted(maps.Keys(e.Xattrs)) {
		c.text(name)
		c.text(e.Xattrs[name])
	}
}

// linksDigest is of which names are of one file.
func linksDigest(groups [][]string) []byte {
	var c encoder
	for _, names := range groups {
		c.number(uint64(len(names)))
		for _, n := range names {
			c.text(n)
		}
	}
	return c.sum()
}
