package engine

import (
	"io/fs"
	"iter"
	"path"
	"slices"

	"hikae/hosts"
)

// NewTree makes a Tree of what stands at paths: all gives each once, in any
// order, and read the bytes of a regular file, fs.ErrPermission where they are
// not to be had here. A directory above a path is there, whoever made it.
func NewTree(facts hosts.Facts, all iter.Seq2[string, *hosts.Node], read func(path string, n *hosts.Node) ([]byte, error)) Tree {
	t := &nodeTree{facts: facts, read: read, nodes: map[string]*hosts.Node{}, dirs: map[string][]string{}}
	for p, n := range all {
		if n == nil || n.Type == hosts.Absent {
			continue
		}
		t.nodes[p] = n
		for dir := path.Dir(p); ; p, dir = dir, path.Dir(dir) {
			_, known := t.dirs[dir]
			if p != dir {
				t.dirs[dir] = append(t.dirs[dir], path.Base(p))
			}
			if known || p == dir {
				break // its parents know it already
			}
		}
	}
	for dir, names := range t.dirs {
		slices.Sort(names)
		t.dirs[dir] = slices.Compact(names)
	}
	return t
}

type nodeTree struct {
	facts hosts.Facts
	nodes map[string]*hosts.Node
	dirs  map[string][]string // the names in each directory, sorted
	read  func(path string, n *hosts.Node) ([]byte, error)
}

func (t *nodeTree) Facts() hosts.Facts { return t.facts }

func (t *nodeTree) Stat(p string) (hosts.Node, error) {
	if n := t.nodes[p]; n != nil {
		return *n, nil
	}
	if len(t.dirs[p]) > 0 {
		return hosts.Node{Type: hosts.Dir, Mode: 0o755, Owner: "root", Group: "root"}, nil
	}
	return hosts.Node{}, &fs.PathError{Op: "stat", Path: p, Err: fs.ErrNotExist}
}

func (t *nodeTree) ReadDir(dir string) ([]string, error) {
	names := t.dirs[dir]
	if len(names) == 0 {
		return nil, &fs.PathError{Op: "readdir", Path: dir, Err: fs.ErrNotExist}
	}
	return slices.Clone(names), nil
}

func (t *nodeTree) ReadFile(p string) ([]byte, error) {
	n := t.nodes[p]
	if n == nil || n.Type != hosts.File {
		return nil, &fs.PathError{Op: "read", Path: p, Err: fs.ErrNotExist}
	}
	return t.read(p, n)
}
