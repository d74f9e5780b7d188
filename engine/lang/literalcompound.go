package lang

import "github.com/hashicorp/hcl/v2"

// value reads any literal.
func (p *literalParser) value(depth int) (literal, *hcl.Diagnostic) {
	v := literal{at: p.pos()}
	if depth > maxDepth {
		return v, p.fail("nested more than %d deep", maxDepth)
	}
	var err *hcl.Diagnostic
	switch c := p.peek(); {
	case c == '"':
		v.kind = litString
		v.text, err = p.quoted()
	case c == '<':
		v.kind = litString
		v.text, err = p.heredoc()
	case c == '[':
		v.kind = litList
		err = p.list(&v, depth)
	case c == '{':
		v.kind = litObject
		err = p.object(&v, depth)
	case c == '-' || c >= '0' && c <= '9':
		v.kind = litNumber
		v.text, err = p.number()
	default:
		err = p.word(&v)
	}
	return v, err
}

// number reads -12.5e+3 by HCL's grammar: digits on both sides of the point.
func (p *literalParser) number() (string, *hcl.Diagnostic) {
	start := p.off
	if p.peek() == '-' {
		p.off++
	}
	ok := p.digits()
	if ok && p.peek() == '.' {
		p.off++
		ok = p.digits()
	}
	if c := p.peek(); ok && (c == 'e' || c == 'E') {
		p.off++
		if c := p.peek(); c == '+' || c == '-' {
			p.off++
		}
		ok = p.digits()
	}
	if c := p.peek(); !ok || c == '.' || identByte(c) {
		return "", p.fail("this is not a number")
	}
	text := p.src[start:p.off]
	if why := numberBounds(text); why != "" {
		return "", p.fail("%s", why)
	}
	return text, nil
}

// digits passes over at least one.
func (p *literalParser) digits() bool {
	start := p.off
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.off++
	}
	return p.off > start
}

func (p *literalParser) word(v *literal) *hcl.Diagnostic {
	switch w := p.ident(); w {
	case "true", "false":
		v.kind, v.yes = litBool, w == "true"
	case "null":
		v.kind = litNull
	case "":
		return p.fail("expected a value here")
	default:
		return p.failAt(v.at, "%s is no value: there are no variables and no functions here", w)
	}
	return nil
}

func (p *literalParser) list(v *literal, depth int) *hcl.Diagnostic {
	p.off++
	for {
		p.skip(true)
		if p.peek() == ']' {
			p.off++
			return nil
		}
		item, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		v.items = append(v.items, item)
		p.skip(true)
		switch p.peek() {
		case ',':
			p.off++
		case ']':
		default:
			return p.fail("expected ',' or ']' here")
		}
	}
}

func (p *literalParser) object(v *literal, depth int) *hcl.Diagnostic {
	p.off++
	for {
		p.skip(true)
		if p.peek() == '}' {
			p.off++
			return nil
		}
		if err := p.pair(v, depth); err != nil {
			return err
		}
		p.skip(false)
		switch p.peek() {
		case ',':
			p.off++
		case '}', '\n':
		default:
			return p.fail("expected ',' or '}' here")
		}
	}
}

// pair reads: key = value
func (p *literalParser) pair(v *literal, depth int) *hcl.Diagnostic {
	var key string
	var err *hcl.Diagnostic
	if p.peek() == '"' {
		key, err = p.quoted()
	} else if key = p.ident(); key == "" {
		err = p.fail("expected a key here")
	}
	if err != nil {
		return err
	}
	p.skip(false)
	if p.peek() != '=' {
		return p.fail("expected '=' here")
	}
	p.off++
	p.skip(false)
	item, err := p.value(depth + 1)
	if err != nil {
		return err
	}
	v.keys, v.items = append(v.keys, key), append(v.items, item)
	return nil
}
