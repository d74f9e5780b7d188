package hosts

import (
	"context"
	"encoding/hex"
	"path"
	"strings"
)

// Syncer is a Stager whose commits are made durable together: a Staged that was
// committed is on disk for good once Sync has returned, and a power cut before
// that shows the old or the new, never a half. Put and Remove need no Sync.
type Syncer interface {
	Sync(ctx context.Context) error
}

// Movable is a content in a file that is nobody else's: a Stager may make that
// file the one that it stages, in place of copying it. Whoever gives one answers
// for the bytes.
type Movable interface {
	// FD is the descriptor by which it is open for reading.
	FD() int
	// MoveTo gives the file a name in an open directory, where nothing has it.
	// An error means that it cannot: it lies on another file system, or was
	// moved before; it can still be read.
	MoveTo(dir int, name string) error
}

// Linker is a Syncer that can give a file a second name on the same file system.
type Linker interface {
	// Link makes to a name of the regular file that from is; it is on disk for
	// good after the next Sync. An error means that nothing was made.
	Link(ctx context.Context, from, to string) error
}

// TempCleaner removes what a writer that was killed has left beside its files.
type TempCleaner interface {
	// CleanTemps removes from each of dirs, not from below them, every path
	// of which IsTemp is true, and returns what it removed. Nothing else may
	// be writing: the caller holds the lock.
	CleanTemps(ctx context.Context, dirs []string) ([]string, error)
}

// Laid is a path as it will be once a group that is made ready is committed.
type Laid struct {
	Path string
	From string // where it lies until then, there or in a new directory that is aside too; "" where nothing will be
}

// Previewer is a Host that can show what is made ready in its place before it
// is there, to one who asks whether it would do.
type Previewer interface {
	// Preview calls fn with a view in which each of laid, in that order, is in
	// its place. Programs run in it see the same, and what they or fn write in
	// /etc and in the directories of laid is thrown away; nobody else sees any
	// of it. The view holds on fn's own goroutine only, and until fn returns.
	//
	// ErrNoPreview: no view can be had here, and fn was not called.
	Preview(ctx context.Context, laid []Laid, fn func(view Host) error) error
}

// WriteTracker is a Host that says where it is about to make something under a
// temporary name, so that what a kill leaves of it can be found.
type WriteTracker interface {
	// TrackWrites has note called with a directory before something is made in
	// it, until stop is called. Where note fails, nothing is made.
	TrackWrites(note func(dir string) error) (stop func())
}

const (
	tempPrefix = ".hikae."
	tempDigits = 16
)

// TempName makes the name that a path has while it is being written, from
// random bytes.
func TempName(random [tempDigits / 2]byte) string {
	return tempPrefix + hex.EncodeToString(random[:])
}

// IsTemp reports whether name, or the last part of a path, is a TempName.
func IsTemp(name string) bool {
	digits, ok := strings.CutPrefix(path.Base(name), tempPrefix)
	if !ok || len(digits) != tempDigits {
		return false
	}
	return strings.Trim(digits, "0123456789abcdef") == ""
}
