package agent

import (
	"errors"
	"fmt"
	"io/fs"

	"hikae/engine"
	"hikae/hosts"
)

// Errors that a caller tells apart.
var (
	// ErrProtocol: the other side sent what the protocol does not allow.
	ErrProtocol = errors.New("protocol error")
	// ErrLost: the link ended in the middle of a session.
	ErrLost = errors.New("connection lost")
	// ErrReadOnly: the session may not change the host.
	ErrReadOnly = errors.New("read-only session")
	// ErrChanged: a content is no longer what a Read found.
	ErrChanged = errors.New("changed since it was read")
)

func protocolError(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrProtocol}, args...)...)
}

// SkewError says that the two sides are not of one version and what to do.
type SkewError struct {
	Host                     string // the agent's host, "" where it is not known
	Client, Agent            string // build ids
	ClientProto, AgentProto  uint
	protoDiffers, onlyBuilds bool
	// ReadOnly: behind a forced command, so that no other agent can be started.
	ReadOnly bool
}

func (e *SkewError) Error() string {
	host := e.Host
	if host == "" {
		host = "the host"
	}
	s := fmt.Sprintf("the agent on %s is hikae %s, this is hikae %s", host, e.Agent, e.Client)
	switch {
	case e.protoDiffers:
		s = fmt.Sprintf("the agent on %s is hikae %s (protocol %d), this is hikae %s (protocol %d)",
			host, e.Agent, e.AgentProto, e.Client, e.ClientProto)
	case !e.onlyBuilds:
		s += " and they do not know the same resources"
	}
	if e.ReadOnly {
		s += "; the key is bound to that program (command= in authorized_keys), so that this one cannot be copied there"
	}
	return fmt.Sprintf("%s: install hikae %s on %s, or hikae %s here", s, e.Client, host, e.Agent)
}

// ContentError says that one content could not be had.
type ContentError struct {
	Content hosts.Content
	Err     error
}

func (e *ContentError) Error() string {
	return fmt.Sprintf("cannot get content %s: %v", e.Content.ID, e.Err)
}

func (e *ContentError) Unwrap() error { return e.Err }

// wireError is an error as it travels: its text, and which of the errors that
// callers tell apart it is.
type wireError struct {
	Code errorCode `cbor:"1,keyasint,omitempty"`
	Text string    `cbor:"2,keyasint"`
}

type errorCode uint

// The errors that keep their identity on the wire. The numbers are part of
// the protocol.
func codes() map[errorCode]error {
	return map[errorCode]error{
		1:  engine.ErrRefused,
		2:  engine.ErrLocked,
		3:  ErrReadOnly,
		4:  ErrProtocol,
		5:  ErrChanged,
		6:  fs.ErrNotExist,
		7:  fs.ErrPermission,
		8:  hosts.ErrNotAwaited,
		9:  hosts.ErrPackagesChange,
		10: hosts.ErrTreeGone, 11: hosts.ErrForeign, 12: hosts.ErrNoRoom, 13: hosts.ErrTorn,
		14: hosts.ErrNotMounted, 15: hosts.ErrMountPoint, 16: hosts.ErrNotEmpty, 17: hosts.ErrTreeLocked,
	}
}

func toWire(err error) *wireError {
	if err == nil {
		return nil
	}
	w := &wireError{Text: err.Error()}
	for c := errorCode(1); int(c) <= len(codes()); c++ {
		if errors.Is(err, codes()[c]) {
			w.Code = c
			break
		}
	}
	w.Text = short(w.Text)
	return w
}

// short bounds what an error says: it is shown, logged, and told by a status.
func short(text string) string {
	const longest = 64 << 10
	if len(text) > longest {
		return text[:longest] + "..."
	}
	return text
}

func (w *wireError) err() error {
	if w == nil {
		return nil
	}
	return &RemoteError{text: short(w.Text), is: codes()[w.Code]}
}

// RemoteError is an error that the agent reported. errors.Is finds the errors
// of this package, engine.ErrRefused, engine.ErrLocked and those of io/fs
// through it.
type RemoteError struct {
	text string
	is   error
}

func (e *RemoteError) Error() string { return e.text }

func (e *RemoteError) Unwrap() error { return e.is }
