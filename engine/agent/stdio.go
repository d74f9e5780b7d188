package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// Preamble is the first thing that an agent on standard output says, before
// any frame. What comes before it was said by the login shell.
const Preamble = "hikae-agent\n"

// ServeStdio serves the client at the other end of standard input and output.
// It takes these over: what else writes to standard output in this process
// goes to standard error from then on.
//
// SIGHUP, SIGINT and SIGTERM end the session as a lost connection would; an
// apply under way is brought to its end.
func ServeStdio(ctx context.Context, s Server) error {
	// Without this a write to a client that is gone would kill the process, in
	// the middle of an apply if it comes to that. Ignoring the signal instead
	// would be inherited by every program that is run.
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, unix.SIGPIPE)
	defer signal.Stop(pipe)
	ctx, stop := signal.NotifyContext(ctx, unix.SIGHUP, unix.SIGINT, unix.SIGTERM)
	defer stop()

	rwc, err := takeStdio()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(rwc, Preamble); err != nil {
		return errors.Join(lost(err), rwc.Close())
	}
	return Serve(ctx, rwc, s)
}

// stdio is the process's original standard input and output.
type stdio struct{ in, out *os.File }

func (s stdio) Read(p []byte) (int, error)  { return s.in.Read(p) }
func (s stdio) Write(p []byte) (int, error) { return s.out.Write(p) }
func (s stdio) Close() error                { return errors.Join(s.in.Close(), s.out.Close()) }

func takeStdio() (io.ReadWriteCloser, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot take over standard input: %w", err)
	}
	defer func() { _ = null.Close() }() // its copy stays
	in, err := takeFD(0, null)
	if err != nil {
		return nil, err
	}
	out, err := takeFD(1, os.Stderr)
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return stdio{in: in, out: out}, nil
}

// takeFD moves descriptor fd to a file of its own and puts instead in its
// place. The file does not block the process, so that closing it ends a read
// or write that waits for a client who is gone.
func takeFD(fd int, instead *os.File) (*os.File, error) {
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3) // #nosec G115 -- a descriptor
	if err != nil {
		return nil, fmt.Errorf("cannot take over descriptor %d: %w", fd, err)
	}
	if err := unix.Dup3(int(instead.Fd()), fd, 0); err != nil { // #nosec G115 -- a descriptor
		_ = unix.Close(own)
		return nil, fmt.Errorf("cannot take over descriptor %d: %w", fd, err)
	}
	if err := unix.SetNonblock(own, true); err != nil {
		_ = unix.Close(own)
		return nil, fmt.Errorf("cannot take over descriptor %d: %w", fd, err)
	}
	return os.NewFile(uintptr(own), fmt.Sprintf("stdio %d", fd)), nil // #nosec G115 -- a descriptor
}
