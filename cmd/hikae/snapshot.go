package main

import (
	"context"
	"sync/atomic"

	"github.com/spf13/cobra"

	"hikae/engine/control"
	"hikae/states/blob"
)

func (a *app) snapshotCmd() *cobra.Command {
	var ch choice
	var unmounted bool
	c := &cobra.Command{
		Use:   "snapshot [HOST... | --label LABEL | --all]",
		Short: "Read what hosts are into the store",
		Long: `Snapshot reads hosts (or this machine, where none is named and the project has
one local host) and stores what they are: HCL to read, and the bytes. It writes
nothing there.

` + chooseHelp + `

What is the host's own, derived or volatile is left out; secrets are sealed
before they leave the host. Where something was mounted when the host was last
read and nothing is now, what it held counts as not seen: nothing is deleted on a
follower for it (--unmounted).`,
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
			return f.snapshot(cmd.Context(), unmounted)
		},
	}
	c.Flags().BoolVar(&unmounted, "unmounted", false, "what was mounted before and is not now is meant to be gone, with all that it held")
	ch.flags(a, c)
	return c
}

func (f *fleet) snapshot(ctx context.Context, unmounted bool) error {
	// What is made of the contents is made while the disk is waited for.
	behind := blob.NewBehind(f.ctl.Store.Blobs)
	f.ctl.Store.Blobs = behind
	var changed atomic.Int64
	err := f.each(ctx, func(ctx context.Context, ctl *control.Controller, i int) error {
		taken, err := ctl.Snapshot(ctx, f.targets[i], unmounted)
		if err == nil && taken.Changed {
			changed.Add(1)
		}
		return err
	})
	if late := behind.Settle(); err == nil {
		err = late // of what no snapshot names
	}
	f.summary("changed", int(changed.Load()), err)
	return err
}
