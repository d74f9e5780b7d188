package lang

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"hikae/hosts"
)

// nodeTypes are the words for what stands at a path.
var nodeTypes = map[string]hosts.NodeType{
	"absent":    hosts.Absent,
	"file":      hosts.File,
	"directory": hosts.Dir,
	"link":      hosts.Link,
	"other":     hosts.Other,
}

// maxMode is every bit of a mode.
const maxMode = 0o7777

// defaultMode is what a node has where its mode is left out.
func defaultMode(t hosts.NodeType) uint32 {
	switch t {
	case hosts.Dir:
		return 0o755
	case hosts.Link, hosts.Absent:
		return 0
	}
	return 0o644
}

const defaultOwner = "root"

// nodeField is one attribute of a node that is not the default: its name in
// the language and its raw text, or, of xattrs, its pairs.
type nodeField struct {
	name  string
	text  string
	pairs map[string]string
}

// nodeFields lists what is not the default, in the order it is written in.
// Type and content are not among them.
func nodeFields(n *hosts.Node) []nodeField {
	var fs []nodeField
	add := func(name, text, fallback string) {
		if text != fallback {
			fs = append(fs, nodeField{name: name, text: text})
		}
	}
	add("link", n.Link, "")
	add("mode", modeText(n.Mode), modeText(defaultMode(n.Type)))
	add("owner", n.Owner, defaultOwner)
	add("group", n.Group, defaultOwner)
	add("acl", n.ACL, "")
	add("default_acl", n.DefaultACL, "")
	add("caps", n.Caps, "")
	add("label", n.Label, "")
	if len(n.Xattrs) > 0 {
		fs = append(fs, nodeField{name: "xattrs", pairs: n.Xattrs})
	}
	return fs
}

func modeText(m uint32) string { return fmt.Sprintf("%04o", m) }

func parseMode(s string) (uint32, error) {
	m, err := strconv.ParseUint(s, 8, 32)
	if err != nil || m > maxMode {
		return 0, fmt.Errorf("%q is no mode: want octal digits, as in \"0644\"", s)
	}
	return uint32(m), nil
}

// setNodeField sets a field of text by its name.
func setNodeField(n *hosts.Node, name, text string) error {
	switch name {
	case "link":
		n.Link = text
	case "mode":
		m, err := parseMode(text)
		n.Mode = m
		return err
	case "owner":
		n.Owner = text
	case "group":
		n.Group = text
	case "acl":
		n.ACL = text
	case "default_acl":
		n.DefaultACL = text
	case "caps":
		n.Caps = text
	case "label":
		n.Label = text
	default:
		return fmt.Errorf("there is no %q here", name)
	}
	return nil
}

// blankNode is a node of a type with every default.
func blankNode(t hosts.NodeType) *hosts.Node {
	if t == hosts.Absent {
		return &hosts.Node{}
	}
	return &hosts.Node{Type: t, Mode: defaultMode(t), Owner: defaultOwner, Group: defaultOwner}
}

// nodeAttrs writes a node as attributes of a block. It says nothing of the
// content.
func nodeAttrs(n *hosts.Node) []attrText {
	if n.Type == hosts.Absent {
		return []attrText{{"absent", "true"}}
	}
	var attrs []attrText
	if n.Type != hosts.File {
		attrs = append(attrs, attrText{"type", quote(n.Type.String())})
	}
	for _, f := range nodeFields(n) {
		if f.pairs == nil {
			attrs = append(attrs, attrText{f.name, rawText(f.text)})
			continue
		}
		attrs = append(attrs, attrText{f.name, rawMapText(f.pairs)})
	}
	return attrs
}

// rawText writes raw bytes as an HCL string.
func rawText(s string) string { return quote(Escape(s)) }

func rawMapText(m map[string]string) string {
	items := make([]attrText, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		items = append(items, attrText{rawText(k), rawText(m[k])})
	}
	return objectOf(items, 2, lineWidth/4)
}

func rawListText(list []string) string {
	items := make([]string, len(list))
	for i, s := range list {
		items[i] = rawText(s)
	}
	return listOf(items, 2, lineWidth/4)
}
