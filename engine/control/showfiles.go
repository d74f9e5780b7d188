package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"hikae/engine"
	"hikae/engine/agent"
	"hikae/engine/lens"
	"hikae/engine/lint"
	"hikae/engine/rules"
	"hikae/hosts"
)

// Sizes in bytes.
const (
	diffMax   = 256 << 10 // up to which a file's change is shown as text
	lensMax   = 8 << 20   // and up to which lenses show the change of a file that is theirs
	oldInHand = 64 << 20  // of a host's old contents, what is held for the lenses
)

// shownFiles is what a plan shows of its changes of plain files.
type shownFiles struct {
	diffs  map[string]string          // unified, by path
	lenses map[string][]engine.Change // what lenses make of both sides
	// foreign are the files that mention what is the source's own.
	foreign []engine.Note
}

// showFiles makes that. The old bytes are fetched from the host, all at once; the
// rest goes on beside what is done next, and the function waits for it.
func (c *Controller) showFiles(ctx context.Context, p *Planned) (func() shownFiles, error) {
	f := &filesShowing{read: c.reader(ctx, p.Desired.Inline), changes: map[hosts.ID][]engine.Change{}}
	f.diffs = map[string]string{}
	var want []hosts.Content
	for _, ch := range p.Changes {
		if showable(ch) {
			id := ch.Before.Node.Content.ID
			want = append(want, ch.Before.Node.Content)
			f.changes[id] = append(f.changes[id], ch)
		}
	}
	own, err := c.ownConfig(ctx, p)
	if err != nil {
		return nil, err
	}
	old, held := map[hosts.ID][]byte{}, 0
	err = c.fetchOld(ctx, p.session, append(want, own...), func(ct hosts.Content, before []byte) error {
		if held += len(before); held <= oldInHand {
			old[ct.ID] = before
			f.making.Go(func() { f.diff(ct.ID, before) })
		} else {
			f.diff(ct.ID, before)
		}
		return nil
	})
	foreign, ferr := c.foreign(p, f.read)
	if err = errors.Join(err, ferr); err != nil {
		return nil, err
	}
	f.making.Go(func() { f.foreign = foreign() })
	actual, changes := p.session.actual, p.Changes
	f.making.Go(func() {
		f.lenses = c.lensChanges(actual, changes, func(ct hosts.Content) ([]byte, error) {
			if b, ok := old[ct.ID]; ok {
				return b, nil
			}
			return f.read(ct)
		})
	})
	return func() shownFiles {
		f.making.Wait()
		return f.shownFiles
	}, nil
}

// filesShowing is a showFiles under way.
type filesShowing struct {
	read    func(hosts.Content) ([]byte, error)
	changes map[hosts.ID][]engine.Change // by what stands there

	making sync.WaitGroup
	mu     sync.Mutex // of the diffs
	shownFiles
}

// diff makes the diffs of the changes of a content.
func (f *filesShowing) diff(id hosts.ID, before []byte) {
	for _, ch := range f.changes[id] {
		after, err := f.read(ch.After.Node.Content)
		if err != nil {
			continue // said when it is applied
		}
		text := Unified(ch.Addr.Name, ch.Addr.Name, before, after)
		f.mu.Lock()
		f.diffs[ch.Addr.Name] = text
		f.mu.Unlock()
	}
}

// reader reads contents of the overlays and the store, in the clear.
func (c *Controller) reader(ctx context.Context, inline map[hosts.ID]engine.Inline) func(hosts.Content) ([]byte, error) {
	open := c.opener(ctx, inline)
	return func(ct hosts.Content) ([]byte, error) {
		if ct.Size == 0 {
			return nil, nil
		}
		r, err := open(ct)
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(r)
		return b, errors.Join(err, r.Close())
	}
}

// lensChanges is what lenses make of changes of files.
func (c *Controller) lensChanges(act *engine.Actual, changes []engine.Change, read func(hosts.Content) ([]byte, error)) map[string][]engine.Change {
	if !slices.ContainsFunc(changes, func(ch engine.Change) bool { return ch.Addr.Kind == "file" }) {
		return nil
	}
	before, after, changed := engine.ChangedTrees(act, changes, read)
	return engine.LensChanges(c.Lenses, before, after, changed)
}

// foreign gives what tells of the changed files that mention, when they are as planned, what
// is the source's own: its addresses, name and interfaces.
func (c *Controller) foreign(p *Planned, read func(hosts.Content) ([]byte, error)) (func() []engine.Note, error) {
	none := func() []engine.Note { return nil }
	source := p.Desired.Source()
	if source == nil || source.Host == p.Target.Name {
		return none, nil
	}
	own := lint.OwnOf(source.Facts).Without(lint.OwnOf(p.session.actual.Facts))
	keep, err := rules.KeepWith(p.Target.Keep)
	if err != nil || own.Empty() {
		return none, err
	}
	keys, err := engine.NewKeyFinder(keep, c.Lenses)
	if err != nil {
		return none, err
	}
	changes := p.Changes
	return func() []engine.Note { return mentions(changes, own, keys, read) }, nil
}

// mentions lists the plain files that mention what is a host's own.
func mentions(changes []engine.Change, own lint.Own, keys *engine.KeyFinder, read func(hosts.Content) ([]byte, error)) []engine.Note {
	var notes []engine.Note
	for _, ch := range changes {
		if ch.Addr.Kind != "file" || ch.After == nil || ch.After.Node.Type != hosts.File || ch.After.Node.Content.Sealed ||
			ch.After.Node.Content.Size > diffMax || ch.After.IsPristine() {
			continue
		}
		text, err := read(ch.After.Node.Content)
		if err != nil {
			continue // said when it is applied
		}
		var values []string
		doc := lens.NewDocument(text)
		for _, m := range lint.InText(ch.Addr.Name, text, own, keys) {
			if v := fmt.Sprintf("%s in line %d", m.Value(), doc.PosOf(m.At()).Line); !slices.Contains(values, v) {
				values = append(values, v)
			}
		}
		const most = 5
		if n := len(values); n > most {
			values = append(values[:most], fmt.Sprintf("%d more", n-most))
		}
		if len(values) > 0 {
			notes = append(notes, engine.Note{Addr: ch.Addr, Why: strings.Join(values, ", ")})
		}
	}
	return notes
}

// fetchOld gives contents of a host, each once, in the clear. What changes right now is left
// out: the plan is told apart from the apply anyway.
func (c *Controller) fetchOld(ctx context.Context, s *session, want []hosts.Content, each func(hosts.Content, []byte) error) error {
	seen := map[hosts.ID]bool{}
	want = slices.DeleteFunc(want, func(ct hosts.Content) bool {
		again := seen[ct.ID] || ct.Size == 0
		seen[ct.ID] = true
		return again
	})
	if len(want) == 0 {
		return nil
	}
	err := s.conn.Fetch(ctx, want, c.Keys.Recipients(), func(ct hosts.Content, r io.Reader) error {
		b, err := io.ReadAll(r)
		if err == nil && ct.Sealed {
			b, err = c.Keys.Open(bytes.NewReader(b), ct)
		}
		if err != nil {
			return err
		}
		return each(ct, b)
	})
	var changed *agent.ContentError
	if errors.As(err, &changed) {
		return nil
	}
	return err
}

// ownConfig lists the contents that lenses want beside those that are shown as
// text, where files change: what daemons read on the host and the store has not.
func (c *Controller) ownConfig(ctx context.Context, p *Planned) ([]hosts.Content, error) {
	if !slices.ContainsFunc(p.Changes, func(ch engine.Change) bool { return ch.Addr.Kind == "file" }) {
		return nil, nil
	}
	files, err := lensFiles(c.Lenses)
	if err != nil {
		return nil, err
	}
	var names []string
	contents := map[string]hosts.Content{}
	for a, r := range p.session.actual.Resources {
		if a.Kind != "file" || r.Node == nil || r.Node.Type != hosts.File || r.Node.Content.Sealed || r.Node.Content.Size > lensMax {
			continue
		}
		if _, theirs := files.Match(a.Name); theirs {
			name := blobName(r.Node.Content)
			names, contents[name] = append(names, name), r.Node.Content
		}
	}
	slices.Sort(names)
	missing, err := c.Store.Blobs.Missing(ctx, slices.Compact(names))
	if err != nil {
		return nil, err
	}
	out := make([]hosts.Content, len(missing))
	for i, name := range missing {
		out[i] = contents[name]
	}
	return out, nil
}

// lensFiles are the places of the files that lenses begin with.
func lensFiles(lenses []engine.Lens) (*rules.Set, error) {
	var rs []rules.Rule
	for _, l := range lenses {
		for _, g := range l.Grammars() {
			for _, pattern := range g.Files {
				rs = append(rs, rules.Rule{Pattern: pattern, Why: g.Name})
			}
		}
	}
	set, err := rules.NewSet(rs...)
	if err != nil {
		return nil, fmt.Errorf("cannot tell whose files are whose: %w", err)
	}
	return set, nil
}

// showable reports whether both sides of a change are plain text of a size
// that a person reads.
func showable(ch engine.Change) bool {
	if ch.Addr.Kind != "file" || ch.Before == nil || ch.After == nil {
		return false
	}
	a, b := ch.Before.Node, ch.After.Node
	return a.Type == hosts.File && b.Type == hosts.File && !a.Content.Sealed && !b.Content.Sealed &&
		a.Content != b.Content && a.Content.Size <= diffMax && b.Content.Size <= diffMax
}
