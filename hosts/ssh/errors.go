package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
)

// UnreachableError says that no SSH server could be talked to.
type UnreachableError struct {
	Address string
	Fix     string
	Err     error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("cannot reach %s: %v; %s", e.Address, e.Err, e.Fix)
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// unreachable explains why a connection was not made.
func unreachable(s *settings, err error, timedOut bool) error {
	e := &UnreachableError{Address: s.address(), Err: err}
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		e.Fix = fmt.Sprintf("is the name %s right? A HostName in ~/.ssh/config can give the address", s.host)
	case timedOut:
		e.Err = fmt.Errorf("no answer within %v", s.connectTimeout)
		e.Fix = "is the host up, is the address right, and does its firewall let SSH in?"
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Fix = fmt.Sprintf("nothing listens there: is sshd running, and is %d its port?", s.port)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		e.Fix = "is the host up, and is there a route to it?"
	default:
		e.Fix = "is the host up, and is the address right?"
	}
	return e
}

// refused explains why a handshake failed.
func refused(ctx context.Context, s *settings, t Target, ring *keyring, clock *clock, err error) error {
	var unknown *UnknownHostKeyError
	var changed *ChangedHostKeyError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &unknown):
		return unknown
	case errors.As(err, &changed):
		return changed
	case clock.ranOut():
		return &UnreachableError{
			Address: s.address(), Err: fmt.Errorf("what listens there did not complete the SSH handshake within %v", handshakeTimeout),
			Fix: fmt.Sprintf("is %d the port of sshd, and is the host overloaded?", s.port),
		}
	case strings.Contains(err.Error(), "unable to authenticate"),
		strings.Contains(err.Error(), "Too many authentication failures"):
		return &AuthError{Target: t.String(), User: s.user, Tried: ring.tried, Skipped: ring.skipped, Err: err}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		return &UnreachableError{
			Address: s.address(), Err: errors.New("the connection was closed before a login"),
			Fix: fmt.Sprintf("is %d the port of sshd? Then it has too many connections (MaxStartups), or there is no room for a process more (TasksMax, kernel.pid_max)", s.port),
		}
	}
	return &UnreachableError{
		Address: s.address(), Err: fmt.Errorf("the SSH handshake failed: %w", err),
		Fix: fmt.Sprintf("is %d the port of sshd? `ssh -v -p %d %s@%s` tells more", s.port, s.port, s.user, s.host),
	}
}

// What is said where a host can start nothing more.
const (
	tableFull    = "no further process or thread can be started there: its process table is full"
	tableFullFix = "end some there (ps -eLf), or raise the limit that holds them (ulimit -u, TasksMax, kernel.pid_max)"
)

// fullTable finds in what a shell or a Go program said that it could start no
// process or thread (EAGAIN, clone(2)).
func fullTable(stderr string) bool {
	for _, words := range []string{"failed to create new OS thread", "fork: Resource temporarily unavailable", "fork: retry", "Cannot fork", "can't fork"} {
		if strings.Contains(stderr, words) {
			return true
		}
	}
	return false
}

// lastWords is what a program said before it ended: of one that crashed why,
// and not where.
func lastWords(stderr string) string {
	for _, trace := range []string{"\n\ngoroutine ", "\n\nruntime stack:", "\ngoroutine "} {
		if i := strings.Index(stderr, trace); i > 0 {
			return strings.TrimSpace(stderr[:i]) + "\n(its trace of goroutines is left out)"
		}
	}
	return stderr
}

// StartError says why the agent could not be started.
type StartError struct {
	Target string
	What   string // what went wrong
	Fix    string // what to do
	Stderr string // what the host said, if anything
}

func (e *StartError) Error() string {
	s := fmt.Sprintf("cannot start the agent on %s: %s", e.Target, e.What)
	if e.Stderr != "" {
		s += fmt.Sprintf(" (it said: %s)", e.Stderr)
	}
	if e.Fix != "" {
		s += "; " + e.Fix
	}
	return s
}

// explain makes sense of a start that ended with this exit code and these last
// words.
func (c *Conn) explain(code int, stderr string) *StartError {
	e := &StartError{Target: c.target.String(), Stderr: lastWords(strings.TrimSpace(stderr))}
	user := c.s.user
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(stderr, w) {
				return true
			}
		}
		return false
	}
	if fullTable(stderr) {
		e.What, e.Fix, e.Stderr = tableFull, tableFullFix, ""
		return e
	}
	const install = "install the hikae package there, of the version that runs here"
	switch {
	case has("a password is required", "a terminal is required", "must have a tty", "not allowed to execute",
		"not in the sudoers", "may not run sudo", "is not allowed to run sudo"):
		e.What = fmt.Sprintf("user %s may not become root by sudo without a password", user)
		e.Fix = fmt.Sprintf("on the host, run `visudo -f /etc/sudoers.d/hikae` and write the line `%s ALL=(root) NOPASSWD: ALL`; "+
			"or, with the hikae package installed there, `%s ALL=(root) NOPASSWD: %s %s`", user, user, InstalledBinary, AgentCommand)
	case has("sudo: not found", "sudo: command not found", "sudo: No such file"):
		e.What = fmt.Sprintf("user %s is not root and there is no sudo", user)
		e.Fix = "install sudo there, or log in as root"
	case has("cannot serve read-only"):
		e.What = "the key there is bound to a read-only agent, which did not start"
	case code == 127 && has(InstalledBinary):
		e.What = fmt.Sprintf("the key is bound to %s (command= in authorized_keys), which is not there", InstalledBinary)
		e.Fix = install + "; nothing can be copied there with such a key"
	case code == 126 && has("Operation not permitted"):
		e.What = "the host does not let a program run that was copied to it; fapolicyd does this"
		e.Fix = install
	case code == 126:
		e.What = "the host does not let the copied program run; SELinux or a mount option (noexec) does this"
		e.Fix = install
	case has("Exec format error", "cannot execute binary file"):
		e.What = "the program is for another processor"
		e.Fix = "put the right one beside hikae here"
	case has("This account is currently not available", "nologin"):
		e.What = fmt.Sprintf("user %s has no login shell", user)
		e.Fix = "log in as another user"
	default:
		e.What = fmt.Sprintf("it ended with exit code %d before it said anything", code)
		e.Fix = fmt.Sprintf("is the shell of user %s an ordinary one?", user)
	}
	return e
}
