package rules

// MirrorExcludes are the patterns of what no mirror carries: what is not worth
// it, and what a raw copy of would be torn.
func MirrorExcludes() []string {
	var out []string
	for _, l := range treeLists() {
		for _, r := range l.Rules {
			out = append(out, r.Pattern)
		}
	}
	return out
}
