// Package firewalld is the lens over firewalld's files: the kinds firewall_zone,
// firewall_service, firewall_ipset and firewall_policy. Its direct rules, its
// helpers and its ICMP types are read and kept as they are.
package firewalld

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/modules/internal/lensput"
)

// maxItems is how many of one sort are shown: above, they stay bytes.
const maxItems = 1000

// Lens shows what /etc/firewalld has, and of /usr/lib/firewalld, where a tree
// has it, what that does not hide.
type Lens struct{}

var _ engine.Lens = Lens{}

// Kinds are those of zones, services, sets and policies.
func (Lens) Kinds() []engine.Schema {
	var all []engine.Schema
	for _, k := range kinds {
		all = append(all, k.schema())
	}
	return all
}

// Units is empty: modules/daemons knows firewalld.
func (Lens) Units() []engine.Unit { return nil }

// Grammars has the one of firewalld's XML.
func (Lens) Grammars() []lens.Grammar { return []lens.Grammar{grammar} }

// Get shows the files by their kinds and names.
func (Lens) Get(t engine.Tree) ([]engine.Resource, hcl.Diagnostics) {
	c := load(t)
	return c.resources(), c.diags
}

func (c *config) resources() []engine.Resource {
	var resources []engine.Resource
	slices.SortFunc(c.order, engine.Addr.Compare)
	for _, a := range c.order {
		o := c.found[a]
		resources = append(resources, engine.Resource{Addr: a, Value: c.value(o), Range: *o.file.RangeOf(o.root.Whole)})
	}
	return resources
}

// Verbatim is where the elements are that are not shown.
func (Lens) Verbatim(t engine.Tree) []hcl.Range {
	c := load(t)
	c.resources()
	return lensput.Verbatim(c.files)
}

// value is what a file amounts to. It marks what it shows.
func (c *config) value(o *object) cty.Value {
	attrs := map[string]cty.Value{}
	shown := 0
	for _, a := range o.kind.attrs {
		v, nodes, words := o.get(a)
		if len(nodes) > maxItems {
			c.diags = append(c.diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "Too many to show",
				Detail:  fmt.Sprintf("The %s of %s are %d: they are kept as they are.", a.name, o.file.Path, len(nodes)),
				Subject: o.file.RangeOf(nodes[0].Whole)})
			v, nodes = cty.NullVal(a.typ()), nil
		}
		attrs[a.name] = v
		shown += len(nodes) + words
		for _, n := range nodes {
			lens.Show(n)
			n.All(func(in *lens.Node) bool { lens.Show(in); return true })
		}
	}
	for _, n := range o.file.Tree.Root.Nodes {
		if n == o.root || n.Name(o.file.Source()) == "?xml" {
			lens.Show(n)
		}
	}
	others := len(o.read.Attributes(o.root)) + len(o.root.Nodes) - shown
	if _, text := o.read.TextWord(o.root); text {
		others++
	}
	attrs[attrFile] = cty.StringVal(o.file.Path)
	attrs[attrOthers] = cty.NumberIntVal(int64(others))
	return cty.ObjectVal(attrs)
}

// get reads an attribute: its value, the elements that say it, and how many of
// the outermost element's attributes do.
func (o *object) get(a attribute) (v cty.Value, said []*lens.Node, words int) {
	null := cty.NullVal(a.typ())
	nodes := o.nodes(a)
	switch a.form {
	case rootAttr:
		if s, ok := o.read.Attr(o.root, a.element); ok {
			return cty.StringVal(s), nil, 1
		}
		return null, nil, 0
	case textOf:
		if len(nodes) != 1 {
			return null, nil, 0
		}
		s, ok := o.text(nodes[0])
		if !ok {
			return null, nil, 0
		}
		return cty.StringVal(s), nodes, 0
	case presence:
		for _, n := range nodes {
			if m, ok := attrsOf(o.read, n); ok && len(m) == 0 {
				said = append(said, n)
			}
		}
		if len(said) == 0 {
			return null, nil, 0
		}
		return cty.True, said, 0
	case pairs:
		return o.pairs(nodes)
	}
	if len(nodes) > maxItems {
		return null, nodes, 0 // what they say is not looked at
	}
	var vals []cty.Value
	for _, n := range nodes {
		if s, ok := a.item.read(o.read, n); ok {
			vals, said = append(vals, cty.StringVal(s)), append(said, n)
		}
	}
	if len(vals) == 0 {
		return null, nil, 0
	}
	return cty.SetVal(vals), said, 0
}

// nodes are the elements of an attribute.
func (o *object) nodes(a attribute) []*lens.Node {
	if a.form == rootAttr {
		return nil
	}
	return slices.DeleteFunc(o.root.Named(o.file.Source(), a.element), func(n *lens.Node) bool { return !o.read.IsElement(n) })
}

// text is an element's text as firewalld shows it: on one line.
func (o *object) text(n *lens.Node) (string, bool) {
	if len(o.read.Attributes(n)) > 0 || slices.ContainsFunc(n.Nodes, o.read.IsElement) {
		return "", false
	}
	s, ok := o.read.Text(n)
	return strings.TrimSpace(strings.ReplaceAll(s, "\n", " ")), ok
}

// pairs reads <option name="a" value="b"/>, and <destination ipv4="…" ipv6="…"/>.
func (o *object) pairs(nodes []*lens.Node) (v cty.Value, said []*lens.Node, words int) {
	m := map[string]cty.Value{}
	for _, n := range nodes {
		got := o.pair(n)
		if len(got) == 0 || slices.ContainsFunc(got, func(p [2]string) bool { _, twice := m[p[0]]; return twice }) {
			continue
		}
		for _, p := range got {
			m[p[0]] = cty.StringVal(p[1])
		}
		said = append(said, n)
	}
	if len(m) == 0 {
		return cty.NullVal(cty.Map(cty.String)), nil, 0
	}
	return cty.MapVal(m), said, 0
}

// pair is what one element says; none where it cannot be told.
func (o *object) pair(n *lens.Node) [][2]string {
	if n.Name(o.file.Source()) == "option" {
		m, ok := attrsOf(o.read, n, "name", "value")
		if !ok || m["name"] == "" {
			return nil
		}
		return [][2]string{{m["name"], m["value"]}}
	}
	m, ok := attrsOf(o.read, n, "ipv4", "ipv6")
	var got [][2]string
	for _, family := range []string{"ipv4", "ipv6"} {
		if m[family] != "" {
			got = append(got, [2]string{family, m[family]})
		}
	}
	if !ok || len(got) != len(m) {
		return nil
	}
	return got
}
