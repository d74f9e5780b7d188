package postfix

import (
	"fmt"
	"math/big"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/postfix"
	"hikae/modules/internal/lensput"
)

// parameters shows those that main.cf sets, each once, in the order of the
// settings that count.
func (c *config) parameters() ([]engine.Resource, hcl.Diagnostics) {
	if c.main == nil {
		return nil, nil
	}
	var diags hcl.Diagnostics
	src := c.main.Source()
	last := map[string]*lens.Node{}
	for _, n := range c.main.Tree.Root.Nodes {
		if len(n.Words) > 0 {
			last[n.Name(src)] = n
		}
	}
	var resources []engine.Resource
	for _, n := range c.main.Tree.Root.Nodes {
		name := n.Name(src)
		if len(n.Words) == 0 || last[name] != n || !utf8.Valid(src[n.Whole.Start:n.Whole.End]) {
			continue
		}
		lens.Show(n)
		v := parameterValue(name, src, n)
		if v.Type() == cty.String {
			if _, _, why := writtenText(formOf(name), v.AsString()); why != "" && !strings.ContainsAny(v.AsString(), "\r\n\x00") {
				diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "Value that Postfix would not take",
					Detail: fmt.Sprintf("%s is %.60q: %s.", name, v.AsString(), why), Subject: c.main.RangeOf(n.Whole)})
			}
		}
		resources = append(resources, engine.Resource{Addr: engine.Addr{Kind: KindParameter, Name: name}, Value: value(v), Range: *c.main.RangeOf(n.Whole)})
	}
	return resources, diags
}

// periodForm is what times look like: conv_time(3) of Postfix, without what it takes
// no notice of.
var periodForm = engine.Form(`^[0-9]+[smhdw]?$`)

// parameterValue is what a node sets, of the type of its parameter: a string
// where it is not of that type, as one with a $name in it.
func parameterValue(name string, src []byte, n *lens.Node) cty.Value {
	written := postfix.Value(src, n)
	switch formOf(name) {
	case boolean:
		switch strings.ToLower(written) {
		case "yes":
			return cty.True
		case "no":
			return cty.False
		}
	case number:
		if f, _, err := big.ParseFloat(written, 10, 64, big.ToNearestEven); err == nil && strings.Trim(written, "0123456789") == "" && len(written) < 19 {
			return cty.NumberVal(f)
		}
	case list:
		return lensput.Strings(items(name, src, postfix.ValueSpan(src, n)).texts)
	}
	return cty.StringVal(written)
}

// strings is what a list or tuple has; false where an item is no string.
func stringsOf(v cty.Value) ([]string, bool) {
	if !v.CanIterateElements() || v.Type().IsObjectType() || v.Type().IsMapType() {
		return nil, false
	}
	texts := []string{}
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		if e.IsNull() || e.Type() != cty.String {
			return nil, false
		}
		texts = append(texts, e.AsString())
	}
	return texts, true
}

// parameter makes an edit of one.
func (p *put) parameter(e engine.Edit) {
	want, said := e.Attrs[attrValue]
	name := e.Addr.Name
	n := p.set(name)
	switch {
	case e.Absent || said && want.IsNull():
		for _, n := range p.settings(name) {
			p.main.Tree.Remove(n)
			p.Touch(p.main, e.Addr)
		}
		return
	case !said && n == nil:
		p.Fail(e.RangeOf(""), "Parameter without a value", "%s is not set yet: say to what, with value.", name)
		return
	case !said:
		return
	}
	if p.isSet(name, n, want) {
		return
	}
	written, texts, why := writtenValue(name, want)
	if why != "" {
		p.Fail(e.RangeOf(attrValue), "Value cannot be written", "%s: %s.", name, why)
		return
	}
	if n == nil {
		p.addParameter(e, written)
		return
	}
	src := p.main.Source()
	if formOf(name) == list && utf8.Valid(src[n.Whole.Start:n.Whole.End]) {
		setItems(p.main.Tree, n, items(name, src, postfix.ValueSpan(src, n)), texts)
	} else {
		postfix.SetValue(p.main.Tree, n, written)
	}
	p.Touch(p.main, e.Addr)
}

// isSet tells whether a node sets a parameter to a value, however odd that is.
func (c *config) isSet(name string, n *lens.Node, want cty.Value) bool {
	if n == nil {
		return false
	}
	src := c.main.Source()
	if texts, ok := stringsOf(want); ok {
		want = lensput.Strings(texts)
	}
	return utf8.Valid(src[n.Whole.Start:n.Whole.End]) && parameterValue(name, src, n).RawEquals(want)
}

// addParameter writes one that is not set, at the end.
func (p *put) addParameter(e engine.Edit, written string) {
	line := strings.TrimRight(e.Addr.Name+" = "+written, " ")
	f, err := postfix.ParseMain([]byte(line))
	if err != nil || len(f.Root.Nodes) != 1 || f.Root.Nodes[0].Name(f.Source()) != e.Addr.Name {
		p.Fail(e.RangeOf(""), "Not a parameter's name", "%q: a name has neither blanks nor an equals sign, and does not begin with #.", e.Addr.Name)
		return
	}
	if p.unread[mainPath] {
		p.Fail(e.RangeOf(""), "File cannot be edited", "%s is there and cannot be read here.", mainPath)
		return
	}
	if p.main == nil {
		p.main = lensput.New(mainPath)
		p.main.Tree, _ = postfix.ParseMain(nil)
		p.main.Document = p.main.Tree.Document
	}
	p.main.Append(line)
	p.Touch(p.main, e.Addr)
}

// writtenValue is a value as main.cf has it, on one line, and the items of a list;
// or what is wrong with it.
func writtenValue(name string, v cty.Value) (written string, texts []string, why string) {
	f := formOf(name)
	if f == list {
		var ok bool
		if texts, ok = stringsOf(v); !ok {
			return "", nil, `it is a list of strings: value = ["…", "…"]`
		}
		written = strings.Join(texts, ", ")
		line := []byte(written)
		if strings.ContainsAny(written, "\n\r\x00") || !equal(items(name, line, lens.Span{End: len(line)}).texts, texts) {
			return "", nil, "an item that Postfix would part: it has no comma and no blank outside of braces, which are closed, and no line end; a restriction and its table are one item"
		}
		return written, texts, ""
	}
	switch v.Type() {
	case cty.Bool:
		if f != boolean {
			return "", nil, "it is no boolean to Postfix: write a string, or a number where it wants one"
		}
		return map[bool]string{true: "yes", false: "no"}[v.True()], nil, ""
	case cty.Number:
		n, acc := v.AsBigFloat().Int(nil)
		if f != number || acc != big.Exact || n.Sign() < 0 {
			return "", nil, `it is no whole number to Postfix: write a string; a time is one, such as "300s"`
		}
		return n.String(), nil, ""
	case cty.String:
		return writtenText(f, v.AsString())
	}
	return "", nil, "it is no list to Postfix"
}

func writtenText(f form, s string) (string, []string, string) {
	refers := strings.Contains(s, "$")
	switch {
	case strings.ContainsAny(s, "\n\r\x00") || strings.Trim(s, lens.Blank) != s:
		return "", nil, "a value is one line, without blanks around it"
	case f == boolean && !refers:
		return "", nil, "it is true or false"
	case f == number && !refers:
		return "", nil, "it is a whole number, without quotes"
	case f == period && !refers && !periodForm().MatchString(s):
		return "", nil, `it is a time: a number of seconds, or one with s, m, h, d or w behind it, such as "300s"`
	}
	return s, nil, ""
}

func equal(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		// As the language compares them.
		if a[i] != b[i] && !cty.StringVal(a[i]).RawEquals(cty.StringVal(b[i])) {
			return false
		}
	}
	return true
}
