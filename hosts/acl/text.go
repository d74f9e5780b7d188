package acl

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Names knows the users and groups of a host.
type Names interface {
	// UserName and GroupName give the name of an id, or the id in decimal.
	UserName(id uint32) string
	GroupName(id uint32) string
}

// IDs is the other direction.
type IDs interface {
	// UserID and GroupID give the id of a name, or of a decimal number.
	UserID(name string) (uint32, error)
	GroupID(name string) (uint32, error)
}

var letters = map[Tag]string{UserObj: "u", User: "u", GroupObj: "g", Group: "g", Mask: "m", Other: "o"}

// Text gives the canonical text.
func (l List) Text(names Names) string {
	type line struct {
		Entry
		name string
	}
	lines := make([]line, 0, len(l))
	for _, e := range l {
		ln := line{Entry: e}
		switch e.Tag {
		case User:
			ln.name = quote(names.UserName(e.ID))
		case Group:
			ln.name = quote(names.GroupName(e.ID))
		}
		lines = append(lines, ln)
	}
	slices.SortStableFunc(lines, func(a, b line) int {
		return cmp.Or(cmp.Compare(a.Tag, b.Tag), cmp.Compare(a.name, b.name))
	})
	var b strings.Builder
	for i, ln := range lines {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(letters[ln.Tag] + ":" + ln.name + ":" + perms(ln.Perm))
	}
	return b.String()
}

func perms(p uint8) string {
	b := []byte("rwx")
	for i := range b {
		if p&(4>>i) == 0 {
			b[i] = '-'
		}
	}
	return string(b)
}

// Parse reads the text; the words user, group, mask and other may be written
// out, and permissions as one octal digit. It must be the whole list.
func Parse(text string, ids IDs) (List, error) {
	var l List
	for entry := range strings.SplitSeq(text, ",") {
		e, err := parseEntry(strings.TrimSpace(entry), ids)
		if err != nil {
			return nil, fmt.Errorf("cannot read access control list %q: entry %q: %w", text, entry, err)
		}
		l = append(l, e)
	}
	if err := l.normalize(); err != nil {
		return nil, fmt.Errorf("cannot read access control list %q: %w", text, err)
	}
	return l, nil
}

func parseEntry(s string, ids IDs) (e Entry, err error) {
	part := strings.Split(s, ":")
	if len(part) != 3 {
		return e, fmt.Errorf("want three parts, as in u:alice:r-x")
	}
	name, err := unquote(part[1])
	if err != nil {
		return e, err
	}
	switch part[0] {
	case "u", "user":
		e.Tag = UserObj
		if name != "" {
			e.Tag = User
			e.ID, err = ids.UserID(name)
		}
	case "g", "group":
		e.Tag = GroupObj
		if name != "" {
			e.Tag = Group
			e.ID, err = ids.GroupID(name)
		}
	case "m", "mask":
		e.Tag = Mask
	case "o", "other":
		e.Tag = Other
	default:
		return e, fmt.Errorf("begins with none of u, g, m, o")
	}
	if err != nil {
		return e, err
	}
	if name != "" && !e.named() {
		return e, fmt.Errorf("has a name where none belongs")
	}
	e.Perm, err = parsePerms(part[2])
	return e, err
}

func parsePerms(s string) (uint8, error) {
	if len(s) == 1 && s[0] >= '0' && s[0] <= '7' {
		return s[0] - '0', nil
	}
	var p uint8
	for i := range len(s) {
		bit := strings.IndexByte("rwx", s[i])
		switch {
		case s[i] == '-':
		case bit < 0 || p&(4>>bit) != 0:
			return 0, fmt.Errorf("permissions %q: want such as r-x", s)
		default:
			p |= 4 >> bit
		}
	}
	if s == "" || len(s) > 3 {
		return 0, fmt.Errorf("permissions %q: want such as r-x", s)
	}
	return p, nil
}

// quote writes the bytes that part the text, or would not show, as getfacl
// does: a backslash and three octal digits.
func quote(name string) string {
	odd := func(c byte) bool { return c <= ' ' || c == ',' || c == ':' || c == '\\' || c == 0x7f }
	clean := true
	for i := range len(name) {
		clean = clean && !odd(name[i])
	}
	if clean {
		return name
	}
	var b strings.Builder
	for i := range len(name) {
		if odd(name[i]) {
			fmt.Fprintf(&b, "\\%03o", name[i])
		} else {
			b.WriteByte(name[i])
		}
	}
	return b.String()
}

func unquote(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		if i+4 > len(s) {
			return "", fmt.Errorf("a backslash wants three octal digits after it")
		}
		n, err := strconv.ParseUint(s[i+1:i+4], 8, 8)
		if err != nil {
			return "", fmt.Errorf("a backslash wants three octal digits after it")
		}
		b.WriteByte(byte(n))
		i += 3
	}
	return b.String(), nil
}
