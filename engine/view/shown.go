package view

import (
	"fmt"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
)

// Bounds of what is shown of one file's change through a lens; the diff under
// it has all.
const (
	maxShown     = 20   // resources in a text
	maxShownJSON = 1000 // and in JSON
	maxItems     = 10   // items of a list that came or went
)

// shown tells what a lens makes of a file's change.
func (v *View) shown(b *strings.Builder, p PlanView, changes []engine.Change) {
	for i, c := range changes {
		if i == maxShown {
			fmt.Fprintf(b, "      %s\n", v.paint(dim, fmt.Sprintf("and %d more", len(changes)-i)))
			return
		}
		fmt.Fprintf(b, "      %s %s\n", v.sign(c.Action), blockName(c.Addr))
		for _, a := range Attributes(c, p.LensKinds) {
			if c.Action == engine.Create {
				fmt.Fprintf(b, "          %s: %s\n", a.Name, short(a.After))
				continue
			}
			v.items(b, c, a)
		}
	}
}

// blockName is an address as the head of its block: zone "external" "example.com".
func blockName(a engine.Addr) string {
	if a.In != "" {
		return fmt.Sprintf("%s %q %q", a.Kind, a.In, a.Name)
	}
	return fmt.Sprintf("%s %q", a.Kind, a.Name)
}

// items tells how an attribute changes: of a list what comes and what goes.
func (v *View) items(b *strings.Builder, c engine.Change, a AttributeChange) {
	gone, come, ok := listChange(c, a)
	if !ok {
		fmt.Fprintf(b, "          %s: %s -> %s\n", a.Name, short(a.Before), short(a.After))
		return
	}
	fmt.Fprintf(b, "          %s:\n", a.Name)
	for _, part := range []struct {
		sign  engine.Action
		items []string
	}{{engine.Delete, gone}, {engine.Create, come}} {
		for i, item := range part.items {
			if i == maxItems {
				fmt.Fprintf(b, "            %s and %d more\n", v.sign(part.sign), len(part.items)-i)
				break
			}
			fmt.Fprintf(b, "            %s %s\n", v.sign(part.sign), short(item))
		}
	}
}

// listChange is what goes from and comes to a list that is too long for a line;
// ok is false for all else, and where only the order changes.
func listChange(c engine.Change, a AttributeChange) (gone, come []string, ok bool) {
	const line = 60
	if a.Before == Redacted || len(a.Before) <= line && len(a.After) <= line {
		return nil, nil, false
	}
	before, after := elements(c.Before, a.Name), elements(c.After, a.Name)
	if before == nil || after == nil {
		return nil, nil, false
	}
	return less(before, after), less(after, before), !same(before, after)
}

// elements are the items of a list attribute, as text; nil where it is none.
func elements(r *engine.Resource, name string) []string {
	if r == nil || r.Value == cty.NilVal {
		return nil
	}
	v := r.Value.GetAttr(name)
	if ty := v.Type(); v.IsNull() || !ty.IsListType() && !ty.IsSetType() && !ty.IsTupleType() {
		return nil
	}
	out := []string{}
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		out = append(out, valueText(e))
	}
	return out
}

// less are the items of a that b has not, or not as often.
func less(a, b []string) []string {
	n := map[string]int{}
	for _, s := range b {
		n[s]++
	}
	var out []string
	for _, s := range a {
		if n[s]--; n[s] < 0 {
			out = append(out, s)
		}
	}
	return out
}

func same(a, b []string) bool { return len(less(a, b)) == 0 && len(less(b, a)) == 0 }

// shownJSON is a resource that a file's change changes.
type shownJSON struct {
	Kind       string            `json:"kind"`
	In         string            `json:"in,omitempty"`
	Name       string            `json:"name"`
	Action     engine.Action     `json:"action"`
	Attributes []AttributeChange `json:"attributes,omitempty"`
}

func shownAsJSON(p PlanView, file string) []shownJSON {
	var out []shownJSON
	for _, c := range p.Shown[file] {
		if len(out) == maxShownJSON {
			break
		}
		out = append(out, shownJSON{c.Addr.Kind, c.Addr.In, c.Addr.Name, c.Action, Attributes(c, p.LensKinds)})
	}
	return out
}
