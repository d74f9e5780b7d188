package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"hikae/engine/control"
	"hikae/engine/lang"
	"hikae/engine/view"
	"hikae/states/blob"
)

func (a *app) fmtCmd() *cobra.Command {
	var check bool
	c := &cobra.Command{
		Use:   "fmt",
		Short: "Write the project's HCL tidily",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			files, err := filepath.Glob(filepath.Join(a.dir, "*.hcl"))
			if err != nil {
				return err
			}
			changed := 0
			for _, f := range files {
				old, err := os.ReadFile(f)
				if err != nil {
					return fmt.Errorf("cannot format: %w", err)
				}
				tidy, diags := lang.Format(old)
				if diags.HasErrors() {
					for _, d := range diags {
						if d.Subject != nil {
							d.Subject.Filename = filepath.Base(f)
						}
					}
					return &control.DiagError{Diags: diags}
				}
				if bytes.Equal(old, tidy) {
					continue
				}
				changed++
				if !check {
					info, err := os.Stat(f)
					if err != nil {
						return fmt.Errorf("cannot format: %w", err)
					}
					err = blob.WriteFile(f, info.Mode().Perm(), func(w io.Writer) error {
						_, err := w.Write(tidy)
						return err
					})
					if err != nil {
						return err
					}
				}
				a.view.Emit(view.Event{Type: "formatted", Text: filepath.Base(f), Data: map[string]string{"file": filepath.Base(f)}})
			}
			if check && changed > 0 {
				return fmt.Errorf("%d files are not tidy: run hikae fmt", changed)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&check, "check", false, "write nothing; fail where something would change")
	return c
}
