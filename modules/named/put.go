package named

import (
	"slices"

	"github.com/hashicorp/hcl/v2"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/modules/internal/lensput"
)

// Put makes the edits. It implies no other resources.
func (Lens) Put(t engine.Tree, edits []engine.Edit) ([]engine.FileEdit, []engine.Resource, hcl.Diagnostics) {
	if len(edits) == 0 {
		return nil, nil, nil
	}
	c := load(t)
	if c.diags.HasErrors() {
		return nil, nil, c.diags
	}
	edits = lensput.Sorted(edits)
	p := &put{
		conf: c, all: edits, byZone: map[string][]engine.Edit{}, gone: map[string]bool{}, made: map[string]bool{},
		drops: map[*lensput.File][]*lens.Node{}, many: map[*lensput.File]int{}, going: map[*lens.Node]bool{}, zoneEdits: map[*zoneData]*zoneEdit{}, newFiles: map[string]bool{},
	}
	for _, z := range c.zones {
		p.many[z.file]++
	}
	if len(c.files) == 0 {
		p.Fail(&edits[0].Range, "No named.conf", "There is no %s that could be read and edited: it comes with the package bind, and one that holds secrets is not read here; keep keys in a file of their own.", confFile)
		return nil, nil, p.Diags
	}
	p.edits(edits)
	for _, ze := range p.zoneOrder {
		ze.write(p)
	}
	p.dropAll()
	files := p.Files()
	p.check(files)
	if p.Diags.HasErrors() {
		return nil, nil, p.Diags
	}
	return files, nil, p.Diags
}

// check reads the files again: what named would refuse is not written.
func (p *put) check(files []engine.FileEdit) {
	for _, f := range files {
		g := grammar()
		if slices.ContainsFunc(p.zoneOrder, func(ze *zoneEdit) bool { return ze.has(f.Path) }) || p.newFiles[f.Path] {
			g = zoneGrammar()
		}
		if f.Remove {
			continue
		}
		if _, err := g.Parse(f.Bytes); err != nil {
			e := p.editFor(f.For[0])
			p.Fail(&e.Range, "named would refuse it", "%s would be, after the edit: %s.", f.Path, err)
		}
	}
}

// editFor is the edit of an address.
func (p *put) editFor(a engine.Addr) engine.Edit {
	return p.all[max(0, slices.IndexFunc(p.all, func(e engine.Edit) bool { return e.Addr == a }))]
}

// put is one Put under way. A view is made before the zones in it, and a zone
// before its records; what goes, goes last.
type put struct {
	lensput.Put
	*conf
	byZone map[string][]engine.Edit // the edits of records
	all    []engine.Edit
	gone   map[string]bool // views that go, with what is in them
	made   map[string]bool // zones that are written with their new view, by key
	drops  map[*lensput.File][]*lens.Node
	going  map[*lens.Node]bool
	many   map[*lensput.File]int // how many zones a file has

	zoneEdits map[*zoneData]*zoneEdit
	zoneOrder []*zoneEdit
	newFiles  map[string]bool // zone files that are made
}

func (p *put) edits(edits []engine.Edit) {
	for _, e := range edits {
		switch {
		case e.Addr.Kind == RecordKind:
			p.byZone[e.Addr.In] = append(p.byZone[e.Addr.In], e)
		case e.Addr.Kind == ViewKind && e.Absent:
			p.gone[e.Addr.Name] = true
		}
	}
	p.findGoing()
	for _, kind := range []string{OptionsKind, ACLKind, ViewKind, ZoneKind} {
		for _, e := range edits {
			if e.Addr.Kind != kind {
				continue
			}
			switch kind {
			case OptionsKind:
				p.putOptions(e)
			case ACLKind:
				p.acl(e)
			case ViewKind:
				p.view(e, edits)
			case ZoneKind:
				p.zone(e)
			}
		}
	}
	for _, e := range edits {
		if e.Addr.Kind != RecordKind || p.byZone[e.Addr.In] == nil {
			continue
		}
		p.zoneRecords(e)
		p.byZone[e.Addr.In] = nil
	}
}

// findGoing marks the statements that are to go: nothing is written beside them.
func (p *put) findGoing() {
	absent := map[engine.Addr]bool{}
	for _, e := range p.all {
		if e.Absent {
			absent[e.Addr] = true
		}
	}
	if len(absent) == 0 {
		return
	}
	for _, i := range p.acls {
		p.going[i.node] = absent[engine.Addr{Kind: ACLKind, Name: i.word(1)}]
	}
	for _, v := range p.views {
		p.going[v.node] = absent[engine.Addr{Kind: ViewKind, Name: v.name}]
	}
	for _, z := range p.zones {
		if a := (engine.Addr{Kind: ZoneKind, In: z.in(), Name: z.name}); absent[a] {
			p.going[z.node] = true
		}
	}
}
