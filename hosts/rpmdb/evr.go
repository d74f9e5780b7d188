package rpmdb

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// An EVR is a package's epoch, version and release. No epoch counts as 0.
type EVR struct {
	Epoch   uint32
	Version string
	Release string
}

// ParseEVR splits [epoch:]version[-release].
func ParseEVR(s string) (EVR, error) {
	var e EVR
	rest := s
	if epoch, after, ok := strings.Cut(s, ":"); ok {
		rest = after
		n, err := strconv.ParseUint(cmp.Or(epoch, "0"), 10, 32)
		if err != nil {
			return EVR{}, fmt.Errorf("cannot read the version %q: its epoch is no number", s)
		}
		e.Epoch = uint32(n)
	}
	e.Version = rest
	if i := strings.LastIndexByte(rest, '-'); i >= 0 {
		e.Version, e.Release = rest[:i], rest[i+1:]
		if e.Release == "" {
			return EVR{}, fmt.Errorf("cannot read the version %q: its release is empty", s)
		}
	}
	if e.Version == "" || strings.Contains(rest, ":") {
		return EVR{}, fmt.Errorf("cannot read the version %q: it is not of the form [epoch:]version[-release]", s)
	}
	return e, nil
}

// String is [epoch:]version[-release], without an epoch of 0.
func (e EVR) String() string {
	s := e.Version
	if e.Epoch != 0 {
		s = strconv.FormatUint(uint64(e.Epoch), 10) + ":" + s
	}
	if e.Release != "" {
		s += "-" + e.Release
	}
	return s
}

// Compare gives -1, 0 or 1 as e is older than, the same as or newer than o. Where one has no release, as in a dependency,
// releases are not compared: rpmVersionCompare of rpm's rpmver.c.
func (e EVR) Compare(o EVR) int {
	if c := cmp.Compare(e.Epoch, o.Epoch); c != 0 {
		return c
	}
	if c := CompareVersions(e.Version, o.Version); c != 0 || e.Release == "" || o.Release == "" {
		return c
	}
	return CompareVersions(e.Release, o.Release)
}

// CompareVersions compares two versions, or two releases, as rpm's rpmvercmp does: by runs of digits and runs of letters,
// all else only parts them. A ~ sorts before anything, the end included; a ^ after the end and before anything else.
func CompareVersions(a, b string) int {
	if a == b {
		return 0
	}
	for a != "" || b != "" {
		a, b = strings.TrimLeftFunc(a, separates), strings.TrimLeftFunc(b, separates)
		if ta, tb := strings.HasPrefix(a, "~"), strings.HasPrefix(b, "~"); ta || tb {
			if ta != tb {
				return after(tb)
			}
			a, b = a[1:], b[1:]
			continue
		}
		if ca, cb := strings.HasPrefix(a, "^"), strings.HasPrefix(b, "^"); ca || cb {
			switch {
			case a == "" || b == "":
				return after(b == "")
			case ca != cb:
				return after(cb)
			}
			a, b = a[1:], b[1:]
			continue
		}
		if a == "" || b == "" {
			break
		}
		of := letter[byte]
		if digit(a[0]) {
			of = digit
		}
		var runA, runB string
		runA, a = cutRun(a, of)
		runB, b = cutRun(b, of)
		if runB == "" { // digits against letters: the digits are newer
			return after(digit(runA[0]))
		}
		if digit(runA[0]) {
			runA, runB = strings.TrimLeft(runA, "0"), strings.TrimLeft(runB, "0")
			if c := cmp.Compare(len(runA), len(runB)); c != 0 {
				return c
			}
		}
		if c := cmp.Compare(runA, runB); c != 0 {
			return c
		}
	}
	return cmp.Compare(min(len(a), 1), min(len(b), 1)) // the one with something left is newer
}

// after gives 1 when it holds that the first version is the newer one, else -1.
func after(newer bool) int {
	if newer {
		return 1
	}
	return -1
}

func digit[C byte | rune](c C) bool  { return '0' <= c && c <= '9' }
func letter[C byte | rune](c C) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func separates(r rune) bool { return !digit(r) && !letter(r) && r != '~' && r != '^' }

// cutRun splits s after its first bytes that are of a class.
func cutRun(s string, of func(byte) bool) (run, rest string) {
	i := 0
	for i < len(s) && of(s[i]) {
		i++
	}
	return s[:i], s[i:]
}
