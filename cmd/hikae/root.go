package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"hikae/engine/control"
	"hikae/engine/lang"
	"hikae/engine/view"
)

// app is what the commands share: the flags of all, and where to print.
type app struct {
	out, err io.Writer
	dir      string
	json     bool
	view     *view.View
}

// run is the program: arguments in, exit code out.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	a := &app{out: out, err: errOut}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if err != nil && !errors.Is(err, errChanges) {
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
  hikae rebuild HOST --from OLD  turn a bare box into OLD

` + exitHelp,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRun: func(*cobra.Command, []string) {
			a.view = view.New(a.out, a.json)
		},
	}
	root.PersistentFlags().StringVarP(&a.dir, "directory", "C", ".", "the project directory")
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print one JSON object a line")
	root.AddCommand(
		a.initCmd(), a.validateCmd(), a.fmtCmd(),
		a.snapshotCmd(), a.planCmd(), a.applyCmd(), a.rebuildCmd(),
		a.showCmd(), a.diffCmd(), a.versionCmd(), a.agentCmd(), a.docsCmd(),
	)
	return root
}

// report prints an error: HCL's with their places, the others in a line.
func (a *app) report(err error) {
	if a.view == nil { // arguments that were not understood
		a.view = view.New(a.out, a.json)
	}
	var diags *control.DiagError
	if errors.As(err, &diags) {
		a.printDiags(diags)
		return
	}
	v := a.view
	if !a.json {
		v = view.New(a.err, false)
	}
	v.Error("", err, map[string]any{"text": err.Error(), "exit": exitCode(err)})
}

func (a *app) printDiags(e *control.DiagError) {
	if a.json {
		for _, d := range lang.JSONDiagnostics(e.Diags) {
			a.view.Emit(view.Event{Type: "diagnostic", Data: d})
		}
		return
	}
	colour := false
	if f, ok := a.err.(*os.File); ok {
		colour = view.New(f, false).Colour()
	}
	_ = lang.FormatDiagnostics(a.err, e.Diags, os.DirFS(a.dir), colour)
}

// storeDir is where a project's store lies.
func storeDir(dir, store string) string {
	if filepath.IsAbs(store) {
		return store
	}
	return filepath.Join(dir, store)
}
