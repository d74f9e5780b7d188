package repo

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
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
			Range: *r.file.RangeOf(r.sections[0].Header),
		})
	}
	return resources, diags
}

func (r *repository) value() cty.Value {
	attrs := map[string]cty.Value{}
	others := map[string]bool{}
	for _, s := range r.sections {
		for _, e := range s.Entries {
			others[e.Key] = true
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
	e, ok := s.entry(r.sections)
	if e == nil || !ok {
		return cty.NilVal, false
	}
	return s.value(e, r.file.Source())
}
