package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"hikae/engine"
	"hikae/engine/rules"
	"hikae/hosts"
)

// Look implements engine.Transaction.
func (t *transaction) Look(ctx context.Context) (engine.Made, error) {
	var olds, news int
	var errs []error
	for _, s := range t.steps {
		old, made, err := t.look(ctx, s)
		switch {
		case err != nil:
			errs = append(errs, err)
		case old && made: // they do not differ by what can be told
		case old:
			olds++
		case made:
			news++
		default: // half of it: only directories can be
			olds++
			news++
		}
	}
	switch {
	case len(errs) > 0:
		return engine.MadePart, errors.Join(errs...)
	case olds == 0:
		return engine.MadeAll, nil
	case news == 0:
		return engine.MadeNone, nil
	}
	return engine.MadePart, nil
}

// look tells whether the old or the new stands at a path: both where they do
// not differ by what can be told here (a label, a secret that was not kept),
// neither where a directory is half-way. What is none of these is an error.
func (t *transaction) look(ctx context.Context, s *step) (old, made bool, err error) {
	now, err := current(ctx, t.h, s.Path)
	if err != nil {
		return false, false, err
	}
	old, made = matches(now, &s.Old), matches(now, &s.New)
	if s.Kept != "" && now.Type == hosts.File && s.Old.Content.Sealed {
		// A secret's name is keyed, so its bytes are compared.
		kept, err := t.h.Digest(ctx, s.Kept)
		if err != nil {
			return false, false, fmt.Errorf("cannot read what was kept of %s: %w", s.Path, err)
		}
		same := kept.ID == now.Content.ID
		old = old && same
		made = made && (!same || s.Old.Content == s.New.Content)
	}
	isDir, wasDir, becomesDir := now.Type == hosts.Dir, s.Old.Type == hosts.Dir, s.New.Type == hosts.Dir
	switch {
	case old, made:
	case isDir && wasDir && becomesDir: // its metadata are set one by one
	case isDir && wasDir && s.New.Type == hosts.Absent:
		old = true
	case now.Type == hosts.Absent && wasDir != becomesDir && s.Old.Type != hosts.Absent:
	default:
		return false, false, &engine.ConflictError{Path: s.Path, Kept: s.Kept}
	}
	if isDir && s.New.Type == hosts.Absent {
		// One that somebody uses by now stays: that is how its removal ends.
		if names, err := t.h.ReadDir(s.Path); err == nil && len(names) > 0 && !t.removes(s.Path, names) {
			old, made = false, true
		}
	}
	return old, made, nil
}

// removes reports whether one of the names in a directory is to go with it.
func (t *transaction) removes(dir string, names []string) bool {
	for _, s := range t.steps {
		if s.New.Type != hosts.Absent || path.Dir(s.Path) != dir {
			continue
		}
		for _, n := range names {
			if n == path.Base(s.Path) {
				return true
			}
		}
	}
	return false
}

// wanted is the node that is to stand there after the change.
func wanted(c engine.Change) *hosts.Node {
	if c.Action == engine.Delete || c.After == nil || c.After.Node == nil {
		return &hosts.Node{Type: hosts.Absent}
	}
	return c.After.Node
}

// current is what stands at a path now, without its label; Absent for nothing,
// and where only a link leads there.
func current(ctx context.Context, h hosts.Reader, p string) (*hosts.Node, error) {
	if _, linked := behindLink(h, p); linked {
		return &hosts.Node{Type: hosts.Absent}, nil
	}
	n, err := h.Stat(p)
	if isAbsent(err) {
		return &hosts.Node{Type: hosts.Absent}, nil
	}
	if err != nil {
		return nil, err
	}
	if n.Type == hosts.File {
		size := n.Content.Size
		if n.Content, err = h.Digest(ctx, p); err != nil {
			return nil, err
		}
		if n.Content.Size == 0 {
			n.Content.Size = size
		}
	}
	return &n, nil
}

func isAbsent(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// matches compares what stands at a path with what was read or is wished, as
// far as can be told here: not the label, and of a secret only its size.
func matches(now, want *hosts.Node) bool {
	a, b := *now, *want
	a.Label, b.Label = "", ""
	if b.Content.Sealed {
		a.Content, b.Content = hosts.Content{Size: a.Content.Size}, hosts.Content{Size: b.Content.Size}
	}
	return a.Equal(&b)
}

// stands reports whether want stands at a path where now was found: as matches,
// and of a secret its bytes too, where the session can tell.
func (t *transaction) stands(p string, now, want *hosts.Node) (bool, error) {
	if !matches(now, want) {
		return false, nil
	}
	if c := want.Content; c.Sealed && !c.ID.IsZero() && t.job.Same != nil {
		return t.job.Same(c, func() (io.ReadCloser, error) { return t.h.Open(p) })
	}
	return true, nil
}

// checkPath refuses what must never be written, whoever asks.
func checkPath(p string) error {
	if !strings.HasPrefix(p, "/") || path.Clean(p) != p || p == "/" || strings.Contains(p, "\x00") {
		return fmt.Errorf("%w: cannot write %q: not a clean absolute path", engine.ErrRefused, p)
	}
	if ownedElsewhere(p) {
		return fmt.Errorf("%w: cannot write %s as a file: it is kept entry by entry (kinds user, group, service)", engine.ErrRefused, p)
	}
	if r, ok := rules.HostOnlyPath(p); ok {
		return fmt.Errorf("%w: cannot write %s: it is the host's own (%s)", engine.ErrRefused, p, r.Why)
	}
	return nil
}
