package repo

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/ini"
	"hikae/modules/internal/lensput"
)

// Kind is the kind of repositories.
const Kind = "repo"

// Names of the attributes that are no settings.
const (
	attrFile   = "file"
	attrOthers = "others"
)

// Lens shows dnf's repositories: the sections of /etc/yum.repos.d/*.repo, and
// those of /etc/dnf/dnf.conf but for [main]. A resource's name is the
// repository's id. Values stand as written: $releasever is not replaced.
//
// User names, passwords and proxies are among what the lens does not look at:
// a view shows no secret.
type Lens struct{}

var _ engine.Lens = Lens{}

// Kinds has the one kind.
func (Lens) Kinds() []engine.Schema { return []engine.Schema{schema()} }

func schema() engine.Schema {
	s := engine.Schema{
		Kind:  Kind,
		Doc:   "A repository that dnf takes packages from.",
		Label: "repository id",
		Stage: engine.StageSystem,
		Attrs: []engine.Attr{
			{Name: attrFile, Type: cty.String, Info: true, Doc: "The file it is written in; of a new one /etc/yum.repos.d/ID.repo, where nothing is said."},
			{Name: attrOthers, Type: cty.Number, Info: true, Doc: "How many settings it has that are not shown here."},
		},
	}
	for _, set := range settings() {
		s.Attrs = append(s.Attrs, engine.Attr{Name: set.attr, Type: set.form.typ(), Doc: set.doc})
	}
	return s
}

// Units is empty: dnf reads its files anew each time.
func (Lens) Units() []engine.Unit { return nil }

// Get shows the repositories in the order of their ids.
func (Lens) Get(t engine.Tree) ([]engine.Resource, hcl.Diagnostics) {
	c, diags := load(t)
	var resources []engine.Resource
	for _, id := range slices.Sorted(maps.Keys(c.repos)) {
		r := c.repos[id]
		resources = append(resources, engine.Resource{
			Addr:  engine.Addr{Kind: Kind, Name: id},
			Value: r.value(),
			Range: *r.file.RangeOf(headerOf(r.sections[0])),
		})
	}
	return resources, diags
}

func (r *repository) value() cty.Value {
	attrs := map[string]cty.Value{}
	others := map[string]bool{}
	for _, s := range r.sections {
		for _, n := range s.Nodes {
			others[n.Name(r.file.Source())] = true
		}
	}
	for _, s := range settings() {
		attrs[s.attr] = cty.NullVal(s.form.typ())
		if v, ok := r.get(s); ok {
			attrs[s.attr] = v
			delete(others, s.attr)
			delete(others, s.alias)
		}
	}
	attrs[attrFile] = cty.StringVal(r.file.Path)
	attrs[attrOthers] = cty.NumberIntVal(int64(len(others)))
	return cty.ObjectVal(attrs)
}

// get reads a setting. It reports false where nothing, or nothing that can be
// understood, is written.
func (r *repository) get(s setting) (cty.Value, bool) {
	n, ok := r.entry(s)
	if n == nil || !ok {
		return cty.NilVal, false
	}
	return s.value(n.Word(r.file.Source(), 1))
}

// show marks what Get shows of a repository: of a setting that is written
// several times, the one that counts.
func (r *repository) show() {
	lens.Show(r.sections...)
	for _, s := range settings() {
		if _, ok := r.get(s); ok {
			n, _ := r.entry(s)
			lens.Show(n)
		}
	}
}

// Grammars has the one grammar.
func (Lens) Grammars() []lens.Grammar { return []lens.Grammar{grammar()} }

// Verbatim counts what repositories have beyond what is shown, and sections
// that dnf passes over; not what dnf.conf says of dnf itself.
func (Lens) Verbatim(t engine.Tree) []hcl.Range {
	c, _ := load(t)
	for _, r := range c.repos {
		r.show()
	}
	if c.main != nil {
		for _, s := range ini.Named(c.main.Tree, "main") {
			lens.Show(s)
			lens.Show(s.Nodes...)
		}
	}
	return lensput.Verbatim(c.files)
}
