package account

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
)

// text gives raw bytes of a field as a string value. cty keeps strings in
// Unicode's form NFC, and a name in GECOS may be Latin-1: bytes that would not
// survive, controls and % itself are written %XX.
func text(raw string) cty.Value {
	odd := !utf8.ValidString(raw) || cty.NormalizeString(raw) != raw
	var b strings.Builder
	for i := range len(raw) {
		c := raw[i]
		if c == '%' || c < 0x20 || c == 0x7f || (odd && c >= 0x80) {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return cty.StringVal(b.String())
}

// rawText is the inverse of text.
func rawText(s string) (string, error) {
	if !strings.Contains(s, "%") {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", fmt.Errorf("cannot read %q: a %% is written %%25", s)
		}
		n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", fmt.Errorf("cannot read %q: a %% is written %%25", s)
		}
		b.WriteByte(byte(n))
		i += 2
	}
	return b.String(), nil
}
