// Package postgresql is the lens over a PostgreSQL cluster's postgresql.conf and
// pg_hba.conf: the kinds postgresql_setting and hba.
//
// EL's cluster is in /var/lib/pgsql/data, among its databases, which a snapshot
// does not carry. A project that declares paths = ["/var/lib/pgsql/data"] has
// the files *.conf there carried, and nothing else of it.
package postgresql

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/modules/internal/lensput"
)

// The kinds.
const (
	KindSetting = "postgresql_setting"
	KindHBA     = "hba"
)

const (
	attrValue   = "value"
	attrFile    = "file"
	attrMethod  = "method"
	attrOptions = "options"
	attrBefore  = "before"
)

// Lens shows the settings of postgresql.conf by their names in lower case, the
// last of a name, which counts; and the rules of pg_hba.conf in their order.
// What may hold a password is not shown and kept as it is.
type Lens struct{}

var _ engine.Lens = Lens{}

// Kinds are those of settings and of rules.
func (Lens) Kinds() []engine.Schema {
	return []engine.Schema{
		{
			Kind:  KindSetting,
			Doc:   "A setting of PostgreSQL, in postgresql.conf or in a file that it includes. The cluster's directory is carried where the project declares it: paths = [\"/var/lib/pgsql/data\"].",
			Label: "name of the setting, in lower case",
			Stage: engine.StageConfig,
			Attrs: []engine.Attr{
				{Name: attrValue, Type: cty.DynamicPseudoType, Doc: `What it is set to: true or false, a number, a size or a time with its unit as in "256MB" or "5min", a list of strings for listen_addresses and its like, text otherwise.`},
				{Name: attrFile, Type: cty.String, Info: true, Doc: "The file it is written in. A new one is written at the end of postgresql.conf."},
			},
		},
		{
			Kind:  KindHBA,
			Doc:   "A rule of pg_hba.conf: who may come from where, and how they prove who they are. The first rule that fits counts.",
			Label: `what it is for, as pg_hba.conf says it with single blanks: "host all all 10.0.0.0/8", "local all postgres"`,
			Stage: engine.StageConfig,
			Attrs: []engine.Attr{
				{Name: attrMethod, Type: cty.String, Doc: `How they prove it: "scram-sha-256", "peer", "cert", "reject", ...`},
				{Name: attrOptions, Type: cty.Map(cty.String), Doc: `Options of the method: { map = "admins" }. ldapbindpasswd and radiussecrets are not shown, and stay.`},
				{Name: attrBefore, Type: cty.String, Info: true, Doc: "The rule that it comes before, by name: somewhere before it, right before where it is new or has to move. As read, the next rule. A new one without it comes last."},
				{Name: attrFile, Type: cty.String, Info: true, Doc: "The file it is written in."},
			},
		},
	}
}

// Units is empty: modules/daemons knows PostgreSQL.
func (Lens) Units() []engine.Unit { return nil }

// Grammars are those of postgresql.conf and of pg_hba.conf.
func (Lens) Grammars() []lens.Grammar { return []lens.Grammar{conf, hba} }

// Get shows the settings in the order of their names, and the rules in theirs.
func (Lens) Get(t engine.Tree) ([]engine.Resource, hcl.Diagnostics) {
	c := load(t)
	return append(c.settings(), c.ruleResources()...), c.diags
}

func (c *cluster) settings() []engine.Resource {
	var resources []engine.Resource
	for _, name := range slices.Sorted(maps.Keys(c.lines)) {
		all := c.lines[name]
		last := all[len(all)-1]
		v, ok := value(name, last.says())
		if !ok || !shownName(name) {
			continue
		}
		resources = append(resources, engine.Resource{
			Addr:  engine.Addr{Kind: KindSetting, Name: name},
			Value: cty.ObjectVal(map[string]cty.Value{attrValue: v, attrFile: cty.StringVal(last.file.Path)}),
			Range: *last.file.RangeOf(last.node.Whole),
		})
		for _, s := range all {
			lens.Show(s.node)
		}
	}
	return resources
}

// shownName tells whether a setting can be named in HCL.
func shownName(name string) bool {
	for i := range len(name) {
		c := name[i]
		if known := 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_' || c == '.'; !known {
			return false
		}
	}
	return name != ""
}

// Verbatim is where the lines are that are not shown.
func (Lens) Verbatim(t engine.Tree) []hcl.Range {
	c := load(t)
	c.settings()
	c.ruleResources()
	return lensput.Verbatim(c.files)
}
