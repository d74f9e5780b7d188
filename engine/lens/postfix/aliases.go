package postfix

import (
	"strings"

	"hikae/engine/lens"
)

// Aliases is the grammar of aliases(5).
func Aliases() lens.Grammar {
	return lens.Grammar{
		Name:     "aliases",
		Files:    []string{"/etc/aliases"},
		Place:    func(string) string { return "/etc/aliases" },
		Parse:    ParseAliases,
		Comments: []string{"#"},
	}
}

// ParseAliases reads aliases: each logical line is a name, a colon, and where its
// mail goes, parted by commas. Quotes, and comments in parentheses, are RFC
// 822's. The words of a node are the name and what each line has behind the
// colon. Nothing is refused: a line that postalias(1) passes over has no words
// but one.
func ParseAliases(src []byte) (*lens.File, error) {
	return file(src, func(s lens.Span) ([]lens.Span, error) {
		s = cut(src, s)
		colon := parting(src, s, ':')
		name := lens.Trim(src, lens.Span{Start: s.Start, End: colon}, lens.Blank)
		if colon == s.End || name.Len() == 0 || !local(src, name) {
			return []lens.Span{s}, nil
		}
		return append([]lens.Span{name}, pieces(src, lens.Span{Start: colon + 1, End: s.End})...), nil
	})
}

// local tells whether a name is one, and has no domain: postalias(1) passes over
// others.
func local(src []byte, name lens.Span) bool {
	for _, c := range []byte(",@%") {
		if parting(src, name, c) < name.End {
			return false
		}
	}
	return true
}

// parting is the first offset in a span of a byte that stands in no quotes, no
// comment and no brackets; the span's end where there is none. What is not closed
// goes on to the end, as tok822_scan(3) of Postfix has it.
func parting(src []byte, s lens.Span, c byte) int {
	var closing byte // of what is open: quotes, a comment, brackets
	depth := 0
	for at := skip(src, s.Start, s.End); at < s.End; at = skip(src, at+1, s.End) {
		b := src[at]
		switch {
		case b == '\\':
			at = skip(src, at+1, s.End)
		case closing == ')' && b == '(':
			depth++
		case closing != 0:
			if b == closing {
				if depth--; depth <= 0 {
					closing = 0
				}
			}
		case b == c:
			return at
		case b == '"':
			closing, depth = '"', 1
		case b == '(':
			closing, depth = ')', 1
		case b == '[':
			closing, depth = ']', 1
		}
	}
	return s.End
}

// Targets are where the mail of an alias goes, each as written.
func Targets(src []byte, n *lens.Node) []lens.Span {
	if len(n.Words) < 2 {
		return nil
	}
	s := lens.Span{Start: n.Words[1].Start, End: n.Words[len(n.Words)-1].End}
	var found []lens.Span
	for s.Start < s.End {
		end := parting(src, s, ',')
		if t := lens.Trim(src, lens.Span{Start: s.Start, End: end}, lens.Blank); t.Len() > 0 {
			found = append(found, t)
		}
		s.Start = end + 1
	}
	return found
}

// AliasOK tells whether a name and targets make a line of aliases that says just
// them.
func AliasOK(name string, targets []string) bool {
	text := name + ": " + strings.Join(targets, ", ")
	if !beginsLine(name) || strings.ContainsAny(text, "\n\r\x00") || len(targets) == 0 {
		return false
	}
	src := []byte(text)
	f, err := ParseAliases(src)
	if err != nil || len(f.Root.Nodes) != 1 || f.Root.Nodes[0].Word(src, 0) != name {
		return false
	}
	found := Targets(src, f.Root.Nodes[0])
	if len(found) != len(targets) {
		return false
	}
	for i, t := range found {
		if t.Of(src) != targets[i] {
			return false
		}
	}
	return true
}
