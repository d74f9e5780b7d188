package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"hikae/hosts"
)

// alarm is what a mirror stands for until a person looks.
type alarm struct{ text string }

func (a *alarm) Error() string { return a.text }

func alarmed(format string, args ...any) error { return &alarm{fmt.Sprintf(format, args...)} }

// record is what a mirror remembers of its tree in the store.
type record struct {
	InStep bool      `json:"in_step"` // the two were equal once: what was there before is known
	Source place     `json:"source"`
	Target place     `json:"target"`
	Noted  string    `json:"noted,omitempty"` // the digest that the target's own record is of
	Since  time.Time `json:"since,omitzero"`
}

// place is on what a side's tree lies.
type place struct {
	Mount      string `json:"mount"`
	FileSystem string `json:"file_system"`
}

func (m *Mirror) loadRecord() error {
	if m.o.Load == nil {
		return nil
	}
	b, err := m.o.Load()
	var r record
	if err == nil && len(b) > 0 {
		err = json.Unmarshal(b, &r)
	}
	if err != nil {
		return fmt.Errorf("cannot read the record of the mirror %s: %w", m.o.Root, err)
	}
	m.record = r
	return nil
}

func (m *Mirror) saveRecord(r record) error {
	if r == m.record {
		return nil
	}
	if m.o.Save != nil {
		b, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if err := m.o.Save(b); err != nil {
			return fmt.Errorf("cannot keep the record of the mirror %s: %w", m.o.Root, err)
		}
	}
	m.record = r
	return nil
}

// safe refuses what must not be compared: a source that is not there, or not
// the one that it was, and a target that would be filled in its stead.
func (p *pair) safe(ctx context.Context) error {
	m := p.m
	src, dst := p.src.Opened, p.dst.Opened
	root := m.o.Root
	if src.Missing {
		return alarmed("%s is not there on the source: nothing is changed on the target", root)
	}
	if src.Mount == root && dst.Mount != root {
		return alarmed("%s is a mount point on the source and not on the target, whose %s would be filled: mount something there, or mirror what is in it", root, dst.Mount)
	}
	r := m.record
	now := record{InStep: r.InStep, Noted: r.Noted, Since: r.Since, Source: place{src.Mount, src.FileSystem}, Target: place{dst.Mount, dst.FileSystem}}
	for _, side := range []struct {
		what     string
		was, now place
	}{{"source", r.Source, now.Source}, {"target", r.Target, now.Target}} {
		if side.was == (place{}) || side.was == side.now || m.takeAllowed() {
			continue
		}
		return alarmed("%s lies on another file system on the %s than before (%s mounted at %s, now %s at %s): did a mount vanish? Nothing is changed until it is back, or hikae release --over-budget allows it",
			root, side.what, side.was.FileSystem, side.was.Mount, side.now.FileSystem, side.now.Mount)
	}
	if dst.Missing {
		if err := p.makeRoot(ctx); err != nil {
			return err
		}
	}
	return m.saveRecord(now)
}

// makeRoot makes the target's tree.
func (p *pair) makeRoot(ctx context.Context) error {
	s, err := p.src.Stat(ctx, []string{"."}, false)
	if err != nil {
		return err
	}
	if s[0].Entry == nil {
		return errors.Join(fs.ErrNotExist, s[0].Err)
	}
	p.root = s[0].Entry
	return p.change(ctx, []hosts.TreeOp{{Verb: hosts.TreeMake, Path: ".", Entry: *p.root}})
}

// gone turns the loss of a tree into an alarm.
func (m *Mirror) gone(err error) error {
	if errors.Is(err, hosts.ErrTreeGone) || errors.Is(err, hosts.ErrNotMounted) {
		return alarmed("%v: nothing is changed on the target", err)
	}
	return err
}
