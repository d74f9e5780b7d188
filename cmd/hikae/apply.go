package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"hikae/engine"
	"hikae/engine/control"
)

func (a *app) applyCmd() *cobra.Command {
	var yes bool
	var from string
	c := &cobra.Command{
		Use:   "apply HOST [PLAN]",
		Short: "Make a host what it should be",
		Long: `Apply plans, shows the plan, asks, and makes it so: keys, repositories and
packages first, then, read again, the rest, in groups of files and the daemons
that read them. A group whose daemon refuses its new configuration, or does not
live on it, is put back whole. At the end the host is planned once more: an
apply that leaves something to do has failed.

The first time that hikae touches a host, what the host was is kept as an undo
point, and the command that brings it back is printed.

` + exitHelp,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: a.completeHosts,
		RunE: func(cmd *cobra.Command, args []string) error {
			o := control.ApplyOptions{PlanOptions: control.PlanOptions{Snapshot: from}}
			if len(args) == 2 {
				saved, err := control.LoadPlan(args[1], args[0])
				if err != nil {
					return err
				}
				o.Saved, o.Snapshot, from = saved, saved.From, saved.From
			}
			ctl, t, err := a.target(wish{host: args[0], from: from})
			if err != nil {
				return err
			}
			if o.Confirm, err = a.confirm(yes || len(args) == 2, "apply this to "+t.Name); err != nil {
				return err
			}
			_, err = ctl.Apply(cmd.Context(), t, o)
			return err
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	c.Flags().StringVar(&from, "from", "", "apply this snapshot, `HOST[@GENERATION]`, alone: an undo point")
	return c
}

// confirm gives the question to ask before a change, or nil for none. Without
// a terminal there is nobody to ask.
func (a *app) confirm(yes bool, what string) (func() bool, error) {
	if yes {
		return nil, nil
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return nil, fmt.Errorf("%w: cannot ask whether to %s: the input is no terminal; add --yes", engine.ErrRefused, what)
	}
	return func() bool {
		_, _ = fmt.Fprintf(a.err, "%s? Type yes: ", what)
		line, err := bufio.NewReader(os.Stdin).ReadString('\n')
		return err == nil && strings.TrimSpace(line) == "yes"
	}, nil
}
