package main

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hikae/engine"
	"hikae/engine/control"
	"hikae/engine/lang"
	"hikae/engine/rules"
	"hikae/modules/all"
	"hikae/states"
)

// project reads the HCL of the project directory.
func (a *app) project() (*lang.Project, error) {
	pr, diags := lang.LoadDir(a.dir, all.Kinds(), lang.Options{Version: version})
	if diags.HasErrors() {
		return nil, &control.DiagError{Diags: diags}
	}
	if len(pr.Hosts) == 0 {
		return nil, fmt.Errorf("no project in %s: there is no host in its *.hcl; run hikae -C %s init", a.dir, a.dir)
	}
	return pr, nil
}

// controller is what the commands of a project share.
func (a *app) controller(pr *lang.Project) (*control.Controller, error) {
	keys, err := control.LoadKeys(a.dir)
	if err != nil {
		return nil, err
	}
	storeKey, err := keys.Store()
	if err != nil {
		return nil, err
	}
	store, err := states.Open(storeDir(a.dir, pr.Hikae.Store), storeKey)
	if err != nil {
		return nil, err
	}
	return &control.Controller{
		Store: store, Keys: keys, Schemas: all.Schemas(), Lenses: all.Lenses(), View: a.view, Version: version,
		Connect: a.connector(pr), Holder: holder(), Loaded: &control.Loaded{},
		LoginDeadline: pr.Hikae.LoginDeadline, Resolved: filepath.Join(a.dir, "resolved"),
	}, nil
}

// holder names this process for those who find something locked.
func holder() string {
	name := "?"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, _ := os.Hostname()
	return fmt.Sprintf("%s@%s, hikae process %d", name, host, os.Getpid())
}

// wish says which host a command is about and what it is to be.
type wish struct {
	host string      // "" is the only local one
	from string      // a snapshot in place of the one it follows; ""
	role engine.Role // with from: the role it takes
}

// target is a host of the project with all that concerns it.
func target(pr *lang.Project, w wish) (control.Target, error) {
	h, ok := pr.Host(w.host)
	if !ok {
		return control.Target{}, fmt.Errorf("the project has no host %q%s", w.host, lang.Nearest(w.host, hostNames(pr)))
	}
	t := control.Target{Name: h.Name, Source: h.Name, Only: h.Only, HostOnly: h.HostOnly, Keep: h.Keep}
	paths := h.Paths
	pair, paired := pr.PairOf(h.Name)
	switch {
	case w.from != "":
		// A host that is to be another carries the trees that the other does.
		t.Source, _, _ = strings.Cut(w.from, "@")
		t.Role = w.role
		if of, ok := pr.PairOf(t.Source); ok {
			pair, paired = of, true
		}
		if s, ok := pr.Host(t.Source); ok {
			paths = slices.Concat(paths, s.Paths)
		}
	case h.Follows != "":
		pair, paired = pr.Pair(h.Follows)
		t.Source, t.Role = pair.InitialPrimary, engine.RoleStandby
	case paired && pair.InitialPrimary == h.Name:
		t.Role = engine.RolePrimary
	case paired:
		t.Source, t.Role = pair.InitialPrimary, engine.RoleStandby
	}
	t.Budget = pr.Hikae.Budget
	if paired {
		t.Budget = pr.BudgetOf(pair)
		t.HostOnly = slices.Concat(t.HostOnly, pair.HostOnly)
		t.Keep = slices.Concat(t.Keep, pair.Keep)
		t.Safe = pair.Safe
		paths = slices.Concat(paths, pair.Paths)
		for _, m := range pair.Mirrors {
			t.Mirrors = append(t.Mirrors, m.Path)
			t.HostOnly = append(t.HostOnly, rules.Escape(m.Path)+"{,/**}") // a path has one owner
		}
	}
	slices.Sort(paths)
	t.Paths = slices.Compact(paths)
	if w.from == "" || w.role != engine.RoleNone { // an undo point is what the host was, overlays or not
		t.Patches = pr.Patches(h.Name, t.Role)
	}
	return t, nil
}

// target opens the project and finds a host.
func (a *app) target(w wish) (*control.Controller, control.Target, error) {
	pr, err := a.project()
	if err != nil {
		return nil, control.Target{}, err
	}
	if w.host == "" {
		if w.host, err = onlyLocal(pr); err != nil {
			return nil, control.Target{}, err
		}
	}
	t, err := target(pr, w)
	if err != nil {
		return nil, control.Target{}, err
	}
	ctl, err := a.controller(pr)
	return ctl, t, err
}

// isPrimary reports whether a host is the primary of a pair.
func (a *app) isPrimary(host string) bool {
	pr, err := a.project()
	if err != nil {
		return false
	}
	pair, ok := pr.PairOf(host)
	return ok && pair.InitialPrimary == host
}

func onlyLocal(pr *lang.Project) (string, error) {
	var names []string
	for _, h := range pr.Hosts {
		if h.Local {
			names = append(names, h.Name)
		}
	}
	if len(names) != 1 {
		return "", fmt.Errorf("name a host: the project has %d that are local; its hosts: %s", len(names), strings.Join(hostNames(pr), ", "))
	}
	return names[0], nil
}

func hostNames(pr *lang.Project) []string {
	names := make([]string, 0, len(pr.Hosts))
	for _, h := range pr.Hosts {
		names = append(names, h.Name)
	}
	return names
}

// completeHosts completes a HOST argument from the project.
func (a *app) completeHosts(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	pr, err := a.project()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return hostNames(pr), cobra.ShellCompDirectiveNoFileComp
}
