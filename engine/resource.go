// Package engine is the contract of hikae and its one path from "what is" to
// "what should be": resources, modules that read and write them, the desired
// state compiled from a snapshot and overlays, and the plan that compares it
// with a host and with what was last applied there. engine/execute applies that.
//
// Modules run beside the data, in the agent; compile and plan run in the
// controller. The wire between them is engine/agent.
package engine

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/hosts"
)

// Addr names a resource on a host. All three are raw bytes, comparable.
type Addr struct {
	Kind string // "file", "package", ...
	In   string // what Name is looked up in, where names alone are not unique; mostly ""
	Name string
}

// String gives kind:name, or kind:in/name.
func (a Addr) String() string {
	if a.In != "" {
		return a.Kind + ":" + a.In + "/" + a.Name
	}
	return a.Kind + ":" + a.Name
}

// ParseAddr reads kind:name.
func ParseAddr(s string) (Addr, error) {
	kind, name, ok := strings.Cut(s, ":")
	if !ok || kind == "" || name == "" {
		return Addr{}, fmt.Errorf("cannot read address %q: want kind:name, as in file:/etc/hosts", s)
	}
	return Addr{Kind: kind, Name: name}, nil
}

// Compare orders addresses by kind, in and name.
func (a Addr) Compare(b Addr) int {
	if c := strings.Compare(a.Kind, b.Kind); c != 0 {
		return c
	}
	if c := strings.Compare(a.In, b.In); c != 0 {
		return c
	}
	return strings.Compare(a.Name, b.Name)
}

// Resource is one thing on a host: as it was read, or as it should be.
type Resource struct {
	Addr Addr

	// Value holds the attributes of the kind's Schema, an object with all of
	// them; null where the host says nothing or the wish leaves it open.
	// cty.NilVal for a kind that is all Node.
	Value cty.Value

	// Node is what stands at Addr.Name, for a kind with Schema.Node.
	// Node.Type Absent: nothing should stand there.
	Node *hosts.Node

	// Package is the name of the package that owns the path, Pristine what it
	// installed there: both only for files. A Read node that equals Pristine
	// is the package's own and is no part of a snapshot's wishes.
	Package  string
	Pristine *hosts.Node

	Range hcl.Range // where it was written, if it was
	After []Addr    // what must be applied before it, within its stage
	Needs []Addr    // as it was read: what it could not do without
}

// IsPristine reports whether the resource is just what its package installed.
func (r *Resource) IsPristine() bool {
	return r.Pristine != nil && r.Node.Equal(r.Pristine)
}

// Contents lists the contents that the resource cannot be made without: a
// file's bytes, and the secrets its attributes name.
func (r *Resource) Contents(s Schema) []hosts.Content {
	var cs []hosts.Content
	if r.Node != nil && r.Node.Type == hosts.File && !r.Node.Content.ID.IsZero() {
		cs = append(cs, r.Node.Content)
	}
	for _, a := range s.Attrs {
		if !a.Secret || r.Value == cty.NilVal {
			continue
		}
		if v := r.Value.GetAttr(a.Name); !v.IsNull() {
			if c, err := ParseSecret(v.AsString()); err == nil {
				cs = append(cs, c)
			}
		}
	}
	return cs
}

// secretPrefix marks a string attribute that names a sealed content.
const secretPrefix = "sealed:"

// SecretRef is how a secret attribute is written: "sealed:ID:SIZE".
func SecretRef(c hosts.Content) string {
	return fmt.Sprintf("%s%s:%d", secretPrefix, c.ID, c.Size)
}

// NoSecret is a secret attribute that says that there is none, where its schema has
// that for the default; null says nothing of it.
const NoSecret = ""

// ParseSecret is the inverse of SecretRef.
func ParseSecret(s string) (hosts.Content, error) {
	rest, ok := strings.CutPrefix(s, secretPrefix)
	id, size, ok2 := strings.Cut(rest, ":")
	if !ok || !ok2 {
		return hosts.Content{}, fmt.Errorf("cannot read secret: want %sID:SIZE", secretPrefix)
	}
	c := hosts.Content{Sealed: true}
	var err error
	if c.ID, err = hosts.ParseID(id); err != nil {
		return hosts.Content{}, err
	}
	if _, err := fmt.Sscanf(size, "%d", &c.Size); err != nil {
		return hosts.Content{}, fmt.Errorf("cannot read secret: size %q", size)
	}
	return c, nil
}

// Schema describes a kind: what its resources hold and when they are applied.
type Schema struct {
	Kind  string
	Doc   string // one sentence, for the reference
	Label string // what the block's label is, for the reference: "absolute path"
	Stage Stage
	Attrs []Attr
	// Node: resources have a hosts.Node, so the language gives their blocks
	// type, mode, owner, group, acl, default_acl, xattrs, caps, label, link,
	// and content or source.
	Node bool
	// Condition: resources are conditions of the host that hold or do not, each
	// attribute a bool. They are never created nor removed; on another host than
	// the one they were read on they are wished to hold.
	Condition bool
}

// ByKind gives schemas by the kind they describe.
func ByKind(schemas []Schema) map[string]Schema {
	m := make(map[string]Schema, len(schemas))
	for _, s := range schemas {
		m[s.Kind] = s
	}
	return m
}

// Attr is one attribute of a kind.
type Attr struct {
	Name   string
	Type   cty.Type
	Secret bool // holds a SecretRef, or NoSecret; redacted wherever it is shown
	Info   bool // said for the reader; never compared, never applied
	// File: names a file of the project, whose bytes come with the resource as
	// the content of its Node, a means and no wish.
	File bool
	// Digest: the SHA-256 of those bytes, set beside them: where the bytes are
	// what is wished, this is what is compared.
	Digest bool
	Doc    string // one sentence, with the unit
	// Default is what an attribute that a snapshot's HCL leaves out stands
	// for; cty.NilVal: null.
	Default cty.Value
}

// ObjectType is the type of Resource.Value.
func (s Schema) ObjectType() cty.Type {
	m := make(map[string]cty.Type, len(s.Attrs))
	for _, a := range s.Attrs {
		m[a.Name] = a.Type
	}
	return cty.Object(m)
}

// Attr finds an attribute by name.
func (s Schema) Attr(name string) (Attr, bool) {
	for _, a := range s.Attrs {
		if a.Name == name {
			return a, true
		}
	}
	return Attr{}, false
}

// Action is what a change does to a resource.
type Action string

// The actions.
const (
	Create Action = "create"
	Update Action = "update"
	Delete Action = "delete"
)

// Change is one difference between desired and actual.
type Change struct {
	Addr   Addr
	Action Action
	Before *Resource // as read; nil where there is none
	After  *Resource // as it should be; nil for Delete
	Why    string    // what the reader of a plan must know beyond the difference
}
