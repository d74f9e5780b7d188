package view

import (
	"testing"

	"github.com/zclconf/go-cty/cty"
)

func TestValueText(t *testing.T) {
	for text, want := range map[string]string{
		"</etc/a & b>":        `"</etc/a & b>"`,
		`\u003c`:              `"\\u003c"`,
		`\` + "<":             `"\\<"`,
		"a\"b\n\u2028\u0001<": `"a\"b\n\u2028\u0001<"`,
	} {
		if got := valueText(cty.StringVal(text)); got != want {
			t.Errorf("%q is shown as %s, want %s", text, got, want)
		}
	}
}
