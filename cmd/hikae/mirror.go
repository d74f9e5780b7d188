package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"hikae/engine"
	"hikae/engine/agent"
	"hikae/engine/control"
	"hikae/engine/lang"
	"hikae/engine/mirror"
	"hikae/engine/view"
	"hikae/engine/watch"
)

type mirrorOptions struct {
	allow bool // what an alarm stops
	hash  bool // compare the bytes
}

func (a *app) mirrorCmd() *cobra.Command {
	var o mirrorOptions
	c := &cobra.Command{
		Use:   "mirror HOST",
		Short: "Bring a follower's data trees in step, once",
		Long: `Mirror brings the trees that a pair's mirror blocks name to HOST, which follows
the pair, and ends when they are in step: for a first copy, at leisure, before
hikae watch keeps them so; while that runs, HOST must be on hold. A tree that another
mirror writes is refused. It is as careful
as that: what HOST had of its own is left, what is overwritten is kept for a while,
and it stops over the budget.

Files are told apart by size and time. --checksum reads all of them on both
sides, which takes its time, and so finds what was changed with the old size and
time, and what a disk has lost.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeHosts,
		RunE: func(cmd *cobra.Command, args []string) error {
			pr, err := a.project()
			if err != nil {
				return err
			}
			ctl, err := a.controller(pr)
			if err != nil {
				return err
			}
			return a.mirrors(cmd.Context(), ctl, pr, args[0], o)
		},
	}
	c.Flags().BoolVar(&o.allow, "over-budget", false, "let pass, once for each tree, what an alarm stops")
	c.Flags().BoolVar(&o.hash, "checksum", false, "compare files by their bytes")
	return c
}

// mirrors brings all trees of a follower in step.
func (a *app) mirrors(ctx context.Context, ctl *control.Controller, pr *lang.Project, host string, o mirrorOptions) error {
	to, err := target(pr, wish{host: host})
	if err != nil {
		return err
	}
	if to.Source == to.Name {
		return fmt.Errorf("%s follows nobody: name the standby, or another host that follows the pair", host)
	}
	from, err := target(pr, wish{host: to.Source})
	if err != nil {
		return err
	}
	pair, _ := pr.PairOf(to.Source)
	if len(pair.Mirrors) == 0 {
		return fmt.Errorf(`the pair of %s has no mirror: write mirror "/srv" { } in it`, to.Source)
	}
	if err := notWatched(ctl, to.Name); err != nil {
		return err
	}
	var failed []error
	for _, m := range pair.Mirrors {
		if err := a.mirrorOnce(ctx, ctl, from, to, mirrorSettings(m, pair), o); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// notWatched refuses to write a tree that hikae watch keeps: it has one who writes it.
func notWatched(ctl *control.Controller, host string) error {
	who, err := ctl.Store.Watcher()
	if err != nil || who == "" {
		return err
	}
	if held, err := ctl.Held(host); err != nil || held != nil {
		return err
	}
	return fmt.Errorf("%w: %s keeps the trees of %s in step: see hikae status; to bring them by hand, run hikae hold %s first", engine.ErrRefused, who, host, host)
}

func (a *app) mirrorOnce(ctx context.Context, ctl *control.Controller, from, to control.Target, s mirror.Settings, o mirrorOptions) error {
	record := watch.TreeRecord(to.Name, s.Root)
	connect := func(t control.Target) func(context.Context) (*agent.Client, error) {
		return func(ctx context.Context) (*agent.Client, error) { return ctl.Connect(ctx, t) }
	}
	var files int
	var bytes int64
	m := mirror.New(mirror.Options{
		Settings: s, Source: connect(from), Target: connect(to), Hash: o.hash, Holder: ctl.Holder,
		Emit: func(e mirror.Event) {
			if e.Type == "arrived" {
				files, bytes = files+e.Files, bytes+e.Bytes
				a.view.Progress(to.Name, fmt.Sprintf("%s: %d changes, %d MiB", s.Root, files, bytes>>20))
				return
			}
			a.view.Emit(view.Event{Type: "note", Host: to.Name, Text: view.Safe(fmt.Sprintf("%s: %s: %s", to.Name, s.Root, e.Text))})
		},
		Load: func() ([]byte, error) { return ctl.Store.Get(watch.TreeKind, record) },
		Save: func(b []byte) error { return ctl.Store.Set(watch.TreeKind, record, b) },
	})
	if o.allow {
		m.Allow()
	}
	if err := m.Once(ctx); err != nil {
		return err
	}
	st := m.Status()
	text := fmt.Sprintf("%s: %s is in step: %d changes, %d bytes came", to.Name, s.Root, files, bytes)
	if st.ForeignCount > 0 {
		text += fmt.Sprintf("; %d of its own are left, such as %s", st.ForeignCount, st.Foreign[0])
	}
	a.view.Emit(view.Event{Type: "mirror", Host: to.Name, Text: view.Safe(text), Data: map[string]any{
		"root": s.Root, "changes": files, "bytes": bytes, "foreign": st.ForeignCount,
	}})
	return nil
}
