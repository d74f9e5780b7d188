package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"hikae/engine"
	"hikae/engine/control"
	"hikae/engine/lang"
	"hikae/engine/view"
)

func (a *app) resolveCmd() *cobra.Command {
	var ours, theirs, forget bool
	var file string
	c := &cobra.Command{
		Use:   "resolve HOST [FILE]",
		Short: "Merge by hand what plan calls a conflict",
		Long: `Resolve shows the files of HOST that plan and apply leave as they are, because
the source and the package that HOST has both changed the same lines of what
the source's package installed; and it records how a person merges one:

  hikae resolve HOST                       show the conflicts
  hikae resolve HOST FILE                  merge FILE in $VISUAL or $EDITOR
  hikae resolve HOST FILE --ours           take the source's file
  hikae resolve HOST FILE --theirs         take what HOST's package installed
  hikae resolve HOST FILE --file MERGED    take the local file MERGED
  hikae resolve HOST FILE --forget         ask again

Nothing is changed on HOST: the next apply does that. The resolution is written
to resolved/HOST.hcl of the project and, where it is neither side whole, its
bytes beside that: keep both in git. What changes later on either side is
merged on top; where that cannot be, the file is a conflict again.

` + exitHelp,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: a.completeHosts,
		RunE: func(cmd *cobra.Command, args []string) error {
			o := control.ResolveOptions{Forget: forget}
			switch {
			case ours:
				o.Take = lang.TakeOurs
			case theirs:
				o.Take = lang.TakeTheirs
			case file != "":
				b, err := os.ReadFile(file)
				if err != nil {
					return fmt.Errorf("cannot read the merged file: %w", err)
				}
				o.Bytes = b
			}
			if len(args) == 2 {
				o.Path = filepath.Clean(args[1])
				if o.Take == "" && o.Bytes == nil && !forget && term.IsTerminal(int(os.Stdin.Fd())) {
					o.Edit = a.editor(cmd)
				}
			} else if o.Take != "" || o.Bytes != nil || forget {
				return errors.New("name the FILE to resolve")
			}
			ctl, t, err := a.target(wish{host: args[0]})
			if err != nil {
				return err
			}
			done, err := ctl.Resolve(cmd.Context(), t, o)
			if err != nil || done == nil {
				return err
			}
			what := "resolved, for the next apply"
			if forget {
				what = "to be asked again"
			}
			a.view.Emit(view.Event{Type: "resolved", Host: t.Name, Data: done,
				Text: fmt.Sprintf("%s: %s: %s\nwritten: %s", t.Name, view.Safe(done.Path), what, view.Safe(strings.Join(done.Files, ", ")))})
			return nil
		},
	}
	c.Flags().BoolVar(&ours, "ours", false, "take the source's file")
	c.Flags().BoolVar(&theirs, "theirs", false, "take what the host's package installed")
	c.Flags().StringVar(&file, "file", "", "take this local `FILE`")
	c.Flags().BoolVar(&forget, "forget", false, "remove the resolution")
	c.MarkFlagsMutuallyExclusive("ours", "theirs", "file", "forget")
	return c
}

// editor opens a text in the person's editor, in a directory that nobody else
// can look into.
func (a *app) editor(cmd *cobra.Command) func(string, []byte) ([]byte, error) {
	return func(path string, text []byte) ([]byte, error) {
		dir, err := os.MkdirTemp("", "hikae-resolve-")
		if err != nil {
			return nil, fmt.Errorf("cannot edit: %w", err)
		}
		defer os.RemoveAll(dir) //nolint:errcheck // a copy
		name := filepath.Join(dir, filepath.Base(path))
		if err := os.WriteFile(name, text, 0o600); err != nil {
			return nil, fmt.Errorf("cannot edit: %w", err)
		}
		argv := append(strings.Fields(cmp.Or(os.Getenv("VISUAL"), os.Getenv("EDITOR"), "vi")), name)
		run := exec.CommandContext(cmd.Context(), argv[0], argv[1:]...) // #nosec G702 -- the person's own editor
		run.Stdin, run.Stdout, run.Stderr = os.Stdin, a.out, a.err
		if err := run.Run(); err != nil {
			return nil, fmt.Errorf("%w: the editor %s ended with: %w", engine.ErrRefused, argv[0], err)
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("cannot read what was edited: %w", err)
		}
		return b, nil
	}
}
