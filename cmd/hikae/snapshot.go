package main

import (
	"github.com/spf13/cobra"
)

func (a *app) snapshotCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "snapshot [HOST]",
		Short: "Read what a host is into the store",
		Long: `Snapshot reads HOST (or this machine, where the project has one local host)
and stores what it is: HCL to read, and the bytes. It writes nothing there.

What is the host's own, derived or volatile is left out; secrets are sealed
before they leave the host.`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeHosts,
		RunE: func(cmd *cobra.Command, args []string) error {
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			ctl, t, err := a.target(wish{host: name})
			if err != nil {
				return err
			}
			_, err = ctl.Snapshot(cmd.Context(), t)
			return err
		},
	}
}
