package main

import (
	"github.com/spf13/cobra"
)

func (a *app) diffCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "diff SNAPSHOT SNAPSHOT2",
		Short: "Show how two stored snapshots differ",
		Long: `Diff compares two snapshots of the store, each HOST or HOST@GENERATION, and
shows what would have to change on the first to be the second. No host is
contacted.`,
		Example: `  hikae diff primary@20261123T071200.000Z primary
  hikae diff standby primary`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeHosts,
		RunE: func(cmd *cobra.Command, args []string) error {
			pr, err := a.project()
			if err != nil {
				return err
			}
			ctl, err := a.controller(pr)
			if err != nil {
				return err
			}
			return ctl.Diff(cmd.Context(), args[0], args[1])
		},
	}
}
