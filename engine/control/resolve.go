package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hikae/engine"
	"hikae/engine/lang"
	"hikae/engine/merge"
	"hikae/engine/rules"
	"hikae/hosts"
	"hikae/states/blob"
)

// resolvedName is where a host's resolutions lie, for people.
func (c *Controller) resolvedName(host string) string {
	return filepath.Base(c.Resolved) + "/" + host + ".hcl"
}

// resolutions reads how a host's files were merged by hand, by their paths.
func (c *Controller) resolutions(host string) (map[string]lang.Resolution, error) {
	out := map[string]lang.Resolution{}
	src, err := c.readResolved(host + ".hcl")
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	rs, diags := lang.DecodeResolutions(src, c.resolvedName(host))
	if diags.HasErrors() {
		return nil, &DiagError{diags}
	}
	for _, r := range rs {
		out[r.Path] = r
	}
	return out, nil
}

// readResolved reads a file below the directory of resolutions.
func (c *Controller) readResolved(name string) ([]byte, error) {
	if c.Resolved == "" {
		return nil, fs.ErrNotExist
	}
	root, err := os.OpenRoot(c.Resolved)
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // nothing buffered
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	b, err := io.ReadAll(io.LimitReader(f, 2*engine.MaxShipped))
	if err == nil && len(b) == 2*engine.MaxShipped {
		err = fmt.Errorf("%s is too large", name)
	}
	return b, err
}

// sealedSuffix marks a resolved file that holds a secret: it is encrypted to
// the project's own identity. plainSuffix keeps another from being taken for it.
const (
	sealedSuffix = ".age"
	plainSuffix  = ".plain"
)

// resolvedBytes reads the bytes of a resolution that has some of its own.
func (c *Controller) resolvedBytes(r lang.Resolution) ([]byte, error) {
	b, err := c.readResolved(r.Bytes)
	if err == nil && strings.HasSuffix(r.Bytes, sealedSuffix) {
		b, err = c.Keys.unseal(b)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read how it was merged by hand: %w; to merge it again, remove its block from %s/*.hcl", err, filepath.Base(c.Resolved))
	}
	return b, nil
}

// ResolveOptions say how a file is merged: by one of Take, Bytes and Edit, or
// that it is to be asked again.
type ResolveOptions struct {
	Path   string
	Take   string // lang.TakeOurs or lang.TakeTheirs
	Bytes  []byte // the merged file; nil: none
	Forget bool
	// Edit gives a person the merge with its conflicts marked, and returns
	// what they made of it.
	Edit func(path string, marked []byte) ([]byte, error)
}

func (o ResolveOptions) decides() bool {
	return o.Take != "" || o.Bytes != nil || o.Forget || o.Edit != nil
}

// Resolved tells of a resolution that was written, or removed.
type Resolved struct {
	Path  string   `json:"path"`
	Files []string `json:"files"` // of the project, to keep in git
}

// Resolve records how a person merged a file of a host: in HOST.hcl below
// c.Resolved and, where it is neither side whole, its bytes beside that. It
// changes nothing on the host. Without a decision it shows the conflicts.
func (c *Controller) Resolve(ctx context.Context, t Target, o ResolveOptions) (*Resolved, error) {
	if o.Forget {
		return c.forget(t.Name, o.Path)
	}
	p, err := c.Plan(ctx, t, PlanOptions{})
	if err != nil {
		return nil, err
	}
	defer p.Close()
	if !o.decides() {
		return nil, c.showConflicts(p, o.Path)
	}
	i := slices.IndexFunc(p.Conflicts, func(f engine.Conflict) bool { return f.Addr.Name == o.Path })
	if i < 0 {
		return nil, fmt.Errorf("%w: %s of %s is no conflict%s; to merge it in another way than before, first run hikae resolve %s %s --forget",
			engine.ErrRefused, o.Path, t.Name, lang.Nearest(o.Path, conflictPaths(p)), t.Name, o.Path)
	}
	conflict := p.Conflicts[i]
	if o.Edit != nil {
		if o.Bytes, err = c.edit(ctx, p, conflict, o.Edit); err != nil {
			return nil, err
		}
	}
	if o.Take == "" {
		if merge.HasMarkers(o.Bytes) {
			return nil, fmt.Errorf("%w: there are still conflict markers in it, so %s was not resolved", engine.ErrRefused, o.Path)
		}
		if len(o.Bytes) > engine.MaxShipped {
			return nil, fmt.Errorf("%w: it has over %d MiB", engine.ErrRefused, engine.MaxShipped>>20)
		}
	}
	if err := c.keepSides(ctx, p, conflict.Sides); err != nil {
		return nil, err
	}
	mode := p.Desired.Resources[conflict.Addr].Node.Mode
	return c.record(t.Name, conflict, o, conflict.Secret || rules.Secret(o.Path, mode, o.Bytes))
}

// keepSides stores what is not yet there of the three sides, as what an overlay
// made of a file: later changes are merged by them.
func (c *Controller) keepSides(ctx context.Context, p *Planned, s engine.Sides) error {
	for _, ct := range []hosts.Content{s.Base, s.Ours, s.Theirs} {
		missing, err := c.Store.Blobs.Missing(ctx, []string{blobName(ct)})
		if err != nil {
			return err
		}
		in, inline := p.Desired.Inline[ct.ID]
		if len(missing) == 0 || !inline || in.From != "" {
			continue
		}
		b := in.Data
		if ct.Sealed {
			if b, err = c.Keys.seal(b); err != nil {
				return err
			}
		}
		if err := c.Store.Blobs.Put(ctx, blobName(ct), bytes.NewReader(b)); err != nil {
			return err
		}
	}
	return nil
}

func conflictPaths(p *Planned) []string {
	var paths []string
	for _, f := range p.Conflicts {
		paths = append(paths, f.Addr.Name)
	}
	return paths
}

// showConflicts shows those of a plan, or that of one file.
func (c *Controller) showConflicts(p *Planned, path string) error {
	plan := *p.Plan
	if path != "" {
		plan.Conflicts = slices.DeleteFunc(slices.Clone(plan.Conflicts), func(f engine.Conflict) bool { return f.Addr.Name != path })
	}
	c.View.Conflicts(&plan)
	return p.ConflictError()
}

// edit has a person merge a text.
func (c *Controller) edit(ctx context.Context, p *Planned, f engine.Conflict, edit func(string, []byte) ([]byte, error)) ([]byte, error) {
	switch {
	case f.Secret:
		return nil, fmt.Errorf("%w: %s holds a secret, which is not laid open for an editor: use --ours, --theirs or --file", engine.ErrRefused, f.Addr.Name)
	case len(f.Hunks) == 0 || f.Hunks[0].Binary:
		return nil, fmt.Errorf("%w: %s cannot be merged by lines: use --ours, --theirs or --file", engine.ErrRefused, f.Addr.Name)
	}
	m := &merger{c: c, ctx: ctx, t: p.Target, open: c.opener(ctx, p.Desired.Inline)}
	texts, why := m.sides(f.Sides)
	if why != "" {
		return nil, errors.New(why)
	}
	marked := merge.Marked(texts[0], texts[1], texts[2], [3]string{f.Source, f.Package + " on " + f.Source, f.Package + " on " + p.Target.Name})
	b, err := edit(f.Addr.Name, marked)
	if err == nil && bytes.Equal(b, marked) {
		err = fmt.Errorf("%w: nothing was edited, so %s was not resolved", engine.ErrRefused, f.Addr.Name)
	}
	return b, err
}

// record writes a resolution; the bytes of a secret are sealed.
func (c *Controller) record(host string, f engine.Conflict, o ResolveOptions, secret bool) (*Resolved, error) {
	r := lang.Resolution{Path: f.Addr.Name, Take: o.Take, Sides: f.Sides}
	out := &Resolved{Path: r.Path}
	if o.Take == "" {
		b := o.Bytes
		r.Bytes = host + lang.Escape(r.Path)
		switch {
		case secret:
			r.Bytes += sealedSuffix
			var err error
			if b, err = c.Keys.seal(b); err != nil {
				return nil, err
			}
		case strings.HasSuffix(r.Bytes, sealedSuffix):
			r.Bytes += plainSuffix
		}
		if err := c.writeResolved(r.Bytes, b); err != nil {
			return nil, err
		}
		out.Files = append(out.Files, filepath.Base(c.Resolved)+"/"+r.Bytes)
	}
	rs, err := c.resolutions(host)
	if err != nil {
		return nil, err
	}
	old := rs[r.Path].Bytes
	rs[r.Path] = r
	if err := c.writeResolutions(host, rs); err != nil {
		return nil, err
	}
	if old != "" && old != r.Bytes {
		_ = os.Remove(filepath.Join(c.Resolved, old)) // nothing names it any more
	}
	out.Files = append(out.Files, c.resolvedName(host))
	return out, nil
}

// forget removes a resolution.
func (c *Controller) forget(host, path string) (*Resolved, error) {
	rs, err := c.resolutions(host)
	if err != nil {
		return nil, err
	}
	r, ok := rs[path]
	if !ok {
		var known []string
		for p := range rs {
			known = append(known, p)
		}
		return nil, fmt.Errorf("%w: %s has nothing on %s%s", engine.ErrRefused, c.resolvedName(host), path, lang.Nearest(path, known))
	}
	delete(rs, path)
	if err := c.writeResolutions(host, rs); err != nil {
		return nil, err
	}
	if r.Bytes != "" {
		_ = os.Remove(filepath.Join(c.Resolved, filepath.FromSlash(r.Bytes)))
	}
	return &Resolved{Path: path, Files: []string{c.resolvedName(host)}}, nil
}

func (c *Controller) writeResolutions(host string, rs map[string]lang.Resolution) error {
	list := make([]lang.Resolution, 0, len(rs))
	for _, r := range rs {
		list = append(list, r)
	}
	return c.writeResolved(host+".hcl", lang.EncodeResolutions(list))
}

// writeResolved writes a file below the directory of resolutions.
func (c *Controller) writeResolved(name string, b []byte) error {
	file := filepath.Join(c.Resolved, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("cannot keep how it was merged: %w", err)
	}
	return blob.WriteFile(file, 0o600, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}
