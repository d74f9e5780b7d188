package states

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// refresh makes the copy for people. It writes only what differs, so a second
// snapshot with nothing changed writes one small file.
func (s *Store) refresh(host string, files, readable map[string][]byte) error {
	if readable == nil {
		return nil
	}
	root := filepath.Join(s.dir, host)
	want := make(map[string][]byte, len(files)+len(readable))
	for n, d := range readable {
		want[n] = d
	}
	for n, d := range files {
		want[n] = d
	}
	err := filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		if strings.HasPrefix(rel, ".git") { // people keep it in git: that is theirs
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if e.IsDir() {
			return nil
		}
		data, ok := want[filepath.ToSlash(rel)]
		if !ok || !e.Type().IsRegular() { // a link, which git would bring along too
			return os.Remove(p) //nolint:gosec // in the project, which is its owner's alone to write
		}
		if info, err := e.Info(); err == nil && info.Size() == int64(len(data)) {
			if old, err := os.ReadFile(p); err == nil && bytes.Equal(old, data) { //nolint:gosec // our own copy
				delete(want, filepath.ToSlash(rel))
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("cannot refresh %s: %w", root, err)
	}
	if err := writeAllBelow(root, want); err != nil {
		return fmt.Errorf("cannot refresh %s: %w", root, err)
	}
	return nil
}

// writeBelow writes one file; see writeAllBelow.
func writeBelow(root, name string, data []byte) error {
	return writeAllBelow(root, map[string][]byte{name: data})
}

// writeAllBelow writes files below root and refuses to leave it. What stands in
// the way (a file where a directory is to be, or the reverse) is removed.
func writeAllBelow(root string, files map[string][]byte) error {
	for name := range files {
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return fmt.Errorf("cannot write %q: it leads out of %s", name, root)
		}
	}
	if len(files) == 0 {
		return nil
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return err
	}
	r, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // nothing buffered
	byDir := map[string][]string{}
	for name := range files {
		dir := filepath.Dir(filepath.FromSlash(name))
		byDir[dir] = append(byDir[dir], name)
	}
	// To make a file is the kernel's work, and it does as many at once as it has
	// processors.
	var g errgroup.Group
	g.SetLimit(writers)
	for _, dir := range slices.Sorted(maps.Keys(byDir)) {
		g.Go(func() error { return writeIn(r, dir, byDir[dir], files) })
	}
	return g.Wait()
}

// writers is how many directories are written at a time.
const writers = 4

// writeIn writes the files of one directory.
func writeIn(r *os.Root, dir string, names []string, files map[string][]byte) error {
	if err := r.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	d, err := r.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer d.Close() //nolint:errcheck // nothing buffered
	for _, name := range names {
		if err := writeOne(d, filepath.Base(filepath.FromSlash(name)), files[name]); err != nil {
			return err
		}
	}
	return nil
}

func writeOne(d *os.Root, name string, data []byte) error {
	const flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	f, err := d.OpenFile(name, flags, 0o600)
	if err != nil {
		if info, statErr := d.Lstat(name); statErr != nil || !info.IsDir() {
			return err
		}
		if err := d.RemoveAll(name); err != nil {
			return err
		}
		if f, err = d.OpenFile(name, flags, 0o600); err != nil {
			return err
		}
	}
	if _, err := f.Write(data); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}
