package lang

import (
	"errors"
	"path"
	"strings"
)

// maxPath is Linux's PATH_MAX, maxName its NAME_MAX, in bytes.
const (
	maxPath = 4096
	maxName = 255
)

// checkPath says why p cannot name a file of a host, and what to write
// instead. Two spellings of one path would be two resources, so only the clean
// one is taken.
func checkPath(p string) error {
	switch {
	case !strings.HasPrefix(p, "/"):
		return errors.New("a path is absolute: write it from /")
	case strings.ContainsRune(p, 0):
		return errors.New("a path cannot hold a NUL byte")
	case len(p) >= maxPath:
		return errors.New("a path has at most 4095 bytes")
	case path.Clean(p) != p:
		return errors.New("a path is clean, without //, /./, /../ or a slash at its end: write " + Escape(path.Clean(p)))
	}
	for name := range strings.SplitSeq(p, "/") {
		if len(name) > maxName {
			return errors.New("a file name has at most 255 bytes")
		}
	}
	return nil
}
