package main

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hikae/engine/lang"
)

// choice is which hosts a command is about: those named, by name or pattern,
// and those with a label.
type choice struct {
	all      bool
	labels   []string
	parallel int
}

const chooseHelp = `HOST is a name, or a pattern of names such as 'web*'. --label chooses by the
labels that hosts have in HCL; labels with a comma between them are wanted all,
those of several --label any. Hosts are worked on side by side, and an error of
one does not stop the others.`

// flags gives a command the flags of a choice.
func (ch *choice) flags(a *app, c *cobra.Command) {
	c.Flags().BoolVar(&ch.all, "all", false, "all hosts of the project")
	c.Flags().StringArrayVar(&ch.labels, "label", nil, "hosts that have this `LABEL[,LABEL...]`; may be repeated")
	c.Flags().IntVar(&ch.parallel, "parallel", 10, "how many hosts at the same time")
	_ = c.RegisterFlagCompletionFunc("label", a.completeLabels)
}

// given reports whether flags choose hosts.
func (ch *choice) given() bool { return ch.all || len(ch.labels) > 0 }

// hosts finds the hosts of a project, in the project's order.
func (ch *choice) hosts(pr *lang.Project, args []string) ([]string, error) {
	names := hostNames(pr)
	switch {
	case ch.parallel < 1:
		return nil, fmt.Errorf("--parallel %d: want at least 1", ch.parallel)
	case ch.all && (len(args) > 0 || len(ch.labels) > 0):
		return nil, fmt.Errorf("--all chooses every host: leave out %s", strings.Join(append(slices.Clone(args), ch.labels...), " "))
	case ch.all:
		return names, nil
	case len(args) == 0 && len(ch.labels) == 0:
		return nil, fmt.Errorf("which host? Name it, or choose with --label or --all; the project has: %s", strings.Join(names, ", "))
	}
	chosen := map[string]bool{}
	for _, arg := range args {
		if err := match(arg, names, chosen); err != nil {
			return nil, err
		}
	}
	for _, label := range ch.labels {
		if err := labelled(label, pr, chosen); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(names, func(n string) bool { return !chosen[n] }), nil
}

// match chooses by a name or pattern.
func match(arg string, names []string, chosen map[string]bool) error {
	if slices.Contains(names, arg) {
		chosen[arg] = true
		return nil
	}
	if !strings.ContainsAny(arg, `*?[\`) {
		return fmt.Errorf("the project has no host %q%s", arg, lang.Nearest(arg, names))
	}
	found := false
	for _, n := range names {
		ok, err := path.Match(arg, n)
		if err != nil {
			return fmt.Errorf("cannot read the pattern %q: %w", arg, err)
		}
		if ok {
			chosen[n], found = true, true
		}
	}
	if !found {
		return fmt.Errorf("no host of the project is like %q; it has: %s", arg, strings.Join(names, ", "))
	}
	return nil
}

// labelled chooses the hosts that have all labels of a list.
func labelled(list string, pr *lang.Project, chosen map[string]bool) error {
	found := false
	for _, h := range pr.Hosts {
		lacks := func(l string) bool { return !slices.Contains(h.Labels, l) }
		if !slices.ContainsFunc(strings.Split(list, ","), lacks) {
			chosen[h.Name], found = true, true
		}
	}
	if !found {
		return fmt.Errorf("no host has the label %q; there are: %s", list, strings.Join(labels(pr), ", "))
	}
	return nil
}

// labels are all that hosts of a project have.
func labels(pr *lang.Project) []string {
	var all []string
	for _, h := range pr.Hosts {
		all = append(all, h.Labels...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// completeLabels completes the last of a list of labels.
func (a *app) completeLabels(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	pr, err := a.project()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	before := typed[:strings.LastIndexByte(typed, ',')+1]
	var out []string
	for _, l := range labels(pr) {
		out = append(out, before+l)
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completeManyHosts completes HOST... from the project: those not named yet.
func (a *app) completeManyHosts(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	pr, err := a.project()
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	rest := slices.DeleteFunc(hostNames(pr), func(n string) bool { return slices.Contains(args, n) })
	return rest, cobra.ShellCompDirectiveNoFileComp
}
