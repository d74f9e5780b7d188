// Package postgresql reads PostgreSQL's postgresql.conf and pg_hba.conf.
// Sources: guc-file.l and hba.c of PostgreSQL 10 to 17.
package postgresql

import (
	"bytes"
	"strings"

	"hikae/engine/lens"
)

// The tokens of guc-file.l.
type token int

const (
	tokenEnd token = iota // of the line
	tokenName
	tokenQualified // a name with one dot: never a value, as PostgreSQL has it
	tokenString
	tokenUnquoted
	tokenNumber
	tokenEquals
	tokenBad
)

// Parse reads a postgresql.conf: a statement a setting, an include among them,
// of two words: its name, and its value as written.
func Parse(src []byte) (*lens.File, error) {
	var b lens.Builder
	var nodes []*lens.Node
	for at := 0; at < len(src); {
		end := len(src)
		if i := bytes.IndexByte(src[at:], '\n'); i >= 0 {
			end = at + i
		}
		words, err := setting(src, at, end)
		if err != nil {
			return nil, err
		}
		if words[0].Len() > 0 {
			whole := lens.Span{Start: words[0].Start, End: words[1].End}
			nodes = append(nodes, b.Node(lens.Node{Whole: whole, Words: words[:]}))
		}
		at = end + 1
	}
	return lens.NewFile(src, nodes), nil
}

// setting reads a line: a name, perhaps an equals sign, a value and nothing
// more. Both are empty where nothing stands there.
func setting(src []byte, at, end int) (words [2]lens.Span, err error) {
	kind, name := next(src, at, end)
	switch kind {
	case tokenEnd:
		return words, nil
	case tokenName, tokenQualified:
	default:
		return words, lens.ErrorAt(src, name.Start, "a setting begins with its name, not with %q", name.Of(src))
	}
	kind, value := next(src, name.End, end)
	if kind == tokenEquals {
		kind, value = next(src, value.End, end)
	}
	switch kind {
	case tokenName, tokenString, tokenUnquoted, tokenNumber:
	case tokenEnd:
		return words, lens.ErrorAt(src, value.Start, "%s has no value", name.Of(src))
	case tokenQualified:
		return words, lens.ErrorAt(src, value.Start, "the value %s has a dot: PostgreSQL wants it in single quotes", value.Of(src))
	default:
		return words, lens.ErrorAt(src, value.Start, "no value begins with %q: it wants single quotes, closed on its line", value.Of(src))
	}
	if kind, more := next(src, value.End, end); kind != tokenEnd {
		return words, lens.ErrorAt(src, more.Start, "text behind the value: one with blanks or signs in it wants single quotes")
	}
	return [2]lens.Span{name, value}, nil
}

// next is the token at an offset of a line, and where it is.
func next(src []byte, at, end int) (token, lens.Span) {
	for at < end && (src[at] == ' ' || src[at] == '\t' || src[at] == '\r') {
		at++
	}
	if at == end || src[at] == '#' {
		return tokenEnd, lens.Span{Start: at, End: at}
	}
	line := src[at:end]
	kind, n := tokenBad, 1
	switch c := line[0]; {
	case c == '=':
		kind = tokenEquals
	case c == '\'':
		if q := quoted(line); q > 0 {
			kind, n = tokenString, q
		}
	case letter(c):
		kind, n = word(line)
	default:
		if d := max(integer(line), real(line)); d > 0 {
			kind, n = tokenNumber, d
		}
	}
	return kind, lens.Span{Start: at, End: at + n}
}

func letter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c >= 0x80
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// while counts the bytes from an offset on that hold.
func while(s []byte, at int, holds func(byte) bool) int {
	for at < len(s) && holds(s[at]) {
		at++
	}
	return at
}

// word is a token that begins with a letter.
func word(s []byte) (token, int) {
	id := while(s, 0, func(c byte) bool { return letter(c) || digit(c) })
	all := while(s, id, func(c byte) bool { return letter(c) || digit(c) || strings.IndexByte("-._:/", c) >= 0 })
	switch {
	case all == id:
		return tokenName, id
	case s[id] == '.' && id+1 < len(s) && letter(s[id+1]) && while(s, id+1, func(c byte) bool { return letter(c) || digit(c) }) == all:
		return tokenQualified, all
	}
	return tokenUnquoted, all
}

// quoted is how long the string is that s begins with; 0 where it is not closed.
func quoted(s []byte) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case 0:
			return 0
		case '\\':
			i++
		case '\'':
			if i+1 == len(s) || s[i+1] != '\'' {
				return i + 1
			}
			i++
		}
	}
	return 0
}

// integer is how long the whole number with a unit is that s begins with.
func integer(s []byte) int {
	unit := func(c byte) bool { return letter(c) && c != '_' && c < 0x80 }
	start := sign(s, 0)
	end := while(s, start, digit)
	if end == start {
		return 0
	}
	end = while(s, end, unit)
	if start+2 < len(s) && s[start] == '0' && s[start+1] == 'x' {
		if h := while(s, start+2, hexDigit); h > start+2 {
			end = max(end, while(s, h, unit))
		}
	}
	return end
}

func hexDigit(c byte) bool {
	return digit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// real is how long the number with a point is that s begins with.
func real(s []byte) int {
	point := while(s, sign(s, 0), digit)
	if point == len(s) || s[point] != '.' {
		return 0
	}
	end := while(s, point+1, digit)
	if end < len(s) && (s[end] == 'e' || s[end] == 'E') {
		if start := sign(s, end+1); while(s, start, digit) > start {
			end = while(s, start, digit)
		}
	}
	return end
}

func sign(s []byte, at int) int {
	if at < len(s) && (s[at] == '+' || s[at] == '-') {
		return at + 1
	}
	return at
}

// Unquote gives what a value says.
func Unquote(word string) string {
	if len(word) < 2 || word[0] != '\'' {
		return word
	}
	in := word[1 : len(word)-1]
	var b strings.Builder
	for i := 0; i < len(in); i++ {
		switch {
		case in[i] == '\'': // two of them
			b.WriteByte('\'')
			i++
		case in[i] != '\\' || i+1 == len(in):
			b.WriteByte(in[i])
		default:
			i++
			c, n := escaped(in[i:])
			b.WriteByte(c)
			i += n - 1
		}
	}
	return b.String()
}

// escaped is what stands behind a backslash: the byte meant, and how many say it.
func escaped(s string) (c byte, n int) {
	if i := strings.IndexByte("bfnrt", s[0]); i >= 0 {
		return "\b\f\n\r\t"[i], 1
	}
	for n < 3 && n < len(s) && '0' <= s[n] && s[n] <= '7' {
		c = c<<3 + s[n] - '0'
		n++
	}
	if n > 0 {
		return c, n
	}
	return s[0], 1
}

// Plain tells whether a value may stand without quotes.
func Plain(s string) bool {
	kind, span := next([]byte(s), 0, len(s))
	switch kind {
	case tokenName, tokenUnquoted, tokenNumber:
		return span == lens.Span{Start: 0, End: len(s)}
	}
	return false
}

// Quote writes a value in single quotes. It has no NUL.
func Quote(s string) string {
	return "'" + strings.NewReplacer("'", "''", `\`, `\\`, "\n", `\n`, "\r", `\r`).Replace(s) + "'"
}
