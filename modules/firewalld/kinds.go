package firewalld

import (
	"path"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
)

// The kinds.
const (
	KindZone    = "firewall_zone"
	KindService = "firewall_service"
	KindIPSet   = "firewall_ipset"
	KindPolicy  = "firewall_policy"
)

// The directories of firewalld: what is in the first hides what is in the
// second, file by file.
const (
	etcDir = "/etc/firewalld"
	libDir = "/usr/lib/firewalld"
)

const (
	attrFile       = "file"
	attrOthers     = "others"
	attrInterfaces = "interfaces"
)

// form is how an attribute stands in a file.
type form int

const (
	textOf   form = iota // the text of an element: <short>this</short>
	rootAttr             // an attribute of the outermost element
	presence             // an empty element that is there or is not: <masquerade/>
	items                // elements of one sort, a set
	pairs                // elements with a name and a value, or one with both: a map
)

// attribute is one attribute of a kind.
type attribute struct {
	name, doc string
	form      form
	element   string // or the attribute's name, of rootAttr
	item      item   // of items
	info      bool   // shown, and never written
	check     func(string) error
}

func (a attribute) typ() cty.Type {
	switch a.form {
	case presence:
		return cty.Bool
	case items:
		return cty.Set(cty.String)
	case pairs:
		return cty.Map(cty.String)
	}
	return cty.String
}

// kind is one sort of file.
type kind struct {
	name, doc, label string
	dir, root        string
	maxName          int // of a name, in bytes; 0 where firewalld has no bound
	attrs            []attribute
	need             []string // attributes that a new one cannot do without
}

func (k *kind) etc(name string) string { return path.Join(etcDir, k.dir, name+suffix) }
func (k *kind) lib(name string) string { return path.Join(libDir, k.dir, name+suffix) }

func (k *kind) schema() engine.Schema {
	s := engine.Schema{Kind: k.name, Doc: k.doc, Label: k.label, Stage: engine.StageConfig}
	for _, a := range k.attrs {
		s.Attrs = append(s.Attrs, engine.Attr{Name: a.name, Type: a.typ(), Info: a.info, Doc: a.doc})
	}
	s.Attrs = append(s.Attrs,
		engine.Attr{Name: attrFile, Type: cty.String, Info: true, Doc: "The file it is written in. One that only /usr/lib/firewalld has is copied to /etc/firewalld before it is edited, as firewalld does."},
		engine.Attr{Name: attrOthers, Type: cty.Number, Info: true, Doc: "How many elements and attributes the file has that are not shown here."})
	return s
}

var (
	short       = attribute{name: "short", element: "short", doc: "Its name for people."}
	description = attribute{name: "description", element: "description", doc: "What it is for."}
	version     = attribute{name: "version", form: rootAttr, element: "version", doc: "The version of its definition."}
	ports       = attribute{name: "ports", form: items, element: "port", item: portItem, doc: `Ports or ranges of them, with their protocols: "443/tcp", "60000-61000/udp".`}
	protocols   = attribute{name: "protocols", form: items, element: "protocol", item: oneOf("value", checkWord), doc: "IP protocols by their names or numbers."}
	sourcePorts = attribute{name: "source_ports", form: items, element: "source-port", item: portItem, doc: "Ports that packets come from, written as ports are."}
	services    = attribute{name: "services", form: items, element: "service", item: oneOf("name", checkWord), doc: "The services that are let in, by name."}
	icmpBlocks  = attribute{name: "icmp_blocks", form: items, element: "icmp-block", item: oneOf("name", checkWord), doc: "ICMP types that are blocked."}
	masquerade  = attribute{name: "masquerade", form: presence, element: "masquerade", doc: "Whether what is forwarded takes this host's address."}
	forwards    = attribute{name: "forward_ports", form: items, element: "forward-port", item: forwardItem, doc: `Ports that are forwarded, as firewall-cmd writes them: "port=80:proto=tcp:toport=8080:toaddr=192.168.1.5".`}
	richRules   = attribute{name: "rich_rules", form: items, element: "rule", item: richItem, doc: `Rules in firewalld's rich language: "rule family=\"ipv4\" source address=\"10.0.0.0/8\" service name=\"ssh\" accept". Their order does not matter; priority does.`}
)

// kinds are the sorts of files that the lens shows. Source: firewalld.zone(5),
// .service(5), .ipset(5), .policy(5), and firewall/core/io of firewalld 0.9 to 2.
var kinds = []*kind{
	{
		name: KindZone, dir: "zones", root: "zone", maxName: 17, label: "name of the zone",
		doc: "A zone of firewalld. Its interfaces are the host's own and are never edited. One that only firewalld's package has, in /usr/lib/firewalld/zones, is copied to /etc/firewalld and edited there, where the project declares paths = [\"/usr/lib/firewalld/zones\"].",
		attrs: []attribute{
			short, description, version,
			{name: "target", form: rootAttr, element: "target", check: checkTarget("default", "ACCEPT", "DROP", "%%REJECT%%"), doc: `What is done with packets that no rule matches: "ACCEPT", "DROP", "%%REJECT%%" or "default".`},
			{name: attrInterfaces, form: items, element: "interface", item: oneOf("name", nil), info: true, doc: "The interfaces that are bound to it in the file. The host's own: a follower keeps its."},
			{name: "sources", form: items, element: "source", item: sourceItem, doc: `Where packets come from that the zone is for: addresses, networks, MAC addresses, or sets as "ipset:NAME".`},
			services, ports, protocols, sourcePorts, icmpBlocks,
			{name: "icmp_block_inversion", form: presence, element: "icmp-block-inversion", doc: "Whether only the ICMP types of icmp_blocks are let through."},
			masquerade,
			{name: "forward", form: presence, element: "forward", doc: "Whether packets are forwarded between the zone's own interfaces and sources."},
			forwards, richRules,
		},
	},
	{
		name: KindService, dir: "services", root: "service", label: "name of the service",
		doc: "A service that firewalld's zones let in. One that /etc/firewalld does not have yet is written whole: what firewalld's own of that name says counts no longer.",
		attrs: []attribute{
			short, description, version, ports, protocols, sourcePorts,
			{name: "modules", form: items, element: "module", item: oneOf("name", checkWord), doc: "Modules of the kernel that it wants."},
			{name: "destinations", form: pairs, element: "destination", doc: `The addresses or networks that it is let in to: { ipv4 = "224.0.0.251", ipv6 = "ff02::fb" }.`},
			{name: "includes", form: items, element: "include", item: oneOf("service", checkWord), doc: "Services that it takes in."},
			{name: "helpers", form: items, element: "helper", item: oneOf("name", checkWord), doc: "Helpers of connection tracking that it wants."},
		},
	},
	{
		name: KindIPSet, dir: "ipsets", root: "ipset", maxName: 32, label: "name of the set", need: []string{"type"},
		doc: "A set of addresses or networks that zones and rules name.",
		attrs: []attribute{
			short, description, version,
			{name: "type", form: rootAttr, element: "type", check: checkWord2, doc: `What its entries are: "hash:ip", "hash:net", "hash:mac", ...`},
			{name: "options", form: pairs, element: "option", doc: `Options of ipset: { family = "inet6", maxelem = "200000" }.`},
			{name: "entries", form: items, element: "entry", item: entryItem, doc: "Its entries."},
		},
	},
	{
		name: KindPolicy, dir: "policies", root: "policy", maxName: 17, label: "name of the policy", need: []string{"target"},
		doc: "A policy of firewalld, from EL 9 on: what may go from some zones to others.",
		attrs: []attribute{
			short, description, version,
			{name: "target", form: rootAttr, element: "target", check: checkTarget("CONTINUE", "ACCEPT", "DROP", "REJECT"), doc: `What is done with packets that no rule matches: "CONTINUE", "ACCEPT", "DROP" or "REJECT".`},
			{name: "priority", form: rootAttr, element: "priority", check: checkNumber, doc: "Its place among policies, from -32768 to 32767: below zero it comes before the zones' own rules."},
			{name: "ingress_zones", form: items, element: "ingress-zone", item: oneOf("name", checkWord), doc: "The zones that packets come from; ANY and HOST among them."},
			{name: "egress_zones", form: items, element: "egress-zone", item: oneOf("name", checkWord), doc: "The zones that packets go to; ANY and HOST among them."},
			services, ports, protocols, sourcePorts, icmpBlocks, masquerade, forwards, richRules,
		},
	},
}

func kindOf(name string) *kind {
	for _, k := range kinds {
		if k.name == name {
			return k
		}
	}
	return nil
}
