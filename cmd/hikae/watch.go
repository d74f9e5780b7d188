package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"hikae/engine/control"
	"hikae/engine/lang"
	"hikae/engine/mirror"
	"hikae/engine/view"
	"hikae/engine/watch"
	"hikae/states/blob"
)

func (a *app) watchCmd() *cobra.Command {
	var m metricsTo
	var unit bool
	c := &cobra.Command{
		Use:   "watch",
		Short: "Follow the primaries, and keep those who follow them in step",
		Long: `Watch follows the primary of each pair: what changes there is read at once and
applied to the standby, and to each host that follows the pair, as apply would:
verified, or rolled back. It runs until it is stopped, and is meant to be a
service of the standby (see docs/watch.md). Whatever fails is held back, told by
hikae status, and tried again; the rest goes on.

A host that nothing was ever applied to is left alone until a person has run
hikae apply once. hikae hold HOST keeps it from a host for a while.`,
		Example: `  hikae -C /srv/hikae watch
  hikae -C /srv/hikae watch --print-unit > /etc/systemd/system/hikae-watch.service
  hikae -C /srv/hikae watch --metrics-listen unix:/run/hikae-watch/metrics.sock`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if unit {
				return a.printUnit()
			}
			log, spent, ages := a.logs(), &control.Spent{}, control.NewAges()
			for {
				err := a.watch(cmd.Context(), log, m, spent, ages)
				if !errors.Is(err, errEdited) {
					return err
				}
				log.Info("the project was edited: following anew")
			}
		},
	}
	c.Flags().BoolVar(&unit, "print-unit", false, "print the systemd unit that runs it as a service")
	c.Flags().StringVar(&m.file, "metrics-file", "", "write metrics to `FILE` every few seconds, for node_exporter's textfile collector, which reads what is named *.prom")
	c.Flags().StringVar(&m.listen, "metrics-listen", "", "answer GET /metrics at `ADDRESS`: unix:PATH, 127.0.0.1:PORT or [::1]:PORT")
	return c
}

// metricsTo is where metrics are written and asked for; "" for nowhere.
type metricsTo struct{ file, listen string }

// errEdited ends a watch whose project is another now.
var errEdited = errors.New("the project was edited")

// watch follows until ctx ends, which is no error, or the project is edited. What was
// spent before counts on, and what was seen of generations.
func (a *app) watch(ctx context.Context, log *slog.Logger, m metricsTo, spent *control.Spent, ages *control.Ages) error {
	before := a.projectStamp(nil)
	pr, err := a.project()
	if err != nil {
		return err
	}
	stamp := a.projectStamp(pr.Files)
	if a.projectStamp(nil) != before {
		return errEdited
	}
	ctl, err := a.controller(pr)
	if err != nil {
		return err
	}
	ctl.Store.Blobs = blob.NewBehind(ctl.Store.Blobs) // what changed is on its way before it is on the disk
	ctl.Spent, ctl.Ages = spent, ages
	l := &watch.Loop{
		Control: watch.On(ctl.On(view.New(io.Discard, io.Discard, false))), Log: log, Version: version, Holder: ctl.Holder, MetricsFile: m.file,
		Ready: func() { notify(daemon.SdNotifyReady) },
		Alive: func() { notify(daemon.SdNotifyWatchdog) },
	}
	if l.Following, err = following(pr); err != nil {
		return err
	}
	if m.listen != "" {
		if l.Metrics, err = watch.ListenMetrics(m.listen); err != nil {
			return err
		}
		defer l.Metrics.Close() //nolint:errcheck // nobody asks any more
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go a.untilEdited(ctx, pr.Files, stamp, log, func() { cancel(errEdited) })
	if err := l.Run(ctx); err != nil {
		return err
	}
	if err := context.Cause(ctx); errors.Is(err, errEdited) {
		return err
	}
	return nil
}

// notify tells systemd, where it started this (sd_notify(3)).
func notify(state string) { _, _ = daemon.SdNotify(false, state) } // it asks again by its own means

// following lists who follows whom in a project.
func following(pr *lang.Project) ([]watch.Following, error) {
	var all []watch.Following
	for _, p := range pr.Pairs {
		f := watch.Following{Audit: p.Audit, Report: p.ReportDrift, Delay: p.Delay}
		var err error
		if f.Source, err = target(pr, wish{host: p.InitialPrimary}); err != nil {
			return nil, err
		}
		for _, m := range p.Mirrors {
			f.Mirrors = append(f.Mirrors, mirrorSettings(m, p))
		}
		for _, h := range pr.Hosts {
			if h.Name == p.InitialPrimary {
				continue
			}
			t, err := target(pr, wish{host: h.Name})
			if err != nil {
				return nil, err
			}
			if t.Source == p.InitialPrimary {
				f.Followers = append(f.Followers, t)
			}
		}
		all = append(all, f)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("nobody follows anybody: the project has no pair")
	}
	return all, nil
}

// mirrorSettings is a mirror as the project has it.
func mirrorSettings(m lang.Mirror, p lang.Pair) mirror.Settings {
	return mirror.Settings{
		Root: m.Path, Exclude: m.Exclude, Numbers: m.Numbers, Reload: m.Reload, Run: m.Run,
		Every: m.Every, Audit: p.Audit, Versions: m.Versions, KeepFree: m.KeepFree, Bandwidth: m.Bandwidth, Budget: p.Budget,
	}
}
