package systemd

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/ini"
	"hikae/modules/internal/lensput"
	"hikae/modules/internal/units"
	"hikae/modules/timer"
)

// Put makes the edits. A unit that goes implies that nothing is wished of it; a
// new one is not enabled, which is the kind service's to say.
func (Lens) Put(t engine.Tree, edits []engine.Edit) ([]engine.FileEdit, []engine.Resource, hcl.Diagnostics) {
	var timers, own []engine.Edit
	for _, e := range lensput.Sorted(edits) {
		if e.Addr.Kind == timer.Kind {
			timers = append(timers, e)
		} else {
			own = append(own, e)
		}
	}
	files, implied, diags := timer.Lens{}.Put(t, timers)
	if diags.HasErrors() || len(own) == 0 {
		return files, implied, diags
	}
	owned, err := timer.Owns(t)
	if err != nil {
		return nil, nil, hcl.Diagnostics{lensput.Diag(hcl.DiagError, units.Dir, err, "Its units are not known.")}
	}
	p := &put{tree: t, owned: owned}
	for _, e := range own {
		p.edit(e)
	}
	more := p.Files()
	if p.Diags.HasErrors() {
		return nil, nil, p.Diags
	}
	for _, f := range more {
		if slices.ContainsFunc(files, func(have engine.FileEdit) bool { return have.Path == f.Path }) {
			p.Fail(nil, "A timer's service", "%s is written by a timer and by a unit; say it one way.", f.Path)
			return nil, nil, p.Diags
		}
	}
	files = append(files, more...)
	slices.SortFunc(files, func(a, b engine.FileEdit) int { return strings.Compare(a.Path, b.Path) })
	return files, append(implied, p.implied...), p.Diags
}

type put struct {
	lensput.Put
	tree    engine.Tree
	owned   func(string) bool
	implied []engine.Resource
}

var (
	unitForm   = engine.Form(`^[A-Za-z0-9_:.\\@-]{1,240}$`) // systemd.unit(5)
	dropInForm = engine.Form(`^[A-Za-z0-9_:.@-]{1,200}$`)
	keyForm    = engine.Form(`^[A-Za-z0-9-]{1,100}$`)
)

func (p *put) edit(e engine.Edit) {
	a := e.Addr
	file := fileOf(a)
	switch {
	case file == "" || a.In == "" && !unitForm().MatchString(a.Name) || a.In != "" && (!unitForm().MatchString(a.In) || !dropInForm().MatchString(a.Name)):
		p.Fail(e.RangeOf(""), "Not the name of a unit", "%s cannot be one: a unit is named with its type, as in imapsync.service, and a drop-in of it by a second label.", a)
		return
	case a.In == "" && p.owned(a.Name):
		p.Fail(e.RangeOf(""), "A timer's", "%s is a timer or the service that one starts: write it as a timer.", a.Name)
		return
	}
	u := &unit{addr: a, path: file, facts: p.tree.Facts()}
	var err error
	u.file, err = units.Open(p.tree, file)
	switch {
	case err == nil && e.Absent:
		p.remove(u, e)
	case err == nil:
		p.change(u, e)
	case !errors.Is(err, fs.ErrNotExist):
		p.Fail(e.RangeOf(""), "File cannot be edited", "%s: %s.", file, err)
	case e.Absent:
	default:
		p.create(u, e)
	}
}

func (p *put) remove(u *unit, e engine.Edit) {
	p.Remove(u.file, e.Addr)
	if u.addr.In == "" {
		p.implied = append(p.implied, engine.Resource{Addr: engine.Addr{Kind: "service", Name: u.addr.Name}, Value: cty.NilVal})
	}
}

// change makes the sections of a file what is wished. A new section comes last.
func (p *put) change(u *unit, e engine.Edit) {
	var added []ini.Section
	for _, sec := range sections {
		want, said := e.Attrs[attrOf(sec.name)]
		if !said {
			continue
		}
		have := ini.Named(u.file.Tree, sec.name)
		if want.IsNull() {
			for _, s := range have {
				ini.RemoveSection(u.file.Tree, s)
				p.Touch(u.file, e.Addr)
			}
			continue
		}
		wish, ok := p.wish(sec.name, want, e)
		switch {
		case !ok:
		case len(have) == 0:
			if s := (ini.Section{Name: sec.name, Settings: settingsOf(wish)}); len(s.Settings) > 0 {
				added = append(added, s)
			}
		default:
			p.section(u, sec.name, wish, e)
		}
	}
	if len(added) > 0 {
		ini.UnitStyle.AddSections(u.file.Tree, added...)
		p.Touch(u.file, e.Addr)
	}
}

// wish is the lines of a section by their keys, refused where they would read
// otherwise.
func (p *put) wish(section string, want cty.Value, e engine.Edit) (map[string][]string, bool) {
	wish, ok := map[string][]string{}, true
	for key, lines := range want.AsValueMap() {
		if !keyForm().MatchString(key) {
			p.Fail(e.RangeOf(attrOf(section)), "Not the name of a setting", "%q in [%s] cannot be one.", key, section)
			ok = false
		}
		if lines.IsNull() {
			continue
		}
		for _, v := range lines.AsValueSlice() {
			if err := checkLine(v); err != nil {
				p.Fail(e.RangeOf(attrOf(section)), "Value cannot be written", "%s in [%s]: %s.", key, section, err)
				ok = false
				continue
			}
			wish[key] = append(wish[key], v.AsString())
		}
	}
	return wish, ok
}

func checkLine(v cty.Value) error {
	if v.IsNull() {
		return errors.New("a line of nothing")
	}
	l := v.AsString()
	switch {
	case strings.Trim(l, " \t\r\n") != l:
		return errors.New("a line has blanks around it")
	case (len(l)-len(strings.TrimRight(l, `\`)))%2 == 1:
		return errors.New("a line ends in a backslash, which goes on with the next")
	case strings.ContainsFunc(l, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
		return errors.New("a line holds a control character")
	case len(l) > 1<<19:
		return fmt.Errorf("a line has more than %d bytes", 1<<19)
	}
	return nil
}

// section makes the lines of a section what is wished. One that stays keeps its
// bytes; a key that is new comes last, more lines of one behind those it has.
func (p *put) section(u *unit, section string, wish map[string][]string, e engine.Edit) {
	have := u.lines(section)
	named := ini.Named(u.file.Tree, section)
	for _, key := range slices.Sorted(maps.Keys(have)) {
		nodes, lines := have[key], wish[key]
		if _, shown := u.value(nodes); !shown && lines == nil {
			continue
		}
		for i, n := range nodes {
			switch {
			case i >= len(lines):
				u.file.Tree.Remove(n)
			case u.said(n) != lines[i]:
				ini.UnitStyle.SetValue(u.file.Tree, named[0], n, lines[i])
			default:
				continue
			}
			p.Touch(u.file, e.Addr)
		}
		last := nodes[len(nodes)-1]
		for _, l := range lines[min(len(nodes), len(lines)):] {
			u.file.Tree.InsertAfter(last, key+assignOf(u, last)+l)
			p.Touch(u.file, e.Addr)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(wish)) {
		if have[key] != nil {
			continue
		}
		for _, l := range wish[key] {
			ini.UnitStyle.Add(u.file.Tree, named[len(named)-1], key, l)
			p.Touch(u.file, e.Addr)
		}
	}
}

// assignOf is what stands between a key and its value, as it is written.
func assignOf(u *unit, n *lens.Node) string {
	a := string(u.file.Source()[n.Words[0].End:n.Words[1].Start])
	if strings.Trim(a, " \t=") != "" {
		return "="
	}
	return a
}

// settingsOf are the lines of a new section: what it is comes first, the rest in
// the order of the keys.
func settingsOf(wish map[string][]string) []ini.Setting {
	keys := slices.Sorted(maps.Keys(wish))
	slices.SortStableFunc(keys, func(a, b string) int { return rank(a) - rank(b) })
	var all []ini.Setting
	for _, key := range keys {
		for _, l := range wish[key] {
			all = append(all, ini.Setting{Key: key, Value: l})
		}
	}
	return all
}

func rank(key string) int {
	if i := slices.Index([]string{"Description", "Documentation", "Type"}, key); i >= 0 {
		return i
	}
	return 3
}

// create writes a new file.
func (p *put) create(u *unit, e engine.Edit) {
	if _, err := p.tree.Stat(u.path); err == nil {
		p.Fail(e.RangeOf(""), "Unit cannot be made", "%s is no file: it masks the unit, or is another name of one.", u.path)
		return
	}
	u.file = lensput.Create(u.path, units.Grammar(u.facts))
	p.change(u, e)
	if !p.Diags.HasErrors() && !p.Touched(u.file) {
		p.Fail(e.RangeOf(""), "Unit without anything", "%s is not there yet: say what is in it.", u.addr)
	}
}
