// Package mariadb is the lens over the option files of MariaDB's server and
// programs: the kind mariadb_setting, one option of one group.
package mariadb

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/modules/internal/lensput"
)

// Kind is the kind of settings.
const Kind = "mariadb_setting"

const (
	attrValue = "value"
	attrFile  = "file"
	maxShown  = 1000 // settings of one file; more stay bytes
)

// Lens shows the options of /etc/my.cnf and of the files that it includes, by
// their groups and names. Passwords and keys are not shown, nor written.
type Lens struct{}

var _ engine.Lens = Lens{}

// Kinds has the one kind.
func (Lens) Kinds() []engine.Schema {
	return []engine.Schema{{
		Kind: Kind,
		Doc: "An option of MariaDB's server or of one of its programs, in a group of /etc/my.cnf or of a file that it includes. " +
			"The first label is the group (mysqld, mariadb-10.3, client), the second the option's name with underscores. " +
			"Of several settings of one option in a group the last one is shown and edited: it is the one that holds.",
		Label: "GROUP, and the option with _, as in server_id",
		Stage: engine.StageConfig,
		Attrs: []engine.Attr{
			{Name: attrValue, Type: cty.DynamicPseudoType, Doc: "Its value: a number, true or false, a size as text (\"64M\"), a list of texts for an option that may come several times (replicate_do_db), else text. " +
				"true for an option that is written without a value."},
			{Name: attrFile, Type: cty.String, Info: true, Doc: "The file that sets it; of a new one " + newFile + ", where nothing is said."},
		},
	}}
}

// Units is empty: mariadb.service is among the daemons.
func (Lens) Units() []engine.Unit { return nil }

// Grammars has the one grammar.
func (Lens) Grammars() []lens.Grammar { return []lens.Grammar{grammar()} }

// Get shows the options in the order in which MariaDB reads them.
func (Lens) Get(t engine.Tree) ([]engine.Resource, hcl.Diagnostics) {
	c := load(t)
	return c.show()
}

// Verbatim counts what is not shown: options that another one overrides,
// passwords, lines that say nothing.
func (Lens) Verbatim(t engine.Tree) []hcl.Range {
	c := load(t)
	_, _ = c.show()
	return lensput.Verbatim(c.files)
}

func (c *config) show() ([]engine.Resource, hcl.Diagnostics) {
	diags := c.diags
	count := map[*lensput.File]int{}
	for _, f := range c.files {
		for _, n := range f.Tree.Root.Nodes {
			if n.Block {
				lens.Show(n)
				count[f] += len(n.Nodes)
			}
		}
		if count[f] > maxShown {
			diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "Too many settings to show",
				Detail: fmt.Sprintf("%s has %d of them; they are kept as they are.", f.Path, count[f]), Subject: f.RangeOf(f.Tree.Root.Nodes[0].Whole)})
		}
	}
	var resources []engine.Resource
	for _, a := range c.order {
		options := c.options[a]
		last := options[len(options)-1]
		v, ok := value(a.key, options)
		if !ok || isSecret(a.key) || !clean(a.group) || !clean(a.key) || a.group == "" || count[last.file] > maxShown {
			continue
		}
		lens.Show(last.node)
		if formOf(a.key) == list {
			for _, o := range options {
				lens.Show(o.node)
			}
		}
		resources = append(resources, engine.Resource{
			Addr:  engine.Addr{Kind: Kind, In: a.group, Name: a.key},
			Value: cty.ObjectVal(map[string]cty.Value{attrValue: v, attrFile: cty.StringVal(last.file.Path)}),
			Range: *last.file.RangeOf(last.node.Whole),
		})
	}
	return resources, diags
}
