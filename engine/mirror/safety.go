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
	if err != nil || len(b) == 0 {
		return err
	}
	if err := json.Unmarshal(b, &m.record); err != nil {
		return fmt.Errorf("cannot read the record of the mirror %s: %w", m.o.Root, err)
	}
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
		return alarmed("%s lies on another file system on the %s than before (%s mounted at %s, now %s at %s): did a mount vanish? Nothing is changed until it is back, or hikae release allows it",
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

// spending is what was deleted and overwritten lately.
type spending struct {
	at                       []spent
	deletions, modifications int
}

type spent struct {
	when                     time.Time
	deletions, modifications int
}

// spendWindow is the time that a budget is for: fast enough to stop what
// encrypts a disk, short enough for a day's work.
const spendWindow = time.Minute

func (s *spending) add(deletions, modifications int) {
	now := time.Now()
	for len(s.at) > 0 && now.Sub(s.at[0].when) > spendWindow {
		s.deletions -= s.at[0].deletions
		s.modifications -= s.at[0].modifications
		s.at = s.at[1:]
	}
	s.at = append(s.at, spent{now, deletions, modifications})
	s.deletions += deletions
	s.modifications += modifications
}

const (
	leastDeletions     = 25
	deletionShare      = 10
	leastModifications = 300
	modificationShare  = 4
)

// within refuses to spend more than the budget. files is how many there are on
// the target. Before the first time in step nothing is ours to delete, and what
// is overwritten is told of.
func (m *Mirror) within(deletions, modifications, files int) error {
	most, mostMods := m.o.Budget.Deletions, m.o.Budget.Modifications
	if most < 0 {
		most = max(leastDeletions, files/deletionShare)
	}
	if mostMods < 0 {
		mostMods = max(leastModifications, files/modificationShare)
	}
	m.spent.add(0, 0)
	over := ""
	if n := m.spent.deletions + deletions; deletions > 0 && n > most {
		over = fmt.Sprintf("%d deletions (at most %d)", n, most)
	}
	if n := m.spent.modifications + modifications; modifications > 0 && n > mostMods && m.record.InStep {
		if over != "" {
			over += " and "
		}
		over += fmt.Sprintf("%d files overwritten (at most %d)", n, mostMods)
	}
	if over != "" && !m.takeAllowed() {
		return alarmed("over budget in %s: %s within a minute: nothing is changed until hikae release allows it", m.o.Root, over)
	}
	if over != "" {
		m.spent = spending{}
		return nil
	}
	m.spent.add(deletions, modifications)
	return nil
}
