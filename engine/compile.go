package engine

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine/rules"
	"hikae/hosts"
)

// Role is the part a host plays in its pair.
type Role string

// The roles. A host that is in no pair has none, and nothing is held there.
const (
	RoleNone    Role = ""
	RolePrimary Role = "primary"
	RoleStandby Role = "standby"
)

// Want is what a host's desired state is compiled from.
type Want struct {
	Host     string
	Role     Role
	Source   *Snapshot // nil for a host that only HCL describes
	Schemas  []Schema
	Patches  []Patch
	Only     []string // kind:glob; empty takes all
	HostOnly []string // patterns beyond the built-in ones
	Safe     []string // patterns of units and paths that a standby does too, beyond the built-in ones
	Lenses   []Lens
	Mirrors  []string // the trees that a mirror keeps
	// Bytes gives a plain content of the source; lenses edit them.
	Bytes func(hosts.Content) ([]byte, error)
}

// Compile makes the desired state: the snapshot, then what hikae holds back on
// a standby, then the overlays by rank.
func Compile(w Want) (*Desired, hcl.Diagnostics) {
	c := newCompiler(w)
	var err error
	if c.rulesOf, err = w.rules(); err != nil {
		return nil, hcl.Diagnostics{errorDiag("Pattern not understood", err.Error(), nil)}
	}
	return c.out, c.compile(func(Addr) bool { return true })
}

type compiler struct {
	Want
	rulesOf
	out     *Desired
	schemas map[string]Schema
	editors map[string]Lens // by the path that it edited
}

// rulesOf are the patterns of a Want.
type rulesOf struct {
	only     *only
	hostOnly *rules.Set
	safe     *rules.Set
}

func (w Want) rules() (r rulesOf, err error) {
	if r.only, err = parseOnly(w.Only); err != nil {
		return r, err
	}
	if r.hostOnly, err = rules.HostOnlyWith(w.HostOnly); err != nil {
		return r, err
	}
	r.safe, err = rules.DeclaredSafe(w.Safe)
	return r, err
}

func newCompiler(w Want) *compiler {
	return &compiler{
		Want: w,
		out: &Desired{
			Resources: map[Addr]*Resource{},
			Pristine:  map[Addr]*Resource{},
			Inline:    map[hosts.ID]Inline{},
			said:      map[Addr]map[string]bool{},
			looks:     looks{seen: map[string]bool{}, implied: map[Addr]bool{}},
		},
		schemas: ByKind(w.Schemas),
	}
}

// compile compiles what the source has at some addresses, and all patches.
func (c *compiler) compile(at func(Addr) bool) hcl.Diagnostics {
	c.out.source, c.out.host, c.out.rulesOf = c.Source, c.Host, c.rulesOf
	if c.Source != nil {
		for i := range c.Source.Resources {
			if r := &c.Source.Resources[i]; at(r.Addr) {
				c.source(r)
			}
		}
	}
	c.holdBack()
	diags := c.overlay()
	slices.SortFunc(c.out.Held, func(a, b Note) int { return a.Addr.Compare(b.Addr) })
	slices.SortFunc(c.out.Left, func(a, b Note) int { return a.Addr.Compare(b.Addr) })
	return diags
}

// source takes one resource of the snapshot, unless it is none of this host's.
func (c *compiler) source(r *Resource) {
	if _, known := c.schemas[r.Addr.Kind]; !known || !c.only.match(r.Addr) {
		return
	}
	if rule, own := c.own(r.Addr); own {
		c.out.Left = append(c.out.Left, Note{r.Addr, "the host's own: " + rule.Why})
		return
	}
	if r.IsPristine() {
		c.out.Pristine[r.Addr] = r
		return
	}
	d := *r
	d.Node = r.Node.Clone()
	if c.Source.Host != c.Host {
		switch {
		case c.schemas[r.Addr.Kind].Condition:
			d.Value = holding(d.Value)
		case r.Addr.Kind == "service":
			d.Value = followed(d.Value)
		case d.Node != nil && d.Node.Label == hosts.Unlabeled:
			d.Node.Label = "" // that a file has no label is no wish
			if d.IsPristine() {
				c.out.Pristine[d.Addr] = &d
				return
			}
		}
	}
	c.out.Resources[d.Addr] = &d
}

// own reports whether an address is the host's own, by rule or declared.
func (c *compiler) own(a Addr) (rules.Rule, bool) {
	if a.Kind == "file" {
		return c.hostOnly.Match(a.Name)
	}
	return HostOwn(a)
}

// holding is a condition that holds.
func holding(v cty.Value) cty.Value {
	attrs := v.AsValueMap()
	for name := range attrs {
		attrs[name] = cty.True
	}
	return cty.ObjectVal(attrs)
}

// followed is what a unit should be on another host than the one it was read
// on. Whether it runs there comes from its being enabled, never from what was
// seen running: a primary that is stopping stops nothing on its followers.
func followed(v cty.Value) cty.Value {
	attrs := v.AsValueMap()
	running := attrs["running"]
	switch {
	case running.IsNull(): // it says nothing: oneshot, or its conditions failed
	case !attrs["enabled"].IsNull() && attrs["enabled"].True() && !isTrue(attrs["masked"]):
		attrs["running"] = cty.True
	default:
		attrs["running"] = cty.NullVal(cty.Bool)
	}
	return cty.ObjectVal(attrs)
}

func isTrue(v cty.Value) bool { return !v.IsNull() && v.IsKnown() && v.True() }

// holdBack holds on a standby what must run on one host only.
func (c *compiler) holdBack() {
	if c.Role != RoleStandby {
		return
	}
	for a, r := range c.out.Resources {
		if _, safe := c.safe.Match(a.Name); safe {
			continue
		}
		switch a.Kind {
		case "service":
			rule, held := rules.HeldUnit(a.Name)
			if !held || (!isTrue(r.Value.GetAttr("enabled")) && !isTrue(r.Value.GetAttr("running"))) {
				continue
			}
			attrs := r.Value.AsValueMap()
			attrs["enabled"], attrs["running"] = cty.False, cty.False
			r.Value = cty.ObjectVal(attrs)
			c.out.Held = append(c.out.Held, Note{a, rule.Why})
		case "file":
			rule, held := rules.HeldPath(a.Name)
			if !held || r.Node.Type == hosts.Absent {
				continue
			}
			delete(c.out.Resources, a)
			if r.Pristine != nil {
				p := *r
				p.Node = r.Pristine.Clone()
				c.out.Pristine[a] = &p
			}
			c.out.Held = append(c.out.Held, Note{a, rule.Why})
		}
	}
}

// overlay lays the patches over what the snapshot gave.
func (c *compiler) overlay() hcl.Diagnostics {
	var diags hcl.Diagnostics
	patches := slices.Clone(c.Patches)
	slices.SortStableFunc(patches, func(a, b Patch) int { return int(a.Rank) - int(b.Rank) })
	var lenses []Lens
	edits := map[Lens][]Edit{}
	for _, p := range patches {
		l := c.lensOf(p.Addr.Kind)
		s, known := c.schemas[p.Addr.Kind]
		if !known && l == nil {
			diags = append(diags, errorDiag("Unknown kind", fmt.Sprintf("hikae has no resources of kind %q.", p.Addr.Kind), &p.Range))
			continue
		}
		if rule, own := c.own(p.Addr); own {
			d := errorDiag("This is the host's own",
				fmt.Sprintf("%s never comes from a snapshot or an overlay: %s. Set it on the host itself.", p.Addr, rule.Why), &p.Range)
			d.Extra = ErrRefused
			diags = append(diags, d)
			continue
		}
		if !c.only.match(p.Addr) {
			if p.Rank == RankHost { // written for this very host: not to be lost in silence
				diags = append(diags, errorDiag("Not among what this host takes",
					fmt.Sprintf("%s takes what its only names, and %s is not among it. Add %q to only, or remove this block.", c.Host, p.Addr, p.Addr.String()), &p.Range))
			}
			continue
		}
		if l != nil {
			if edits[l] == nil {
				lenses = append(lenses, l)
			}
			edits[l] = append(edits[l], Edit{Addr: p.Addr, Absent: p.Absent, Attrs: p.Attrs, Range: p.Range, Ranges: p.Ranges})
			continue
		}
		if err := c.patch(p, s); err != nil {
			diags = append(diags, errorDiag("Overlay cannot be applied", err.Error(), &p.Range))
		}
	}
	c.out.bytes = c.Bytes
	for _, l := range lenses {
		diags = append(diags, c.edit(l, edits[l])...)
		c.out.edits = append(c.out.edits, lensEdits{l, edits[l]})
	}
	return diags
}

func errorDiag(summary, detail string, rng *hcl.Range) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: rng}
}

// HostOwn reports whether an address is the host's own by a built-in rule: it
// is left out when desired state is compiled, and the writer refuses it again.
func HostOwn(a Addr) (rules.Rule, bool) {
	switch a.Kind {
	case "file":
		return rules.HostOnlyPath(a.Name)
	case "package":
		return rules.HostOnlyPackage(a.Name)
	case "service":
		return rules.HostOnlyUnit(a.Name)
	}
	return rules.Rule{}, false
}

// sortedAddrs returns the keys of a map of resources in order.
func sortedAddrs[V any](m map[Addr]V) []Addr {
	return slices.SortedFunc(maps.Keys(m), Addr.Compare)
}

// addrsWhere gives those of which so is true, sorted.
func addrsWhere(m map[Addr]*Resource, so func(Addr, *Resource) bool) []Addr {
	var out []Addr
	for a, r := range m {
		if so(a, r) {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, Addr.Compare)
	return out
}
