package lang

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
)

// Files of a snapshot beside the one for each kind.
const (
	headerFile   = "snapshot.hcl"
	filesLock    = "files.lock"
	pristineLock = "pristine.lock"
)

// kindFile names the file that holds the resources of a kind: users.hcl.
func kindFile(kind string) string { return pluralKind(kind) + ".hcl" }

// kindLock names the lock file of a kind that has one: packages.lock.
func kindLock(kind string) string { return pluralKind(kind) + ".lock" }

func pluralKind(kind string) string {
	switch {
	case strings.HasSuffix(kind, "s"), strings.HasSuffix(kind, "x"):
		return kind
	case strings.HasSuffix(kind, "y") && !strings.HasSuffix(kind, "ey"):
		return strings.TrimSuffix(kind, "y") + "ies"
	}
	return kind + "s"
}

// EncodeSnapshot writes a snapshot as the files of its directory, by name:
//
//   - snapshot.hcl: host, time, facts and coverage;
//   - KINDs.hcl for each kind: its resources, with what is not the default.
//     Of a kind with an attribute "asked" only those asked for, by name;
//   - KINDs.lock for such a kind (packages.lock): all of its resources;
//   - files.lock: the content of each file named in an .hcl;
//   - pristine.lock: what the packages installed, and which files are still it.
//
// DecodeSnapshot reads them back; Resource.Range and After are not kept. Equal
// snapshots give equal bytes, and time and facts are in snapshot.hcl alone.
// A resource that could not be read back is an error that names it.
func EncodeSnapshot(s *engine.Snapshot, schemas []engine.Schema) (map[string][]byte, error) {
	e := &encoder{
		host:    s.Host,
		schemas: bySchemaKind(schemas),
		kinds:   map[string]*blockWriter{},
		locks:   map[string]*bytes.Buffer{},
	}
	resources := make([]*engine.Resource, len(s.Resources))
	for i := range s.Resources {
		resources[i] = &s.Resources[i]
	}
	slices.SortFunc(resources, func(a, b *engine.Resource) int { return a.Addr.Compare(b.Addr) })
	for i, r := range resources {
		if i > 0 && resources[i-1].Addr == r.Addr {
			return nil, fmt.Errorf("cannot encode snapshot: %s is in it twice", r.Addr)
		}
		if err := e.resource(r); err != nil {
			return nil, fmt.Errorf("cannot encode snapshot: %s: %w", r.Addr, err)
		}
	}
	return e.files(s), nil
}

func bySchemaKind(schemas []engine.Schema) map[string]engine.Schema {
	m := make(map[string]engine.Schema, len(schemas))
	for _, s := range schemas {
		m[s.Kind] = s
	}
	return m
}

type encoder struct {
	host    string
	schemas map[string]engine.Schema
	kinds   map[string]*blockWriter
	locks   map[string]*bytes.Buffer
}

func (e *encoder) resource(r *engine.Resource) error {
	s, known := e.schemas[r.Addr.Kind]
	if !known {
		return errors.New("its kind has no schema")
	}
	if err := checkResource(r, s); err != nil {
		return err
	}
	if r.Package != "" || r.Pristine != nil {
		e.lock(pristineLock).WriteString(pristineLine(r))
	}
	if r.IsPristine() && len(s.Attrs) == 0 {
		return nil
	}
	if hasContent(r.Node) || !s.Node && r.Node != nil {
		e.lock(filesLock).WriteString(contentLine(r, s))
	}
	if hasLock(s) {
		line, err := lockLine(r, s)
		if err != nil {
			return err
		}
		e.lock(kindLock(s.Kind)).WriteString(line)
		if asked(r) {
			e.kind(s.Kind).block(0, blockHeader(r.Addr), nil)
		}
		return nil
	}
	attrs, err := valueAttrs(r, s)
	if err != nil {
		return err
	}
	if s.Node {
		attrs = append(nodeAttrs(r.Node), attrs...)
	}
	e.kind(s.Kind).block(0, blockHeader(r.Addr), attrs)
	return nil
}

// checkResource refuses what DecodeSnapshot would not give back.
func checkResource(r *engine.Resource, s engine.Schema) error {
	if s.Node {
		if r.Node == nil {
			return errors.New("it has no node")
		}
		if err := checkPath(r.Addr.Name); err != nil {
			return err
		}
	}
	if r.Addr.Name == "" {
		return errors.New("it has no name")
	}
	for _, n := range []*hosts.Node{r.Node, r.Pristine} {
		if n == nil {
			continue
		}
		if n.Type.String() == "other" && n.Type != hosts.Other {
			return fmt.Errorf("node type %d is unknown", n.Type)
		}
		if n.Mode > maxMode {
			return fmt.Errorf("mode %o is more than a mode", n.Mode)
		}
		if n.Content.Size < 0 {
			return fmt.Errorf("a content of %d bytes", n.Content.Size)
		}
	}
	return nil
}

// hasContent reports whether a node is a file, whose content is in files.lock.
func hasContent(n *hosts.Node) bool {
	return n != nil && (n.Type == hosts.File || n.Type != hosts.Absent && n.Content != hosts.Content{})
}

// blockHeader writes kind and name, and what the name is looked up in.
func blockHeader(a engine.Addr) string {
	if a.In != "" {
		return header(a.Kind, a.In, a.Name)
	}
	return header(a.Kind, a.Name)
}

// valueAttrs writes the attributes that are not what reading would fill in.
func valueAttrs(r *engine.Resource, s engine.Schema) ([]attrText, error) {
	var attrs []attrText
	for _, a := range s.Attrs {
		v, err := attrValue(r, a)
		if err != nil {
			return nil, err
		}
		if v.RawEquals(defaultOf(a)) {
			continue
		}
		text, err := attrHCL(v, len(a.Name))
		if err != nil {
			return nil, fmt.Errorf("attribute %s: %w", a.Name, err)
		}
		attrs = append(attrs, attrText{a.Name, text})
	}
	return attrs, nil
}

// attrValue is the value of an attribute, null where there is none. The error
// does not show it.
func attrValue(r *engine.Resource, a engine.Attr) (cty.Value, error) {
	if r.Value == cty.NilVal || r.Value.IsNull() {
		return cty.NullVal(a.Type), nil
	}
	if !r.Value.Type().IsObjectType() || !r.Value.Type().HasAttribute(a.Name) {
		return cty.NilVal, fmt.Errorf("attribute %s is not in its value", a.Name)
	}
	v := r.Value.GetAttr(a.Name)
	if !v.Type().Equals(a.Type) {
		return cty.NilVal, fmt.Errorf("attribute %s is %s, not %s", a.Name, v.Type().FriendlyName(), a.Type.FriendlyName())
	}
	if v.IsWhollyKnown() {
		if err := checkAttr(a, v); err != nil {
			return cty.NilVal, fmt.Errorf("attribute %s: %w", a.Name, err)
		}
	}
	return v, nil
}

// checkSecret makes sure that a secret attribute names a sealed content and is
// no secret itself. The error does not show it.
func checkSecret(s string) error {
	c, err := engine.ParseSecret(s)
	if err != nil || c.Size < 0 || engine.SecretRef(c) != s {
		return errors.New("it is not sealed: want sealed:ID:SIZE")
	}
	return nil
}

// defaultOf is what an attribute that is left out stands for.
func defaultOf(a engine.Attr) cty.Value {
	if a.Default == cty.NilVal {
		return cty.NullVal(a.Type)
	}
	return a.Default
}

// attrHCL writes a value that stands after a name of so many bytes in a block.
func attrHCL(v cty.Value, name int) (string, error) {
	if v.IsKnown() && !v.IsMarked() && !v.IsNull() && v.Type() == cty.String {
		if text, ok := heredoc(v.AsString()); ok {
			return text, nil
		}
	}
	return textOf(v, 2, name+5)
}

func (e *encoder) kind(kind string) *blockWriter {
	w := e.kinds[kind]
	if w == nil {
		w = &blockWriter{}
		w.buf.WriteString(notice(e.host, kind))
		e.kinds[kind] = w
	}
	return w
}

func (e *encoder) lock(name string) *bytes.Buffer {
	b := e.locks[name]
	if b == nil {
		b = &bytes.Buffer{}
		b.WriteString(lockNotice(name))
		e.locks[name] = b
	}
	return b
}

func (e *encoder) files(s *engine.Snapshot) map[string][]byte {
	out := map[string][]byte{headerFile: encodeHeader(s)}
	for kind, w := range e.kinds {
		out[kindFile(kind)] = w.buf.Bytes()
	}
	for name, b := range e.locks {
		out[name] = b.Bytes()
	}
	return out
}
