package lang

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// blockReader reads the attributes of one block by name and tells what is
// wrong with them. An attribute that is wrong reads as one not given.
type blockReader struct {
	l   *loader
	b   *hclsyntax.Block
	sym *symbol // of the block, where references can read it
}

// reader begins the reading of a block with these attributes and blocks.
func (l *loader) reader(b *hclsyntax.Block, sym *symbol, attrs, blocks []string) *blockReader {
	for _, a := range sortedAttrs(b.Body) {
		if !slices.Contains(attrs, a.Name) {
			l.fail(a.NameRange, fmt.Sprintf("unknown attribute %q of %s", a.Name, b.Type), foreignOr(a.Name, attrs))
		}
	}
	for _, inner := range b.Body.Blocks {
		if !slices.Contains(blocks, inner.Type) {
			remedy := foreignOr(inner.Type, append(slices.Clone(attrs), blocks...))
			if _, is := l.schemas[inner.Type]; is {
				remedy = l.foreignBlock(inner.Type)
			}
			l.fail(inner.DefRange(), fmt.Sprintf("%s has no block %q", b.Type, inner.Type), remedy)
		}
	}
	return &blockReader{l: l, b: b, sym: sym}
}

func foreignOr(name string, known []string) string {
	if why, is := foreign[name]; is && !slices.Contains(known, name) {
		return why
	}
	return meant(name, known)
}

// sortedAttrs gives attributes in the order of the source.
func sortedAttrs(body *hclsyntax.Body) []*hclsyntax.Attribute {
	attrs := make([]*hclsyntax.Attribute, 0, len(body.Attributes))
	for _, a := range body.Attributes {
		attrs = append(attrs, a)
	}
	slices.SortFunc(attrs, func(a, b *hclsyntax.Attribute) int { return a.NameRange.Start.Byte - b.NameRange.Start.Byte })
	return attrs
}

// label takes the one label of a block; form is how the block is written.
func (l *loader) label(b *hclsyntax.Block, form string) (string, bool) {
	if len(b.Labels) != 1 {
		l.fail(b.DefRange(), fmt.Sprintf("%s has %d labels, but wants one", b.Type, len(b.Labels)), "Write "+form+".")
		return "", false
	}
	if !hclsyntax.ValidIdentifier(b.Labels[0]) {
		l.fail(b.LabelRanges[0], fmt.Sprintf("%q cannot be the name of a %s", b.Labels[0], b.Type),
			"A name begins with a letter and has letters, digits, '_' and '-' only.")
		return "", false
	}
	return b.Labels[0], true
}

// at is the range of an attribute's value, or of the block.
func (r *blockReader) at(name string) hcl.Range {
	if a, given := r.b.Body.Attributes[name]; given {
		return a.Expr.Range()
	}
	return r.b.DefRange()
}

// raw evaluates an attribute; ok is false where it is not given, or wrong.
func (r *blockReader) raw(name string) (cty.Value, bool) {
	a, given := r.b.Body.Attributes[name]
	if !given {
		return cty.NilVal, false
	}
	if r.sym != nil && r.sym.exprs[name] == a.Expr {
		v := r.sym.value.GetAttr(name)
		return v, v.IsWhollyKnown()
	}
	v, diags := r.l.scope.value(a.Expr)
	r.l.diags = append(r.l.diags, diags...)
	return v, !diags.HasErrors() && v.IsWhollyKnown()
}

// value is an attribute of a type; null is as good as not given.
func (r *blockReader) value(name string, ty cty.Type) (cty.Value, bool) {
	v, ok := r.raw(name)
	if !ok {
		return cty.NilVal, false
	}
	c, err := conform(name, v, ty)
	if err != nil {
		r.l.fail(r.at(name), err.wrong, err.remedy)
		return cty.NilVal, false
	}
	return c, !c.IsNull()
}

func (r *blockReader) text(name string) string {
	if v, ok := r.value(name, cty.String); ok {
		return v.AsString()
	}
	return ""
}

func (r *blockReader) flag(name string) bool {
	v, ok := r.value(name, cty.Bool)
	return ok && v.True()
}

// texts is a list of strings; each is checked by check, which may be nil.
func (r *blockReader) texts(name string, check func(string) error) []string {
	v, ok := r.value(name, cty.List(cty.String))
	if !ok {
		return nil
	}
	var out []string
	for i, e := range v.AsValueSlice() {
		at := r.element(name, i)
		if e.IsNull() {
			r.l.fail(at, name+" has null in it", "Leave it out.")
			continue
		}
		s := e.AsString()
		if check != nil {
			if err := check(s); err != nil {
				r.l.fail(at, fmt.Sprintf("%s: %q cannot be used", name, s), sentence(err))
				continue
			}
		}
		if slices.Contains(out, s) {
			r.l.fail(at, fmt.Sprintf("%s: %q is in it twice", name, s), "Remove one.")
			continue
		}
		out = append(out, s)
	}
	return out
}

// trees is a list of directories, as raw bytes.
func (r *blockReader) trees(name string) []string {
	list := r.texts(name, checkTree)
	for i, s := range list {
		if raw, err := Unescape(s); err == nil { // checkTree has seen to it
			list[i] = raw
		}
	}
	return list
}

// element is the place of a list's element, where the list is written out.
func (r *blockReader) element(name string, i int) hcl.Range {
	if a, given := r.b.Body.Attributes[name]; given {
		if t, is := a.Expr.(*hclsyntax.TupleConsExpr); is && i < len(t.Exprs) {
			return t.Exprs[i].Range()
		}
	}
	return r.at(name)
}

// ref is the name of the host or pair that a value refers to.
func (r *blockReader) ref(v cty.Value, root string, at hcl.Range) (string, bool) {
	if !v.IsNull() && v.IsKnown() && !v.IsMarked() && v.Type().IsObjectType() &&
		v.Type().HasAttribute("kind") && v.Type().HasAttribute("name") &&
		v.GetAttr("kind").RawEquals(cty.StringVal(root)) && v.GetAttr("name").Type() == cty.String {
		return v.GetAttr("name").AsString(), true
	}
	remedy := "Write " + root + ".NAME."
	if !v.IsNull() && v.IsKnown() && !v.IsMarked() && v.Type() == cty.String {
		if _, is := r.l.scope.symbols[root][v.AsString()]; is {
			remedy = "Write " + root + "." + v.AsString() + ", without quotes."
		}
	}
	r.l.fail(at, "this is not a "+root, remedy)
	return "", false
}

// oneRef is an attribute that refers to a host or a pair.
func (r *blockReader) oneRef(name, root string) string {
	v, ok := r.raw(name)
	if !ok || v.IsNull() {
		return ""
	}
	s, _ := r.ref(v, root, r.at(name))
	return s
}

// refs is a list of references.
func (r *blockReader) refs(name, root string) (names []string, ok bool) {
	v, ok := r.raw(name)
	if !ok {
		return nil, false
	}
	ty := v.Type()
	if v.IsMarked() || v.IsNull() || !ty.IsTupleType() && !ty.IsListType() && !ty.IsSetType() {
		r.l.fail(r.at(name), name+" wants a list of "+root+"s", "For example: "+name+" = ["+root+".a, "+root+".b]")
		return nil, false
	}
	i := 0
	for it := v.ElementIterator(); it.Next(); i++ {
		_, e := it.Element()
		s, is := r.ref(e, root, r.element(name, i))
		ok = ok && is
		names = append(names, s)
	}
	return names, ok
}

// sentence makes a remedy of an error.
func sentence(err error) string {
	s := err.Error()
	if s == "" {
		return s
	}
	if c := s[0]; c >= 'a' && c <= 'z' {
		s = string(c-'a'+'A') + s[1:]
	}
	if strings.HasSuffix(s, "?") {
		return s
	}
	return s + "."
}
