package main

import (
	"github.com/spf13/cobra"

	"hikae/engine/control"
	"hikae/engine/view"
)

func (a *app) planCmd() *cobra.Command {
	var out, from string
	var detailed bool
	c := &cobra.Command{
		Use:   "plan HOST",
		Short: "Show what would change on a host",
		Long: `Plan reads HOST, compares it with what it should be, and shows the difference.
It changes nothing.

With --out the plan is bound to what was seen: "hikae apply HOST FILE" applies
it only while planning again gives the same.

` + exitHelp,
		Example: `  hikae plan standby
  hikae plan standby --out standby.plan && hikae apply standby standby.plan
  hikae plan primary --detailed-exitcode   # 0: the snapshot is what the host is`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeHosts,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctl, t, err := a.target(wish{host: args[0], from: from})
			if err != nil {
				return err
			}
			p, err := ctl.Plan(cmd.Context(), t, control.PlanOptions{Snapshot: from, Diffs: true})
			if err != nil {
				return err
			}
			defer p.Close()
			ctl.Show(p)
			if out != "" {
				if err := p.Save(out, from); err != nil {
					return err
				}
				a.view.Emit(view.Event{Type: "saved", Host: t.Name, Text: "saved: hikae apply " + t.Name + " " + out, Data: map[string]string{"file": out}})
			}
			if detailed && !p.Empty() {
				return errChanges
			}
			return nil
		},
	}
	c.Flags().StringVar(&out, "out", "", "save the plan to `FILE`")
	c.Flags().StringVar(&from, "from", "", "compare with this snapshot, `HOST[@GENERATION]`, alone")
	c.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit with 2 when there are changes")
	return c
}
