package hosts

import "context"

// WatchRoot is a place that is watched for changes.
type WatchRoot struct {
	Path string `cbor:"1,keyasint"`
	// Tree: all below it on the same file system. Else the path itself and, of a
	// directory, its entries.
	Tree bool `cbor:"2,keyasint,omitempty"`
	// Exclude are patterns of paths (rules.Match) that are neither watched nor
	// told of, with all below them.
	Exclude []string `cbor:"3,keyasint,omitempty"`
}

// Seen is a path that may have changed: made, written and closed, given other
// attributes, renamed, removed. It need not have; who hears of it reads it. A
// file that has several names is told of by the one that it was changed by: what
// is read there is so of the others, and where that name has gone or is another
// file's by then, the others are read.
type Seen struct {
	Path string `cbor:"1,keyasint"`
	// From is where it was before this report, below a watched root too; "" where
	// it was not renamed, or nobody knows. What is at Path is then what was at From,
	// unless it changed since: a hint that saves a transfer, to be checked. From is
	// told of by itself too, after Path.
	From string `cbor:"2,keyasint,omitempty"`
	// Deep: all at and below Path is in doubt, as after the kernel's queue ran
	// over, a directory came or was renamed (what was told of it under its old name
	// may have been looked for there in vain), or a mount went.
	Deep bool `cbor:"3,keyasint,omitempty"`
	// Shallow, with Deep, is less than it: any name in the directory Path may have
	// come, gone or changed, but nothing below the directories that were there
	// before. Who cannot tell these apart takes it as Deep.
	Shallow bool `cbor:"4,keyasint,omitempty"`
}

// WatchReport is what a Watch tells at once.
type WatchReport struct {
	Seen []Seen `cbor:"1,keyasint,omitempty"`
	// Ready: all roots are watched from here on. Sent once; what is read after it
	// misses no change.
	Ready bool `cbor:"2,keyasint,omitempty"`
	// Notes are for a person: which subtree is only looked at now and then, why,
	// and the sysctl that would help.
	Notes []string `cbor:"3,keyasint,omitempty"`
	// Watches is how many the kernel holds for it, and Polled the subtrees without.
	Watches int      `cbor:"4,keyasint,omitempty"`
	Polled  []string `cbor:"5,keyasint,omitempty"`
}

// Watcher is a Reader that tells what changes.
type Watcher interface {
	Reader
	// Watch calls emit, from one goroutine, with what may have changed below the
	// roots, until ctx ends or emit returns an error. A root that is missing is
	// waited for. What happens while emit runs is gathered: each path is told once.
	Watch(ctx context.Context, roots []WatchRoot, emit func(WatchReport) error) error
}
