package hosts

import (
	"slices"
	"strings"
)

// Within reports whether a path is one of the trees or lies in one.
func Within(path string, trees []string) bool {
	return slices.ContainsFunc(trees, func(t string) bool {
		rest, below := strings.CutPrefix(path, strings.TrimSuffix(t, "/"))
		return path == t || below && strings.HasPrefix(rest, "/")
	})
}

// Outermost gives the paths that lie in no other of them, sorted, each once.
func Outermost(paths []string) []string {
	var out []string
	for _, p := range slices.Sorted(slices.Values(paths)) {
		if !Within(p, out) {
			out = append(out, p)
		}
	}
	return out
}
