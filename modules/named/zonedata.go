package named

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"hikae/engine/lens"
	"hikae/engine/lens/zonefile"
	"hikae/modules/internal/lensput"
)

// zoneData is what a zone file holds, and what that includes.
type zoneData struct {
	file    *lensput.File
	origin  string             // the zone's name, absolute
	records []*zonefile.Record // in their order
	soa     *zonefile.Record   // nil where there is none
	ttl     *zonefile.Entry    // the first $TTL
	ttlFile *lensput.File
	sets    map[string]*recordSet // by name and type: "www A"
	order   []string
	files   map[*lens.File]*lensput.File
	by      *zone // whose records these are shown as; nil for a lone zone file
	also    int   // how many more zones have this file
}

// recordSet is the records of one owner and type.
type recordSet struct {
	owner, typ string // the owner absolute
	records    []*zonefile.Record
}

// dataOf reads the zone file of a primary zone, once for all that have it. It is
// nil where there is none to be read.
func (c *conf) dataOf(z *zone) *zoneData {
	stmts := c.statements(z.item)
	p := c.zonePath(z, stmts)
	if p == "" {
		return nil
	}
	if d, ok := c.data[p]; ok {
		if d != nil && d.by != z {
			d.also++
		}
		return d
	}
	c.data[p] = nil
	d := c.readZone(p, z.name+".", hcl.DiagWarning)
	if d != nil {
		d.by = z
	}
	c.data[p] = d
	return d
}

// zonePath is the zone file of a primary zone that is text, as named has it.
func (c *conf) zonePath(z *zone, stmts []item) string {
	file := c.text(stmts, "file")
	format := c.inherited(z, stmts, "masterfile-format")
	if typ := modern(c.text(stmts, "type")); typ != "primary" || file == "" ||
		format.node != nil && !strings.EqualFold(format.word(1), "text") || c.first(stmts, "database").node != nil {
		return ""
	}
	if path.IsAbs(file) {
		return path.Clean(file)
	}
	return path.Join(c.dir, file)
}

// inherited is the statement that holds for a zone: its own, its view's or that
// of the options.
func (c *conf) inherited(z *zone, stmts []item, name string) item {
	if i := c.first(stmts, name); i.node != nil {
		return i
	}
	if z.view != nil {
		if i := c.first(z.view.stmts, name); i.node != nil {
			return i
		}
	}
	if c.options.node == nil {
		return item{}
	}
	return c.first(c.statements(c.options), name)
}

// readZone reads a zone file.
func (c *conf) readZone(p, origin string, severity hcl.DiagnosticSeverity) *zoneData {
	if origin == ".." {
		origin = "."
	}
	f, err := c.openBy(p, zoneGrammar())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		c.cannot(f, path.Join("/", c.root, p), err, severity, "The zone would not be loaded.")
		return nil
	}
	d := &zoneData{file: f, origin: origin, sets: map[string]*recordSet{}, files: map[*lens.File]*lensput.File{}}
	r := zoneReader{conf: c, data: d}
	r.read(f, origin, "", 0)
	return d
}

// zoneReader goes through zone files that include each other.
type zoneReader struct {
	*conf
	data *zoneData
}

func (r *zoneReader) read(f *lensput.File, origin, owner string, depth int) {
	r.data.files[f.Tree] = f
	src := f.Source()
	for _, n := range f.Tree.Root.Nodes {
		if len(n.Words) == 0 {
			continue
		}
		e, err := zonefile.Read(src, n)
		if err != nil {
			continue // the grammar has refused it
		}
		switch e.Directive {
		case "":
			if e.Owner.Len() > 0 {
				owner = zonefile.Absolute(e.Owner.Of(src), origin)
			}
			r.data.add(&zonefile.Record{Entry: e, File: f.Tree, Owner: owner, Origin: origin})
		case "$ORIGIN":
			origin = zonefile.Absolute(e.Data[0].Of(src), origin)
			lens.Show(n)
		case "$TTL":
			if r.data.ttl == nil {
				r.data.ttl, r.data.ttlFile = &e, f
			}
		case "$INCLUDE":
			at := origin
			if len(e.Data) == 2 {
				at = zonefile.Absolute(e.Data[1].Of(src), origin)
			}
			r.include(f, &e, at, owner, depth)
			lens.Show(n)
		}
	}
}

func (r *zoneReader) include(f *lensput.File, e *zonefile.Entry, origin, owner string, depth int) {
	p := zonefile.Unquote(e.Data[0].Of(f.Source()))
	if !path.IsAbs(p) {
		p = path.Join(r.dir, p)
	}
	inner, err := r.openBy(p, zoneGrammar())
	if err == nil && depth == maxDepth {
		err = errors.New("zone files include each other without an end")
	}
	if err != nil {
		r.tell(&hcl.Diagnostic{
			Severity: hcl.DiagWarning, Summary: "Included zone file cannot be read",
			Detail: fmt.Sprintf("%s: %s. The zone would not be loaded.", p, err), Subject: f.RangeOf(e.Node.Whole),
		})
		return
	}
	r.read(inner, origin, owner, depth+1)
}

// add takes a record.
func (d *zoneData) add(r *zonefile.Record) {
	d.records = append(d.records, r)
	typ := r.TypeName(r.File.Source())
	if typ == "SOA" {
		if d.soa == nil && len(r.Data) == 7 {
			d.soa = r
		}
		return
	}
	if r.Owner == "" || len(r.Data) == 0 || !readable(r.Owner) {
		return // of an owner that stands in a file which includes this one
	}
	key := d.key(r.Owner, typ)
	set := d.sets[key]
	if set == nil {
		set = &recordSet{owner: r.Owner, typ: typ}
		d.sets[key] = set
		d.order = append(d.order, key)
	}
	set.records = append(set.records, r)
}

// key is what a set is called: its owner below the zone in small letters, a
// blank and its type.
func (d *zoneData) key(owner, typ string) string {
	return strings.ToLower(zonefile.Relative(owner, d.origin)) + " " + typ
}

// value is a record's data as a resource shows it: the text of a TXT record, and
// the words of another, names below the zone's own origin.
func (d *zoneData) value(r *zonefile.Record) string {
	words := r.Words()
	typ := r.TypeName(r.File.Source())
	if len(words) == 0 {
		return ""
	}
	if isText(typ) && words[0] != `\#` {
		return r.Text()
	}
	if !strings.EqualFold(r.Origin, d.origin) && words[0] != `\#` {
		for _, i := range zonefile.Names(typ) {
			if i < len(words) {
				words[i] = zonefile.Relative(zonefile.Absolute(words[i], r.Origin), d.origin)
			}
		}
	}
	return strings.Join(words, " ")
}

func isText(typ string) bool { return typ == "TXT" || typ == "SPF" }

// dynamic tells why a zone's file is not to be written, "" where it may be: it
// is named's own where clients change the zone.
func (c *conf) dynamic(z *zone) string {
	stmts := c.statements(z.item)
	if c.first(stmts, "update-policy").node != nil {
		return "it has an update-policy"
	}
	if u := c.inherited(z, stmts, "allow-update"); u.node != nil {
		for _, e := range u.node.Nodes {
			if !strings.EqualFold(element(u.src(), e), "none") {
				return "allow-update lets clients change it"
			}
		}
	}
	journal := c.text(stmts, "journal")
	if file := c.text(stmts, "file"); journal == "" && file != "" {
		journal = file + ".jnl"
	}
	if journal == "" {
		return ""
	}
	if !path.IsAbs(journal) {
		journal = path.Join(c.dir, journal)
	}
	if _, err := c.tree.Stat(path.Join("/", c.root, journal)); err == nil {
		return "its journal is " + journal
	}
	return ""
}

// loneZones are the zone files of a tree that has no named.conf: what hikae lens
// looks at. What a zone is called its SOA record or else the file tells.
func (c *conf) loneZones() []*zoneData {
	names, err := lensput.Names(c.tree, varNamed, "")
	if err != nil {
		return nil
	}
	var all []*zoneData
	for _, n := range names {
		name := strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(n, "db."), ".zone"), ".db")
		if d := c.readZone(path.Join(varNamed, n), zoneName(name)+".", hcl.DiagError); d != nil {
			if d.soa != nil && d.soa.Owner != d.origin {
				origin := d.soa.Owner
				delete(c.data, d.file.Path)
				d = c.readZone(path.Join(varNamed, n), zoneName(origin)+".", hcl.DiagError)
			}
			all = append(all, d)
		}
	}
	return all
}
