package postgresql

import (
	"bytes"
	"strings"

	"hikae/engine/lens"
)

// ParseHBA reads a pg_hba.conf: a statement a rule, an include among them. Its
// words are the fields of the rule, a list whole: "db1, db2" is one word. What
// PostgreSQL would refuse of a rule is refused.
//
// A backslash at a line's end goes on with the next line, as from PostgreSQL 14
// on; so a comment may. Such a comment is a statement without words.
func ParseHBA(src []byte) (*lens.File, error) {
	if i := bytes.IndexByte(src, 0); i >= 0 {
		return nil, lens.ErrorAt(src, i, "a NUL byte: PostgreSQL would lose the rest of the line")
	}
	var b lens.Builder
	var nodes []*lens.Node
	var words []lens.Span
	var l logical
	for at := 0; at < len(src); {
		at = l.read(src, at)
		whole := l.whole(src)
		fields := l.fields()
		if len(fields) == 0 {
			if whole.Len() > 0 && (l.joined || src[whole.Start] != '#') {
				nodes = append(nodes, b.Node(lens.Node{Whole: whole}))
			}
			continue
		}
		if err := check(src, fields); err != nil {
			return nil, err
		}
		words = words[:0]
		for _, f := range fields {
			words = append(words, f.span)
		}
		// Commas may stand behind the last field, and the comment may go on.
		last := words[len(words)-1].End
		whole.End = max(whole.End, last) // blanks in a quote that is not closed
		if rest := lens.Trim(src, lens.Span{Start: last, End: whole.End}, blanks); !l.joined && (rest.Len() == 0 || src[rest.Start] == '#') {
			whole.End = last
		}
		nodes = append(nodes, b.Node(lens.Node{Whole: whole, Words: words}))
	}
	f := lens.NewFile(src, nodes)
	f.Joined = true
	return f, nil
}

// logical is a line as PostgreSQL puts it together: text, and the pieces of the
// source that it is of.
type logical struct {
	text   []byte
	pieces []lens.Span
	end    int  // of the last line, its line feed not included
	joined bool // a backslash goes on with another line, or with none at the end
}

// read takes the line at an offset in, and those that it goes on with. It
// returns where the next one begins.
func (l *logical) read(src []byte, at int) int {
	l.text, l.pieces, l.joined = l.text[:0], l.pieces[:0], false
	for {
		end, next := len(src), len(src)
		if i := bytes.IndexByte(src[at:], '\n'); i >= 0 {
			end, next = at+i, at+i+1
		}
		l.end = end
		for end > at && src[end-1] == '\r' {
			end--
		}
		more := end > at && src[end-1] == '\\'
		if more {
			end--
			l.joined = true
		}
		l.text = append(l.text, src[at:end]...)
		l.pieces = append(l.pieces, lens.Span{Start: at, End: end})
		at = next
		if !more || at == len(src) {
			return at
		}
	}
}

// whole is all of the line, without blanks around it; but blank lines that it
// goes on with belong to it, or an edit would go on with another.
func (l *logical) whole(src []byte) lens.Span {
	all := lens.Span{Start: l.pieces[0].Start, End: l.end}
	whole := lens.Trim(src, all, blanks)
	if l.joined {
		whole.End = all.End
	}
	return whole
}

// source is where in the source bytes of the text are.
func (l *logical) source(start, end int) lens.Span {
	s := lens.Span{Start: -1}
	for _, p := range l.pieces {
		if s.Start < 0 && start < p.Len() {
			s.Start = p.Start + start
		}
		if end <= p.Len() {
			s.End = p.Start + end
			break
		}
		start -= p.Len()
		end -= p.Len()
	}
	return s
}

// field is one field of a rule.
type field struct {
	tokens []Token
	span   lens.Span
}

// Token is one item of a field.
type Token struct {
	Text   string // without the quotes
	Quoted bool   // it begins with a quote: no keyword, no file, no group
}

// fields divides the line.
func (l *logical) fields() []field {
	var fields []field
	at := 0
	for at < len(l.text) {
		f := field{}
		start, end := -1, -1
		for more := true; more; {
			var tok scanned
			tok, at = scan(l.text, at)
			more = tok.comma
			if tok.start < 0 {
				break
			}
			if start < 0 {
				start = tok.start
			}
			end = tok.end
			f.tokens = append(f.tokens, tok.Token)
		}
		if start >= 0 {
			f.span = l.source(start, end)
			fields = append(fields, f)
		}
	}
	return fields
}

type scanned struct {
	Token
	start, end int  // start is -1 where there was none
	comma      bool // one ends it
	comment    bool // one began
}

// scan reads the next token of a line, as next_token of hba.c: a quote that is
// not closed ends with the line.
func scan(s []byte, at int) (scanned, int) {
	for at < len(s) && (isBlank(s[at]) || s[at] == ',') {
		at++
	}
	tok := scanned{start: -1, end: -1}
	var text []byte
	start, inQuote, wasQuote, sawQuote := at, false, false, false
loop:
	for at < len(s) && (inQuote || !isBlank(s[at])) {
		c := s[at]
		switch {
		case c == '#' && !inQuote:
			tok.comment = true
			break loop
		case c == ',' && !inQuote:
			tok.comma = true
			break loop
		}
		if c != '"' || wasQuote {
			text = append(text, c)
		}
		wasQuote = inQuote && c == '"' && !wasQuote
		if c == '"' {
			inQuote, sawQuote = !inQuote, true
			tok.Quoted = tok.Quoted || len(text) == 0
		}
		at++
	}
	if at > start {
		tok.end = at
		if sawQuote || len(text) > 0 {
			tok.start = start
		}
	}
	tok.Text = string(text)
	switch {
	case tok.comment:
		at = len(s)
	case tok.comma:
		at++
	}
	return tok, at
}

// blanks part fields; form feeds and their like do not.
const blanks = " \t\r\n"

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }

// Tokens are the items of a field as it is written.
func Tokens(word string) []Token {
	var l logical
	if strings.HasSuffix(word, `\`) {
		word += " " // it ends no line
	}
	l.read([]byte(word), 0)
	var tokens []Token
	for _, f := range l.fields() {
		tokens = append(tokens, f.tokens...)
	}
	return tokens
}

// QuoteToken writes an item of a field. It has no line end.
func QuoteToken(t Token) string {
	plain := t.Text != "" && !strings.ContainsAny(t.Text, " \t\r,#\"") && !strings.HasSuffix(t.Text, `\`)
	switch {
	case plain && !t.Quoted:
		return t.Text
	case t.Quoted || t.Text == "" || strings.IndexByte(" \t\r,#\"", t.Text[0]) >= 0:
		return `"` + strings.ReplaceAll(t.Text, `"`, `""`) + `"`
	}
	return t.Text[:1] + `"` + strings.ReplaceAll(t.Text[1:], `"`, `""`) + `"`
}
