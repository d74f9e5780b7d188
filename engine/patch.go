package engine

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/hosts"
)

// Rank orders the layers that make up a host's desired state: a higher one
// wins. The same attribute twice at one rank is an error.
type Rank int

// The ranks, lowest first.
const (
	RankSnapshot Rank = iota
	RankRole
	RankHost
)

// Patch is what an overlay says of one resource.
type Patch struct {
	Addr   Addr
	Rank   Rank
	Absent bool // the resource is to be removed
	// Attrs are the attributes written, converted to the schema's types; null
	// means the package's default. Node attributes go by their names in the
	// language: mode, owner, group, acl, default_acl, xattrs, caps, label,
	// link, type; bytes are in Content.
	Attrs map[string]cty.Value
	// Content is the bytes given by content or source; nil where neither was.
	Content []byte
	// ContentFrom is a file to stream the bytes from where they were not
	// loaded (source over 1 MiB); "" otherwise.
	ContentFrom string

	Range  hcl.Range            // of the block
	Ranges map[string]hcl.Range // of each attribute
}

// patch lays an overlay over one resource.
func (c *compiler) patch(p Patch, s Schema) error {
	r := c.out.Resources[p.Addr]
	if asShipped := c.out.Pristine[p.Addr]; r == nil && asShipped != nil {
		changed := *asShipped // the package's own file, but for what is written
		changed.Node = asShipped.Node.Clone()
		r = &changed
	}
	if r == nil {
		r = &Resource{Addr: p.Addr}
		if len(s.Attrs) > 0 {
			r.Value = nullObject(s)
		}
		if s.Node && !p.Absent && !p.describesNode() {
			return fmt.Errorf("%s is not in the snapshot, so the overlay must say what it is: give it content, source, link or type", p.Addr)
		}
	}
	delete(c.out.Pristine, p.Addr)
	r.Range = p.Range
	if p.Absent {
		if !s.Node {
			delete(c.out.Resources, p.Addr)
			return nil
		}
		r.Node = &hosts.Node{Type: hosts.Absent}
		c.out.Resources[p.Addr] = r
		return nil
	}
	if len(s.Attrs) > 0 {
		attrs := r.Value.AsValueMap()
		for name, v := range p.Attrs {
			if _, ok := s.Attr(name); ok {
				attrs[name] = v
			}
		}
		r.Value = cty.ObjectVal(attrs)
	}
	if s.Node {
		c.say(p)
		if r.Node == nil || r.Node.Type == hosts.Absent {
			r.Node = defaultNode(p)
		}
		if err := c.patchNode(r.Node, r.Pristine, p); err != nil {
			return err
		}
	}
	if !s.Node && (p.Content != nil || p.ContentFrom != "") {
		content, err := inlineContent(p)
		if err != nil {
			return err
		}
		r.Node = &hosts.Node{Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root", Content: content}
		r.Value = withDigest(s, r.Value, content)
		c.out.Inline[content.ID] = Inline{Data: p.Content, From: p.ContentFrom}
	}
	c.out.Resources[p.Addr] = r
	c.out.Held = slices.DeleteFunc(c.out.Held, func(n Note) bool { return n.Addr == p.Addr })
	return nil
}

// withDigest names the content in the attribute by which it is compared.
func withDigest(s Schema, v cty.Value, c hosts.Content) cty.Value {
	attrs := v.AsValueMap()
	for _, a := range s.Attrs {
		if a.Digest {
			attrs[a.Name] = cty.StringVal(c.ID.String())
		}
	}
	return cty.ObjectVal(attrs)
}

func (p Patch) describesNode() bool {
	return p.Content != nil || p.ContentFrom != "" || p.Attrs["type"] != cty.NilVal || p.Attrs["link"] != cty.NilVal
}

// nullObject is an object of the schema with nothing said.
func nullObject(s Schema) cty.Value {
	attrs := make(map[string]cty.Value, len(s.Attrs))
	for _, a := range s.Attrs {
		attrs[a.Name] = cty.NullVal(a.Type)
	}
	return cty.ObjectVal(attrs)
}
