package derived

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"hikae/engine"
	"hikae/hosts"
)

var _ engine.Undoer = Module{}

// made lists what the tools make that logins hang on: directories whose files
// they write, and paths of which they make links.
func made() (dirs, paths []string) {
	dirs = []string{path.Clean(authselectDir), backEnds, path.Dir(cryptoState)}
	paths = []string{"/etc/nsswitch.conf"}
	for _, name := range pamStacks {
		paths = append(paths, "/etc/pam.d/"+name)
	}
	return dirs, paths
}

// was is what stood at a path.
type was struct {
	path string
	node hosts.Node
	text []byte
}

// Undoable implements engine.Undoer: what PAM, the name services and sshd read
// is remembered, as authselect and update-crypto-policies may make it anew.
func (Module) Undoable(_ context.Context, h hosts.Host) (func(context.Context) error, error) {
	dirs, paths := made()
	for _, dir := range dirs {
		below, err := files(h, dir)
		if err != nil {
			return nil, err
		}
		paths = append(paths, below...)
	}
	var before []was
	for _, p := range paths {
		w, err := remember(h, p)
		if err != nil {
			return nil, fmt.Errorf("cannot remember %s: %w", p, err)
		}
		before = append(before, w)
	}
	return func(ctx context.Context) error { return restore(ctx, h, dirs, before) }, nil
}

// files lists the paths in a directory, none where there is no such.
func files(r hosts.Reader, dir string) ([]string, error) {
	names, err := r.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for i, name := range names {
		names[i] = path.Join(dir, name)
	}
	return names, nil
}

func remember(r hosts.Reader, p string) (was, error) {
	w := was{path: p}
	n, err := r.Stat(p)
	if errors.Is(err, fs.ErrNotExist) {
		return w, nil
	}
	w.node = n
	if err == nil && n.Type == hosts.File {
		w.text, err = readFile(r, p)
		w.node.Content = hosts.Content{Size: int64(len(w.text))}
	}
	return w, err
}

func restore(ctx context.Context, h hosts.Host, dirs []string, before []was) error {
	var errs []error
	known := map[string]bool{}
	for _, w := range before {
		known[w.path] = true
		switch w.node.Type {
		case hosts.Absent:
			errs = append(errs, h.Remove(ctx, w.path))
		case hosts.File, hosts.Link:
			errs = append(errs, h.Put(ctx, w.path, w.node, bytes.NewReader(w.text)))
		}
	}
	for _, dir := range dirs {
		now, err := files(h, dir)
		errs = append(errs, err)
		for _, p := range now {
			if !known[p] {
				errs = append(errs, h.Remove(ctx, p))
			}
		}
	}
	return errors.Join(errs...)
}
