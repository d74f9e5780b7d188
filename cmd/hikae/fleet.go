package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"hikae/engine/control"
	"hikae/engine/lang"
	"hikae/engine/view"
)

// fleet is the hosts that a command is about.
type fleet struct {
	a        *app
	pr       *lang.Project
	ctl      *control.Controller
	targets  []control.Target
	parallel int
	one      bool // a single host was chosen
}

// fleet opens the project and finds the hosts of a choice.
func (a *app) fleet(ch *choice, args []string, from string) (*fleet, error) {
	pr, err := a.project()
	if err != nil {
		return nil, err
	}
	names, err := ch.hosts(pr, args)
	if err != nil {
		return nil, err
	}
	if from != "" && len(names) > 1 {
		return nil, fmt.Errorf("--from is of one host: name one, not %s", strings.Join(names, ", "))
	}
	f := &fleet{a: a, pr: pr, parallel: ch.parallel, one: len(names) == 1}
	for _, n := range names {
		t, err := target(pr, wish{host: n, from: from})
		if err != nil {
			return nil, err
		}
		f.targets = append(f.targets, t)
	}
	f.ctl, err = a.controller(pr)
	return f, err
}

func (f *fleet) names() []string {
	names := make([]string, len(f.targets))
	for i, t := range f.targets {
		names[i] = t.Name
	}
	return names
}

// only is the fleet of those hosts for which keep says so.
func (f *fleet) only(keep func(i int) bool) *fleet {
	some := *f
	some.targets = nil
	for i, t := range f.targets {
		if keep(i) {
			some.targets = append(some.targets, t)
		}
	}
	return &some
}

// hostError is what went wrong on one host.
type hostError struct {
	host string
	err  error
}

func (e *hostError) Error() string { return e.err.Error() }
func (e *hostError) Unwrap() error { return e.err }

// fleetError is what went wrong on several; it was told host by host.
type fleetError []*hostError

func (e fleetError) Error() string {
	var b strings.Builder
	for i, he := range e {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(he.host + ": " + he.Error())
	}
	return b.String()
}

// joinFleet joins what each returned; of a host that is in both, what b says.
func joinFleet(a, b error) error {
	var all fleetError
	for _, err := range []error{a, b} {
		var some fleetError
		if errors.As(err, &some) {
			all = slices.DeleteFunc(all, func(old *hostError) bool {
				return slices.ContainsFunc(some, func(e *hostError) bool { return e.host == old.host })
			})
			all = append(all, some...)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// each does work on every host, some of them at the same time. Each host tells
// a view of its own, and its error does not stop the others. Of a single host
// the error is still to be told; those of several were, and are a fleetError.
func (f *fleet) each(ctx context.Context, work func(ctx context.Context, ctl *control.Controller, i int) error) error {
	if f.one {
		if err := work(ctx, f.ctl, 0); err != nil {
			return &hostError{f.targets[0].Name, err}
		}
		return nil
	}
	board := f.a.view.Board(len(f.targets))
	errs := make([]error, len(f.targets))
	slots := make(chan struct{}, f.parallel)
	var wg sync.WaitGroup
	for i, t := range f.targets {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			v := board.Host(i)
			if errs[i] = ctx.Err(); errs[i] == nil {
				errs[i] = work(ctx, f.ctl.On(v), i)
			}
			if errs[i] != nil && !errors.Is(errs[i], errChanges) {
				f.a.tell(v, t.Name, errs[i])
			}
			board.Over(i)
		})
	}
	wg.Wait()
	var all fleetError
	for i, err := range errs {
		if err != nil {
			all = append(all, &hostError{f.targets[i].Name, err})
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// tell shows an error of a host, "" where it is none's: HCL's with their
// places, the others in a line.
func (a *app) tell(v *view.View, host string, err error) {
	var diags *control.DiagError
	switch {
	case !errors.As(err, &diags):
		data := map[string]any{"text": err.Error(), "exit": exitCode(err)}
		v.Error(host, err, data)
	case v.JSON():
		for _, d := range lang.JSONDiagnostics(diags.Diags) {
			v.Emit(view.Event{Type: "diagnostic", Host: host, Data: d})
		}
	default:
		var b bytes.Buffer
		_ = lang.FormatDiagnostics(&b, diags.Diags, os.DirFS(a.dir), v.ErrorColour())
		v.Emit(view.Event{Type: view.ErrorType, Host: host, Text: b.String()})
	}
}

// outcomes is how many hosts ended in which way, for the last line.
type outcomes struct {
	Hosts      int `json:"hosts"`
	InStep     int `json:"in_step"`
	Changed    int `json:"changed"`
	RolledBack int `json:"rolled_back"`
	Refused    int `json:"refused"`
	Conflicts  int `json:"conflicts"`
	Failed     int `json:"failed"`
}

// summary tells of several hosts how it went; changed is how many have, or
// had, changes.
func (f *fleet) summary(changedText string, changed int, err error) {
	if f.one {
		return
	}
	o := outcomes{Hosts: len(f.targets), Changed: changed}
	var failed fleetError
	_ = errors.As(err, &failed)
	var lines strings.Builder
	for _, e := range failed {
		switch exitCode(e) {
		case exitChanges:
			continue
		case exitRolledBack:
			o.RolledBack++
		case exitRefused:
			o.Refused++
		case exitConflict:
			o.Conflicts++
		default:
			o.Failed++
		}
		first, _, _ := strings.Cut(e.Error(), "\n")
		lines.WriteString("\n    " + e.host + ": " + view.Printable(first))
	}
	o.InStep = o.Hosts - o.Changed - o.RolledBack - o.Refused - o.Conflicts - o.Failed
	text := fmt.Sprintf("%d hosts: %d in step", o.Hosts, o.InStep)
	for _, part := range []struct {
		n    int
		text string
	}{{o.Changed, changedText}, {o.RolledBack, "rolled back"}, {o.Refused, "refused"}, {o.Conflicts, "to merge by hand"}, {o.Failed, "failed"}} {
		if part.n > 0 {
			text += fmt.Sprintf(", %d %s", part.n, part.text)
		}
	}
	f.a.view.Emit(view.Event{Type: "summary", Text: text + lines.String(), Data: o})
}
