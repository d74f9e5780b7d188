package firewalld

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/xml"
	"hikae/modules/internal/lensput"
)

// Put makes the edits. It implies no other resources.
func (Lens) Put(t engine.Tree, edits []engine.Edit) ([]engine.FileEdit, []engine.Resource, hcl.Diagnostics) {
	p := &put{config: load(t)}
	for _, e := range lensput.Sorted(edits) {
		p.edit(e)
	}
	files := p.Files()
	return files, nil, p.Diags
}

type put struct {
	lensput.Put
	*config
}

func (p *put) edit(e engine.Edit) {
	o := p.found[e.Addr]
	k := kindOf(e.Addr.Kind)
	if bad := p.bad[e.Addr]; bad != nil {
		p.Fail(e.RangeOf(""), "File cannot be edited", "%s: %s", bad.Subject.Filename, bad.Detail)
		return
	}
	switch {
	case e.Absent && o == nil:
	case e.Absent && o.lib:
		p.Fail(e.RangeOf(""), "It is firewalld's own", "%s is %s's, in %s, and does not go by what /etc/firewalld lacks.", e.Addr.Name, "firewalld", o.file.Path)
	case e.Absent:
		p.Remove(o.file, e.Addr)
	case o == nil:
		p.create(k, e)
	default:
		p.change(o, e)
	}
}

// change edits a file that is there.
func (p *put) change(o *object, e engine.Edit) {
	w := &writer{put: p, object: o, e: e}
	w.all()
	if !w.touched {
		return
	}
	w.flush()
	f := o.file
	if o.lib { // copied to /etc/firewalld, with the edits in it
		b, err := f.Bytes()
		if err != nil {
			p.Fail(e.RangeOf(""), "Edits of one file meet", "%s: %s.", f.Path, err)
			return
		}
		f = lensput.New(o.kind.etc(o.name))
		f.Append(strings.TrimSuffix(string(b), "\n"))
	}
	p.Touch(f, e.Addr)
}

var nameForm = engine.Form(`^[A-Za-z0-9_-]+$`)

// ownZones are the zones that firewalld brings: one that is created would lose
// what it says of them, ssh among it.
var ownZones = []string{"block", "dmz", "drop", "external", "home", "internal", "public", "trusted", "work"}

// create makes a file of a new zone or service, as firewalld writes one.
func (p *put) create(k *kind, e engine.Edit) {
	name := e.Addr.Name
	target := k.etc(name)
	switch _, err := engine.Resolve(p.tree, target); {
	case !nameForm().MatchString(name) || k.maxName > 0 && len(name) > k.maxName:
		p.Fail(e.RangeOf(""), "Not a name", "%q cannot be %s: letters, digits, - and _ of ASCII, at most %d of them.", name, k.label, max(k.maxName, 128))
		return
	case !errors.Is(err, fs.ErrNotExist):
		p.Fail(e.RangeOf(""), "File cannot be edited", "%s is there and cannot be read.", target)
		return
	case k.name == KindZone && slices.Contains(ownZones, name):
		p.Fail(e.RangeOf(""), "The zone is firewalld's own", "%s is in %s, which is not carried, so that a new file would lose what it says. Declare paths = [%q] where the primary is, or copy it once there: cp %s %s.",
			name, path.Dir(k.lib(name)), path.Dir(k.lib(name)), k.lib(name), target)
		return
	}
	for _, a := range k.need {
		if v, ok := e.Attrs[a]; !ok || v.IsNull() {
			p.Fail(e.RangeOf(""), "Something is missing", "%s %q is not there yet: say its %s.", k.name, name, a)
			return
		}
	}
	f := lensput.New(target)
	text := "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<" + k.root + "/>\n"
	tree, err := xml.Parse([]byte(text))
	if err != nil {
		p.Fail(e.RangeOf(""), "File cannot be made", "%s.", err)
		return
	}
	o := objectIn(&lensput.File{Path: target, Document: tree.Document, Tree: tree})
	o.kind, o.name = k, name
	w := &writer{put: p, object: o, e: e}
	w.all()
	w.flush()
	b, err := tree.Bytes()
	if err != nil {
		p.Fail(e.RangeOf(""), "File cannot be made", "%s.", err)
		return
	}
	f.Append(strings.TrimSuffix(string(b), "\n"))
	p.Touch(f, e.Addr)
}

// writer edits one file.
type writer struct {
	*put
	*object
	e       engine.Edit
	touched bool
	head    []string // new elements at the start
	tail    []string // and at the end
	words   []string // new attributes of the outermost element
}

func (w *writer) fail(attr string, err error) {
	w.Fail(w.e.RangeOf(attr), "Value that firewalld would not take", "%s: %s.", attr, err)
}

// all makes the edits of each attribute, in firewalld's order.
func (w *writer) all() {
	for _, a := range w.kind.attrs {
		want, said := w.e.Attrs[a.name]
		if !said {
			continue
		}
		have, nodes, _ := w.get(a)
		if have.RawEquals(want) {
			continue
		}
		if a.info {
			if !want.IsNull() {
				w.Fail(w.e.RangeOf(a.name), "This is the host's own", "The %s of %s are not written: a follower keeps its own.", a.name, w.name)
			}
			continue
		}
		switch a.form {
		case rootAttr:
			w.rootAttr(a, want)
		case textOf:
			w.textOf(a, want)
		case presence:
			w.presence(a, want, nodes)
		case pairs:
			w.pairs(a, want)
		case items:
			w.items(a, want)
		}
	}
}

func (w *writer) rootAttr(a attribute, want cty.Value) {
	word, there := w.read.Word(w.root, a.element)
	if want.IsNull() {
		if there {
			w.file.Delete(lens.Span{Start: w.blanksBefore(word.Start), End: word.End})
			w.touched = true
		}
		return
	}
	value := want.AsString()
	if !xml.Writable(value) {
		w.fail(a.name, errors.New("it holds what XML cannot"))
		return
	}
	if a.check != nil {
		if err := a.check(value); err != nil {
			w.fail(a.name, err)
			return
		}
	}
	w.touched = true
	text := a.element + "=" + w.read.Quote(value)
	if there {
		w.file.Replace(word, text)
		return
	}
	w.words = append(w.words, " "+text)
}

// blanksBefore is where the blanks before an offset begin.
func (o *object) blanksBefore(at int) int {
	src := o.file.Source()
	for at > 0 && strings.IndexByte(" \t\r\n", src[at-1]) >= 0 {
		at--
	}
	return at
}

func (w *writer) textOf(a attribute, want cty.Value) {
	nodes := w.nodes(a)
	if want.IsNull() {
		w.remove(nodes)
		return
	}
	value := want.AsString()
	if !xml.Writable(value) || strings.TrimSpace(value) != value || strings.ContainsAny(value, "\n\r") {
		w.fail(a.name, errors.New("it is one line without blanks around it"))
		return
	}
	w.touched = true
	text := "<" + a.element + ">" + w.read.Escape(value) + "</" + a.element + ">"
	if len(nodes) == 0 {
		w.head = append(w.head, text)
		return
	}
	w.remove(nodes[1:])
	w.file.Replace(nodes[0].Whole, text)
}

func (w *writer) presence(a attribute, want cty.Value, nodes []*lens.Node) {
	if !want.IsNull() && want.True() {
		w.touched = true
		w.tail = append(w.tail, "<"+a.element+"/>")
		return
	}
	w.remove(nodes)
}

func (w *writer) remove(nodes []*lens.Node) {
	for _, n := range nodes {
		w.file.Tree.Remove(n)
		w.touched = true
	}
}
