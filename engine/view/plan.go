package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"hikae/engine"
	"hikae/hosts"
)

// Redacted stands for a secret wherever one would be shown.
const Redacted = "(secret)"

// PlanView is a plan with what is needed to show it.
type PlanView struct {
	*engine.Plan
	Schemas []engine.Schema
	// Diffs are the unified diffs of text files, by path; a secret has none.
	Diffs map[string]string
	// Shown is what lenses make of the changes of files, by path; LensKinds are
	// their kinds.
	Shown     map[string][]engine.Change
	LensKinds []engine.Schema
	// Foreign are the changed files that mention addresses or names of Source's
	// own.
	Foreign []engine.Note
	Source  string
	// Warnings are what is to be said of the overlays.
	Warnings []string
	// Spent is what it deletes and overwrites beside its budget.
	Spent engine.Spending
	// Undo is the command that brings the host back to before; "" for none.
	Undo string
}

// many is how many changes of one kind are listed by name before only a count
// and the first names are shown. Files are always listed.
const many = 12

// Plan shows a plan.
func (v *View) Plan(p PlanView) {
	if v.json {
		v.planJSON(p)
		return
	}
	var b strings.Builder
	size := 0
	for _, d := range p.Diffs {
		size += len(d) + len(d)/4
	}
	b.Grow(size) // one that grows copies
	switch {
	case p.Empty() && len(p.Conflicts) > 0:
		fmt.Fprintf(&b, "%s: nothing to do but to merge by hand\n", p.Host)
	case p.Empty():
		fmt.Fprintf(&b, "%s: nothing to do\n", p.Host)
	}
	for _, stage := range []engine.Stage{engine.StageSystem, engine.StageConfig} {
		v.stage(&b, p, stage)
	}
	v.conflicts(&b, p.Plan)
	v.notes(&b, "needs a look: each of these can make root of somebody", p.Guarded)
	if len(p.Foreign) > 0 {
		v.notes(&b, v.paint(yellow, "takes what is "+p.Source+"'s own: hikae lint "+p.Source+" has the overlays to write"), p.Foreign)
	}
	for _, w := range p.Warnings {
		fmt.Fprintf(&b, "%s %s\n", v.paint(yellow, "warning:"), Safe(w))
	}
	v.notes(&b, "held on a standby until it is promoted", p.Held)
	v.notes(&b, "left as it is", p.Left)
	v.kept(&b, p.Kept)
	if n := len(p.Overwrites); n > 0 && p.FirstContact {
		fmt.Fprintf(&b, "%s\n", v.paint(yellow, fmt.Sprintf("%d files of this host's own are overwritten (their bytes are kept below %s there):", n, engine.Kept)))
		for _, a := range p.Overwrites {
			fmt.Fprintf(&b, "    %s\n", Safe(a.Name))
		}
	}
	if p.FirstContact && len(p.Own) > 0 {
		fmt.Fprintf(&b, "%s\n", v.paint(dim, "of its own, and left alone: "+counts(p.Own)))
	}
	if over := p.Spent.Over(); over != "" {
		fmt.Fprintf(&b, "%s\n", v.paint(red, "over budget: "+over+"; apply goes no further without --over-budget"))
	}
	if p.Undo != "" {
		b.WriteString(undoText(p.Undo))
	}
	if !p.Empty() {
		fmt.Fprintf(&b, "%s: %s\n", p.Host, v.paint(bold, summary(p.Plan)))
	}
	v.Emit(Event{Type: "plan", Host: p.Host, Text: b.String()})
}

// Undo tells how a host is brought back to what it was.
func (v *View) Undo(host, command string) {
	v.Emit(Event{Type: "undo", Host: host, Text: undoText(command), Data: map[string]string{"undo": command}})
}

func undoText(command string) string {
	return "undo point: to bring this host back, run\n    " + command + "\n"
}

func (v *View) stage(b *strings.Builder, p PlanView, stage engine.Stage) {
	cs := p.InStage(stage, p.Schemas)
	if len(cs) == 0 {
		return
	}
	switch {
	case stage == engine.StageSystem:
		fmt.Fprintln(b, v.paint(bold, "keys, repositories and packages"))
	case p.Forecast:
		fmt.Fprintln(b, v.paint(bold, "everything else")+v.paint(dim, " (a forecast: planned again when the packages are there)"))
	}
	for len(cs) > 0 {
		n := slices.IndexFunc(cs, func(c engine.Change) bool {
			return c.Addr.Kind != cs[0].Addr.Kind || c.Action != cs[0].Action
		})
		if n < 0 {
			n = len(cs)
		}
		if cs[0].Addr.Kind != "file" && n > many {
			v.crowd(b, cs[:n])
		} else {
			for _, c := range cs[:n] {
				v.change(b, p, c)
			}
		}
		cs = cs[n:]
	}
}

// crowd shows many changes of one kind as a count and some names.
func (v *View) crowd(b *strings.Builder, cs []engine.Change) {
	names := make([]string, 0, many)
	for _, c := range cs[:many] {
		names = append(names, Safe(c.Addr.Name))
	}
	fmt.Fprintf(b, "  %s %s: %d to %s: %s, ...\n", v.sign(cs[0].Action), cs[0].Addr.Kind, len(cs), cs[0].Action, strings.Join(names, ", "))
}

func (v *View) sign(a engine.Action) string {
	switch a {
	case engine.Create:
		return v.paint(green, "+")
	case engine.Delete:
		return v.paint(red, "-")
	}
	return v.paint(yellow, "~")
}

func (v *View) change(b *strings.Builder, p PlanView, c engine.Change) {
	line := fmt.Sprintf("  %s %s %s", v.sign(c.Action), c.Addr.Kind, Safe(c.Addr.Name))
	if c.Action == engine.Create && isNode(c.After) {
		line += v.paint(dim, "  "+nodeText(c.After.Node))
	}
	if c.Why != "" {
		line += v.paint(dim, "  ("+Safe(c.Why)+")")
	}
	fmt.Fprintln(b, line)
	for _, a := range Attributes(c, p.Schemas) {
		if c.Action == engine.Create && c.Addr.Kind == "file" {
			continue // told in the line above
		}
		fmt.Fprintf(b, "      %s: %s -> %s\n", a.Name, short(a.Before), short(a.After))
	}
	if c.Addr.Kind != "file" {
		return
	}
	v.shown(b, p, p.Shown[c.Addr.Name])
	for line := range strings.Lines(p.Diffs[c.Addr.Name]) {
		line = strings.TrimSuffix(line, "\n")
		text := Printable(line)
		switch {
		case strings.HasPrefix(line, "+"):
			text = v.paint(green, text)
		case strings.HasPrefix(line, "-"):
			text = v.paint(red, text)
		case strings.HasPrefix(line, "@@"):
			text = v.paint(dim, text)
		}
		b.WriteString("      ")
		b.WriteString(text)
		b.WriteByte('\n')
	}
}

// short is a value safe to print and cut to what a person reads.
func short(s string) string {
	const most = 100
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "..."
	}
	return Safe(s)
}

// Printable replaces what could steer a terminal, character by character.
func Printable(s string) string {
	if plain(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r != '\t' && r != '\n' && (r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0)) {
			return '\ufffd'
		}
		return r
	}, s)
}

// plain reports whether there is nothing but what any terminal prints: so is most
// of a diff.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < ' ' && c != '\t' && c != '\n') || c >= 0x7f {
			return false
		}
	}
	return true
}

func (v *View) notes(b *strings.Builder, title string, notes []engine.Note) {
	if len(notes) == 0 {
		return
	}
	fmt.Fprintf(b, "%s (%d):\n", title, len(notes))
	for _, n := range notes {
		fmt.Fprintf(b, "    %s %s%s\n", n.Addr.Kind, Safe(n.Addr.Name), v.paint(dim, "  "+Safe(n.Why)))
	}
}

// isNode reports whether a resource is a path: of a kind with attributes a node
// is a means, and what is to be said of it is among them.
func isNode(r *engine.Resource) bool {
	return r != nil && r.Node != nil && r.Value == cty.NilVal
}

// nodeText is a node in one line.
func nodeText(n *hosts.Node) string {
	switch n.Type {
	case hosts.Link:
		return "-> " + Safe(n.Link)
	case hosts.Dir:
		return fmt.Sprintf("directory %04o %s:%s", n.Mode, Safe(n.Owner), Safe(n.Group))
	}
	return fmt.Sprintf("%04o %s:%s %s", n.Mode, Safe(n.Owner), Safe(n.Group), Size(n.Content.Size))
}

// AttributeChange is one attribute before and after, as text; secrets redacted.
type AttributeChange struct {
	Name   string `json:"name"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// Attributes lists what differs between a change's sides, but for a file's
// bytes.
func Attributes(c engine.Change, schemas []engine.Schema) []AttributeChange {
	var out []AttributeChange
	add := func(name, before, after string) {
		if before != after {
			out = append(out, AttributeChange{name, before, after})
		}
	}
	if isNode(c.After) {
		before := &hosts.Node{}
		if c.Before != nil && c.Before.Node != nil {
			before = c.Before.Node
		}
		n := c.After.Node
		add("type", before.Type.String(), n.Type.String())
		add("mode", fmt.Sprintf("%04o", before.Mode), fmt.Sprintf("%04o", n.Mode))
		add("owner", before.Owner, n.Owner)
		add("group", before.Group, n.Group)
		add("acl", before.ACL, n.ACL)
		add("default_acl", before.DefaultACL, n.DefaultACL)
		add("caps", before.Caps, n.Caps)
		add("label", before.Label, n.Label)
		add("link", before.Link, n.Link)
		add("xattrs", fmt.Sprint(before.Xattrs), fmt.Sprint(n.Xattrs))
		if before.Content != n.Content && (before.Content.Sealed || n.Content.Sealed) {
			out = append(out, AttributeChange{"content", Redacted, Redacted})
		}
	}
	for _, s := range schemas {
		if s.Kind != c.Addr.Kind || c.After == nil || c.After.Value == cty.NilVal {
			continue
		}
		for _, a := range s.Attrs {
			if a.Info {
				continue
			}
			before, after := "", valueText(c.After.Value.GetAttr(a.Name))
			if c.Before != nil && c.Before.Value != cty.NilVal {
				before = valueText(c.Before.Value.GetAttr(a.Name))
			}
			if before != after && a.Secret {
				before, after = Redacted, Redacted
				out = append(out, AttributeChange{a.Name, before, after})
				continue
			}
			if c.Before == nil && after == "null" {
				continue
			}
			add(a.Name, before, after)
		}
	}
	return out
}

func valueText(v cty.Value) string {
	if v.IsNull() {
		return "null"
	}
	b, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		return "?"
	}
	return notForWeb(string(b))
}

// notForWeb writes <, > and & as themselves, which encoding/json escapes for web
// pages.
func notForWeb(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		if code := s[i:min(i+6, len(s))]; code == `\u003c` || code == `\u003e` || code == `\u0026` {
			b.WriteByte(map[byte]byte{'c': '<', 'e': '>', '6': '&'}[code[5]])
			i += 5
			continue
		}
		b.WriteString(s[i : i+2])
		i++
	}
	return b.String()
}

func summary(p *engine.Plan) string {
	total := map[engine.Action]int{}
	for _, byAction := range p.Summary() {
		for a, n := range byAction {
			total[a] += n
		}
	}
	return fmt.Sprintf("%d to create, %d to update, %d to delete", total[engine.Create], total[engine.Update], total[engine.Delete])
}

func counts(m map[string]int) string {
	var parts []string
	for k, n := range m {
		parts = append(parts, fmt.Sprintf("%d %s", n, k))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}
