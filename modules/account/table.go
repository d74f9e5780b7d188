package account

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// table is one of the files: lines of fields between colons. Bytes that are
// not touched stay what they are.
type table struct {
	path    string
	fields  int   // of an entry
	numbers []int // which of them are ids
	lines   []line
	at      map[string]int // the line of each name; the first one counts, as it does for the C library
	exists  bool
	changed bool
}

// line is an entry, or, with no fields, something else that stays.
type line struct {
	raw    string // without its newline
	fields []string
}

// parseTable reads a file's bytes. It fails on none: what is not an entry is
// kept as it is.
func parseTable(path string, data []byte, fields int, numbers ...int) *table {
	t := &table{path: path, fields: fields, numbers: numbers, at: map[string]int{}}
	if len(data) == 0 {
		return t
	}
	for raw := range strings.SplitSeq(string(data), "\n") {
		t.lines = append(t.lines, line{raw: raw, fields: t.split(raw)})
	}
	t.index()
	return t
}

// split returns the fields of an entry, nil for what is none.
func (t *table) split(raw string) []string {
	if raw == "" || raw[0] == '#' || raw[0] == '+' || raw[0] == '-' || strings.Contains(raw, "\x00") {
		return nil
	}
	f := strings.Split(raw, ":")
	if len(f) != t.fields || f[0] == "" {
		return nil
	}
	for _, n := range t.numbers {
		if _, err := parseID(f[n]); err != nil {
			return nil
		}
	}
	return f
}

func (t *table) index() {
	clear(t.at)
	for i, l := range t.lines {
		if l.fields == nil {
			continue
		}
		if _, twice := t.at[l.fields[0]]; !twice {
			t.at[l.fields[0]] = i
		}
	}
}

// bytes is the file as it should be written.
func (t *table) bytes() []byte {
	var b strings.Builder
	for i, l := range t.lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(l.raw)
	}
	return []byte(b.String())
}

// entries calls fn for every entry that counts, in the file's order.
func (t *table) entries(fn func(fields []string)) {
	for i, l := range t.lines {
		if l.fields != nil && t.at[l.fields[0]] == i {
			fn(l.fields)
		}
	}
}

// get returns a copy of an entry's fields.
func (t *table) get(name string) ([]string, bool) {
	i, ok := t.at[name]
	if !ok {
		return nil, false
	}
	return slices.Clone(t.lines[i].fields), true
}

// set replaces or adds an entry. A new one goes before the lines that ask NIS,
// which have to be last.
func (t *table) set(fields []string) error {
	for _, f := range fields {
		if strings.ContainsAny(f, ":\n\x00") {
			return fmt.Errorf("cannot write %s: the entry of %q has a field with a colon, a newline or a zero byte", t.path, fields[0])
		}
	}
	l := line{raw: strings.Join(fields, ":"), fields: slices.Clone(fields)}
	if t.split(l.raw) == nil {
		return fmt.Errorf("cannot write %s: %q would not be an entry", t.path, fields[0])
	}
	if i, ok := t.at[fields[0]]; ok {
		if t.lines[i].raw != l.raw {
			t.lines[i] = l
			t.changed = true
		}
		return nil
	}
	at := len(t.lines)
	switch {
	case at == 0:
		t.lines = []line{{}} // what stands behind the last newline: nothing
		at = 0
	case t.lines[at-1].raw == "":
		at--
	default: // the last line has no newline; now it gets one
		t.lines = append(t.lines, line{})
	}
	for at > 0 && strings.HasPrefix(t.lines[at-1].raw, "+") {
		at--
	}
	t.lines = slices.Insert(t.lines, at, l)
	t.changed = true
	t.index()
	return nil
}

// remove takes out an entry and all others of its name, so that none comes
// into force that was hidden behind it.
func (t *table) remove(name string) {
	before := len(t.lines)
	t.lines = slices.DeleteFunc(t.lines, func(l line) bool { return l.fields != nil && l.fields[0] == name })
	if len(t.lines) != before {
		t.changed = true
		t.index()
	}
}

// maxID is the last id that is one: the one above it, (uid_t)-1, means none.
const maxID = 1<<32 - 2

// parseID reads a uid or gid as it stands in a file.
func parseID(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n > maxID || (len(s) > 1 && s[0] == '0') {
		return 0, fmt.Errorf("cannot read id %q", s)
	}
	return uint32(n), nil
}

func formatID(id uint32) string { return strconv.FormatUint(uint64(id), 10) }

// splitNames reads a list of names between commas.
func splitNames(s string) []string {
	names := strings.Split(s, ",")
	names = slices.DeleteFunc(names, func(n string) bool { return n == "" })
	slices.Sort(names)
	return slices.Compact(names)
}
