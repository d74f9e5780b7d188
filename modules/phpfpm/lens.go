// Package phpfpm is the lens over php-fpm's pools: the kind php_pool.
package phpfpm

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/modules/internal/lensput"
)

// Kind is the kind of pools.
const Kind = "php_pool"

const (
	attrFile   = "file"
	attrOthers = "others"
	maxShown   = 1000 // pools of one php-fpm; more stay bytes
)

// Lens shows the pools of the distribution's php-fpm, and of those of Remi's
// collections.
type Lens struct{}

var _ engine.Lens = Lens{}

// Kinds has the one kind.
func (Lens) Kinds() []engine.Schema {
	s := engine.Schema{
		Kind: Kind,
		Doc: "A pool of php-fpm: a section of a file of /etc/php-fpm.d. A pool of a second php, of Remi's collections, has that one's name " +
			"before its own: php_pool \"php74\" \"www\" is in /etc/opt/remi/php74/php-fpm.d.",
		Label: "name of the pool; before it that of the collection, as in php74",
		Stage: engine.StageConfig,
		Attrs: []engine.Attr{
			{Name: attrFile, Type: cty.String, Info: true, Doc: "The file it is written in; of a new one /etc/php-fpm.d/NAME.conf."},
			{Name: attrOthers, Type: cty.Number, Info: true, Doc: "How many of its settings are not shown here; they are kept as they are."},
		},
	}
	for _, a := range attributes() {
		s.Attrs = append(s.Attrs, engine.Attr{Name: a.name, Type: a.form.typ(), Doc: a.doc})
	}
	return []engine.Schema{s}
}

// Units is empty: php-fpm's units are among the daemons.
func (Lens) Units() []engine.Unit { return nil }

// Grammars has the one grammar.
func (Lens) Grammars() []lens.Grammar { return []lens.Grammar{grammar()} }

// Get shows the pools in the order in which php-fpm reads them.
func (Lens) Get(t engine.Tree) ([]engine.Resource, hcl.Diagnostics) {
	var resources []engine.Resource
	var diags hcl.Diagnostics
	for _, s := range load(t) {
		diags = append(diags, s.diags...)
		if len(s.pools) > maxShown {
			diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "Too many pools to show",
				Detail: fmt.Sprintf("There are %d; they are kept as they are.", len(s.pools)), Subject: s.pools[0].at()})
			continue
		}
		for _, p := range s.pools {
			if clean(p.name) && p.name != "" {
				resources = append(resources, engine.Resource{Addr: engine.Addr{Kind: Kind, In: s.name, Name: p.name}, Value: p.show(), Range: *p.at()})
			}
		}
	}
	return resources, diags
}

// Verbatim counts what pools have beyond what is shown, and what is said of
// php-fpm as a whole.
func (Lens) Verbatim(t engine.Tree) []hcl.Range {
	var kept []hcl.Range
	for _, s := range load(t) {
		if len(s.pools) <= maxShown {
			for _, p := range s.pools {
				p.show()
			}
		}
		kept = append(kept, lensput.Verbatim(s.files)...)
	}
	return kept
}

// at is where a pool begins.
func (p *pool) at() *hcl.Range {
	first := p.sections[0]
	return first.file.RangeOf(lens.Span{Start: first.node.Whole.Start, End: first.node.Words[0].End + 1})
}

// show is what is shown of a pool, and marks it.
func (p *pool) show() cty.Value {
	for _, s := range p.sections {
		lens.Show(s.node)
	}
	attrs := map[string]cty.Value{attrFile: cty.StringVal(p.sections[0].file.Path)}
	others := len(p.settings)
	for _, a := range attributes() {
		v, from := p.get(a)
		attrs[a.name] = v
		others -= len(from)
		for _, s := range from {
			lens.Show(s.node)
		}
	}
	attrs[attrOthers] = cty.NumberIntVal(int64(others))
	return cty.ObjectVal(attrs)
}
