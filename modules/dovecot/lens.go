// Package dovecot is the lens over dovecot.conf and what it includes: the kinds
// dovecot_setting and dovecot_block.
package dovecot

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	grammar "hikae/engine/lens/dovecot"
	"hikae/modules/internal/lensput"
)

// The kinds.
const (
	SettingKind = "dovecot_setting"
	BlockKind   = "dovecot_block"
)

const (
	attrValue = "value"
	attrFile  = "file"
)

// Lens shows the settings and the blocks of dovecot's configuration. Of a setting
// that is written several times the last one holds; it is what is shown and
// edited. What doveconf hides, passwords and keys, is not looked at. The .ext files that
// passdb and others name are other programs' and hold passwords: they are not.
type Lens struct{}

var _ engine.Lens = Lens{}

// Kinds are the settings and the blocks.
func (Lens) Kinds() []engine.Schema {
	file := engine.Attr{Name: attrFile, Type: cty.String, Info: true, Doc: "The file it is written in."}
	return []engine.Schema{{
		Kind: SettingKind,
		Doc: "A setting of dovecot. One that stands in blocks has two labels, the first of which is the blocks' types and names, from the outermost on, " +
			"parted by a slash between blanks: `dovecot_setting \"service imap-login / inet_listener imaps\" \"port\"`. Blocks passdb, userdb and namespace without a name are counted: \"passdb #1\".",
		Label: "name of the setting",
		Stage: engine.StageConfig,
		Attrs: []engine.Attr{
			{Name: attrValue, Type: cty.DynamicPseudoType, Doc: "Its value, of the type that dovecot gives it: true or false, a number, a list of words (auth_mechanisms, mail_plugins, protocols, listen, ...) or a text. " +
				"Times and sizes are texts with a unit: \"30 mins\", \"256M\". A text that begins with < is the name of a file that holds the value; words that begin with a $ stand for other settings."},
			file,
		},
	}, {
		Kind: BlockKind,
		Doc: "A block of dovecot's settings: service, protocol, passdb, namespace, mailbox, plugin, local and so on. Its settings are resources of their own, which make it too where it is not there; " +
			"`absent = true` removes it with all that is in it.",
		Label: "type and name of the block",
		Stage: engine.StageConfig,
		Attrs: []engine.Attr{file},
	}}
}

// Grammars is dovecot's.
func (Lens) Grammars() []lens.Grammar { return []lens.Grammar{grammar.Grammar()} }

// Units is empty: modules/daemons has dovecot.service.
func (Lens) Units() []engine.Unit { return nil }

// Get shows the settings and blocks in the order in which dovecot first reads
// them.
func (Lens) Get(t engine.Tree) ([]engine.Resource, hcl.Diagnostics) {
	c := load(t)
	shown := c.resources()
	return shown, c.diags
}

// Verbatim is what Get shows nothing of: secrets, settings that a later one of
// the name replaces, and what no address can name.
func (Lens) Verbatim(t engine.Tree) []hcl.Range {
	c := load(t)
	c.resources()
	return lensput.Verbatim(c.All)
}

// maxShown bounds how many resources of a kind a view shows of one file.
const maxShown = 1000

// found is a resource and the nodes that it shows.
type found struct {
	engine.Resource
	nodes []*lens.Node
}

func (c *config) resources() []engine.Resource {
	var all []found
	c.top.resources(&all)
	type origin struct{ kind, file string }
	count := map[origin]int{}
	for _, f := range all {
		count[origin{f.Addr.Kind, f.Range.Filename}]++
	}
	var shown []engine.Resource
	for _, f := range all {
		from := origin{f.Addr.Kind, f.Range.Filename}
		switch n := count[from]; {
		case n > maxShown:
			rng := f.Range
			c.warn(&rng, "Too many to show", "%s has %d of the kind %s: they are not shown. Edits of them are made.", from.file, n, from.kind)
			count[from] = -1
		case n > 0:
			lens.Show(f.nodes...)
			shown = append(shown, f.Resource)
		}
	}
	return shown
}

// resources gathers what is in a block.
func (b *block) resources(all *[]found) {
	for _, e := range b.order {
		name := e.name
		if !e.block {
			places := b.settings[name]
			last := places[len(places)-1]
			if v, ok := b.value(name, last); ok {
				*all = append(*all, resource(SettingKind, b.path(), name, last, v))
			}
			continue
		}
		inner := b.blocks[name]
		r := resource(BlockKind, inner.in, inner.id, inner.parts[0], cty.NilVal)
		for _, p := range inner.parts[1:] {
			r.nodes = append(r.nodes, p.body)
		}
		*all = append(*all, r)
		inner.resources(all)
	}
}

func resource(kind, in, name string, at place, value cty.Value) found {
	attrs := map[string]cty.Value{attrFile: cty.StringVal(at.file.Path)}
	if value != cty.NilVal {
		attrs[attrValue] = value
	}
	return found{engine.Resource{
		Addr:  engine.Addr{Kind: kind, In: in, Name: name},
		Value: cty.ObjectVal(attrs),
		Range: *at.file.RangeOf(at.body.Whole),
	}, []*lens.Node{at.body}}
}

// value is that of a setting; none of what is secret, or cannot be shown.
func (b *block) value(name string, at place) (cty.Value, bool) {
	raw := grammar.Raw(at.body, at.src())
	said, form := grammar.Read(raw)
	if !addressable(name) || name == "" || form != grammar.File && secret(name, said) {
		return cty.NilVal, false
	}
	return sortOf(b.typ, name).shown(raw)
}

// String names a place, for messages.
func (p place) String() string {
	r := p.file.RangeOf(p.body.Whole)
	return fmt.Sprintf("%s:%d", r.Filename, r.Start.Line)
}
