package postfix

import (
	"strings"

	"hikae/engine/lens"
)

// Table is the grammar of lookup tables that postmap(1) compiles or that texthash:
// reads: access, canonical, generic, relocated, transport, virtual.
func Table() lens.Grammar {
	return lens.Grammar{
		Name: "postfix-table",
		Files: []string{"/etc/postfix/access", "/etc/postfix/canonical", "/etc/postfix/generic", "/etc/postfix/relocated",
			"/etc/postfix/transport", "/etc/postfix/virtual"},
		Place:    func(string) string { return "/etc/postfix/virtual" },
		Parse:    ParseTable,
		Comments: []string{"#"},
	}
}

// ParseTable reads a lookup table: each logical line is a key, a blank, and a
// value. A key may have blanks in quotes; \ takes the meaning of the next byte.
// The words of a node are the key, quotes and all, and what each line has of the
// value. Nothing is refused: a line that postmap(1) passes over has no words but
// one.
func ParseTable(src []byte) (*lens.File, error) {
	return file(src, func(s lens.Span) ([]lens.Span, error) {
		s = cut(src, s)
		end, ok := unquoted(src, s, func(c byte) bool { return blank(c) })
		if !ok {
			return []lens.Span{s}, nil
		}
		return append([]lens.Span{{Start: s.Start, End: end}}, pieces(src, lens.Span{Start: end, End: s.End})...), nil
	})
}

// unquoted is the first offset of a span at which a byte is meant that stands in
// no quotes, or the span's end. It reports false where quotes are not closed.
func unquoted(src []byte, s lens.Span, meant func(byte) bool) (int, bool) {
	quoted := false
	end := s.Start // behind the last byte that counts
	for at := skip(src, s.Start, s.End); at < s.End; at = skip(src, at+1, s.End) {
		switch c := src[at]; {
		case c == '\\':
			if at = skip(src, at+1, s.End); at >= s.End {
				return s.End, !quoted
			}
		case !quoted && meant(c):
			return at, true
		case c == '"':
			quoted = !quoted
		}
		end = at + 1
	}
	return end, !quoted
}

// Entry is what a node of a table says. It reports false where Postfix passes
// over it. src is valid UTF-8 in the node, or Postfix passes over it too.
func Entry(src []byte, n *lens.Node) (key, value string, ok bool) {
	if len(n.Words) < 2 {
		return "", "", false
	}
	rest := lens.Span{Start: n.Words[0].End, End: n.Words[len(n.Words)-1].End}
	return Text(src, n.Words[0]), strings.Trim(Text(src, rest), lens.Blank), true
}

// SetEntry gives a node of a table, or of aliases, another value, of one line.
func SetEntry(f *lens.File, n *lens.Node, value string) { setPieces(f, n, value) }

// KeyOK tells whether a text is the key of a line that begins with it.
func KeyOK(key string) bool {
	return beginsLine(key) && !strings.ContainsAny(key, "\n\r\x00") && isKey(key)
}

func isKey(key string) bool {
	f, err := ParseTable([]byte(key + " x"))
	return err == nil && len(f.Root.Nodes) == 1 && len(f.Root.Nodes[0].Words) == 2 && f.Root.Nodes[0].Word(f.Source(), 0) == key
}

func beginsLine(key string) bool { return key != "" && key[0] != '#' && !blank(key[0]) }
