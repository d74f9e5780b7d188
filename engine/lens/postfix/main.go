package postfix

import (
	"bytes"
	"strings"

	"hikae/engine/lens"
)

// Main is the grammar of main.cf.
func Main() lens.Grammar {
	return lens.Grammar{
		Name:     "postfix-main",
		Files:    []string{"/etc/postfix/main.cf"},
		Place:    func(string) string { return "/etc/postfix/main.cf" },
		Parse:    ParseMain,
		Comments: []string{"#"},
	}
}

// ParseMain reads main.cf, postconf(5): each logical line is NAME = VALUE, as
// split_nameval(3) of Postfix takes it apart. The words of a node are the name
// and what each line has of the value, without the blanks around it. A line that
// Postfix passes over has no words. Of two that set one parameter the last
// counts.
func ParseMain(src []byte) (*lens.File, error) {
	return file(src, func(s lens.Span) ([]lens.Span, error) {
		name, value, err := nameValue(src, s)
		if err != nil {
			return nil, err
		}
		return append([]lens.Span{name}, pieces(src, value)...), nil
	})
}

// nameValue takes NAME = VALUE apart. The value still has blanks around it.
func nameValue(src []byte, s lens.Span) (name, value lens.Span, err error) {
	s = cut(src, s)
	name = lens.Span{Start: s.Start, End: s.Start}
	for name.End < s.End && src[name.End] != '=' && !blank(src[name.End]) {
		name.End++
	}
	if name.Len() == 0 {
		return name, value, lens.ErrorAt(src, s.Start, "a parameter's name is missing before the equals sign")
	}
	at := skip(src, name.End, s.End)
	for at < s.End && blank(src[at]) {
		at = skip(src, at+1, s.End)
	}
	if at >= s.End || src[at] != '=' {
		return name, value, lens.ErrorAt(src, min(at, s.End), "an equals sign is missing behind the parameter's name %.60q", name.Of(src))
	}
	return name, lens.Span{Start: at + 1, End: s.End}, nil
}

// Value is what a node of main.cf sets, as Postfix has it: its lines one behind
// the other, with the blanks that lines begin and end with in the middle.
func Value(src []byte, n *lens.Node) string {
	return strings.Trim(Text(src, ValueSpan(src, n)), lens.Blank)
}

// ValueSpan is all behind a node's equals sign, blanks included.
func ValueSpan(src []byte, n *lens.Node) lens.Span {
	_, value, err := nameValue(src, n.Whole)
	if err != nil {
		return lens.Span{Start: n.Whole.End, End: n.Whole.End}
	}
	return value
}

// SetValue gives a node of main.cf another value, of one line. Comments among
// its lines stay.
func SetValue(f *lens.File, n *lens.Node, value string) {
	if len(n.Words) > 1 {
		setPieces(f, n, value)
		return
	}
	at := ValueSpan(f.Source(), n).Start
	if hides(f.Source(), n) {
		f.Replace(lens.Span{Start: at, End: n.Whole.End}, " "+value)
		return
	}
	if at < len(f.Source()) && f.Source()[at] == ' ' {
		f.Insert(at+1, value)
		return
	}
	f.Insert(at, " "+value)
}

// hides tells whether there is a null byte in a node.
func hides(src []byte, n *lens.Node) bool {
	return bytes.IndexByte(src[n.Whole.Start:n.Whole.End], 0) >= 0
}

// setPieces puts a value of one line in the place of one of several, and of what
// a null byte hides behind them.
func setPieces(f *lens.File, n *lens.Node, value string) {
	if hides(f.Source(), n) {
		f.Replace(lens.Span{Start: n.Words[1].Start, End: n.Whole.End}, value)
		return
	}
	f.Replace(n.Words[1], value)
	for _, p := range n.Words[2:] {
		f.Delete(line(f.Source(), p))
	}
}

// line is all of the line that a span is on, its line feed included.
func line(src []byte, s lens.Span) lens.Span {
	start := bytes.LastIndexByte(src[:s.Start], '\n') + 1
	return lens.Span{Start: start, End: min(lineEnd(src, s.End)+1, len(src))}
}
