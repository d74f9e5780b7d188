package zonefile

import (
	"fmt"
	"strings"
)

// Unquote is what a word says, as a character-string of RFC 1035: without its
// quotes, \DDD and \X resolved.
func Unquote(word string) string {
	if len(word) > 1 && word[0] == '"' {
		word = word[1 : len(word)-1]
	}
	if strings.IndexByte(word, '\\') < 0 {
		return word
	}
	var b strings.Builder
	for i := 0; i < len(word); i++ {
		if word[i] != '\\' || i+1 == len(word) {
			b.WriteByte(word[i])
			continue
		}
		i++
		if v, ok := decimal(word[i:]); ok {
			b.WriteByte(v)
			i += 2
			continue
		}
		b.WriteByte(word[i])
	}
	return b.String()
}

// decimal reads three digits.
func decimal(s string) (byte, bool) {
	if len(s) < 3 {
		return 0, false
	}
	v := 0
	for i := range 3 {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		v = 10*v + int(s[i]-'0')
	}
	return byte(v), v < 256
}

// maxString is how long a character-string can be, in bytes.
const maxString = 255

// Quote writes text as character-strings in quotes, as many as it takes.
func Quote(text string) []string {
	var all []string
	for i := 0; i == 0 || i < len(text); i += maxString {
		var b strings.Builder
		b.WriteByte('"')
		for _, c := range []byte(text[i:min(i+maxString, len(text))]) {
			switch {
			case c == '"' || c == '\\':
				b.WriteByte('\\')
				b.WriteByte(c)
			case c < ' ' || c == 0x7f:
				fmt.Fprintf(&b, `\%03d`, c)
			default:
				b.WriteByte(c)
			}
		}
		b.WriteByte('"')
		all = append(all, b.String())
	}
	return all
}
