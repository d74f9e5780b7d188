package selinux

import (
	"fmt"
	"strings"
)

// Names and levels go into commands for semanage and come from a snapshot or
// from the host: only what the policy language allows in them is taken.

const maxWord = 255

func checkWord(what, s string) error {
	if !isWord(s, "_.-") {
		return fmt.Errorf("%s %q: want a name of letters, digits and _", what, s)
	}
	return nil
}

// checkLevel takes a range of an MLS or MCS policy, or "" for none.
func checkLevel(s string) error {
	if s != "" && !isWord(s, "_.-,:") {
		return fmt.Errorf("level %q: want one as in \"s0\" or \"s0-s0:c0.c1023\"", s)
	}
	return nil
}

// isWord reports whether s begins with a letter, digit or _ and goes on with
// such or with one of more.
func isWord(s, more string) bool {
	if s == "" || len(s) > maxWord {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' {
			continue
		}
		if i == 0 || strings.IndexByte(more, c) < 0 {
			return false
		}
	}
	return true
}
