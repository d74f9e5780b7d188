package named

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/zonefile"
	"hikae/hosts"
	"hikae/modules/internal/lensput"
)

// nameForm is the owner of records: what needs no quotes.
var nameForm = engine.Form(`^(@|([^\s"();@$\\]|\\\S)([^\s"();\\]|\\\S)*)$`)

// write makes the edits of a zone file, and raises its serial number where
// something changes.
func (ze *zoneEdit) write(p *put) {
	if ze.same() {
		return
	}
	addr := ze.edits[0].Addr
	if why := p.dynamic(ze.zone); why != "" {
		p.Fail(ze.edits[0].RangeOf(""), "Zone file is named's own", "The zone %q is dynamic, %s: change it with nsupdate, or after rndc freeze.", ze.zone.key(), why)
		return
	}
	touch := func(f *lens.File) {
		for _, e := range ze.edits {
			p.Touch(ze.files[f], e.Addr)
		}
	}
	ze.writeHead(p, touch, addr)
	for r, to := range ze.set {
		zonefile.Set(r, to.ttl, to.words)
		touch(r.File)
	}
	ze.remove(touch)
	last := map[string]*zonefile.Record{} // the last that stays, by owner
	var end *zonefile.Record              // the last of the zone's own file
	for _, r := range ze.records {
		if ze.removed[r] {
			continue
		}
		last[strings.ToLower(r.Owner)] = r
		if r.File == ze.file.Tree {
			end = r
		}
	}
	// Lines that have their owner from the one before come before those that say
	// another.
	slices.SortStableFunc(ze.added, func(a, b addition) int {
		rank := func(a addition) int {
			if last[strings.ToLower(a.owner)] != nil {
				return 0
			}
			return 1
		}
		return rank(a) - rank(b)
	})
	for _, a := range ze.added {
		like := last[strings.ToLower(a.owner)]
		if a.behind != nil {
			like = a.behind
		}
		ze.add(a, like, end)
		if like != nil {
			touch(like.File)
		} else {
			touch(ze.file.Tree)
		}
	}
}

// has tells whether a path is that of a file of the zone.
func (ze *zoneEdit) has(p string) bool {
	for _, f := range ze.files {
		if f.Path == p {
			return true
		}
	}
	return false
}

// same tells whether nothing is to change.
func (ze *zoneEdit) same() bool {
	for r, to := range ze.set {
		if to.ttl == r.TTL.Of(r.File.Source()) && slices.Equal(to.words, r.Words()) {
			delete(ze.set, r)
		}
	}
	return len(ze.set)+len(ze.removed)+len(ze.added)+len(ze.soa) == 0 && ze.ttl == "" && ze.serial == ""
}

// writeHead edits $TTL and the SOA record.
func (ze *zoneEdit) writeHead(p *put, touch func(*lens.File), a engine.Addr) {
	if ze.ttl != "" && ze.zoneData.ttl != nil {
		ze.ttlFile.Tree.SetWord(ze.zoneData.ttl.Data[0], ze.ttl)
		touch(ze.ttlFile.Tree)
	} else if ze.ttl != "" {
		ze.file.Insert(0, "$TTL "+ze.ttl+lens.Newline(ze.file.Source()))
		touch(ze.file.Tree)
	}
	soa := ze.zoneData.soa
	if soa == nil {
		return
	}
	words := soa.Words()
	for _, part := range soaParts {
		v, said := ze.soa[part.name]
		if !said || v.IsNull() || v.AsString() == ze.soaWords()[part.at] {
			continue
		}
		words[part.at] = v.AsString()
		if part.at < serialAt && !strings.EqualFold(soa.Origin, ze.origin) {
			words[part.at] = zonefile.Absolute(words[part.at], ze.origin)
		}
	}
	if serial, err := strconv.ParseUint(words[serialAt], 10, 32); err == nil && ze.serial == "" {
		ze.serial = strconv.FormatUint(uint64(zonefile.NextSerial(uint32(serial))), 10)
	}
	if ze.serial != "" {
		words[serialAt] = ze.serial
	}
	if at, fault := zonefile.CheckData("SOA", words); fault != "" {
		p.Fail(ze.edits[0].RangeOf(attrSOA), "Value cannot be written", "What begins a zone: %s (the %s).", fault, soaName(at))
		return
	}
	zonefile.Set(soa, soa.TTL.Of(soa.File.Source()), words)
	touch(soa.File)
}

func soaName(at int) string {
	for _, p := range soaParts {
		if p.at == at {
			return p.name
		}
	}
	return attrSerial
}

// remove takes records out. One that has its owner from a record that goes gets
// it itself.
func (ze *zoneEdit) remove(touch func(*lens.File)) {
	owner := map[*lens.File]*zonefile.Record{} // the removed record that lines have their owner from
	heirs := map[*zonefile.Record]*zonefile.Record{}
	for _, r := range ze.records {
		switch {
		case r.Entry.Owner.Len() > 0 && ze.removed[r]:
			owner[r.File] = r
		case r.Entry.Owner.Len() > 0:
			owner[r.File] = nil
		case !ze.removed[r] && owner[r.File] != nil:
			heirs[owner[r.File]] = r
			owner[r.File] = nil
		}
	}
	for r := range ze.removed {
		zonefile.Remove(r, heirs[r])
		touch(r.File)
	}
}

// add writes a record: behind one of its owner, or at the end of the file, where
// the last record is end.
func (ze *zoneEdit) add(a addition, like, end *zonefile.Record) {
	if like != nil {
		words := a.words
		if !strings.EqualFold(like.Origin, ze.origin) {
			words = ze.absolute(a.typ, words)
		}
		zonefile.InsertAfter(like.File, like.Node, zonefile.Line(like, "", a.ttl, a.typ, words))
		return
	}
	owner, words := zonefile.Relative(a.owner, ze.origin), a.words
	if end == nil {
		zonefile.InsertAfter(ze.file.Tree, nil, zonefile.Line(nil, owner, a.ttl, a.typ, words))
		return
	}
	if !strings.EqualFold(end.Origin, ze.origin) {
		owner, words = zonefile.Relative(a.owner, end.Origin), ze.absolute(a.typ, words)
	}
	zonefile.InsertAfter(end.File, end.Node, zonefile.Line(end, owner, a.ttl, a.typ, words))
}

// zoneFile makes the zone file of a new zone from the records that are wished of
// it, or edits that which is there.
func (p *put) zoneFile(n *newZone) {
	key := keyOf(n.edit.Addr.In, n.edit.Addr.Name)
	edits := p.byZone[key]
	soa := n.edit.Attrs[attrSOA]
	if len(edits) == 0 && (soa == cty.NilVal || soa.IsNull()) {
		return
	}
	real := path.Join("/", p.root, n.path)
	if _, err := p.tree.Stat(real); !errors.Is(err, fs.ErrNotExist) {
		p.Fail(n.edit.RangeOf("file"), "Zone file is there already", "%s is there: write the zone first, and its records once it is.", real)
		return
	}
	f := lensput.New(real)
	d := &zoneEdit{zoneData: &zoneData{file: f, origin: strings.TrimPrefix(n.edit.Addr.Name+".", ".."), sets: map[string]*recordSet{}}}
	if n.edit.Addr.Name == "." {
		d.origin = "."
	}
	for _, e := range edits {
		if !e.Absent {
			d.record(p, e)
		}
	}
	text, ok := d.text(p, n)
	if !ok {
		return
	}
	f.Insert(0, text)
	p.newFiles[real] = true
	p.Make(f, hosts.Node{Type: hosts.File, Mode: 0o640, Owner: "root", Group: "named"}) // as bind has its own
	p.Touch(f, n.edit.Addr)
	for _, e := range edits {
		p.Touch(f, e.Addr)
	}
}

// text is a new zone file.
func (ze *zoneEdit) text(p *put, n *newZone) (string, bool) {
	soa := []string{"", "hostmaster", "1", "1d", "1h", "1w", "3h"}
	if v := n.edit.Attrs[attrSerial]; v != cty.NilVal && !v.IsNull() {
		soa[serialAt], _ = serialText(v) // CheckData looks at it
	}
	slices.SortStableFunc(ze.added, func(a, b addition) int {
		rank := func(a addition) string {
			apex := strings.EqualFold(a.owner, ze.origin)
			switch {
			case apex && a.typ == "NS":
				return "0"
			case apex:
				return "1"
			}
			return "2" + strings.ToLower(zonefile.Relative(a.owner, ze.origin))
		}
		return strings.Compare(rank(a), rank(b))
	})
	if len(ze.added) == 0 || ze.added[0].typ != "NS" || !strings.EqualFold(ze.added[0].owner, ze.origin) {
		p.Fail(n.edit.RangeOf(""), "Zone without a name server", "A zone has one at least: zone_record %q \"@ NS\".", keyOf(n.edit.Addr.In, n.edit.Addr.Name))
		return "", false
	}
	soa[0] = ze.added[0].words[0]
	if v := n.edit.Attrs[attrSOA]; v != cty.NilVal && !v.IsNull() {
		for _, part := range soaParts {
			if t := v.GetAttr(part.name); !t.IsNull() {
				soa[part.at] = t.AsString()
			}
		}
	}
	if _, fault := zonefile.CheckData("SOA", soa); fault != "" {
		p.Fail(n.edit.RangeOf(attrSOA), "Value cannot be written", "What begins a zone: %s.", fault)
		return "", false
	}
	ttl := "86400"
	if v := n.edit.Attrs[attrDefaultTTL]; v != cty.NilVal && !v.IsNull() {
		if ttl = v.AsString(); !zonefile.IsTTL(ttl) {
			p.Fail(n.edit.RangeOf(attrDefaultTTL), "Value cannot be written", "%q is no time: it is written in seconds, or as 1h30m.", ttl)
			return "", false
		}
	}
	text := "$TTL " + ttl + "\n@\tIN SOA\t" + strings.Join(soa[:2], " ") + " ( " + strings.Join(soa[2:], " ") + " )\n"
	before := ze.origin
	for _, a := range ze.added {
		owner := ""
		if !strings.EqualFold(a.owner, before) {
			owner, before = zonefile.Relative(a.owner, ze.origin), a.owner
		}
		text += zonefile.Line(nil, owner, a.ttl, a.typ, a.words) + "\n"
	}
	return text, true
}
