package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hikae/engine/control"
	"hikae/engine/view"
	"hikae/engine/watch"
)

// errBehind makes status --behind exit with exitBehind.
var errBehind = errors.New("a follower is behind")

func (a *app) statusCmd() *cobra.Command {
	var live bool
	var bound time.Duration
	c := &cobra.Command{
		Use:   "status [HOST...]",
		Short: "Say how it is with those who follow",
		Long: `Status tells of each host that follows another whether it is in step, or behind by
what and since when; what is held back and why; what waits for a person; what the
last audit found; and of each host that is followed whether it can be heard. It
asks no host: it tells what hikae watch wrote last, a few seconds ago at most.

--behind is for monitoring. It exits with 6 where a follower, or a mirror, has not
been what its source is for longer than a bound, where a mount of the source is
gone, and where hikae watch does not run or was not heard of for 30 seconds.`,
		Example: `  hikae status
  hikae status standby --watch
  hikae status --behind 1m`,
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
			ask := func() (*watch.Report, error) { return askStatus(ctl, args) }
			switch {
			case live:
				return a.watchStatus(cmd.Context(), ask)
			case cmd.Flags().Changed("behind"):
				return a.checkBehind(ask, bound)
			}
			r, err := ask()
			if err != nil {
				return err
			}
			a.showStatus(r)
			return nil
		},
	}
	c.Flags().BoolVar(&live, "watch", false, "go on, and show what changes")
	c.Flags().DurationVar(&bound, "behind", 0, "exit with 6 where a follower is behind for longer than a `DURATION`, as 1m")
	c.MarkFlagsMutuallyExclusive("watch", "behind")
	return c
}

// errNeverFollowed: there is no status, for hikae watch never ran here.
var errNeverFollowed = errors.New("hikae watch has never run on this project: start it with hikae watch, or as a service (docs/watch.md)")

func askStatus(ctl *control.Controller, hosts []string) (*watch.Report, error) {
	r, err := watch.Ask(ctl, time.Now())
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, errNeverFollowed
	}
	return r, r.Of(hosts)
}

// statusData is what --json prints.
type statusData struct {
	*watch.Report
	// Late says what is further behind than --behind.
	Late []string `json:"late,omitempty"`
}

func (a *app) statusEvent(r *watch.Report, late []string) view.Event {
	return view.Event{Type: "status", Data: statusData{r, late}, Text: r.Text(watch.Style{Width: a.view.Width(), Paint: a.view.Paint})}
}

func (a *app) showStatus(r *watch.Report) { a.view.Emit(a.statusEvent(r, nil)) }

// checkBehind tells in a line for each what is behind, or that nothing is.
func (a *app) checkBehind(ask func() (*watch.Report, error), bound time.Duration) error {
	r, err := ask()
	if errors.Is(err, errNeverFollowed) {
		return fmt.Errorf("%w: %w", errBehind, err)
	}
	if err != nil {
		return err
	}
	late := r.Late(bound)
	e := a.statusEvent(r, late)
	if e.Text = strings.Join(r.Headlines(), "\n"); len(late) > 0 {
		lines := slices.Clone(late)
		for i := range lines {
			lines[i] = view.Safe(lines[i]) // a line each, whatever a path is called
		}
		e.Text = strings.Join(lines, "\n")
	}
	a.view.Emit(e)
	if len(late) > 0 {
		return errToldBehind
	}
	return nil
}

// errToldBehind is errBehind, of which all was said.
var errToldBehind = fmt.Errorf("%w", errBehind)

// watchStatus shows the status until ctx ends: on a terminal over and over in the
// same place, else what has changed of it.
func (a *app) watchStatus(ctx context.Context, ask func() (*watch.Report, error)) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	if a.view.Terminal() {
		a.view.Clear()
	}
	var last []string
	for {
		r, err := ask()
		if err != nil {
			return err
		}
		switch {
		case a.view.Terminal():
			a.view.Redraw(a.statusEvent(r, nil).Text)
		case a.view.JSON():
			if now := []string{r.Essence()}; !slices.Equal(now, last) {
				a.showStatus(r)
				last = now
			}
		default:
			now := r.States()
			for _, l := range now {
				if !slices.Contains(last, l) {
					a.view.Emit(view.Event{Type: "status", Text: r.Now.Format(time.TimeOnly) + " " + l})
				}
			}
			last = now
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
