package crontab

import (
	"fmt"
	"strconv"
	"strings"
)

// Fields is how many say when.
const Fields = 5

var ranges = [Fields]struct {
	name   string
	lo, hi int
	words  []string
}{
	{"minute", 0, 59, nil},
	{"hour", 0, 23, nil},
	{"day of the month", 1, 31, nil},
	{"month", 1, 12, []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{"day of the week", 0, 7, []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
}

var nicknames = []string{"@reboot", "@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"}

// CheckSchedule says what is wrong with a schedule that is to be written; "" for
// nothing. It is stricter than crond, which takes 22-6 for an hour and then never
// runs the job.
func CheckSchedule(s string) string {
	words := strings.Fields(s)
	if len(words) == 1 && strings.HasPrefix(s, "@") {
		return checkNickname(s)
	}
	if len(words) != Fields {
		return "a schedule has five fields or is @daily or its like"
	}
	for i, w := range words {
		if why := checkField(i, w, true); why != "" {
			return why
		}
	}
	return ""
}

func checkNickname(s string) string {
	for _, n := range nicknames {
		if s == n {
			return ""
		}
	}
	return fmt.Sprintf("%.60q is none of %s", s, strings.Join(nicknames, " "))
}

func checkField(i int, w string, strict bool) string {
	for item := range strings.SplitSeq(w, ",") {
		if !checkItem(i, strings.ToLower(item), strict) {
			return fmt.Sprintf("%.60q is no %s", w, ranges[i].name)
		}
	}
	return ""
}

// checkItem checks one of the parts between commas, as get_range of cronie's
// src/entry.c: *, N, N-M or N~M, and /STEP behind the first and the third. What
// a version of cronie takes is taken, unless strict: a range that is upside down,
// a step beyond the range.
func checkItem(field int, item string, strict bool) bool {
	r := ranges[field]
	item, by, stepped := strings.Cut(item, "/")
	step := 1
	if stepped {
		var ok bool
		if step, ok = number(field, by); !ok || !digits(by) || step == 0 || strict && step > r.hi+1 {
			return false
		}
	}
	if item == "*" {
		return true
	}
	lo, hi, isRange := strings.Cut(item, "-")
	if !isRange {
		return !stepped && checkRandom(field, item)
	}
	a, okA := number(field, lo)
	b, okB := number(field, hi)
	if a > b && b == 0 { // fri-sun
		b = 7
	}
	if a > b {
		return okA && okB && !strict // it is never
	}
	return okA && okB && a >= r.lo && b-(b-a)%step <= r.hi && (!strict || b <= r.hi)
}

// checkRandom checks N, or N~M: one of a range, which may be open at either end.
func checkRandom(field int, item string) bool {
	r := ranges[field]
	lo, hi, isRange := strings.Cut(item, "~")
	a, b, okA, okB := r.lo, r.hi, true, true
	if lo != "" || !isRange {
		a, okA = number(field, lo)
	}
	if hi != "" {
		b, okB = number(field, hi)
	}
	return okA && okB && r.lo <= a && a <= b && b <= r.hi
}

// number is a number, or a field's name for one.
func number(field int, s string) (int, bool) {
	for i, w := range ranges[field].words {
		if s == w {
			return i + ranges[field].lo, true
		}
	}
	if !digits(s) || len(s) > 9 {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
