package hosts

import (
	"context"
	"errors"
)

// LoginGate is a Host on which one session can wait until another, of a new
// login, says that it is there.
type LoginGate interface {
	// AwaitLogin calls open once ConfirmLogin(token) would be heard, and waits
	// for that until ctx ends. Of "it was confirmed" here and nil there, both
	// are true or neither. The token is 32 hexadecimal digits.
	AwaitLogin(ctx context.Context, token string, open func()) (confirmed bool, err error)
	// ConfirmLogin is called in the new login's session. ErrNotAwaited: nobody
	// waits for this token, or no more.
	ConfirmLogin(token string) error
}

// ErrNotAwaited: a login came when it was no longer waited for.
var ErrNotAwaited = errors.New("nobody waits for this login, or no more")
