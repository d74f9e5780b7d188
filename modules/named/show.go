package named

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/modules/internal/lensput"
)

// shower gathers resources and marks what they show.
type shower struct {
	*conf
	found []engine.Resource
	have  map[engine.Addr]bool
}

// new tells whether nothing of an address is shown yet: of two acls, views or
// zones of one name named takes none.
func (s *shower) new(a engine.Addr) bool {
	if s.have == nil {
		s.have = map[engine.Addr]bool{}
	}
	was := s.have[a]
	s.have[a] = true
	return !was
}

func (s *shower) show(a engine.Addr, i item, attrs map[string]cty.Value) {
	lens.Show(i.node)
	s.found = append(s.found, engine.Resource{Addr: a, Value: cty.ObjectVal(attrs), Range: *i.file.RangeOf(i.node.Whole)})
}

// attrs reads the settings of a block.
func (s *shower) attrs(in place, stmts []item) map[string]cty.Value {
	attrs := map[string]cty.Value{}
	for _, set := range of(in) {
		attrs[set.attr()] = cty.NullVal(set.form.typ())
	}
	for _, i := range stmts {
		set := known(statement(i.src(), i.node), in)
		if set == nil || set.doc == "" || !attrs[set.attr()].IsNull() {
			continue
		}
		if v, ok := set.value(i); ok {
			attrs[set.attr()] = v
			showAll(i.node)
		}
	}
	return attrs
}

// showAll marks a statement and what is in it.
func showAll(n *lens.Node) {
	lens.Show(n)
	for c := range n.All {
		lens.Show(c)
	}
}

func (s *shower) acls() {
	list := &setting{form: list}
	for _, i := range s.conf.acls {
		addr := engine.Addr{Kind: ACLKind, Name: i.word(1)}
		if v, ok := list.value(i); ok && s.new(addr) {
			s.show(addr, i, map[string]cty.Value{attrAddresses: v})
			showAll(i.node)
		}
	}
}

func (s *shower) zones() {
	many := map[*lensput.File]int{}
	for _, z := range s.conf.zones {
		many[z.file]++
	}
	for _, z := range s.conf.zones {
		if n := many[z.file]; n > maxShown {
			s.tooMany(z.file, "zones", n)
			continue
		}
		addr := engine.Addr{Kind: ZoneKind, In: z.in(), Name: z.name}
		if !s.new(addr) {
			continue
		}
		attrs := s.attrs(inZone, s.statements(z.item))
		attrs[attrSerial], attrs[attrSOA], attrs[attrDefaultTTL] = cty.NullVal(cty.Number), cty.NullVal(soaType), cty.NullVal(cty.String)
		d := s.dataOf(z)
		if d != nil && d.by == z {
			d.head(attrs)
		}
		s.show(addr, z.item, attrs)
		if d != nil && d.by == z {
			s.data(d, z.key())
		}
	}
}

// loneZone shows a zone file that stands for itself.
func (s *shower) loneZone(d *zoneData) {
	attrs := s.attrs(inZone, nil)
	attrs[attrSerial], attrs[attrSOA], attrs[attrDefaultTTL] = cty.NullVal(cty.Number), cty.NullVal(soaType), cty.NullVal(cty.String)
	d.head(attrs)
	s.found = append(s.found, engine.Resource{
		Addr: engine.Addr{Kind: ZoneKind, Name: zoneName(d.origin)}, Value: cty.ObjectVal(attrs), Range: *d.file.RangeOf(lens.Span{}),
	})
	s.data(d, zoneName(d.origin))
}

// tooMany tells, once, that the items of a file are not shown.
func (s *shower) tooMany(f *lensput.File, what string, n int) {
	if !s.new(engine.Addr{Kind: what, Name: f.Path}) {
		return
	}
	s.tell(&hcl.Diagnostic{
		Severity: hcl.DiagWarning, Summary: "Not shown one by one",
		Detail:  fmt.Sprintf("%s has %d %s: more than %d are kept as bytes. Each can be edited all the same.", f.Path, n, what, maxShown),
		Subject: f.RangeOf(lens.Span{}),
	})
}

// head reads what a zone resource shows of its zone file.
func (d *zoneData) head(attrs map[string]cty.Value) {
	if d.ttl != nil {
		attrs[attrDefaultTTL] = cty.StringVal(d.ttl.Data[0].Of(d.ttlFile.Source()))
		lens.Show(d.ttl.Node)
	}
	if d.soa == nil {
		return
	}
	words := d.soaWords()
	if n, err := cty.ParseNumberVal(words[serialAt]); err == nil {
		attrs[attrSerial] = n
	}
	parts := map[string]cty.Value{}
	for _, p := range soaParts {
		parts[p.name] = cty.StringVal(words[p.at])
	}
	attrs[attrSOA] = cty.ObjectVal(parts)
	lens.Show(d.soa.Node)
}

// soaWords are the data of the SOA record, its names below the zone.
func (d *zoneData) soaWords() []string {
	return strings.Split(d.value(d.soa), " ")
}

// data shows the records of a zone file.
func (s *shower) data(d *zoneData, zone string) {
	if len(d.order) > maxShown {
		s.tooMany(d.file, "sets of records", len(d.order))
		return
	}
	for _, key := range d.order {
		set := d.sets[key]
		attrs := d.attrs(set)
		if attrs == nil {
			continue
		}
		first := set.records[0]
		s.found = append(s.found, engine.Resource{
			Addr:  engine.Addr{Kind: RecordKind, In: zone, Name: key},
			Value: cty.ObjectVal(attrs),
			Range: *d.files[first.File].RangeOf(first.Node.Whole),
		})
		for _, r := range set.records {
			lens.Show(r.Node)
		}
	}
}

// attrs are those of a set; nil where it cannot be shown.
func (d *zoneData) attrs(set *recordSet) map[string]cty.Value {
	values, ok := d.values(set)
	if !ok {
		return nil
	}
	attrs := map[string]cty.Value{attrTTL: cty.NullVal(cty.String), attrValues: cty.ListVal(values)}
	if first := set.records[0]; first.TTL.Len() > 0 {
		attrs[attrTTL] = cty.StringVal(first.TTL.Of(first.File.Source()))
	}
	return attrs
}

func (d *zoneData) values(set *recordSet) ([]cty.Value, bool) {
	var values []cty.Value
	for _, r := range set.records {
		v := d.value(r)
		if !readable(v) {
			return nil, false
		}
		values = append(values, cty.StringVal(v))
	}
	return values, true
}
