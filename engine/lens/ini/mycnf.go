package ini

import (
	"bytes"
	"strings"

	"hikae/engine/lens"
)

// cnfBlank is what MariaDB takes for blank: isspace of latin1, a no-break space
// among it.
const cnfBlank = " \t\n\v\f\r\xa0"

// cnfLeft is text without blanks before it.
func cnfLeft(text []byte) []byte {
	for len(text) > 0 && strings.IndexByte(cnfBlank, text[0]) >= 0 {
		text = text[1:]
	}
	return text
}

// cnfRight is text without blanks behind it.
func cnfRight(text []byte) []byte {
	for len(text) > 0 && strings.IndexByte(cnfBlank, text[len(text)-1]) >= 0 {
		text = text[:len(text)-1]
	}
	return text
}

// maxCnfLine is how many bytes of a line MariaDB reads at once: what is longer
// reads as several lines.
const maxCnfLine = 4094

// ParseMyCnf reads an option file of MariaDB's as mysys/my_default.c does:
//
//   - lines that begin with # or ; are comments, and a # that no quotes are
//     around begins one too; quotes may stand anywhere in a line;
//   - [NAME] begins a group; what stands behind the ] counts for nothing;
//   - KEY or KEY=VALUE is an option; quotes around a whole value are no part of
//     it, and \n \t \r \b \s \\ \" \' in it are escapes;
//   - !include FILE and !includedir DIRECTORY are statements of two words, and
//     may stand before the first group. Others with a ! count for nothing.
func ParseMyCnf(src []byte) (*lens.File, error) {
	p := cnfParser{builder{src: src}}
	for _, l := range lens.Lines(src) {
		for ; l.Len() > maxCnfLine; l.Start += maxCnfLine {
			if err := p.line(lens.Span{Start: l.Start, End: l.Start + maxCnfLine}); err != nil {
				return nil, err
			}
		}
		if err := p.line(l); err != nil {
			return nil, err
		}
	}
	return p.file(), nil
}

type cnfParser struct{ builder }

func (p *cnfParser) line(line lens.Span) error {
	text := p.src[line.Start:line.End]
	rest := lens.Trim(p.src, line, lens.Blank) // what no blank of others is
	if i := bytes.IndexByte(text, 0); i >= 0 {
		text = text[:i]
	}
	text = bytes.TrimRight(text, "\n")
	start := line.Start + len(text) - len(cnfLeft(text))
	body := p.src[start : line.Start+len(text)]
	switch {
	case len(body) == 0 || (body[0] == '#' || body[0] == ';') && rest.Start == start:
		if body := bytes.Trim(p.src[rest.Start:rest.End], lens.Blank+"\x00"); len(body) > 0 && body[0] != '#' && body[0] != ';' {
			p.setting(rest) // it is blank to MariaDB
		}
		return nil
	case body[0] == '#' || body[0] == ';':
		p.setting(rest)
		return nil
	case body[0] == '!':
		return p.include(start, body, rest)
	case body[0] == '[':
		return p.group(start, body, rest)
	case p.section == nil:
		return lens.ErrorAt(p.src, start, "an option before the first [group]")
	}
	return p.option(start, body, rest)
}

// include reads a line with a !. The last line's last byte goes where no line
// feed ends it, as it does in MariaDB.
func (p *cnfParser) include(start int, body []byte, whole lens.Span) error {
	at := 1 + len(body[1:]) - len(cnfLeft(body[1:]))
	word := body[at:]
	for _, keyword := range []string{"includedir", "include"} {
		if !bytes.HasPrefix(word, []byte(keyword)) || len(word) == len(keyword) && !p.feedAt(start+len(body)) ||
			len(word) > len(keyword) && strings.IndexByte(cnfBlank, word[len(keyword)]) < 0 {
			continue
		}
		arg := cnfLeft(word[len(keyword):])
		argStart := start + len(body) - len(arg)
		if !p.feedAt(start+len(body)) && len(arg) > 0 {
			arg = arg[:len(arg)-1]
		}
		arg = cnfRight(arg)
		if len(arg) == 0 {
			return lens.ErrorAt(p.src, start, "!%s without a path", keyword)
		}
		p.setting(whole, lens.Span{Start: start, End: start + at + len(keyword)}, lens.Span{Start: argStart, End: argStart + len(arg)})
		return nil
	}
	p.setting(whole, lens.Span{Start: start, End: start + len(cnfRight(body))})
	return nil
}

// feedAt tells whether a line feed follows, blanks let alone.
func (p *cnfParser) feedAt(at int) bool { return at < len(p.src) && p.src[at] == '\n' }

func (p *cnfParser) group(start int, body []byte, whole lens.Span) error {
	closed := bytes.IndexByte(body, ']')
	if closed < 0 {
		return lens.ErrorAt(p.src, start, "a [ is not closed")
	}
	name := lens.Span{Start: start + 1, End: start + 1 + len(cnfRight(body[1:closed]))}
	inside := whole.End
	if after := bytes.TrimLeft(p.src[start+closed+1:whole.End], lens.Blank); len(after) == 0 || after[0] == '#' || after[0] == ';' {
		inside = start + closed + 1
	}
	p.header(whole.Start, name, inside)
	return nil
}

func (p *cnfParser) option(start int, body []byte, whole lens.Span) error {
	if end := cnfComment(body); end < len(body) {
		if whole.End == start+len(bytes.TrimRight(body, lens.Blank)) { // else bytes follow that are no comment's to us
			whole.End = start + len(bytes.TrimRight(body[:end], lens.Blank))
		}
		body = body[:end]
	}
	equals := bytes.IndexByte(body, '=')
	if equals < 0 {
		p.setting(whole, lens.Span{Start: start, End: start + len(cnfRight(body))})
		return nil
	}
	key := len(cnfRight(body[:equals]))
	if key == 0 {
		return lens.ErrorAt(p.src, start, "an equals sign without an option")
	}
	value := cnfLeft(body[equals+1:])
	at := start + len(body) - len(value)
	value = cnfRight(value)
	if len(value) == 0 {
		at = start + equals + 1
	}
	p.setting(whole, lens.Span{Start: start, End: start + key}, lens.Span{Start: at, End: at + len(value)})
	return nil
}

// cnfComment is where a line's comment begins, or its end.
func cnfComment(body []byte) int {
	var quote byte
	escape := false
	for i, c := range body {
		switch {
		case (c == '\'' || c == '"') && !escape && quote == 0:
			quote = c
		case c == quote && !escape:
			quote = 0
		case c == '#' && quote == 0:
			return i
		}
		escape = quote != 0 && c == '\\' && !escape
	}
	return len(body)
}

// MyCnfKey is an option's name as MariaDB compares it: it makes no difference
// between - and _.
func MyCnfKey(key string) string { return strings.ReplaceAll(key, "-", "_") }

var cnfEscapes = strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\r`, "\r", `\b`, "\b", `\s`, " ", `\"`, `"`, `\'`, `'`, `\\`, `\`)

// MyCnfValue is what an option's value means.
func MyCnfValue(written string) string {
	if quoted(written) {
		written = written[1 : len(written)-1]
	}
	return cnfEscapes.Replace(written)
}

// MyCnfQuote writes text as an option's value. It reports false where that
// cannot be done: MariaDB knows no way to write it.
func MyCnfQuote(text string) (string, bool) {
	if strings.Contains(text, "\x00") || len(text) > maxCnfLine/2 {
		return "", false
	}
	written := strings.NewReplacer("\n", `\n`, "\r", `\r`, "\b", `\b`, `\`, `\\`).Replace(text)
	if len(cnfLeft(cnfRight([]byte(text)))) != len(text) || strings.ContainsAny(text, `#'"`) || text == "" {
		written = `"` + strings.ReplaceAll(written, `"`, `\"`) + `"`
	}
	return written, MyCnfValue(written) == text && cnfComment([]byte(written)) == len(written)
}
