package local

import (
	"context"
	"path/filepath"

	"hikae/hosts"
	"hikae/hosts/pwlock"
)

var _ hosts.AccountLocker = (*Host)(nil)

// LockAccounts implements hosts.AccountLocker.
func (h *Host) LockAccounts(ctx context.Context) (unlock func(), err error) {
	return pwlock.Lock(ctx, filepath.Join(h.root, "etc"))
}
