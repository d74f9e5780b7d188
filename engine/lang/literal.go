package lang

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// The literal part of HCL: blocks with labels, and attributes that are
// strings, heredocs, numbers, booleans, null, lists and objects of these. No
// variable, function, operator or template. Values stay text until a schema
// says what they are, and bytes beyond that.

// Bounds of one block: how deep blocks, lists and objects nest, and how many
// attributes it has.
const (
	maxDepth = 16
	maxAttrs = 256
)

// literalKind says what a literal is.
type literalKind byte

const (
	litNull literalKind = iota
	litBool
	litNumber
	litString
	litList
	litObject
)

func (k literalKind) String() string {
	return [...]string{"null", "a bool", "a number", "a string", "a list", "an object"}[k]
}

// literal is a value as it was written.
type literal struct {
	kind  literalKind
	text  string // of a string, escapes resolved; of a number, its digits
	yes   bool
	keys  []string  // of an object, in the order written
	items []literal // of a list; of an object, one for each key
	at    hcl.Pos
}

// litAttr is one attribute of a block.
type litAttr struct {
	name  string
	at    hcl.Pos
	value literal
}

// litBlock is one block, its attributes in the order written.
type litBlock struct {
	kind   string
	labels []string
	attrs  []litAttr
	blocks []litBlock
	rng    hcl.Range // of the header
}

// literalParser reads one file. The first error ends it.
type literalParser struct {
	file string
	src  string
	off  int
	line int
	bol  int // offset of the line's first byte
}

// parseLiterals reads a file and calls block for each block at its top level.
func parseLiterals(file string, src []byte, block func(litBlock) hcl.Diagnostics) hcl.Diagnostics {
	p := &literalParser{file: file, src: string(src), line: 1}
	var diags hcl.Diagnostics
	for {
		p.skip(true)
		if p.off == len(p.src) {
			return diags
		}
		b, err := p.block(0)
		if err == nil {
			err = p.endOfLine()
		}
		if err != nil {
			return append(diags, err)
		}
		diags = append(diags, block(b)...)
		if len(diags) > maxDiags {
			return diags
		}
	}
}

// maxDiags is how many errors of one snapshot are worth telling.
const maxDiags = 20

// pos is the place of the next byte. Columns count bytes.
func (p *literalParser) pos() hcl.Pos {
	return hcl.Pos{Line: p.line, Column: p.off - p.bol + 1, Byte: p.off}
}

func (p *literalParser) failAt(at hcl.Pos, format string, args ...any) *hcl.Diagnostic {
	end := at
	end.Column++
	end.Byte++
	return failure(hcl.Range{Filename: p.file, Start: at, End: end}, fmt.Sprintf(format, args...), generatedRemedy)
}

// generatedRemedy is what to do about any error in a generated file.
const generatedRemedy = "This file is written by hikae and read as plain data. Take the snapshot again, or restore the file from the store."

func (p *literalParser) fail(format string, args ...any) *hcl.Diagnostic {
	return p.failAt(p.pos(), format, args...)
}

// peek gives the next byte, 0 at the end.
func (p *literalParser) peek() byte {
	if p.off < len(p.src) {
		return p.src[p.off]
	}
	return 0
}

func (p *literalParser) newline() {
	p.off++
	p.line++
	p.bol = p.off
}

// skip passes over blanks and comments and, where lines do not matter, ends of
// lines.
func (p *literalParser) skip(lines bool) {
	for p.off < len(p.src) {
		switch c := p.src[p.off]; {
		case c == ' ' || c == '\t':
			p.off++
		case c == '\n':
			if !lines {
				return
			}
			p.newline()
		case c == '#' || strings.HasPrefix(p.src[p.off:], "//"):
			for p.off < len(p.src) && p.src[p.off] != '\n' {
				p.off++
			}
		default:
			return
		}
	}
}

func (p *literalParser) endOfLine() *hcl.Diagnostic {
	p.skip(false)
	if p.off == len(p.src) {
		return nil
	}
	if p.src[p.off] != '\n' {
		return p.fail("expected the end of the line here")
	}
	p.newline()
	return nil
}

func identStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}

func identByte(c byte) bool { return identStart(c) || c >= '0' && c <= '9' || c == '-' }

func (p *literalParser) ident() string {
	start := p.off
	if p.off < len(p.src) && identStart(p.src[p.off]) {
		for p.off < len(p.src) && identByte(p.src[p.off]) {
			p.off++
		}
	}
	return p.src[start:p.off]
}

// block reads: kind "label"... { ... }
func (p *literalParser) block(depth int) (litBlock, *hcl.Diagnostic) {
	b := litBlock{rng: hcl.Range{Filename: p.file, Start: p.pos()}}
	if b.kind = p.ident(); b.kind == "" {
		return b, p.fail("expected a block here")
	}
	return b, p.blockRest(&b, depth)
}

// blockRest reads what follows the kind.
func (p *literalParser) blockRest(b *litBlock, depth int) *hcl.Diagnostic {
	if depth > maxDepth {
		return p.fail("nested more than %d deep", maxDepth)
	}
	for p.skip(false); p.peek() == '"'; p.skip(false) {
		s, err := p.quoted()
		if err != nil {
			return err
		}
		b.labels = append(b.labels, s)
	}
	b.rng.End = p.pos()
	if p.peek() != '{' {
		return p.fail("expected '{' after %s", b.kind)
	}
	p.off++
	p.skip(false)
	if p.peek() != '\n' {
		return p.oneLine(b, depth)
	}
	for {
		p.skip(true)
		if p.peek() == '}' {
			p.off++
			return nil
		}
		if err := p.item(b, depth); err != nil {
			return err
		}
		if err := p.endOfLine(); err != nil {
			return err
		}
	}
}

// oneLine reads the rest of: kind "label" { name = value }
func (p *literalParser) oneLine(b *litBlock, depth int) *hcl.Diagnostic {
	if p.peek() != '}' {
		if err := p.item(b, depth); err != nil {
			return err
		}
		p.skip(false)
	}
	if p.peek() != '}' {
		return p.fail("expected '}' here")
	}
	p.off++
	return nil
}

// item reads an attribute or a nested block.
func (p *literalParser) item(b *litBlock, depth int) *hcl.Diagnostic {
	at := p.pos()
	name := p.ident()
	if name == "" {
		return p.fail("expected an attribute or a block here")
	}
	p.skip(false)
	if p.peek() != '=' {
		nested := litBlock{kind: name, rng: hcl.Range{Filename: p.file, Start: at}}
		if err := p.blockRest(&nested, depth+1); err != nil {
			return err
		}
		b.blocks = append(b.blocks, nested)
		return nil
	}
	if len(b.attrs) == maxAttrs {
		return p.failAt(at, "more than %d attributes in a block", maxAttrs)
	}
	for _, a := range b.attrs {
		if a.name == name {
			return p.failAt(at, "attribute %s is written twice", name)
		}
	}
	p.off++
	p.skip(false)
	v, err := p.value(depth + 1)
	if err != nil {
		return err
	}
	b.attrs = append(b.attrs, litAttr{name, at, v})
	return nil
}
