package postgresql

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/postgresql"
	"hikae/modules/internal/lensput"
)

// rule is a rule of pg_hba.conf.
type rule struct {
	postgresql.Rule
	file  *lensput.File
	node  *lens.Node
	name  string
	index int
	twins []*rule // rules of the same name behind it, which never count
}

// readHBA reads a file of rules.
func (c *cluster) readHBA(p string, from *hcl.Range, above []string) {
	f := c.open(p, hba, from, above)
	if f == nil {
		return
	}
	if c.hba == nil && from == nil {
		c.hba = f
	}
	above = append(slices.Clone(above), f.Path)
	for _, n := range f.Tree.Root.Nodes {
		fields := fieldsOf(f.Source(), n)
		if len(fields) == 2 && postgresql.IsInclude([]string{fields[0][0].Text, fields[1][0].Text}) {
			c.include(fields[0][0].Text, fields[1][0].Text, f, n, func(p string, from *hcl.Range) { c.readHBA(p, from, above) })
			continue
		}
		parsed, err := postgresql.ParseRule(fields)
		if err != nil {
			continue // a comment that goes on
		}
		r := &rule{Rule: parsed, file: f, node: n, name: nameOf(parsed), index: len(c.rules)}
		c.rules = append(c.rules, r)
		if first := c.named[r.name]; first != nil {
			first.twins = append(first.twins, r)
			c.diags = append(c.diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "Rule that never counts",
				Detail: "One for the same stands before it: PostgreSQL takes the first.", Subject: f.RangeOf(n.Whole)})
			continue
		}
		c.named[r.name] = r
	}
}

func fieldsOf(src []byte, n *lens.Node) [][]postgresql.Token {
	fields := make([][]postgresql.Token, len(n.Words))
	for i := range n.Words {
		fields[i] = postgresql.Tokens(n.Word(src, i))
	}
	return fields
}

// nameOf is what a rule is for, as pg_hba.conf says it.
func nameOf(r postgresql.Rule) string {
	words := []string{r.Type, listOf(r.Databases), listOf(r.Users)}
	if r.Type != "local" {
		words = append(words, postgresql.QuoteToken(r.Address))
		if r.Mask.Text != "" {
			words = append(words, postgresql.QuoteToken(r.Mask))
		}
	}
	return strings.Join(words, " ")
}

func listOf(tokens []postgresql.Token) string {
	words := make([]string, len(tokens))
	for i, t := range tokens {
		words[i] = postgresql.QuoteToken(t)
	}
	return strings.Join(words, ",")
}

// secretOptions hold passwords.
var secretOptions = []string{"ldapbindpasswd", "radiussecrets"}

// shown is the options of a rule that are no secrets.
func (r *rule) shown() cty.Value {
	m := map[string]cty.Value{}
	for _, o := range r.Options {
		if !slices.Contains(secretOptions, o.Name) {
			m[o.Name] = cty.StringVal(o.Value)
		}
	}
	if len(m) == 0 {
		return cty.NullVal(cty.Map(cty.String))
	}
	return cty.MapVal(m)
}

// plain tells whether cty can hold what the rule says.
func (r *rule) plain() bool {
	text := r.node.Whole.Of(r.file.Source())
	return utf8.ValidString(text) && cty.NormalizeString(text) == text && !strings.ContainsAny(r.name, "\n\r\t")
}

// maxRules is how many rules are shown.
const maxRules = 1000

func (c *cluster) ruleResources() []engine.Resource {
	if len(c.rules) > maxRules {
		c.diags = append(c.diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "Too many to show",
			Detail: "pg_hba.conf has more than 1,000 rules: they are kept as they are.", Subject: c.rules[0].file.RangeOf(c.rules[0].node.Whole)})
		return nil
	}
	var resources []engine.Resource
	before := cty.NullVal(cty.String)
	for _, r := range slices.Backward(c.rules) {
		if c.named[r.name] != r || !r.plain() {
			continue
		}
		lens.Show(r.node)
		resources = append(resources, engine.Resource{
			Addr: engine.Addr{Kind: KindHBA, Name: r.name},
			Value: cty.ObjectVal(map[string]cty.Value{
				attrMethod: cty.StringVal(r.Method), attrOptions: r.shown(), attrBefore: before, attrFile: cty.StringVal(r.file.Path),
			}),
			Range: *r.file.RangeOf(r.node.Whole),
		})
		before = cty.StringVal(r.name)
	}
	slices.Reverse(resources)
	return resources
}
