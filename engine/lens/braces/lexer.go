package braces

import (
	"bytes"
	"strings"

	"hikae/engine/lens"
)

type kind int

const (
	word kind = iota
	opening
	closing
	semicolon
	end
)

type token struct {
	lens.Span
	kind kind
}

type lexer struct {
	src []byte
	d   *Dialect
	at  int
}

// peek returns the next token without taking it.
func (l *lexer) peek() (token, error) {
	at := l.at
	t, err := l.next()
	l.at = at
	return t, err
}

// next takes the next token.
func (l *lexer) next() (token, error) {
	if err := l.skip(); err != nil {
		return token{}, err
	}
	start := l.at
	if start == len(l.src) {
		return token{lens.Span{Start: start, End: start}, end}, nil
	}
	t := token{kind: word}
	switch c := l.src[start]; {
	case c == '{':
		t.kind = opening
		l.at++
	case c == '}':
		t.kind = closing
		l.at++
	case c == ';':
		t.kind = semicolon
		l.at++
	case c == '"':
		stop, fault := l.d.str(l.src, start)
		if fault != "" {
			return token{}, lens.ErrorAt(l.src, start, "%s", fault)
		}
		l.at = stop
	case strings.IndexByte(l.d.marks, c) >= 0:
		l.at++
	case strings.IndexByte(l.d.pairs, c) >= 0:
		for l.at++; l.at < len(l.src) && strings.IndexByte(l.d.pairs, l.src[l.at]) >= 0; {
			l.at++
		}
	default:
		may := l.d.ends()
		for l.at++; l.at < len(l.src) && (!may[l.src[l.at]] || !l.ends()); {
			l.at++
		}
	}
	t.Span = lens.Span{Start: start, End: l.at}
	return t, nil
}

// ends tells whether a bare word ends here.
func (l *lexer) ends() bool {
	switch c := l.src[l.at]; c {
	case '{', '}', ';', '"':
		return true
	default:
		return strings.IndexByte(l.d.blanks, c) >= 0 || strings.IndexByte(l.d.marks, c) >= 0 ||
			strings.IndexByte(l.d.pairs, c) >= 0 || l.comment() != ""
	}
}

// comment is what begins a comment here, if anything does. named and dhcpd take
// one in the middle of a word too.
func (l *lexer) comment() string {
	if c := l.src[l.at]; c != '#' && c != '/' {
		return ""
	}
	for _, c := range l.d.comments {
		if bytes.HasPrefix(l.src[l.at:], []byte(c)) {
			return c
		}
	}
	return ""
}

// skip goes over blanks and comments.
func (l *lexer) skip() error {
	for l.at < len(l.src) {
		if strings.IndexByte(l.d.blanks, l.src[l.at]) >= 0 {
			l.at++
			continue
		}
		switch l.comment() {
		case "":
			return nil
		case "/*":
			n := bytes.Index(l.src[l.at+2:], []byte("*/"))
			if n < 0 {
				return lens.ErrorAt(l.src, l.at, "a comment that nothing ends")
			}
			l.at += 2 + n + 2
		default:
			n := bytes.IndexByte(l.src[l.at:], '\n')
			if n < 0 {
				n = len(l.src) - l.at
			}
			l.at += n
		}
	}
	return nil
}
