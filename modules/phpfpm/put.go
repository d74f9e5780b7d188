package phpfpm

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
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
	p := &put{tree: t, servers: map[string]*server{}}
	for _, s := range load(t) {
		p.servers[s.name] = s
	}
	for _, e := range lensput.Sorted(edits) {
		p.edit(e)
	}
	files := p.Files()
	return files, nil, p.Diags
}

type put struct {
	lensput.Put
	tree    engine.Tree
	servers map[string]*server
	told    map[*server]bool // its faults were
}

func (p *put) edit(e engine.Edit) {
	s := p.servers[e.Addr.In]
	if s == nil {
		p.Fail(e.RangeOf(""), "No such php", "There is no %s: %q is no collection of Remi's on this host.", path.Join(remi, e.Addr.In), e.Addr.In)
		return
	}
	if s.diags.HasErrors() { // nobody knows what it would read
		if p.told == nil {
			p.told = map[*server]bool{}
		}
		if !p.told[s] {
			p.told[s] = true
			p.Diags = append(p.Diags, s.diags...)
		}
		return
	}
	i := slices.IndexFunc(s.pools, func(have *pool) bool { return have.name == e.Addr.Name })
	switch {
	case e.Absent && i >= 0:
		p.remove(s.pools[i], e)
	case e.Absent:
	case i >= 0:
		p.change(s.pools[i], e)
	default:
		p.create(s, e)
	}
}

// remove takes a pool out, and the file that had nothing else.
func (p *put) remove(pool *pool, e engine.Edit) {
	ours := map[*lensput.File]int{}
	for _, s := range pool.sections {
		ours[s.file]++
		ini.RemoveSection(s.file.Tree, s.node)
		p.Touch(s.file, e.Addr)
	}
	for f, n := range ours {
		if n == len(f.Tree.Root.Nodes) && path.Base(f.Path) != mainName {
			p.Remove(f, e.Addr)
		}
	}
}

// change edits a pool that is there.
func (p *put) change(pool *pool, e engine.Edit) {
	if f := e.Attrs[attrFile]; f != cty.NilVal && !f.IsNull() && f.AsString() != pool.sections[0].file.Path {
		p.Fail(e.RangeOf(attrFile), "Pool stands elsewhere", "The pool %q is in %s; to move it, move its file.", pool.name, pool.sections[0].file.Path)
		return
	}
	for _, a := range attributes() {
		want, said := e.Attrs[a.name]
		if have, _ := pool.get(a); !said || !want.IsNull() && have.RawEquals(want) {
			continue
		}
		switch {
		case want.IsNull():
			for _, s := range pool.of(a) {
				s.file.Tree.Remove(s.node)
				p.Touch(s.file, e.Addr)
			}
		case a.form.isMap():
			p.entries(pool, a, want, e)
		default:
			p.set(pool, a, want, e)
		}
	}
}

// set gives a setting of one value another.
func (p *put) set(pool *pool, a attribute, want cty.Value, e engine.Edit) {
	before := ""
	all := pool.of(a)
	if len(all) > 0 {
		before = all[len(all)-1].written()
	}
	written, err := write(a, want, before)
	switch {
	case err != nil:
		p.Fail(e.RangeOf(a.name), "Value cannot be written", "%s: %s.", a.name, err)
	case len(all) > 0:
		last := all[len(all)-1]
		ini.FPMStyle.SetValue(last.file.Tree, last.in, last.node, written)
		p.Touch(last.file, e.Addr)
	default:
		p.add(pool, a.key, written, e)
	}
}

// add adds a setting to the last section of a pool that has any.
func (p *put) add(pool *pool, key, written string, e engine.Edit) {
	at := pool.sections[0]
	for _, s := range pool.sections {
		if len(s.node.Nodes) > 0 {
			at = s
		}
	}
	ini.FPMStyle.Add(at.file.Tree, at.node, key, written)
	p.Touch(at.file, e.Addr)
}

// entries makes a map another. Settings of it that are not understood stay,
// unless they are of the same key.
func (p *put) entries(pool *pool, a attribute, want cty.Value, e engine.Edit) {
	wish := want.AsValueMap()
	values, from := pool.understood(a)
	for _, name := range slices.Sorted(maps.Keys(from)) {
		if _, stays := wish[name]; !stays {
			from[name].file.Tree.Remove(from[name].node)
			p.Touch(from[name].file, e.Addr)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(wish)) {
		if have, ok := values[name]; ok && have.RawEquals(wish[name]) {
			continue
		}
		before := ""
		if s, ok := from[name]; ok {
			before = s.written()
		}
		written, err := write(a, wish[name], before)
		switch s, ok := from[name]; {
		case err == nil && !subForm().MatchString(name):
			err = fmt.Errorf("%q is no name of a setting", name)
			fallthrough
		case err != nil:
			p.Fail(e.RangeOf(a.name), "Value cannot be written", "%s[%s]: %s.", a.name, name, err)
		case ok:
			ini.FPMStyle.SetValue(s.file.Tree, s.in, s.node, written)
			p.Touch(s.file, e.Addr)
		default:
			for _, s := range pool.of(a) { // those that are not understood
				if n, ok := a.sub(s); ok && n == name {
					s.file.Tree.Remove(s.node)
					p.Touch(s.file, e.Addr)
				}
			}
			p.add(pool, a.key+"["+name+"]", written, e)
		}
	}
}

var (
	subForm  = engine.Form(`^[A-Za-z0-9_.:-]{1,200}$`)
	nameForm = engine.Form(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,100}$`)
)

// create writes a pool into a file of its own.
func (p *put) create(s *server, e engine.Edit) {
	name := e.Addr.Name
	if !nameForm().MatchString(name) || strings.EqualFold(name, "global") {
		p.Fail(e.RangeOf(""), "Not the name of a pool", "%q cannot be one: it has letters, digits and _.- only, and global is php-fpm's own.", name)
		return
	}
	if i := slices.IndexFunc(s.pools, func(have *pool) bool { return strings.EqualFold(have.name, name) }); i >= 0 {
		p.Fail(e.RangeOf(""), "Pool is called otherwise", "php-fpm makes no difference between %q and %q, of %s.", name, s.pools[i].name, s.pools[i].sections[0].file.Path)
		return
	}
	for _, must := range []string{"listen", "user", "pm", "pm_max_children"} {
		if v, ok := e.Attrs[must]; !ok || v.IsNull() {
			p.Fail(e.RangeOf(""), "Pool that cannot start", "The pool %q is not there yet: say its listen, user, pm and pm_max_children.", name)
			return
		}
	}
	settings, ok := p.lines(e)
	f := p.fileFor(s, e)
	if !ok || f == nil {
		return
	}
	ini.FPMStyle.AddSections(f.Tree, ini.Section{Name: name, Settings: settings})
	p.Touch(f, e.Addr)
}

// lines are the settings of a new pool.
func (p *put) lines(e engine.Edit) (lines []ini.Setting, ok bool) {
	ok = true
	add := func(a attribute, key string, v cty.Value) {
		written, err := write(a, v, "")
		if err != nil {
			p.Fail(e.RangeOf(a.name), "Value cannot be written", "%s: %s.", key, err)
			ok = false
		}
		lines = append(lines, ini.Setting{Key: key, Value: written})
	}
	for _, a := range attributes() {
		v, said := e.Attrs[a.name]
		switch {
		case !said || v.IsNull():
		case a.form.isMap():
			wish := v.AsValueMap()
			for _, name := range slices.Sorted(maps.Keys(wish)) {
				if !subForm().MatchString(name) {
					p.Fail(e.RangeOf(a.name), "Value cannot be written", "%s: %q is no name of a setting.", a.name, name)
					ok = false
					continue
				}
				add(a, a.key+"["+name+"]", wish[name])
			}
		default:
			add(a, a.key, v)
		}
	}
	return lines, ok
}

// fileFor is the file of a new pool; nil, and told, where there can be none.
func (p *put) fileFor(s *server, e engine.Edit) *lensput.File {
	name := path.Join(s.dir, poolDir, e.Addr.Name+suffix)
	if v := e.Attrs[attrFile]; v != cty.NilVal && !v.IsNull() {
		name = v.AsString()
	}
	read := len(s.globs) == 0 && path.Dir(name) == path.Join(s.dir, poolDir) && path.Ext(name) == suffix
	for _, g := range s.globs {
		ok, _ := path.Match(g, name)
		read = read || ok
	}
	if !read || path.Clean(name) != name {
		p.Fail(e.RangeOf(attrFile), "php-fpm would not read it", "%s is not among the files that %s includes.", name, path.Join(s.dir, mainName))
		return nil
	}
	real, err := engine.Resolve(p.tree, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f := lensput.Create(name, grammar())
		s.files = append(s.files, f)
		return f
	case err != nil:
		p.Fail(e.RangeOf(attrFile), "File cannot be written", "%s.", err)
		return nil
	}
	for _, f := range s.files {
		if f.Path == real {
			return f
		}
	}
	p.Fail(e.RangeOf(attrFile), "File cannot be edited", "%s is there and is not read: mend it first.", real)
	return nil
}

// write is a value as it stands in a file; before is what stood there.
func write(a attribute, v cty.Value, before string) (string, error) {
	if v.IsNull() {
		return "", errors.New("it has no value")
	}
	said := ""
	switch a.form {
	case flag, flags:
		return flagText(before, v.True()), nil
	case number:
		n, acc := v.AsBigFloat().Int64()
		if said = fmt.Sprint(n); acc != 0 || !numberForm().MatchString(said) {
			return "", errors.New("it is a whole number of at most nine digits")
		}
		return said, nil
	case commas, blanks:
		var all []string
		for it := v.ElementIterator(); it.Next(); {
			_, item := it.Element()
			if item.IsNull() || !slices.Equal(items(a.form, item.AsString()), []string{item.AsString()}) {
				return "", errors.New("an item is not empty and has nothing in it that parts items")
			}
			all = append(all, item.AsString())
		}
		said = strings.Join(all, separator(a.form, before))
	default:
		said = v.AsString()
	}
	if a.form == span && !spanForm().MatchString(said) {
		return "", errors.New("it is a time: a number of seconds, or one with s, m, h or d")
	}
	if strings.ContainsAny(said, "\n\r") {
		return "", errors.New("it has a line's end, and php-fpm reads it line by line")
	}
	written, ok := ini.FPMQuote(said)
	if !ok {
		return "", errors.New("php-fpm has no way to say this text")
	}
	return written, nil
}

func separator(f form, before string) string {
	switch {
	case f == blanks:
		return " "
	case strings.Contains(before, ", "):
		return ", "
	}
	return ","
}

// flagText writes yes or no in the way that it was written before.
func flagText(before string, on bool) string {
	pairs := []struct{ on, off string }{{"yes", "no"}, {"on", "off"}, {"true", "false"}}
	use := pairs[0]
	for _, p := range pairs {
		if lower := strings.ToLower(before); lower == p.on || lower == p.off {
			use = p
		}
	}
	word := use.off
	if on {
		word = use.on
	}
	switch before {
	case "", strings.ToLower(before):
		return word
	case strings.ToUpper(before):
		return strings.ToUpper(word)
	}
	return strings.ToUpper(word[:1]) + word[1:]
}
