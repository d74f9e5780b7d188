package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"hikae/engine"
	"hikae/hosts"
)

// Apply implements engine.Module.
func (m Module) Apply(ctx context.Context, h hosts.Host, job engine.Job) error {
	if len(job.Changes) == 0 {
		return nil
	}
	if !h.Facts().Systemd {
		return fmt.Errorf("%w: systemd is not PID 1 on this host, so units cannot be changed", engine.ErrRefused)
	}
	settle := m.Settle
	if settle == 0 {
		settle = time.Second
	}
	w := &work{systemd: systemd{h}, job: job, settle: settle, failed: map[string]error{}, keep: protected(h)}
	for _, c := range job.Changes {
		one, err := wishOf(c)
		if err != nil {
			return err
		}
		if one.addr.Name == defaultTarget {
			w.target = &one
			continue
		}
		w.names = append(w.names, one.addr.Name)
		w.wishes = append(w.wishes, one)
	}
	if err := w.all(ctx); err != nil {
		return err
	}
	return w.report()
}

// work is one Apply.
type work struct {
	systemd
	job    engine.Job
	settle time.Duration
	wishes []wish
	names  []string // of wishes
	target *wish
	keep   map[string]string // units that stay, and why
	now    map[string]state
	failed map[string]error // by unit
}

func (w *work) fail(name string, format string, args ...any) {
	if w.failed[name] == nil {
		w.failed[name] = fmt.Errorf("cannot apply service:%s: %w", name, fmt.Errorf(format, args...))
	}
}

// all does the steps in order. An error is one of systemd itself; those of
// units are kept and reported at the end.
func (w *work) all(ctx context.Context) error {
	if err := w.look(ctx); err != nil {
		return err
	}
	if err := w.setDefault(ctx); err != nil {
		return err
	}
	if err := w.files(ctx); err != nil {
		return err
	}
	return w.runs(ctx)
}

// look asks what is, and has systemd read changed unit files first.
func (w *work) look(ctx context.Context) error {
	var err error
	if w.now, err = w.show(ctx, w.names); err != nil {
		return err
	}
	for _, s := range w.now {
		if s.needReload || s.load == "not-found" {
			if err := w.again(ctx); err != nil {
				return err
			}
			break
		}
	}
	for _, one := range w.wishes {
		name := one.addr.Name
		switch s := w.now[name]; {
		case s.load == "not-found" && !one.gone && one.wantsSomething():
			w.fail(name, "this host has no such unit; %s", whence(one))
		case (s.load == "error" || s.load == "bad-setting") && one.wants(one.running):
			w.fail(name, "systemd cannot read its unit file (%s): systemd-analyze verify %s says why", s.load, name)
		case s.typ == "oneshot" && one.running != nil && *one.running != s.runs():
			w.fail(name, "it is a oneshot, which does its work and ends: leave running out, or give it a timer")
		}
		if why := w.keep[name]; why != "" && one.closes(w.now[name]) {
			w.failed[name] = fmt.Errorf("%w: service:%s is not stopped, disabled or masked: %s", engine.ErrRefused, name, why)
		}
	}
	return nil
}

func (*wish) wants(b *bool) bool { return b != nil && *b }

// wantsSomething reports whether a unit has to exist for the wish to hold.
func (w *wish) wantsSomething() bool { return w.wants(w.enabled) || w.wants(w.running) }

// closes reports whether the wish takes a unit out of service that is in it.
func (w *wish) closes(s state) bool {
	return w.gone || w.wants(w.masked) && s.file != "masked" ||
		w.enabled != nil && !*w.enabled && s.file == "enabled" ||
		w.running != nil && !*w.running && s.runs()
}

// whence says where a unit that is missing comes from.
func whence(w wish) string {
	if w.pkg != "" {
		return "the package " + w.pkg + " brings it"
	}
	return "dnf provides '*/systemd/system/" + w.addr.Name + "' names a package that brings it"
}

func (w *work) setDefault(ctx context.Context) error {
	if w.target == nil || w.target.target == "" {
		return nil
	}
	s, err := w.show(ctx, []string{w.target.target})
	if err != nil {
		return err
	}
	if s[w.target.target].load != "loaded" {
		w.fail(defaultTarget, "this host has no %s", w.target.target)
		return nil
	}
	if err := w.do(ctx, []string{w.target.target}, "--no-reload", "set-default"); err != nil {
		w.fail(defaultTarget, "%w", err)
	}
	return nil
}

// pick lists the units that are still to be applied and for which is is true.
func (w *work) pick(is func(one *wish, s state) bool) []string {
	var names []string
	for i := range w.wishes {
		name := w.wishes[i].addr.Name
		if w.failed[name] == nil && is(&w.wishes[i], w.now[name]) {
			names = append(names, name)
		}
	}
	return names
}

// files makes and removes links: disable before enable, so that what one unit
// takes along (Also=) is not taken from another that should have it.
func (w *work) files(ctx context.Context) error {
	changed := w.target != nil
	unmask := w.pick(func(one *wish, s state) bool {
		return s.file == "masked" && (one.gone || one.masked != nil && !*one.masked)
	})
	if len(unmask) > 0 {
		w.link(ctx, unmask, "unmask")
		if err := w.again(ctx); err != nil { // whether it is enabled shows only now
			return err
		}
	}
	exists := func(s state) bool { return s.load != "not-found" }
	for _, step := range []struct {
		verb string
		is   func(one *wish, s state) bool
	}{
		{"disable", func(one *wish, s state) bool {
			return exists(s) && s.file == "enabled" && (one.gone || one.enabled != nil && !*one.enabled)
		}},
		{"enable", func(one *wish, s state) bool { return one.wants(one.enabled) && s.file != "enabled" }},
		{"mask", func(one *wish, s state) bool { return one.wants(one.masked) && s.file != "masked" }},
	} {
		names := w.pick(step.is)
		if len(names) == 0 {
			continue
		}
		changed = true
		w.link(ctx, names, step.verb)
	}
	if changed {
		if err := w.again(ctx); err != nil {
			return err
		}
	}
	for i := range w.wishes {
		w.verifyFile(&w.wishes[i])
	}
	return nil
}

// link runs a verb that makes or removes links. systemctl stops at the first
// unit that it cannot do, so after an error each is tried alone.
func (w *work) link(ctx context.Context, names []string, verb string) {
	if w.do(ctx, names, "--no-reload", verb) == nil {
		return
	}
	for _, n := range names {
		if err := w.do(ctx, []string{n}, "--no-reload", verb); err != nil {
			w.fail(n, "%w", err)
		}
	}
}

// again has systemd read its unit files, and asks it anew.
func (w *work) again(ctx context.Context) (err error) {
	if err := w.reload(ctx); err != nil {
		return err
	}
	w.now, err = w.show(ctx, w.names)
	return err
}

// verifyFile sees that systemd has it as wished.
func (w *work) verifyFile(one *wish) {
	name := one.addr.Name
	s := w.now[name]
	switch {
	case one.gone:
	case one.wants(one.masked) && s.file != "masked":
		w.fail(name, "it was masked and is %s", s.file)
	case one.wants(one.enabled) && s.file != "enabled":
		w.fail(name, "it was enabled and is %s: %s", s.file, whyNotEnabled(s.file))
	case one.enabled != nil && !*one.enabled && s.file == "enabled":
		w.fail(name, "it was disabled and is enabled again: another unit takes it along (Also= in its unit file)")
	}
}

func whyNotEnabled(file string) string {
	switch file {
	case "static", "indirect", "":
		return "its unit file has no section [Install] that says where"
	case "disabled":
		return "another unit takes it along when that is disabled (Also= in its unit file)"
	}
	return "see systemctl status"
}

// runs stops and starts, and sees that it holds.
func (w *work) runs(ctx context.Context) error {
	stop := w.pick(func(one *wish, s state) bool {
		return s.active != "inactive" && s.active != "failed" && (one.gone || one.running != nil && !*one.running)
	})
	start := w.pick(func(one *wish, s state) bool { return one.wants(one.running) && !s.runs() })
	if len(stop)+len(start) == 0 {
		return nil
	}
	// One that failed too often is not started before it is forgiven.
	forgive := slices.DeleteFunc(slices.Clone(start), func(n string) bool {
		return w.now[n].active != "failed" && w.now[n].sub != "auto-restart"
	})
	if len(start) > 0 {
		w.job.Progress("starting " + strings.Join(start, ", "))
	}
	said := map[string]error{}
	for _, step := range []struct {
		verb  string
		names []string
	}{{"stop", stop}, {"reset-failed", forgive}, {"start", start}} {
		err := w.do(ctx, step.names, step.verb)
		// Which units it could not do it for shows in their states.
		if exit := (*exitError)(nil); err != nil && !errors.As(err, &exit) {
			return err
		}
		for _, n := range step.names {
			if err != nil {
				said[n] = err
			}
		}
	}
	return w.verifyRuns(ctx, stop, start, said)
}

func (w *work) verifyRuns(ctx context.Context, stop, start []string, said map[string]error) error {
	both := slices.Concat(stop, start)
	now, err := w.show(ctx, both)
	if err != nil {
		return err
	}
	for _, n := range stop {
		if s := now[n]; s.runs() {
			w.fail(n, "it was stopped and is %s%s", s.active, because(said[n]))
		}
	}
	var watch []string
	for _, n := range start {
		switch s := now[n]; {
		case !s.runs():
			w.fail(n, "it was started and is %s (%s)%s; %s", s.active, s.sub, because(said[n]), w.journal(ctx, n))
		case s.typ == "simple" || s.typ == "exec" || s.typ == "idle":
			watch = append(watch, n) // active as soon as it exists
		}
	}
	return w.watch(ctx, watch, now)
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
}

// watch looks at units until they have stayed up for the settling time.
func (w *work) watch(ctx context.Context, names []string, first map[string]state) error {
	tick := time.NewTicker(max(w.settle/10, time.Millisecond))
	defer tick.Stop()
	for end := time.Now().Add(w.settle); len(names) > 0; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		now, err := w.show(ctx, names)
		if err != nil {
			return err
		}
		names = slices.DeleteFunc(names, func(n string) bool {
			switch s := now[n]; {
			case !s.runs():
				w.fail(n, "it was started and soon was %s (%s); %s", s.active, s.sub, w.journal(ctx, n))
			case s.restarts > first[n].restarts:
				w.fail(n, "it was started, died and was restarted; %s", w.journal(ctx, n))
			default:
				return false
			}
			return true
		})
		if !time.Now().Before(end) {
			return nil
		}
	}
	return nil
}

// report tells what is done, and joins the errors of the rest.
func (w *work) report() error {
	var errs []error
	for _, c := range w.job.Changes {
		if err := w.failed[c.Addr.Name]; err != nil {
			errs = append(errs, err)
		} else {
			w.job.Done(c.Addr)
		}
	}
	return errors.Join(errs...)
}

// protected are the units without which nobody gets in, or we end ourselves.
func protected(h hosts.Host) map[string]string {
	keep := map[string]string{}
	for _, n := range []string{"sshd.service", "sshd.socket", "ssh.service", "ssh.socket"} {
		keep[n] = "the controller gets in by it"
	}
	b, err := hosts.ReadFile(h, "/proc/self/cgroup", 64<<10)
	if err != nil {
		return keep
	}
	for _, part := range strings.FieldsFunc(string(b), func(r rune) bool { return r == '/' || r == '\n' }) {
		if strings.HasSuffix(part, ".service") {
			keep[part] = "hikae itself runs in it"
		}
	}
	return keep
}
