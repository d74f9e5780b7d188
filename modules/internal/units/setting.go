package units

import (
	"maps"
	"slices"

	"hikae/engine/lens"
	"hikae/engine/lens/ini"
	"hikae/hosts"
	"hikae/modules/internal/lensput"
)

func sortedByKey(m map[string]string) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[k])
	}
	return out
}

// Setting is one of a unit, and where it is written.
type Setting struct {
	File    *lensput.File
	Section *lens.Node
	Node    *lens.Node
	Value   string // what it means
}

// Settings are those of a key in a unit's file and its drop-ins that count: one
// without a value undoes those before it.
func Settings(f hosts.Facts, files []*lensput.File, section, key string) []Setting {
	var found []Setting
	for _, file := range files {
		for _, s := range ini.Named(file.Tree, section) {
			for _, n := range ini.Settings(file.Source(), []*lens.Node{s}, key) {
				v := Value(f, n.Word(file.Source(), 1))
				if v == "" {
					found = nil
					continue
				}
				found = append(found, Setting{file, s, n, v})
			}
		}
	}
	return found
}
