package packages

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/rules"
	"hikae/hosts"
)

// wish is one change, read and checked.
type wish struct {
	addr       engine.Addr
	name, arch string // arch is "" for the host's own or noarch
	remove     bool
	version    *Version // nil: any
	exact      bool
	asked      *bool // nil: as it is
	// remark: what is installed is marked otherwise than asked says, or it is
	// not known how.
	remark bool
	file   *hosts.Content // the rpm file to install it from; nil: a repository
}

// FromFile is the Node of a package resource that is installed from a file:
// the bytes of an rpm.
func FromFile(c hosts.Content) *hosts.Node {
	return &hosts.Node{Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root", Content: c}
}

// wishes reads the changes. It refuses what is not for hikae to change.
func wishes(changes []engine.Change) ([]wish, error) {
	ws := make([]wish, len(changes))
	for i, c := range changes {
		w, err := newWish(c)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", engine.ErrRefused, c.Addr, err)
		}
		ws[i] = w
	}
	return ws, nil
}

func newWish(c engine.Change) (wish, error) {
	w := wish{addr: c.Addr, remove: c.Action == engine.Delete}
	w.name, w.arch = splitLabel(c.Addr.Name)
	if err := checkName(w.name); err != nil {
		return w, err
	}
	if rule, ok := rules.HostOnlyPackage(w.name); ok {
		return w, fmt.Errorf("the package is the host's own: %s", rule.Why)
	}
	if w.name == keyPackage {
		return w, fmt.Errorf("imported keys are resources of their own, of kind repo_key")
	}
	if w.remove {
		return w, nil
	}
	if c.After == nil || c.After.Value == cty.NilVal {
		return w, fmt.Errorf("nothing is said of how it should be")
	}
	if v := attr(c.After.Value, AttrVersion); !v.IsNull() {
		version, err := ParseVersion(v.AsString())
		if err != nil {
			return w, err
		}
		if w.arch != "" && w.arch != version.Arch {
			return w, fmt.Errorf("its version %s is of another architecture than its name", version)
		}
		w.version = &version
	}
	if v := attr(c.After.Value, AttrExact); !v.IsNull() {
		w.exact = v.True()
	}
	if v := attr(c.After.Value, AttrAsked); !v.IsNull() {
		asked := v.True()
		w.asked = &asked
		w.remark = true
		if c.Before != nil && c.Before.Value != cty.NilVal {
			was := attr(c.Before.Value, AttrAsked)
			w.remark = was.IsNull() || was.True() != asked
		}
	}
	if n := c.After.Node; n != nil && n.Type == hosts.File && !n.Content.ID.IsZero() {
		w.file = &n.Content
	}
	return w, nil
}

// keyPackage is the name under which rpm keeps imported keys.
const keyPackage = "gpg-pubkey"

// attr is an attribute of a value that may lack it.
func attr(v cty.Value, name string) cty.Value {
	if !v.Type().HasAttribute(name) {
		return cty.NullVal(cty.DynamicPseudoType)
	}
	return v.GetAttr(name)
}
