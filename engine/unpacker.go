package engine

import (
	"context"

	"hikae/hosts"
)

// Unpacker is a Module that has what packages installed in the bytes that they
// installed, also where the host's files are others by now.
type Unpacker interface {
	Module
	// Unpack calls each with those of the wanted files that it finds, in any
	// order, and returns an error that says why it did not find the others. h
	// is nil where the host must not be changed: then only what lies there is
	// looked into, and nothing is downloaded.
	Unpack(ctx context.Context, r hosts.Reader, h hosts.Host, want []Shipped, each func(Shipped, []byte) error) error
}

// Shipped is a file as its package installs it.
type Shipped struct {
	Package string // the name of the installed package
	Path    string
	Content hosts.Content
}

// MaxShipped is the size in bytes of the largest file that is unpacked: beyond
// it nobody merges it.
const MaxShipped = 1 << 20
