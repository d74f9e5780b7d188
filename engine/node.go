package engine

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/zclconf/go-cty/cty"

	"hikae/hosts"
)

// defaultNode is what a path is where an overlay says no more: root's, 0644 or
// 0755 for a directory, with the policy's label.
func defaultNode(p Patch) *hosts.Node {
	n := &hosts.Node{Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root"}
	switch {
	case p.Attrs["link"] != cty.NilVal && !p.Attrs["link"].IsNull():
		n.Type, n.Mode = hosts.Link, 0
	case p.Attrs["type"] != cty.NilVal && !p.Attrs["type"].IsNull() && p.Attrs["type"].AsString() == "directory":
		n.Type, n.Mode = hosts.Dir, 0o755
	}
	return n
}

// patchNode sets what an overlay says of a node; null is what the package
// ships, or the default of a path that no package owns.
func (c *compiler) patchNode(n, shipped *hosts.Node, p Patch) error {
	def := shipped
	if def == nil {
		def = defaultNode(p)
	}
	for name, v := range p.Attrs {
		if err := setNodeAttr(n, def, name, v); err != nil {
			return err
		}
	}
	if p.Content == nil && p.ContentFrom == "" {
		return nil
	}
	if n.Type != hosts.File {
		return fmt.Errorf("%s is a %s: content is for files", p.Addr, n.Type)
	}
	content, err := inlineContent(p)
	if err != nil {
		return err
	}
	n.Content = content
	c.out.Inline[content.ID] = Inline{Data: p.Content, From: p.ContentFrom}
	return nil
}

func inlineContent(p Patch) (hosts.Content, error) {
	if p.ContentFrom == "" {
		return hosts.Content{Size: int64(len(p.Content)), ID: sha256.Sum256(p.Content)}, nil
	}
	f, err := os.Open(p.ContentFrom)
	if err != nil {
		return hosts.Content{}, fmt.Errorf("cannot read the source of %s: %w", p.Addr, err)
	}
	defer f.Close() //nolint:errcheck // opened for reading
	h := sha256.New()
	size, err := io.Copy(h, f)
	if err != nil {
		return hosts.Content{}, fmt.Errorf("cannot read the source of %s: %w", p.Addr, err)
	}
	return hosts.Content{Size: size, ID: hosts.ID(h.Sum(nil))}, nil
}

// setNodeAttr sets one attribute by its name in the language.
func setNodeAttr(n, def *hosts.Node, name string, v cty.Value) error {
	text := ""
	isNull := v.IsNull()
	if !isNull && v.Type() == cty.String {
		text = v.AsString()
	}
	set := func(field *string, fallback string) {
		*field = text
		if isNull {
			*field = fallback
		}
	}
	switch name {
	case "type":
		n.Type = def.Type
		if text == "file" {
			n.Type = hosts.File
		}
	case "mode":
		n.Mode = def.Mode
		if !isNull {
			m, err := strconv.ParseUint(text, 8, 12)
			if err != nil {
				return fmt.Errorf("mode %q: want an octal number, as in \"0644\"", text)
			}
			n.Mode = uint32(m)
		}
	case "owner":
		set(&n.Owner, def.Owner)
	case "group":
		set(&n.Group, def.Group)
	case "acl":
		set(&n.ACL, "")
	case "default_acl":
		set(&n.DefaultACL, "")
	case "caps":
		set(&n.Caps, "")
	case "label":
		set(&n.Label, "")
	case "link":
		set(&n.Link, "")
	case "xattrs":
		n.Xattrs = nil
		if !isNull {
			n.Xattrs = map[string]string{}
			for k, e := range v.AsValueMap() {
				n.Xattrs[k] = e.AsString()
			}
		}
	}
	return nil
}
