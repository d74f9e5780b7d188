package cron

import (
	"errors"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/modules/internal/lensput"
)

// Where crontabs are on EL: cron(8).
const (
	systemTable = "/etc/crontab"
	systemDir   = "/etc/cron.d"
	spoolDir    = "/var/spool/cron"
)

// place tells whether a path is one of a crontab, and whether its lines name a
// user: people's do not.
func place(p string) (names, ok bool) {
	if p == systemTable {
		return true, true
	}
	base := path.Base(p)
	// cronie's not_a_crontab (src/database.c)
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "#") || strings.HasSuffix(base, "~") ||
		strings.HasSuffix(base, ".rpmsave") || strings.HasSuffix(base, ".rpmorig") || strings.HasSuffix(base, ".rpmnew") {
		return false, false
	}
	return path.Dir(p) == systemDir, path.Clean(p) == p && (path.Dir(p) == systemDir || path.Dir(p) == spoolDir)
}

// job is one line that says when to do what.
type job struct {
	file     *lensput.File
	line     lens.Span // with what ends it
	schedule lens.Span
	user     lens.Span // empty in a person's table
	command  lens.Span
}

func (j *job) text(s lens.Span) string { return s.Of(j.file.Source()) }

// tables is all crontabs; of jobs of one file that run the same, the first.
type tables struct {
	files []*lensput.File
	jobs  map[string][]*job // by FILE COMMAND
	order []string
}

func load(t engine.Tree) (*tables, hcl.Diagnostics) {
	all := &tables{jobs: map[string][]*job{}}
	paths := []string{systemTable}
	var diags hcl.Diagnostics
	for _, d := range []string{systemDir, spoolDir} {
		names, err := lensput.Names(t, d, "")
		if err != nil {
			diags = append(diags, lensput.Diag(hcl.DiagWarning, d, err, "Its jobs are not known."))
		}
		for _, n := range names {
			paths = append(paths, path.Join(d, n))
		}
	}
	for _, p := range paths {
		named, ok := place(p)
		if !ok {
			continue
		}
		f, err := lensput.Read(t, p)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			diags = append(diags, lensput.Diag(hcl.DiagWarning, p, err, "Its jobs are not known."))
			continue
		}
		if f.Path != p {
			continue // a link: what it leads to is no crontab of this name
		}
		all.files = append(all.files, f)
		diags = append(diags, all.add(f, named)...)
	}
	return all, diags
}

func (all *tables) add(f *lensput.File, named bool) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, line := range lens.Lines(f.Source()) {
		j, why := parse(f, line, named)
		switch {
		case why != "":
			diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "Line passed over",
				Detail: "cron passes over it: " + why + ".", Subject: f.RangeOf(lens.Trim(f.Source(), line, lens.Blank))})
		case j != nil:
			key := f.Path + " " + j.text(j.command)
			if all.jobs[key] == nil {
				all.order = append(all.order, key)
			}
			all.jobs[key] = append(all.jobs[key], j)
		}
	}
	return diags
}

// variable is a line that sets one: crontab(5).
var variable = regexp.MustCompile(`^("[^"]*"|'[^']*'|[^\s=]+)[ \t]*=`)

// parse reads a line; it is nil where the line is no job, and why says what is
// wrong with one.
func parse(f *lensput.File, line lens.Span, named bool) (j *job, why string) {
	src := f.Source()
	body := lens.Trim(src, line, lens.Blank)
	text := body.Of(src)
	if text == "" || text[0] == '#' || variable.MatchString(text) {
		return nil, ""
	}
	j = &job{file: f, line: line}
	if text[0] == '-' { // not to be logged
		body.Start++
	}
	times := fields
	if strings.HasPrefix(body.Of(src), "@") {
		times = 1
	}
	n := times + 1
	if named {
		n++
	}
	words := lens.Fields(src, body, n)
	if len(words) < n {
		return nil, "something is missing: when, who where the table is the system's, and what"
	}
	j.schedule = lens.Span{Start: words[0].Start, End: words[times-1].End}
	if why := checkSchedule(j.text(j.schedule)); why != "" {
		return nil, why
	}
	if named {
		j.user = words[times]
		if !userForm.MatchString(j.text(j.user)) {
			return nil, "that is not the name of a user"
		}
	}
	j.command = words[n-1]
	return j, ""
}

var userForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*\$?$`)

// fields is how many say when.
const fields = 5

var ranges = [fields]struct {
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

// checkSchedule says what cron would not take of a schedule; "" for nothing.
func checkSchedule(s string) string {
	words := strings.Fields(s)
	if len(words) == 1 && strings.HasPrefix(s, "@") {
		for _, n := range nicknames {
			if s == n {
				return ""
			}
		}
		return strconv.Quote(s) + " is none of " + strings.Join(nicknames, " ")
	}
	if len(words) != fields {
		return "a schedule has five fields or is @daily or its like"
	}
	for i, w := range words {
		for item := range strings.SplitSeq(w, ",") {
			if !checkItem(i, strings.ToLower(item)) {
				return strconv.Quote(w) + " is no " + ranges[i].name
			}
		}
	}
	return ""
}

// checkItem checks one of the parts between commas: *, N, N-M or N~M, and /STEP.
func checkItem(field int, item string) bool {
	item, step, stepped := strings.Cut(item, "/")
	if stepped {
		if n, err := strconv.Atoi(step); err != nil || n < 1 || n > ranges[field].hi+1 || step[0] == '+' {
			return false
		}
	}
	if item == "*" {
		return true
	}
	value := func(s string) (int, bool) {
		for i, w := range ranges[field].words {
			if s == w {
				return i + ranges[field].lo, true
			}
		}
		n, err := strconv.Atoi(s)
		return n, err == nil && len(s) < 3 && s[0] != '+' && s[0] != '-' && n >= ranges[field].lo && n <= ranges[field].hi
	}
	lo, hi, isRange := strings.Cut(item, "-")
	if !isRange {
		lo, hi, isRange = strings.Cut(item, "~")
		if isRange && (lo == "" || hi == "") { // a random one of an open range
			_, okLo := value(lo)
			_, okHi := value(hi)
			return (lo == "" || okLo) && (hi == "" || okHi)
		}
	}
	a, ok := value(lo)
	if !isRange || !ok {
		return ok
	}
	b, ok := value(hi)
	return ok && a <= b
}
