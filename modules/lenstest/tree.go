// Package lenstest holds lenses to their laws: see engine.Lens.
package lenstest

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"hikae/engine"
	"hikae/hosts"
)

// Tree is a tree of files by their absolute paths. A text that begins with
// LinkTo is no file but a link to what follows.
type Tree map[string]string

// LinkTo makes a path a link: Tree{"/etc/a": LinkTo + "b"}.
const LinkTo = "\x00link:"

var _ engine.Tree = Tree{}

// Facts are an EL 8's.
func (t Tree) Facts() hosts.Facts {
	return hosts.Facts{ID: "rocky", VersionID: "8.10", Arch: "x86_64"}
}

// Stat finds files, links, and the directories above them.
func (t Tree) Stat(name string) (hosts.Node, error) {
	if text, ok := t[name]; ok {
		if target, link := strings.CutPrefix(text, LinkTo); link {
			return hosts.Node{Type: hosts.Link, Link: target}, nil
		}
		return hosts.Node{Type: hosts.File, Mode: 0o644, Content: hosts.Content{Size: int64(len(text))}}, nil
	}
	for p := range t {
		if strings.HasPrefix(p, strings.TrimSuffix(name, "/")+"/") {
			return hosts.Node{Type: hosts.Dir, Mode: 0o755}, nil
		}
	}
	return hosts.Node{}, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
}

// ReadDir lists a directory.
func (t Tree) ReadDir(name string) ([]string, error) {
	n, err := t.Stat(name)
	if err == nil && n.Type != hosts.Dir {
		err = &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrInvalid}
	}
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for p := range t {
		if rest, ok := strings.CutPrefix(p, strings.TrimSuffix(path.Clean(name), "/")+"/"); ok {
			first, _, _ := strings.Cut(rest, "/")
			names[first] = true
		}
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// ReadFile reads a file.
func (t Tree) ReadFile(name string) ([]byte, error) {
	n, err := t.Stat(name)
	if err == nil && n.Type != hosts.File {
		err = &fs.PathError{Op: "read", Path: name, Err: fs.ErrInvalid}
	}
	if err != nil {
		return nil, err
	}
	return []byte(t[name]), nil
}

// With is the tree after edits.
func (t Tree) With(edits []engine.FileEdit) Tree {
	after := maps.Clone(t)
	for _, e := range edits {
		if e.Remove {
			delete(after, e.Path)
			continue
		}
		after[e.Path] = string(e.Bytes)
	}
	return after
}
