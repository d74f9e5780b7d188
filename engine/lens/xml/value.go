package xml

import (
	"strconv"
	"strings"

	"hikae/engine/lens"
)

// Reader gives what the words of a file say.
type Reader struct {
	src    []byte
	coding encoding
}

// NewReader returns one for a file that Parse read.
func NewReader(f *lens.File) Reader {
	r := Reader{src: f.Source()}
	for _, n := range f.Root.Nodes {
		if n.Name(r.src) == "?xml" {
			name, _ := r.Attr(n, "encoding")
			r.coding = codings[strings.ToLower(name)]
		}
	}
	return r
}

// Attr gives the value of an attribute. It reports false where there is none,
// or where it holds an entity that another file defines.
func (r Reader) Attr(n *lens.Node, name string) (string, bool) {
	if w, ok := r.Word(n, name); ok {
		text := w.Of(r.src)
		return r.say(strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", "\t", " ").Replace(text[strings.IndexAny(text, `"'`)+1 : len(text)-1]))
	}
	return "", false
}

// Word is where an attribute is written.
func (r Reader) Word(n *lens.Node, name string) (lens.Span, bool) {
	for _, w := range r.attributes(n) {
		if string(attributeName(r.src[w.Start:w.End])) == name {
			return w, true
		}
	}
	return lens.Span{}, false
}

// Attributes are the names of the attributes that a node has.
func (r Reader) Attributes(n *lens.Node) []string {
	var names []string
	for _, w := range r.attributes(n) {
		names = append(names, string(attributeName(r.src[w.Start:w.End])))
	}
	return names
}

func (r Reader) attributes(n *lens.Node) []lens.Span {
	if n.Name(r.src) != "?xml" && !r.IsElement(n) {
		return nil
	}
	words := n.Words[1:]
	if _, ok := r.TextWord(n); ok {
		words = words[:len(words)-1]
	}
	return words
}

// IsElement tells elements from text, instructions and the DOCTYPE.
func (r Reader) IsElement(n *lens.Node) bool {
	return n.Block || !isText(n) && strings.IndexByte("!?", r.src[n.Words[0].Start]) < 0
}

// TextWord is where the text of a statement stands: <short>this</short>.
func (r Reader) TextWord(n *lens.Node) (lens.Span, bool) {
	if n.Block || len(n.Words) < 2 || !r.IsElement(n) {
		return lens.Span{}, false
	}
	last := n.Words[len(n.Words)-1]
	closing := lens.Trim(r.src, lens.Span{Start: last.End, End: n.Whole.End}, " \t\r\n")
	return last, closing.Len() > 1 && r.src[closing.Start] == '<'
}

// Text is the text that an element holds, without what stands in elements in
// it and without blanks around it. It reports false where that cannot be said.
func (r Reader) Text(n *lens.Node) (string, bool) {
	if w, ok := r.TextWord(n); ok {
		return r.run(w)
	}
	var parts []string
	for _, c := range n.Nodes {
		if isText(c) {
			text, ok := r.run(c.Whole)
			if !ok {
				return "", false
			}
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, " "), true
}

// run is what a run of text says, CDATA sections included.
func (r Reader) run(s lens.Span) (string, bool) {
	rest := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s.Of(r.src))
	var b strings.Builder
	for rest != "" {
		plain, more, cdata := strings.Cut(rest, "<![CDATA[")
		text, ok := r.say(plain)
		if !ok {
			return "", false
		}
		b.WriteString(text)
		if rest = ""; cdata {
			var in string
			in, rest, _ = strings.Cut(more, "]]>")
			b.WriteString(r.decoded(in))
		}
	}
	return b.String(), true
}

// say replaces references by what they are.
func (r Reader) say(text string) (string, bool) {
	text = r.decoded(text)
	if !strings.Contains(text, "&") {
		return text, true
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, "&")
		b.WriteString(before)
		if !found {
			return b.String(), true
		}
		var name string
		name, text, _ = strings.Cut(after, ";")
		what, ok := entity(name)
		if !ok {
			return "", false
		}
		b.WriteString(what)
	}
}

// decoded is text as UTF-8.
func (r Reader) decoded(text string) string {
	if r.coding != latin1 {
		return text
	}
	var b strings.Builder
	for i := range len(text) {
		b.WriteRune(rune(text[i]))
	}
	return b.String()
}

// Quote writes a value in double quotes. Characters that XML has no way to
// write are the caller's to refuse: see Writable.
func (r Reader) Quote(value string) string {
	return `"` + r.references(strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\n", "&#10;", "\r", "&#13;", "\t", "&#9;").Replace(value)) + `"`
}

// Escape writes text that stands between tags.
func (r Reader) Escape(text string) string {
	return r.references(strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#13;").Replace(text))
}

// references writes what the file's encoding may not have by numbers.
func (r Reader) references(text string) string {
	if r.coding == utf8Encoding {
		return text
	}
	var b strings.Builder
	for _, c := range text {
		if c < 0x80 {
			b.WriteRune(c)
		} else {
			b.WriteString("&#" + strconv.Itoa(int(c)) + ";")
		}
	}
	return b.String()
}

// Writable tells whether XML can hold a text.
func Writable(text string) bool {
	for i, c := range text {
		if c < ' ' && !strings.ContainsRune(" \t\n\r", c) || c == 0xfffe || c == 0xffff || c == '\ufffd' && !strings.HasPrefix(text[i:], "\ufffd") {
			return false
		}
	}
	return true
}

// Source is the bytes of the file.
func (r Reader) Source() []byte { return r.src }
