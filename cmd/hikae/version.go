package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"hikae/engine/view"
)

// version and buildID are set by the Makefile: -X main.version=... The build
// id tells two builds of one version apart; controller and agent must be of
// the same.
var (
	version = "0.1.0-dev"
	buildID = "unknown"
)

func (a *app) versionCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Tell the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			a.view.Emit(view.Event{
				Type: "version",
				Text: fmt.Sprintf("hikae %s (build %s, %s/%s, %s)", version, buildID, runtime.GOOS, runtime.GOARCH, runtime.Version()),
				Data: map[string]string{"version": version, "build": buildID, "os": runtime.GOOS, "arch": runtime.GOARCH, "go": runtime.Version()},
			})
			return nil
		},
	}
}
