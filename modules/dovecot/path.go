package dovecot

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// sep is what parts blocks within blocks in an address: names of blocks have
// slashes, but none between blanks.
const sep = " / "

// joined is the path of a block.
func joined(in, id string) string {
	if in == "" || id == "" {
		return in + id
	}
	return in + sep + id
}

// numbered are the types of which each block without a name is another; of other
// types they are parts of one.
func numbered(typ string) bool { return typ == "passdb" || typ == "userdb" || typ == "namespace" }

// parseID reads a block's type and name; of a block that has a number instead of
// a name, that.
func parseID(id string) (typ, name string, ok bool) {
	typ, name, named := strings.Cut(id, " ")
	switch {
	case typ == "" || !addressable(id) || strings.ContainsAny(typ, "\t={}\"'#!"), named && name == "":
		return "", "", false
	case strings.HasPrefix(name, "#"):
		n, err := strconv.Atoi(name[1:])
		return typ, name, err == nil && n > 0 && numbered(typ) && strconv.Itoa(n) == name[1:]
	case !named && numbered(typ):
		return "", "", false
	}
	return typ, name, true
}

// addressable tells whether an address can name it.
func addressable(s string) bool {
	return utf8.ValidString(s) && !strings.Contains(s, sep) &&
		!strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f })
}
