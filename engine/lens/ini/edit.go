package ini

import (
	"strings"

	"hikae/engine/lens"
)

// SetValue gives an entry another value of one line. Quotes around one line
// stay.
func (f *File) SetValue(e *Entry, value string) {
	first := e.Lines[0]
	if !f.unit && len(e.Lines) == 1 && Quoted(first.Of(f.Doc.Source())) {
		first = lens.Span{Start: first.Start + 1, End: first.End - 1}
	}
	f.Doc.Replace(first, value)
	// Only the lines themselves go: others, of blanks, may stand between them.
	for _, l := range e.Lines[1:] {
		f.Doc.Delete(f.lineOf(l))
	}
}

// AddEntry adds a setting behind the last one of a section, written as its
// neighbours are.
func (f *File) AddEntry(s *Section, key, value string) {
	src := f.Doc.Source()
	at := s.Header.End
	if n := len(s.Entries); n > 0 {
		at = s.Entries[n-1].Whole.End
	}
	text := key + f.assign(s) + value + lens.Newline(src)
	if at == len(src) && !strings.HasSuffix(string(src), "\n") {
		text = lens.Newline(src) + strings.TrimSuffix(text, lens.Newline(src))
	}
	f.Doc.Insert(at, text)
}

// RemoveEntry takes a setting out, with all its lines. Comments stay.
func (f *File) RemoveEntry(e *Entry) {
	if f.unit {
		f.Doc.Delete(e.Whole)
		return
	}
	first := f.lineOf(e.Lines[0])
	f.Doc.Delete(lens.Span{Start: e.Whole.Start, End: first.End})
	for _, l := range e.Lines[1:] {
		f.Doc.Delete(f.lineOf(l))
	}
}

// Setting is one line of a section to be made.
type Setting struct{ Key, Value string }

// AddSection adds a section at the end of the file, parted from what is before
// by an empty line.
func (f *File) AddSection(name string, settings []Setting) {
	src := f.Doc.Source()
	nl := lens.Newline(src)
	var b strings.Builder
	if text := strings.TrimPrefix(string(src), bom); text != "" {
		if !strings.HasSuffix(text, "\n") {
			b.WriteString(nl)
		}
		if !strings.HasSuffix(text, "\n\n") && !strings.HasSuffix(text, "\n\r\n") {
			b.WriteString(nl)
		}
	}
	b.WriteString("[" + name + "]" + nl)
	assign := f.assign(nil)
	for _, s := range settings {
		b.WriteString(s.Key + assign + s.Value + nl)
	}
	f.Doc.Insert(len(src), b.String())
}

// RemoveSection takes a section out: its header, its settings and the comments
// among and behind them, but for those right above the next section, which
// belong to that.
func (f *File) RemoveSection(s *Section) {
	src := f.Doc.Source()
	end := s.End
	for end > s.Header.End && end < len(src) {
		line := lineAt(src, end-1)
		if c := src[line.Start]; c != '#' && c != ';' {
			break
		}
		end = line.Start
	}
	if n := len(s.Entries); n > 0 {
		end = max(end, s.Entries[n-1].Whole.End)
	}
	f.Doc.Delete(lens.Span{Start: s.Header.Start, End: end})
}

// assign is how equals signs are written: in the section, else in the file.
func (f *File) assign(s *Section) string {
	if s != nil && len(s.Entries) > 0 {
		return f.assignOf(s.Entries[len(s.Entries)-1])
	}
	for _, s := range f.Sections {
		if len(s.Entries) > 0 {
			return f.assignOf(s.Entries[0])
		}
	}
	return "="
}

func (f *File) assignOf(e *Entry) string {
	a := e.Assign.Of(f.Doc.Source())
	if strings.ContainsAny(a, "\r") {
		return "="
	}
	return a
}

// lineOf is the whole line that a span is on, its line feed included.
func (f *File) lineOf(s lens.Span) lens.Span { return lineAt(f.Doc.Source(), s.Start) }

func lineAt(src []byte, at int) lens.Span {
	l := lens.Span{Start: at, End: len(src)}
	for l.Start > 0 && src[l.Start-1] != '\n' {
		l.Start--
	}
	for i := at; i < len(src); i++ {
		if src[i] == '\n' {
			l.End = i + 1
			break
		}
	}
	return l
}
