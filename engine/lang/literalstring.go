package lang

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
)

// quoted reads a string in quotes. Escapes are HCL's: \n \r \t \" \\ \uXXXX
// \UXXXXXXXX, $${ and %%{.
func (p *literalParser) quoted() (string, *hcl.Diagnostic) {
	start := p.off + 1
	for i := start; i < len(p.src); i++ {
		switch p.src[i] {
		case '"':
			p.off = i + 1
			return p.checked(p.src[start:i], start)
		case '\\', '{':
			return p.escaped(start)
		case '\n':
			p.off = i
			return "", p.fail("this string does not end on its line")
		}
	}
	p.off = len(p.src)
	return "", p.fail("this string does not end")
}

// checked refuses source that a reader of HCL would not take; escapes may give
// any character.
func (p *literalParser) checked(s string, start int) (string, *hcl.Diagnostic) {
	if !validText(s) {
		p.off = start
		return "", p.fail("this string is not plain UTF-8")
	}
	return s, nil
}

// escaped reads a string that has escapes in it.
func (p *literalParser) escaped(start int) (string, *hcl.Diagnostic) {
	var b strings.Builder
	p.off = start
	for p.off < len(p.src) {
		switch c := p.src[p.off]; c {
		case '"':
			p.off++
			end := p.off
			if _, err := p.checked(p.src[start:end], start); err != nil {
				return "", err
			}
			p.off = end
			return b.String(), nil
		case '\n':
			return "", p.fail("this string does not end on its line")
		case '\\':
			r, n, ok := unbackslash(p.src[p.off:])
			if !ok {
				return "", p.fail("unknown escape in a string")
			}
			b.WriteRune(r)
			p.off += n
		case '$', '%':
			n, template := templateMark(p.src[p.off:])
			if template {
				return "", p.fail("%c{ starts a template, and there are none here", c)
			}
			b.WriteByte(c)
			if n == 3 {
				b.WriteByte('{')
			}
			p.off += n
		default:
			b.WriteByte(c)
			p.off++
		}
	}
	return "", p.fail("this string does not end")
}

// templateMark looks at a '$' or '%': $${ is the text ${ (n is 3), ${ starts
// a template, any other is itself (n is 1).
func templateMark(s string) (n int, template bool) {
	switch {
	case len(s) >= 3 && s[1] == s[0] && s[2] == '{':
		return 3, false
	case len(s) >= 2 && s[1] == '{':
		return 0, true
	}
	return 1, false
}

// unbackslash reads one escape at the start of s and gives its length.
func unbackslash(s string) (r rune, n int, ok bool) {
	if len(s) < 2 {
		return 0, 0, false
	}
	digits := 0
	switch s[1] {
	case 'n':
		return '\n', 2, true
	case 'r':
		return '\r', 2, true
	case 't':
		return '\t', 2, true
	case '"', '\\':
		return rune(s[1]), 2, true
	case 'u':
		digits = 4
	case 'U':
		digits = 8
	}
	if digits == 0 || len(s) < 2+digits {
		return 0, 0, false
	}
	v, err := strconv.ParseUint(s[2:2+digits], 16, 32)
	if err != nil || v > utf8.MaxRune || !utf8.ValidRune(rune(v)) {
		return 0, 0, false
	}
	return rune(v), 2 + digits, true
}

// heredoc reads <<NAME, lines, and NAME on a line of its own.
func (p *literalParser) heredoc() (string, *hcl.Diagnostic) {
	at := p.pos()
	if !strings.HasPrefix(p.src[p.off:], "<<") {
		return "", p.fail("expected a value here")
	}
	p.off += 2
	name := p.ident()
	if name == "" || p.peek() != '\n' {
		return "", p.failAt(at, "expected <<NAME and the end of the line")
	}
	p.newline()
	var b strings.Builder
	for {
		line, _, more := strings.Cut(p.src[p.off:], "\n")
		if strings.TrimSpace(line) == name {
			p.off += len(line) // the line's end is the attribute's
			return b.String(), nil
		}
		if !more {
			return "", p.failAt(at, "this heredoc does not end: there is no line %s", name)
		}
		if err := p.heredocLine(&b, line); err != nil {
			return "", err
		}
		p.off += len(line)
		p.newline()
	}
}

func (p *literalParser) heredocLine(b *strings.Builder, line string) *hcl.Diagnostic {
	if !validText(line) {
		return p.fail("this line is not plain UTF-8")
	}
	for i := 0; i < len(line); {
		c := line[i]
		if c != '$' && c != '%' {
			b.WriteByte(c)
			i++
			continue
		}
		n, template := templateMark(line[i:])
		if template {
			return p.fail("%c{ starts a template, and there are none here", c)
		}
		b.WriteByte(c)
		if n == 3 {
			b.WriteByte('{')
		}
		i += n
	}
	b.WriteByte('\n')
	return nil
}

// validText reports whether s may stand in a string or a heredoc.
func validText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, '\r') }
