package all

import (
	"path"
	"testing"

	"hikae/engine"
	"hikae/engine/rules"
)

// Every kind says what it is read from, or the loop would not know when it changes.
func TestEveryKindHasSources(t *testing.T) {
	for _, m := range Modules() {
		kind := m.Schema().Kind
		s, ok := m.(engine.Sourced)
		if !ok || len(s.Sources()) == 0 {
			t.Errorf("%s does not say what it is read from", kind)
			continue
		}
		for _, r := range s.Sources() {
			if !path.IsAbs(r.Path) || path.Clean(r.Path) != r.Path || r.Path == "/" {
				t.Errorf("%s: %q is not a path to watch", kind, r.Path)
			}
			for _, e := range r.Exclude {
				if err := rules.Validate(e); err != nil {
					t.Errorf("%s: %v", kind, err)
				}
			}
		}
	}
}
