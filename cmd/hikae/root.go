package main

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"hikae/engine/agent"
	"hikae/engine/control"
	"hikae/engine/view"
)

// app is what the commands share: the flags of all, and where to print.
type app struct {
	out, err io.Writer
	dir      string
	json     bool
	view     *view.View
	// connect opens sessions with the hosts of a project; nil: connector does.
	connect func(context.Context, control.Target) (*agent.Client, error)
}

// run is the program: arguments in, exit code out.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	return (&app{out: out, err: errOut}).run(ctx, args)
}

func (a *app) run(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	root.SetOut(a.out)
	root.SetErr(a.err)
	err := root.ExecuteContext(ctx)
	if err != nil {
		a.json = a.json || slices.Contains(args, "--json") // flags may not have been read
		a.report(err)
	}
	return exitCode(err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "hikae",
		Short: "Keep a standby converged to a live primary, and rebuild a dead server",
		Long: `hikae reads a live server into HCL and a content store, keeps a standby
converged to it, and turns a bare box into the dead server.

  hikae snapshot HOST            read what a host is
  hikae plan HOST                what would change on it
  hikae apply HOST               make it so: verified, or rolled back
  hikae plan --all               or apply, or snapshot: many hosts at once
  hikae resolve HOST             merge by hand what plan calls a conflict
  hikae rebuild HOST --from OLD  turn a bare box into OLD
  hikae watch                    follow the primary, for ever
  hikae mirror HOST              bring its data trees in step, once
  hikae status                   how it is with those who follow
  hikae lint HOST                what will not do on its followers
  hikae lens GRAMMAR FILE...     what hikae understands of a daemon's file

` + exitHelp,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRun: func(cmd *cobra.Command, _ []string) {
			if cmd.Name() == "agent" {
				easeGC(agentHeap)
			} else {
				easeGC(controllerHeap)
			}
			a.view = view.New(a.out, a.err, a.json)
		},
	}
	root.PersistentFlags().StringVarP(&a.dir, "directory", "C", ".", "the project directory")
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print one JSON object a line")
	root.AddCommand(
		a.initCmd(), a.validateCmd(), a.fmtCmd(),
		a.snapshotCmd(), a.planCmd(), a.applyCmd(), a.resolveCmd(), a.rebuildCmd(),
		a.watchCmd(), a.mirrorCmd(), a.statusCmd(), a.holdCmd(), a.releaseCmd(), a.showCmd(), a.diffCmd(), a.lensCmd(), a.lintCmd(), a.trustCmd(), a.versionCmd(), a.agentCmd(), a.docsCmd(),
	)
	return root
}

// report tells the error that a command ended with. Those of several hosts were
// told when they happened.
func (a *app) report(err error) {
	if a.view == nil { // arguments that were not understood
		a.view = view.New(a.out, a.err, a.json)
	}
	var several fleetError
	var one *hostError
	var files filesError
	switch {
	case errors.Is(err, errChanges), errors.Is(err, errToldBehind), errors.As(err, &several), errors.As(err, &files) && files.of == 1:
	case errors.As(err, &one) && a.json:
		a.tell(a.view, one.host, one.err)
	default:
		a.tell(a.view, "", err)
	}
}

// storeDir is where a project's store lies.
func storeDir(dir, store string) string {
	if filepath.IsAbs(store) {
		return store
	}
	return filepath.Join(dir, store)
}
