package execute

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"hikae/engine"
	"hikae/hosts"
)

// The guard keeps a change from locking the owner out. After a change to what
// logins hang on the agent asks the controller for a new one, by the way that
// the controller came, and undoes the change when none has come in time. The
// agent asks nothing more of the connection that it has: that one may stand
// while every new one is refused, or be cut by the very change.

// proveLogin waits for a new login after some changes of what.
func (e *execution) proveLogin(ctx context.Context, what string, cs []engine.Change) error {
	gate, ok := e.x.Host.(hosts.LoginGate)
	if what == "" || e.req.LoginDeadline == 0 || !ok {
		return nil
	}
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails
	token := hex.EncodeToString(random[:])
	// What became of the link is of no account here.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.req.LoginDeadline)
	defer cancel()
	confirmed, err := gate.AwaitLogin(ctx, token, func() {
		e.emit(engine.ApplyEvent{Login: token, Progress: what, Of: addrsOf(cs)})
	})
	if err != nil {
		return err
	}
	if !confirmed {
		return fmt.Errorf("nobody could log in anew within %v of the change of %s", e.req.LoginDeadline, what)
	}
	return nil
}

// applyProven makes changes of one kind that no group needs, and undoes them if
// logins hang on the kind and none succeeds any more.
func (e *execution) applyProven(ctx context.Context, kind string, cs []engine.Change) error {
	u, ok := e.module(kind).(engine.Undoer)
	if !ok || len(cs) == 0 || e.req.LoginDeadline == 0 {
		return e.apply(ctx, kind, cs)
	}
	undo, err := u.Undoable(ctx, e.x.Host)
	if err != nil {
		return fmt.Errorf("cannot apply %s: %w", kind, err)
	}
	ctx = context.WithoutCancel(ctx)
	e.emit(engine.ApplyEvent{Of: addrsOf(cs)})
	job, done := e.job(cs), []engine.Addr(nil)
	tell := job.Done
	job.Done = func(a engine.Addr) { done = append(done, a) }
	failed := u.Apply(ctx, e.x.Host, job)
	if failed != nil { // a part may have been made, and logins hang on that too
		failed = fmt.Errorf("cannot apply %s: %w", kind, failed)
	}
	if err := e.proveLogin(ctx, "kind "+kind, cs); err != nil {
		undone := undo(ctx)
		if undone != nil {
			undone = fmt.Errorf("while putting it back: %w", undone)
		}
		e.putBack(undone == nil)
		return errors.Join(failed, err, undone)
	}
	for _, a := range done {
		tell(a)
	}
	return failed
}

func addrsOf(cs []engine.Change) (addrs []engine.Addr) {
	for _, c := range cs {
		addrs = append(addrs, c.Addr)
	}
	return addrs
}

// login is what of the group logins hang on; "" for nothing.
func (g *group) login() string {
	var names []string
	for _, u := range g.units {
		if u.Login {
			names = append(names, u.Name)
		}
	}
	return strings.Join(names, ", ")
}
