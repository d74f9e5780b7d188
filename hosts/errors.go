package hosts

import (
	"errors"
	"fmt"
)

// Errors that a Reader's or Host's caller tells apart.
var (
	// ErrMountPoint: another file system, or another part of this one, is
	// mounted at the path. It is not walked into, not replaced, not removed.
	ErrMountPoint = errors.New("a mount point")
	// ErrNotMounted: fstab wants something mounted at the path or above it, and
	// nothing is. What would be there cannot be seen, and is not gone.
	ErrNotMounted = errors.New("nothing is mounted there, and /etc/fstab wants something to be")
	// ErrLink: a part of the path is a link that is not followed.
	ErrLink = errors.New("a part of the path is a link that is not root's own")
	// ErrNotEmpty: a directory would have to go that has something in it.
	ErrNotEmpty = errors.New("the directory is not empty")
	// ErrWritten: a file is no longer what it was when it was looked at.
	ErrWritten = errors.New("it was written to meanwhile")
	// ErrNoPreview: what is made ready cannot be shown in its place.
	ErrNoPreview = errors.New("no private view of the files can be made")
	// ErrPackagesChange: a transaction of rpm or dnf is under way. What the host is
	// cannot be told before it has ended.
	ErrPackagesChange = errors.New("packages are being changed")
	// ErrLocked is wrapped by the error of a Lock that another one holds.
	ErrLocked = errors.New("another apply is under way")
)

// LockedError says who holds the lock. It wraps ErrLocked.
type LockedError struct{ Holder string }

func (e *LockedError) Error() string {
	if e.Holder == "" {
		return ErrLocked.Error()
	}
	return fmt.Sprintf("%s: %s", ErrLocked, e.Holder)
}

func (e *LockedError) Unwrap() error { return ErrLocked }
