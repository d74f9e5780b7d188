// Package redis is the lens over redis.conf and what it includes: the kind
// redis_setting, a directive each.
package redis

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/modules/internal/lensput"
)

// Kind is the kind of settings.
const Kind = "redis_setting"

const (
	attrValue = "value"
	attrFile  = "file"
)

// Lens shows the directives of redis.conf by their names, in lower case and as
// redis calls them today: slave-priority is replica-priority. Passwords, and
// users with theirs, are not shown: they are kept as they are.
type Lens struct{}

var _ engine.Lens = Lens{}

// Kinds has the one kind.
func (Lens) Kinds() []engine.Schema {
	return []engine.Schema{{
		Kind:  Kind,
		Doc:   "A setting of redis, in redis.conf or in a file that it includes.",
		Label: "name of the directive",
		Stage: engine.StageConfig,
		Attrs: []engine.Attr{
			{Name: attrValue, Type: cty.DynamicPseudoType, Doc: `What it is set to: true or false for yes and no, a number, a size as in "256mb", a list for bind, and a list of whole lines for what may stand several times, as in save: ["900 1", "300 10"].`},
			{Name: attrFile, Type: cty.String, Info: true, Doc: "The file it is written in. A new one is written at the end of redis.conf."},
		},
	}}
}

// Units is empty: modules/daemons knows redis.
func (Lens) Units() []engine.Unit { return nil }

// Grammars has the one of redis.conf.
func (Lens) Grammars() []lens.Grammar { return []lens.Grammar{grammar} }

// Get shows the settings in the order of their names.
func (Lens) Get(t engine.Tree) ([]engine.Resource, hcl.Diagnostics) {
	c := load(t)
	return c.resources(), c.diags
}

func (c *config) resources() []engine.Resource {
	var resources []engine.Resource
	for _, name := range slices.Sorted(slices.Values(c.order)) {
		all := c.said(name)
		v, ok := c.value(name)
		if !ok {
			continue
		}
		last := all[len(all)-1]
		resources = append(resources, engine.Resource{
			Addr:  engine.Addr{Kind: Kind, Name: name},
			Value: cty.ObjectVal(map[string]cty.Value{attrValue: v, attrFile: cty.StringVal(last.file.Path)}),
			Range: *last.file.RangeOf(last.node.Whole),
		})
		for _, d := range all {
			lens.Show(d.node)
		}
	}
	return resources
}

// said are the lines of a setting that say something.
func (c *config) said(name string) []*directive {
	return slices.DeleteFunc(slices.Clone(c.lines[name]), func(d *directive) bool { return len(d.args) == 0 })
}

// maxItems is how many lines of one name are shown.
const maxItems = 1000

// value is what a setting is; false where it is not shown.
func (c *config) value(name string) (cty.Value, bool) {
	all := c.said(name)
	if len(all) == 0 || secrets[name] || !shownName(name) {
		return cty.NilVal, false
	}
	if len(all) > maxItems {
		d := all[0]
		c.warn(d.file.RangeOf(d.node.Whole), "Too many to show", name+" stands more than 1,000 times: the lines are kept as they are.")
		return cty.NilVal, false
	}
	args := make([][]string, len(all))
	for i, d := range all {
		args[i] = d.args
	}
	return value(name, args)
}

// shownName tells whether a directive can be named in HCL.
func shownName(name string) bool {
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '\'' || c == '\\' {
			return false
		}
	}
	return name != ""
}

// Verbatim is where the directives are that are not shown.
func (Lens) Verbatim(t engine.Tree) []hcl.Range {
	c := load(t)
	c.resources()
	return lensput.Verbatim(c.files)
}
