package lang

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
)

// inlineMax is the size in bytes up to which a source is read with the
// project; a larger one is streamed when it is applied.
const inlineMax = 1 << 20

// nodeAttrNames are the attributes of a kind with a node, beside absent.
func nodeAttrNames() []string {
	return []string{
		"acl", "caps", "content", "default_acl", "group", "label", "link",
		"mode", "owner", "source", "type", "xattrs",
	}
}

// nodeAttr reads an attribute that says what stands at a path.
func (r *patchReader) nodeAttr(a *hclsyntax.Attribute, v cty.Value) {
	switch a.Name {
	case "content":
		r.content(a, v)
	case "source":
		r.source(a, v)
	case "xattrs":
		r.xattrs(a, v)
	case "mode":
		r.mode(a, v)
	default:
		r.nodeText(a, v)
	}
}

// mode takes octal digits in a string: in HCL the number 0644 is six hundred
// and forty-four.
func (r *patchReader) mode(a *hclsyntax.Attribute, v cty.Value) {
	if v.Type() == cty.Number && !v.IsNull() && !v.IsMarked() {
		digits, err := numberText(v.AsBigFloat())
		if err != nil || len(digits) > 4 {
			digits = "644"
		}
		r.fail(a.Expr.Range(), "mode is a number, but wants octal digits in a string",
			fmt.Sprintf("HCL has no octal numbers, so 0644 would mean 644 in decimal. Write mode = \"%04s\".", digits))
		return
	}
	c, ok := r.conform(a, v, cty.String)
	if !ok {
		return
	}
	if !c.IsNull() {
		m, err := parseMode(c.AsString())
		if err != nil {
			r.fail(a.Expr.Range(), "mode: "+err.Error(), "Setuid, setgid and the sticky bit are the first of four digits: mode = \"2755\".")
			return
		}
		c = cty.StringVal(modeText(m))
	}
	r.p.Attrs[a.Name] = c
}

// nodeText reads owner, group, acl, default_acl, caps, label, link and type.
func (r *patchReader) nodeText(a *hclsyntax.Attribute, v cty.Value) {
	c, ok := r.conform(a, v, cty.String)
	if !ok {
		return
	}
	if !c.IsNull() {
		text := c.AsString()
		if a.Name == "link" {
			var err error
			if text, err = unescapeCty(text); err != nil {
				r.fail(a.Expr.Range(), "link: "+err.Error(), "A link's target is written like a label: odd bytes as %XX, and no letter apart from its accent.")
				return
			}
			c = cty.StringVal(text)
		}
		if err := checkNodeText(a.Name, text); err != nil {
			r.fail(a.Expr.Range(), fmt.Sprintf("%s: %q cannot be used", a.Name, text), sentence(err))
			return
		}
	}
	r.p.Attrs[a.Name] = c
}

// unescapeCty gives raw bytes that a cty string can hold.
func unescapeCty(s string) (string, error) {
	raw, err := Unescape(s)
	if err == nil && cty.NormalizeString(raw) != raw {
		err = errors.New("these bytes cannot be carried by an overlay: they are letters and accents apart")
	}
	return raw, err
}

var (
	accountName  = engine.Form(`^[^:,/\s\x00-\x1f]{1,256}$`)
	aclEntry     = engine.Form(`^([ugmo]):([^:,\s]*):[r-][w-][x-]$`)
	contextLabel = engine.Form(`^[A-Za-z0-9_.]+:[A-Za-z0-9_.]+:[A-Za-z0-9_.]+(:[A-Za-z0-9_.:,-]+)?$`)
	capsText     = engine.Form(`^([a-z0-9_,]*[=+-][eip]*)( [a-z0-9_,]*[=+-][eip]*)*$`)
)

func checkNodeText(name, s string) error {
	switch name {
	case "type":
		if !slices.Contains([]string{"file", "directory", "link"}, s) {
			return errors.New("a type is file, directory or link")
		}
	case "owner", "group":
		if !accountName().MatchString(s) {
			return errors.New("this is the name of an account, or an id in digits")
		}
	case "acl", "default_acl":
		return checkACL(s)
	case "caps":
		if !capsText().MatchString(s) {
			return errors.New("write capabilities as getcap prints them, as in cap_net_bind_service=ep")
		}
	case "label":
		if !contextLabel().MatchString(s) {
			return errors.New("write an SELinux context, as in system_u:object_r:httpd_sys_content_t:s0")
		}
	case "link":
		if s == "" || len(s) >= maxPath || strings.ContainsRune(s, 0) {
			return errors.New("a link has a target")
		}
	}
	return nil
}

// checkACL wants the whole list in the kernel's order: u:: u:NAME: g:: g:NAME:
// m:: o::.
func checkACL(s string) error {
	const form = "write the whole list in this order: u::rw-,u:alice:r--,g::r--,m::r--,o::---"
	rank, named, mask := -1, false, false
	seen := map[string]bool{}
	for e := range strings.SplitSeq(s, ",") {
		m := aclEntry().FindStringSubmatch(e)
		if m == nil {
			return fmt.Errorf("%q is no entry; %s", e, form)
		}
		is := 2 * strings.Index("ugmo", m[1])
		if m[2] != "" {
			is++
			named = true
		}
		key := m[1] + ":" + m[2]
		if is < rank || seen[key] || m[2] != "" && (m[1] == "m" || m[1] == "o") {
			return errors.New(form)
		}
		rank, seen[key] = is, true
		mask = mask || m[1] == "m"
	}
	if !seen["u:"] || !seen["g:"] || !seen["o:"] || named && !mask {
		return errors.New("the entries u::, g:: and o:: must be there, and m:: where another has a name; " + form)
	}
	return nil
}

func (r *patchReader) xattrs(a *hclsyntax.Attribute, v cty.Value) {
	c, ok := r.conform(a, v, cty.Map(cty.String))
	if !ok {
		return
	}
	if c.IsNull() || c.LengthInt() == 0 {
		r.p.Attrs[a.Name] = c
		return
	}
	raw := map[string]cty.Value{}
	for escaped, e := range c.AsValueMap() {
		if e.IsNull() {
			r.fail(a.Expr.Range(), fmt.Sprintf("xattrs: %q is null", escaped), "The map is the whole of them: leave out what should not be there.")
			return
		}
		key, err := unescapeCty(escaped)
		if err == nil && !strings.HasPrefix(key, "user.") {
			err = errors.New("only user.* attributes are carried; label, acl and caps have attributes of their own")
		}
		value := ""
		if err == nil {
			value, err = unescapeCty(e.AsString())
		}
		if err != nil {
			r.fail(a.Expr.Range(), fmt.Sprintf("xattrs: %q cannot be used", escaped), sentence(err))
			return
		}
		raw[key] = cty.StringVal(value)
	}
	r.p.Attrs[a.Name] = cty.MapVal(raw)
}

// content takes bytes from the text itself.
func (r *patchReader) content(a *hclsyntax.Attribute, v cty.Value) {
	if v.IsMarked() {
		r.fail(a.Expr.Range(), "content cannot be a secret", "A file with a secret travels from the primary, sealed; it is not written in an overlay.")
		return
	}
	c, ok := r.conform(a, v, cty.String)
	if !ok {
		return
	}
	if c.IsNull() {
		r.fail(a.Expr.Range(), "content is null, but a file has bytes", "Remove it to keep the snapshot's, write \"\" for an empty file, or absent = true for none.")
		return
	}
	r.p.Content = []byte(c.AsString())
}

// source takes bytes from a file of the project.
func (r *patchReader) source(a *hclsyntax.Attribute, v cty.Value) {
	c, ok := r.conform(a, v, cty.String)
	if !ok {
		return
	}
	if c.IsNull() {
		r.fail(a.Expr.Range(), "source is null, but a file has bytes", "Remove it to keep the snapshot's.")
		return
	}
	r.bytesOf(a, c.AsString())
}

// projectFile reads an attribute that names a file whose bytes come with the
// resource, such as a package's rpm.
func (r *patchReader) projectFile(a *hclsyntax.Attribute, v cty.Value) {
	c, ok := r.conform(a, v, cty.String)
	if !ok {
		return
	}
	r.p.Attrs[a.Name] = c
	if !c.IsNull() {
		r.bytesOf(a, c.AsString())
	}
}

// bytesOf takes the bytes of a file of the project: now, or as something to
// stream when they are many.
func (r *patchReader) bytesOf(a *hclsyntax.Attribute, name string) {
	info, err := r.l.projectFile(name)
	if err == nil && info.Size() <= inlineMax {
		r.p.Content, err = readBounded(r.l.fsys, name, inlineMax)
	} else if err == nil {
		r.p.ContentFrom = name
		if r.l.opts.Dir != "" {
			r.p.ContentFrom = filepath.Join(r.l.opts.Dir, filepath.FromSlash(name))
		}
	}
	if err != nil {
		var pathErr *fs.PathError
		if errors.As(err, &pathErr) {
			err = pathErr.Err
		}
		r.fail(a.Expr.Range(), fmt.Sprintf("cannot read %s %q", a.Name, name), sentence(err))
	}
}

// checkNode checks that the attributes of a path go together.
func (r *patchReader) checkNode(b *hclsyntax.Block) {
	_, hasContent := b.Body.Attributes["content"]
	_, hasSource := b.Body.Attributes["source"]
	text := func(name string) string {
		if v, given := r.p.Attrs[name]; given && !v.IsNull() {
			return v.AsString()
		}
		return ""
	}
	switch t := text("type"); {
	case (hasContent || hasSource) && (t == "directory" || t == "link" || text("link") != ""):
		r.fail(b.DefRange(), "only a file has content", "Remove content and source, or type and link.")
	case t == "link" && text("link") == "":
		r.fail(r.p.Ranges["type"], "a link has a target", "Write link = \"TARGET\"; type is then not needed.")
	case text("link") != "" && t != "" && t != "link":
		r.fail(r.p.Ranges["type"], "a "+t+" has no link", "Remove link, or type.")
	case text("link") != "" && text("mode") != "":
		r.fail(r.p.Ranges["mode"], "a link has no mode", "Remove it: what counts is the mode of the target.")
	case text("default_acl") != "" && t != "directory" && t != "":
		r.fail(r.p.Ranges["default_acl"], "only a directory has a default ACL", "Remove it, or write type = \"directory\".")
	}
}
