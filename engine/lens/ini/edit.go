package ini

import (
	"bytes"
	"strings"

	"hikae/engine/lens"
)

// Setting is one line of a section to be made.
type Setting struct {
	Key, Value string
	Bare       bool // without an equals sign
}

// Style is how a dialect's files are written where they have no example.
type Style struct {
	Assign string // what parts key and value
}

// The usual styles of the dialects.
var (
	DnfStyle   = Style{Assign: "="}
	MyCnfStyle = Style{Assign: "="}
	FPMStyle   = Style{Assign: " = "}
	UnitStyle  = Style{Assign: "="}
)

// SetValue gives a setting another value, as it is to be written. It gets an
// equals sign where it had none.
func (st Style) SetValue(f *lens.File, in, n *lens.Node, written string) {
	if len(n.Words) < 2 {
		f.Insert(n.Words[0].End, st.assign(f, in)+written)
		return
	}
	value := n.Words[1]
	if value.Len() == 0 && written != "" && value.Start > 1 && string(f.Source()[value.Start-2:value.Start]) == " =" {
		written = " " + written
	}
	f.SetWord(value, written)
}

// Add adds a setting behind the last one of a section, written as its
// neighbours are.
func (st Style) Add(f *lens.File, section *lens.Node, key, written string) {
	st.AddLine(f, section, strings.TrimRight(key+st.assign(f, section)+written, " "))
}

// AddLine adds a line behind the last setting of a section.
func (st Style) AddLine(f *lens.File, section *lens.Node, text string) {
	src := f.Source()
	at := section.Body.Start
	if n := len(section.Nodes); n > 0 {
		last := section.Nodes[n-1]
		if ownLine(src, last) {
			f.InsertAfter(last, text)
			return
		}
		at = last.Whole.End
	}
	i := bytes.IndexByte(src[at:], '\n')
	if i < 0 {
		f.Append(text)
		return
	}
	f.Insert(at+i+1, text+lens.Newline(src))
}

// ownLine tells whether a node begins its line.
func ownLine(src []byte, n *lens.Node) bool {
	start := bytes.LastIndexByte(src[:n.Whole.Start], '\n') + 1
	return len(bytes.Trim(src[start:n.Whole.Start], lens.Blank)) == 0
}

// Section is one to be made.
type Section struct {
	Name     string
	Settings []Setting
}

// AddSections adds sections at the end of the file, each parted from what is
// before by an empty line.
func (st Style) AddSections(f *lens.File, sections ...Section) {
	src := f.Source()
	nl := lens.Newline(src)
	assign := st.assign(f, nil)
	var lines []string
	if before := bytes.TrimPrefix(src, []byte(bom)); len(before) > 0 && !bytes.HasSuffix(before, []byte("\n\n")) && !bytes.HasSuffix(before, []byte("\n\r\n")) {
		lines = append(lines, "")
	}
	for i, section := range sections {
		if i > 0 {
			lines = append(lines, "")
		}
		lines = append(lines, "["+section.Name+"]")
		for _, s := range section.Settings {
			if s.Bare {
				lines = append(lines, s.Key)
				continue
			}
			lines = append(lines, strings.TrimRight(s.Key+assign+s.Value, " "))
		}
	}
	f.Append(strings.Join(lines, nl))
}

// RemoveSection takes a section out: its header, its settings and the comments
// among and behind them, and the empty lines after it.
func RemoveSection(f *lens.File, section *lens.Node) {
	src := f.Source()
	s := section.Whole
	if start := bytes.LastIndexByte(src[:s.Start], '\n') + 1; len(bytes.Trim(src[start:s.Start], lens.Blank)) == 0 {
		s.Start = start
	}
	for s.End < len(src) {
		end := len(src)
		if i := bytes.IndexByte(src[s.End:], '\n'); i >= 0 {
			end = s.End + i + 1
		}
		if len(bytes.Trim(src[s.End:end], lens.Blank)) > 0 {
			break
		}
		s.End = end
	}
	f.Delete(s)
}

// assign is how equals signs are written: by the last example in the section,
// else the first in the file.
func (st Style) assign(f *lens.File, section *lens.Node) string {
	src := f.Source()
	if section != nil {
		for i := len(section.Nodes) - 1; i >= 0; i-- {
			if a := assignOf(src, section.Nodes[i]); a != "" {
				return a
			}
		}
	}
	for n := range f.Root.All {
		if a := assignOf(src, n); a != "" {
			return a
		}
	}
	return st.Assign
}

// assignOf is what stands between a setting's key and its value, or "".
func assignOf(src []byte, n *lens.Node) string {
	if n.Block || len(n.Words) != 2 || n.Words[1].Len() == 0 {
		return ""
	}
	a := string(src[n.Words[0].End:n.Words[1].Start])
	if strings.Trim(a, " \t:=") != "" || !strings.Contains(a, "=") { // an include
		return ""
	}
	return a
}
