// Package postfix is the lens over Postfix's configuration: the parameters of
// main.cf, the services of master.cf, the lookup tables that these name and that
// are plain text, and aliases.
package postfix

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/postfix"
	"hikae/modules/internal/lensput"
)

// The kinds of the lens.
const (
	KindParameter = "postfix_parameter"
	KindService   = "postfix_service"
	KindMap       = "mail_map"
	KindAlias     = "mail_alias"
)

const (
	mainPath    = "/etc/postfix/main.cf"
	masterPath  = "/etc/postfix/master.cf"
	aliasesPath = "/etc/aliases"

	attrValue = "value"
)

// Lens shows what Postfix reads below /etc/postfix, and /etc/aliases. Values
// stand as written: $name is not replaced. Other instances' directories are not
// looked at. Tables of the kinds regexp, pcre and cidr are files like others, and
// a table of passwords is not read at all.
type Lens struct{}

var _ engine.Lens = Lens{}

// Kinds has parameters, services, maps and aliases.
func (Lens) Kinds() []engine.Schema {
	return []engine.Schema{
		{
			Kind:  KindParameter,
			Doc:   "A parameter of Postfix, in /etc/postfix/main.cf. Of two settings of one parameter the last counts, and is shown.",
			Label: "name of the parameter",
			Stage: engine.StageConfig,
			Attrs: []engine.Attr{{Name: attrValue, Type: cty.DynamicPseudoType,
				Doc: `What it is set to, of the parameter's type in postconf(5): true or false, a number, a list of strings, or a string: a time is "300s". ` +
					"A restriction and the table that it looks into are one item of a list. A string may refer to others with $name in place of any type but a list; null takes the setting out, and Postfix's default holds."}},
		},
		serviceSchema(),
		{
			Kind:  KindMap,
			Doc:   "An entry of a lookup table of Postfix's that main.cf or master.cf names as hash:, lmdb:, texthash: or the like. The compiled table is made anew when the text changes.",
			Label: "path of the table's text, and the key to look up",
			Stage: engine.StageConfig,
			Attrs: []engine.Attr{{Name: attrValue, Type: cty.String, Doc: "What is found under the key."}},
		},
		{
			Kind:  KindAlias,
			Doc:   "An alias of /etc/aliases: to whom the mail of a local name goes.",
			Label: "local name; before it the path of the file, where that is another than /etc/aliases",
			Stage: engine.StageConfig,
			Attrs: []engine.Attr{{Name: attrValue, Type: cty.List(cty.String), Doc: `Addresses, files, "|command"s and :include:s that its mail goes to, each as written there.`}},
		},
	}
}

// Units is empty: modules/daemons knows Postfix and its compiled tables.
func (Lens) Units() []engine.Unit { return nil }

// Grammars are those of main.cf and master.cf, of lookup tables and of aliases.
func (Lens) Grammars() []lens.Grammar {
	return []lens.Grammar{postfix.Main(), postfix.Master(), postfix.Table(), postfix.Aliases()}
}

// Verbatim is where Postfix passes over a line, and settings and entries that
// another of the same name hides.
func (Lens) Verbatim(t engine.Tree) []hcl.Range {
	c, _ := load(t)
	_, _ = c.resources() // marks what is shown
	return lensput.Verbatim(c.files())
}

// Get shows the parameters, the services, and the entries of each table, in the
// order of their files.
func (Lens) Get(t engine.Tree) ([]engine.Resource, hcl.Diagnostics) {
	c, diags := load(t)
	resources, more := c.resources()
	return resources, append(diags, more...)
}

// Put makes the edits. It implies no other resources.
func (Lens) Put(t engine.Tree, edits []engine.Edit) ([]engine.FileEdit, []engine.Resource, hcl.Diagnostics) {
	c, diags := load(t)
	if diags.HasErrors() {
		return nil, nil, diags
	}
	p := &put{config: c}
	edits = lensput.Sorted(edits)
	for _, e := range edits {
		switch e.Addr.Kind {
		case KindParameter:
			p.parameter(e)
		case KindService:
			p.service(e)
		}
	}
	p.tablesAnew()
	for _, e := range edits {
		switch e.Addr.Kind {
		case KindMap:
			p.entry(e)
		case KindAlias:
			p.alias(e)
		}
	}
	files := p.Files()
	return files, nil, p.Diags
}

type put struct {
	lensput.Put
	*config
}

// tablesAnew looks for the tables once more, as main.cf and master.cf name them
// after their edits.
func (p *put) tablesAnew() {
	after := &config{tree: p.tree, unread: p.unread}
	again := func(f *lensput.File, g lens.Grammar) *lensput.File {
		if f == nil {
			return nil
		}
		b, err := f.Bytes()
		if err != nil {
			p.Fail(nil, "Edits of one file meet", "%s: %s.", f.Path, err)
			return f
		}
		tree, err := g.Parse(b)
		if err != nil {
			p.Fail(nil, "Edits cannot be read", "%s would be one that Postfix refuses: %s.", f.Path, err)
			return f
		}
		return &lensput.File{Path: f.Path, Document: tree.Document, Tree: tree}
	}
	after.main, after.master = again(p.main, postfix.Main()), again(p.master, postfix.Master())
	_ = after.loadTables() // told of the tree as it was; a new one that is missing is made
	p.tables, p.secret = after.tables, after.secret
}

// resources is all that is shown; the nodes are marked so.
func (c *config) resources() ([]engine.Resource, hcl.Diagnostics) {
	resources, diags := c.parameters()
	services, more := c.services()
	resources, diags = append(resources, services...), append(diags, more...)
	for _, t := range c.tables {
		entries, more := t.resources()
		resources = append(resources, entries...)
		diags = append(diags, more...)
	}
	return resources, diags
}

// value is an attribute that a resource is to have, or was given.
func value(v cty.Value) cty.Value { return cty.ObjectVal(map[string]cty.Value{attrValue: v}) }
