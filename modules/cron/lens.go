// Package cron is the lens over crontabs: the kind cron, the jobs of
// /etc/crontab, /etc/cron.d and people's own tables below /var/spool/cron. A job
// is named by its file and its command: so a job that is put before it, or
// another schedule, leave it what it is.
package cron

import (
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/crontab"
	"hikae/hosts"
	"hikae/modules/internal/lensput"
)

// Kind is the kind of jobs.
const Kind = "cron"

const (
	attrSchedule = "schedule"
	attrUser     = "user"
)

// Lens shows the jobs of crontabs. Of two jobs of one file that run the same
// command it shows and edits the first; variables are not looked at.
type Lens struct{}

var _ engine.Lens = Lens{}

// Kinds has the one kind.
func (Lens) Kinds() []engine.Schema {
	return []engine.Schema{{
		Kind:  Kind,
		Doc:   "A job of /etc/crontab, of a file of /etc/cron.d or of a person's table in /var/spool/cron.",
		Label: "path of the crontab, a blank, and the command",
		Stage: engine.StageConfig,
		Attrs: []engine.Attr{
			{Name: attrSchedule, Type: cty.String, Doc: "When: five fields as in crontab(5), or @daily and its like."},
			{Name: attrUser, Type: cty.String, Doc: "Whose job it is; not in a person's own table."},
		},
	}}
}

// Grammars are those of people's tables and of the system's.
func (Lens) Grammars() []lens.Grammar { return []lens.Grammar{crontab.Grammar(), crontab.System()} }

// Verbatim is where the variables are, what crond passes over, and jobs that a
// table has twice.
func (Lens) Verbatim(t engine.Tree) []hcl.Range {
	all, _ := load(t)
	return lensput.Verbatim(all.files)
}

// Units is empty: crond looks at its files each minute.
func (Lens) Units() []engine.Unit { return nil }

// Get shows the jobs, file by file in their order.
func (Lens) Get(t engine.Tree) ([]engine.Resource, hcl.Diagnostics) {
	all, diags := load(t)
	var resources []engine.Resource
	for _, key := range all.order {
		j := all.jobs[key][0]
		user := cty.NullVal(cty.String)
		if j.user.Len() > 0 {
			user = cty.StringVal(j.text(j.user))
		}
		resources = append(resources, engine.Resource{
			Addr:  engine.Addr{Kind: Kind, Name: key},
			Value: cty.ObjectVal(map[string]cty.Value{attrSchedule: cty.StringVal(j.text(j.schedule)), attrUser: user}),
			Range: *j.file.RangeOf(j.node.Whole),
		})
	}
	return resources, diags
}

// Put makes the edits. It implies no other resources.
func (Lens) Put(t engine.Tree, edits []engine.Edit) ([]engine.FileEdit, []engine.Resource, hcl.Diagnostics) {
	all, _ := load(t) // what is passed over stays as it is
	p := &put{tables: all, tree: t}
	for _, e := range lensput.Sorted(edits) {
		p.edit(e)
	}
	files := p.Files()
	return files, nil, p.Diags
}

type put struct {
	lensput.Put
	*tables
	tree engine.Tree
}

func (p *put) edit(e engine.Edit) {
	jobs := p.jobs[e.Addr.Name]
	if e.Absent {
		for _, j := range jobs {
			j.file.Tree.Remove(j.node)
			p.Touch(j.file, e.Addr)
		}
		return
	}
	schedule, okSchedule := p.text(e, attrSchedule)
	user, okUser := p.text(e, attrUser)
	if !okSchedule || !okUser {
		return
	}
	if len(jobs) > 0 && schedule == jobs[0].text(jobs[0].schedule) {
		schedule = "" // as it is, however odd
	}
	if why := crontab.CheckSchedule(schedule); schedule != "" && why != "" {
		p.Fail(e.RangeOf(attrSchedule), "Schedule that cron would not take", "%s.", why)
		return
	}
	if user != "" && !userForm().MatchString(user) {
		p.Fail(e.RangeOf(attrUser), "Not the name of a user", "%q cannot be one.", user)
		return
	}
	if len(jobs) == 0 {
		p.create(e, schedule, user)
		return
	}
	j := jobs[0]
	if schedule != "" && schedule != j.text(j.schedule) {
		j.file.Replace(j.schedule, schedule)
		p.Touch(j.file, e.Addr)
	}
	switch {
	case user == "" || j.user.Len() > 0 && user == j.text(j.user):
	case j.user.Len() == 0:
		p.Fail(e.RangeOf(attrUser), "The table is a person's own", "Jobs of %s are all %s's: leave user out.", j.file.Path, path.Base(j.file.Path))
	default:
		j.file.Replace(j.user, user)
		p.Touch(j.file, e.Addr)
	}
}

// text is an attribute that is said, "" where it is not. Null is refused: a job
// without it is none.
func (p *put) text(e engine.Edit, attr string) (string, bool) {
	v, ok := e.Attrs[attr]
	if !ok {
		return "", true
	}
	if v.IsNull() {
		if names, known := place(fileOf(e.Addr.Name)); attr == attrUser && known && !names {
			return "", true
		}
		p.Fail(e.RangeOf(attr), "Job without "+attr, "A job has a %s; to take the job out, write absent = true.", attr)
		return "", false
	}
	return strings.TrimSpace(v.AsString()), true
}

func fileOf(name string) string {
	file, _, _ := strings.Cut(name, " ")
	return file
}

// create adds a job at the end of its table.
func (p *put) create(e engine.Edit, schedule, user string) {
	file, command, _ := strings.Cut(e.Addr.Name, " ")
	names, ok := place(file)
	switch {
	case !ok:
		p.Fail(e.RangeOf(""), "Not a crontab", "%q: a job is named by the path of its table, %s, %s/NAME or %s/USER, a blank, and its command.", e.Addr.Name, systemTable, systemDir, spoolDir)
		return
	case command == "" || strings.TrimSpace(command) != command || strings.ContainsAny(command, "\n\r\x00"):
		p.Fail(e.RangeOf(""), "Job without a command", "The command of %q is one line without blanks around it.", e.Addr.Name)
		return
	case !names && command[0] == '=':
		p.Fail(e.RangeOf(""), "Not a command", "The command of %q cannot begin with an equals sign: cron would take the line for a variable's.", e.Addr.Name)
		return
	case schedule == "":
		p.Fail(e.RangeOf(""), "Job without a schedule", "The job %q is not there yet: say when it is due, with schedule.", e.Addr.Name)
		return
	case names && user == "":
		p.Fail(e.RangeOf(""), "Job without a user", "Jobs of %s name whose they are: say it, with user.", file)
		return
	case !names && user != "":
		p.Fail(e.RangeOf(attrUser), "The table is a person's own", "Jobs of %s are all %s's: leave user out.", file, path.Base(file))
		return
	}
	i := slices.IndexFunc(p.files, func(f *lensput.File) bool { return f.Path == file })
	if i < 0 {
		if _, err := p.tree.Stat(file); err == nil {
			p.Fail(e.RangeOf(""), "Crontab cannot be edited", "%s is there and is no file that can be read.", file)
			return
		}
		i = len(p.files)
		p.files = append(p.files, lensput.New(file))
		if !names { // as crontab(1) makes it
			p.Make(p.files[i], hosts.Node{Type: hosts.File, Mode: 0o600, Owner: path.Base(file), Group: "root"})
		}
	}
	line := schedule + " "
	if names {
		line += user + " "
	}
	p.files[i].Append(line + command)
	p.Touch(p.files[i], e.Addr)
}
