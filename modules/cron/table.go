package cron

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/crontab"
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
	if crontab.Ignored(path.Base(p)) {
		return false, false
	}
	return path.Dir(p) == systemDir, path.Clean(p) == p && (path.Dir(p) == systemDir || path.Dir(p) == spoolDir)
}

// job is one line that says when to do what.
type job struct {
	file     *lensput.File
	node     *lens.Node
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
		var bad []error
		f, err := lensput.Open(t, p, reading(&bad))
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
		for _, why := range bad {
			diags = append(diags, passedOver(f, why))
		}
		diags = append(diags, all.add(f, named)...)
	}
	return all, diags
}

// reading is the grammar as crond(8) has it: it goes on behind a line that is no
// good, which is told.
func reading(bad *[]error) lens.Grammar {
	g := crontab.Grammar()
	g.Parse = func(src []byte) (f *lens.File, _ error) {
		f, *bad = crontab.Read(src)
		return f, nil
	}
	return g
}

func passedOver(f *lensput.File, why error) *hcl.Diagnostic {
	d := lensput.Diag(hcl.DiagWarning, f.Path, why, "")
	d.Summary, d.Detail = "Line passed over", "cron passes over it: "+strings.TrimSuffix(d.Detail, ". ")+"."
	return d
}

// add takes in the jobs of a table.
func (all *tables) add(f *lensput.File, named bool) hcl.Diagnostics {
	var diags hcl.Diagnostics
	src := f.Source()
	for _, n := range f.Tree.Root.Nodes {
		when, ok := crontab.Job(src, n)
		if !ok {
			continue
		}
		j := &job{file: f, node: n, schedule: lens.Span{Start: n.Words[0].Start, End: n.Words[when-1].End}, command: n.Words[when]}
		if named {
			words := lens.Fields(src, j.command, 2)
			if len(words) < 2 {
				diags = append(diags, passedOver(f, lens.ErrorAt(src, n.Whole.Start, "a job of the system's tables says whose it is, before what is to be done")))
				continue
			}
			j.user, j.command = words[0], words[1]
			if !userForm().MatchString(j.text(j.user)) {
				diags = append(diags, passedOver(f, lens.ErrorAt(src, j.user.Start, "%.60q is not the name of a user", j.text(j.user))))
				continue
			}
		}
		key := f.Path + " " + j.text(j.command)
		if all.jobs[key] == nil {
			all.order = append(all.order, key)
			lens.Show(n)
		}
		all.jobs[key] = append(all.jobs[key], j)
		if end := n.Whole.End; len(bytes.TrimLeft(src[end:], " \t\r")) == 0 {
			diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "Line without an end",
				Detail: "cron passes over the last line of a table where no line feed ends it.", Subject: f.RangeOf(n.Whole)})
		}
	}
	return diags
}

var userForm = engine.Form(`^[A-Za-z0-9_][A-Za-z0-9_.-]*\$?$`)
