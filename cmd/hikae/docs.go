package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// docsCmd writes the reference; packagers and the Makefile call it.
func (a *app) docsCmd() *cobra.Command {
	return &cobra.Command{
		Use:    "docs DIR",
		Short:  "Write the manual pages",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil { //nolint:gosec // manual pages are for all
				return fmt.Errorf("cannot write the manual pages: %w", err)
			}
			date := time.Unix(0, 0).UTC() // the same bytes from the same source
			head := &doc.GenManHeader{Title: "HIKAE", Section: "1", Source: "hikae " + version, Manual: "hikae", Date: &date}
			cmd.Root().DisableAutoGenTag = true
			return doc.GenManTree(cmd.Root(), head, args[0])
		},
	}
}
