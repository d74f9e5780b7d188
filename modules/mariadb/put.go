package mariadb

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/ini"
	"hikae/modules/internal/lensput"
)

// Put makes the edits. It implies no other resources.
func (Lens) Put(t engine.Tree, edits []engine.Edit) ([]engine.FileEdit, []engine.Resource, hcl.Diagnostics) {
	c := load(t)
	if c.diags.HasErrors() {
		return nil, nil, c.diags
	}
	p := &put{config: c, added: map[*lensput.File]map[string][]ini.Setting{}}
	for _, e := range lensput.Sorted(edits) {
		p.edit(e)
	}
	p.append()
	files := p.Files()
	return files, nil, p.Diags
}

type put struct {
	lensput.Put
	*config
	// added are the settings of groups that a file does not have yet, to be
	// written at its end when all else is.
	added map[*lensput.File]map[string][]ini.Setting
	taken map[*lens.Node]bool // settings that go
}

var (
	keyForm   = engine.Form(`^[A-Za-z0-9_.]{1,100}$`)
	groupForm = engine.Form(`^[A-Za-z0-9_.-]{1,100}$`)
)

func (p *put) edit(e engine.Edit) {
	a := address{e.Addr.In, e.Addr.Name}
	options := p.options[a]
	want, said := e.Attrs[attrValue]
	switch {
	case isSecret(a.key):
		p.Fail(e.RangeOf(""), "A secret is not written here", "%s is a password or a key: put it into a file by itself, with owner and mode of its own, as a file overlay.", a.key)
	case e.Absent, said && want.IsNull():
		p.remove(options, e)
	case !said && options != nil, len(options) > 0 && p.is(a.key, options, want):
	case !said:
		p.Fail(e.RangeOf(attrValue), "Option without a value", "Give %q a value, or take it out with absent = true.", a.key)
	default:
		lines, err := toWrite(a.key, want)
		if err != nil {
			p.Fail(e.RangeOf(attrValue), "Value cannot be written", "%s.", err)
			return
		}
		if len(options) == 0 {
			p.create(a, lines, e)
			return
		}
		p.change(a, options, lines, e)
	}
}

// is tells whether the settings of an option amount to a value already.
func (p *put) is(key string, options []option, want cty.Value) bool {
	have, ok := value(key, options)
	return ok && have.RawEquals(want)
}

// remove takes out all settings of an option: those that the last one overrode
// would hold.
func (p *put) remove(options []option, e engine.Edit) {
	for _, o := range options {
		p.take(o)
		p.Touch(o.file, e.Addr)
		if o.file.Path == newFile && p.emptied(o.file) {
			p.Remove(o.file, e.Addr)
		}
	}
}

func (p *put) take(o option) {
	o.file.Tree.Remove(o.node)
	if p.taken == nil {
		p.taken = map[*lens.Node]bool{}
	}
	p.taken[o.node] = true
}

// emptied tells whether nothing is left of the settings of a file.
func (p *put) emptied(f *lensput.File) bool {
	for n := range f.Tree.Root.All {
		if !n.Block && !p.taken[n] {
			return false
		}
	}
	return true
}

// change makes the settings of an option these lines. One that stays keeps its
// bytes.
func (p *put) change(a address, options []option, lines []asWritten, e engine.Edit) {
	if f := e.Attrs[attrFile]; f != cty.NilVal && !f.IsNull() && f.AsString() != options[len(options)-1].file.Path {
		p.Fail(e.RangeOf(attrFile), "Option is set elsewhere", "%q of [%s] is set in %s.", a.key, a.group, options[len(options)-1].file.Path)
		return
	}
	if formOf(a.key) != list {
		options = options[len(options)-1:]
	}
	for i, o := range options {
		switch {
		case i >= len(lines):
			p.take(o)
		case !p.set(a.key, o, lines[i]):
			continue
		}
		p.Touch(o.file, e.Addr)
	}
	last := options[len(options)-1]
	for i := len(options); i < len(lines); i++ {
		written, _ := ini.MyCnfQuote(lines[i].text)
		last.file.Tree.InsertAfter(last.node, last.node.Name(last.file.Source())+p.assign(last)+written)
		p.Touch(last.file, e.Addr)
	}
}

// assign is what stands between an option and its value, as it is written.
func (p *put) assign(o option) string {
	src := o.file.Source()
	if len(o.node.Words) < 2 {
		return "="
	}
	a := string(src[o.node.Words[0].End:o.node.Words[1].Start])
	if strings.Trim(a, " \t=") != "" {
		return "="
	}
	return a
}

// set gives one setting another value, and tells whether it changed.
func (p *put) set(key string, o option, to asWritten) bool {
	written, has := o.written()
	said := ini.MyCnfValue(written)
	if f := formOf(key); f == flag {
		on, _ := parseFlag(to.text)
		if have, ok := parseFlag(said); !has && on || has && ok && have == on {
			return false
		}
		to.text = flagText(said, on)
	} else if f == number && has && !to.bare {
		have, ok := parseNumber(said)
		if want, _ := parseNumber(to.text); ok && have.RawEquals(want) {
			return false
		}
	}
	switch {
	case to.bare && !has, !to.bare && has && said == to.text:
		return false
	case to.bare:
		o.file.Tree.Delete(lens.Span{Start: o.node.Words[0].End, End: o.node.Words[1].End})
		return true
	}
	quoted, _ := ini.MyCnfQuote(to.text)
	ini.MyCnfStyle.SetValue(o.file.Tree, o.group, o.node, quoted)
	return true
}

// create adds an option that no file sets.
func (p *put) create(a address, lines []asWritten, e engine.Edit) {
	switch {
	case !groupForm().MatchString(a.group):
		p.Fail(e.RangeOf(""), "Option without a group", "%s wants two labels, a group and an option, as in %s \"mysqld\" \"server_id\".", e.Addr, Kind)
		return
	case !keyForm().MatchString(a.key):
		p.Fail(e.RangeOf(""), "Not an option", "%q cannot be one: an option's name is written with _, as in server_id.", a.key)
		return
	}
	f, ok := p.fileFor(e)
	if !ok {
		return
	}
	p.Touch(f, e.Addr)
	sections := ini.Named(f.Tree, a.group)
	for _, l := range lines {
		written, _ := ini.MyCnfQuote(l.text)
		switch {
		case len(sections) == 0:
			if p.added[f] == nil {
				p.added[f] = map[string][]ini.Setting{}
			}
			s := ini.Setting{Key: a.key, Value: written}
			if l.bare {
				s = ini.Setting{Key: a.key, Bare: true}
			}
			p.added[f][a.group] = append(p.added[f][a.group], s)
		case l.bare:
			ini.MyCnfStyle.AddLine(f.Tree, sections[len(sections)-1], a.key)
		default:
			ini.MyCnfStyle.Add(f.Tree, sections[len(sections)-1], a.key, written)
		}
	}
}

// endsInInclude tells whether a file would read otherwise with a line feed at its
// end.
func endsInInclude(f *lensput.File) bool {
	src := f.Source()
	last := bytes.TrimLeft(src[bytes.LastIndexByte(src, '\n')+1:], " \t")
	return bytes.HasPrefix(last, []byte("!"))
}

// append writes the groups that files did not have.
func (p *put) append() {
	for f, groups := range p.added {
		var sections []ini.Section
		for _, name := range slices.Sorted(maps.Keys(groups)) {
			sections = append(sections, ini.Section{Name: name, Settings: groups[name]})
		}
		ini.MyCnfStyle.AddSections(f.Tree, sections...)
	}
}

// fileFor is the file that a new option is written in: that of hikae's own
// options, or /etc/my.cnf where that includes no directory.
func (p *put) fileFor(e engine.Edit) (*lensput.File, bool) {
	name := newFile
	if !p.dirs[confDir] {
		name = mainFile
	}
	if v := e.Attrs[attrFile]; v != cty.NilVal && !v.IsNull() {
		name = v.AsString()
	}
	real, err := engine.Resolve(p.tree, name)
	if errors.Is(err, fs.ErrNotExist) {
		real, err = name, nil
	}
	if err != nil {
		p.Fail(e.RangeOf(attrFile), "File cannot be written", "%s.", err)
		return nil, false
	}
	for _, f := range p.files {
		if f.Path != real {
			continue
		}
		if src := f.Source(); endsInInclude(f) {
			p.Fail(e.RangeOf(attrFile), "File cannot be edited", "The last line of %s is an include that no line feed ends, so that MariaDB reads %q without its last letter: mend it first.",
				f.Path, src[bytes.LastIndexByte(src, '\n')+1:])
			return nil, false
		}
		return f, true
	}
	_, err = p.tree.Stat(real)
	switch {
	case err == nil:
		p.Fail(e.RangeOf(attrFile), "File cannot be edited", "%s is there and MariaDB does not read it, or not all of it.", real)
		return nil, false
	case real != mainFile && (path.Clean(name) != name || !p.dirs[path.Dir(name)] || path.Ext(name) != suffix):
		p.Fail(e.RangeOf(attrFile), "MariaDB would not read it", "%s is no *%s of a directory that %s includes.", name, suffix, mainFile)
		return nil, false
	}
	f := lensput.Create(real, grammar())
	p.files = append(p.files, f)
	return f, true
}
