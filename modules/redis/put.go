package redis

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/hosts"
	"hikae/modules/internal/lensput"
)

// Put makes the edits. It implies no other resources.
func (Lens) Put(t engine.Tree, edits []engine.Edit) ([]engine.FileEdit, []engine.Resource, hcl.Diagnostics) {
	c := load(t)
	if c.diags.HasErrors() {
		return nil, nil, c.diags
	}
	p := &put{config: c}
	for _, e := range lensput.Sorted(edits) {
		p.edit(e)
	}
	files := p.Files()
	return files, nil, p.Diags
}

type put struct {
	lensput.Put
	*config
	made *lensput.File
}

func (p *put) edit(e engine.Edit) {
	name := e.Addr.Name
	want, said := e.Attrs[attrValue]
	remove := e.Absent || said && want.IsNull()
	switch today := canonical(name); {
	case today != name:
		p.Fail(e.RangeOf(""), "Not its name here", "redis's %q is shown as %q: write that.", name, today)
		return
	case !shownName(name):
		p.Fail(e.RangeOf(""), "Not a directive's name", "%q cannot be one.", name)
		return
	case secrets[name]:
		p.Fail(e.RangeOf(""), "A password is no setting", "%s is not written by a lens, or it would stand in the project as it is. Write the file, with content from secret().", name)
		return
	case remove:
		for _, d := range p.lines[name] {
			d.file.Tree.Remove(d.node)
			p.Touch(d.file, e.Addr)
		}
		return
	case !said:
		return
	}
	if have, ok := p.value(name); ok && have.RawEquals(want) {
		return
	}
	text, err := write(name, want)
	if err != nil {
		p.Fail(e.RangeOf(attrValue), "Value that redis would not take", "%s.", err)
		return
	}
	p.set(e, text)
}

// set makes the lines of a setting these.
func (p *put) set(e engine.Edit, text []string) {
	name := e.Addr.Name
	have := p.said(name)
	if len(have) == 0 {
		have = p.lines[name]
	}
	if f, known := forms[name]; (!known || f != lines) && len(text) == 1 && len(have) > 0 {
		have = have[len(have)-1:] // the last one counts
		if !known {
			have = p.said(name)
		}
	}
	for i, d := range have {
		switch {
		case i >= len(text):
			d.file.Tree.Remove(d.node)
		case d.says() != text[i]:
			d.write(text[i])
		default:
			continue
		}
		p.Touch(d.file, e.Addr)
	}
	if len(text) <= len(have) {
		return
	}
	written := name
	if old, ok := older[name]; ok && strings.HasPrefix(p.tree.Facts().VersionID, "8") {
		written = old
	}
	more := slices.Clone(text[len(have):])
	for i := range more {
		more[i] = written + " " + more[i]
	}
	if len(have) > 0 {
		last := have[len(have)-1]
		last.file.Tree.InsertAfter(last.node, strings.Join(more, "\n"))
		p.Touch(last.file, e.Addr)
		return
	}
	f, ok := p.file(e)
	if !ok {
		return
	}
	for _, l := range more {
		f.Append(l)
	}
	p.Touch(f, e.Addr)
}

// says is what stands behind the name, as redis would have it written.
func (d *directive) says() string {
	if len(d.args) == 0 {
		return ""
	}
	if s := text(d.args); s != "" {
		return s
	}
	return `""`
}

// write puts other words behind the name.
func (d *directive) write(text string) {
	first, last := d.node.Words[0], d.node.Words[len(d.node.Words)-1]
	if first == last {
		d.file.Insert(first.End, " "+text)
		return
	}
	d.file.Replace(lens.Span{Start: d.node.Words[1].Start, End: last.End}, text)
}

// file is redis.conf, made where there is none.
func (p *put) file(e engine.Edit) (*lensput.File, bool) {
	real, err := engine.Resolve(p.tree, p.main)
	for _, f := range p.files {
		if err == nil && f.Path == real {
			return f, true
		}
	}
	if err == nil {
		p.Fail(e.RangeOf(attrValue), "File cannot be edited", "%s is there and cannot be read: it may hold a password.", p.main)
		return nil, false
	}
	if p.made == nil {
		p.made = lensput.New(p.main)
		p.Make(p.made, hosts.Node{Type: hosts.File, Mode: 0o640, Owner: "redis", Group: "root"})
	}
	return p.made, true
}
