package control

import (
	"errors"
	"fmt"
	"time"

	"hikae/engine"
	"hikae/engine/view"
	"hikae/states"
)

// spending counts what a plan deletes and overwrites beside its budget.
func (c *Controller) spending(p *Planned, allowed engine.Allowance) (engine.Spending, error) {
	was, err := c.Store.Get(states.InStep, p.Target.Name)
	return p.Spending(p.Target.Budget, len(was) > 0, allowed), err
}

// inStep records that a host is as it should be, but for files that are to be
// merged by hand and what is held back, where an apply ended so; it returns how the apply ended.
func (c *Controller) inStep(host string, ended error) error {
	if ended != nil && !errors.Is(ended, ErrConflict) && !errors.Is(ended, ErrHeldBack) {
		return ended
	}
	now := time.Now().UTC().Format(time.RFC3339) + "\n"
	return errors.Join(ended, c.Store.Set(states.InStep, host, []byte(now)))
}

// OverBudget is a plan that deletes or overwrites more than it may.
type OverBudget struct {
	Host string
	engine.Spending
	Changes engine.Allowance // those of which it is
}

func (e *OverBudget) Error() string {
	return fmt.Sprintf("%v: %s is over its budget: %s. Is something missing or damaged on the source (a mount, a disk)? "+
		"If this is meant, run it again with --over-budget, or raise budget in the project", engine.ErrRefused, e.Host, e.Over())
}

func (e *OverBudget) Unwrap() error { return engine.ErrRefused }

// overBudget tells a plan that is over its budget; nil where it is within.
func (c *Controller) overBudget(p *Planned) *OverBudget {
	if p.Spent.Over() == "" {
		return nil
	}
	c.View.Emit(view.Event{Type: "budget", Host: p.Target.Name, Data: p.Spent})
	return &OverBudget{Host: p.Target.Name, Spending: p.Spent, Changes: engine.Spends(p.Changes)}
}
