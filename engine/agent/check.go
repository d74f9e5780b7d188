package agent

import (
	"path"
	"strings"

	"hikae/engine"
	"hikae/hosts"
)

// What a path may be: limits.h's PATH_MAX without its NUL, and NAME_MAX.
const (
	longestPath = 4095
	longestName = 255
)

// checkAddr refuses addresses that no module can mean. Where the kind's names
// are paths (Schema.Node), they are absolute and clean, so that none leads
// elsewhere than it says.
func checkAddr(a engine.Addr, s engine.Schema) error {
	switch {
	case a.Name == "":
		return protocolError("%s without a name", a.Kind)
	case len(a.Name) > longestPath || len(a.In) > longestPath:
		return protocolError("%s with a name of over %d bytes", a.Kind, longestPath)
	case strings.Contains(a.Name, "\x00") || strings.Contains(a.In, "\x00"):
		return protocolError("%s %q holds a NUL", a.Kind, a.Name)
	case s.Node && a.In != "":
		return protocolError("%q is in %q, and a path is in nothing", a.Name, a.In)
	case s.Node:
		return checkPath(a.Name)
	}
	return nil
}

// checkPath refuses what is not an absolute and clean path.
func checkPath(p string) error {
	if !path.IsAbs(p) || path.Clean(p) != p || strings.Contains(p, "\x00") || len(p) > longestPath {
		return protocolError("%q is not an absolute and clean path", p)
	}
	for name := range strings.SplitSeq(p, "/") {
		if len(name) > longestName {
			return protocolError("%q holds a name of over %d bytes", p, longestName)
		}
	}
	return nil
}

// checkNode refuses nodes that no file can be.
func checkNode(n *hosts.Node) error {
	if n == nil {
		return nil
	}
	switch n.Type {
	case hosts.Absent, hosts.File, hosts.Dir, hosts.Link, hosts.Other:
	default:
		return protocolError("node of type %d", n.Type)
	}
	if n.Mode > 0o7777 {
		return protocolError("node with mode %o", n.Mode)
	}
	if n.Content.Size < 0 {
		return protocolError("content of %d bytes", n.Content.Size)
	}
	if (n.Type == hosts.Link) != (n.Link != "") || len(n.Link) > longestPath {
		return protocolError("node of type %q leads to %q", n.Type, n.Link)
	}
	for _, s := range []string{n.Owner, n.Group, n.ACL, n.DefaultACL, n.Caps, n.Label, n.Link} {
		if strings.Contains(s, "\x00") {
			return protocolError("node holds a NUL in %q", s)
		}
	}
	for name := range n.Xattrs {
		// Others are labels, capabilities and ACLs, which have fields of their own.
		if !strings.HasPrefix(name, "user.") || strings.Contains(name, "\x00") || len(name) > longestName {
			return protocolError("node with extended attribute %q", name)
		}
	}
	return nil
}

// checkChange refuses changes that do not hang together.
func checkChange(c *engine.Change) error {
	switch c.Action {
	case engine.Create, engine.Update:
		if c.After == nil {
			return protocolError("%s of %q without an after", c.Action, c.Addr)
		}
	case engine.Delete:
		if c.After != nil {
			return protocolError("delete of %q with an after", c.Addr)
		}
	default:
		return protocolError("action %q of %q", c.Action, c.Addr)
	}
	return nil
}
