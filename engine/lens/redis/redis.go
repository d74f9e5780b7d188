// Package redis reads redis.conf, and sentinel.conf that is written the same:
// a directive a line, its words parted by blanks and quoted as redis quotes.
// Source: redis, config.c (loadServerConfigFromString) and sds.c
// (sdssplitargs), versions 5 to 7.
package redis

import (
	"bytes"
	"fmt"
	"strings"

	"hikae/engine/lens"
)

// trimmed is what redis takes off both ends of a line.
const trimmed = " \t\r\n"

// Parse reads a file: a statement a directive, its words as written.
func Parse(src []byte) (*lens.File, error) {
	if i := bytes.IndexByte(src, 0); i >= 0 {
		return nil, lens.ErrorAt(src, i, "a NUL byte: redis would lose the rest of the line")
	}
	var b lens.Builder
	var nodes []*lens.Node
	var words []lens.Span
	for at := 0; at < len(src); {
		end := len(src)
		if i := bytes.IndexByte(src[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		line := lens.Trim(src, lens.Span{Start: at, End: end}, trimmed)
		at = end
		if line.Len() == 0 || src[line.Start] == '#' {
			continue
		}
		var err error
		if words, err = split(src, line, words[:0]); err != nil {
			return nil, err
		}
		if len(words) > 0 { // else vertical tabs, which redis skips as blanks
			if src[words[0].Start] == '#' {
				return nil, lens.ErrorAt(src, words[0].Start, "no comment for redis: form feeds and vertical tabs stand before it")
			}
			whole := lens.Span{Start: words[0].Start, End: words[len(words)-1].End}
			nodes = append(nodes, b.Node(lens.Node{Whole: whole, Words: words}))
		}
	}
	return lens.NewFile(src, nodes), nil
}

// split divides a line into words, as sdssplitargs.
func split(src []byte, line lens.Span, words []lens.Span) ([]lens.Span, error) {
	at := line.Start
	for {
		for at < line.End && isSpace(src[at]) {
			at++
		}
		if at == line.End {
			return words, nil
		}
		end, err := word(src, at, line.End)
		if err != nil {
			return nil, err
		}
		words = append(words, lens.Span{Start: at, End: end})
		at = end
	}
}

// word is where a word that begins at an offset ends. Quotes may open within
// it; where they close, it ends.
func word(src []byte, at, end int) (int, error) {
	for ; at < end; at++ {
		switch src[at] {
		case ' ', '\t', '\r': // and not the other blanks
			return at, nil
		case '"', '\'':
			closing := quoted(src, at, end)
			if closing < 0 {
				return 0, lens.ErrorAt(src, at, "unbalanced quotes: this one is not closed on its line")
			}
			if closing+1 < end && !isSpace(src[closing+1]) {
				return 0, lens.ErrorAt(src, closing, "unbalanced quotes: text behind a closing quote, without a blank between")
			}
			return closing + 1, nil
		}
	}
	return end, nil
}

// quoted is where the quote at an offset is closed; -1 where it is not.
func quoted(src []byte, at, end int) int {
	quote := src[at]
	for at++; at < end; at++ {
		switch {
		case src[at] == quote:
			return at
		case src[at] == '\\' && at+1 < end && (quote == '"' || src[at+1] == '\''):
			at++
		}
	}
	return -1
}

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// Unquote gives what a word says.
func Unquote(word string) string {
	i := strings.IndexAny(word, `"'`)
	if i < 0 {
		return word
	}
	var b strings.Builder
	b.WriteString(word[:i])
	quote, in := word[i], word[i+1:]
	in = strings.TrimSuffix(in, string(quote))
	for i := 0; i < len(in); i++ {
		switch {
		case in[i] != '\\' || i+1 == len(in):
			b.WriteByte(in[i])
		case quote == '\'':
			if in[i+1] == '\'' {
				i++
			}
			b.WriteByte(in[i])
		default:
			c, n := escaped(in[i+1:])
			b.WriteByte(c)
			i += n
		}
	}
	return b.String()
}

// escaped is what stands behind a backslash in double quotes: the byte that is
// meant, and how many say it.
func escaped(s string) (c byte, n int) {
	if len(s) >= 3 && s[0] == 'x' && isHex(s[1]) && isHex(s[2]) {
		return hex(s[1])<<4 | hex(s[2]), 3
	}
	if i := strings.IndexByte("nrtba", s[0]); i >= 0 {
		return "\n\r\t\b\a"[i], 1
	}
	return s[0], 1
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func hex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}

// Quote writes a word so that it reads as s: in double quotes where it must.
func Quote(s string) string {
	plain := s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '"' || r == '\'' })
	if plain {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteString(`\` + string(c))
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
