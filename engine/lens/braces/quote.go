package braces

import (
	"fmt"
	"strings"
)

const openString = "a quoted string that nothing ends"

// namedString is where a quoted string of named ends. It may hold line feeds.
func namedString(src []byte, at int) (int, string) {
	for i := at + 1; i < len(src); i++ {
		switch src[i] {
		case '\\':
			i++
		case '"':
			return i + 1, ""
		}
	}
	return 0, openString
}

// maxDHCPDString is the room, in bytes, that dhcpd has for a string or a word.
const maxDHCPDString = 1500

// dhcpdString is where a quoted string of dhcpd ends: read_string of conflex.c.
func dhcpdString(src []byte, at int) (int, string) {
	text, stop, fault := readDHCPD(src, at)
	if len(text) >= maxDHCPDString {
		return 0, fmt.Sprintf("a string of more than %d bytes", maxDHCPDString-1)
	}
	return stop, fault
}

// readDHCPD reads a quoted string of dhcpd that begins at an offset.
func readDHCPD(src []byte, at int) (text []byte, stop int, fault string) {
	for i := at + 1; i < len(src); i++ {
		c := src[i]
		if c == '"' {
			return text, i + 1, ""
		}
		if c != '\\' {
			text = append(text, c)
			continue
		}
		if i++; i == len(src) {
			break
		}
		switch c = src[i]; c {
		case 't', 'r', 'n', 'b':
			text = append(text, map[byte]byte{'t': '\t', 'r': '\r', 'n': '\n', 'b': '\b'}[c])
		case 'x':
			v, n := digits(src[i+1:], 16, 2)
			if n < 2 {
				return nil, 0, `\x in a string without two hexadecimal digits`
			}
			text = append(text, v)
			i += n
		case '0', '1', '2', '3':
			v, n := digits(src[i:], 8, 3)
			if n < 3 {
				return nil, 0, `\ and a digit in a string without three octal digits`
			}
			text = append(text, v)
			i += n - 1
		default:
			text = append(text, c)
		}
	}
	return nil, 0, openString
}

// digits reads up to n digits.
func digits(src []byte, base, n int) (v byte, read int) {
	for read < n && read < len(src) {
		d := strings.IndexByte("0123456789abcdef", src[read]|0x20)
		if src[read] < '0' || d < 0 || d >= base {
			break
		}
		v = v*byte(base) + byte(d) //nolint:gosec // base is 8 or 16, d below it
		read++
	}
	return v, read
}

// Unquote is what a word says: without its quotes, if it has some.
func (d *Dialect) Unquote(word string) string {
	if len(word) < 2 || word[0] != '"' {
		return word
	}
	if !d.closed {
		text, _, _ := readDHCPD([]byte(word), 0)
		return string(text)
	}
	// The lexer takes the backslash away before a quote and nowhere else.
	var b strings.Builder
	text := word[1 : len(word)-1]
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) {
			if i++; text[i] != '"' {
				b.WriteByte('\\')
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// Quote writes text as a quoted string. It fails for text that the daemon has
// no way to write.
func (d *Dialect) Quote(text string) (string, error) {
	if !d.closed {
		var b strings.Builder
		for _, c := range []byte(text) {
			switch {
			case c == '"' || c == '\\':
				b.WriteByte('\\')
				b.WriteByte(c)
			case c < ' ' || c == 0x7f:
				fmt.Fprintf(&b, `\%03o`, c)
			default:
				b.WriteByte(c)
			}
		}
		if len(text) >= maxDHCPDString {
			return "", fmt.Errorf("dhcpd takes no string of more than %d bytes", maxDHCPDString-1)
		}
		return `"` + b.String() + `"`, nil
	}
	quoted := `"` + strings.ReplaceAll(text, `"`, `\"`) + `"`
	if strings.ContainsRune(text, 0) || d.Unquote(quoted) != text {
		return "", fmt.Errorf("named has no way to write %q", text)
	}
	if end, fault := namedString([]byte(quoted), 0); fault != "" || end != len(quoted) {
		return "", fmt.Errorf("named has no way to write %q", text)
	}
	return quoted, nil
}

// Bare tells whether a word can stand without quotes.
func (d *Dialect) Bare(word string) bool {
	l := lexer{src: []byte(word), d: d}
	t, err := l.next()
	return err == nil && t.kind == 0 && t.Start == 0 && t.End == len(word) && word[0] != '"'
}

// Free tells whether the text of blocks of a name is another program's.
func (d *Dialect) Free(name string) bool { return d.free[strings.ToLower(name)] }
