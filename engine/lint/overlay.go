package lint

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lang"
)

// Overlay is what to write for a follower, so that it says its own where the
// source's files say the source's.
type Overlay struct {
	Host string
	HCL  string            // "" where there is nothing to say
	Dir  string            // in the project: where Files are
	Open []string          // what a person has to fill in: what the follower has there is not known
	Data map[string][]byte // files that the HCL names, by their paths in the project
}

// OverlayFor makes the overlay of a follower. Each resource that mentions what is
// the source's own gets the attributes that do; a file that no lens shows gets all
// of its bytes, and follows no longer. What patches say already is left out, and
// what the follower does not take.
func (t *Tree) OverlayFor(host string, found []Finding, own, other Own, patches []engine.Patch, takes func(engine.Addr) bool) Overlay {
	t.open()
	o := Overlay{Host: host, Dir: "lint/" + host, Data: map[string][]byte{}}
	own, by := own.Without(other), own.ReplaceBy(other)
	var blocks []string
	done := map[string]bool{}
	for _, f := range found {
		if f.Kept || f.Value == "" || !own.has(f.Value) {
			continue
		}
		addr := engine.Addr{Kind: f.Kind, In: f.In, Name: f.Name}
		if f.resource == nil {
			addr = engine.Addr{Kind: "file", Name: f.File}
		}
		if done[addr.String()] || !takes(engine.Addr{Kind: "file", Name: f.File}) || said(patches, addr, f.Attr) {
			continue
		}
		done[addr.String()] = true
		text, ok := "", false
		if f.resource != nil {
			text, ok = t.block(f, found, own, by, patches)
		} else {
			text, ok = t.file(f, own, by, &o)
		}
		if ok && !takes(addr) {
			o.Open = append(o.Open, fmt.Sprintf("%s:%d: %s: add %q to only of %s first", f.File, f.Line, f.Value, addr.String(), host))
			continue
		}
		if !ok {
			o.Open = append(o.Open, fmt.Sprintf("%s:%d: %s: what %s has in its place is not known", f.File, f.Line, f.Value, host))
			continue
		}
		blocks = append(blocks, fmt.Sprintf("# %s:%d has %s\n%s", lang.Escape(f.File), f.Line, f.Value, text))
	}
	if len(blocks) > 0 {
		o.HCL = fmt.Sprintf("overlay \"host\" %q {\n%s}\n", host, indent(strings.Join(blocks, "\n")))
	}
	return o
}

// has reports whether a value is still own.
func (o Own) has(value string) bool {
	return slices.Contains(o.names, value) || slices.Contains(o.interfaces, value) ||
		slices.ContainsFunc(o.findAddresses([]byte(value)), func(h hit) bool { return h.value == value })
}

// said reports whether an overlay says it already.
func said(patches []engine.Patch, a engine.Addr, attr string) bool {
	return slices.ContainsFunc(patches, func(p engine.Patch) bool {
		_, has := p.Attrs[attr]
		return p.Addr == a && (has || attr == "" || p.Absent)
	})
}

// block is a resource with the attributes that mention what is own.
func (t *Tree) block(f Finding, found []Finding, own Own, by Replacer, patches []engine.Patch) (string, bool) {
	s := t.kinds[f.Kind]
	attrs := map[string]cty.Value{}
	for _, a := range s.Attrs {
		attrs[a.Name] = cty.NullVal(a.Type)
	}
	for _, g := range found {
		if g.resource != f.resource || g.Kept || said(patches, f.resource.Addr, g.Attr) {
			continue
		}
		v, ok := replaced(f.resource.Value.GetAttr(g.Attr), own, by)
		if !ok {
			return "", false
		}
		attrs[g.Attr] = v
	}
	return string(lang.EncodeResource(&engine.Resource{Addr: f.resource.Addr, Value: cty.ObjectVal(attrs)}, s)), true
}

// file is a whole file with what is own replaced.
func (t *Tree) file(f Finding, own Own, by Replacer, o *Overlay) (string, bool) {
	src, err := t.files.ReadFile(f.File)
	if err != nil || lang.Escape(f.File) != f.File || strings.ContainsAny(f.File, `"\${%`) || path.Clean(f.File) != f.File {
		return "", false
	}
	text, ok := Replace(src, own, by)
	if !ok {
		return "", false
	}
	name := path.Join(o.Dir, f.File)
	o.Data[name] = text
	return fmt.Sprintf("# No lens shows it: all of it is %s's own from here on.\nfile %q { source = %q }\n", o.Host, f.File, name), true
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			b.WriteString("  ")
		}
		b.WriteString(line)
	}
	return b.String()
}
