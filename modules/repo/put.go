package repo

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens/ini"
	"hikae/modules/internal/lensput"
)

// Put makes the edits. It implies no other resources.
func (Lens) Put(t engine.Tree, edits []engine.Edit) ([]engine.FileEdit, []engine.Resource, hcl.Diagnostics) {
	c, diags := load(t)
	if diags.HasErrors() {
		return nil, nil, diags
	}
	p := &put{config: c, tree: t}
	edits = lensput.Sorted(edits)
	// New sections stand at the end of their files: last.
	for _, e := range edits {
		if r := c.repos[e.Addr.Name]; r != nil {
			p.change(r, e)
		}
	}
	for _, e := range edits {
		if c.repos[e.Addr.Name] == nil && !e.Absent {
			p.create(e)
		}
	}
	files := p.Files()
	return files, nil, p.Diags
}

type put struct {
	lensput.Put
	*config
	tree engine.Tree
}

// change edits a repository that is there.
func (p *put) change(r *repository, e engine.Edit) {
	if e.Absent {
		// Those that it hid would appear.
		for _, r := range append([]*repository{r}, r.hidden...) {
			for _, s := range r.sections {
				ini.RemoveSection(r.file.Tree, s)
			}
			p.Touch(r.file, e.Addr)
		}
		return
	}
	if f := e.Attrs[attrFile]; f != cty.NilVal && !f.IsNull() && path.Clean(f.AsString()) != r.file.Path {
		p.Fail(e.RangeOf(attrFile), "Repository stands elsewhere", "The repository %q is in %s; to move it, move its file.", r.id, r.file.Path)
		return
	}
	section := r.sections[len(r.sections)-1]
	var added []ini.Setting
	for _, s := range settings() {
		want, ok := e.Attrs[s.attr]
		if !ok {
			continue
		}
		if have, ok := r.get(s); ok && have.RawEquals(want) {
			continue
		}
		if want.IsNull() {
			p.unset(r, s, e.Addr)
			continue
		}
		written, ok := p.written(s, want, e)
		if !ok {
			continue
		}
		entry, ok := r.entry(s)
		switch {
		case !ok:
			p.Fail(e.RangeOf(s.attr), "Setting is written twice", "The repository %q has both %s and %s in %s, and dnf adds them up; make them one there.",
				r.id, s.attr, s.alias, r.file.Path)
			continue
		case entry == nil:
			added = append(added, ini.Setting{Key: s.attr, Value: written.text})
		case s.form == list:
			ini.SetItems(r.file.Tree, entry, written.items)
		case s.form == flag:
			ini.SetDnfValue(r.file.Tree, entry, flagText(ini.Value(entry.Word(r.file.Source(), 1)), want.True()))
		default:
			ini.SetDnfValue(r.file.Tree, entry, written.text)
		}
		p.Touch(r.file, e.Addr)
	}
	for _, s := range added { // behind what was changed
		ini.DnfStyle.Add(r.file.Tree, section, s.Key, s.Value)
	}
}

// unset takes out all that says something of a setting.
func (p *put) unset(r *repository, s setting, a engine.Addr) {
	for _, section := range r.sections {
		for _, n := range section.Nodes {
			if key := n.Name(r.file.Source()); key == s.attr || s.alias != "" && key == s.alias {
				ini.RemoveDnf(r.file.Tree, n)
				p.Touch(r.file, a)
			}
		}
	}
}

// create adds a repository.
func (p *put) create(e engine.Edit) {
	id := e.Addr.Name
	if err := checkID(id); err != nil || id == "main" || id == "" {
		p.Fail(e.RangeOf(""), "Not a repository's id", "%q cannot be one: dnf allows letters, digits and -_.: only, and main is its own.", id)
		return
	}
	var lines []ini.Setting
	from := false
	for _, s := range settings() {
		want, ok := e.Attrs[s.attr]
		if !ok || want.IsNull() {
			continue
		}
		written, ok := p.written(s, want, e)
		if !ok {
			return
		}
		lines = append(lines, ini.Setting{Key: s.attr, Value: written.text})
		from = from || s.attr == "baseurl" || s.attr == "mirrorlist" || s.attr == "metalink"
	}
	if !from {
		p.Fail(e.RangeOf(""), "Repository without a place", "The repository %q is not there yet: say where it is, with baseurl, mirrorlist or metalink.", id)
		return
	}
	f, ok := p.fileFor(e)
	if !ok {
		return
	}
	ini.DnfStyle.AddSections(f.Tree, ini.Section{Name: id, Settings: lines})
	p.Touch(f, e.Addr)
}

// fileFor is the file that a new repository is written in.
func (p *put) fileFor(e engine.Edit) (*lensput.File, bool) {
	name := path.Join(p.dirs[0], e.Addr.Name+suffix)
	if v := e.Attrs[attrFile]; v != cty.NilVal && !v.IsNull() {
		name = v.AsString()
	}
	if path.Clean(name) != name || !strings.HasSuffix(name, suffix) || !slices.Contains(p.dirs, path.Dir(name)) {
		p.Fail(e.RangeOf(attrFile), "dnf would not read it", "%s is no *.repo file of %s.", name, strings.Join(p.dirs, " or "))
		return nil, false
	}
	real, err := engine.Resolve(p.tree, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		real = name
	case err != nil:
		p.Fail(e.RangeOf(attrFile), "File cannot be written", "%s.", err)
		return nil, false
	}
	for _, f := range p.files {
		if f.Path == real {
			return f, true
		}
	}
	if err == nil {
		p.Fail(e.RangeOf(attrFile), "File cannot be edited", "%s is there and dnf passes over it: mend it first.", real)
		return nil, false
	}
	f := lensput.Create(real, grammar())
	p.files = append(p.files, f)
	return f, true
}

// asWritten is a value as it stands in a file.
type asWritten struct {
	text  string
	items []string // of a list
}

// written turns a value into text and refuses what would read otherwise.
func (p *put) written(s setting, v cty.Value, e engine.Edit) (asWritten, bool) {
	var w asWritten
	switch s.form {
	case list:
		for it := v.ElementIterator(); it.Next(); {
			_, item := it.Element()
			if item.IsNull() || !writableItem(item.AsString()) {
				p.Fail(e.RangeOf(s.attr), "Value cannot be written", "An item of %s is not empty, holds no blank, comma, quote or control character and does not begin with a [.", s.attr)
				return w, false
			}
			w.items = append(w.items, item.AsString())
		}
		w.text = strings.Join(w.items, " ")
	case flag:
		w.text = flagText("", v.True())
	case number:
		n, acc := v.AsBigFloat().Int64()
		if acc != 0 || n != int64(int32(n)) { //nolint:gosec // that is the check
			p.Fail(e.RangeOf(s.attr), "Value cannot be written", "%s is a whole number of 32 bits.", s.attr)
			return w, false
		}
		w.text = fmt.Sprint(n)
	default:
		w.text = v.AsString()
		if strings.TrimSpace(w.text) != w.text || hasControl(w.text) || ini.Quoted(w.text) {
			p.Fail(e.RangeOf(s.attr), "Value cannot be written", "%s is one line without blanks or quotes around it.", s.attr)
			return w, false
		}
	}
	return w, true
}

// writableItem: a [ at the start of a line would begin a section.
func writableItem(s string) bool {
	return s != "" && !strings.ContainsAny(s, " ,\"'") && !hasControl(s) && s[0] != '['
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f })
}
