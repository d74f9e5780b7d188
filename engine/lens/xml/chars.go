package xml

import (
	"bytes"
	stdxml "encoding/xml"
	"strconv"
	"strings"
	"unicode/utf8"

	"hikae/engine/lens"
)

// chars goes on to the first byte of stops. A reference, where & stops, is
// looked at and passed. What began at an offset is not closed where the file ends.
func (p *parser) chars(began int, stops []byte) error {
	for p.at < len(p.src) {
		switch c := p.src[p.at]; {
		case bytes.IndexByte(stops, c) >= 0:
			if c != '&' {
				return nil
			}
			if err := p.reference(); err != nil {
				return err
			}
		case c >= utf8.RuneSelf:
			if err := p.beyondASCII(); err != nil {
				return err
			}
		case c < ' ' && !isSpace(c):
			return p.fail(p.at, "a control character, byte %#02x", c)
		default:
			p.at++
		}
	}
	return p.fail(began, "it is not closed")
}

// beyondASCII passes over a character.
func (p *parser) beyondASCII() error {
	switch p.encoding {
	case ascii:
		return p.fail(p.at, "byte %#02x in a file that says it is ASCII", p.src[p.at])
	case latin1:
		p.at++
		return nil
	}
	r, n := utf8.DecodeRune(p.src[p.at:])
	if r == utf8.RuneError && n == 1 || r == 0xfffe || r == 0xffff {
		return p.fail(p.at, "byte %#02x is not UTF-8: name another encoding in <?xml …?>, or mend it", p.src[p.at])
	}
	p.at += n
	return nil
}

// until passes over characters up to a closing and over that.
func (p *parser) until(began int, closing string) error {
	for {
		if err := p.chars(began, []byte(closing[:1])); err != nil {
			return err
		}
		if p.has(closing) {
			p.at += len(closing)
			return nil
		}
		p.at++
	}
}

// reference passes over &amp; and its like.
func (p *parser) reference() error {
	end := bytes.IndexByte(p.src[p.at:min(len(p.src), p.at+1000)], ';')
	if end < 0 {
		return p.fail(p.at, "a & is written &amp;")
	}
	name := string(p.src[p.at+1 : p.at+end])
	if _, ok := entity(name); !ok {
		if strings.HasPrefix(name, "#") {
			return p.fail(p.at, "&%s; is no character", name)
		}
		start := p.at
		p.at++
		if _, err := p.name("an entity"); err != nil || p.src[p.at] != ';' {
			return p.fail(start, "a & is written &amp;")
		}
		if !p.foreign {
			return p.fail(start, "nothing says what &%s; is", name)
		}
		p.at++
		return nil
	}
	p.at += end + 1
	return nil
}

var entities = map[string]string{"lt": "<", "gt": ">", "amp": "&", "quot": `"`, "apos": "'"}

// entity gives what a reference is, without & and ;.
func entity(name string) (string, bool) {
	number, ok := strings.CutPrefix(name, "#")
	if !ok {
		text, ok := entities[name]
		return text, ok
	}
	base := 10
	if hex, ok := strings.CutPrefix(number, "x"); ok {
		number, base = hex, 16
	}
	n, err := strconv.ParseUint(number, base, 32)
	if err != nil || strings.ContainsAny(number, "_+-") || n > utf8.MaxRune || n < ' ' && (n > '\r' || !isSpace(byte(n))) || 0xd800 <= n && n < 0xe000 || n == 0xfffe || n == 0xffff {
		return "", false
	}
	return string(rune(n)), true
}

// text reads text between tags, CDATA sections included, as a node.
func (p *parser) text() error {
	start, end := p.at, p.at
	for p.at < len(p.src) {
		switch {
		case p.has("<![CDATA["):
			began := p.at
			p.at += len("<![CDATA[")
			if err := p.until(began, "]]>"); err != nil {
				return err
			}
			end = p.at
		case p.src[p.at] == '<':
			p.words = append(p.words[:0], lens.Span{Start: start, End: end})
			p.stack = append(p.stack, p.build.Node(lens.Node{Whole: p.words[0], Words: p.words}))
			return nil
		default:
			began := p.at
			if err := p.chars(began, []byte("<&]")); err != nil {
				return p.unclosed(err)
			}
			if p.has("]") {
				if p.has("]]>") {
					return p.fail(p.at, "]]> in a text is written ]]&gt;")
				}
				p.at++
			}
			if s := lens.Trim(p.src, lens.Span{Start: began, End: p.at}, " \t\r\n"); s.Len() > 0 {
				end = s.End
			}
		}
	}
	return p.unclosed(nil)
}

// unclosed is the error of text at the end of the file.
func (p *parser) unclosed(err error) error {
	if err != nil && p.at < len(p.src) {
		return err
	}
	return p.fail(len(p.src), "an element is not closed")
}

// markup passes over a comment, or reads an instruction.
func (p *parser) markup() error {
	began := p.at
	if p.has("<!--") {
		p.at += len("<!--")
		if err := p.until(began, "--"); err != nil {
			return err
		}
		if !p.has(">") {
			return p.fail(p.at-2, "-- within a comment")
		}
		p.at++
		return nil
	}
	p.at += len("<?")
	target, err := p.name("an instruction")
	if err != nil {
		return err
	}
	if strings.EqualFold(target.Of(p.src), "xml") {
		return p.fail(began, "<?xml …?> stands at the very start of a file or not at all")
	}
	if !p.has("?>") && !p.space() {
		return p.fail(p.at, "a blank follows the name of an instruction")
	}
	data := p.at
	if err := p.until(began, "?>"); err != nil {
		return err
	}
	p.words = append(p.words[:0], lens.Span{Start: began + 1, End: target.End})
	if data < p.at-2 {
		p.words = append(p.words, lens.Span{Start: data, End: p.at - 2})
	}
	p.stack = append(p.stack, p.node(began))
	return nil
}

// foreignName looks at a name with letters beyond ASCII.
func (p *parser) foreignName(s lens.Span) error {
	if p.encoding == utf8Encoding {
		name := strings.ReplaceAll(s.Of(p.src), ":", "_")
		if _, err := stdxml.NewDecoder(strings.NewReader("<" + name + "/>")).Token(); err == nil {
			return nil
		}
	}
	return p.fail(s.Start, "%q is no name", s.Of(p.src))
}
