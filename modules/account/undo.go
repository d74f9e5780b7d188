package account

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"hikae/engine"
	"hikae/hosts"
)

var (
	_ engine.Undoer = Group{}
	_ engine.Undoer = User{}
)

// Undoable implements engine.Undoer.
func (Group) Undoable(ctx context.Context, h hosts.Host) (func(context.Context) error, error) {
	return undoable(ctx, h)
}

// Undoable implements engine.Undoer.
func (User) Undoable(ctx context.Context, h hosts.Host) (func(context.Context) error, error) {
	return undoable(ctx, h)
}

// saved is an account file as it was; Absent where it was not there.
type saved struct {
	path string
	node hosts.Node
	data []byte
}

// undoable remembers the account files as they are. Undoing puts them back as
// wholes: an entry that somebody else changed since is in the copy beside the
// file (passwd-), as after every change. Homes that were made stay.
func undoable(ctx context.Context, h hosts.Host) (func(context.Context) error, error) {
	paths := []string{groupPath, gshadowPath, subuidPath, subgidPath, shadowPath, passwdPath}
	labels, err := h.Labels(ctx, paths)
	if err != nil {
		return nil, fmt.Errorf("cannot read SELinux labels: %w", err)
	}
	before, err := load(h)
	if err != nil {
		return nil, err
	}
	var files []saved
	for _, p := range paths {
		n, err := h.Stat(p)
		if errors.Is(err, fs.ErrNotExist) {
			files = append(files, saved{path: p})
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read %s: %w", p, err)
		}
		n.Label = labels[p]
		data, _, err := readAll(h, p)
		if err != nil {
			return nil, err
		}
		files = append(files, saved{p, n, data})
	}
	return func(ctx context.Context) error { return putBack(ctx, h, before, files) }, nil
}

func putBack(ctx context.Context, h hosts.Host, before *files, files []saved) error {
	unlock, err := lock(ctx, h)
	if err != nil {
		return err
	}
	defer unlock()
	now, err := load(h)
	if err != nil {
		return err
	}
	var errs []error
	for _, mv := range movesBack(before, now) {
		errs = append(errs, mv.run(ctx, h))
	}
	for _, f := range files {
		data, exists, err := readAll(h, f.path)
		switch {
		case err != nil:
		case f.node.Type == hosts.Absent && exists:
			err = h.Remove(ctx, f.path)
		case !bytes.Equal(data, f.data):
			err = errors.Join(put(ctx, h, f.path+"-", f.node, data), put(ctx, h, f.path, f.node, f.data))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// movesBack gives the files of renumbered accounts their old ids again.
func movesBack(before, now *files) []move {
	var moves []move
	before.passwd.entries(func(old []string) {
		pw, ok := now.passwd.get(old[pwName])
		if !ok {
			return
		}
		if pw[pwUID] != old[pwUID] {
			moves = append(moves, move{user: pw[pwName], home: pw[pwHome], from: pw[pwUID], to: old[pwUID]})
		}
		if pw[pwGID] != old[pwGID] {
			moves = append(moves, move{user: pw[pwName], home: pw[pwHome], from: ":" + pw[pwGID], to: ":" + old[pwGID]})
		}
	})
	return moves
}
