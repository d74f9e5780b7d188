package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"hikae/engine/control"
	"hikae/engine/view"
)

func (a *app) planCmd() *cobra.Command {
	var out, from string
	var detailed bool
	var ch choice
	c := &cobra.Command{
		Use:   "plan HOST... | --label LABEL | --all",
		Short: "Show what would change on hosts",
		Long: `Plan reads hosts, compares them with what they should be, and shows the
difference. It changes nothing.

` + chooseHelp + `

With --out the plan is bound to what was seen: "hikae apply HOST... FILE"
applies it only while planning again gives the same.

` + exitHelp,
		Example: `  hikae plan standby
  hikae plan standby --out standby.plan && hikae apply standby standby.plan
  hikae plan primary --detailed-exitcode   # 0: the snapshot is what the host is
  hikae plan --label dns --label web       # hosts with either label`,
		ValidArgsFunction: a.completeManyHosts,
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := a.fleet(&ch, args, from)
			if err != nil {
				return err
			}
			plans, err := f.plan(cmd.Context(), control.PlanOptions{Snapshot: from, Diffs: true})
			changed := 0
			for _, p := range plans {
				if p.Changes > 0 && p.Conflicts == 0 {
					changed++
				}
			}
			f.summary("with changes", changed, err)
			if code := exitCode(err); out != "" && (code == exitOK || code == exitConflict) {
				if err := control.SavePlans(out, plans); err != nil {
					return err
				}
				a.view.Emit(view.Event{Type: "saved", Text: "saved: hikae apply " + strings.Join(f.names(), " ") + " " + out, Data: map[string]string{"file": out}})
			}
			if err == nil && detailed && changed > 0 {
				return errChanges
			}
			return err
		},
	}
	c.Flags().StringVar(&out, "out", "", "save the plan to `FILE`")
	c.Flags().StringVar(&from, "from", "", "compare with this snapshot, `HOST[@GENERATION]`, alone")
	c.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit with 2 when there are changes")
	ch.flags(a, c)
	return c
}

// plan plans and shows every host. A plan's binding is zero where that failed.
func (f *fleet) plan(ctx context.Context, o control.PlanOptions) ([]control.SavedPlan, error) {
	plans := make([]control.SavedPlan, len(f.targets))
	err := f.each(ctx, func(ctx context.Context, ctl *control.Controller, i int) error {
		p, err := ctl.Plan(ctx, f.targets[i], o)
		if err != nil {
			return err
		}
		defer p.Close()
		ctl.Show(p)
		plans[i] = p.Saved(o.Snapshot)
		return p.ConflictError()
	})
	return plans, err
}
