// Package systemd is the lens over an administrator's own units of systemd: the
// kind unit, a unit file of /etc/systemd/system or a drop-in there, and the kind
// timer of modules/timer, which has the timers and the services that they start.
package systemd

import (
	"errors"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/ini"
	"hikae/hosts"
	"hikae/modules/internal/lensput"
	"hikae/modules/internal/units"
	"hikae/modules/timer"
)

// Kind is the kind of unit files.
const Kind = "unit"

const (
	dropInSuffix = ".conf"
	attrFile     = "file"
	attrOthers   = "others"
)

// Lens shows the unit files of /etc/systemd/system and their drop-ins. Links,
// which mask a unit or give it another name, are the kind service's.
type Lens struct{}

var _ engine.Lens = Lens{}

// sections are those of which each is an attribute, in the order in which a new
// file has them.
var sections = []struct{ name, doc string }{
	{"Unit", "what it is, and what it wants and comes after"},
	{"Service", "the process of a service"},
	{"Socket", "where a socket listens"},
	{"Timer", "when a timer is due, in a drop-in: a whole timer is the kind timer"},
	{"Path", "what a path unit looks at"},
	{"Mount", "what a mount mounts"},
	{"Automount", "what is mounted when it is used"},
	{"Swap", "a device or file to swap to"},
	{"Slice", "the resources of a slice"},
	{"Scope", "the resources of a scope"},
	{"Install", "what enabling it does"},
}

func attrOf(section string) string { return strings.ToLower(section) }

// sectionType is a section: its settings by their keys, each with its lines.
var sectionType = cty.Map(cty.List(cty.String))

// Kinds has the two kinds.
func (Lens) Kinds() []engine.Schema {
	s := engine.Schema{
		Kind: Kind,
		Doc: "A unit file of /etc/systemd/system, or, with two labels, a drop-in of a unit: unit \"httpd.service\" \"limits\" is /etc/systemd/system/httpd.service.d/limits.conf. " +
			"Each section is a map; each setting in it the list of its lines, in order. An empty line undoes those before it. Timers, with the services that they start, are the kind timer.",
		Label: "name of the unit with its type; behind it that of a drop-in, without .conf",
		Stage: engine.StageConfig,
		Attrs: []engine.Attr{
			{Name: attrFile, Type: cty.String, Info: true, Doc: "The file."},
			{Name: attrOthers, Type: cty.Number, Info: true, Doc: "How many settings and lines it has that are not shown here; they are kept as they are."},
		},
	}
	for _, sec := range sections {
		s.Attrs = append(s.Attrs, engine.Attr{Name: attrOf(sec.name), Type: sectionType, Doc: "[" + sec.name + "]: " + sec.doc + "."})
	}
	return append(timer.Lens{}.Kinds(), s)
}

// Units is empty: that a unit file changed is known without.
func (Lens) Units() []engine.Unit { return nil }

// Grammars has the one grammar, in the dialect of newer systemds.
func (Lens) Grammars() []lens.Grammar { return []lens.Grammar{units.Grammar(hosts.Facts{})} }

// unit is a unit file or a drop-in.
type unit struct {
	addr  engine.Addr
	path  string
	file  *lensput.File
	facts hosts.Facts
}

// fileOf is the path of a unit file or drop-in, "" where the address is of none.
func fileOf(a engine.Addr) string {
	switch {
	case strings.Contains(a.In+a.Name, "/"), a.Name == "":
		return ""
	case a.In != "" && (units.IsUnit(a.In) || units.IsUnit("x."+a.In)):
		return path.Join(units.Dir, a.In+".d", a.Name+dropInSuffix)
	case a.In == "" && units.IsUnit(a.Name):
		return path.Join(units.Dir, a.Name)
	}
	return ""
}

// load reads all units that are no timers'.
func load(t engine.Tree) ([]*unit, hcl.Diagnostics) {
	var diags hcl.Diagnostics
	owned, err := timer.Owns(t)
	var names []string
	if err == nil {
		names, err = lensput.Names(t, units.Dir, "")
	}
	if err != nil {
		return nil, hcl.Diagnostics{lensput.Diag(hcl.DiagError, units.Dir, err, "Its units are not known.")}
	}
	var all []*unit
	take := func(a engine.Addr) {
		u := &unit{addr: a, path: fileOf(a), facts: t.Facts()}
		var err error
		if u.file, err = units.Open(t, u.path); errors.Is(err, fs.ErrNotExist) {
			return
		} else if err != nil {
			diags = append(diags, lensput.Diag(hcl.DiagWarning, u.path, err, "systemd does not load it."))
			return
		}
		all = append(all, u)
	}
	for _, n := range names {
		if of, dropIns := strings.CutSuffix(n, ".d"); dropIns {
			confs, err := lensput.Names(t, path.Join(units.Dir, n), dropInSuffix)
			if err != nil {
				diags = append(diags, lensput.Diag(hcl.DiagWarning, path.Join(units.Dir, n), err, "Its drop-ins are not known."))
			}
			for _, c := range confs {
				if a := (engine.Addr{Kind: Kind, In: of, Name: strings.TrimSuffix(c, dropInSuffix)}); fileOf(a) != "" {
					take(a)
				}
			}
		} else if units.IsUnit(n) && !owned(n) {
			take(engine.Addr{Kind: Kind, Name: n})
		}
	}
	return all, diags
}

// Get shows the timers, then the units in the order of their paths.
func (Lens) Get(t engine.Tree) ([]engine.Resource, hcl.Diagnostics) {
	resources, diags := timer.Lens{}.Get(t)
	all, more := load(t)
	for _, u := range all {
		resources = append(resources, engine.Resource{Addr: u.addr, Value: u.show(), Range: *u.file.RangeOf(lens.Span{})})
	}
	return resources, append(diags, more...)
}

// Verbatim counts lines that set nothing, and sections that are not systemd's.
func (Lens) Verbatim(t engine.Tree) []hcl.Range {
	all, _ := load(t)
	files := make([]*lensput.File, 0, len(all))
	for _, u := range all {
		u.show()
		files = append(files, u.file)
	}
	return append(timer.Lens{}.Verbatim(t), lensput.Verbatim(files)...)
}

// show is what is shown of a unit, and marks it.
func (u *unit) show() cty.Value {
	attrs := map[string]cty.Value{attrFile: cty.StringVal(u.file.Path)}
	for _, sec := range sections {
		lens.Show(ini.Named(u.file.Tree, sec.name)...)
		lines := u.lines(sec.name)
		values := map[string]cty.Value{}
		for key, nodes := range lines {
			if v, ok := u.value(nodes); ok {
				values[key] = v
				lens.Show(nodes...)
			}
		}
		attrs[attrOf(sec.name)] = cty.NullVal(sectionType)
		if len(values) > 0 {
			attrs[attrOf(sec.name)] = cty.MapVal(values)
		}
	}
	others := 0
	for n := range u.file.Tree.Root.All {
		if !n.Block && !n.Shown {
			others++
		}
	}
	attrs[attrOthers] = cty.NumberIntVal(int64(others))
	return cty.ObjectVal(attrs)
}

// lines are the settings of a section by their keys, as often as it comes.
func (u *unit) lines(section string) map[string][]*lens.Node {
	byKey := map[string][]*lens.Node{}
	for _, s := range ini.Named(u.file.Tree, section) {
		for _, n := range s.Nodes {
			if key := n.Name(u.file.Source()); len(n.Words) == 2 && keyForm().MatchString(key) {
				byKey[key] = append(byKey[key], n)
			}
		}
	}
	return byKey
}

// value is what the lines of a setting say. It reports false where strings
// cannot.
func (u *unit) value(nodes []*lens.Node) (cty.Value, bool) {
	vals := make([]cty.Value, 0, len(nodes))
	for _, n := range nodes {
		said := u.said(n)
		if !clean(said) || checkLine(cty.StringVal(said)) != nil {
			return cty.NilVal, false
		}
		vals = append(vals, cty.StringVal(said))
	}
	return cty.ListVal(vals), true
}

func (u *unit) said(n *lens.Node) string {
	return units.Value(u.facts, n.Word(u.file.Source(), 1))
}

// clean tells whether a string can hold a text as it is.
func clean(s string) bool { return utf8.ValidString(s) && cty.NormalizeString(s) == s }
