package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"hikae/engine/control"
	"hikae/engine/view"
	"hikae/states/blob"
)

// starter is the project that init makes.
const starter = `# hikae's project: hosts, pairs of them, and what is to differ from the snapshot.
# hikae validate checks it; hikae fmt writes it tidily.

hikae {
  store = "states"
}

# This machine. hikae snapshot reads it; nothing is written to it.
host "here" {
  local = true
}

# A primary and its standby:
#
# host "rio1" { ssh = "root@192.168.1.11" }
# host "rio2" {
#   ssh    = "root@192.168.1.12"
#   labels = ["home", "dns"] # hikae plan --label dns
# }
#
# pair "home" {
#   members         = [host.rio1, host.rio2]
#   initial_primary = host.rio1
#   paths           = ["/var/www"] # trees beyond /etc to carry
#   budget { deletions = 50 }      # more than so many at once are not deleted unasked
# }
#
# overlay "role" "standby" {
#   service "named.service" { running = true }
# }
`

func (a *app) initCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "init",
		Short: "Make a project: hikae.hcl and its keys",
		Long: `Init makes the project directory named with -C: hikae.hcl to edit, and the keys
in .hikae (mode 0600) that secrets are named and sealed with. What is there
already stays. Keep a copy of .hikae where the servers are not: without it the
secrets in the store cannot be opened.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := os.MkdirAll(a.dir, 0o755); err != nil { //nolint:gosec // a project may be read by others
				return fmt.Errorf("cannot make the project: %w", err)
			}
			found, err := filepath.Glob(filepath.Join(a.dir, "*.hcl"))
			if err != nil {
				return err
			}
			path := filepath.Join(a.dir, "hikae.hcl")
			if len(found) == 0 {
				err = blob.WriteFile(path, 0o644, func(w io.Writer) error {
					_, err := io.WriteString(w, starter)
					return err
				})
			}
			if err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
			if _, err := control.CreateKeys(a.dir); err != nil {
				return err
			}
			a.view.Emit(view.Event{
				Type: "init",
				Text: fmt.Sprintf("project in %s\nkeys in %s: keep a copy where the servers are not\nnext: hikae -C %s snapshot", a.dir, filepath.Join(a.dir, control.KeyDir), a.dir),
				Data: map[string]string{"directory": a.dir, "keys": filepath.Join(a.dir, control.KeyDir)},
			})
			return nil
		},
	}
}
