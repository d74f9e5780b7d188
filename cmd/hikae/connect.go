package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"

	"golang.org/x/term"

	"hikae/engine/agent"
	"hikae/engine/control"
	"hikae/engine/lang"
	"hikae/hosts/local"
	"hikae/hosts/ssh"
	"hikae/modules/all"
)

// connector opens sessions with the agents of a project's hosts: within this
// process for a local one, over SSH for the others.
func (a *app) connector(pr *lang.Project) func(context.Context, control.Target) (*agent.Client, error) {
	if a.connect != nil {
		return a.connect
	}
	log := slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	// Shared by the logins on several hosts, and by those that an apply does again.
	login := ssh.Options{Passphrase: a.passphrase(), Log: log, Binaries: &ssh.Binaries{Notes: filepath.Join(a.dir, ".hikae", "programs")}, Opened: new(ssh.Opened)}
	return func(ctx context.Context, t control.Target) (*agent.Client, error) {
		o := agent.Options{Build: buildID, Schemas: all.Schemas(), Host: t.Name}
		h, _ := pr.Host(t.Name)
		if h.Local {
			server, err := agentServer(local.Options{Log: log})
			if err != nil {
				return nil, err
			}
			return agent.Local(ctx, server, o)
		}
		to, err := ssh.ParseTarget(h.SSH)
		if err != nil {
			return nil, err
		}
		to.Identity = h.Identity
		conn, err := ssh.Dial(ctx, to, login)
		if err != nil {
			return nil, err
		}
		client, err := openAgent(ctx, conn, o)
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		return client, nil
	}
}

// openAgent starts the agent. One that is installed and of another build is
// passed over for a copy of this program.
func openAgent(ctx context.Context, conn *ssh.Conn, o agent.Options) (*agent.Client, error) {
	var skew *agent.SkewError
	for _, start := range []ssh.StartOptions{{}, {NoInstalled: true}} {
		stream, err := conn.StartAgent(ctx, start)
		if err != nil {
			if skew != nil {
				return nil, errors.Join(skew, err)
			}
			return nil, err
		}
		over := &overSSH{ReadWriteCloser: stream}
		client, err := agent.New(ctx, over, o)
		if err == nil {
			over.conn.Store(conn)
		}
		if err == nil || !errors.As(err, &skew) || skew.ReadOnly {
			return client, err
		}
	}
	return nil, skew
}

// overSSH is an agent's stream that takes its connection with it, once it has
// it: while a session is opened, a second start may need the connection.
type overSSH struct {
	io.ReadWriteCloser
	conn atomic.Pointer[ssh.Conn]
}

func (s *overSSH) Close() error {
	err := s.ReadWriteCloser.Close()
	if conn := s.conn.Load(); conn != nil {
		err = errors.Join(err, conn.Close())
	}
	return err
}

// passphrase asks a person for a key's passphrase; nil where nobody sits there.
func (a *app) passphrase() func(context.Context, string) ([]byte, error) {
	fd := int(os.Stdin.Fd())
	if !term.IsTerminal(fd) {
		return nil
	}
	return func(_ context.Context, file string) ([]byte, error) {
		_, _ = fmt.Fprintf(a.err, "passphrase of %s: ", file)
		defer fmt.Fprintln(a.err) //nolint:errcheck // the line's end
		return term.ReadPassword(fd)
	}
}
