package dovecot

import "hikae/engine/lens"

type kind int

const (
	statement kind = iota
	opening
	closing
	fault
)

// scanner tells what a line says from its text, which has something and no
// blanks around it.
type scanner struct {
	text  []byte
	at    int // of a fault too
	why   string
	words []lens.Span // ranges of the text
}

// scan reads a text. 2.4's are the lines that begin with a quote and with group.
func (s *scanner) scan(text []byte) kind {
	*s = scanner{text: text, words: s.words[:0]}
	key := s.key()
	s.words = append(s.words, key)
	s.blanks()
	name := text[key.Start:key.End]
	switch {
	case string(name) == "!include" || string(name) == "!include_try":
	case s.is('='):
		s.at++
		s.blanks()
	case string(name) == "}" && s.end():
		return closing
	default:
		return s.block(string(name) == "group")
	}
	s.words = append(s.words, lens.Span{Start: s.at, End: len(text)})
	return statement
}

// key reads the first word. In quotes it may hold what it likes.
func (s *scanner) key() lens.Span {
	if s.is('"') {
		for i := 1; i < len(s.text); i++ {
			if s.text[i] == '\\' {
				i++
			} else if s.text[i] == '"' {
				if s.at = i + 1; s.end() || s.is('=') || isBlank(s.text[s.at]) {
					return lens.Span{Start: 0, End: s.at}
				}
				break
			}
		}
		s.at = 0
	}
	for !s.end() && !s.is('=') && !isBlank(s.text[s.at]) {
		s.at++
	}
	return lens.Span{Start: 0, End: s.at}
}

// block reads what follows the type of a block.
func (s *scanner) block(group bool) kind {
	if !s.is('{') {
		if !s.name() {
			return s.fault("a name without its closing quote")
		}
		if group && !s.is('{') && !s.end() {
			s.name()
		}
	}
	if !s.is('{') {
		return s.fault("neither a = nor a {")
	}
	if s.at++; !s.end() {
		return s.fault("text behind a {: a block has its lines for itself")
	}
	return opening
}

// name reads the name of a block, and the blanks behind it.
func (s *scanner) name() bool {
	start := s.at
	if s.is('"') {
		for s.at++; !s.end() && !s.is('"'); {
			s.at++
		}
		if s.end() {
			return false
		}
		s.at++
	} else {
		for !s.end() && !isBlank(s.text[s.at]) {
			s.at++
		}
	}
	s.words = append(s.words, lens.Span{Start: start, End: s.at})
	s.blanks()
	return true
}

func (s *scanner) fault(why string) kind {
	s.why = why
	return fault
}

func (s *scanner) end() bool { return s.at == len(s.text) }

func (s *scanner) is(c byte) bool { return s.at < len(s.text) && s.text[s.at] == c }

func (s *scanner) blanks() {
	for !s.end() && isBlank(s.text[s.at]) {
		s.at++
	}
}
