package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"hikae/engine"
	"hikae/engine/control"
)

func (a *app) applyCmd() *cobra.Command {
	var yes, overBudget bool
	var from string
	var ch choice
	c := &cobra.Command{
		Use:   "apply HOST... [PLAN] | --label LABEL | --all",
		Short: "Make hosts what they should be",
		Long: `Apply plans, shows the plan, asks, and makes it so: keys, repositories and
packages first, then, read again, the rest, in groups of files and the daemons
that read them. A group whose daemon refuses its new configuration, or does not
live on it, is put back whole. So is a change that keeps people out: after one
of sshd, sudo, PAM, the firewall or accounts a new login has to succeed within
the project's login_deadline (20 s), or the host undoes it by itself, whatever
has become of the connection. At the end the host is planned once more: an
apply that leaves something to do has failed.

The first time that hikae touches a host, what the host was is kept as an undo
point, and the command that brings it back is printed.

` + chooseHelp + `
An apply that would delete more than 25 things that hikae made (or a tenth of
them, where that is more), or overwrite more than 300 files (or a quarter of
those that are wished), stops: the source may have lost a mount, or be damaged.
--yes is not enough then; type the words that are asked for, or give
--over-budget. budget { deletions = N, modifications = N } in the project sets
other numbers.

What is asked is asked once, when the plans of all are shown. A pair's primary
is planned by its own last snapshot, so that what was changed on it since would
be undone: snapshot it first.

` + exitHelp,
		Example: `  hikae apply standby
  hikae apply --label web --yes
  hikae plan rio1 rio2 --out both.plan && hikae apply rio1 rio2 both.plan`,
		ValidArgsFunction: a.completeManyHosts,
		RunE: func(cmd *cobra.Command, args []string) error {
			args, file, err := a.planFile(args)
			if err != nil {
				return err
			}
			f, err := a.fleet(&ch, args, from)
			if err != nil {
				return err
			}
			o := control.ApplyOptions{PlanOptions: control.PlanOptions{Snapshot: from}, OverBudget: overBudget}
			if file != "" {
				return f.applySaved(cmd.Context(), file, o)
			}
			if !yes {
				if err := mayAsk("apply this to " + strings.Join(f.names(), ", ")); err != nil {
					return err
				}
			}
			switch {
			case yes:
				return f.apply(cmd.Context(), o, nil)
			case f.one:
				o.Confirm = a.question("apply this to " + f.names()[0])
				return f.apply(cmd.Context(), o, nil)
			}
			return f.askAndApply(cmd.Context(), o)
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	c.Flags().BoolVar(&overBudget, "over-budget", false, "delete and overwrite more than the budget")
	c.Flags().StringVar(&from, "from", "", "apply this snapshot, `HOST[@GENERATION]`, alone: an undo point")
	ch.flags(a, c)
	return c
}

// planFile takes a saved plan off the arguments: a last one that is the name
// of no host.
func (a *app) planFile(args []string) (hosts []string, file string, err error) {
	if len(args) < 2 {
		return args, "", nil
	}
	pr, err := a.project()
	if err != nil {
		return nil, "", err
	}
	last := args[len(args)-1]
	_, stat := os.Stat(last)
	if slices.Contains(hostNames(pr), last) || stat != nil && !strings.Contains(last, "/") {
		return args, "", nil
	}
	return args[:len(args)-1], last, nil
}

// applySaved applies plans that were looked at before.
func (f *fleet) applySaved(ctx context.Context, file string, o control.ApplyOptions) error {
	plans, err := control.LoadPlans(file, f.names())
	if err != nil {
		return err
	}
	if from := plans[0].From; from != "" { // --from is of one host
		if f.targets[0], err = target(f.pr, wish{host: plans[0].Host, from: from}); err != nil {
			return err
		}
		o.Snapshot = from
	}
	return f.apply(ctx, o, plans)
}

// apply applies to every host; plans, where there are any, are what must come
// out, host by host.
func (f *fleet) apply(ctx context.Context, o control.ApplyOptions, plans []control.SavedPlan) error {
	changed, err := f.applyEach(ctx, o, plans)
	f.summary("changed", changed, err)
	return err
}

// askAndApply shows the plans of several hosts, asks once, and applies those
// plans and no others. A host that could not be planned is left alone.
func (f *fleet) askAndApply(ctx context.Context, o control.ApplyOptions) error {
	o.Diffs = true
	plans, err := f.plan(ctx, o.PlanOptions)
	some := f.only(func(i int) bool { return plans[i].Changes > 0 })
	changed := 0
	if len(some.targets) > 0 {
		var over []string
		for _, p := range plans {
			if p.Over != "" && !o.OverBudget {
				over = append(over, p.Host+": "+p.Over)
			}
		}
		if !f.a.question("apply this to " + strings.Join(some.names(), ", "))(strings.Join(over, "; ")) {
			return control.ErrNotConfirmed
		}
		o.OverBudget = o.OverBudget || len(over) > 0
		o.Shown = true
		plans = slices.DeleteFunc(plans, func(p control.SavedPlan) bool { return p.Changes == 0 })
		var applyErr error
		changed, applyErr = some.applyEach(ctx, o, plans)
		err = joinFleet(err, applyErr)
	}
	f.summary("changed", changed, err)
	return err
}

// applyEach counts the hosts that were changed and are in step now.
func (f *fleet) applyEach(ctx context.Context, o control.ApplyOptions, plans []control.SavedPlan) (changed int, err error) {
	var n atomic.Int64
	err = f.each(ctx, func(ctx context.Context, ctl *control.Controller, i int) error {
		o := o
		if plans != nil {
			o.Saved = &plans[i]
		}
		applied, err := ctl.Apply(ctx, f.targets[i], o)
		if err == nil && applied.Applied > 0 {
			n.Add(1)
		}
		return err
	})
	return int(n.Load()), err
}

// mayAsk is an error where there is nobody to ask.
func mayAsk(what string) error {
	if term.IsTerminal(int(os.Stdin.Fd())) {
		return nil
	}
	return fmt.Errorf("%w: cannot ask whether to %s: the input is no terminal; add --yes", engine.ErrRefused, what)
}

// question is what a person is asked before a change. What is over the budget
// wants more than a yes.
func (a *app) question(what string) func(over string) bool {
	return func(over string) bool {
		word := "yes"
		if over != "" {
			word = "over budget"
			what = "over budget: " + over + "\n" + what
		}
		_, _ = fmt.Fprintf(a.err, "%s? Type %s: ", what, word)
		line, err := bufio.NewReader(os.Stdin).ReadString('\n')
		return err == nil && strings.TrimSpace(line) == word
	}
}
