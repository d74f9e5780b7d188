package agent

import (
	"context"
	"fmt"
	"time"

	"hikae/hosts"
)

// packagesRest is an error (hosts.ErrPackagesChange) where a transaction of rpm or
// dnf is under way.
func (ss *session) packagesRest() error {
	who, err := ss.packagesHeldBy()
	if err != nil || who == "" {
		return err
	}
	return fmt.Errorf("%w by %s", hosts.ErrPackagesChange, who)
}

func (ss *session) packagesHeldBy() (string, error) {
	if l, ok := ss.Host.(hosts.PackageLocks); ok {
		return l.PackagesHeldBy()
	}
	return "", nil
}

// How often a transaction's end is looked for, and after how long a person is told
// that it is waited for.
const (
	lookForEnd = 20 * time.Millisecond
	tellOfWait = 5 * time.Second
)

// untilPackagesRest waits until no transaction is under way. note tells of one
// that takes longer.
func (ss *session) untilPackagesRest(ctx context.Context, note func(string) error) error {
	began, told := time.Now(), false
	tick := time.NewTicker(lookForEnd)
	defer tick.Stop()
	for {
		who, err := ss.packagesHeldBy()
		if err != nil || who == "" {
			return err
		}
		if !told && time.Since(began) > tellOfWait {
			told = true
			if err := note("packages are being changed by " + who + ": what else changes waits until that has ended"); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}
