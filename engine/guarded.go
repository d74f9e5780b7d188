package engine

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine/rules"
	"hikae/hosts"
)

// guarded names the changes that can make root of somebody, with the reason:
// what a person should look at first. A file that becomes just what its package
// installs is none.
func guarded(changes []Change) []Note {
	var notes []Note
	for i := range changes {
		if why := grantsRoot(&changes[i]); why != "" {
			notes = append(notes, Note{changes[i].Addr, why})
		}
	}
	return notes
}

func grantsRoot(c *Change) string {
	if c.After != nil && c.After.IsPristine() {
		return ""
	}
	switch c.Addr.Kind {
	case "file":
		if r, ok := rules.GuardedPath(c.Addr.Name); ok {
			return r.Why
		}
		return elevated(c)
	case "repo_key":
		return "says whom packages are believed from"
	case "user":
		return userGrants(c)
	case "group":
		return groupGrants(c)
	}
	return ""
}

// elevated tells of a program that runs with more than its caller has, and did
// not before.
func elevated(c *Change) string {
	const setIDs = 0o6000
	if c.After == nil || c.After.Node == nil || c.After.Node.Type != hosts.File {
		return ""
	}
	before := &hosts.Node{}
	if c.Before != nil && c.Before.Node != nil {
		before = c.Before.Node
	}
	switch n := c.After.Node; {
	case n.Mode&setIDs != 0 && (n.Mode&setIDs != before.Mode&setIDs || n.Content != before.Content || n.Owner != before.Owner || n.Group != before.Group):
		return fmt.Sprintf("runs as %s:%s whoever starts it (mode %04o)", n.Owner, n.Group, n.Mode)
	case n.Caps != "" && (n.Caps != before.Caps || n.Content != before.Content):
		return "has capabilities whoever starts it: " + n.Caps
	}
	return ""
}

// userGrants tells of a user who is root, or becomes so by the primary group.
func userGrants(c *Change) string {
	uid, group := attr(c.After, "uid"), attr(c.After, "group")
	if uid.Type() == cty.Number && !uid.IsNull() && uid.RawEquals(cty.NumberIntVal(0)) {
		return "user id 0 is root"
	}
	if group.Type() != cty.String || group.IsNull() || group.RawEquals(attr(c.Before, "group")) {
		return ""
	}
	if r, ok := rules.GuardedGroup(group.AsString()); ok && c.Addr.Name != group.AsString() {
		return fmt.Sprintf("is of the group %s: %s", group.AsString(), r.Why)
	}
	return ""
}

// groupGrants tells of new members of a group that is as good as root.
func groupGrants(c *Change) string {
	r, ok := rules.GuardedGroup(c.Addr.Name)
	if !ok {
		return ""
	}
	old := map[string]bool{}
	for _, m := range names(attr(c.Before, "members")) {
		old[m] = true
	}
	for _, m := range names(attr(c.After, "members")) {
		if !old[m] {
			return fmt.Sprintf("%s becomes a member: %s", m, r.Why)
		}
	}
	return ""
}

// attr is an attribute of a resource, null where it has none.
func attr(r *Resource, name string) cty.Value {
	if r != nil && r.Value != cty.NilVal && r.Value.Type().IsObjectType() && r.Value.Type().HasAttribute(name) {
		return r.Value.GetAttr(name)
	}
	return cty.NullVal(cty.DynamicPseudoType)
}

// names are the elements of a set of strings.
func names(v cty.Value) []string {
	if v.IsNull() || !v.CanIterateElements() {
		return nil
	}
	var out []string
	for _, e := range v.AsValueSlice() {
		if e.Type() == cty.String && !e.IsNull() {
			out = append(out, e.AsString())
		}
	}
	return out
}
