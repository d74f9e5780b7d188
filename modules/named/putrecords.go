package named

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens/zonefile"
)

// zoneEdit is what becomes of a zone file.
type zoneEdit struct {
	*zoneData
	zone    *zone
	set     map[*zonefile.Record]setTo
	removed map[*zonefile.Record]bool
	added   []addition
	soa     map[string]cty.Value // what is wished of the SOA record
	serial  string               // "": the next, where something changes
	ttl     string               // of $TTL; "": as it is
	edits   []engine.Edit        // what it is for
}

type setTo struct {
	ttl   string
	words []string
}

// addition is a record that is to come.
type addition struct {
	owner, typ string // the owner absolute
	setTo
	behind *zonefile.Record // which stays; nil where there is none of its set yet
}

// editOf is the edit of a zone's file under way; nil, and the reason told, where
// it cannot be edited.
func (p *put) editOf(z *zone, e engine.Edit) *zoneEdit {
	if z.shared {
		z = p.zones[slices.IndexFunc(p.zones, func(o *zone) bool { return o.node == z.node })]
	}
	owner := p.ownerOf(z)
	d := p.dataOf(owner)
	if d == nil {
		p.Fail(e.RangeOf(""), "Zone file cannot be edited", "The zone %q has no zone file that could be read: it is no primary zone's text, or lies outside of what hikae manages; name its directory among the host's paths.", z.key())
		return nil
	}
	if owner != z {
		p.Fail(e.RangeOf(""), "Zone file of several zones", "%s is the file of the zone %q too: an edit of one would be one of both. Write it of that one.", d.file.Path, owner.key())
		return nil
	}
	if ze := p.zoneEdits[d]; ze != nil {
		ze.edits = append(ze.edits, e)
		return ze
	}
	ze := &zoneEdit{zoneData: d, zone: owner, set: map[*zonefile.Record]setTo{}, removed: map[*zonefile.Record]bool{}, edits: []engine.Edit{e}}
	p.zoneEdits[d] = ze
	p.zoneOrder = append(p.zoneOrder, ze)
	return ze
}

// ownerOf is the first zone that has the zone file of another: with which Get
// shows it.
func (p *put) ownerOf(z *zone) *zone {
	file := p.zonePath(z, p.statements(z.item))
	if file == "" {
		return z
	}
	for _, o := range p.zones {
		if o == z {
			break
		}
		if p.many[o.file] <= maxShown && p.zonePath(o, p.statements(o.item)) == file {
			return o
		}
	}
	return z
}

// head edits what a zone resource shows of its zone file.
func (p *put) head(z *zone, e engine.Edit) {
	want := map[string]cty.Value{}
	for _, a := range []string{attrSOA, attrDefaultTTL, attrSerial} {
		if v, said := e.Attrs[a]; said && !v.IsNull() {
			want[a] = v
		}
	}
	if len(want) == 0 {
		return
	}
	have := map[string]cty.Value{}
	if d := p.dataOf(p.ownerOf(z)); d != nil {
		d.head(have)
	}
	for a, v := range want {
		if h, ok := have[a]; ok && h.RawEquals(v) {
			delete(want, a)
		}
	}
	if len(want) == 0 {
		return
	}
	ze := p.editOf(z, e)
	if ze == nil {
		return
	}
	if v, ok := want[attrDefaultTTL]; ok {
		if ze.ttl = v.AsString(); !zonefile.IsTTL(ze.ttl) {
			p.Fail(e.RangeOf(attrDefaultTTL), "Value cannot be written", "%q is no time: it is written in seconds, or as 1h30m.", ze.ttl)
		}
	}
	if v, ok := want[attrSerial]; ok {
		var ok bool
		if ze.serial, ok = serialText(v); !ok {
			p.Fail(e.RangeOf(attrSerial), "Value cannot be written", "A serial number is a whole one of 32 bits.")
		}
	}
	if v, ok := want[attrSOA]; ok {
		if ze.zoneData.soa == nil {
			p.Fail(e.RangeOf(attrSOA), "Zone file without SOA", "%s has no SOA record that could be edited.", ze.file.Path)
			return
		}
		ze.soa = v.AsValueMap()
	}
}

func serialText(v cty.Value) (string, bool) {
	n, _ := v.AsBigFloat().Uint64()
	return strconv.FormatUint(n, 10), v.AsBigFloat().IsInt() && v.AsBigFloat().Sign() >= 0 && n < 1<<32
}

// zoneRecords makes the edits of the records of a zone.
func (p *put) zoneRecords(e engine.Edit) {
	at := slices.IndexFunc(p.zones, func(z *zone) bool { return z.key() == e.Addr.In })
	if at < 0 {
		if !e.Absent {
			p.Fail(e.RangeOf(""), "Record of no zone", "There is no zone %q: records name theirs as VIEW/ZONE where there are views.", e.Addr.In)
		}
		return
	}
	z := p.zones[at]
	for _, e := range p.byZone[e.Addr.In] {
		if ze := p.editOf(z, e); ze != nil && !p.going[z.node] {
			ze.record(p, e)
		}
	}
}

// record makes the edit of one set of records.
func (ze *zoneEdit) record(p *put, e engine.Edit) {
	owner, typ, ok := ze.address(p, e)
	if !ok {
		return
	}
	set := ze.sets[ze.key(owner, typ)]
	if e.Absent {
		if set == nil {
			return
		}
		if typ == "NS" && strings.EqualFold(owner, ze.origin) {
			p.Fail(e.RangeOf(""), "Zone without a name server", "named does not load the zone %q without its NS records.", e.Addr.In)
			return
		}
		for _, r := range set.records {
			ze.removed[r] = true
		}
		return
	}
	var have []string
	haveTTL := ""
	if set != nil {
		for _, r := range set.records {
			have = append(have, ze.value(r))
		}
		haveTTL = set.records[0].TTL.Of(set.records[0].File.Source())
	}
	ttl, ok := ze.wishedTTL(p, e, haveTTL)
	if !ok {
		return
	}
	want := have
	if v, said := e.Attrs[attrValues]; said {
		if want, ok = values(p, v, e); !ok {
			return
		}
	}
	if len(want) == 0 {
		p.Fail(e.RangeOf(attrValues), "Records of nothing", "Say what the records %q say, with %s; to take them out, write absent = true.", e.Addr.Name, attrValues)
		return
	}
	ze.become(p, e, set, addition{owner: owner, typ: typ, setTo: setTo{ttl: ttl}}, have, want)
	if set == nil {
		return
	}
	// The time of the first holds for all of them.
	for _, r := range set.records {
		if _, ok := ze.set[r]; !ok && !ze.removed[r] && (ttl != haveTTL || ze.removed[set.records[0]]) {
			ze.set[r] = setTo{ttl: ttl, words: r.Words()}
		}
	}
}

// become makes a set's records others. like is what new ones share.
func (ze *zoneEdit) become(p *put, e engine.Edit, set *recordSet, like addition, have, want []string) {
	todo := changes(have, want)
	if len(have) > 0 && slices.ContainsFunc(todo, func(c change) bool { return c.at < 0 }) {
		todo = inPlace(have, want) // none can come before the line that has the owner
	}
	for _, c := range todo {
		if c.remove {
			ze.removed[set.records[c.at]] = true
			continue
		}
		words, err := data(like.typ, c.put)
		if err != nil {
			p.Fail(e.RangeOf(attrValues), "Value cannot be written", "%s.", err)
			return
		}
		to := setTo{ttl: like.ttl, words: words}
		if c.behind {
			a := addition{like.owner, like.typ, to, nil}
			if set != nil {
				a.behind = set.records[c.at]
			}
			ze.added = append(ze.added, a)
			continue
		}
		r := set.records[c.at]
		if !strings.EqualFold(r.Origin, ze.origin) {
			to.words = ze.absolute(like.typ, words)
		}
		ze.set[r] = to
	}
}

// address is the owner, absolute, and the type that an edit is about.
func (ze *zoneEdit) address(p *put, e engine.Edit) (owner, typ string, ok bool) {
	if set := ze.sets[e.Addr.Name]; set != nil {
		return set.owner, set.typ, true
	}
	owner, typ, ok = strings.Cut(e.Addr.Name, " ")
	switch {
	case !ok || owner == "" || !nameForm().MatchString(owner):
		p.Fail(e.RangeOf(""), "Not an owner and a type", "%q: records are named by their owner, a blank and their type, as in \"www A\".", e.Addr.Name)
		return "", "", false
	case typ == "SOA":
		p.Fail(e.RangeOf(""), "The zone has it", "What begins a zone is edited as %s of the zone.", attrSOA)
		return "", "", false
	case !zonefile.IsType(typ) || typ != strings.ToUpper(typ):
		p.Fail(e.RangeOf(""), "Not a type", "%q is no type of records.", typ)
		return "", "", false
	}
	owner = zonefile.Absolute(owner, ze.origin)
	if name := ze.key(owner, typ); name != e.Addr.Name {
		p.Fail(e.RangeOf(""), "Not as it is called", "Write the records %q as %q.", e.Addr.Name, name)
		return "", "", false
	}
	return owner, typ, true
}

// wishedTTL is the time to live that is wished, or else that which is there.
func (ze *zoneEdit) wishedTTL(p *put, e engine.Edit, have string) (string, bool) {
	v, said := e.Attrs[attrTTL]
	switch {
	case !said:
		return have, true
	case v.IsNull():
		return "", true
	case !zonefile.IsTTL(v.AsString()):
		p.Fail(e.RangeOf(attrTTL), "Value cannot be written", "%q is no time: it is written in seconds, or as 1h30m.", v.AsString())
		return "", false
	}
	return v.AsString(), true
}

func values(p *put, v cty.Value, e engine.Edit) ([]string, bool) {
	if v.IsNull() {
		return nil, true
	}
	var want []string
	for it := v.ElementIterator(); it.Next(); {
		_, item := it.Element()
		if item.IsNull() {
			p.Fail(e.RangeOf(attrValues), "Value cannot be written", "One of the values is null.")
			return nil, false
		}
		want = append(want, item.AsString())
	}
	return want, true
}

// data is a value as the words of a record's data; an error where it is none of
// the type.
func data(typ, value string) ([]string, error) {
	if isText(typ) && !strings.HasPrefix(value, `\# `) {
		return zonefile.Quote(value), nil
	}
	f, err := zonefile.Parse([]byte("@ " + typ + " " + value))
	if err != nil || len(f.Root.Nodes) != 1 || strings.ContainsAny(value, "\r\n") {
		return nil, fmt.Errorf("%q cannot be the data of a %s record", value, typ)
	}
	e, err := zonefile.Read(f.Source(), f.Root.Nodes[0])
	if err != nil || len(e.Data) == 0 {
		return nil, fmt.Errorf("%q cannot be the data of a %s record", value, typ)
	}
	r := zonefile.Record{Entry: e, File: f}
	words := r.Words()
	if _, known := dns.StringToType[typ]; known {
		if _, err := dns.NewRR("@ 0 IN " + typ + " " + strings.Join(words, " ")); err != nil {
			return nil, fmt.Errorf("%q cannot be the data of a %s record: %w", value, typ, err)
		}
	}
	return words, nil
}

// absolute is words of data with their names absolute.
func (ze *zoneEdit) absolute(typ string, words []string) []string {
	words = slices.Clone(words)
	for _, i := range zonefile.Names(typ) {
		if i < len(words) && words[0] != `\#` {
			words[i] = zonefile.Absolute(words[i], ze.origin)
		}
	}
	return words
}
