package ini

import (
	"bytes"
	"strings"

	"hikae/engine/lens"
)

const blanks = " \t\r"

// Parse reads a file of dnf's, a repository's or a plugin's, as libdnf's
// IniParser (libdnf/utils/iniparser/iniparser.cpp) does:
//
//   - a line that begins with # or ; is a comment;
//   - [NAME], indented or not, begins a section;
//   - KEY=VALUE begins a setting; blanks around either count for nothing;
//   - an indented line goes on with the value of the setting before it, as long
//     as no comment and no empty line parts them; a line of blanks alone does
//     not;
//   - quotes around a whole value, both " or both ', are no part of it.
//
// Lines may end with CR LF, and the file may begin with a byte order mark. It
// keeps src, which must not change. The error is a *lens.SyntaxError.
func Parse(src []byte) (*lens.File, error) {
	p := dnfParser{builder: builder{src: src}}
	at := 0
	if bytes.HasPrefix(src, []byte(bom)) {
		at = len(bom)
	}
	for at < len(src) {
		end := len(src)
		if i := bytes.IndexByte(src[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		if err := p.line(at, end); err != nil {
			return nil, err
		}
		at = end
	}
	p.flush()
	return p.file(), nil
}

type dnfParser struct {
	builder
	key, value lens.Span // of the setting that an indented line goes on with
	pending    bool      // there is one
}

// flush adds the setting that no line goes on with.
func (p *dnfParser) flush() {
	if p.pending {
		p.setting(lens.Span{Start: p.key.Start, End: p.value.End}, p.key, p.value)
	}
	p.pending = false
}

// line reads the line from at up to end, its line feed included.
func (p *dnfParser) line(at, end int) error {
	text := bytes.TrimSuffix(p.src[at:end], []byte("\n"))
	if len(text) == 0 || text[0] == '#' || text[0] == ';' {
		p.flush()
		return nil
	}
	body := bytes.Trim(text, blanks)
	if len(body) == 0 {
		return nil
	}
	start := at + len(text) - len(bytes.TrimLeft(text, blanks)) // of what is no blank
	span := lens.Span{Start: start, End: start + len(body)}
	switch {
	case body[0] == '[':
		p.flush()
		return p.begin(span)
	case p.section == nil:
		return lens.ErrorAt(p.src, start, "a setting before the first [section]")
	case start > at && !p.pending:
		return lens.ErrorAt(p.src, start, "an indented line that goes on with nothing: a setting begins at the first column")
	case start > at:
		p.value.End = span.End
		return nil
	}
	p.flush()
	return p.pair(span)
}

func (p *dnfParser) begin(span lens.Span) error {
	body := p.src[span.Start:span.End]
	closed := bytes.IndexByte(body, ']')
	switch {
	case closed < 0:
		return lens.ErrorAt(p.src, span.Start, "a [ is not closed")
	case closed == 1:
		return lens.ErrorAt(p.src, span.Start, "a section without a name")
	}
	inside := span.Start + closed + 1
	// libdnf does not look at the very last character.
	for i := closed + 1; i < len(body); i++ {
		if body[i] == '#' || body[i] == ';' {
			break
		}
		if strings.IndexByte(blanks, body[i]) >= 0 {
			continue
		}
		if i < len(body)-1 {
			return lens.ErrorAt(p.src, span.Start+i, "text after a section's ]")
		}
		inside = span.End
	}
	p.header(span.Start, lens.Span{Start: span.Start + 1, End: span.Start + closed}, inside)
	return nil
}

func (p *dnfParser) pair(span lens.Span) error {
	body := p.src[span.Start:span.End]
	equals := bytes.IndexByte(body, '=')
	switch {
	case equals < 0:
		return lens.ErrorAt(p.src, span.Start, "a line without an equals sign")
	case equals == 0:
		return lens.ErrorAt(p.src, span.Start, "an equals sign without a key")
	}
	key := bytes.TrimRight(body[:equals], " \t")
	value := span.End - len(bytes.TrimLeft(body[equals+1:], blanks))
	p.key = lens.Span{Start: span.Start, End: span.Start + len(key)}
	p.value = lens.Span{Start: value, End: span.End}
	p.pending = true
	return nil
}

// Value is what a value of dnf's means: its lines joined by line feeds, without
// quotes around it.
func Value(written string) string {
	v := written
	if strings.Contains(v, "\n") {
		var parts []string
		for _, l := range valueLines([]byte(written), lens.Span{End: len(written)}) {
			parts = append(parts, l.Of([]byte(written)))
		}
		v = strings.Join(parts, "\n")
	}
	if Quoted(v) {
		return v[1 : len(v)-1]
	}
	return v
}

// Quoted tells whether a value of dnf's as written stands in quotes, which are
// then no part of it.
func Quoted(written string) bool { return quoted(written) }

// valueLines are the lines of a value of dnf's, without the blanks around them:
// the first, which is empty where nothing stands behind the equals sign, and
// those after it that have something.
func valueLines(src []byte, value lens.Span) []lens.Span {
	var lines []lens.Span
	for at := value.Start; at <= value.End; {
		end := value.End
		if i := bytes.IndexByte(src[at:value.End], '\n'); i >= 0 {
			end = at + i
		}
		l := lens.Trim(src, lens.Span{Start: at, End: end}, blanks)
		if l.Len() > 0 || len(lines) == 0 {
			lines = append(lines, l)
		}
		at = end + 1
	}
	return lines
}
