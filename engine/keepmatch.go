package engine

import (
	"fmt"

	"hikae/engine/lens"
	"hikae/engine/rules"
)

// keepMatcher finds the rules of a path, quickly: most have none.
type keepMatcher struct {
	any      *rules.Set
	each     []*rules.Set
	rules    []rules.KeepRule
	grammars map[string]lens.Grammar
	byFile   []fileGrammar
}

type fileGrammar struct {
	files *rules.Set
	lens.Grammar
}

func newKeepMatcher(k Keeping) (*keepMatcher, error) {
	m := &keepMatcher{rules: k.Rules, grammars: map[string]lens.Grammar{rules.WordGrammar: lens.Words()}}
	set := func(patterns ...string) (*rules.Set, error) {
		var rs []rules.Rule
		for _, p := range patterns {
			rs = append(rs, rules.Rule{Pattern: p})
		}
		return rules.NewSet(rs...)
	}
	var patterns []string
	for _, r := range k.Rules {
		patterns = append(patterns, r.Pattern)
		one, err := set(r.Pattern)
		if err != nil {
			return nil, err
		}
		m.each = append(m.each, one)
	}
	for _, l := range k.Lenses {
		for _, g := range l.Grammars() {
			m.grammars[g.Name] = g
			files, err := set(g.Files...)
			if err != nil {
				return nil, fmt.Errorf("the grammar %s: %w", g.Name, err)
			}
			m.byFile = append(m.byFile, fileGrammar{files, g})
		}
	}
	var err error
	m.any, err = set(patterns...)
	return m, err
}

// match gives the keys of a file that stay, or nil.
func (m *keepMatcher) match(a Addr) *keepable {
	if _, some := m.any.Match(a.Name); !some {
		return nil
	}
	f := &keepable{addr: a, keys: map[string]string{}}
	for i, r := range m.rules {
		if _, ok := m.each[i].Match(a.Name); !ok {
			continue
		}
		g, known := m.grammar(r.Grammar, a.Name)
		if !known || f.grammar.Parse != nil && f.grammar.Name != g.Name {
			continue // the first rule says how the file is read
		}
		f.grammar = g
		for _, key := range r.Keys {
			if f.keys[key] == "" {
				f.keys[key] = r.Why
			}
		}
	}
	if len(f.keys) == 0 {
		return nil
	}
	return f
}

// grammar is the one of a name, or else the one of the lens whose file it is.
func (m *keepMatcher) grammar(name, path string) (lens.Grammar, bool) {
	if name != "" {
		g, ok := m.grammars[name]
		return g, ok
	}
	for _, g := range m.byFile {
		if _, ok := g.files.Match(path); ok {
			return g.Grammar, true
		}
	}
	for i, r := range m.rules { // a file that a built-in rule knows
		if _, ok := m.each[i].Match(path); ok && r.Grammar != "" {
			g, known := m.grammars[r.Grammar]
			return g, known
		}
	}
	return m.grammars[rules.WordGrammar], true
}

// KeyFinder finds the keys inside files that stay as each host has them.
type KeyFinder struct{ *keepMatcher }

// NewKeyFinder makes one of rules and of the grammars of lenses.
func NewKeyFinder(keep []rules.KeepRule, lenses []Lens) (*KeyFinder, error) {
	m, err := newKeepMatcher(Keeping{Rules: keep, Lenses: lenses})
	return &KeyFinder{m}, err
}

// Grammar is the one that a file is read by; false where none is known.
func (k *KeyFinder) Grammar(path string) (lens.Grammar, bool) {
	g, known := k.grammar("", path)
	return g, known && g.Name != rules.WordGrammar
}

// Spans are where the statements of such keys are in a file. Blocks whose words
// stay are not among them: they do where the host has the block already.
func (k *KeyFinder) Spans(path string, text []byte) []lens.Span {
	f := k.match(Addr{Kind: "file", Name: path})
	if f == nil {
		return nil
	}
	tree, err := f.grammar.Parse(text)
	if err != nil {
		return nil
	}
	var out []lens.Span
	for key := range f.keys {
		for _, n := range tree.Find(key, f.grammar.Fold) {
			if calledBy(f.grammar, tree, n) == "" {
				out = append(out, n.Whole)
			}
		}
	}
	return out
}

// Has reports whether a file may have such keys.
func (k *KeyFinder) Has(path string) bool { return k.match(Addr{Kind: "file", Name: path}) != nil }
