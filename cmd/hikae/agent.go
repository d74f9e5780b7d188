package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"hikae/engine/agent"
	"hikae/engine/execute"
	"hikae/engine/rules"
	"hikae/hosts/confine"
	"hikae/hosts/local"
	"hikae/modules/all"
)

func (a *app) agentCmd() *cobra.Command {
	var readOnly, rescue bool
	c := &cobra.Command{
		Use:   "agent",
		Short: "Serve a controller on standard input and output",
		Long: `Agent is what a controller starts on a host, over SSH. It opens no port and
ends with its connection.

With --read-only it changes nothing, whatever the client asks: it gives up root
for a user that can read all and write nowhere, and the kernel holds it to that.
For a key that may only read, run hikae trust HOST once with one that may do
all, and write in root's authorized_keys on the host:

  restrict,command="/usr/bin/hikae agent --read-only" ssh-ed25519 AAAA...

See docs/security.md.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o := local.Options{Log: slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelWarn}))}
			if readOnly {
				if err := confine.ReadOnly(loginAccount()); err != nil {
					return err
				}
				o.LoginAccount, o.Bus = confine.Login(), confine.Bus
			}
			s, err := agentServer(o)
			if err != nil {
				return err
			}
			if s.ReadOnly = readOnly; readOnly {
				s.Applier = nil
			}
			if rescue {
				return a.rescue(cmd.Context(), s)
			}
			return agent.ServeStdio(cmd.Context(), s)
		},
	}
	c.Flags().BoolVar(&readOnly, "read-only", false, "refuse every change")
	c.Flags().BoolVar(&rescue, "rescue", false, "serve nobody: bring to its end an apply that was cut off (a timer of the agent's own starts this)")
	c.MarkFlagsMutuallyExclusive("read-only", "rescue")
	return c
}

// rescue puts back what an agent that was killed could not.
func (a *app) rescue(ctx context.Context, s agent.Server) error {
	const longest = 10 * time.Minute
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	x, ok := s.Applier.(*execute.Executor)
	if !ok {
		return errors.New("cannot rescue: this agent applies nothing")
	}
	notes, err := execute.Rescue(ctx, x)
	for _, n := range notes {
		_, _ = fmt.Fprintln(a.err, n)
	}
	return err
}

// rescueCommand starts this program again, where it is a file that stays.
func rescueCommand() []string {
	exe, err := os.Executable()
	if err != nil {
		return nil
	}
	return []string{exe, "agent", "--rescue"}
}

// loginAccount is whom sudo was used by, or else who runs this.
func loginAccount() string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return strconv.Itoa(os.Getuid())
}

// agentServer is an agent of this machine.
func agentServer(o local.Options) (agent.Server, error) {
	o.Patterns = rules.Matcher
	h, err := local.New(o)
	if err != nil {
		return agent.Server{}, err
	}
	trust, err := agent.LoadTrust(h)
	if err != nil {
		return agent.Server{}, errors.Join(err, h.Close())
	}
	modules := all.Modules()
	x := &execute.Executor{Host: h, Modules: modules, Units: all.Units(), Rescue: rescueCommand()}
	return agent.Server{
		Host:       h,
		Modules:    modules,
		Applier:    x,
		Unfinished: x.Unfinished,
		Trust:      trust,
		Build:      buildID,
		Done:       func() { _ = h.Close() }, // it was only held open
		Log:        o.Log,
	}, nil
}
