package lang

import (
	"bytes"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Format writes a file of HCL tidily. What does not parse is not touched: the
// source comes back with the diagnostics, whose file name is "". Only spaces
// and empty lines between tokens change; heredocs and strings never do.
func Format(src []byte) ([]byte, hcl.Diagnostics) {
	if _, diags := parseProject(src, ""); diags.HasErrors() {
		return src, diags
	}
	tidy := hclwrite.Format(src)
	if !sameTokens(src, tidy) {
		// Better untidy than changed.
		return src, nil
	}
	return tidy, nil
}

// sameTokens reports whether two sources differ in the space between tokens
// only.
func sameTokens(a, b []byte) bool {
	ta, _ := hclsyntax.LexConfig(a, "", hcl.InitialPos)
	tb, _ := hclsyntax.LexConfig(b, "", hcl.InitialPos)
	if len(ta) != len(tb) {
		return false
	}
	for i := range ta {
		if ta[i].Type != tb[i].Type || !bytes.Equal(ta[i].Bytes, tb[i].Bytes) {
			return false
		}
	}
	return true
}
