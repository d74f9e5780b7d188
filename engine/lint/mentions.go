package lint

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/rules"
	"hikae/hosts"
)

// Finding is one thing that a person should look at.
type Finding struct {
	Rule   string `json:"rule"`
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Text   string `json:"text"`
	// Value is the own address or name that stands there.
	Value string `json:"value,omitempty"`
	// Kind, In and Name are of the resource that says it, Attr the attribute.
	Kind string `json:"kind,omitempty"`
	In   string `json:"in,omitempty"`
	Name string `json:"name,omitempty"`
	Attr string `json:"attribute,omitempty"`
	// Kept: each host keeps its own there, as a rule says.
	Kept bool `json:"kept,omitempty"`

	resource *engine.Resource
}

// Tree is what is looked at: a host's files, and what lenses show of them.
type Tree struct {
	Snapshot *engine.Snapshot
	Lenses   []engine.Lens
	Keep     []rules.KeepRule
	// Read gives a plain content.
	Read func(hosts.Content) ([]byte, error)

	files engine.Tree
	shown map[string][]*engine.Resource // by file, in order
	kinds map[string]engine.Schema
}

// maxFile bounds, in bytes, a file that is looked at.
const maxFile = 1 << 20

// open makes ready what is asked more than once.
func (t *Tree) open() {
	if t.files != nil {
		return
	}
	t.files = engine.SnapshotTree(t.Snapshot, t.Read)
	t.shown, t.kinds = map[string][]*engine.Resource{}, engine.ByKind(engine.LensKinds(t.Lenses))
	for _, l := range t.Lenses {
		found, _ := l.Get(t.files)
		for i := range found {
			f := found[i].Range.Filename
			t.shown[f] = append(t.shown[f], &found[i])
		}
	}
	for _, rs := range t.shown {
		slices.SortStableFunc(rs, func(a, b *engine.Resource) int { return a.Range.Start.Byte - b.Range.Start.Byte })
	}
}

// Mentions are the places where files that followers take mention what is the
// host's own. Comments do not count, nor do the records of zones: those say where
// something is, and are to be the same everywhere. What hikae cannot look into is
// counted: secrets.
func (t *Tree) Mentions(own Own) (found []Finding, secrets int) {
	t.open()
	keys, err := engine.NewKeyFinder(t.Keep, t.Lenses)
	if err != nil || own.Empty() {
		return nil, 0
	}
	for i := range t.Snapshot.Resources {
		r := &t.Snapshot.Resources[i]
		if r.Addr.Kind != "file" || r.Node == nil || r.Node.Type != hosts.File || r.IsPristine() || r.Node.Content.Size > maxFile {
			continue
		}
		if _, stays := rules.HostOnlyPath(r.Addr.Name); stays {
			continue
		}
		if r.Node.Content.Sealed {
			secrets++
			continue
		}
		text, err := t.Read(r.Node.Content)
		if err != nil {
			continue
		}
		found = append(found, t.inFile(r.Addr.Name, text, own, keys)...)
	}
	return found, secrets
}

func (t *Tree) inFile(path string, text []byte, own Own, keys *engine.KeyFinder) []Finding {
	hits := InText(path, text, own, keys)
	doc := lens.NewDocument(text)
	out := make([]Finding, 0, len(hits))
	for _, h := range hits {
		at := doc.PosOf(h.at)
		f := Finding{Rule: h.rule, File: path, Line: at.Line, Column: at.Column, Value: h.value, Text: line(text, h.at), Kept: h.kept}
		if r, attr := t.says(path, h, own); r != nil {
			f.Kind, f.In, f.Name, f.Attr, f.resource = r.Addr.Kind, r.Addr.In, r.Addr.Name, attr, r
		}
		out = append(out, f)
	}
	return out
}

// Mention is a place of a text that mentions what is a host's own.
type Mention struct {
	hit
	kept bool
	in   lens.Span // the outermost statement, or block, that it is in
}

// Value is what is mentioned.
func (m Mention) Value() string { return m.value }

// At is where it is, in bytes.
func (m Mention) At() int { return m.at }

// Kept reports whether each host keeps its own there.
func (m Mention) Kept() bool { return m.kept }

// InText finds the mentions in a file's bytes, but for those in comments.
func InText(path string, text []byte, own Own, keys *engine.KeyFinder) []Mention {
	if bytes.IndexByte(text, 0) >= 0 || !utf8.Valid(text) {
		return nil
	}
	hits := own.find(text)
	if len(hits) == 0 {
		return nil
	}
	g, known := keys.Grammar(path)
	if g.Name == "zone" {
		return nil
	}
	var tree *lens.File
	if known {
		tree, _ = g.Parse(text)
	}
	kept := keys.Spans(path, text)
	var out []Mention
	for _, h := range hits {
		in := lens.Span{End: len(text)}
		if tree != nil {
			if !within(tree.Root, h) {
				continue
			}
			i, _ := slices.BinarySearchFunc(tree.Root.Nodes, h.at, func(n *lens.Node, at int) int { return n.Whole.End - at - 1 })
			in = tree.Root.Nodes[i].Whole
		} else if comment(text, h.at) {
			continue
		}
		out = append(out, Mention{hit: h, in: in, kept: slices.ContainsFunc(kept, func(s lens.Span) bool { return s.Start <= h.at && h.end <= s.End })})
	}
	return out
}

// within reports whether a place is in a statement and not between two.
func within(n *lens.Node, h hit) bool {
	for _, c := range n.Nodes {
		if h.at < c.Whole.Start || h.end > c.Whole.End {
			continue
		}
		return !c.Block || h.at < c.Body.Start || within(c, h)
	}
	return false
}

// comment reports whether a line begins as comments do.
func comment(text []byte, at int) bool {
	start := bytes.LastIndexByte(text[:at], '\n') + 1
	l := bytes.TrimLeft(text[start:at], " \t")
	return len(l) > 0 && (l[0] == '#' || l[0] == ';') || bytes.HasPrefix(l, []byte("//"))
}

// line is the line of an offset, cut to what a person reads.
func line(text []byte, at int) string {
	const most = 160
	start := bytes.LastIndexByte(text[:at], '\n') + 1
	l := text[start:]
	if i := bytes.IndexByte(l, '\n'); i >= 0 {
		l = l[:i]
	}
	s := strings.TrimSpace(strings.ToValidUTF8(string(l[:min(len(l), most)]), ""))
	return s
}

// says finds the resource, and its attribute, that says what stands at a place:
// the last that begins there or before, in the same statement, and mentions it.
func (t *Tree) says(path string, m Mention, own Own) (*engine.Resource, string) {
	for _, r := range slices.Backward(t.shown[path]) {
		if r.Range.Start.Byte > m.at || r.Value == cty.NilVal {
			continue
		}
		if r.Range.Start.Byte < m.in.Start {
			break
		}
		for _, a := range t.kinds[r.Addr.Kind].Attrs {
			if v := r.Value.GetAttr(a.Name); !a.Info && !a.Secret && mentions(v, m.value, own) {
				return r, a.Name
			}
		}
	}
	return nil, ""
}

func mentions(v cty.Value, value string, own Own) bool {
	found := false
	_ = cty.Walk(v, func(_ cty.Path, e cty.Value) (bool, error) {
		if e.IsKnown() && !e.IsNull() && e.Type() == cty.String {
			found = found || slices.ContainsFunc(own.find([]byte(e.AsString())), func(h hit) bool { return h.value == value })
		}
		return true, nil
	})
	return found
}

// replaced is a value with what is own replaced; false where that is not known
// of all of it.
func replaced(v cty.Value, own Own, by Replacer) (cty.Value, bool) {
	all := true
	out, err := cty.Transform(v, func(_ cty.Path, e cty.Value) (cty.Value, error) {
		if !e.IsKnown() || e.IsNull() || e.Type() != cty.String {
			return e, nil
		}
		text, ok := Replace([]byte(e.AsString()), own, by)
		all = all && ok
		return cty.StringVal(string(text)), nil
	})
	return out, err == nil && all
}

// Replace puts what another host has in the place of what is own; false where
// that is not known of all of it.
func Replace(text []byte, own Own, by Replacer) ([]byte, bool) {
	d := lens.NewDocument(text)
	for _, h := range own.find(text) {
		other, ok := by(h.rule, h.value)
		if !ok {
			return text, false
		}
		d.Replace(lens.Span{Start: h.at, End: h.end}, other)
	}
	out, err := d.Bytes()
	return out, err == nil
}
