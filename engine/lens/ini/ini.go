// Package ini is the grammar of dnf's configuration files, as libdnf's
// IniParser (libdnf/utils/iniparser/iniparser.cpp) reads them:
//
//   - a line that begins with # or ; is a comment;
//   - [NAME], indented or not, begins a section;
//   - KEY=VALUE begins an entry; blanks around either count for nothing;
//   - an indented line goes on with the value of the entry before it, as long
//     as no comment and no empty line parts them; a line of blanks alone does
//     not;
//   - quotes around a whole value, both " or both ', are no part of it.
//
// A section or key may come several times: what each means then is for the
// reader of the file to say, not for the grammar. Lines may end with CR LF, and
// the file may begin with a byte order mark.
package ini

import (
	"bytes"
	"slices"
	"strings"

	"hikae/engine/lens"
)

// File is a file that was read.
type File struct {
	Doc      *lens.Document
	Sections []*Section // in the order of the file
	unit     bool       // ParseUnit read it
}

// Section is one [NAME] and what follows, up to the next.
type Section struct {
	Name    string
	Header  lens.Span // of its line, the line's end included
	Entries []*Entry  // in the order of the file
	End     int       // offset of the next section or of the file's end
}

// Entry is one setting.
type Entry struct {
	Key string
	// Lines are the parts of the value, one for each line that has one,
	// without the blanks around it. The first is empty where nothing stands
	// behind the equals sign.
	Lines  []lens.Span
	Whole  lens.Span // from its key to the end of its last line, the line's end included
	Assign lens.Span // between key and value: the equals sign and the blanks around it
}

// Value is what the entry sets: its lines joined by line feeds, without quotes
// around it.
func (e *Entry) Value(src []byte) string {
	v := e.written(src)
	if Quoted(v) {
		return v[1 : len(v)-1]
	}
	return v
}

func (e *Entry) written(src []byte) string {
	parts := make([]string, len(e.Lines))
	for i, l := range e.Lines {
		parts[i] = l.Of(src)
	}
	return strings.Join(parts, "\n")
}

// Quoted tells whether a value as written stands in quotes, which are then no
// part of it.
func Quoted(written string) bool {
	n := len(written)
	return n > 1 && written[0] == written[n-1] && (written[0] == '"' || written[0] == '\'')
}

const (
	blanks = " \t\r"
	bom    = "\xef\xbb\xbf"
)

// Parse reads a file. It keeps src, which must not change. The error is a
// *lens.SyntaxError.
func Parse(src []byte) (*File, error) {
	p := parser{src: src, file: &File{Doc: lens.NewDocument(src)}}
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
	if p.section != nil {
		p.section.End = len(src)
	}
	return p.file, nil
}

type parser struct {
	src     []byte
	file    *File
	section *Section // the one that lines belong to now; nil before the first
	entry   *Entry   // the one that an indented line goes on with; nil for none
}

// line reads the line from at up to end, its line feed included.
func (p *parser) line(at, end int) error {
	text := strings.TrimSuffix(string(p.src[at:end]), "\n")
	if text == "" || text[0] == '#' || text[0] == ';' {
		p.entry = nil
		return nil
	}
	body := strings.Trim(text, blanks)
	if body == "" {
		return nil
	}
	start := at + strings.Index(text, body) // of what is no blank
	span := lens.Span{Start: start, End: start + len(body)}
	switch {
	case body[0] == '[':
		return p.header(lens.Span{Start: at, End: end}, span)
	case p.section == nil:
		return lens.ErrorAt(p.src, start, "a setting before the first [section]")
	case start > at && p.entry == nil:
		return lens.ErrorAt(p.src, start, "an indented line that goes on with nothing: a setting begins at the first column")
	case start > at:
		p.entry.Lines = append(p.entry.Lines, span)
		p.entry.Whole.End = end
		return nil
	}
	return p.setting(span, end)
}

func (p *parser) header(line, span lens.Span) error {
	body := span.Of(p.src)
	closed := strings.IndexByte(body, ']')
	switch {
	case closed < 0:
		return lens.ErrorAt(p.src, span.Start, "a [ is not closed")
	case closed == 1:
		return lens.ErrorAt(p.src, span.Start, "a section without a name")
	}
	// libdnf does not look at the very last character.
	for i := closed + 1; i < len(body)-1; i++ {
		if body[i] == '#' || body[i] == ';' {
			break
		}
		if !strings.ContainsRune(blanks, rune(body[i])) {
			return lens.ErrorAt(p.src, span.Start+i, "text after a section's ]")
		}
	}
	if p.section != nil {
		p.section.End = line.Start
	}
	p.section = &Section{Name: body[1:closed], Header: line}
	p.entry = nil
	p.file.Sections = append(p.file.Sections, p.section)
	return nil
}

func (p *parser) setting(span lens.Span, end int) error {
	body := span.Of(p.src)
	equals := strings.IndexByte(body, '=')
	switch {
	case equals < 0:
		return lens.ErrorAt(p.src, span.Start, "a line without an equals sign")
	case equals == 0:
		return lens.ErrorAt(p.src, span.Start, "an equals sign without a key")
	}
	key := strings.TrimRight(body[:equals], " \t")
	value := span.End - len(strings.TrimLeft(body[equals+1:], blanks))
	p.entry = &Entry{
		Key:    key,
		Lines:  []lens.Span{{Start: value, End: span.End}},
		Whole:  lens.Span{Start: span.Start, End: end},
		Assign: lens.Span{Start: span.Start + len(key), End: value},
	}
	p.section.Entries = append(p.section.Entries, p.entry)
	return nil
}

// Named returns the sections of a name.
func (f *File) Named(name string) []*Section {
	var found []*Section
	for _, s := range f.Sections {
		if s.Name == name {
			found = append(found, s)
		}
	}
	return found
}

// Names returns the names of the sections, each once, in the order of the file.
func (f *File) Names() []string {
	var names []string
	seen := map[string]bool{}
	for _, s := range f.Sections {
		if !seen[s.Name] {
			seen[s.Name] = true
			names = append(names, s.Name)
		}
	}
	return names
}

// Last returns the last entry of a key in sections: where a key comes several
// times, dnf takes that one. It is nil where there is none.
func Last(sections []*Section, key string) *Entry {
	for _, s := range slices.Backward(sections) {
		for _, e := range slices.Backward(s.Entries) {
			if e.Key == key {
				return e
			}
		}
	}
	return nil
}
