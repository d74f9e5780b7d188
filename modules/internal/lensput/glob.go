package lensput

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"hikae/engine"
)

// maxGlob bounds how many paths one pattern may lead to.
const maxGlob = 10000

// Glob lists the paths of a tree that a pattern of glob(7) leads to, sorted as
// bytes: what include directives of most daemons take. A name that begins with
// a dot is matched by a pattern that does. None is no error.
func Glob(t engine.Tree, pattern string) ([]string, error) {
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, err
	}
	found := []string{"/"}
	for part := range strings.SplitSeq(strings.Trim(path.Clean(pattern), "/"), "/") {
		var next []string
		for _, dir := range found {
			names, err := matching(t, dir, part)
			if err != nil {
				return nil, err
			}
			for _, n := range names {
				next = append(next, path.Join(dir, n))
			}
			if len(next) > maxGlob {
				return nil, errors.New("the pattern matches too many files")
			}
		}
		found = next
	}
	slices.Sort(found)
	return found, nil
}

// matching are the names in a directory that one part of a pattern matches.
func matching(t engine.Tree, dir, part string) ([]string, error) {
	if !strings.ContainsAny(part, `*?[\`) {
		if _, err := engine.Resolve(t, path.Join(dir, part)); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		return []string{part}, nil
	}
	names, err := Names(t, dir, "")
	if strings.HasPrefix(part, ".") {
		names, err = all(t, dir)
	}
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool {
		ok, _ := path.Match(part, n)
		return !ok
	}), err
}

// all are the names in a directory; none where it is not one.
func all(t engine.Tree, dir string) ([]string, error) {
	real, err := engine.Resolve(t, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return t.ReadDir(real)
}
