package zonefile

import (
	"strings"

	"hikae/engine/lens"
)

// Absolute is a name as it is meant below an origin, which ends with a dot.
func Absolute(name, origin string) string {
	switch {
	case name == "@":
		return origin
	case endsWithDot(name):
		return name
	case origin == ".":
		return name + "."
	default:
		return name + "." + origin
	}
}

// endsWithDot tells whether a name ends with a dot that no backslash escapes.
func endsWithDot(name string) bool {
	rest, ok := strings.CutSuffix(name, ".")
	return ok && (len(rest)-len(strings.TrimRight(rest, `\`)))%2 == 0
}

// Relative is an absolute name as it is written below an origin: "@" for that
// itself, and absolute where it is not below.
func Relative(name, origin string) string {
	if strings.EqualFold(name, origin) {
		return "@"
	}
	suffix := "." + strings.TrimPrefix(origin, ".")
	if n := len(name) - len(suffix); n > 0 && strings.EqualFold(name[n:], suffix) && endsWithDot(name[:n]+".") {
		return name[:n]
	}
	return name
}

// Names are the places among a type's data at which names stand.
func Names(typ string) []int {
	var at []int
	for i, c := range forms[typ] {
		if c == 'n' {
			at = append(at, i)
		}
	}
	return at
}

// Record is a record of a file with the owner that it has.
type Record struct {
	Entry
	File   *lens.File
	Owner  string // absolute, as written
	Origin string // what names in its data are below
}

// Text unquotes the data of a TXT record: all its strings, as one.
func (r *Record) Text() string {
	var b strings.Builder
	for _, w := range r.Data {
		b.WriteString(Unquote(w.Of(r.File.Source())))
	}
	return b.String()
}

// Words are the data as written.
func (r *Record) Words() []string {
	words := make([]string, len(r.Data))
	for i, w := range r.Data {
		words[i] = w.Of(r.File.Source())
	}
	return words
}
