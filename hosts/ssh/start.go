package ssh

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// startTimeout bounds the wait for an agent's first line, installTimeout the
// same after a push, when the host hashes and syncs the program first.
const (
	startTimeout   = 20 * time.Second
	installTimeout = 2 * time.Minute
)

// StartOptions say what may be started.
type StartOptions struct {
	// NoInstalled leaves InstalledBinary alone: the caller has found it to be
	// of another version.
	NoInstalled bool
}

// StartAgent starts the agent as root and returns its standard input and
// output, from behind the Preamble on. When the agent ends with a failure, Read
// returns it instead of io.EOF. ctx bounds the start only.
func (c *Conn) StartAgent(ctx context.Context, o StartOptions) (io.ReadWriteCloser, error) {
	installed := !o.NoInstalled
	out, err := c.start(ctx, startScript(c.opts.Binaries.known(), true, installed), installed, startTimeout)
	if err != nil {
		return nil, err
	}
	if out.failed != nil && out.failed.refusedToRun() && installed {
		// The copy in the cache may not run; the installed one may.
		again, err := c.start(ctx, startScript(nil, false, true), true, startTimeout)
		if err != nil {
			return nil, err
		}
		if again.stream != nil {
			return again.stream, nil
		}
	}
	if out.machine != "" {
		if out, err = c.push(ctx, out.machine); err != nil {
			return nil, err
		}
	}
	if out.stream != nil {
		return out.stream, nil
	}
	return nil, c.explain(out.failed.code, out.failed.stderr)
}

// outcome is what became of a start: a stream, a machine that has no program
// to run yet, or a failure.
type outcome struct {
	stream  *stream
	machine string
	failed  *exit
}

type exit struct {
	code   int
	stderr string
}

// refusedToRun reports whether a program was there and could not be executed.
func (e *exit) refusedToRun() bool { return e.code == 126 }

func (c *Conn) start(ctx context.Context, script string, installed bool, timeout time.Duration) (outcome, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, &StartError{
		Target: c.target.String(), What: fmt.Sprintf("nothing was heard of it for %v", timeout),
		Fix: "is the host cut off, or does a login there hang, or ask something?",
	})
	defer cancel()
	s, err := c.open(ctx, asRoot(script, c.s.user, installed))
	if err != nil {
		return outcome{}, err
	}
	unhook := context.AfterFunc(ctx, func() { _ = s.Close() })
	out, err := s.begin()
	if !unhook() && ctx.Err() != nil {
		return outcome{}, context.Cause(ctx)
	}
	if err != nil {
		_ = s.Close() // how it failed is known
		return outcome{}, fmt.Errorf("cannot start the agent on %s: %w", c.target, err)
	}
	if out.stream == nil {
		_ = s.Close()
	}
	return out, nil
}

// open starts a command.
func (c *Conn) open(ctx context.Context, command string) (*stream, error) {
	// The library takes no context: a connection that hangs here is of no use.
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	fail := func(err error) (*stream, error) {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("cannot start a program on %s: %w", c.target, err)
	}
	sess, err := c.client.NewSession()
	if err != nil {
		return fail(err)
	}
	s := &stream{sess: sess, exited: make(chan struct{}), stderr: newTail(c.opts.Log)}
	out, err := sess.StdoutPipe()
	if err != nil {
		return fail(errors.Join(err, sess.Close()))
	}
	s.out = out
	if s.in, err = sess.StdinPipe(); err != nil {
		return fail(errors.Join(err, sess.Close()))
	}
	sess.Stderr = s.stderr
	if err := sess.Start(command); err != nil {
		return fail(errors.Join(err, sess.Close()))
	}
	go s.wait()
	return s, nil
}

// longestNoise bounds what a login shell may print before the agent begins.
const longestNoise = 64 << 10

// begin reads until the agent, or the script in its place, says what it is.
func (s *stream) begin() (outcome, error) {
	br := bufio.NewReaderSize(s.out, 4096)
	noise := 0
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			return s.ended(err)
		}
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case Preamble:
			rest, err := br.Peek(br.Buffered())
			if err != nil {
				return outcome{}, err
			}
			s.out = io.MultiReader(bytes.NewReader(bytes.Clone(rest)), s.out)
			return outcome{stream: s}, nil
		case markPush:
			return outcome{machine: rest}, nil
		case markNoCache:
			<-s.exited
			return outcome{failed: &exit{code: 126, stderr: s.stderr.String()}}, nil
		}
		if noise += len(line); noise > longestNoise {
			return outcome{}, errors.New("the login shell prints without end; let its start files print nothing when it is not interactive")
		}
	}
}

// ended turns the end of a command that never began into a failure.
func (s *stream) ended(err error) (outcome, error) {
	if !errors.Is(err, io.EOF) {
		return outcome{}, err
	}
	<-s.exited
	var status *ssh.ExitError
	switch {
	case errors.As(s.status, &status):
		return outcome{failed: &exit{code: status.ExitStatus(), stderr: s.stderr.String()}}, nil
	case s.status == nil:
		return outcome{failed: &exit{stderr: s.stderr.String()}}, nil
	}
	return outcome{}, s.status
}
