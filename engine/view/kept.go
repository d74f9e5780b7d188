package view

import (
	"cmp"
	"fmt"
	"strings"

	"hikae/engine"
)

// kept tells of the keys inside files that stay as the host has them, and of
// those that it takes from the source.
func (v *View) kept(b *strings.Builder, keys []engine.KeptKey) {
	var kept, taken []engine.KeptKey
	for _, k := range keys {
		if k.Taken {
			taken = append(taken, k)
		} else {
			kept = append(kept, k)
		}
	}
	if len(kept) > 0 {
		fmt.Fprintf(b, "kept as this host has it, for it is the host's own (%d):\n", len(kept))
		for _, k := range kept {
			here, source := keptValues(k)
			fmt.Fprintf(b, "    kept: %s %s = %s%s\n", Safe(k.Path), Safe(k.Key), here, v.paint(dim, "  (the source: "+source+"; "+Safe(k.Why)+")"))
		}
	}
	if len(taken) == 0 {
		return
	}
	fmt.Fprintf(b, "the host's own, but it has none of its own yet: the source's is taken (%d):\n", len(taken))
	for _, k := range taken {
		line := Safe(k.Path)
		if k.Key != "" {
			_, source := keptValues(k)
			line += " " + Safe(k.Key) + " = " + source
		}
		fmt.Fprintf(b, "    taken: %s%s\n", line, v.paint(dim, "  ("+Safe(k.Why)+")"))
	}
}

// keptValues are what is told of a key's values.
func keptValues(k engine.KeptKey) (here, source string) {
	if k.Secret {
		return Redacted, Redacted
	}
	return short(cmp.Or(k.Here, "(not set)")), short(cmp.Or(k.Source, "(not set)"))
}

// keptType is the type of a key's line in JSON.
func keptType(k engine.KeptKey) string {
	if k.Taken {
		return "taken"
	}
	return "kept"
}

// keptJSON is a line of type "kept" or "taken". A value is "" where the key is
// not set.
type keptJSON struct {
	File   string `json:"file"`
	Key    string `json:"key,omitempty"`
	Value  string `json:"value"`
	Source string `json:"source"`
	Why    string `json:"why"`
}

func keptAsJSON(k engine.KeptKey) keptJSON {
	out := keptJSON{File: k.Path, Key: k.Key, Value: k.Here, Source: k.Source, Why: k.Why}
	if k.Taken {
		out.Value = k.Source
	}
	if k.Secret {
		out.Value, out.Source = Redacted, Redacted
	}
	return out
}
