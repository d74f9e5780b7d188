package ini

import (
	"bytes"
	"strings"

	"hikae/engine/lens"
)

// ParseFPM reads php-fpm's configuration as sapi/fpm/fpm/fpm_conf.c does: each
// line by itself through the scanner of php.ini (Zend/zend_ini_scanner.l):
//
//   - ; begins a comment, behind a value too; a # does not;
//   - [NAME] begins a section: [global] or a pool;
//   - KEY = VALUE is a setting, KEY[SUB] = VALUE one of a map, of which the key
//     as written is the one word;
//   - a value is words, "text" with \" \\ and ${NAME}, 'text' as it is, and
//     | & ^ ~ ! ( ) between them; yes, no and kin stand alone.
//
// A key without a value is a statement of one word: php.ini has such, php-fpm
// refuses it.
func ParseFPM(src []byte) (*lens.File, error) {
	p := fpmParser{builder{src: src}}
	for _, l := range lens.Lines(src) {
		if err := p.line(l); err != nil {
			return nil, err
		}
	}
	return p.file(), nil
}

type fpmParser struct{ builder }

// fpmStop are the bytes that no key has.
const fpmStop = "=\n\r\t;&|^$~(){}!\"["

func (p *fpmParser) line(line lens.Span) error {
	text := bytes.TrimSuffix(p.src[line.Start:line.End], []byte("\n"))
	rest := line.Start + len(text)
	if i := bytes.IndexByte(text, 0); i >= 0 { // what follows is never seen
		text = text[:i]
	}
	at := 0
	if bytes.HasPrefix(text, []byte(bom)) {
		at = len(bom)
		if line.Start > 0 {
			p.setting(lens.Span{Start: line.Start, End: line.Start + at})
		}
	}
	s := fpmScanner{src: p.src, base: line.Start, text: text, at: at}
	for !s.done() {
		if err := p.statement(&s); err != nil {
			return err
		}
	}
	if hidden := lens.Trim(p.src, lens.Span{Start: line.Start + len(text), End: rest}, lens.Blank+"\x00"); hidden.Len() > 0 && !s.comment {
		p.setting(hidden)
	}
	return nil
}

// statement reads one: mostly all that a line has.
func (p *fpmParser) statement(s *fpmScanner) error {
	start := s.at
	if s.text[start] == '[' {
		if s.spaced {
			return s.errorAt(start, "a [ behind spaces: a section begins at the first column")
		}
		return p.begin(s)
	}
	end := start
	for end < len(s.text) && strings.IndexByte(fpmStop, s.text[end]) < 0 {
		end++
	}
	key := bytes.Trim(s.text[start:end], " ")
	start += len(s.text[start:end]) - len(bytes.TrimLeft(s.text[start:end], " "))
	offset := end < len(s.text) && s.text[end] == '['
	switch {
	case len(key) == 0:
		return s.errorAt(start, "a %q where a setting begins", s.text[start])
	case fpmWord(key) != "" && !s.spaced && !offset: // with spaces before it, it is one
		return s.errorAt(start, "%q is no name of a setting", key)
	}
	word := lens.Span{Start: s.base + start, End: s.base + start + len(key)}
	s.at = end
	if offset {
		s.at++
		if err := s.bracket(); err != nil {
			return err
		}
		word.End = s.base + s.at
	}
	s.blanks()
	if s.at == len(s.text) || s.text[s.at] != '=' {
		if offset {
			return s.errorAt(min(s.at, len(s.text)), "no = behind a ]")
		}
		p.setting(word, word)
		return nil
	}
	s.at++
	s.blanks()
	from := s.at
	if err := s.value(); err != nil {
		return err
	}
	value := lens.Trim(s.src, lens.Span{Start: s.base + from, End: s.base + s.at}, " \t")
	p.setting(lens.Span{Start: word.Start, End: value.End}, word, value)
	return nil
}

func (p *fpmParser) begin(s *fpmScanner) error {
	start := s.at
	s.at++
	if err := s.bracket(); err != nil {
		return err
	}
	p.header(s.base+start, lens.Span{Start: s.base + start + 1, End: s.base + s.at - 1}, s.base+s.at)
	return nil
}

// fpmScanner goes through one line.
type fpmScanner struct {
	src     []byte
	base    int    // offset of the line
	text    []byte // the line, without its line feed
	at      int
	comment bool // it ended with one
	spaced  bool // spaces, and no tabs, are before what stands here: part of a key
}

func (s *fpmScanner) errorAt(at int, format string, args ...any) error {
	return lens.ErrorAt(s.src, s.base+at, format, args...)
}

func (s *fpmScanner) blanks() {
	for s.at < len(s.text) && (s.text[s.at] == ' ' || s.text[s.at] == '\t') {
		s.at++
	}
}

// done skips what is between statements and tells whether the line ends.
func (s *fpmScanner) done() bool {
	for s.at < len(s.text) {
		from := s.at
		s.blanks()
		switch {
		case s.at == len(s.text):
		case s.text[s.at] == '\r':
			s.at++
		case s.text[s.at] == ';':
			i := bytes.IndexByte(s.text[s.at:], '\r')
			if i < 0 {
				s.at, s.comment = len(s.text), true
				return true
			}
			s.at += i
		default:
			s.spaced = s.at > from && bytes.IndexByte(s.text[from:s.at], '\t') < 0
			return false
		}
	}
	return true
}

// bracket goes past the ] that ends a section's name or a key's.
func (s *fpmScanner) bracket() error {
	open := s.at - 1
	for s.at < len(s.text) {
		c := s.text[s.at]
		var err error
		switch {
		case c == ']':
			s.at++
			return nil
		case c == '\'':
			if i := bytes.IndexByte(s.text[s.at+1:], '\''); i > 0 {
				s.at += i + 2
			} else {
				return s.errorAt(s.at, "a ' is not closed")
			}
		case c == '"':
			err = s.quotes()
		case s.has("${"):
			err = s.variable()
		case c == ';', c == '\r':
			return s.errorAt(open, "a [ is not closed")
		case c == '\\' && s.at+1 < len(s.text):
			s.at += 2
		case c == '\\':
			return s.errorAt(open, "a [ is not closed")
		case c == '$' && s.at+1 < len(s.text):
			s.dollar()
		default:
			s.at++
		}
		if err != nil {
			return err
		}
	}
	return s.errorAt(open, "a [ is not closed")
}

// dollar goes past a $ that begins no variable, and what follows it.
func (s *fpmScanner) dollar() {
	s.at++
	if s.text[s.at] == '\\' && s.at+1 < len(s.text) {
		s.at++
	}
	s.at++
}

func (s *fpmScanner) has(prefix string) bool { return bytes.HasPrefix(s.text[s.at:], []byte(prefix)) }

// quotes goes past "text".
func (s *fpmScanner) quotes() error {
	open := s.at
	for s.at++; s.at < len(s.text); {
		switch c := s.text[s.at]; {
		case c == '\\' && s.at+2 < len(s.text) && s.text[s.at+1] == '"' && s.text[s.at+2] != '\r':
			s.at += 2
		case c == '\\' && s.at+1 < len(s.text) && s.text[s.at+1] != '"':
			s.at += 2
		case c == '"':
			s.at++
			s.blanks()
			return nil
		case s.has("${"):
			if err := s.variable(); err != nil {
				return err
			}
		default:
			s.at++
		}
	}
	return s.errorAt(open, "a \" is not closed on its line")
}

// variable goes past ${NAME}.
func (s *fpmScanner) variable() error {
	open := s.at
	s.at += 2
	end := s.at
	for end < len(s.text) && strings.IndexByte(fpmStop, s.text[end]) < 0 {
		end++
	}
	if end == s.at || end == len(s.text) || s.text[end] != '}' {
		return s.errorAt(open, "a ${ that no name and } follow")
	}
	s.at = end + 1
	return nil
}

// value goes past one, up to what ends it.
func (s *fpmScanner) value() error {
	from := s.at
	if s.ended() || s.cut() {
		return nil
	}
	if n := fpmAlone(s.text[s.at:]); n > 0 {
		s.at += n
		s.blanks()
	} else if err := s.expression(0); err != nil {
		return err
	}
	switch {
	case s.ended(), s.cut():
		return nil
	case s.text[s.at] == '\'' && bytes.IndexByte(s.text[s.at+1:], '\'') < 0: // all that follows is never seen
		s.at = len(s.text)
		return nil
	case s.at > from && fpmAlone(s.text[from:]) > 0:
		return s.errorAt(from, "a word for yes, no or nothing stands alone, or in quotes")
	}
	return s.errorAt(s.at, "a %q in a value: it needs quotes", s.text[s.at])
}

// ended tells whether a value ends here.
func (s *fpmScanner) ended() bool {
	return s.at == len(s.text) || s.text[s.at] == '\r' || s.text[s.at] == ';'
}

// cut goes past the first of two apostrophes that have nothing between them: it
// ends a value, and the other begins a key.
func (s *fpmScanner) cut() bool {
	if !s.has("''") {
		return false
	}
	s.at++
	return true
}

// maxNested bounds parentheses, beyond what bison's stack takes.
const maxNested = 1000

// expression goes past words with operators between them.
func (s *fpmScanner) expression(depth int) error {
	if depth > maxNested {
		return s.errorAt(s.at, "too many parentheses")
	}
	for {
		for s.at < len(s.text) && (s.text[s.at] == '~' || s.text[s.at] == '!') {
			s.at++
			s.blanks()
		}
		if s.at < len(s.text) && s.text[s.at] == '(' {
			open := s.at
			s.at++
			s.blanks()
			if err := s.expression(depth + 1); err != nil {
				return err
			}
			if s.at == len(s.text) || s.text[s.at] != ')' {
				return s.errorAt(open, "a ( is not closed, or its value needs quotes")
			}
			s.at++
			s.blanks()
		} else if err := s.strings(); err != nil {
			return err
		}
		if s.at == len(s.text) || strings.IndexByte("|&^", s.text[s.at]) < 0 {
			return nil
		}
		s.at++
		s.blanks()
	}
}

// strings goes past one or more pieces of text.
func (s *fpmScanner) strings() error {
	from := s.at
	for s.at < len(s.text) {
		c := s.text[s.at]
		switch {
		case c == '"':
			if err := s.quotes(); err != nil {
				return err
			}
		case c == '\'':
			i := bytes.IndexByte(s.text[s.at+1:], '\'')
			switch {
			case i < 1 && s.at == from:
				return s.errorAt(s.at, "a ' is not closed on its line, or holds nothing")
			case i < 1:
				return nil
			}
			s.at += i + 2
		case s.has("${"):
			if err := s.variable(); err != nil {
				return err
			}
		case c == ' ', c == '\t':
			n := len(s.text[s.at:]) - len(bytes.TrimLeft(s.text[s.at:], " \t"))
			if s.at+n == len(s.text) || strings.IndexByte(";\r", s.text[s.at+n]) >= 0 {
				s.at += n
				return nil
			}
			s.at += n
		case strings.IndexByte("=\n\r;&|^~()!\x00", c) >= 0:
			if s.at == from {
				return s.errorAt(s.at, "a %q in a value: it needs quotes", c)
			}
			return nil
		default:
			n := s.word()
			if fpmWord(s.text[s.at:s.at+n]) != "" {
				return s.errorAt(s.at, "%s within a value: it stands alone, or in quotes", s.text[s.at:s.at+n])
			}
			s.at += n
		}
	}
	if s.at == from {
		return s.errorAt(s.at, "a value is missing")
	}
	return nil
}

// word is how long the run of characters is that stands here.
func (s *fpmScanner) word() int {
	n := s.at
	for n < len(s.text) && strings.IndexByte(" \t\n\r;&|^~()!\"'=\x00", s.text[n]) < 0 {
		if s.text[n] == '$' {
			if n+1 == len(s.text) {
				return n + 1 - s.at
			}
			if s.text[n+1] == '{' {
				break
			}
			if n++; s.text[n] == '\\' && n+1 < len(s.text) {
				n++
			}
		}
		n++
	}
	return max(1, n-s.at)
}

// fpmWord is what a word for yes, no or nothing means, "" for other text.
func fpmWord(text []byte) string {
	switch strings.ToLower(string(text)) {
	case "true", "on", "yes":
		return "1"
	case "false", "off", "no", "none", "null":
		return "0"
	}
	return ""
}

// fpmAlone is how long the word for yes, no or nothing is that text begins
// with, 0 where it begins with none.
func fpmAlone(text []byte) int {
	n := 0
	for n < len(text) && strings.IndexByte(" \t\r;'", text[n]) < 0 {
		n++
	}
	if fpmWord(text[:n]) == "" {
		return 0
	}
	return n
}
