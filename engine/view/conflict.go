package view

import (
	"fmt"
	"strings"

	"hikae/engine"
	"hikae/engine/merge"
)

// hunkMost is how many lines of one side of a conflict are shown.
const hunkMost = 30

// Conflicts shows the conflicts of a plan alone.
func (v *View) Conflicts(p *engine.Plan) {
	if v.json {
		v.conflictsJSON(p)
		return
	}
	var b strings.Builder
	if len(p.Conflicts) == 0 {
		fmt.Fprintf(&b, "%s: no conflicts\n", p.Host)
	}
	v.conflicts(&b, p)
	v.Emit(Event{Type: "conflicts", Host: p.Host, Text: b.String()})
}

// conflicts shows each conflict by its hunks: where it is in the three texts,
// and what they say there.
func (v *View) conflicts(b *strings.Builder, p *engine.Plan) {
	if len(p.Conflicts) == 0 {
		return
	}
	fmt.Fprintf(b, "%s\n", v.paint(red, fmt.Sprintf("to merge by hand, and left as they are until then (%d): hikae resolve %s FILE", len(p.Conflicts), p.Host)))
	for i := range p.Conflicts {
		c := &p.Conflicts[i]
		line := fmt.Sprintf("  %s %s %s", v.paint(red, "!"), c.Addr.Kind, Safe(c.Addr.Name))
		if why := conflictWhy(c); why != "" {
			line += v.paint(dim, "  ("+Safe(why)+")")
		}
		fmt.Fprintln(b, line)
		for _, h := range c.Hunks {
			if !h.Binary {
				v.hunk(b, p.Host, c, h)
			}
		}
	}
}

func conflictWhy(c *engine.Conflict) string {
	switch {
	case len(c.Hunks) > 0 && c.Hunks[0].Binary && c.Why != "":
		return c.Why + "; it is binary"
	case len(c.Hunks) > 0 && c.Hunks[0].Binary:
		return "it is binary, and both sides changed it"
	}
	return c.Why
}

func (v *View) hunk(b *strings.Builder, host string, c *engine.Conflict, h merge.Hunk) {
	side := func(marker, whose string, s merge.Side) {
		fmt.Fprintf(b, "      %s\n", v.paint(dim, fmt.Sprintf("%s %s:%s:%s", marker, Safe(whose), Safe(c.Addr.Name), lineNumbers(s))))
		if c.Secret {
			fmt.Fprintf(b, "      %s\n", Redacted)
			return
		}
		n := 0
		for line := range strings.Lines(s.Text) {
			if n++; n > hunkMost {
				fmt.Fprintf(b, "      %s\n", v.paint(dim, fmt.Sprintf("... %d lines more", s.Lines-hunkMost)))
				break
			}
			fmt.Fprintf(b, "      %s\n", Printable(strings.TrimRight(line, "\r\n")))
		}
	}
	side("<<<<<<<", c.Source, h.Ours)
	side("|||||||", c.Package+" on "+c.Source, h.Base)
	side(">>>>>>>", c.Package+" on "+host, h.Theirs)
}

// lineNumbers is "12", "12-15", or where something is missing, "before 12".
func lineNumbers(s merge.Side) string {
	switch s.Lines {
	case 0:
		return fmt.Sprintf("before %d", s.Line)
	case 1:
		return fmt.Sprint(s.Line)
	}
	return fmt.Sprintf("%d-%d", s.Line, s.Line+s.Lines-1)
}

// conflictJSON is a line of type "conflict".
type conflictJSON struct {
	Kind    string     `json:"kind"`
	Name    string     `json:"name"`
	Why     string     `json:"why,omitempty"`
	Secret  bool       `json:"secret,omitempty"`
	Binary  bool       `json:"binary,omitempty"`
	Source  string     `json:"source"`
	Package string     `json:"package"`
	Hunks   []hunkJSON `json:"hunks,omitempty"`
}

// hunkJSON is one conflict: base is what the source's package installed, ours
// the source's file, theirs what the host's package installed.
type hunkJSON struct {
	Base   merge.Side `json:"base"`
	Ours   merge.Side `json:"ours"`
	Theirs merge.Side `json:"theirs"`
}

func (v *View) conflictsJSON(p *engine.Plan) {
	for i := range p.Conflicts {
		c := &p.Conflicts[i]
		line := conflictJSON{Kind: c.Addr.Kind, Name: c.Addr.Name, Why: c.Why, Secret: c.Secret, Source: c.Source, Package: c.Package}
		for _, h := range c.Hunks {
			if h.Binary {
				line.Binary = true
				continue
			}
			line.Hunks = append(line.Hunks, hunkJSON{h.Base, h.Ours, h.Theirs})
		}
		v.Emit(Event{Type: "conflict", Host: p.Host, Data: line})
	}
}
