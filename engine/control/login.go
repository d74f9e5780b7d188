package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"hikae/engine"
	"hikae/engine/agent"
	"hikae/hosts"
)

// loginAgain is how long to wait after a login that failed: the daemon that
// lets people in may be starting.
const loginAgain = 300 * time.Millisecond

var errNoAnswer = errors.New("nothing was heard of the host: does its firewall let SSH in?")

// logins answers an agent that wants to see a new login after a change that
// could keep people out: it opens a second connection as the first was opened,
// and has the agent that this starts confirm it.
type logins struct {
	connect  func(ctx context.Context) (*agent.Client, error)
	deadline time.Duration

	wg   sync.WaitGroup
	mu   sync.Mutex
	what string                   // on which a login hangs that was wanted and has not succeeded
	last error                    // why the last try failed
	of   map[string][]engine.Addr // what each token is of that was not confirmed
	now  []engine.Addr            // what was last begun after which one will be wanted
	stop []context.CancelFunc
}

// wanted begins to log in, for as long as the host waits for it.
func (l *logins) wanted(ctx context.Context, token, what string, of []engine.Addr) {
	// One who stops an apply does not mean to have it undone.
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), l.deadline, errNoAnswer)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.what, l.last = what, nil
	if l.of == nil {
		l.of = map[string][]engine.Addr{}
	}
	l.of[token] = of
	l.stop = append(l.stop, cancel)
	l.wg.Go(func() {
		for {
			err := l.login(ctx, token)
			l.note(ctx, token, err)
			if err == nil || errors.Is(err, hosts.ErrNotAwaited) {
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(loginAgain):
			}
		}
	})
}

func (l *logins) login(ctx context.Context, token string) error {
	conn, err := l.connect(ctx)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	err = conn.ConfirmLogin(ctx, token)
	return errors.Join(err, conn.Close())
}

func (l *logins) note(ctx context.Context, token string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		l.what, l.last = "", nil
		delete(l.of, token)
	case l.last == nil || ctx.Err() == nil: // else it says no more than that time was up
		l.last = err
	}
}

// begun says what is now made after which a login will be wanted.
func (l *logins) begun(of []engine.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = of
}

// made says that something is, and stays.
func (l *logins) made(a engine.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = slices.DeleteFunc(slices.Clone(l.now), func(b engine.Addr) bool { return a == b })
}

// missing is what no login was seen after, once all has ended: of what was not
// applied, and where the link is lost, of what was being made just then.
func (l *logins) missing(lost bool, notApplied []engine.Addr) (addrs []engine.Addr) {
	if lost {
		addrs = append(addrs, l.now...)
	}
	for _, of := range l.of {
		for _, a := range of {
			if lost || slices.Contains(notApplied, a) {
				addrs = append(addrs, a)
			}
		}
	}
	slices.SortFunc(addrs, engine.Addr.Compare)
	return slices.Compact(addrs)
}

// end waits for what was begun. The apply has ended by now, with err; the
// result is what the agent said of it, if it said something.
func (l *logins) end(res engine.ApplyResult, err error) error {
	l.mu.Lock()
	for _, stop := range l.stop {
		stop()
	}
	l.mu.Unlock()
	l.wg.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.what == "" || l.last == nil:
		return err
	case errors.Is(err, agent.ErrLost):
		return fmt.Errorf("%w: the link is lost and nobody can log in anew since the change of %s, which the host undoes by itself within %v: %w",
			ErrRolledBack, l.what, l.deadline, l.last)
	case err == nil && res.RolledBack:
		return fmt.Errorf("%w: %s: %w", ErrRolledBack, res.Err, l.last)
	}
	return err
}
