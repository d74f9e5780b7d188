// Package httpd is the lens over httpd's configuration: the kind vhost, a
// <VirtualHost> wherever httpd finds it on its way through includes, conditions
// and macros.
package httpd

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/apache"
	"hikae/modules/internal/lensput"
)

// Kind is the kind of virtual hosts.
const Kind = "vhost"

const (
	attrFile   = "file"
	attrOthers = "others"
	attrListen = "listen"
)

// maxShown is how many virtual hosts of one file are shown. More stay bytes: such
// a file is a program's, not a person's.
const maxShown = 1000

// Lens shows httpd's virtual hosts. Values stand as they are written: variables
// are replaced only where the lens has to know what httpd reads.
type Lens struct{}

var _ engine.Lens = Lens{}

// Kinds has the one kind.
func (Lens) Kinds() []engine.Schema { return []engine.Schema{schema()} }

func schema() engine.Schema {
	s := engine.Schema{
		Kind: Kind,
		Doc: "A virtual host of httpd: a <VirtualHost> and what stands in it. It is called by its ServerName and the port of its first address; " +
			"one without a ServerName by that address. Of several of one name, the second that httpd reads is called NAME#2, and so on.",
		Label: "SERVERNAME:PORT",
		Stage: engine.StageConfig,
		Attrs: []engine.Attr{
			{Name: attrFile, Type: cty.String, Info: true, Doc: "The file it is written in. A new one is written in /etc/httpd/conf.d/SERVERNAME.conf, where nothing is said."},
			{Name: attrOthers, Type: cty.Number, Info: true, Doc: "How many of its directives and sections are not shown here; they are kept as they are."},
			{Name: attrListen, Type: cty.List(cty.String), Doc: "Addresses with their ports that it is asked at, as in <VirtualHost>: \"*:443\", \"192.0.2.1:443\", \"[2001:db8::1]:443\". A Listen has to be for each; \"*:PORT\" of a new one, where nothing is said."},
		},
	}
	for _, a := range attributes() {
		s.Attrs = append(s.Attrs, engine.Attr{Name: a.name, Type: a.form.typ(), Doc: a.doc})
	}
	return s
}

// Units is empty: httpd.service is among the daemons.
func (Lens) Units() []engine.Unit { return nil }

// Grammars has the one grammar.
func (Lens) Grammars() []lens.Grammar { return []lens.Grammar{apache.Grammar()} }

// Get shows the virtual hosts in the order in which httpd reads them.
func (Lens) Get(t engine.Tree) ([]engine.Resource, hcl.Diagnostics) {
	c := load(t)
	return c.show()
}

func (c *config) show() ([]engine.Resource, hcl.Diagnostics) {
	count := map[*file]int{}
	for _, v := range c.vhosts {
		count[v.file]++
	}
	var resources []engine.Resource
	diags := c.diags
	for _, v := range c.vhosts {
		switch n := count[v.file]; {
		case v.made:
			diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "Virtual host made by a macro",
				Detail: fmt.Sprintf("%q is made by a macro that is used here, and not shown: change the macro or its arguments.", v.name), Subject: v.at})
			continue
		case n > maxShown:
			diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "Too many virtual hosts to show",
				Detail: fmt.Sprintf("%s has %d virtual hosts: more than %d are kept as they are. Each can be edited all the same.", v.file.Path, n, maxShown), Subject: v.at})
			count[v.file] = 0
			continue
		case n == 0: // told already
			continue
		}
		resources = append(resources, engine.Resource{Addr: engine.Addr{Kind: Kind, Name: v.name}, Value: v.value(), Range: *v.at})
		diags = append(diags, c.heard(v, v.addresses, v.at)...)
	}
	return resources, diags
}

// Verbatim are the statements that say nothing of what is shown.
func (Lens) Verbatim(t engine.Tree) []hcl.Range {
	c := load(t)
	_, _ = c.show() // marks what it shows
	files := make([]*lensput.File, len(c.order))
	for i, f := range c.order {
		files[i] = f.File
	}
	return lensput.Verbatim(files)
}

// value is what is shown of a virtual host.
func (v *vhost) value() cty.Value {
	src := v.file.Source()
	addresses := make([]cty.Value, 0, len(v.node.Words))
	for _, w := range v.node.Words[min(1, len(v.node.Words)):] {
		addresses = append(addresses, cty.StringVal(apache.Text(src, w)))
	}
	attrs := map[string]cty.Value{
		attrFile:   cty.StringVal(v.file.Path),
		attrListen: listVal(cty.String, addresses),
	}
	lens.Show(v.node)
	for _, s := range v.statements {
		if s.name() == "servername" {
			lens.Show(s.node)
		}
	}
	for _, a := range attributes() {
		attrs[a.name] = a.form.get(v, a)
	}
	attrs[attrOthers] = cty.NumberIntVal(int64(others(v.node.Nodes)))
	return cty.ObjectVal(attrs)
}

// others counts the outermost statements that are not shown.
func others(nodes []*lens.Node) int {
	n := 0
	for _, c := range nodes {
		if !c.Shown {
			n++
			continue
		}
		n += others(c.Nodes)
	}
	return n
}

func listVal(of cty.Type, vals []cty.Value) cty.Value {
	if len(vals) == 0 {
		return cty.NullVal(cty.List(of))
	}
	return cty.ListVal(slices.Clip(vals))
}
