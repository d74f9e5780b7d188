// Package named is the lens over BIND's configuration: named.conf and all that
// it includes, and the zone files of the zones that the server is primary for.
//
// A zone is named by its view and its name; a set of its records by the zone,
// VIEW/ZONE, and by owner and type. What the lens does not know, logging and keys
// among it, stays as it is.
package named

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/modules/internal/lensput"
)

// The kinds.
const (
	OptionsKind = "named_options"
	ACLKind     = "acl"
	ViewKind    = "view"
	ZoneKind    = "zone"
	RecordKind  = "zone_record"
)

// Names of attributes that are no settings.
const (
	attrAddresses  = "addresses"
	attrSerial     = "serial"
	attrSOA        = "soa"
	attrDefaultTTL = "default_ttl"
	attrTTL        = "ttl"
	attrValues     = "values"
)

// optionsName is what the one resource of the options is called.
const optionsName = "options"

// maxShown is how many zones of one file, or sets of records, are shown.
const maxShown = 1000

// Lens shows what named reads.
type Lens struct{}

var _ engine.Lens = Lens{}

// soaType is what begins a zone, less its serial number.
var soaType = cty.Object(map[string]cty.Type{
	"server": cty.String, "contact": cty.String,
	"refresh": cty.String, "retry": cty.String, "expire": cty.String, "minimum": cty.String,
})

// soaParts are its parts with their places among the data of the record.
var soaParts = []struct {
	name string
	at   int
}{{"server", 0}, {"contact", 1}, {"refresh", 3}, {"retry", 4}, {"expire", 5}, {"minimum", 6}}

const serialAt = 2

// Kinds are the options, acls, views, zones and their records.
func (Lens) Kinds() []engine.Schema {
	attrs := func(in place, more ...engine.Attr) []engine.Attr {
		var all []engine.Attr
		for _, s := range of(in) {
			all = append(all, engine.Attr{Name: s.attr(), Type: s.form.typ(), Doc: s.doc})
		}
		return append(all, more...)
	}
	return []engine.Schema{
		{
			Kind: OptionsKind, Stage: engine.StageConfig, Label: `"options"`,
			Doc:   "The options of named.conf: what holds for the whole server where a view or a zone does not say otherwise.",
			Attrs: attrs(inOptions),
		},
		{
			Kind: ACLKind, Stage: engine.StageConfig, Label: "name of the list",
			Doc: "A list of addresses, under a name, that other statements of named.conf refer to.",
			Attrs: []engine.Attr{
				{Name: attrAddresses, Type: cty.List(cty.String), Doc: "Addresses, networks, names of other lists and keys; the first that matches counts, and ! excludes."},
			},
		},
		{
			Kind: ViewKind, Stage: engine.StageConfig, Label: "name of the view",
			Doc:   "A view of named: what some clients see. The first view that matches a client answers it; a new one comes before the first that takes everybody.",
			Attrs: attrs(inView),
		},
		{
			Kind: ZoneKind, Stage: engine.StageConfig, Label: "view, where there are views, and name of the zone",
			Doc: "A zone that named answers for, or treats otherwise than the rest of the world's. A new one comes behind the others of its view.",
			Attrs: attrs(inZone,
				engine.Attr{Name: attrSerial, Type: cty.Number, Info: true, Doc: "The serial number of the zone file. An edit of its records raises it: by one, or as the date that it is, YYYYMMDDnn."},
				engine.Attr{Name: attrSOA, Type: soaType, Doc: "What begins the zone file of a primary zone, its SOA record less the serial number: the first name server, the mail address of who is in charge, and the times for secondaries and for names that do not exist."},
				engine.Attr{Name: attrDefaultTTL, Type: cty.String, Doc: "How long records of the zone file hold that do not say it: its $TTL."}),
		},
		{
			Kind: RecordKind, Stage: engine.StageConfig, Label: "zone, as VIEW/ZONE where there are views, and owner and type: \"www A\"",
			Doc: "The records of one owner and type in the zone file of a primary zone; \"@\" is the zone itself. A file that several zones have is shown with the first of them. Records of a zone that clients update are not written.",
			Attrs: []engine.Attr{
				{Name: attrTTL, Type: cty.String, Doc: "How long the records hold, as 3600 or 1h; null for the zone's own."},
				{Name: attrValues, Type: cty.List(cty.String), Doc: "What they say, as in a zone file: \"10 mail\" of an MX record; the text, without quotes, of a TXT record. Names without a dot at the end are below the zone."},
			},
		},
	}
}

// Units is empty: named is among modules/daemons.
func (Lens) Units() []engine.Unit { return nil }

// Grammars are named.conf's and that of zone files.
func (Lens) Grammars() []lens.Grammar { return []lens.Grammar{grammar(), zoneGrammar()} }

// Verbatim is where the statements and records are that Get shows nothing of.
func (Lens) Verbatim(t engine.Tree) []hcl.Range {
	c, _ := get(t)
	return lensput.Verbatim(c.files)
}

// Get shows the options, the acls, the views, the zones and their records, each
// in the order of the files.
func (Lens) Get(t engine.Tree) ([]engine.Resource, hcl.Diagnostics) {
	c, found := get(t)
	return found, c.diags
}

func get(t engine.Tree) (*conf, []engine.Resource) {
	c := load(t)
	s := &shower{conf: c}
	if c.none {
		for _, d := range c.loneZones() {
			s.loneZone(d)
		}
		return c, s.found
	}
	if c.options.node != nil {
		s.show(engine.Addr{Kind: OptionsKind, Name: optionsName}, c.options, s.attrs(inOptions, c.statements(c.options)))
	}
	s.acls()
	for _, v := range c.views {
		if addr := (engine.Addr{Kind: ViewKind, Name: v.name}); s.new(addr) {
			s.show(addr, v.item, s.attrs(inView, v.stmts))
		}
	}
	s.zones()
	return c, s.found
}
