package ini

import (
	"slices"
	"strings"

	"hikae/engine/lens"
)

// ParseUnit reads a unit file of systemd, by the other dialect of these files
// (systemd.syntax(7)): a value whose line ends in a backslash goes on with the
// next line, comments in between count for nothing, and quotes are part of it.
// What systemd passes over (text before the first section, lines without an
// equals sign) is no entry. The bytes of a value of several lines are one span.
func ParseUnit(src []byte) (*File, error) {
	f := &File{Doc: lens.NewDocument(src), unit: true}
	p := parser{src: src, file: f}
	lines := lens.Lines(src)
	for i := 0; i < len(lines); i++ {
		body := lens.Trim(src, lines[i], lens.Blank)
		text := body.Of(src)
		if text == "" || text[0] == '#' || text[0] == ';' {
			continue
		}
		if text[0] == '[' {
			if err := p.header(lines[i], body); err != nil {
				return nil, err
			}
			continue
		}
		first, last := lines[i], i
		for continues(src, lines[last]) && last+1 < len(lines) {
			last++
			for comment(src, lines[last]) && last+1 < len(lines) {
				last++
			}
		}
		i = last
		if p.section == nil || strings.IndexByte(text, '=') < 1 {
			continue
		}
		end := lens.Trim(src, lens.Span{Start: body.Start, End: lines[last].End}, lens.Blank).End
		if err := p.setting(lens.Span{Start: body.Start, End: end}, lines[last].End); err != nil {
			return nil, err
		}
		p.entry.Whole.Start = first.Start
	}
	if p.section != nil {
		p.section.End = len(src)
	}
	return f, nil
}

// continues tells whether a line ends in a backslash that no other escapes.
func continues(src []byte, line lens.Span) bool {
	text := strings.TrimRight(line.Of(src), "\r\n")
	return (len(text)-len(strings.TrimRight(text, `\`)))%2 == 1
}

func comment(src []byte, line lens.Span) bool {
	text := lens.Trim(src, line, lens.Blank).Of(src)
	return text != "" && (text[0] == '#' || text[0] == ';')
}

// UnitValue is what an entry of a unit file sets: its lines joined by blanks.
func (e *Entry) UnitValue(src []byte) string {
	written := e.Lines[0].Of(src)
	if !strings.Contains(written, "\n") {
		return written
	}
	var parts []string
	for _, line := range lens.Lines([]byte(written)) {
		text := strings.TrimSpace(line.Of([]byte(written)))
		if text == "" || len(parts) > 0 && (text[0] == '#' || text[0] == ';') {
			continue
		}
		parts = append(parts, strings.TrimSpace(strings.TrimSuffix(text, `\`)))
	}
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), " ")
}
