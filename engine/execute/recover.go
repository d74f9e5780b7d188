package execute

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"hikae/engine"
	"hikae/hosts"
)

// Unfinished says for a person what an apply left that was cut off, or that is
// under way; "" for nothing.
func (x *Executor) Unfinished() string {
	text, err := readJournal(x.Host)
	switch {
	case err != nil:
		return err.Error()
	case text == nil:
		return ""
	}
	return text.cut() + ", is under way or was cut off; the next apply brings it to its end"
}

// recover brings to its end what an apply left that was cut off, by a kill or
// by a power cut. It comes before anything else is done and, asked for by a
// controller with no changes, before the host is read: the plan is made on what
// it leaves.
//
// What the journal says was meant; the disk says how far it came. A group whose
// files are all new is finished: its daemons are made to run on them, or it is
// put back. One of which a part is new is put back, so that never a half stays.
// What was of no group stands alone, and the next plan sees whether it is there.
func (e *execution) recover(ctx context.Context) error {
	e.sweep(ctx, engine.StateDir, engine.Kept, path.Join(engine.StateDir, "dnf"))
	text, err := readJournal(e.x.Host)
	if err != nil {
		return fmt.Errorf("%w: %w", engine.ErrRefused, err)
	}
	if text == nil {
		return nil
	}
	e.more = true
	e.emit(engine.ApplyEvent{Progress: "bringing to its end what was cut off: " + text.cut()})
	e.record.journalText = *text
	dirs := e.below(ctx, text.Kept)
	for _, dir := range text.Dirs {
		dirs = append(dirs, existing(e.x.Host, dir))
	}
	e.sweep(ctx, dirs...)
	if err := e.recoverGroup(ctx); err != nil {
		return fmt.Errorf("%w: %s, was cut off and cannot be brought to its end: %w (put that right, or, to leave all as it is now, remove %s; then apply again)",
			engine.ErrRefused, text.cut(), err, journalPath)
	}
	for _, m := range e.x.Modules {
		r, ok := m.(engine.Recoverer)
		if !ok {
			continue
		}
		notes, err := r.Recover(ctx, e.x.Host, func(s string) { e.emit(engine.ApplyEvent{Progress: s}) })
		e.notes = append(e.notes, notes...)
		if err != nil {
			return fmt.Errorf("%s, was cut off: %w", text.cut(), err)
		}
	}
	return e.record.close(ctx)
}

// recoverGroup finishes the journal's group or puts it back.
func (e *execution) recoverGroup(ctx context.Context) error {
	rec := e.record.Group
	if rec == nil {
		return nil
	}
	files, ok := e.module("file").(engine.Transactor)
	if !ok {
		return errors.New("there is no module of files")
	}
	g, before, err := e.resume(rec)
	if err != nil {
		return err
	}
	tx, err := files.Resume(e.x.Host, rec.Steps)
	if err != nil {
		return err
	}
	made, err := tx.Look(ctx)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%s, was cut off while it changed %s", e.record.cut(), g)
	switch {
	case made == engine.MadeNone && !rec.Undo && !g.unitGoes():
		return e.record.end(ctx)
	case made == engine.MadeAll && !rec.Undo && g.login() == "": // nobody proves now that people still get in
		if err = e.activate(ctx, g, before, false); err == nil {
			e.notes = append(e.notes, what+": finished")
			return e.record.end(ctx)
		}
	default:
		err = errors.New("a part was made")
	}
	err = e.rollback(ctx, g, tx, before, err)
	e.rolledBack, e.stuck = false, false // it is that apply that was, not this one
	if errors.Is(err, engine.ErrNotPutBack) {
		return err
	}
	e.notes = append(e.notes, fmt.Sprintf("%s: put back: %s", what, err))
	return nil
}

// resume makes a group of what the journal says of it.
func (e *execution) resume(rec *journalGroup) (*group, map[string]unitState, error) {
	g := &group{}
	for _, s := range rec.Steps {
		a := engine.Addr{Kind: "file", Name: s.Path}
		g.files = append(g.files, engine.Change{
			Addr: a, Action: engine.Update,
			Before: &engine.Resource{Addr: a, Node: s.Old.Clone()}, After: &engine.Resource{Addr: a, Node: s.New.Clone()},
		})
	}
	schema := e.schema("service")
	for _, js := range rec.Services {
		c := engine.Change{Addr: engine.Addr{Kind: "service", Name: js.Name}, Action: js.Action}
		for _, side := range []struct {
			text []byte
			to   **engine.Resource
		}{{js.Before, &c.Before}, {js.After, &c.After}} {
			if side.text == nil {
				continue
			}
			v, err := ctyjson.Unmarshal(side.text, schema.ObjectType())
			if err != nil {
				return nil, nil, fmt.Errorf("cannot read the journal: %s: %w", c.Addr, err)
			}
			*side.to = &engine.Resource{Addr: c.Addr, Value: v}
		}
		g.services = append(g.services, c)
	}
	for _, u := range e.x.Units {
		if slices.Contains(rec.Units, u.Name) {
			g.units = append(g.units, u)
		}
	}
	g.nameUnitFiles()
	before := map[string]unitState{}
	for _, name := range rec.Active {
		before[name] = unitState{UnitState: hosts.UnitState{Active: "active"}}
	}
	return g, before, nil
}

func (e *execution) schema(kind string) engine.Schema {
	if m := e.module(kind); m != nil {
		return m.Schema()
	}
	return engine.Schema{Attrs: []engine.Attr{{Name: "none", Type: cty.Bool}}}
}

// sweep removes what writers that were killed left. What cannot be removed is
// in nobody's way.
func (e *execution) sweep(ctx context.Context, dirs ...string) {
	cleaner, ok := e.x.Host.(hosts.TempCleaner)
	if !ok || len(dirs) == 0 {
		return
	}
	slices.Sort(dirs)
	if _, err := cleaner.CleanTemps(ctx, slices.Compact(dirs)); err != nil {
		e.notes = append(e.notes, err.Error())
	}
}

// below lists the directories of what an apply kept.
func (e *execution) below(ctx context.Context, kept string) []string {
	var dirs []string
	_ = e.x.Host.Walk(ctx, kept, func(p string, n hosts.Node) error { // it may not be there
		if n.Type == hosts.Dir {
			dirs = append(dirs, p)
		}
		return nil
	}, func(string, error) {})
	return dirs
}
