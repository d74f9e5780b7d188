package ini

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"hikae/engine/lens"
)

// unitBlank is what systemd takes for blank: its WHITESPACE.
const unitBlank = " \t\n\r"

// maxUnitLine is systemd's LONG_LINE_MAX: what is longer it refuses.
const maxUnitLine = 1 << 20

// ParseUnit reads a unit file as systemd does since 240 (EL 9's is 252):
// systemd.syntax(7), config_parse in src/shared/conf-parser.c. A line that ends
// in a backslash goes on with the next; comments in between count for nothing,
// and the backslash reads as a blank. What systemd passes over with a warning
// (text before the first section, lines without an equals sign or key) is a
// statement of one word. A line ends with a line feed, a carriage return, a NUL
// or several different ones of them.
func ParseUnit(src []byte) (*lens.File, error) { return parseUnit(src, false) }

// ParseUnit239 reads a unit file as the systemd of EL 8 does. It differs: a
// comment goes on too where its line ends in a backslash, and is part of a value
// that it stands in; a line without an equals sign is refused where a section
// that systemd knows is open; a carriage return is a character like others.
func ParseUnit239(src []byte) (*lens.File, error) { return parseUnit(src, true) }

func parseUnit(src []byte, old bool) (*lens.File, error) {
	p := unitParser{builder: builder{src: src}, old: old}
	lines := unitLines(src, old)
	if len(lines) > 0 && bytes.HasPrefix(src, []byte(bom)) {
		lines[0].Start += len(bom)
	}
	for len(lines) > 0 {
		n, err := p.statement(lines)
		if err != nil {
			return nil, err
		}
		lines = lines[n:]
	}
	f := p.file()
	f.Joined = true
	return f, nil
}

// unitLines divides a file into lines without what ends them.
func unitLines(src []byte, old bool) []lens.Span {
	ends := "\n\r\x00"
	if old {
		ends = "\n\x00"
	}
	var lines []lens.Span
	for at := 0; at < len(src); {
		i := bytes.IndexAny(src[at:], ends)
		if i < 0 {
			return append(lines, lens.Span{Start: at, End: len(src)})
		}
		lines = append(lines, lens.Span{Start: at, End: at + i})
		first := at + i
		at = first + 1
		for !old && at < len(src) && strings.IndexByte(ends, src[at]) >= 0 && bytes.IndexByte(src[first:at], src[at]) < 0 {
			at++
		}
	}
	return lines
}

type unitParser struct {
	builder
	old   bool
	known bool // the section that is open is one of systemd's
}

// statement reads the lines that make one, and says how many those were.
func (p *unitParser) statement(lines []lens.Span) (int, error) {
	if !p.old && isComment(p.src[lines[0].Start:lines[0].End]) {
		return 1, nil
	}
	used := 1
	j := joined{src: p.src}
	for goesOn := j.add(lines[0]); goesOn && used < len(lines); used++ {
		if !p.old && isComment(p.src[lines[used].Start:lines[used].End]) {
			continue
		}
		goesOn = j.add(lines[used])
	}
	if len(j.text) > maxUnitLine {
		return used, lens.ErrorAt(p.src, lines[0].Start, "a line of more than %d bytes", maxUnitLine)
	}
	whole := lens.Span{Start: lines[0].Start, End: lines[used-1].End}
	if used == 1 {
		whole = lens.Trim(p.src, whole, unitBlank)
	}
	return used, p.logical(j, whole)
}

func isComment(line []byte) bool {
	text := bytes.TrimLeft(line, unitBlank)
	return len(text) > 0 && (text[0] == '#' || text[0] == ';')
}

// joined is lines that were joined, and where each of them came from.
type joined struct {
	src   []byte
	text  []byte
	parts []part
}

type part struct{ text, src int } // where in the text what is at src begins

// add joins a line and tells whether the next one belongs to it too.
func (j *joined) add(line lens.Span) bool {
	text := j.src[line.Start:line.End]
	escaped := false
	for _, c := range text {
		escaped = !escaped && c == '\\'
	}
	j.parts = append(j.parts, part{len(j.text), line.Start})
	if j.text == nil && !escaped {
		j.text = text
		return false
	}
	j.text = append(j.text, text...)
	if escaped {
		j.text[len(j.text)-1] = ' '
	}
	return escaped
}

// at is where a byte of the text came from.
func (j *joined) at(i int) int {
	n, exact := slices.BinarySearchFunc(j.parts, i, func(p part, i int) int { return p.text - i })
	if !exact {
		n--
	}
	return j.parts[n].src + i - j.parts[n].text
}

// span is where a part of the text came from; an empty one stands behind the
// byte before it.
func (j *joined) span(start, end int) lens.Span {
	if start == end {
		at := j.at(start-1) + 1
		return lens.Span{Start: at, End: at}
	}
	return lens.Span{Start: j.at(start), End: j.at(end-1) + 1}
}

// logical reads what stands in the lines of one statement.
func (p *unitParser) logical(j joined, whole lens.Span) error {
	start := len(j.text) - len(bytes.TrimLeft(j.text, unitBlank))
	body := bytes.TrimRight(j.text[start:], unitBlank)
	end := start + len(body)
	switch {
	case len(body) == 0, body[0] == '#', body[0] == ';':
		// Of several lines, which a comment is not elsewhere, or of a backslash.
		if whole.Len() > 0 && (len(j.parts) > 1 || len(body) == 0) {
			p.setting(whole)
		}
		return nil
	case p.old && (string(body) == ".include" || bytes.HasPrefix(body, []byte(".include "))):
		p.setting(whole, j.span(start, end))
		return nil
	case !utf8.Valid(body):
		return lens.ErrorAt(p.src, j.at(start), "text that is not UTF-8")
	case body[0] == '[':
		if body[len(body)-1] != ']' {
			return lens.ErrorAt(p.src, j.at(start), "a [ is not closed at the end of its line")
		}
		if !p.old && bytes.ContainsFunc(body, func(r rune) bool { return r < ' ' || r == 0x7f || strings.ContainsRune(`"'\`, r) }) {
			return lens.ErrorAt(p.src, j.at(start), "a quote, backslash or control character in a section's name")
		}
		p.header(whole.Start, j.span(start+1, max(start+1, end-1)), whole.End)
		p.known = unitSections[string(body[1:max(1, len(body)-1)])]
		return nil
	}
	equals := bytes.IndexByte(body, '=')
	switch {
	case equals < 0 && p.old && p.section != nil && p.known:
		return lens.ErrorAt(p.src, j.at(start), "a line without an equals sign")
	case p.section == nil || equals < 1:
		p.setting(whole, j.span(start, end))
		return nil
	}
	key := len(bytes.TrimRight(body[:equals], unitBlank))
	value := end - len(bytes.TrimLeft(body[equals+1:], unitBlank))
	word := j.span(value, end)
	if len(j.parts) > 1 || bytes.HasSuffix(bytes.TrimRight(p.src[whole.Start:whole.End], unitBlank), []byte(`\`)) {
		// All that the lines have is the value's, the last backslash too.
		word.End = max(word.Start, lens.Trim(p.src, whole, unitBlank).End)
	}
	p.setting(whole, j.span(start, start+key), word)
	return nil
}

// unitSections are the sections of systemd's own units.
var unitSections = map[string]bool{
	"Unit": true, "Install": true, "Service": true, "Socket": true, "Mount": true, "Automount": true, "Swap": true,
	"Path": true, "Timer": true, "Slice": true, "Scope": true,
}

// UnitValue is what a value of a unit file means: its lines joined, each run of
// blanks at the seams made one, without the comments between.
func UnitValue(written string) string {
	var parts []string
	for _, line := range unitLines([]byte(written), false) {
		text := line.Of([]byte(written))
		if len(parts) > 0 && isComment([]byte(text)) {
			continue
		}
		if (len(text)-len(strings.TrimRight(text, `\`)))%2 == 1 {
			text = text[:len(text)-1]
		}
		if text = strings.Trim(text, unitBlank); text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, " ")
}

// UnitValue239 is what a value means to the systemd of EL 8, to which comments
// in it are part of it.
func UnitValue239(written string) string {
	var parts []string
	for _, line := range unitLines([]byte(written), true) {
		text := line.Of([]byte(written))
		if (len(text)-len(strings.TrimRight(text, `\`)))%2 == 1 {
			text = text[:len(text)-1]
		}
		if text = strings.Trim(text, unitBlank); text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, " ")
}
