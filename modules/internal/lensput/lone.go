package lensput

import (
	"path"
	"strings"

	"hikae/engine"
)

// Lone tells whether a tree has nothing but the one file at a path: what
// somebody wants to look at by itself. What it includes cannot be there.
func Lone(t engine.Tree, file string) bool {
	dir := "/"
	for part := range strings.SplitSeq(strings.Trim(path.Clean(file), "/"), "/") {
		names, err := t.ReadDir(dir)
		if err != nil || len(names) != 1 || names[0] != part {
			return false
		}
		dir = path.Join(dir, part)
	}
	return true
}
