package lang

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
)

// redacted stands for a secret wherever a resource is shown.
const redacted = "(secret)"

// Shown is one attribute of a resource as it is shown: Text is HCL.
type Shown struct{ Name, Text string }

// ShownAttrs lists what of a resource is not the default, for a view that
// compares two. Secrets are redacted; a content is "SIZE bytes ID", a sealed
// one "SIZE bytes, secret".
func ShownAttrs(r *engine.Resource, s engine.Schema) []Shown {
	var out []Shown
	if r.Node != nil {
		for _, a := range nodeAttrs(r.Node) {
			out = append(out, Shown{a.name, a.value})
		}
		if c := r.Node.Content; hasContent(r.Node) && c != (hosts.Content{}) {
			out = append(out, Shown{"content", contentText(c)})
		}
	}
	for _, a := range s.Attrs {
		if r.Value == cty.NilVal || r.Value.IsNull() || !r.Value.Type().HasAttribute(a.Name) {
			continue
		}
		v := r.Value.GetAttr(a.Name)
		if !v.IsMarked() && v.RawEquals(defaultOf(a)) {
			continue
		}
		out = append(out, Shown{a.Name, shownText(a, v)})
	}
	return out
}

func shownText(a engine.Attr, v cty.Value) string {
	if v.IsMarked() || a.Secret && !v.IsNull() {
		return quote(redacted)
	}
	text, err := attrHCL(v, len(a.Name))
	if err != nil {
		return quote("(" + err.Error() + ")")
	}
	return text
}

func contentText(c hosts.Content) string {
	if c.Sealed {
		return fmt.Sprintf("%d bytes, secret", c.Size)
	}
	return fmt.Sprintf("%d bytes %s", c.Size, c.ID)
}

// EncodeResource writes one resource as HCL for a person to read: the block
// as a snapshot or an overlay has it, with secrets redacted, the content named
// in a comment, and who owns the path.
func EncodeResource(r *engine.Resource, s engine.Schema) []byte {
	w := &blockWriter{}
	var attrs []attrText
	for _, a := range ShownAttrs(r, s) {
		if r.Node != nil && a.Name == "content" {
			w.buf.WriteString("# content: " + a.Text + "\n")
			continue
		}
		attrs = append(attrs, attrText{a.Name, a.Text})
	}
	switch {
	case r.IsPristine():
		w.buf.WriteString("# as package " + Escape(r.Package) + " installed it\n")
	case r.Package != "":
		w.buf.WriteString("# of package " + Escape(r.Package) + "\n")
	}
	w.block(0, blockHeader(r.Addr), attrs)
	return w.buf.Bytes()
}
