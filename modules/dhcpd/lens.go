// Package dhcpd is the lens over the files of ISC dhcpd, dhcpd.conf and
// dhcpd6.conf with what they include: the kinds subnet and dhcp_host.
package dhcpd

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/braces"
	"hikae/modules/internal/lensput"
)

// The kinds.
const (
	SubnetKind = "subnet"
	HostKind   = "dhcp_host"
)

// Attributes that are no statements.
const (
	attrFile   = "file"
	attrWithin = "within"
	attrPools  = "pools"
	attrOthers = "others"
)

// The two servers' files.
const (
	main4 = "/etc/dhcp/dhcpd.conf"
	main6 = "/etc/dhcp/dhcpd6.conf"
)

// dialect is how dhcpd reads its files.
var dialect = &braces.DHCPD

// Lens shows the subnets and the hosts of dhcpd. Hosts count for all of a server,
// wherever they are declared; so their addresses say whose they are: v4 or v6.
type Lens struct{}

var _ engine.Lens = Lens{}

// Kinds are subnets and hosts.
func (Lens) Kinds() []engine.Schema {
	return []engine.Schema{{
		Kind: SubnetKind,
		Doc: "A subnet of dhcpd: a network that it serves addresses of, of IPv4 in /etc/dhcp/dhcpd.conf and of IPv6 in dhcpd6.conf, with what they include. " +
			"Pools and all that is not shown stay as they are.",
		Label: "network, as 192.168.1.0/24 or fd00::/64",
		Stage: engine.StageConfig,
		Attrs: append(attrs(SubnetKind), engine.Attr{Name: attrPools, Type: cty.Number, Info: true, Doc: "How many pools it has."}),
	}, {
		Kind: HostKind,
		Doc: "A host that dhcpd knows: `dhcp_host \"v4\" \"printer\"` in /etc/dhcp/dhcpd.conf, `dhcp_host \"v6\" \"printer\"` in dhcpd6.conf, with what they include. " +
			"A new one comes behind the last that stands in no block, or where `within` says.",
		Label: "name of the declaration",
		Stage: engine.StageConfig,
		Attrs: attrs(HostKind),
	}}
}

// Grammars is the one of both servers.
func (Lens) Grammars() []lens.Grammar { return []lens.Grammar{grammar()} }

func grammar() lens.Grammar {
	return lens.Grammar{
		Name:  "dhcpd",
		Files: []string{main4, main6},
		Place: func(name string) string {
			if strings.Contains(name, "6") {
				return main6
			}
			return main4
		},
		Parse:    func(src []byte) (*lens.File, error) { return braces.Parse(src, dialect) },
		Comments: dialect.Comments(),
		Fold:     strings.ToLower,
	}
}

// Units is empty: modules/daemons has dhcpd.service and dhcpd6.service.
func (Lens) Units() []engine.Unit { return nil }

// Get shows the subnets and hosts, those of IPv4 first, in the order of the files.
func (Lens) Get(t engine.Tree) ([]engine.Resource, hcl.Diagnostics) {
	c := load(t)
	shown := c.resources()
	return shown, c.diags
}

// Verbatim is what Get shows nothing of.
func (Lens) Verbatim(t engine.Tree) []hcl.Range {
	c := load(t)
	c.resources()
	return lensput.Verbatim(c.All)
}

// maxShown bounds how many resources of a kind a view shows of one file.
const maxShown = 1000

func (c *config) resources() []engine.Resource {
	type origin struct{ kind, file string }
	count := map[origin]int{}
	for _, d := range c.all() {
		count[origin{d.addr.Kind, d.at.file.Path}]++
	}
	var shown []engine.Resource
	for _, d := range c.all() {
		from := origin{d.addr.Kind, d.at.file.Path}
		switch n := count[from]; {
		case n > maxShown:
			c.warn(d.at.file.RangeOf(d.at.node.Whole), "Too many to show", "%s has %d of the kind %s: they are not shown. Edits of them are made.", from.file, n, from.kind)
			count[from] = -1
		case n > 0:
			shown = append(shown, d.resource())
		}
	}
	return shown
}

// resource shows a declaration.
func (d *declaration) resource() engine.Resource {
	lens.Show(d.at.node)
	lens.Show(d.above...)
	statements := d.statements()
	understood := map[*lens.Node]bool{}
	attrs := map[string]cty.Value{
		attrFile:   cty.StringVal(d.at.file.Path),
		attrWithin: cty.NullVal(cty.String),
	}
	if d.within != "" {
		attrs[attrWithin] = cty.StringVal(d.within)
	}
	for _, s := range settings(d.addr.Kind) {
		v, nodes := s.get(d.version, statements)
		attrs[s.attr] = v
		for _, n := range nodes {
			understood[n] = true
			lens.Show(n)
		}
	}
	pools, others := 0, 0
	for _, s := range statements {
		switch name := strings.ToLower(s.node.Name(s.src())); {
		case name == "pool" || name == "pool6":
			pools++
		case !understood[s.node] && !declares(name):
			others++
		}
	}
	attrs[attrOthers] = cty.NumberIntVal(int64(others))
	if d.addr.Kind == SubnetKind {
		attrs[attrPools] = cty.NumberIntVal(int64(pools))
	}
	return engine.Resource{Addr: d.addr, Value: cty.ObjectVal(attrs), Range: *d.at.file.RangeOf(d.at.node.Whole)}
}
