package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"hikae/engine"
	"hikae/engine/control"
)

func (a *app) rebuildCmd() *cobra.Command {
	var yes, overBudget bool
	var from string
	c := &cobra.Command{
		Use:   "rebuild HOST --from HOST2[@GENERATION]",
		Short: "Turn a bare box into another host, from its snapshot alone",
		Long: `Rebuild applies the stored snapshot of HOST2 to HOST with HOST2's role, so
that nothing is held back: HOST does what HOST2 did. HOST2 is not asked and may
be dead. What is a host's own (its addresses, keys, disks, name) stays HOST's.

` + exitHelp,
		Example:           `  hikae rebuild fresh --from primary`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeHosts,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctl, t, err := a.target(wish{host: args[0], from: from, role: engine.RolePrimary})
			if err != nil {
				return err
			}
			if t.Name != t.Source && a.isPrimary(t.Name) {
				return fmt.Errorf("%w: %s is the primary of its pair: nothing is built over a live primary; name another host, or change initial_primary first", engine.ErrRefused, t.Name)
			}
			o := control.ApplyOptions{PlanOptions: control.PlanOptions{Snapshot: from}, OverBudget: overBudget}
			if what := "turn " + t.Name + " into " + from; !yes {
				if err := mayAsk(what); err != nil {
					return err
				}
				o.Confirm = a.question(what)
			}
			_, err = ctl.Apply(cmd.Context(), t, o)
			return err
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	c.Flags().BoolVar(&overBudget, "over-budget", false, "delete and overwrite more than the budget")
	c.Flags().StringVar(&from, "from", "", "the host to become")
	_ = c.MarkFlagRequired("from")
	return c
}
