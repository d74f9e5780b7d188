package lensput

import "github.com/zclconf/go-cty/cty"

// Strings is a list of strings.
func Strings(texts []string) cty.Value {
	if len(texts) == 0 {
		return cty.ListValEmpty(cty.String)
	}
	vals := make([]cty.Value, len(texts))
	for i, t := range texts {
		vals[i] = cty.StringVal(t)
	}
	return cty.ListVal(vals)
}
