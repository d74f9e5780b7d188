package main

import (
	"context"
	"sync/atomic"

	"github.com/spf13/cobra"

	"hikae/engine/control"
)

func (a *app) snapshotCmd() *cobra.Command {
	var ch choice
	c := &cobra.Command{
		Use:   "snapshot [HOST... | --label LABEL | --all]",
		Short: "Read what hosts are into the store",
		Long: `Snapshot reads hosts (or this machine, where none is named and the project has
one local host) and stores what they are: HCL to read, and the bytes. It writes
nothing there.

` + chooseHelp + `

What is the host's own, derived or volatile is left out; secrets are sealed
before they leave the host.`,
		ValidArgsFunction: a.completeManyHosts,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && !ch.given() {
				pr, err := a.project()
				if err != nil {
					return err
				}
				here, err := onlyLocal(pr)
				if err != nil {
					return err
				}
				args = []string{here}
			}
			f, err := a.fleet(&ch, args, "")
			if err != nil {
				return err
			}
			return f.snapshot(cmd.Context())
		},
	}
	ch.flags(a, c)
	return c
}

func (f *fleet) snapshot(ctx context.Context) error {
	var changed atomic.Int64
	err := f.each(ctx, func(ctx context.Context, ctl *control.Controller, i int) error {
		taken, err := ctl.Snapshot(ctx, f.targets[i])
		if err == nil && taken.Changed {
			changed.Add(1)
		}
		return err
	})
	f.summary("changed", int(changed.Load()), err)
	return err
}
