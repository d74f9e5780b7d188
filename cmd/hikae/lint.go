package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hikae/engine"
	"hikae/engine/control"
	"hikae/engine/lang"
	"hikae/engine/lint"
	"hikae/engine/view"
)

func (a *app) lintCmd() *cobra.Command {
	var write, offline, detailed bool
	c := &cobra.Command{
		Use:   "lint HOST",
		Short: "Find what will not do on a host's followers, and what is wrong on itself",
		Long: `Lint looks at the newest snapshot of a host and tells

  - each place that mentions the host's own addresses, name or interfaces, and the
    overlay to write for each host that follows it;
  - certificates that end within 30 days;
  - document roots and zones' files that do not exist;
  - ports that SELinux would not let a daemon bind.

Only whether paths exist that no snapshot holds is asked of the host itself.

With --write the overlays are written into the project: lint-HOST.hcl for each
follower, with the files it names below lint/. No file is overwritten.

` + exitHelp,
		Example: `  hikae lint primary
  hikae lint primary --write && hikae plan standby`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeHosts,
		RunE: func(cmd *cobra.Command, args []string) error {
			pr, err := a.project()
			if err != nil {
				return err
			}
			t, err := target(pr, wish{host: args[0]})
			if err != nil {
				return err
			}
			ctl, err := a.controller(pr)
			if err != nil {
				return err
			}
			followers, err := followersOf(pr, t.Name)
			if err != nil {
				return err
			}
			found, err := ctl.Lint(cmd.Context(), t, followers, offline)
			if err != nil {
				return err
			}
			open := a.showLint(t.Name, found)
			if write {
				if err := a.writeOverlays(found.Overlays); err != nil {
					return err
				}
			}
			if detailed && open > 0 {
				return errChanges
			}
			return nil
		},
	}
	c.Flags().BoolVar(&write, "write", false, "write the overlays into the project")
	c.Flags().BoolVar(&offline, "offline", false, "ask no host")
	c.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit with 2 when there are findings")
	return c
}

// followersOf are the hosts that are planned by another's snapshot.
func followersOf(pr *lang.Project, host string) ([]control.Target, error) {
	var out []control.Target
	for _, name := range hostNames(pr) {
		t, err := target(pr, wish{host: name})
		if err != nil {
			return nil, err
		}
		if name != host && t.Source == host {
			out = append(out, t)
		}
	}
	return out, nil
}

// showLint tells what was found, and returns how much of it is left to do.
func (a *app) showLint(host string, l *control.Lint) (open int) {
	kept := 0
	for _, f := range l.Findings {
		if f.Kept {
			kept++
		} else {
			open++
		}
		text := ""
		if !f.Kept {
			text = findingText(f)
		}
		a.view.Emit(view.Event{Type: "finding", Host: host, Text: text, Data: f})
	}
	for _, o := range l.Overlays {
		if o.HCL == "" && len(o.Open) == 0 {
			continue
		}
		text := "\nthe overlay to write for " + o.Host + ":\n" + view.Printable(o.HCL)
		for _, line := range o.Open {
			text += "# " + view.Safe(line) + "\n"
		}
		a.view.Emit(view.Event{Type: "overlay", Host: o.Host, Text: text, Data: map[string]any{"hcl": o.HCL, "open": o.Open}})
	}
	for _, n := range l.Notes {
		a.view.Emit(view.Event{Type: "note", Host: host, Text: "note: " + view.Safe(n), Data: map[string]string{"text": n}})
	}
	text := fmt.Sprintf("%s: %d to look at, %d where each host keeps its own", host, open, kept)
	if l.Secrets > 0 {
		text += fmt.Sprintf("; %d secret files were not looked into", l.Secrets)
	}
	a.view.Emit(view.Event{Type: "lint", Host: host, Text: text, Data: map[string]int{"findings": open, "kept": kept, "secrets": l.Secrets}})
	return open
}

func findingText(f lint.Finding) string {
	at := view.Safe(f.File)
	if f.Line > 0 {
		at += fmt.Sprintf(":%d:%d", f.Line, f.Column)
	}
	what := ""
	if f.Value != "" {
		what = " " + f.Value + ":"
	}
	if f.Kind != "" {
		name := f.Name
		if f.In != "" {
			name = f.In + "/" + name
		}
		what += " " + view.Safe(f.Kind+" "+name)
		if f.Attr != "" {
			what += " " + f.Attr
		}
		what += ":"
	}
	return fmt.Sprintf("%s: %s:%s %s", at, f.Rule, what, view.Safe(f.Text))
}

// writeOverlays writes them into the project; none where one is there.
func (a *app) writeOverlays(overlays []lint.Overlay) error {
	files := map[string][]byte{}
	for _, o := range overlays {
		if o.HCL == "" {
			continue
		}
		text := "# Written by hikae lint --write; yours from here on.\n" + o.HCL
		for _, line := range o.Open {
			text += "# " + view.Safe(line) + "\n"
		}
		files["lint-"+o.Host+".hcl"] = []byte(text)
		for name, b := range o.Data {
			files[name] = b
		}
	}
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if _, err := os.Lstat(filepath.Join(a.dir, name)); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: %s is there already: remove it, or write by hand what it lacks", engine.ErrRefused, name)
		}
	}
	for _, name := range names {
		p := filepath.Join(a.dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			return fmt.Errorf("cannot write %s: %w", name, err)
		}
		f, err := os.OpenFile(p, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			_, err = f.Write(files[name])
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			return fmt.Errorf("cannot write %s: %w", name, err)
		}
		if strings.HasSuffix(name, ".hcl") && !strings.Contains(name, "/") {
			a.view.Emit(view.Event{Type: "written", Text: "written: " + name, Data: map[string]string{"file": name}})
		}
	}
	return nil
}
