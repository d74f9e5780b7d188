package engine

import "hikae/engine/lens"

// KeepFile is keepFile, for tests that need grammars.
func KeepFile(g lens.Grammar, wish, own []byte, keys ...string) ([]byte, []KeptKey, error) {
	why := map[string]string{}
	for _, k := range keys {
		why[k] = "test"
	}
	out, placed, err := keepFile(g, wish, own, why)
	var kept []KeptKey
	for _, p := range placed {
		kept = append(kept, p.KeptKey)
	}
	return out, kept, err
}
