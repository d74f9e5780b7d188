package engine

import (
	"context"
	"errors"
	"io"
	"time"

	"hikae/hosts"
)

// What an apply leaves on a host.
const (
	// StateDir is where hikae keeps what is its own: root's, 0700.
	StateDir = "/var/lib/hikae"
	// Kept is where old bytes are put before they are overwritten or removed.
	Kept = StateDir + "/kept"
)

// MaxLoginDeadline bounds how long a change may keep a host locked.
const MaxLoginDeadline = 10 * time.Minute

// ApplyRequest is what the controller asks the agent to do: the changes of one
// stage, planned against what the agent read.
type ApplyRequest struct {
	Stage   Stage    `cbor:"1,keyasint"`
	Changes []Change `cbor:"2,keyasint"`
	// Holder names who applies, for the one who finds the host's lock taken.
	Holder string `cbor:"3,keyasint"`
	// LoginDeadline bounds the wait for a new login after a change that could
	// keep people out; without one the change is undone. 0 waits for none.
	LoginDeadline time.Duration `cbor:"4,keyasint,omitempty"`
	// Go is waited for before the agent may change anything; an error of it calls
	// the apply off. The controller sets it.
	Go func() error `cbor:"-"`
	// Same is Job.Same: the agent sets it.
	Same func(c hosts.Content, open func() (io.ReadCloser, error)) (bool, error) `cbor:"-"`
}

// ApplyEvent reports on an apply while it runs.
type ApplyEvent struct {
	Done     *Addr  `cbor:"1,keyasint,omitempty"` // this change is made
	Progress string `cbor:"2,keyasint,omitempty"` // or: what takes long now
	Kept     string `cbor:"3,keyasint,omitempty"` // or: a copy of old bytes was put here
	Unit     string `cbor:"4,keyasint,omitempty"` // or: this unit was reloaded or restarted (Progress says which)
	// or: log in anew, now, and confirm it with this token (Progress says why).
	Login string `cbor:"5,keyasint,omitempty"`
	// Of is, with Login, what is put back without it; else what is now begun after
	// which a login will be wanted: the link may be lost by it.
	Of []Addr `cbor:"6,keyasint,omitempty"`
}

// ApplyResult is how an apply ended. Every change of the request is in one of
// Applied and NotApplied, once; the client of the agent holds it to that.
type ApplyResult struct {
	Applied    []Addr   `cbor:"1,keyasint,omitempty"`
	NotApplied []Addr   `cbor:"2,keyasint,omitempty"`
	RolledBack bool     `cbor:"3,keyasint,omitempty"` // what had been changed was put back
	Err        string   `cbor:"4,keyasint,omitempty"` // why not all was applied; "" when it was
	Notes      []string `cbor:"5,keyasint,omitempty"`
	// Alone: files of which each stands alone, and no daemon known to read one,
	// are all that was touched, and no program was run.
	Alone bool `cbor:"6,keyasint,omitempty"`
	// HeldBack are those of NotApplied that could not be made on this host, each
	// with its reason; Err is not of them.
	HeldBack []Note `cbor:"7,keyasint,omitempty"`
}

// Errors that a caller tells apart.
var (
	// ErrRefused: the host or hikae will not do it; nothing was changed.
	ErrRefused = errors.New("refused")
	// ErrNotPutBack: what had been changed could not be put back, whole.
	ErrNotPutBack = errors.New("not put back")
	// ErrLocked: another apply holds the host.
	ErrLocked = errors.New("another apply is under way")
)

// Applier is the agent's side of an apply, as engine/agent's server calls it:
// engine/execute's Executor is the one.
type Applier interface {
	Apply(ctx context.Context, req ApplyRequest, open func(hosts.Content) (io.ReadCloser, error), emit func(ApplyEvent)) (ApplyResult, error)
}
