package main

import (
	"log/slog"

	"github.com/spf13/cobra"

	"hikae/engine"
	"hikae/engine/agent"
	"hikae/hosts/local"
	"hikae/modules/all"
)

func (a *app) agentCmd() *cobra.Command {
	var readOnly bool
	c := &cobra.Command{
		Use:   "agent",
		Short: "Serve a controller on standard input and output",
		Long: `Agent is what a controller starts on a host, over SSH. It opens no port and
ends with its connection.

With --read-only it refuses every apply, whatever the client asks. For a key
that may only read, write in authorized_keys:

  restrict,command="/usr/bin/hikae agent --read-only" ssh-ed25519 AAAA...`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := agentServer(slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelWarn})))
			if err != nil {
				return err
			}
			s.ReadOnly = readOnly
			return agent.ServeStdio(cmd.Context(), s)
		},
	}
	c.Flags().BoolVar(&readOnly, "read-only", false, "refuse every change")
	return c
}

// agentServer is an agent of this machine.
func agentServer(log *slog.Logger) (agent.Server, error) {
	h, err := local.New(local.Options{Log: log})
	if err != nil {
		return agent.Server{}, err
	}
	modules := all.Modules()
	return agent.Server{
		Host:    h,
		Modules: modules,
		Applier: &engine.Executor{Host: h, Modules: modules, Units: all.Units(), Log: log},
		Build:   buildID,
		Log:     log,
	}, nil
}
