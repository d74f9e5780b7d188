package lang

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
)

const overlayForm = `Write overlay "role" "standby" { ... } or overlay "host" "NAME" { ... }.`

// overlayRoles are the roles that an overlay can be for.
var overlayRoles = []string{string(engine.RolePrimary), string(engine.RoleStandby)}

// rankedAttr is an attribute of a resource as one layer sets it.
type rankedAttr struct {
	role, host string
	addr       engine.Addr
	attr       string
}

func (l *loader) overlay(b *hclsyntax.Block) {
	o := Overlay{Range: b.DefRange()}
	if !l.overlayTarget(b, &o) {
		return
	}
	for _, a := range sortedAttrs(b.Body) {
		l.fail(a.NameRange, fmt.Sprintf("an overlay holds resources, not %q", a.Name), overlayAttr(a.Name))
	}
	for _, inner := range b.Body.Blocks {
		if p, ok := l.patch(inner, &o); ok {
			o.Patches = append(o.Patches, p)
		}
	}
	l.project.Overlays = append(l.project.Overlays, o)
}

func (l *loader) overlayTarget(b *hclsyntax.Block, o *Overlay) bool {
	if len(b.Labels) != 2 {
		l.fail(b.DefRange(), fmt.Sprintf("overlay has %d labels, but wants two", len(b.Labels)), overlayForm)
		return false
	}
	name := b.Labels[1]
	switch b.Labels[0] {
	case "role":
		if !slices.Contains(overlayRoles, name) {
			l.fail(b.LabelRanges[1], fmt.Sprintf("there is no role %q", name), meant(name, overlayRoles))
			return false
		}
		o.Role = engine.Role(name)
	case "host":
		if _, known := l.scope.symbols["host"][name]; !known {
			l.fail(b.LabelRanges[1], fmt.Sprintf("there is no host %q", name), meant(name, slices.Collect(maps.Keys(l.scope.symbols["host"]))))
			return false
		}
		o.Host = name
	default:
		l.fail(b.LabelRanges[0], fmt.Sprintf("an overlay is for a role or a host, not for %q", b.Labels[0]), overlayForm)
		return false
	}
	return true
}

// patch reads one resource of an overlay.
func (l *loader) patch(b *hclsyntax.Block, o *Overlay) (engine.Patch, bool) {
	s, known := l.schemas[b.Type]
	if !known {
		remedy := meant(b.Type, l.kinds())
		if why, is := foreign[b.Type]; is {
			remedy = why
		} else if slices.Contains(blockKinds, b.Type) {
			remedy = "It stands at the top of a file, not in an overlay."
		}
		l.fail(b.DefRange(), fmt.Sprintf("unknown kind %q", b.Type), remedy)
		return engine.Patch{}, false
	}
	addr, ok := l.patchAddr(b, s)
	if !ok {
		return engine.Patch{}, false
	}
	pr := &patchReader{l: l, s: s, key: rankedAttr{role: string(o.Role), host: o.Host, addr: addr}}
	pr.p = engine.Patch{
		Addr: addr, Rank: engine.RankHost, Range: b.DefRange(),
		Attrs: map[string]cty.Value{}, Ranges: map[string]hcl.Range{},
	}
	if o.Role != engine.RoleNone {
		pr.p.Rank = engine.RankRole
	}
	pr.read(b)
	return pr.p, !pr.bad
}

func (l *loader) patchAddr(b *hclsyntax.Block, s engine.Schema) (engine.Addr, bool) {
	addr, err := blockAddr(litBlock{kind: b.Type, labels: b.Labels})
	at := b.DefRange()
	if len(b.LabelRanges) > 0 {
		at = b.LabelRanges[len(b.LabelRanges)-1]
	}
	if err == nil && s.Node {
		err = checkPath(addr.Name)
	}
	if err != nil {
		remedy := sentence(err)
		if s.Label != "" {
			remedy += " The label of a " + s.Kind + ": " + s.Label + "."
		}
		l.fail(at, "this cannot be the name of a "+s.Kind, remedy)
		return addr, false
	}
	return addr, true
}

// patchReader reads the attributes of one resource.
type patchReader struct {
	l   *loader
	s   engine.Schema
	key rankedAttr
	p   engine.Patch
	bad bool
}

func (r *patchReader) fail(at hcl.Range, wrong, remedy string) {
	r.bad = true
	r.l.fail(at, wrong, remedy)
}

func (r *patchReader) read(b *hclsyntax.Block) {
	for _, inner := range b.Body.Blocks {
		r.fail(inner.DefRange(), fmt.Sprintf("a %s has no block %q", r.s.Kind, inner.Type), foreignOr(inner.Type, r.known()))
	}
	for _, a := range sortedAttrs(b.Body) {
		r.attr(a)
	}
	if r.s.Node && !r.bad {
		r.checkNode(b)
	}
	r.absence(b)
	if len(b.Body.Attributes) == 0 {
		r.emptyPatch(b)
	}
}

// absence checks that what is to be removed is not described as well, here or
// in another overlay of the same rank.
func (r *patchReader) absence(b *hclsyntax.Block) {
	if r.p.Absent && len(b.Body.Attributes) > 1 {
		r.fail(rangeOr(b, "absent"), "what is absent has no other attributes", "Remove them, or absent = true.")
		return
	}
	mine, others := r.l.described, r.l.removed
	if r.p.Absent {
		mine, others = others, mine
	}
	if first, other := others[r.key]; other {
		r.fail(b.DefRange(), fmt.Sprintf("%s is both removed and described for the same hosts", Escape(r.key.addr.String())),
			"The other block is at "+place(first)+". Keep one of them.")
	}
	mine[r.key] = b.DefRange()
}

// emptyPatch: a package by its name alone is a wish; a change of nothing is a
// slip.
func (r *patchReader) emptyPatch(b *hclsyntax.Block) {
	if r.s.Node {
		r.fail(b.DefRange(), "this changes nothing", "Say what differs: mode, owner, content, source, absent = true, ...")
	}
}

// known are the attributes that a block of the kind can have.
func (r *patchReader) known() []string {
	names := []string{"absent"}
	if r.s.Node {
		names = append(names, nodeAttrNames()...)
	}
	for _, a := range r.s.Attrs {
		names = append(names, a.Name)
	}
	return names
}

func (r *patchReader) attr(a *hclsyntax.Attribute) {
	schema, ofKind := r.s.Attr(a.Name)
	ofNode := r.s.Node && slices.Contains(nodeAttrNames(), a.Name)
	if !ofKind && !ofNode && a.Name != "absent" {
		r.fail(a.NameRange, fmt.Sprintf("unknown attribute %q of %s", a.Name, r.s.Kind), foreignOr(a.Name, r.known()))
		return
	}
	r.once(a)
	v, diags := r.l.scope.value(a.Expr)
	r.l.diags = append(r.l.diags, diags...)
	if diags.HasErrors() || !v.IsWhollyKnown() {
		r.bad = true
		return
	}
	r.p.Ranges[a.Name] = a.Range()
	switch {
	case ofKind && schema.Secret:
		r.secret(a, v)
	case ofKind && schema.File:
		r.projectFile(a, v)
	case ofKind:
		r.set(a, v, schema.Type)
		if schema.File && !r.bad && !v.IsNull() {
			r.source(a, v)
		}
	case a.Name == "absent":
		if c, ok := r.conform(a, v, cty.Bool); ok {
			r.p.Absent = !c.IsNull() && c.True()
		}
	default:
		r.nodeAttr(a, v)
	}
}

// once refuses an attribute that another overlay of the same rank sets.
func (r *patchReader) once(a *hclsyntax.Attribute) {
	k := r.key
	for _, name := range conflicting(a.Name) {
		k.attr = name
		if first, twice := r.l.written[k]; twice {
			wrong := fmt.Sprintf("%s of %s is set twice for the same hosts", a.Name, Escape(k.addr.String()))
			if name != a.Name {
				wrong = fmt.Sprintf("%s of %s is set beside its %s", a.Name, Escape(k.addr.String()), name)
			}
			r.fail(a.NameRange, wrong, "The other is at "+place(first)+". Keep one of them.")
		}
	}
	k.attr = a.Name
	if _, set := r.l.written[k]; !set {
		r.l.written[k] = a.NameRange
	}
}

// conflicting lists the attributes that cannot stand beside one of the same
// rank: itself, and the other way to say the same.
func conflicting(name string) []string {
	switch name {
	case "content":
		return []string{"content", "source"}
	case "source":
		return []string{"source", "content"}
	}
	return []string{name}
}

func (r *patchReader) conform(a *hclsyntax.Attribute, v cty.Value, ty cty.Type) (cty.Value, bool) {
	c, err := conform(a.Name, v, ty)
	if err != nil {
		r.fail(a.Expr.Range(), err.wrong, err.remedy)
	}
	return c, err == nil
}

func (r *patchReader) set(a *hclsyntax.Attribute, v cty.Value, ty cty.Type) {
	if c, ok := r.conform(a, v, ty); ok {
		r.p.Attrs[a.Name] = c
	}
}

func (r *patchReader) secret(a *hclsyntax.Attribute, v cty.Value) {
	c, err := r.l.secretValue(v, a.Expr.Range())
	if err != nil {
		r.bad = true
		r.l.diags = append(r.l.diags, withhold(failure(a.Expr.Range(), a.Name+": "+err.Error(),
			"Put the secret in secrets/NAME.age, encrypted with age, and write "+a.Name+" = secret(\"NAME\").")))
		return
	}
	r.p.Attrs[a.Name] = c
	if !c.IsNull() && v.IsMarked() {
		r.l.project.secretUses = append(r.l.project.secretUses, secretUse{r.p.Attrs, a.Name, c.AsString()})
	}
}

// overlayAttr helps with an attribute where resources are wanted.
func overlayAttr(name string) string {
	if why, is := foreign[name]; is {
		return why
	}
	return "Write resources: service \"dhcpd.service\" { running = false }."
}
