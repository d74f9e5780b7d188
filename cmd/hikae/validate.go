package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"hikae/engine/view"
)

func (a *app) validateCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "validate",
		Short: "Check the project's HCL and compile every host that has a snapshot",
		Long: `Validate reads the project and, for each host whose snapshot is in the store,
compiles what it should be. No host is contacted.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			pr, err := a.project()
			if err != nil {
				return err
			}
			ctl, err := a.controller(pr)
			if err != nil {
				return err
			}
			names := hostNames(pr)
			compiled := 0
			for _, name := range names {
				t, err := target(pr, wish{host: name})
				if err != nil {
					return err
				}
				ok, err := ctl.Validate(cmd.Context(), t)
				if err != nil {
					return err
				}
				if ok {
					compiled++
				}
			}
			a.view.Emit(view.Event{
				Type: "valid",
				Text: fmt.Sprintf("valid: %d hosts, %d of them compiled against a snapshot", len(names), compiled),
				Data: map[string]int{"hosts": len(names), "compiled": compiled},
			})
			return nil
		},
	}
}
