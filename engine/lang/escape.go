package lang

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Escape writes raw bytes as text that survives HCL, lock files and a
// terminal. It is the form of labels, of links and of extended attributes:
//
//   - a byte of '%', of invalid UTF-8, or of a character that does not print
//     (controls, line separators, bidirectional marks, spaces but the ASCII
//     one) is written %XX, in upper-case hexadecimal;
//   - if what remains is not in Unicode's NFC, which readers of HCL may
//     normalise to, every byte beyond ASCII is written so.
//
// All else stands for itself. Unescape is its inverse.
func Escape(raw string) string {
	if plain(raw) {
		return raw
	}
	s := escapeRunes(raw, func(r rune) bool { return r != '%' && unicode.IsPrint(r) })
	if !norm.NFC.IsNormalString(s) {
		s = escapeRunes(raw, func(r rune) bool { return r != '%' && r < utf8.RuneSelf && unicode.IsPrint(r) })
	}
	return s
}

// plain reports whether s is printing ASCII without '%': nearly every path.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '%' {
			return false
		}
	}
	return true
}

func escapeRunes(raw string, keep func(rune) bool) string {
	var b strings.Builder
	for i := 0; i < len(raw); {
		r, n := utf8.DecodeRuneInString(raw[i:])
		valid := r != utf8.RuneError || n > 1
		if valid && keep(r) {
			b.WriteString(raw[i : i+n])
		} else {
			for _, c := range []byte(raw[i : i+n]) {
				writeEscape(&b, c)
			}
		}
		i += n
	}
	return b.String()
}

func writeEscape(b *strings.Builder, c byte) {
	const digits = "0123456789ABCDEF"
	b.WriteByte('%')
	b.WriteByte(digits[c>>4])
	b.WriteByte(digits[c&15])
}

// Unescape gives the bytes that Escape wrote. Hexadecimal digits may be of
// either case, and any byte may be escaped; a '%' without two digits is an
// error.
func Unescape(s string) (string, error) {
	first := strings.IndexByte(s, '%')
	if first < 0 {
		return s, nil
	}
	b := make([]byte, first, len(s))
	copy(b, s)
	for i := first; i < len(s); i++ {
		if s[i] != '%' {
			b = append(b, s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", fmt.Errorf("%q ends within an escape: a '%%' is written %%25", s)
		}
		hi, lo := unhex(s[i+1]), unhex(s[i+2])
		if hi < 0 || lo < 0 {
			return "", fmt.Errorf("%q is no escape: a '%%' is written %%25", s[i:i+3])
		}
		b = append(b, byte(hi<<4|lo)) //nolint:gosec // both are below 16
		i += 2
	}
	return string(b), nil
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
