package hosts

import "context"

// AccountLocker is a Host whose account files (/etc/passwd and its kin) can be
// locked against the other programs that write them, as hosts/pwlock does.
type AccountLocker interface {
	LockAccounts(ctx context.Context) (unlock func(), err error)
}
