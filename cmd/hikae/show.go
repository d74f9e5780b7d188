package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hikae/engine"
	"hikae/engine/lang"
	"hikae/engine/view"
)

func (a *app) showCmd() *cobra.Command {
	var list bool
	c := &cobra.Command{
		Use:   "show HOST[@GENERATION] [KIND[:NAME]]",
		Short: "Show a stored snapshot, or one resource of it",
		Example: `  hikae show primary                       # counts by kind, and the generations
  hikae show primary file                  # the names of a kind
  hikae show primary file:/etc/named.conf  # one resource, with its bytes`,
		Args:              cobra.RangeArgs(1, 2),
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
			host, _, _ := strings.Cut(args[0], "@")
			if list {
				gens, err := ctl.Store.Generations(host)
				if err != nil {
					return err
				}
				for _, g := range gens {
					a.view.Emit(view.Event{Type: "generation", Host: host, Text: g, Data: map[string]string{"generation": g}})
				}
				return nil
			}
			snap, err := ctl.Load(args[0])
			if err != nil {
				return err
			}
			switch {
			case len(args) == 1:
				a.showCounts(snap)
				return nil
			case !strings.Contains(args[1], ":"):
				a.showNames(snap, args[1])
				return nil
			}
			addr, err := engine.ParseAddr(args[1])
			if err != nil {
				return err
			}
			for i := range snap.Resources {
				if snap.Resources[i].Addr == addr {
					text, diff, err := ctl.Describe(cmd.Context(), &snap.Resources[i])
					if err != nil {
						return err
					}
					a.view.Emit(view.Event{Type: "resource", Host: host, Text: text + diff,
						Data: map[string]string{"kind": addr.Kind, "name": addr.Name, "hcl": text, "content": diff}})
					return nil
				}
			}
			return fmt.Errorf("%s is not in the snapshot %s%s", addr, args[0], lang.Nearest(addr.Name, namesOf(snap, addr.Kind)))
		},
	}
	c.Flags().BoolVar(&list, "generations", false, "list the stored snapshots")
	return c
}

func namesOf(snap *engine.Snapshot, kind string) []string {
	var names []string
	for _, r := range snap.Resources {
		if r.Addr.Kind == kind && !r.IsPristine() {
			names = append(names, r.Addr.Name)
		}
	}
	return names
}

func (a *app) showCounts(snap *engine.Snapshot) {
	n := map[string]int{}
	for _, r := range snap.Resources {
		if r.IsPristine() {
			n["pristine file"]++
			continue
		}
		n[r.Addr.Kind]++
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s, taken %s: %s %s, %s\n", snap.Host, snap.Taken.Format("2006-01-02 15:04:05Z"),
		view.Safe(snap.Facts.ID), view.Safe(snap.Facts.VersionID), view.Safe(snap.Facts.Arch))
	kinds := make([]string, 0, len(n))
	for k := range n {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	for _, k := range kinds {
		fmt.Fprintf(&b, "  %6d %s\n", n[k], k)
	}
	a.view.Emit(view.Event{Type: "snapshot", Host: snap.Host, Text: b.String(), Data: map[string]any{"taken": snap.Taken, "facts": snap.Facts, "counts": n}})
}

func (a *app) showNames(snap *engine.Snapshot, kind string) {
	for _, n := range namesOf(snap, kind) {
		a.view.Emit(view.Event{Type: "name", Host: snap.Host, Text: view.Safe(n), Data: map[string]string{"kind": kind, "name": n}})
	}
}
