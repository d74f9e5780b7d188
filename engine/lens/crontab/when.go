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
// src/entry.c: *, N, N-M or N~M, and /STEP.
func checkItem(field int, item string, strict bool) bool {
	item, step, stepped := strings.Cut(item, "/")
	if stepped && (!digits(step) || strings.Trim(step, "0") == "" || strict && !inStep(field, step)) {
		return false
	}
	if item == "*" {
		return true
	}
	lo, hi, isRange := strings.Cut(item, "-")
	if !isRange {
		lo, hi, isRange = strings.Cut(item, "~")
		if isRange && (lo == "" || hi == "") { // a random one of an open range
			_, okLo := number(field, lo)
			_, okHi := number(field, hi)
			return (lo == "" || okLo) && (hi == "" || okHi)
		}
	}
	a, ok := number(field, lo)
	if !isRange || !ok {
		return ok
	}
	b, ok := number(field, hi)
	if a > b && b == 0 && ranges[field].hi == 7 { // fri-sun
		b = 7
	}
	return ok && (a <= b || !strict)
}

func inStep(field int, step string) bool {
	n, err := strconv.Atoi(step)
	return err == nil && n <= ranges[field].hi+1
}

// number is one of a field's numbers, or a name for it.
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
	return n, err == nil && n >= ranges[field].lo && n <= ranges[field].hi
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
