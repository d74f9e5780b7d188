// Package timer is the lens over an administrator's own systemd timers: the
// kind timer, a pair of files of /etc/systemd/system, NAME.timer and the
// service that it starts. Whether a timer is enabled is the kind service's; a
// new one implies it.
package timer

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
	"hikae/hosts"
	"hikae/modules/internal/lensput"
	"hikae/modules/internal/units"
)

// Kind is the kind of timers.
const Kind = "timer"

const (
	dir           = units.Dir
	timerSuffix   = ".timer"
	serviceSuffix = ".service"

	attrUnit   = "unit"
	attrOthers = "others"
)

// Lens shows the timers of /etc/systemd/system by their names without suffix,
// as they are with their drop-ins. A setting that a drop-in has is changed there:
// that is a unit of modules/systemd's.
type Lens struct{}

var _ engine.Lens = Lens{}

// Kinds has the one kind.
func (Lens) Kinds() []engine.Schema {
	s := engine.Schema{
		Kind:  Kind,
		Doc:   "A systemd timer of /etc/systemd/system with the service that it starts.",
		Label: "name of the timer, without .timer",
		Stage: engine.StageConfig,
	}
	for _, set := range settings() {
		s.Attrs = append(s.Attrs, engine.Attr{Name: set.attr, Type: set.typ(), Doc: set.doc})
	}
	s.Attrs = append(s.Attrs,
		engine.Attr{Name: attrUnit, Type: cty.String, Info: true, Doc: "The unit that it starts."},
		engine.Attr{Name: attrOthers, Type: cty.Number, Info: true, Doc: "How many settings the two files have that are not shown here."})
	return []engine.Schema{s}
}

// Units is empty: that a unit file changed is known without.
func (Lens) Units() []engine.Unit { return nil }

// pair is a timer and its service; service is nil where its file is not an
// administrator's own.
type pair struct {
	name             string
	unit             string // that the timer starts
	timer, service   *lensput.File
	timers, services []*lensput.File // each with its drop-ins
	facts            hosts.Facts
}

// file is where a setting is written.
func (p *pair) file(s setting) *lensput.File {
	if s.service {
		return p.service
	}
	return p.timer
}

// entries are those of a setting that count.
func (p *pair) entries(s setting) []units.Setting {
	files := p.timers
	if s.service {
		files = p.services
	}
	found := units.Settings(p.facts, files, s.section, s.key)
	if !s.many && len(found) > 1 {
		found = found[len(found)-1:]
	}
	return found
}

// open reads a unit file and its drop-ins.
func open(t engine.Tree, unit string) (*lensput.File, []*lensput.File, error) {
	main, err := units.Open(t, path.Join(dir, unit))
	if err != nil {
		return nil, nil, err
	}
	files := []*lensput.File{main}
	paths, err := units.DropIns(t, unit)
	for _, p := range paths {
		f, err := lensput.Open(t, p, units.Grammar(t.Facts()))
		if err != nil { // systemd goes on without it; that is told by the units' lens
			continue
		}
		files = append(files, f)
	}
	return main, files, err
}

// load reads a timer. It is nil where there is none.
func load(t engine.Tree, name string) (*pair, hcl.Diagnostics) {
	timer, timers, err := open(t, name+timerSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, hcl.Diagnostics{lensput.Diag(hcl.DiagWarning, path.Join(dir, name+timerSuffix), err, "systemd does not load the timer.")}
	}
	p := &pair{name: name, unit: name + serviceSuffix, timer: timer, timers: timers, facts: t.Facts()}
	if set := units.Settings(p.facts, timers, "Timer", "Unit"); len(set) > 0 {
		p.unit = set[len(set)-1].Value
	}
	if !strings.HasSuffix(p.unit, serviceSuffix) || strings.Contains(p.unit, "/") {
		return p, nil
	}
	p.service, p.services, err = open(t, p.unit)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return p, hcl.Diagnostics{lensput.Diag(hcl.DiagWarning, path.Join(dir, p.unit), err, "systemd does not load the service.")}
	}
	return p, nil
}

// Owns tells whether a unit of dir is part of a timer: its own file, or that of
// the service that it starts, links let alone. What is not is modules/systemd's.
func Owns(t engine.Tree) (func(unit string) bool, error) {
	names, err := lensput.Names(t, dir, timerSuffix)
	owned := map[string]bool{}
	for _, n := range names {
		if p, _ := load(t, strings.TrimSuffix(n, timerSuffix)); p != nil && p.service != nil {
			owned[p.unit] = true
		}
	}
	return func(unit string) bool { return strings.HasSuffix(unit, timerSuffix) || owned[unit] }, err
}

// Grammars has the one grammar, which modules/systemd has too.
func (Lens) Grammars() []lens.Grammar { return nil }

// Verbatim counts what timers and their services have beyond what is shown.
func (Lens) Verbatim(t engine.Tree) []hcl.Range {
	names, _ := lensput.Names(t, dir, timerSuffix)
	var files []*lensput.File
	seen := map[string]bool{}
	for _, n := range names {
		p, _ := load(t, strings.TrimSuffix(n, timerSuffix))
		if p == nil {
			continue
		}
		for _, s := range settings() {
			for _, e := range p.entries(s) {
				lens.Show(e.Node)
			}
		}
		for _, f := range []*lensput.File{p.timer, p.service} {
			if f == nil || seen[f.Path] {
				continue
			}
			seen[f.Path] = true
			files = append(files, f)
			for _, s := range f.Tree.Root.Nodes {
				if s.Block {
					lens.Show(s)
				}
			}
		}
	}
	return lensput.Verbatim(files)
}

// Get shows the timers in the order of their names.
func (Lens) Get(t engine.Tree) ([]engine.Resource, hcl.Diagnostics) {
	names, err := lensput.Names(t, dir, timerSuffix)
	if err != nil {
		return nil, hcl.Diagnostics{lensput.Diag(hcl.DiagError, dir, err, "Its timers are not known.")}
	}
	var resources []engine.Resource
	var diags hcl.Diagnostics
	for _, n := range names {
		p, more := load(t, strings.TrimSuffix(n, timerSuffix))
		diags = append(diags, more...)
		if p != nil {
			resources = append(resources, engine.Resource{
				Addr: engine.Addr{Kind: Kind, Name: p.name}, Value: p.value(), Range: *p.timer.RangeOf(lens.Span{}),
			})
		}
	}
	return resources, diags
}

func (p *pair) value() cty.Value {
	attrs := map[string]cty.Value{attrUnit: cty.StringVal(p.unit)}
	others := 0
	for _, f := range slices.Concat(p.timers, p.services) {
		for _, s := range f.Tree.Root.Nodes {
			others += len(s.Nodes)
		}
	}
	for _, s := range settings() {
		attrs[s.attr] = cty.NullVal(s.typ())
		if v, ok := p.get(s); ok {
			attrs[s.attr] = v
			others -= len(p.entries(s))
		}
	}
	attrs[attrOthers] = cty.NumberIntVal(int64(others))
	return cty.ObjectVal(attrs)
}
