// Package timer is the lens over an administrator's own systemd timers: the
// kind timer, a pair of files of /etc/systemd/system, NAME.timer and the
// service that it starts. Whether a timer is enabled is the kind service's; a
// new one implies it.
package timer

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/ini"
	"hikae/hosts"
	"hikae/modules/internal/lensput"
)

// Kind is the kind of timers.
const Kind = "timer"

const (
	dir         = "/etc/systemd/system"
	timerSuffix = ".timer"

	attrUnit   = "unit"
	attrOthers = "others"
)

// Lens shows the timers of /etc/systemd/system by their names without suffix.
// Drop-ins are not looked at.
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

// unitFile is a unit file that was read.
type unitFile struct {
	*lensput.File
	ini *ini.File
}

// pair is a timer and its service; service is nil where its file is not an
// administrator's own.
type pair struct {
	name           string
	unit           string // that the timer starts
	timer, service *unitFile
}

// file is where a setting is written.
func (p *pair) file(s setting) *unitFile {
	if s.service {
		return p.service
	}
	return p.timer
}

func readUnit(t engine.Tree, p string) (*unitFile, error) {
	n, err := t.Stat(p)
	if err != nil {
		return nil, err
	}
	if n.Type != hosts.File { // a link masks it, or is another name
		return nil, &fs.PathError{Op: "read", Path: p, Err: fs.ErrNotExist}
	}
	f, err := lensput.Read(t, p)
	if err != nil {
		return nil, err
	}
	parsed, err := ini.ParseUnit(f.Source())
	if err != nil {
		return nil, err
	}
	f.Document = parsed.Doc
	return &unitFile{f, parsed}, nil
}

// load reads a timer. It is nil where there is none.
func load(t engine.Tree, name string) (*pair, hcl.Diagnostics) {
	file := path.Join(dir, name+timerSuffix)
	timer, err := readUnit(t, file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, hcl.Diagnostics{lensput.Diag(hcl.DiagWarning, file, err, "systemd does not load the timer.")}
	}
	p := &pair{name: name, unit: name + ".service", timer: timer}
	if e := ini.Last(timer.ini.Named("Timer"), "Unit"); e != nil {
		p.unit = e.UnitValue(timer.Source())
	}
	if !strings.HasSuffix(p.unit, ".service") || strings.Contains(p.unit, "/") {
		return p, nil
	}
	file = path.Join(dir, p.unit)
	p.service, err = readUnit(t, file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return p, hcl.Diagnostics{lensput.Diag(hcl.DiagWarning, file, err, "systemd does not load the service.")}
	}
	return p, nil
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
	for _, f := range []*unitFile{p.timer, p.service} {
		if f == nil {
			continue
		}
		for _, s := range f.ini.Sections {
			others += len(s.Entries)
		}
	}
	for _, s := range settings() {
		attrs[s.attr] = cty.NullVal(s.typ())
		f := p.file(s)
		if f == nil {
			continue
		}
		if v, ok := s.get(f.ini); ok {
			attrs[s.attr] = v
			others -= len(s.entries(f.ini))
		}
	}
	attrs[attrOthers] = cty.NumberIntVal(int64(others))
	return cty.ObjectVal(attrs)
}
