package lang

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
)

// Lock files hold one resource a line in fields between single spaces. A field
// is Escape's form, with spaces escaped as well; "-" is the empty one.

const emptyField = "-"

// field writes raw bytes as a positional field.
func field(raw string) string {
	switch {
	case raw == "":
		return emptyField
	case raw == emptyField:
		return "%2D"
	case raw[0] == '#':
		return "%23" + fieldValue(raw[1:])
	}
	return fieldValue(raw)
}

// fieldValue writes what stands after '=' in a field: it may be empty.
func fieldValue(raw string) string { return strings.ReplaceAll(Escape(raw), " ", "%20") }

// unfield is the inverse of field, and of fieldValue for all that is not "-".
func unfield(s string) (string, error) {
	if s == emptyField {
		return "", nil
	}
	return Unescape(s)
}

// addrField writes an address: a file's is its path alone, others are
// kind:in:name with the colons in the parts escaped.
func addrField(a engine.Addr) string {
	if a.Kind == "file" && a.In == "" && strings.HasPrefix(a.Name, "/") {
		return field(a.Name)
	}
	part := func(s string) string { return strings.ReplaceAll(fieldValue(s), ":", "%3A") }
	return part(a.Kind) + ":" + part(a.In) + ":" + part(a.Name)
}

func parseAddrField(s string) (engine.Addr, error) {
	if strings.HasPrefix(s, "/") {
		name, err := Unescape(s)
		return engine.Addr{Kind: "file", Name: name}, err
	}
	parts := strings.Split(s, ":")
	if len(parts) != 3 {
		return engine.Addr{}, fmt.Errorf("%q is no address: want a path or kind:in:name", s)
	}
	for i := range parts {
		raw, err := Unescape(parts[i])
		if err != nil {
			return engine.Addr{}, err
		}
		parts[i] = raw
	}
	return engine.Addr{Kind: parts[0], In: parts[1], Name: parts[2]}, nil
}

// contentLine is the line of files.lock for a resource's content. Of a kind
// whose block cannot say what its node is, the line says that too.
func contentLine(r *engine.Resource, s engine.Schema) string {
	c := r.Node.Content
	id, sealed := emptyField, emptyField
	if !c.ID.IsZero() {
		id = c.ID.String()
	}
	if c.Sealed {
		sealed = "sealed"
	}
	line := fmt.Sprintf("%s %d %s %s %s", id, c.Size, sealed, addrField(r.Addr), field(r.Package))
	if !s.Node {
		n := *r.Node
		n.Content = hosts.Content{}
		line += " " + nodeLine(&n)
	}
	return line + "\n"
}

// Words of pristine.lock for how a resource stands to what its package
// installed.
const (
	pristineSame   = "same"   // it is that
	pristineEdited = "edited" // it is not: see the kind's .hcl
	pristineOwned  = "owned"  // what that was is not known
)

func pristineLine(r *engine.Resource) string {
	line := addrField(r.Addr) + " " + field(r.Package) + " "
	switch {
	case r.Pristine == nil:
		return line + pristineOwned + "\n"
	case r.IsPristine():
		return line + pristineSame + " " + nodeLine(r.Pristine) + "\n"
	}
	return line + pristineEdited + " " + nodeLine(r.Pristine) + "\n"
}

// nodeLine writes a whole node as fields.
func nodeLine(n *hosts.Node) string {
	if n.Type == hosts.Absent {
		return n.Type.String()
	}
	var b strings.Builder
	b.WriteString(n.Type.String())
	for _, f := range nodeFields(n) {
		if f.pairs == nil {
			b.WriteString(" " + f.name + "=" + fieldValue(f.text))
			continue
		}
		for _, k := range slices.Sorted(maps.Keys(f.pairs)) {
			b.WriteString(" xattr:" + strings.ReplaceAll(fieldValue(k), "=", "%3D") + "=" + fieldValue(f.pairs[k]))
		}
	}
	if n.Content.Size != 0 {
		b.WriteString(" size=" + strconv.FormatInt(n.Content.Size, 10))
	}
	if n.Content.Sealed {
		b.WriteString(" sealed=true")
	}
	if !n.Content.ID.IsZero() {
		b.WriteString(" id=" + n.Content.ID.String())
	}
	return b.String()
}

// parseNodeLine is the inverse of nodeLine.
func parseNodeLine(fields []string) (*hosts.Node, error) {
	if len(fields) == 0 {
		return nil, fmt.Errorf("the type is missing")
	}
	t, known := nodeTypes[fields[0]]
	if !known {
		return nil, fmt.Errorf("%q is no type", fields[0])
	}
	n := blankNode(t)
	if t == hosts.Absent && len(fields) > 1 {
		return nil, fmt.Errorf("what is absent has no %s", fields[1])
	}
	for _, f := range fields[1:] {
		key, escaped, ok := strings.Cut(f, "=")
		if !ok {
			return nil, fmt.Errorf("%q is not ATTRIBUTE=VALUE", f)
		}
		text, err := Unescape(escaped)
		if err != nil {
			return nil, err
		}
		if err := setLineField(n, key, text); err != nil {
			return nil, err
		}
	}
	return n, nil
}

func setLineField(n *hosts.Node, key, text string) (err error) {
	if name, ok := strings.CutPrefix(key, "xattr:"); ok {
		if name, err = Unescape(name); err != nil {
			return err
		}
		if n.Xattrs == nil {
			n.Xattrs = map[string]string{}
		}
		n.Xattrs[name] = text
		return nil
	}
	switch key {
	case "size":
		n.Content.Size, err = parseSize(text)
	case "id":
		n.Content.ID, err = hosts.ParseID(text)
	case "sealed":
		n.Content.Sealed = text == "true"
	default:
		err = setNodeField(n, key, text)
	}
	return err
}

func parseSize(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is no size in bytes", s)
	}
	return n, nil
}

// Names of attributes that a lock file treats in its own way.
const (
	askedAttr   = "asked"   // a bool: the kind has a lock file
	versionAttr = "version" // its second column
)

// hasLock reports whether all of a kind is in a lock file, and its .hcl names
// only what was asked for.
func hasLock(s engine.Schema) bool {
	a, ok := s.Attr(askedAttr)
	return ok && a.Type == cty.Bool && !s.Node
}

func asked(r *engine.Resource) bool {
	if r.Value == cty.NilVal || r.Value.IsNull() {
		return false
	}
	v := r.Value.GetAttr(askedAttr)
	return v.IsKnown() && !v.IsNull() && v.True()
}

// lockLine is a resource's line in the lock of its kind: name, version, and
// what else is not the default: name=text, name for true, name=false, !name
// for null, @in for the address's In. A value of another type is HCL. Asked is
// said by the .hcl, and here where it is null.
func lockLine(r *engine.Resource, s engine.Schema) (string, error) {
	version, rest := emptyField, ""
	for _, a := range s.Attrs {
		v, err := attrValue(r, a)
		if err != nil {
			return "", err
		}
		switch {
		case a.Name == askedAttr:
			if v.IsNull() {
				rest += " !" + askedAttr
			}
		case isVersion(a) && !v.IsNull() && v.AsString() != "":
			version = field(v.AsString())
		case isVersion(a) && v.IsNull(): // the "-"
		case v.RawEquals(defaultOf(a)):
		default:
			text, err := lockAttr(a, v)
			if err != nil {
				return "", fmt.Errorf("attribute %s: %w", a.Name, err)
			}
			rest += " " + text
		}
	}
	if r.Addr.In != "" {
		rest += " @" + fieldValue(r.Addr.In)
	}
	return field(r.Addr.Name) + " " + version + rest + "\n", nil
}

func isVersion(a engine.Attr) bool { return a.Name == versionAttr && a.Type == cty.String }

func lockAttr(a engine.Attr, v cty.Value) (string, error) {
	switch {
	case v.IsNull():
		return "!" + a.Name, nil
	case a.Type == cty.String:
		return a.Name + "=" + fieldValue(v.AsString()), nil
	case a.Type == cty.Bool && v.True():
		return a.Name, nil
	}
	text, err := textOf(v, 0, 0)
	return a.Name + "=" + fieldValue(text), err
}
