package control

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"hikae/engine"
	"hikae/engine/agent"
	"hikae/engine/view"
)

// ErrRolledBack: something failed and what belonged together was put back.
var ErrRolledBack = errors.New("rolled back")

// ErrNotInStep: an apply ended without an error, and yet a plan made right
// after it is not empty.
var ErrNotInStep = errors.New("not in step after the apply")

// ErrHeldBack: some of it cannot be on the host as it is; all else was done.
var ErrHeldBack = errors.New("held back")

// HeldBackError is an ErrHeldBack that says what, and why.
type HeldBackError struct {
	Host  string
	Items []engine.Note
}

func (e *HeldBackError) Error() string {
	const most = 10
	text := fmt.Sprintf("%v on %s: ", ErrHeldBack, e.Host)
	for i, n := range e.Items {
		if i == most {
			return text + fmt.Sprintf("; and %d more", len(e.Items)-i)
		}
		if i > 0 {
			text += "; "
		}
		text += n.Addr.String() + ": " + n.Why
	}
	return text
}

func (e *HeldBackError) Unwrap() error { return ErrHeldBack }

// ErrNotConfirmed: who was asked did not say yes.
var ErrNotConfirmed = fmt.Errorf("%w: not confirmed; nothing was changed", engine.ErrRefused)

// ApplyOptions say how.
type ApplyOptions struct {
	PlanOptions
	// Confirm is asked once, with the plan shown; nil asks nothing. over says
	// what is over the budget, "" where nothing is: then a yes is not enough.
	Confirm func(over string) bool
	// OverBudget lets the plan delete and overwrite more than its budget.
	OverBudget bool
	// Saved is a plan that was looked at before: the host and the wish must
	// still be what they were then.
	Saved *SavedPlan
	// Shown: it was shown a moment ago, and is not again.
	Shown bool
	// Ask is asked to bring into the store, from where the packages are, the rpm
	// files of those that the host cannot get: see KeepRPMs. nil: nobody is.
	Ask func(ctx context.Context, packages []engine.Addr) error
}

// Applied tells of an apply.
type Applied struct {
	Applied    int      `json:"applied"`
	NotApplied int      `json:"not_applied"`
	RolledBack bool     `json:"rolled_back"`
	Seconds    float64  `json:"seconds"`
	Notes      []string `json:"notes,omitempty"`

	Left []engine.Addr `json:"-"` // those not applied
	// LockedOut are those of them after which no new login succeeded. Where the link
	// is lost, what became of them is not known.
	LockedOut []engine.Addr `json:"-"`
	// Overwritten are the files of the host's own making whose bytes were replaced,
	// and Kept where old bytes were put.
	Overwritten []engine.Addr `json:"-"`
	Kept        []string      `json:"-"`
	// HeldBack are those of them that cannot be on the host as it is.
	HeldBack []engine.Note `json:"held_back,omitempty"`
}

// Apply converges a host: packages first, then, read again, the rest; and it
// plans once more at the end, for an apply that leaves something to do has
// failed.
func (c *Controller) Apply(ctx context.Context, t Target, o ApplyOptions) (*Applied, error) {
	start := time.Now()
	unlock, err := c.Store.Lock(c.Holder)
	if err != nil {
		return nil, err
	}
	defer unlock()
	o.Diffs, o.finish = !o.Shown, true
	p, err := c.Plan(ctx, t, o.PlanOptions)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	if o.Saved != nil {
		if err := o.Saved.stillHolds(p.Plan); err != nil {
			return nil, err
		}
	}
	if !p.Empty() && p.FirstContact {
		if p.Undo, err = c.undoPoint(ctx, p); err != nil {
			return nil, err
		}
	}
	shown := func() {}
	if !o.Shown {
		shown = c.showing(p, o.Confirm != nil || p.Empty())
		defer shown()
	} else if p.Undo != "" {
		c.View.Undo(t.Name, p.Undo)
	}
	if p.again {
		if err := c.keepBase(p); err != nil {
			return nil, err
		}
	}
	if p.Empty() {
		return &Applied{}, c.inStep(t.Name, p.ConflictError())
	}
	spent := c.Spent.on(t.Name)
	if len(o.Allowed) == 0 {
		spent.count(p)
	}
	if err := c.mayGoOn(p, &o); err != nil {
		return nil, err
	}
	if o.OverBudget || len(o.Allowed) > 0 {
		clear(spent) // a person has looked at it
	}
	spent.note(p.Changes)
	run := &applying{c: c, p: p, out: &Applied{}, overBudget: o.OverBudget, allowed: o.Allowed, shown: shown, ask: o.Ask}
	err = c.inStep(t.Name, run.all(ctx))
	run.out.Seconds = time.Since(start).Seconds()
	shown()
	c.finish(t.Name, run.out, err)
	return run.out, err
}

// showing shows a plan, and returns when that is done if wait says so. Else that is
// done beside the apply, which nobody is asked about: the function waits for it.
func (c *Controller) showing(p *Planned, wait bool) (shown func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Show(p)
	}()
	if shown = func() { <-done }; wait {
		shown()
	}
	return shown
}

// mayGoOn asks, where somebody is to be asked, and holds a plan to its budget.
func (c *Controller) mayGoOn(p *Planned, o *ApplyOptions) error {
	over := c.overBudget(p)
	if over == nil || o.OverBudget {
		if o.Confirm != nil && !o.Confirm("") {
			return ErrNotConfirmed
		}
		return nil
	}
	if o.Confirm == nil {
		return over
	}
	if !o.Confirm(over.Over()) {
		return ErrNotConfirmed
	}
	o.OverBudget = true
	return nil
}

// applying is one Apply under way.
type applying struct {
	c   *Controller
	p   *Planned
	out *Applied
	// shown waits until the plan was told of.
	shown func()
	// overBudget: a person has said that more than the budget is meant.
	overBudget bool
	allowed    engine.Allowance
	made       []engine.Change // by the stages before
	ask        func(ctx context.Context, packages []engine.Addr) error
	// fresh are addresses that were applied and not read since.
	fresh []engine.Addr
	// alone are the paths that the last stage wrote, where it touched nothing else.
	alone []string
}

func (a *applying) all(ctx context.Context) error {
	conflicts := len(a.p.Conflicts)
	// What the packages brought is there after a round: users, files, units,
	// and SELinux's policy, where there was none to customise.
	for round := 1; ; round++ {
		first := a.p.InStage(engine.StageSystem, a.c.Schemas)
		if len(first) == 0 {
			break
		}
		if err := a.withRPMs(first); err != nil {
			return err
		}
		if round > 2 {
			a.show()
			return fmt.Errorf("%w: %d changes of packages and repositories are still to do; nothing else was begun", ErrNotInStep, len(first))
		}
		if err := a.stage(ctx, engine.StageSystem, first); err != nil {
			return err
		}
		if a.askRPMs(ctx) {
			a.out.HeldBack = nil // they are tried again
		}
		if err := a.again(ctx); err != nil {
			return err
		}
	}
	if second := a.p.InStage(engine.StageConfig, a.c.Schemas); len(second) > 0 {
		if err := a.stage(ctx, engine.StageConfig, second); err != nil {
			return err
		}
	}
	if err := a.again(ctx); err != nil {
		return err
	}
	if !a.p.Empty() {
		a.show()
		return fmt.Errorf("%w: %d changes are still to do", ErrNotInStep, len(a.p.Changes))
	}
	if err := a.p.ConflictError(); err != nil {
		if conflicts != len(a.p.Conflicts) { // they came with the packages
			a.show()
		}
		return errors.Join(err, a.heldBack())
	}
	return a.heldBack()
}

// heldBack is a *HeldBackError where something is.
func (a *applying) heldBack() error {
	if len(a.out.HeldBack) == 0 {
		return nil
	}
	return &HeldBackError{Host: a.p.Target.Name, Items: a.out.HeldBack}
}

// show tells of what is still to do.
func (a *applying) show() {
	a.shown()
	a.c.Show(a.p)
}

// again reads and compares anew, over the same session.
func (a *applying) again(ctx context.Context) error {
	act, err := a.readAgain(ctx)
	if err != nil {
		return err
	}
	a.p.session.actual = act
	p, err := a.c.compare(ctx, a.p.Target, a.p.wish, a.p.session, PlanOptions{Allowed: a.allowed})
	if err != nil {
		return err
	}
	if a.settle(p.base, act) || p.again {
		if err := a.c.keepBase(p); err != nil {
			return err
		}
	}
	// What follows was only forecast when the plan was shown: all together
	// stays within the budget.
	p.Spent = p.Spent.Add(a.made)
	p.Leave(a.out.HeldBack)
	a.p = p
	return nil
}

// stage has the agent make the changes of a stage and records in Base what was
// made.
func (a *applying) stage(ctx context.Context, stage engine.Stage, cs []engine.Change) error {
	if over := a.c.overBudget(a.p); over != nil && !a.overBudget {
		return a.soFar(over)
	}
	if err := a.fetchPristine(ctx, cs); err != nil {
		return err
	}
	// It is on this disk before the host is touched, and written while the agent
	// gets what it lacks.
	begin := make(chan error, 1)
	go func() { begin <- a.c.begin(a.p, cs) }()
	begun := sync.OnceValue(func() error { return <-begin })
	req := engine.ApplyRequest{Stage: stage, Changes: cs, Holder: a.c.Holder, LoginDeadline: a.c.LoginDeadline, Go: begun}
	again := &logins{
		connect:  func(ctx context.Context) (*agent.Client, error) { return a.c.Connect(ctx, a.p.Target) },
		deadline: req.LoginDeadline,
	}
	told := a.teller(len(cs))
	res, err := a.p.session.conn.Apply(ctx, req, a.c.opener(ctx, a.p.Desired.Inline), func(e engine.ApplyEvent) {
		switch {
		case e.Login != "":
			again.wanted(ctx, e.Login, e.Progress, e.Of)
		case len(e.Of) > 0:
			again.begun(e.Of)
		case e.Done != nil:
			again.made(*e.Done)
		}
		told(e)
	})
	_ = begun() // told by Apply; no other record is written before it
	a.made = append(a.made, cs...)
	a.out.Overwritten = append(a.out.Overwritten, a.p.Overwrites...)
	lost := err != nil
	err = again.end(res, err)
	a.out.LockedOut = append(a.out.LockedOut, again.missing(lost, res.NotApplied)...)
	if lost && len(a.out.LockedOut) > 0 && !errors.Is(err, ErrRolledBack) {
		err = fmt.Errorf("the link was lost in a change of what logins hang on, which the host undoes unless somebody can log in anew within %v: %w", a.c.LoginDeadline, err)
	}
	a.out.Applied += len(res.Applied)
	a.out.NotApplied += len(res.NotApplied)
	a.out.Left = append(a.out.Left, res.NotApplied...)
	for _, n := range res.HeldBack {
		if slices.Contains(res.NotApplied, n.Addr) {
			a.out.HeldBack = append(a.out.HeldBack, engine.Note{Addr: n.Addr, Why: view.Safe(n.Why)})
		}
	}
	a.out.RolledBack = a.out.RolledBack || res.RolledBack
	a.out.Notes = append(a.out.Notes, res.Notes...)
	if err == nil {
		err = a.advance(cs, res)
	}
	switch {
	case errors.Is(err, ErrRolledBack):
		a.out.RolledBack = true
		return err
	case err != nil:
		return a.soFar(err)
	case res.RolledBack:
		return fmt.Errorf("%w: %s", ErrRolledBack, res.Err)
	case res.Err != "":
		return errors.New(res.Err)
	}
	a.alone = nil
	if res.Alone && len(res.Applied) == len(cs) {
		for _, ch := range cs {
			a.alone = append(a.alone, ch.Addr.Name)
		}
	}
	return nil
}

// teller tells the view what the agent reports of so many changes.
func (a *applying) teller(total int) func(engine.ApplyEvent) {
	host, v, made := a.p.Target.Name, a.c.View, 0
	return func(e engine.ApplyEvent) {
		a.shown()
		switch {
		case e.Login != "":
			v.Progress(host, "logging in anew after the change of "+e.Progress)
		case e.Done != nil:
			made++
			if v.JSON() {
				v.Emit(view.Event{Type: "applied", Host: host, Data: map[string]string{"kind": e.Done.Kind, "name": e.Done.Name}})
				break
			}
			v.Progress(host, fmt.Sprintf("applied %d of %d", made, total))
		case e.Unit != "":
			v.Emit(view.Event{Type: "unit", Host: host, Text: fmt.Sprintf("%s: %s %s", host, view.Safe(e.Progress), view.Safe(e.Unit)),
				Data: map[string]string{"unit": e.Unit, "action": e.Progress}})
		case e.Kept != "":
			a.out.Kept = append(a.out.Kept, e.Kept)
			if v.JSON() {
				v.Emit(view.Event{Type: "kept", Host: host, Data: map[string]string{"path": e.Kept}})
			}
		case e.Progress != "":
			v.Progress(host, e.Progress)
		}
	}
}

// soFar is an error that says what was done before it: "refused" alone would
// mean that nothing was changed.
func (a *applying) soFar(err error) error {
	if a.out.Applied == 0 {
		return err
	}
	return fmt.Errorf("%d changes were applied, then: %s", a.out.Applied, err.Error())
}

// settle records in Base how what was applied reads: a wish leaves attributes
// open that the host then fills, and what is to be removed one day is compared
// with all of them. It reports whether there was anything.
func (a *applying) settle(base engine.Base, act *engine.Actual) bool {
	schemas := engine.ByKind(a.c.Schemas)
	for _, addr := range a.fresh {
		if r, s := act.Resources[addr], schemas[addr.Kind]; r != nil && !s.Node {
			base[addr] = engine.FingerprintOf(r, s)
		}
	}
	some := len(a.fresh) > 0
	a.fresh = nil
	return some
}

// advance records in Base what was applied. What was not stays begun: it may
// have been made all the same, as by a dnf that was killed when it had installed
// some of its packages. So does what Base can know in full only when it was read
// again: cut off before that, it would never be as hikae left it.
func (a *applying) advance(cs []engine.Change, res engine.ApplyResult) error {
	schemas := engine.ByKind(a.c.Schemas)
	byAddr := map[engine.Addr]engine.Change{}
	for _, ch := range cs {
		byAddr[ch.Addr] = ch
	}
	for _, n := range res.HeldBack { // was not begun
		delete(byAddr, n.Addr)
	}
	for _, addr := range res.Applied {
		switch ch := byAddr[addr]; {
		case ch.Action == engine.Delete:
			delete(a.p.base, addr)
		case ch.After != nil:
			a.p.base[addr] = engine.FingerprintOf(ch.After, schemas[addr.Kind])
			a.fresh = append(a.fresh, addr)
			if !schemas[addr.Kind].Node {
				continue
			}
		}
		delete(byAddr, addr)
	}
	a.p.begun = append(a.p.begun, begunOf(slices.Collect(maps.Values(byAddr)), a.c.Schemas)...)
	return a.c.keepBase(a.p)
}

func (c *Controller) finish(host string, a *Applied, err error) {
	text := fmt.Sprintf("%s: in step: %d changes applied in %.1f s", host, a.Applied, a.Seconds)
	switch {
	case errors.Is(err, ErrConflict):
		text = fmt.Sprintf("%s: in step but for what is to be merged by hand: %d changes applied in %.1f s", host, a.Applied, a.Seconds)
	case errors.Is(err, ErrHeldBack):
		text = fmt.Sprintf("%s: in step but for what is held back: %d changes applied, %d not, in %.1f s", host, a.Applied, a.NotApplied, a.Seconds)
	case err != nil:
		text = fmt.Sprintf("%s: %d changes applied, %d not, in %.1f s", host, a.Applied, a.NotApplied, a.Seconds)
	}
	for _, n := range a.Notes {
		text += "\n    note: " + view.Safe(n)
	}
	c.View.Emit(view.Event{Type: "result", Host: host, Text: text, Data: a})
}
