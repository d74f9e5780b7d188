package engine

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"hikae/hosts"
)

// Plan is what has to change on a host, and what a person should know first.
type Plan struct {
	Host    string
	Changes []Change // stage by stage, in the order they are applied

	// Held is what a standby does not do until it is promoted; Left what the
	// source has and does not come here, and what hikae will not touch.
	Held, Left []Note
	// Conflicts are files that a person has to merge; they stay as they are.
	Conflicts []Conflict
	// Kept are the keys inside files that stay as the host has them, or that it
	// takes from the source for having none.
	Kept []KeptKey
	// Overwrites are the files of the host's own making (no package's, not
	// applied by hikae) whose bytes the plan replaces: they are kept aside.
	Overwrites []Addr
	// Guarded are the changes that can make root of somebody: to look at first.
	Guarded []Note
	// Own counts by kind what the host has, the source has not, and hikae
	// never applied: it stays.
	Own map[string]int
	// Forecast: stage 1 is not empty, so that stage 2 is planned again once
	// packages have brought their users, files and units.
	Forecast bool
	// FirstContact: nothing was ever applied to this host.
	FirstContact bool

	// Fingerprints of both sides of the changes: a saved plan is applied only
	// where planning again gives the same.
	Observed, Wanted Fingerprint

	// What the shares of a Budget are of: the resources that hikae is known to
	// have applied, and the files that should be there.
	known, wishedFiles int
}

// Empty reports whether there is nothing to do.
func (p *Plan) Empty() bool { return len(p.Changes) == 0 }

// Leave takes changes out of the plan that cannot be made, each with its reason.
func (p *Plan) Leave(notes []Note) {
	for _, n := range notes {
		was := len(p.Changes)
		p.Changes = slices.DeleteFunc(p.Changes, func(c Change) bool { return c.Addr == n.Addr })
		if len(p.Changes) < was {
			p.Left = append(p.Left, n)
		}
	}
}

// Actual is a host as it was read.
type Actual struct {
	Facts     hosts.Facts
	Resources map[Addr]*Resource
	Coverage  map[string]Coverage
}

// MakePlan compares. It is the one place that says what "in step" means. Of a
// part of a wish it plans the addresses that this is for.
func MakePlan(host string, d *Desired, act *Actual, base Base, schemas []Schema) *Plan {
	p := &planner{
		Plan: &Plan{
			Host: host, Held: d.Held, Left: slices.Clone(d.Left), Conflicts: d.conflicts, Kept: d.kept,
			Own: map[string]int{}, FirstContact: len(base) == 0, known: len(base), wishedFiles: d.countFiles(),
		},
		desired: d, actual: act, base: base, schemas: ByKind(schemas),
	}
	there := act.Resources
	if d.part != nil {
		there = some(act.Resources, d.part)
	}
	// Few, of all: what differs is put in order, and looked into.
	odd := addrsWhere(d.Resources, func(a Addr, want *Resource) bool {
		have := act.Resources[a]
		return have == nil || !p.inStep(want, have)
	})
	for _, a := range odd {
		p.want(a, p.apart(d.Resources[a]))
	}
	for _, a := range addrsWhere(there, func(a Addr, _ *Resource) bool { return d.Resources[a] == nil }) {
		p.extra(a, there[a])
	}
	// A repository's definition may lie in a package that only the
	// repository has: it is there before its package, and then just its.
	first := addrsWhere(d.Pristine, func(a Addr, _ *Resource) bool {
		return act.Resources[a] == nil && StageOf(a, schemas) == StageSystem
	})
	for _, a := range first {
		p.Changes = append(p.Changes, Change{Addr: a, Action: Create, After: d.Pristine[a], Why: "before its package"})
	}
	p.keepNeeded()
	order := KindOrder(schemas)
	slices.SortStableFunc(p.Changes, func(a, b Change) int {
		if c := int(StageOf(a.Addr, schemas)) - int(StageOf(b.Addr, schemas)); c != 0 {
			return c
		}
		if c := order[a.Addr.Kind] - order[b.Addr.Kind]; c != 0 {
			return c
		}
		return a.Addr.Compare(b.Addr)
	})
	p.Guarded = guarded(p.Changes)
	p.Forecast = len(p.InStage(StageSystem, schemas)) > 0
	before, after := map[Addr]*Resource{}, map[Addr]*Resource{}
	for _, c := range p.Changes {
		if c.Before != nil {
			before[c.Addr] = c.Before
		}
		if c.After != nil {
			after[c.Addr] = c.After
		}
	}
	p.Observed, p.Wanted = p.fingerprint(before), p.fingerprint(after)
	return p.Plan
}

type planner struct {
	*Plan
	desired *Desired
	actual  *Actual
	base    Base
	schemas map[string]Schema
}

// want plans one resource that should be.
func (p *planner) want(a Addr, want *Resource) {
	have := p.actual.Resources[a]
	if p.desired.conflicted(a) {
		return
	}
	if why := p.untouchable(a); why != "" {
		if have == nil || !p.inStep(want, have) {
			p.Left = append(p.Left, Note{a, why})
		}
		return
	}
	gone := p.schemas[a.Kind].Node && want.Node.Type == hosts.Absent
	switch {
	case have == nil && gone:
		return
	case have == nil && p.actual.Coverage[a.Kind].mount(a) != "":
		p.Left = append(p.Left, Note{a, "not made: " + p.actual.Coverage[a.Kind].mount(a)})
	case have == nil:
		// Where nothing is wished but what is already so, nothing is to do: a
		// unit that does not run need not exist to be stopped.
		if p.asksNothing(want) {
			return
		}
		p.Changes = append(p.Changes, Change{Addr: a, Action: Create, After: want})
	case p.inStep(want, have):
		return
	case gone:
		p.remove(a, have, "it was removed on the source")
	case have.Node != nil && have.Node.Type == hosts.Absent:
		p.Changes = append(p.Changes, Change{Addr: a, Action: Create, Before: have, After: want})
	default:
		p.update(a, have, p.fill(want, have), p.desired.how[a])
	}
}

// untouchable says why hikae never changes a resource of this host.
func (p *planner) untouchable(a Addr) string {
	if a.Kind == "user" && a.Name == p.actual.Facts.LoginAccount && a.Name != "" {
		return "hikae logs in with this account and never changes it"
	}
	if a.Kind == "file" && slices.Contains(p.actual.Facts.LoginFiles, a.Name) {
		return "hikae could not log in as " + p.actual.Facts.LoginAccount + " without it, and never changes it"
	}
	if strings.HasPrefix(a.Kind, "selinux_") && p.actual.Facts.Policy == "" {
		return "SELinux has no policy here, or is switched off"
	}
	return ""
}

// asksNothing reports whether a wish is met by there being nothing.
func (p *planner) asksNothing(want *Resource) bool {
	if p.schemas[want.Addr.Kind].Condition {
		return true
	}
	if want.Addr.Kind != "service" {
		return false
	}
	for _, name := range []string{"enabled", "masked", "running"} {
		if isTrue(want.Value.GetAttr(name)) {
			return false
		}
	}
	return true
}

// inStep reports whether a resource needs no change: what the wish leaves open
// is as it should be, whatever it is.
func (p *planner) inStep(want, have *Resource) bool {
	if p.schemas[want.Addr.Kind].Node && !want.Node.Equal(have.Node) {
		return false
	}
	if want.Value == cty.NilVal {
		return true
	}
	for _, attr := range p.schemas[want.Addr.Kind].Attrs {
		if attr.Info {
			continue
		}
		w := want.Value.GetAttr(attr.Name)
		if !w.IsNull() && !w.RawEquals(have.Value.GetAttr(attr.Name)) {
			return false
		}
	}
	return true
}

// fill fills what the wish leaves open with what is there.
func (p *planner) fill(want, have *Resource) *Resource {
	m := *want
	if want.Value == cty.NilVal || have.Value == cty.NilVal {
		return &m
	}
	attrs := have.Value.AsValueMap()
	for name, w := range want.Value.AsValueMap() {
		if !w.IsNull() {
			attrs[name] = w
		}
	}
	m.Value = cty.ObjectVal(attrs)
	return &m
}

func (p *planner) update(a Addr, have, want *Resource, why string) {
	p.Changes = append(p.Changes, Change{Addr: a, Action: Update, Before: have, After: want, Why: why})
	if have.Node != nil && have.Node.Type == hosts.File && !have.IsPristine() && !p.applied(a, have) &&
		!sameBytes(have.Node, want.Node) {
		p.Overwrites = append(p.Overwrites, a)
	}
}

func sameBytes(a, b *hosts.Node) bool { return b != nil && a.Type == b.Type && a.Content == b.Content }

// applied reports whether a resource is just as hikae last applied it.
func (p *planner) applied(a Addr, have *Resource) bool {
	f, ok := p.base[a]
	return ok && f == FingerprintOf(have, p.schemas[a.Kind])
}

// extra plans what is there and not wished. What a package owns is never
// removed: it is put back to what the package installed.
func (p *planner) extra(a Addr, have *Resource) {
	if p.schemas[a.Kind].Condition {
		return
	}
	_, ours := p.base[a]
	if p.desired.Pristine[a] == nil && ours && !have.IsPristine() {
		if why := p.desired.silent(a, have.Pristine != nil); why != "" {
			p.Left = append(p.Left, Note{a, "left as hikae made it: " + why})
			return
		}
	}
	if p.desired.Pristine[a] != nil || (ours && have.Pristine != nil) {
		if have.Pristine == nil || have.IsPristine() {
			return
		}
		want := *have
		want.Node = have.Pristine.Clone()
		if have.Node.Type == hosts.Absent {
			p.Changes = append(p.Changes, Change{Addr: a, Action: Create, Before: have, After: &want, Why: "as its package installed it"})
			return
		}
		p.update(a, have, &want, "as its package installed it")
		return
	}
	if have.IsPristine() || (have.Node != nil && have.Node.Type == hosts.Absent) {
		return
	}
	if !ours {
		p.Own[a.Kind]++
		return
	}
	why := "it is gone from the source"
	if slices.ContainsFunc(p.Held, func(n Note) bool { return n.Addr == a }) {
		why = "held on a standby"
	}
	p.remove(a, have, why)
}

// remove plans a deletion, where the law allows it: only what hikae applied,
// that is still just so, and that the read has really seen.
func (p *planner) remove(a Addr, have *Resource, why string) {
	switch {
	case p.untouchable(a) != "":
	case !p.actual.Coverage[a.Kind].Covers(a):
		p.Left = append(p.Left, Note{a, "not removed: its surroundings could not be read"})
	case !p.applied(a, have) && !have.IsPristine():
		p.Left = append(p.Left, Note{a, "not removed: it is not as hikae left it; remove it by hand if it is to go"})
	default:
		p.Changes = append(p.Changes, Change{Addr: a, Action: Delete, Before: have, Why: why})
	}
}

// keepNeeded takes out of the plan the deletion of what something else on the host
// could not do without that is its own: that was never on the source, where all
// others do without.
func (p *planner) keepNeeded() {
	goes := map[Addr]bool{}
	for _, c := range p.Changes {
		goes[c.Addr] = c.Action == Delete
	}
	own := addrsWhere(p.actual.Resources, func(a Addr, r *Resource) bool { return len(r.Needs) > 0 && p.desired.Resources[a] == nil })
	for found := true; found; { // what is kept has its needs too
		var kept []Note
		for _, a := range own {
			if goes[a] {
				continue
			}
			for _, n := range p.actual.Resources[a].Needs {
				if goes[n] {
					goes[n] = false
					kept = append(kept, Note{n, "kept: " + a.Name + " needs it, which is this host's own"})
				}
			}
		}
		p.Leave(kept)
		found = len(kept) > 0
	}
}

func (p *planner) fingerprint(rs map[Addr]*Resource) Fingerprint {
	h := sha256.New()
	for _, a := range sortedAddrs(rs) {
		f := FingerprintOf(rs[a], p.schemas[a.Kind])
		put(h, a.Kind, a.In, a.Name, string(f[:]))
	}
	return Fingerprint(h.Sum(nil))
}

// Summary counts the changes by kind and action: "3 files to create".
func (p *Plan) Summary() map[string]map[Action]int {
	m := map[string]map[Action]int{}
	for _, c := range p.Changes {
		if m[c.Addr.Kind] == nil {
			m[c.Addr.Kind] = map[Action]int{}
		}
		m[c.Addr.Kind][c.Action]++
	}
	return m
}

func (f Fingerprint) String() string { return fmt.Sprintf("%x", f[:]) }
