package named

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"golang.org/x/text/unicode/norm"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/braces"
	"hikae/engine/lens/zonefile"
	"hikae/modules/internal/lensput"
)

// item is a statement of a file.
type item struct {
	file *lensput.File
	node *lens.Node
}

func (i item) src() []byte { return i.file.Source() }

// word is a word of it, without quotes.
func (i item) word(n int) string { return braces.Named.Unquote(i.node.Word(i.src(), n)) }

// readable tells whether a resource can show a text to the byte.
func readable(text string) bool { return utf8.ValidString(text) && norm.NFC.IsNormalString(text) }

func readFlag(word string) (value, ok bool) {
	switch strings.ToLower(word) {
	case "yes", "true", "1":
		return true, true
	case "no", "false", "0":
		return false, true
	}
	return false, false
}

func isFlag(word string) bool {
	_, ok := readFlag(word)
	return ok
}

// value reads a statement of a setting. It reports false where the lens does not
// understand it.
func (s *setting) value(i item) (cty.Value, bool) {
	if s.form == list {
		elements := []cty.Value{}
		for _, e := range i.node.Nodes {
			text := element(i.src(), e)
			if !readable(text) {
				return cty.NilVal, false
			}
			elements = append(elements, cty.StringVal(text))
		}
		if len(elements) == 0 {
			return cty.ListValEmpty(cty.String), true
		}
		return cty.ListVal(elements), i.node.Block
	}
	var words []string
	for n := 1; n < len(i.node.Words); n++ {
		words = append(words, i.word(n))
	}
	joined := strings.Join(words, " ")
	if i.node.Block || joined == "" && s.form != text || !readable(joined) {
		return cty.NilVal, false
	}
	switch s.form {
	case flag:
		v, ok := readFlag(joined)
		return cty.BoolVal(v), ok
	case number:
		n, err := strconv.ParseUint(joined, 10, 32)
		return cty.NumberUIntVal(n), err == nil
	}
	if s.name == "type" {
		joined = modern(joined)
	}
	return cty.StringVal(joined), true
}

// modern is a zone's type in today's words.
func modern(typ string) string {
	switch typ = strings.ToLower(typ); typ {
	case "master":
		return "primary"
	case "slave":
		return "secondary"
	}
	return typ
}

// element is an element of a list in one form, whatever its spacing: quotes stay
// only where it takes them.
func element(src []byte, n *lens.Node) string {
	var b strings.Builder
	for i := range n.Words {
		w := n.Word(src, i)
		if bare := braces.Named.Unquote(w); w[0] == '"' && braces.Named.Bare(bare) && !strings.ContainsAny(bare, "!/") {
			w = bare
		}
		if s := b.String(); s != "" && !strings.HasSuffix(s, "!") && !strings.HasSuffix(s, "/") && w[0] != '/' {
			b.WriteByte(' ')
		}
		b.WriteString(w)
	}
	if n.Block {
		if s := b.String(); s != "" && !strings.HasSuffix(s, "!") {
			b.WriteByte(' ')
		}
		b.WriteString("{ ")
		for _, c := range n.Nodes {
			b.WriteString(element(src, c) + "; ")
		}
		b.WriteString("}")
	}
	return b.String()
}

// written is an element as it is to stand in a file; an error where it is none.
func written(text string) (string, error) {
	src := []byte(text + ";")
	f, err := braces.Parse(src, &braces.Named)
	if err != nil || len(f.Root.Nodes) != 1 || f.Root.Nodes[0].Whole.End != len(src) || strings.Contains(text, "\n") {
		return "", fmt.Errorf("%q is no element of a list", text)
	}
	return element(src, f.Root.Nodes[0]), nil
}

var (
	timeForm = engine.Form(`^[Pp][0-9A-Za-z]+$`)
	sizeForm = engine.Form(`^([0-9]+[kKmMgG]?|[0-9]+%|default|unlimited)$`)
	wordForm = engine.Form(`^[0-9A-Za-z._*%:-]+$`)
)

// text writes a value that is no list as it stands in a file.
func (s *setting) text(v cty.Value) (string, error) {
	switch s.form {
	case flag:
		if v.True() {
			return "yes", nil
		}
		return "no", nil
	case number:
		n, _ := v.AsBigFloat().Uint64()
		if !v.AsBigFloat().IsInt() || v.AsBigFloat().Sign() < 0 || n > 1<<32-1 {
			return "", fmt.Errorf("%s is a whole number of 32 bits", s.attr())
		}
		return strconv.FormatUint(n, 10), nil
	}
	t := v.AsString()
	switch s.form {
	case mixed:
		if slices.Contains([]string{"none", "hostname"}, t) {
			return t, nil
		}
		return braces.Named.Quote(t)
	case text, name:
		return braces.Named.Quote(t)
	case time:
		if !zonefile.IsTTL(t) && !timeForm().MatchString(t) {
			return "", fmt.Errorf("%q is no time: it is written in seconds, as 1h30m or as PT1H30M", t)
		}
	case size:
		if !sizeForm().MatchString(t) {
			return "", fmt.Errorf("%q is no size: it is written in bytes, with k, m or g, as a percentage, default or unlimited", t)
		}
	case word:
		if !wordForm().MatchString(t) {
			return "", fmt.Errorf("%s is one word, and %q is none", s.attr(), t)
		}
	case free:
		for w := range strings.FieldsSeq(t) {
			if !wordForm().MatchString(w) {
				return "", fmt.Errorf("%q cannot stand in %s", w, s.attr())
			}
		}
		if t = strings.Join(strings.Fields(t), " "); t == "" {
			return "", fmt.Errorf("%s has nothing in it", s.attr())
		}
	}
	return t, nil
}

// elements are the elements of a list as they are to stand in a file.
func elements(v cty.Value) ([]string, error) {
	var all []string
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		if e.IsNull() {
			return nil, fmt.Errorf("an element of a list is null")
		}
		w, err := written(e.AsString())
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, nil
}
