package apache

import (
	"bytes"
	"fmt"
	"strings"

	"hikae/engine/lens"
)

// Text is what a word says: without what joins lines, without quotes and the
// backslashes that they need. Variables stand as written.
func Text(src []byte, word lens.Span) string {
	raw := src[word.Start:word.End]
	if bytes.IndexByte(raw, '\n') >= 0 {
		raw = unjoined(raw)
	}
	var quote byte
	if len(raw) > 0 && (raw[0] == '"' || raw[0] == '\'') {
		quote = raw[0]
		raw = raw[1:]
		if end := closing(raw, quote); end < len(raw) {
			raw = raw[:end]
		}
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw)
	}
	var b strings.Builder
	for i := 0; i < len(raw); i++ {
		if raw[i] == '\\' && i+1 < len(raw) && (raw[i+1] == '\\' || quote != 0 && raw[i+1] == quote) {
			i++
		}
		b.WriteByte(raw[i])
	}
	return b.String()
}

// Raw is a text of a file as httpd sees it: without what joins lines.
func Raw(text []byte) string {
	if bytes.IndexByte(text, '\n') >= 0 {
		text = unjoined(text)
	}
	return string(text)
}

// closing is where a quoted text ends.
func closing(raw []byte, quote byte) int {
	for i := 0; i < len(raw); i++ {
		switch {
		case raw[i] == quote:
			return i
		case raw[i] == '\\' && i+1 < len(raw) && (raw[i+1] == quote || raw[i+1] == '\\'):
			i++
		}
	}
	return len(raw)
}

// unjoined is a text of several lines as the one that httpd makes of them.
func unjoined(raw []byte) []byte {
	var out []byte
	for part := range bytes.SplitAfterSeq(raw, []byte("\n")) {
		if out = append(out, part...); endsJoined(out) {
			out = out[:bytes.LastIndexByte(out, '\\')]
		}
	}
	return out
}

// Quote writes a word that says a text. like is how the word was written that it
// is to replace, whose quotes it takes, or "".
func Quote(text, like string) (string, error) {
	if i := strings.IndexAny(text, "\n\r\x00"); i >= 0 {
		return "", fmt.Errorf("a word of httpd's configuration has no %q in it", text[i])
	}
	var quote byte
	if like != "" && (like[0] == '"' || like[0] == '\'') {
		quote = like[0]
	}
	if quote == 0 && (text == "" || strings.ContainsAny(text, " \t\v\f") || strings.ContainsAny(text[:1], `"'#`) || strings.HasSuffix(text, `\`)) {
		quote = '"'
	}
	var b strings.Builder
	if quote != 0 {
		b.WriteByte(quote)
	}
	for i := range len(text) {
		c := text[i]
		last := i+1 == len(text)
		if quote != 0 && c == quote || c == '\\' && (last && quote != 0 || !last && (text[i+1] == '\\' || quote != 0 && text[i+1] == quote)) {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	if quote != 0 {
		b.WriteByte(quote)
	}
	return b.String(), nil
}
