package account

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
)

// The files of subordinate ids (subuid(5), subgid(5)) and the fields of a line.
// An owner has any number of lines, by its name or by its uid.
const (
	subuidPath = "/etc/subuid"
	subgidPath = "/etc/subgid"

	sbOwner  = 0
	sbStart  = 1
	sbCount  = 2
	sbFields = 3
)

// idRange is ids from start on, count of them.
type idRange struct{ start, count uint64 }

func (r idRange) String() string { return fmt.Sprintf("%d:%d", r.start, r.count) }

func (r idRange) overlaps(o idRange) bool {
	return r.start < o.start+o.count && o.start < r.start+r.count
}

// parseRange reads START:COUNT.
func parseRange(s string) (idRange, error) {
	start, count, ok := strings.Cut(s, ":")
	a, err := parseID(start)
	n, err2 := parseID(count)
	if !ok || err != nil || err2 != nil || n == 0 || uint64(a)+uint64(n) > maxID+1 {
		return idRange{}, fmt.Errorf("cannot read the range %q: want START:COUNT, as in 100000:65536", s)
	}
	return idRange{uint64(a), uint64(n)}, nil
}

func rangeOf(fields []string) idRange {
	start, _ := strconv.ParseUint(fields[sbStart], 10, 32) // the table has seen that they are ids
	count, _ := strconv.ParseUint(fields[sbCount], 10, 32)
	return idRange{start, count}
}

// owns reports whether a line of subordinate ids is an account's.
func owns(fields []string, name, uid string) bool {
	return fields != nil && (fields[sbOwner] == name || uid != "" && fields[sbOwner] == uid)
}

// ranges are the subordinate ids of an account, START:COUNT, sorted.
func (t *table) ranges(name, uid string) []string {
	var found []string
	for _, l := range t.lines {
		if owns(l.fields, name, uid) {
			found = append(found, rangeOf(l.fields).String())
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// setRanges gives an account subordinate ids, in the place of those it has.
// Lines that stay keep their bytes.
func (t *table) setRanges(name, uid string, want []string) {
	if slices.Equal(t.ranges(name, uid), want) {
		return
	}
	t.changed = true
	left := slices.Clone(want)
	at := -1
	var lines []line
	for _, l := range t.lines {
		if owns(l.fields, name, uid) {
			at = len(lines)
			i := slices.Index(left, rangeOf(l.fields).String())
			if i < 0 {
				continue
			}
			left = slices.Delete(left, i, i+1)
			at++
		}
		lines = append(lines, l)
	}
	if at < 0 {
		at = len(lines)
		if at > 0 && lines[at-1].raw == "" {
			at--
		} else {
			lines = append(lines, line{})
		}
	}
	for _, r := range left {
		raw := name + ":" + r
		lines = slices.Insert(lines, at, line{raw: raw, fields: t.split(raw)})
		at++
	}
	t.lines = lines
	t.index()
}

// rangeSet is ranges as a value.
func rangeSet(ranges []string) cty.Value {
	if len(ranges) == 0 {
		return cty.SetValEmpty(cty.String)
	}
	vs := make([]cty.Value, len(ranges))
	for i, r := range ranges {
		vs[i] = cty.StringVal(r)
	}
	return cty.SetVal(vs)
}

// subordinate sets an account's subordinate ids. It refuses those that another
// account of the host has: what runs under them would be both people's.
func (w *userWork) subordinate(wants *wish, pw []string) error {
	for attr, t := range map[string]*table{"subuid": w.files.subuid, "subgid": w.files.subgid} {
		v, said := wants.attr(attr)
		if !said {
			continue
		}
		var want []string
		for _, s := range v.AsValueSlice() {
			r, err := parseRange(s.AsString())
			if err != nil {
				wants.fail(attr, err)
				return wants.err
			}
			want = append(want, r.String())
		}
		slices.Sort(want)
		t.setRanges(pw[pwName], pw[pwUID], slices.Compact(want))
		w.ranged = append(w.ranged, pw[pwName])
	}
	return nil
}

// apart refuses subordinate ids that two accounts have, once all are set.
func (w *userWork) apart() error {
	for _, t := range []*table{w.files.subuid, w.files.subgid} {
		for _, name := range w.ranged {
			pw, _ := w.files.passwd.get(name)
			for _, mine := range t.lines {
				if !owns(mine.fields, name, pw[pwUID]) {
					continue
				}
				for _, other := range t.lines {
					if other.fields == nil || owns(other.fields, name, pw[pwUID]) || !rangeOf(mine.fields).overlaps(rangeOf(other.fields)) {
						continue
					}
					return fmt.Errorf("%w: cannot give user %s the ids %s in %s: %s has %s on this host; give one of them others there, "+
						"with an overlay: user %q { %s = [\"START:COUNT\"] }", engine.ErrRefused, name, rangeOf(mine.fields), t.path,
						other.fields[sbOwner], rangeOf(other.fields), name, strings.TrimPrefix(t.path, "/etc/"))
				}
			}
		}
	}
	return nil
}
