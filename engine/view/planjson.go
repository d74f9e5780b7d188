package view

import "hikae/engine"

// changeJSON is one change in --json: a line of type "change".
type changeJSON struct {
	Kind       string            `json:"kind"`
	Name       string            `json:"name"`
	Action     engine.Action     `json:"action"`
	Stage      engine.Stage      `json:"stage"`
	Why        string            `json:"why,omitempty"`
	Attributes []AttributeChange `json:"attributes,omitempty"`
	Diff       string            `json:"diff,omitempty"`
	// Shown is what lenses make of a file's change.
	Shown []shownJSON `json:"shown,omitempty"`
}

// noteJSON is a line of type "guarded", "foreign", "held", "left" or "overwrites".
type noteJSON struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	Why  string `json:"why,omitempty"`
}

// planJSON prints a line for each change and note and a closing "plan" line.
func (v *View) planJSON(p PlanView) {
	for _, c := range p.Changes {
		line := changeJSON{
			Kind: c.Addr.Kind, Name: c.Addr.Name, Action: c.Action,
			Stage: engine.StageOf(c.Addr, p.Schemas), Why: c.Why, Attributes: Attributes(c, p.Schemas),
		}
		if c.Addr.Kind == "file" {
			line.Diff = p.Diffs[c.Addr.Name]
			line.Shown = shownAsJSON(p, c.Addr.Name)
		}
		v.Emit(Event{Type: "change", Host: p.Host, Data: line})
	}
	v.conflictsJSON(p.Plan)
	for _, n := range p.Guarded {
		v.Emit(Event{Type: "guarded", Host: p.Host, Data: noteJSON{n.Addr.Kind, n.Addr.Name, n.Why}})
	}
	for _, n := range p.Foreign {
		v.Emit(Event{Type: "foreign", Host: p.Host, Data: noteJSON{n.Addr.Kind, n.Addr.Name, n.Why}})
	}
	for _, w := range p.Warnings {
		v.Emit(Event{Type: "warning", Host: p.Host, Text: w})
	}
	for _, n := range p.Held {
		v.Emit(Event{Type: "held", Host: p.Host, Data: noteJSON{n.Addr.Kind, n.Addr.Name, n.Why}})
	}
	for _, n := range p.Left {
		v.Emit(Event{Type: "left", Host: p.Host, Data: noteJSON{n.Addr.Kind, n.Addr.Name, n.Why}})
	}
	for _, k := range p.Kept {
		v.Emit(Event{Type: keptType(k), Host: p.Host, Data: keptAsJSON(k)})
	}
	for _, a := range p.Overwrites {
		v.Emit(Event{Type: "overwrites", Host: p.Host, Data: noteJSON{Kind: a.Kind, Name: a.Name}})
	}
	v.Emit(Event{Type: "plan", Host: p.Host, Data: map[string]any{
		"changes": len(p.Changes), "conflicts": len(p.Conflicts), "forecast": p.Forecast, "first_contact": p.FirstContact,
		"own": p.Own, "summary": p.Summary(), "undo": p.Undo,
		"spent": p.Spent, "over_budget": p.Spent.Over(),
		"observed": p.Observed.String(), "wanted": p.Wanted.String(),
	}})
}
