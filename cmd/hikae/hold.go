package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"hikae/engine/view"
)

func (a *app) holdCmd() *cobra.Command {
	var until string
	var lasts time.Duration
	c := &cobra.Command{
		Use:   "hold HOST [--until TIME | --for DURATION]",
		Short: "Keep hikae watch from a host: nothing is applied to it",
		Long: `Hold keeps all that follows by itself from a host, files and packages and
mirrors together, as before a large upgrade. What changes meanwhile is brought to
it after hikae release, or when the time is over. A person's hikae apply is not
held. With --for it lasts for so long, wherever the clock is set meanwhile; a reboot
leaves only the clock to go by.`,
		Example: `  hikae hold standby
  hikae hold standby --for 2h
  hikae hold standby --until 2026-12-01T06:00:00Z`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeHosts,
		RunE: func(_ *cobra.Command, args []string) error {
			ctl, t, err := a.target(wish{host: args[0]})
			if err != nil {
				return err
			}
			var end time.Time
			switch {
			case until != "":
				if end, err = time.Parse(time.RFC3339, until); err != nil {
					return fmt.Errorf("--until %s: want a time such as %s", until, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
				}
				if !end.After(time.Now()) {
					return fmt.Errorf("that is over already: %s", end.Format(time.RFC3339))
				}
				err = ctl.Hold(t.Name, end)
			case lasts < 0:
				return fmt.Errorf("--for %v: want for how long, such as 2h", lasts)
			case lasts > 0:
				end, err = ctl.HoldFor(t.Name, lasts)
			default:
				err = ctl.Hold(t.Name, end)
			}
			if err != nil {
				return err
			}
			text := t.Name + ": on hold until hikae release " + t.Name
			if !end.IsZero() {
				text += ", or " + end.Format(time.RFC3339)
			}
			a.view.Emit(view.Event{Type: "hold", Host: t.Name, Text: text, Data: map[string]any{"until": end}})
			return nil
		},
	}
	c.Flags().StringVar(&until, "until", "", "the `TIME` when it ends by itself (RFC 3339)")
	c.Flags().DurationVar(&lasts, "for", 0, "after what `DURATION` it ends by itself, as in 2h")
	c.MarkFlagsMutuallyExclusive("until", "for")
	return c
}

func (a *app) releaseCmd() *cobra.Command {
	var over bool
	c := &cobra.Command{
		Use:   "release HOST",
		Short: "End a hold",
		Long: `Release ends a hold. With --over-budget it also lets pass, once, what hikae watch
stopped on the host: more deletions or overwritten files than the budget, or a
mirror that lost much at once or is on another file system than it was. That is what
was stopped by then, not what is deleted or overwritten later. Look at hikae status,
and at hikae plan, first.`,
		Example: `  hikae release standby
  hikae release standby --over-budget`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeHosts,
		RunE: func(_ *cobra.Command, args []string) error {
			ctl, t, err := a.target(wish{host: args[0]})
			if err != nil {
				return err
			}
			was, err := ctl.Release(t.Name)
			if err == nil && over {
				err = ctl.Allow(t.Name)
			}
			if err != nil {
				return err
			}
			text := t.Name + ": released"
			switch {
			case over:
				text += "; what was stopped may pass, once"
			case !was:
				text = t.Name + ": was not on hold"
			}
			a.view.Emit(view.Event{Type: "release", Host: t.Name, Text: text, Data: map[string]bool{"was_held": was, "over_budget": over}})
			return nil
		},
	}
	c.Flags().BoolVar(&over, "over-budget", false, "let pass what was stopped, too")
	return c
}
