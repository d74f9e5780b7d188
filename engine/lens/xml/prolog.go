package xml

import (
	"bytes"
	"strings"

	"hikae/engine/lens"
)

type encoding int

const (
	utf8Encoding encoding = iota
	ascii
	latin1
)

var codings = map[string]encoding{"utf-8": utf8Encoding, "us-ascii": ascii, "iso-8859-1": latin1}

var bom = []byte("\xef\xbb\xbf")

// declaration reads <?xml version="1.0" encoding="utf-8" standalone="no"?>, if
// the file begins with it.
func (p *parser) declaration() error {
	if bytes.HasPrefix(p.src, bom) {
		p.at = len(bom)
	}
	for _, mark := range []string{"\xfe\xff", "\xff\xfe", "\x00<", "<\x00"} {
		if p.has(mark) {
			return p.fail(p.at, "the file is UTF-16, of which hikae changes nothing: write it as UTF-8")
		}
	}
	began := p.at
	if !p.has("<?xml") || len(p.src) == p.at+5 || !isSpace(p.src[p.at+5]) {
		return nil
	}
	p.at += len("<?xml")
	p.words = append(p.words[:0], lens.Span{Start: began + 1, End: p.at})
	found := map[string]string{}
	for {
		blank := p.space()
		if p.has("?>") {
			break
		}
		if !blank || p.at == len(p.src) {
			return p.fail(p.at, "<?xml …?> is not closed")
		}
		name, value, err := p.pseudo()
		if err != nil {
			return err
		}
		found[name] = value
		if !declared(name, value, len(p.words)-1, found) {
			return p.fail(p.words[len(p.words)-1].Start, "<?xml …?> says its version, then perhaps an encoding, then perhaps whether it is standalone")
		}
	}
	p.at += len("?>")
	if _, ok := found["version"]; !ok {
		return p.fail(began, "<?xml …?> does not say its version")
	}
	p.stack = append(p.stack, p.node(began))
	return p.setEncoding(began, found["encoding"])
}

// declared tells whether an attribute of <?xml may stand where it does, as the
// nth of those found.
func declared(name, value string, nth int, found map[string]string) bool {
	_, encoded := found["encoding"]
	switch name {
	case "version":
		return nth == 1
	case "encoding":
		return nth == 2 && value != "" && isName(value[0], true) && value[0] < 0x80 && value[0] != '_' && value[0] != ':'
	case "standalone":
		return (nth == 3 || nth == 2 && !encoded) && (value == "yes" || value == "no")
	}
	return false
}

// pseudo reads one attribute of <?xml.
func (p *parser) pseudo() (name, value string, err error) {
	span, err := p.name("an attribute")
	if err != nil {
		return "", "", err
	}
	if err := p.value(span); err != nil {
		return "", "", err
	}
	text := p.words[len(p.words)-1].Of(p.src)
	value = text[strings.IndexAny(text, `"'`)+1 : len(text)-1]
	for i := range len(value) {
		if c := value[i]; c >= 0x80 || !isName(c, false) || c == ':' {
			return "", "", p.fail(p.words[len(p.words)-1].Start, "not in <?xml …?>: %q", value)
		}
	}
	return span.Of(p.src), value, nil
}

// setEncoding takes the encoding that the file says it has.
func (p *parser) setEncoding(at int, name string) error {
	coding, known := codings[strings.ToLower(name)]
	if name != "" && !known {
		return p.fail(at, "the file says that it is in %s, of which hikae changes nothing: write it as UTF-8", name)
	}
	p.encoding = coding
	return nil
}

// docType reads <!DOCTYPE name SYSTEM "…">. Where it names another file, what
// entities that defines is not looked at; firewalld does not either.
func (p *parser) docType() error {
	began := p.at
	p.doctype = true
	p.at += len("<!DOCTYPE")
	words := append([]lens.Span(nil), lens.Span{Start: began + 1, End: p.at})
	for _, part := range []func() (lens.Span, error){p.doctypeName, p.keyword, p.literal, p.literal} {
		blank := p.space()
		if p.has(">") && len(words) > 1 && (len(words) < 3 || p.foreign) {
			break
		}
		if p.has("[") {
			return p.fail(p.at, "definitions in a DOCTYPE: hikae does not follow them, take them out")
		}
		if !blank {
			return p.fail(p.at, "a DOCTYPE that cannot be read")
		}
		s, err := part()
		if err != nil {
			return err
		}
		words = append(words, s)
	}
	p.space()
	if p.has("[") {
		return p.fail(p.at, "definitions in a DOCTYPE: hikae does not follow them, take them out")
	}
	if !p.has(">") {
		return p.fail(p.at, "a DOCTYPE that cannot be read")
	}
	p.at++
	p.words = append(p.words[:0], words...)
	p.stack = append(p.stack, p.node(began))
	return nil
}

func (p *parser) doctypeName() (lens.Span, error) { return p.name("the document") }

func (p *parser) keyword() (lens.Span, error) {
	at := p.at
	for _, word := range []string{"SYSTEM", "PUBLIC"} {
		if p.has(word) {
			p.at += len(word)
			p.public = word == "PUBLIC"
			return lens.Span{Start: at, End: p.at}, nil
		}
	}
	return lens.Span{}, p.fail(at, "a DOCTYPE that cannot be read")
}

// literal reads a public name, and after that or at once what file it is.
func (p *parser) literal() (lens.Span, error) {
	at := p.at
	if p.foreign || !p.has(`"`) && !p.has("'") {
		return lens.Span{}, p.fail(at, "a DOCTYPE that cannot be read")
	}
	p.at++
	if err := p.chars(at, p.src[at:at+1:at+1]); err != nil {
		return lens.Span{}, err
	}
	if p.public && bytes.ContainsFunc(p.src[at+1:p.at], notPublic) {
		return lens.Span{}, p.fail(at, "a DOCTYPE whose public name has odd characters")
	}
	p.at++
	p.foreign, p.public = !p.public, false
	return lens.Span{Start: at, End: p.at}, nil
}

func notPublic(r rune) bool {
	name := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	return !name && !strings.ContainsRune(" \r\n-_:.'()+,/=?;!*#@$%", r)
}
