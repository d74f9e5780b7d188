package lang

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// blockWriter writes blocks the way Format would leave them.
type blockWriter struct {
	buf   bytes.Buffer
	tall  bool // the block before took more than a line
	begun bool // there is a block before, at this level
}

// attrText is an attribute whose value is already HCL.
type attrText struct{ name, value string }

// open reports whether the value begins a bracket that ends on another line:
// such an attribute is not aligned with its neighbours.
func (a attrText) open() bool {
	return !strings.HasPrefix(a.value, "<<") && strings.Contains(a.value, "\n")
}

// header writes kind and labels. Labels are raw: they are escaped here.
func header(kind string, labels ...string) string {
	var b strings.Builder
	b.WriteString(kind)
	for _, l := range labels {
		b.WriteString(" " + quote(Escape(l)))
	}
	return b.String()
}

// block writes a block: on one line when it has at most one attribute that fits
// there. Blocks of one line stand together, others have an empty line around.
func (w *blockWriter) block(indent int, head string, attrs []attrText, nested ...nestedText) {
	margin := strings.Repeat(" ", indent)
	line := oneLineText(margin+head, attrs)
	short := line != "" && len(nested) == 0
	if w.begun && (w.tall || !short) {
		w.buf.WriteByte('\n')
	}
	w.begun, w.tall = true, !short
	if short {
		w.buf.WriteString(line + "\n")
		return
	}
	w.buf.WriteString(margin + head + " {\n")
	w.attrs(indent+2, attrs)
	inner := &blockWriter{begun: len(attrs) > 0, tall: len(attrs) > 0}
	for _, n := range nested {
		inner.block(indent+2, n.head, n.attrs)
	}
	w.buf.Write(inner.buf.Bytes())
	w.buf.WriteString(margin + "}\n")
}

// nestedText is a block within a block.
type nestedText struct {
	head  string
	attrs []attrText
}

func oneLineText(head string, attrs []attrText) string {
	switch len(attrs) {
	case 0:
		return head + " {}"
	case 1:
		line := head + " { " + attrs[0].name + " = " + attrs[0].value + " }"
		if len(line) <= lineWidth && !strings.Contains(line, "\n") {
			return line
		}
	}
	return ""
}

// attrs writes attributes, one a line.
func (w *blockWriter) attrs(indent int, attrs []attrText) {
	w.buf.WriteString(alignedText(indent, attrs, ""))
}

// alignedText writes one attribute a line with '=' aligned, run by run. Widths
// are counted in characters.
func alignedText(indent int, attrs []attrText, comma string) string {
	margin := strings.Repeat(" ", indent)
	var b strings.Builder
	for len(attrs) > 0 {
		run, width := 0, 0
		for run < len(attrs) && !attrs[run].open() {
			width = max(width, utf8.RuneCountInString(attrs[run].name))
			run++
		}
		for _, a := range attrs[:run] {
			pad := strings.Repeat(" ", width-utf8.RuneCountInString(a.name))
			b.WriteString(margin + a.name + pad + " = " + a.value + comma + "\n")
		}
		if run < len(attrs) {
			b.WriteString(margin + attrs[run].name + " = " + attrs[run].value + comma + "\n")
			run++
		}
		attrs = attrs[run:]
	}
	return b.String()
}
