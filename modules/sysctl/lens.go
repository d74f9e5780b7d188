// Package sysctl is the lens over the kernel's parameters: the kind sysctl,
// what /etc/sysctl.d/*.conf and /etc/sysctl.conf set. It also says how a change
// of these files is brought to the kernel that runs.
package sysctl

import (
	"maps"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/modules/internal/lensput"
)

// Kind is the kind of kernel parameters.
const Kind = "sysctl"

const (
	attrValue = "value"
	attrFile  = "file"
	// newFile is where a parameter goes that no file sets yet.
	newFile = dir + "/90-hikae" + suffix
)

// Lens shows the kernel's parameters, by their keys with dots. Of several
// assignments of one key it shows and edits the last, the one that holds.
type Lens struct{}

var _ engine.Lens = Lens{}

// Kinds has the one kind.
func (Lens) Kinds() []engine.Schema {
	return []engine.Schema{{
		Kind:  Kind,
		Doc:   "A parameter of the kernel that /etc/sysctl.d or /etc/sysctl.conf sets.",
		Label: "key with dots, as in net.ipv4.ip_forward",
		Stage: engine.StageConfig,
		Attrs: []engine.Attr{
			{Name: attrValue, Type: cty.String, Doc: "Its value, as it is written."},
			{Name: attrFile, Type: cty.String, Info: true, Doc: "The file that sets it; of a new one " + newFile + ", where nothing is said."},
		},
	}}
}

// Get shows the parameters in the order of their keys.
func (Lens) Get(t engine.Tree) ([]engine.Resource, hcl.Diagnostics) {
	c, diags := load(t)
	var resources []engine.Resource
	for _, key := range slices.Sorted(maps.Keys(c.entries)) {
		e := c.last(key)
		value, ok := e.text()
		if !ok {
			continue
		}
		resources = append(resources, engine.Resource{
			Addr: engine.Addr{Kind: Kind, Name: key},
			Value: cty.ObjectVal(map[string]cty.Value{
				attrValue: cty.StringVal(value), attrFile: cty.StringVal(e.file.Path),
			}),
			Range: *e.file.RangeOf(e.value()),
		})
	}
	return resources, diags
}

// Grammars has the one grammar.
func (Lens) Grammars() []lens.Grammar { return []lens.Grammar{grammar()} }

// Verbatim counts the lines that set nothing, or what another one sets after
// them.
func (Lens) Verbatim(t engine.Tree) []hcl.Range {
	c, _ := load(t)
	for key := range c.entries {
		if e := c.last(key); e.shown() {
			lens.Show(e.node)
		}
	}
	return lensput.Verbatim(c.files)
}

func (e entry) shown() bool {
	_, ok := e.text()
	return ok
}

func (c *config) last(key string) entry {
	es := c.entries[key]
	return es[len(es)-1]
}

// text is the value, where a string can hold it.
func (e entry) text() (string, bool) {
	s := e.value().Of(e.file.Source())
	return s, utf8.ValidString(s) && cty.NormalizeString(s) == s
}

func (e entry) is(value string) bool {
	have, ok := e.text()
	return ok && have == value
}

// Put makes the edits. It implies no other resources.
func (Lens) Put(t engine.Tree, edits []engine.Edit) ([]engine.FileEdit, []engine.Resource, hcl.Diagnostics) {
	c, diags := load(t)
	if diags.HasErrors() {
		return nil, nil, diags
	}
	p := &put{config: c, tree: t}
	for _, e := range lensput.Sorted(edits) {
		p.edit(e)
	}
	files := p.Files()
	return files, nil, p.Diags
}

type put struct {
	lensput.Put
	*config
	tree engine.Tree
}

func (p *put) edit(e engine.Edit) {
	key := e.Addr.Name
	entries := p.entries[key]
	if e.Absent {
		for _, old := range entries {
			old.file.Tree.Remove(old.node)
			p.Touch(old.file, e.Addr)
		}
		return
	}
	want, said := e.Attrs[attrValue]
	switch {
	case !said && entries != nil:
		return
	case !said || want.IsNull():
		p.Fail(e.RangeOf(attrValue), "Parameter without a value", "Give %q a value, or take it out with absent = true.", key)
		return
	case entries != nil && p.last(key).is(want.AsString()):
		return
	case !writable(want.AsString()):
		p.Fail(e.RangeOf(attrValue), "Value cannot be written", "A value is one line without blanks around it.")
		return
	case entries == nil:
		p.create(e, want.AsString())
		return
	}
	last := p.last(key)
	if f := e.Attrs[attrFile]; f != cty.NilVal && !f.IsNull() && f.AsString() != last.file.Path {
		p.Fail(e.RangeOf(attrFile), "Parameter is set elsewhere", "%q is set in %s.", key, last.file.Path)
		return
	}
	last.file.Tree.SetWord(last.value(), want.AsString())
	p.Touch(last.file, e.Addr)
}

// create adds a line for a parameter that no file sets.
func (p *put) create(e engine.Edit, value string) {
	key, name := e.Addr.Name, newFile
	if f := e.Attrs[attrFile]; f != cty.NilVal && !f.IsNull() {
		name = f.AsString()
	}
	switch {
	case canonical(key) != key || !keyForm().MatchString(key):
		p.Fail(e.RangeOf(""), "Not a kernel parameter", "%q cannot be one: write it with dots, as in net.ipv4.ip_forward.", key)
		return
	case name != mainFile && (path.Dir(name) != dir || path.Clean(name) != name || !strings.HasSuffix(name, suffix)):
		p.Fail(e.RangeOf(attrFile), "The kernel's tools would not read it", "%s is neither a *.conf of %s nor %s.", name, dir, mainFile)
		return
	}
	real := name
	if to, err := engine.Resolve(p.tree, name); err == nil {
		real = to
	}
	i := slices.IndexFunc(p.files, func(f *lensput.File) bool { return f.Path == real })
	if i < 0 {
		i = len(p.files)
		p.files = append(p.files, lensput.Create(real, grammar()))
	}
	p.files[i].Append(key + " = " + value)
	p.Touch(p.files[i], e.Addr)
}

func writable(value string) bool {
	return strings.TrimSpace(value) == value && value != "" &&
		!strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}
