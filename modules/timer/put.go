package timer

import (
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens/ini"
	"hikae/modules/internal/lensput"
	"hikae/modules/internal/units"
)

// Put makes the edits. A new timer implies that its unit is enabled and runs,
// one that goes that there is nothing to enable.
func (Lens) Put(t engine.Tree, edits []engine.Edit) ([]engine.FileEdit, []engine.Resource, hcl.Diagnostics) {
	p := &put{tree: t}
	for _, e := range lensput.Sorted(edits) {
		timer, diags := load(t, e.Addr.Name)
		switch {
		case len(diags) > 0:
			for _, d := range diags {
				p.Fail(e.RangeOf(""), "File cannot be edited", "%s: %s", d.Subject, d.Detail)
			}
		case e.Absent && timer != nil:
			p.remove(timer, e)
		case e.Absent:
		case timer == nil:
			p.create(e)
		default:
			p.change(timer, e)
		}
	}
	files := p.Files()
	if p.Diags.HasErrors() {
		return nil, nil, p.Diags
	}
	return files, p.implied, p.Diags
}

type put struct {
	lensput.Put
	tree    engine.Tree
	implied []engine.Resource
}

// imply says what the unit of a timer is to be: enabled and running, or, of one
// that goes, that nothing is wished.
func (p *put) imply(name string, on bool) {
	r := engine.Resource{Addr: engine.Addr{Kind: "service", Name: name + timerSuffix}, Value: cty.NilVal}
	if on {
		r.Value = cty.ObjectVal(map[string]cty.Value{
			"enabled": cty.True, "running": cty.True, "masked": cty.False, "target": cty.NullVal(cty.String),
		})
	}
	p.implied = append(p.implied, r)
}

// remove takes a timer out, and the service with it that is only its.
func (p *put) remove(timer *pair, e engine.Edit) {
	p.Remove(timer.timer, e.Addr)
	if timer.service != nil && timer.unit == timer.name+".service" && len(ini.Named(timer.service.Tree, "Install")) == 0 {
		p.Remove(timer.service, e.Addr)
	}
	p.imply(timer.name, false)
}

// change edits a timer that is there.
func (p *put) change(timer *pair, e engine.Edit) {
	fresh := map[setting][]ini.Setting{} // by the section that is to be made
	for _, s := range settings() {
		want, said := e.Attrs[s.attr]
		f := timer.file(s)
		switch {
		case !said:
			continue
		case f == nil && want.IsNull():
			continue
		case f == nil:
			p.Fail(e.RangeOf(s.attr), "The service is not the administrator's own", "%s is not in %s: put what is to be otherwise into a drop-in, as a file.", timer.unit, dir)
			continue
		}
		if have, ok := timer.get(s); ok && have.RawEquals(want) {
			continue
		}
		if d := timer.dropIn(s); d != "" {
			p.Fail(e.RangeOf(s.attr), "A drop-in sets it", "%s is set in %s, which counts after %s: change it there, as a unit.", s.key, d, f.Path)
			continue
		}
		var lines []string
		if !want.IsNull() {
			var why string
			if lines, why = s.written(want); why != "" {
				p.Fail(e.RangeOf(s.attr), "Value cannot be written", "%s: %s.", s.attr, why)
				continue
			}
		}
		changed, more := timer.set(s, lines)
		if changed {
			p.Touch(f, e.Addr)
		}
		if len(more) > 0 {
			of := setting{service: s.service, section: s.section}
			fresh[of] = append(fresh[of], more...)
		}
	}
	for _, s := range settings() { // at the ends of the files: last
		of := setting{service: s.service, section: s.section}
		if f := timer.file(s); len(fresh[of]) > 0 {
			ini.UnitStyle.AddSections(f.Tree, ini.Section{Name: s.section, Settings: fresh[of]})
			p.Touch(f, e.Addr)
			delete(fresh, of)
		}
	}
}

// dropIn is the drop-in that says something of a setting, "" for none.
func (p *pair) dropIn(s setting) string {
	files := p.timers
	if s.service {
		files = p.services
	}
	for _, f := range files[1:] {
		if ini.Last(f.Source(), ini.Named(f.Tree, s.section), s.key) != nil {
			return f.Path
		}
	}
	return ""
}

// set makes the entries of a setting these lines. One that stays keeps its
// bytes. more are those to be made in a section that is not there yet.
func (p *pair) set(s setting, lines []string) (changed bool, more []ini.Setting) {
	f := p.file(s)
	sections := ini.Named(f.Tree, s.section)
	if len(lines) == 0 { // those that another one overrides too: they would count
		for _, n := range ini.Settings(f.Source(), sections, s.key) {
			f.Tree.Remove(n)
			changed = true
		}
		return changed, nil
	}
	have := p.entries(s)
	for i, e := range have {
		switch {
		case i >= len(lines):
			f.Tree.Remove(e.Node)
		case e.Value != lines[i]:
			ini.UnitStyle.SetValue(f.Tree, e.Section, e.Node, lines[i])
		default:
			continue
		}
		changed = true
	}
	if len(lines) <= len(have) {
		return changed, nil
	}
	if len(sections) == 0 {
		for _, l := range lines[len(have):] {
			more = append(more, ini.Setting{Key: s.key, Value: l})
		}
		return changed, more
	}
	for _, l := range lines[len(have):] {
		ini.UnitStyle.Add(f.Tree, sections[len(sections)-1], s.key, l)
	}
	return true, nil
}

// nameForm is what a timer can be called: systemd.unit(5).
var nameForm = engine.Form(`^[A-Za-z0-9_:.\\-][A-Za-z0-9_:.\\-]{0,200}$`)

// create writes a timer and, unless its service is there, that too.
func (p *put) create(e engine.Edit) {
	name := e.Addr.Name
	if !nameForm().MatchString(name) || strings.HasSuffix(name, timerSuffix) {
		p.Fail(e.RangeOf(""), "Not the name of a timer", "%q cannot be one: a timer is named without its suffix, and is no template.", name)
		return
	}
	file := func(suffix string) string { return path.Join(dir, name+suffix) }
	if _, err := p.tree.Stat(file(timerSuffix)); err == nil {
		p.Fail(e.RangeOf(""), "Timer cannot be made", "%s is no file: it masks the timer, or is another name of one.", file(timerSuffix))
		return
	}
	service, services, err := open(p.tree, name+serviceSuffix)
	if err == nil {
		// Its service is there: a change like any other.
		blank := lensput.Create(file(timerSuffix), units.Grammar(p.tree.Facts()))
		p.change(&pair{
			name: name, unit: name + serviceSuffix, facts: p.tree.Facts(),
			timer: blank, timers: []*lensput.File{blank}, service: service, services: services,
		}, serviceOnly(e))
	} else if service = nil; !said(e, "exec") {
		p.Fail(e.RangeOf(""), "Timer without a job", "The timer %q is not there yet: say what it does, with exec.", name)
		return
	}
	timerText, due := p.text(e, false)
	if !due {
		p.Fail(e.RangeOf(""), "Timer that is never due", "The timer %q is not there yet: say when it is due, with on_calendar, on_boot_sec or kin.", name)
		return
	}
	t := lensput.New(file(timerSuffix))
	t.Insert(0, timerText+"\n[Install]\nWantedBy=timers.target\n")
	p.Touch(t, e.Addr)
	if service == nil {
		s := lensput.New(file(".service"))
		serviceText, _ := p.text(e, true)
		s.Insert(0, serviceText)
		p.Touch(s, e.Addr)
	}
	p.imply(name, true)
}

func said(e engine.Edit, attr string) bool {
	v, ok := e.Attrs[attr]
	return ok && !v.IsNull()
}

// serviceOnly is what an edit says of the service.
func serviceOnly(e engine.Edit) engine.Edit {
	attrs := map[string]cty.Value{}
	for _, s := range settings() {
		if v, ok := e.Attrs[s.attr]; ok && s.service {
			attrs[s.attr] = v
		}
	}
	e.Attrs = attrs
	return e
}

// text is a new file of the two, without its [Install]. It reports whether a
// time was said.
func (p *put) text(e engine.Edit, service bool) (text string, due bool) {
	section, b := "Timer", &strings.Builder{}
	if said(e, "description") {
		b.WriteString("[Unit]\nDescription=" + e.Attrs["description"].AsString() + "\n\n")
	}
	if service {
		section = "Service"
	}
	b.WriteString("[" + section + "]\n")
	if service {
		b.WriteString("Type=oneshot\n")
	}
	for _, s := range settings() {
		if s.service != service && s.attr != "description" || !said(e, s.attr) {
			continue // the description is both files'
		}
		lines, why := s.written(e.Attrs[s.attr])
		if why != "" {
			p.Fail(e.RangeOf(s.attr), "Value cannot be written", "%s: %s.", s.attr, why)
			continue
		}
		if s.attr == "description" {
			continue
		}
		due = due || strings.HasPrefix(s.attr, "on_")
		for _, l := range lines {
			b.WriteString(s.key + "=" + l + "\n")
		}
	}
	return b.String(), due
}
