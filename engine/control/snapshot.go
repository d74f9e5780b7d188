package control

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"hikae/engine"
	"hikae/engine/lang"
	"hikae/engine/merge"
	"hikae/engine/view"
	"hikae/hosts"
	"hikae/states"
)

// Taken tells of a snapshot.
type Taken struct {
	Generation string         `json:"generation"`
	Changed    bool           `json:"changed"` // since the one before
	Counts     map[string]int `json:"counts"`  // resources by kind, pristine files left out
	Pristine   int            `json:"pristine"`
	Secrets    int            `json:"secrets"`
	Notes      []string       `json:"notes,omitempty"`
	Dir        string         `json:"dir"`

	lost []engine.Addr // what changed while it was read

	// NoCopy: the copy for people is older than the generation.
	NoCopy bool `json:"-"`
}

// Snapshot reads a host and stores what it is. It changes nothing there; what
// packages installed where a file was edited since may take a download, once. Of a
// mount that was there before and is not, what it held counts as not seen, unless
// forgetMounts says that it is meant to be gone.
func (c *Controller) Snapshot(ctx context.Context, t Target, forgetMounts bool) (*Taken, error) {
	unlock, err := c.Store.Lock(c.Holder)
	if err != nil {
		return nil, err
	}
	defer unlock()
	s, err := c.openToKeep(ctx, t)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if !forgetMounts {
		known, err := c.knownMounts(t.Name)
		if err != nil {
			return nil, err
		}
		s.actual.Miss(known, nil)
	}
	notes, err := c.keepBeside(ctx, s, t)
	if err != nil {
		return nil, err
	}
	taken, err := c.keep(ctx, s, t, "", true)
	if err != nil {
		return nil, err
	}
	taken.Notes = append(taken.Notes, notes...)
	if err := c.wish(t.Name, taken.Generation); err != nil {
		return nil, err
	}
	c.View.Emit(view.Event{Type: "snapshot", Host: t.Name, Text: c.snapshotText(t.Name, taken), Data: taken})
	return taken, nil
}

// keepBeside keeps what a rebuild or a follower may want and a snapshot does not
// hold: what packages installed, and the packages that nobody else has.
func (c *Controller) keepBeside(ctx context.Context, s *session, t Target) (notes []string, err error) {
	if notes, err = c.keepPristine(ctx, s, t); err != nil {
		return nil, err
	}
	if err := c.keepLocal(ctx, s, t); err != nil {
		notes = append(notes, err.Error())
	}
	return notes, nil
}

// wish makes a generation one that a host may be planned by, though it was
// taken as an undo point before: somebody asked for a snapshot, and nothing had
// changed since.
func (c *Controller) wish(host, generation string) error {
	points, err := c.Store.Get(states.Undo, host)
	if err != nil {
		return err
	}
	undo := strings.Fields(string(points))
	rest := slices.DeleteFunc(slices.Clone(undo), func(g string) bool { return g == generation })
	if len(rest) == len(undo) {
		return nil
	}
	var text strings.Builder
	for _, g := range rest {
		text.WriteString(g + "\n")
	}
	return c.Store.Set(states.Undo, host, []byte(text.String()))
}

func (c *Controller) snapshotText(host string, t *Taken) string {
	var b strings.Builder
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(t.Counts)) {
		parts = append(parts, fmt.Sprintf("%d %ss", t.Counts[k], strings.ReplaceAll(k, "_", " ")))
	}
	what := "snapshot " + t.Generation
	if !t.Changed {
		what = "unchanged since " + t.Generation
	}
	fmt.Fprintf(&b, "%s: %s: %s (%d secrets sealed), %d pristine files\n", host, what, strings.Join(parts, ", "), t.Secrets, t.Pristine)
	for _, n := range t.Notes {
		fmt.Fprintf(&b, "    note: %s\n", view.Safe(n))
	}
	fmt.Fprintf(&b, "    to read it: %s\n", t.Dir)
	return b.String()
}

// keep stores what a session has read: contents first, so that a snapshot
// never names what the store has not. It amends the generation open, where that
// is the newest; "" for none. The copy for people is made anew where people says so.
func (c *Controller) keep(ctx context.Context, s *session, t Target, open string, people bool) (*Taken, error) {
	// What was read is others' too: a Live goes on with it beside this.
	snap := &engine.Snapshot{Host: t.Name, Taken: now(), Facts: s.actual.Facts, Coverage: maps.Clone(s.actual.Coverage)}
	schemas := engine.ByKind(c.Schemas)
	taken := &Taken{Counts: map[string]int{}}
	var contents []hosts.Content
	for _, a := range slices.SortedFunc(maps.Keys(s.actual.Resources), engine.Addr.Compare) {
		r := s.actual.Resources[a]
		snap.Resources = append(snap.Resources, *r)
		contents = append(contents, r.Contents(schemas[a.Kind])...)
	}
	failed, err := c.keepContents(ctx, s.conn, t.Name, contents)
	if err != nil {
		return nil, err
	}
	snap.Resources = slices.DeleteFunc(snap.Resources, func(r engine.Resource) bool {
		for _, ct := range r.Contents(schemas[r.Addr.Kind]) {
			why, gone := failed[ct.ID]
			if !gone {
				continue
			}
			// It changed under the reader: not seen, so nothing is concluded.
			cov := snap.Coverage[r.Addr.Kind]
			cov.Holes = append(slices.Clip(cov.Holes), engine.Hole{Path: r.Addr.Name, Err: why.Error()})
			snap.Coverage[r.Addr.Kind] = cov
			taken.lost = append(taken.lost, r.Addr)
			taken.Notes = append(taken.Notes, fmt.Sprintf("%s changed while it was read", r.Addr))
			return true
		}
		return false
	})
	for i := range snap.Resources {
		r := &snap.Resources[i]
		for _, ct := range r.Contents(schemas[r.Addr.Kind]) {
			if ct.Sealed {
				taken.Secrets++
			}
		}
		if r.IsPristine() {
			taken.Pristine++
			continue
		}
		taken.Counts[r.Addr.Kind]++
	}
	for _, k := range slices.Sorted(maps.Keys(snap.Coverage)) {
		taken.Notes = append(taken.Notes, snap.Coverage[k].Notes...)
		for _, h := range snap.Coverage[k].Holes {
			taken.Notes = append(taken.Notes, fmt.Sprintf("not read: %s: %s", h.Path, h.Err))
		}
	}
	files, err := lang.EncodeSnapshot(snap, c.Schemas)
	if err != nil {
		return nil, err
	}
	var readable map[string][]byte
	if people {
		var notes []string
		if readable, notes, err = c.readable(ctx, snap); err != nil {
			return nil, err
		}
		taken.Notes = append(taken.Notes, notes...)
	}
	if err := c.stored(ctx, contents, failed); err != nil {
		return nil, err
	}
	taken.Generation, taken.Changed, err = c.Store.WriteSnapshot(t.Name, snap.Taken, open, files, readable)
	c.sees(t.Name)
	taken.Dir = c.Store.Dir() + "/" + t.Name
	return taken, err
}

// readableMax is the size in bytes up to which a file's bytes are also laid
// beside the snapshot for people. The store has all.
const readableMax = 1 << 20

// readable gives the copies for people: files/PATH, patches/PATH.patch against
// what the package shipped, and views/DAEMON.hcl, what lenses make of the files.
// No secret is among them, and none of it is read again.
func (c *Controller) readable(ctx context.Context, snap *engine.Snapshot) (out map[string][]byte, notes []string, err error) {
	var views map[string][]byte
	var seen sync.WaitGroup
	seen.Go(func() { views, notes = c.views(ctx, snap) })
	out, err = c.texts(ctx, snap)
	seen.Wait()
	if err != nil {
		return nil, nil, err
	}
	maps.Copy(out, views)
	return out, notes, nil
}

// texts are the files, and the patches.
func (c *Controller) texts(ctx context.Context, snap *engine.Snapshot) (map[string][]byte, error) {
	out := map[string][]byte{}
	for i := range snap.Resources {
		r := &snap.Resources[i]
		n := r.Node
		if r.Addr.Kind != "file" || n == nil || n.Type != hosts.File || r.IsPristine() ||
			n.Content.Sealed || n.Content.Size > readableMax {
			continue
		}
		text, err := c.blob(ctx, n.Content)
		if err != nil {
			return nil, err
		}
		name := strings.TrimPrefix(lang.Escape(r.Addr.Name), "/")
		if !storable(name + ".patch") {
			continue // escaped it is too long for a file system; the store has it by its hash
		}
		out["files/"+name] = text
		if r.Pristine == nil || r.Pristine.Type != hosts.File || r.Pristine.Content == n.Content {
			continue
		}
		old, err := c.blob(ctx, r.Pristine.Content)
		if err != nil {
			continue // the package's bytes are not known (yet)
		}
		if d := Unified("package"+r.Addr.Name, r.Addr.Name, old, text); d != "" {
			out["patches/"+name+".patch"] = []byte(d)
		}
	}
	return out, nil
}

// storable reports whether each part of a path is as long as a name may be
// (NAME_MAX), and all of it leaves room for where it is put (PATH_MAX).
func storable(p string) bool {
	const longestName, longestPath = 255, 3000
	return len(p) <= longestPath && !slices.ContainsFunc(strings.Split(p, "/"), func(n string) bool { return len(n) > longestName })
}

// blob reads a plain content of the store into memory.
func (c *Controller) blob(ctx context.Context, ct hosts.Content) ([]byte, error) {
	r, err := c.plain(ctx, ct)
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // opened for reading
	return io.ReadAll(r)
}

// Unified is the unified diff of two texts, or "" where one is no text.
func Unified(from, to string, a, b []byte) string {
	if !isText(a) || !isText(b) {
		return ""
	}
	return merge.Unified(from, to, a, b)
}

func isText(b []byte) bool { return utf8.Valid(b) && !bytes.ContainsRune(b, 0) }
