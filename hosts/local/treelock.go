package local

import (
	"errors"
	"fmt"

	"hikae/hosts"
)

// lockTree keeps others from writing a tree. It does not wait. The lock is not beside
// the tree's record: it can be had on a full disk, where there is still to be deleted.
func (h *Host) lockTree(root, holder string) (unlock func(), err error) {
	unlock, err = h.lockFile("/run/hikae-mirror-"+treeName(root)+".lock", holder)
	var other *hosts.LockedError
	if errors.As(err, &other) && other.Holder != "" {
		return nil, fmt.Errorf("%w: %s", hosts.ErrTreeLocked, other.Holder)
	}
	if other != nil {
		return nil, hosts.ErrTreeLocked
	}
	if err != nil {
		return nil, fmt.Errorf("cannot lock it: %w", err)
	}
	return unlock, nil
}
