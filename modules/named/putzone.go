package named

import (
	"path"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/modules/internal/lensput"
)

// newZone is a zone that is being made, with the zone file that it is to have.
type newZone struct {
	edit engine.Edit
	path string // of the zone file, as named has it; "" for a zone without one
}

func (p *put) zone(e engine.Edit) {
	at := slices.IndexFunc(p.zones, func(z *zone) bool { return z.in() == e.Addr.In && z.name == zoneName(e.Addr.Name) })
	switch {
	case p.made[keyOf(e.Addr.In, e.Addr.Name)]:
	case e.Absent && at >= 0:
		p.removeZone(p.zones[at], e)
	case e.Absent:
	case at < 0:
		p.createZone(e)
	case p.zones[at].shared:
		p.changeShared(p.zones[at], e)
	default:
		p.settings(p.zones[at].item, p.statements(p.zones[at].item), inZone, e)
		p.head(p.zones[at], e)
	}
}

// changeShared refuses an edit of a zone that stands in a file which several
// views include, unless nothing would change.
func (p *put) changeShared(z *zone, e engine.Edit) {
	stmts := p.statements(z.item)
	for _, s := range of(inZone) {
		want, said := e.Attrs[s.attr()]
		if !said {
			continue
		}
		have := cty.NullVal(s.form.typ())
		if i := p.of(stmts, s); i.node != nil {
			if v, ok := s.value(i); ok {
				have = v
			}
		}
		if !have.RawEquals(want) {
			p.Fail(e.RangeOf(s.attr()), "Zone of several views", "The zone %q stands in %s, which more than one view includes: an edit of one would be one of all.", z.name, z.file.Path)
			return
		}
	}
	p.head(z, e)
}

// removeZone takes out a zone, and its zone file where no other has it.
func (p *put) removeZone(z *zone, e engine.Edit) {
	if z.shared {
		p.Fail(e.RangeOf(""), "Zone of several views", "The zone %q stands in %s, which more than one view includes: it cannot go from one.", z.name, z.file.Path)
		return
	}
	p.drop(z.item, e.Addr)
	file := p.zonePath(z, p.statements(z.item))
	if file == "" {
		return
	}
	for _, o := range p.zones {
		if o != z && !p.going[o.node] && p.zonePath(o, p.statements(o.item)) == file {
			return
		}
	}
	if f, err := lensput.Read(p.tree, path.Join("/", p.root, file)); err == nil {
		p.Remove(f, e.Addr)
	}
}

// createZone writes a zone that is not there yet: behind the zones of its view,
// in the first file that has some of its alone.
func (p *put) createZone(e engine.Edit) {
	var in *view
	if e.Addr.In != "" || len(p.views) > 0 {
		at := slices.IndexFunc(p.views, func(v *view) bool { return v.name == e.Addr.In && !p.gone[v.name] })
		if at < 0 {
			p.Fail(e.RangeOf(""), "Zone of no view", "%s", p.whichView(e))
			return
		}
		in = p.views[at]
	}
	text := p.newZone(e, in)
	if text == "" {
		return
	}
	var last *zone
	for _, z := range p.zones {
		if z.view == in && !z.shared && (last == nil || last.file == z.file) && !p.going[z.node] {
			last = z
		}
	}
	switch {
	case last != nil:
		last.file.Tree.InsertAfter(last.node, text)
		p.Touch(last.file, e.Addr)
	case in != nil:
		p.appendTo(in.item, text)
		p.Touch(in.file, e.Addr)
	default:
		p.append(text, e.Addr)
	}
}

func (p *put) whichView(e engine.Edit) string {
	var names []string
	for _, v := range p.views {
		names = append(names, v.name)
	}
	if len(names) == 0 {
		return "There are no views: write zone \"" + e.Addr.Name + "\" alone, or describe the view \"" + e.Addr.In + "\"."
	}
	return "Where there are views, a zone is in one: zone \"VIEW\" \"" + e.Addr.Name + "\", with one of " + strings.Join(names, ", ") + "."
}

var zoneForm = engine.Form(`^(\.|[^\s";{}]+)$`)

// newZone is a new zone's statement; "" where it cannot be written.
func (p *put) newZone(e engine.Edit, in *view) string {
	name := e.Addr.Name
	if !zoneForm().MatchString(name) || name != zoneName(name) {
		p.Fail(e.RangeOf(""), "Not a name", "%q cannot be the name of a zone: it is written in small letters, without a dot at its end.", name)
		return ""
	}
	typ := ""
	if v := e.Attrs["type"]; v != cty.NilVal && !v.IsNull() {
		typ = modern(v.AsString())
	} else if v := e.Attrs["in_view"]; v == cty.NilVal || v.IsNull() {
		p.Fail(e.RangeOf(""), "Zone without a type", `The zone %q is not there yet: say what it is, with type = "primary" or another.`, name)
		return ""
	}
	attrs := map[string]cty.Value{}
	for a, v := range e.Attrs {
		attrs[a] = v
	}
	made := &newZone{edit: e}
	if v := attrs["file"]; (typ == "primary" || typ == "secondary") && (v == cty.NilVal || v.IsNull()) {
		attrs["file"] = cty.StringVal(p.place(typ, name, in))
	}
	if v := attrs["file"]; typ == "primary" && v != cty.NilVal {
		if made.path = v.AsString(); !path.IsAbs(made.path) {
			made.path = path.Join(p.dir, made.path)
		}
	}
	e.Attrs = attrs
	text := p.block("zone "+`"`+name+`" IN`, inZone, e, nil)
	if text == "" {
		return ""
	}
	if typ == "primary" {
		made.edit = e
		p.zoneFile(made)
		p.byZone[keyOf(e.Addr.In, name)] = nil
	}
	return text
}

// place is the zone file of a new zone where nothing is said: beside those of
// its view, and a secondary's below slaves, where named may write on EL.
func (p *put) place(typ, name string, in *view) string {
	file := strings.ReplaceAll(name, "/", "-")
	if name == "." {
		file = "root"
	}
	for _, z := range p.zones {
		stmts := p.statements(z.item)
		have := p.text(stmts, "file")
		if z.view == in && have != "" && modern(p.text(stmts, "type")) == typ && path.Dir(have) != "." {
			return path.Join(path.Dir(have), file+".zone")
		}
	}
	if typ == "secondary" {
		return path.Join("slaves", file+".zone")
	}
	return file + ".zone"
}
