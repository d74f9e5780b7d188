package lang

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"hikae/engine"
)

// maxShown is how many items a collection has at most that a view shows.
const maxShown = 1000

// EncodeView writes what a lens shows of files as HCL for a person to read:
// each resource as EncodeResource does, under the place that it comes from. Of
// a collection of more than a thousand items it says the number alone. kinds
// are the lens's.
func EncodeView(resources []engine.Resource, kinds []engine.Schema) []byte {
	var out bytes.Buffer
	schemas := bySchemaKind(kinds)
	file, tall := "", false
	for i := range resources {
		r, counts := shorten(resources[i])
		text := EncodeResource(&r, schemas[r.Addr.Kind])
		lines := bytes.Count(text, []byte("\n"))
		// Settings of a line each stand together below the name of their file.
		switch {
		case out.Len() > 0 && (lines > 1 || tall || r.Range.Filename != file):
			out.WriteByte('\n')
			fallthrough
		case out.Len() == 0:
			if at := r.Range; at.Filename != "" {
				fmt.Fprintf(&out, "# %s:%d\n", Escape(at.Filename), at.Start.Line)
			}
		}
		out.WriteString(counts)
		out.Write(text)
		file, tall = r.Range.Filename, lines > 1 || counts != ""
	}
	return out.Bytes()
}

// shorten takes out of a resource what is told above it, its file, and what is
// too long to be shown, and says in comments how much it is.
func shorten(r engine.Resource) (engine.Resource, string) {
	if r.Value == cty.NilVal || r.Value.IsNull() {
		return r, ""
	}
	counts := ""
	var attrs map[string]cty.Value
	for it := r.Value.ElementIterator(); it.Next(); {
		k, v := it.Element()
		place := !v.IsNull() && v.Type() == cty.String && r.Range.Filename != "" && v.AsString() == r.Range.Filename
		long := !v.IsNull() && v.CanIterateElements() && v.LengthInt() > maxShown
		if !place && !long {
			continue
		}
		if attrs == nil {
			attrs = r.Value.AsValueMap()
		}
		name := k.AsString()
		if attrs[name] = cty.NullVal(v.Type()); long {
			counts += fmt.Sprintf("# %s: %d items, not shown here\n", name, v.LengthInt())
		}
	}
	if attrs != nil {
		r.Value = cty.ObjectVal(attrs)
	}
	return r, counts
}

// ResourceJSON is a resource for encoding/json.
type ResourceJSON struct {
	Kind       string                     `json:"kind"`
	In         string                     `json:"in,omitempty"`
	Name       string                     `json:"name"`
	File       string                     `json:"file,omitempty"`
	Line       int                        `json:"line,omitempty"`
	Attributes map[string]json.RawMessage `json:"attributes"` // those that are set; secrets redacted
}

// JSONResource gives a resource that a lens shows in a form for encoding/json.
func JSONResource(r *engine.Resource, s engine.Schema) ResourceJSON {
	out := ResourceJSON{
		Kind: r.Addr.Kind, In: r.Addr.In, Name: r.Addr.Name,
		File: r.Range.Filename, Line: r.Range.Start.Line, Attributes: map[string]json.RawMessage{},
	}
	for _, a := range s.Attrs {
		v, err := attrValue(r, a)
		if err != nil || v.IsNull() {
			continue
		}
		text := json.RawMessage(`"` + redacted + `"`)
		if !a.Secret && !v.IsMarked() {
			if text, err = ctyjson.Marshal(v, v.Type()); err != nil {
				continue
			}
		}
		out.Attributes[a.Name] = text
	}
	return out
}
