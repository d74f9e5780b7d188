package all

import (
	"testing"

	"hikae/engine/lens"
	"hikae/engine/rules"
)

// Every built-in key is found, in a file as its daemon has it, by the grammar
// that reads such files.
func TestKeysAreFound(t *testing.T) {
	grammars := map[string]lens.Grammar{rules.WordGrammar: lens.Words()}
	for _, l := range Lenses() {
		for _, g := range l.Grammars() {
			if other, twice := grammars[g.Name]; twice && other.Place(g.Name) != g.Place(g.Name) {
				t.Errorf("two grammars are called %s", g.Name)
			}
			grammars[g.Name] = g
		}
	}
	for _, list := range rules.KeepLists() {
		for _, r := range list.Rules {
			g, known := grammars[r.Grammar]
			if !known {
				continue // no lens reads such files, and the rule keeps nothing
			}
			f, err := g.Parse([]byte(r.Example))
			if err != nil {
				t.Errorf("%q: %v", r.Example, err)
				continue
			}
			found := map[*lens.Node]bool{}
			for _, k := range r.Keys {
				for _, n := range f.Find(k, g.Fold) {
					found[n] = true
				}
			}
			for n := range f.Root.All {
				if len(n.Nodes) == 0 && !found[n] && !inFound(f.Root, n, found) {
					t.Errorf("%s: no key finds %q", r.Pattern, n.Whole.Of(f.Source()))
				}
			}
		}
	}
}

// inFound reports whether a node is in one that was found.
func inFound(in, n *lens.Node, found map[*lens.Node]bool) bool {
	for _, c := range in.Nodes {
		if c == n || c.Whole.Start <= n.Whole.Start && n.Whole.End <= c.Whole.End {
			return found[c] || c != n && inFound(c, n, found)
		}
	}
	return false
}
