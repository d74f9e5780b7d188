package watch

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"hikae/engine/view"
)

// Style is how a report is laid out.
type Style struct {
	Width int // columns to fit into; 0 breaks no line
	Paint func(view.Tone, string) string
}

// Text is the report for a person: how it is in a line for each host, and what is
// to be known of it below.
func (r *Report) Text(s Style) string {
	t := &text{Style: s, now: r.Now}
	if t.Paint == nil {
		t.Paint = func(_ view.Tone, s string) string { return s }
	}
	t.loop(r)
	for _, s := range r.Sources {
		for _, a := range s.Alarms {
			t.line(0, view.Bad, "ALARM "+s.Host+": "+a)
		}
	}
	for i := range r.Followers {
		t.follower(&r.Followers[i], r.Source(r.Followers[i].Source))
	}
	for i := range r.Mirrors {
		t.mirror(&r.Mirrors[i])
	}
	for i := range r.Sources {
		t.source(&r.Sources[i])
	}
	return t.String()
}

// Headlines are the lines of Text that say how it is with each follower.
func (r *Report) Headlines() []string {
	t := &text{now: r.Now}
	var out []string
	for i := range r.Followers {
		word, _, more := t.headline(&r.Followers[i])
		out = append(out, view.Safe(r.Followers[i].Host+"  "+word+more))
	}
	return out
}

// States are lines that are others only when something else is so.
func (r *Report) States() []string {
	var out []string
	switch {
	case !r.Running:
		out = append(out, "hikae watch does not run")
	case r.Silent:
		out = append(out, "hikae watch is not heard of")
	}
	say := func(host, state, why string) {
		if why, _, _ = strings.Cut(why, "\n"); why != "" {
			state += ": " + why
		}
		out = append(out, view.Safe(host+"  "+state))
	}
	for _, s := range r.Sources {
		say(s.Host, s.State, s.Why)
		for _, a := range s.Alarms {
			say(s.Host, "ALARM", a)
		}
	}
	for _, f := range r.Followers {
		say(f.Host, string(f.State), f.Why)
		if !f.Applied.IsZero() {
			say(f.Host, "applied at "+f.Applied.Local().Format(time.TimeOnly), "")
		}
	}
	for _, m := range r.Mirrors {
		word, _ := m.word()
		say(m.Host+" "+m.Root, word, m.Why)
	}
	return out
}

// loop says that nobody follows, where nobody does.
func (t *text) loop(r *Report) {
	switch {
	case !r.Running:
		t.line(0, view.Bad, "hikae watch does not run")
		if !r.Written.IsZero() {
			t.line(2, "", "last heard of "+t.ago(r.Written))
		}
		t.line(2, "", "start it: systemctl start hikae-watch")
	case r.Written.IsZero():
		t.line(0, view.Care, "hikae watch starts")
	case r.Silent:
		t.line(0, view.Bad, "hikae watch: not heard of "+t.since(r.Written))
		t.line(2, "", "by "+r.Holder)
	}
}

// headline is the state of a follower in a word, and what is to be added.
func (t *text) headline(f *FollowerStatus) (word string, tone view.Tone, more string) {
	word, tone = string(f.State), view.Bad
	switch f.State {
	case InStep:
		tone = view.Good
		if !f.Applied.IsZero() {
			return word, tone, ", " + t.ago(f.Applied)
		}
	case Behind, Starting, Busy, OnHold, HeldBack, Waiting:
		tone = view.Care
	}
	if n := len(f.HeldBack); f.State == HeldBack && n > 0 {
		return fmt.Sprintf("%d held back", n), view.Bad, ", " + t.since(oldestHeld(f.HeldBack))
	}
	if f.State == Behind {
		more = fmt.Sprintf(" by %d", f.Behind)
		if f.All {
			more = ": all is compared"
		}
		if !f.Oldest.IsZero() {
			return word, tone, more + ", " + t.since(f.Oldest)
		}
	}
	return word, tone, more + ", " + t.since(f.Since)
}

func oldestHeld(hs []Held) time.Time {
	var at time.Time
	for _, h := range hs {
		at = earlier(at, h.Since)
	}
	return at
}

func (t *text) follower(f *FollowerStatus, source *SourceStatus) {
	word, tone, more := t.headline(f)
	t.head(f.Host, word, tone, more)
	if f.Why != "" && f.State != HeldBack {
		t.line(2, "", f.Why)
	}
	if source != nil && source.State != followed {
		t.line(2, view.Bad, fmt.Sprintf("%s is %s %s: what it was is kept", source.Host, source.State, t.since(source.Since)))
	}
	if !f.Seen.IsZero() {
		t.line(2, "", "last change "+t.ago(f.Seen)+t.appliedAgo(f.Applied))
	}
	for _, name := range f.kindNames() {
		t.kind(name, f.Kinds[name])
	}
	if f.Behind > 0 {
		t.names("waiting", f.Waits, f.Behind)
	}
	t.heldBack(f.HeldBack)
	if f.Conflict != "" {
		t.line(2, view.Care, "to merge by hand "+t.since(f.Conflicted)+":")
		t.line(4, "", f.Conflict)
		t.line(4, "", "hikae resolve "+f.Host)
	}
	t.audit(f)
}

func (t *text) appliedAgo(at time.Time) string {
	if at.IsZero() {
		return ", none applied yet"
	}
	return ", applied " + t.ago(at)
}

func (f *FollowerStatus) kindNames() []string { return slices.Sorted(maps.Keys(f.Kinds)) }

// kind is a line on a kind of resources.
func (t *text) kind(name string, k KindStatus) {
	var say []string
	tone := view.Care
	if k.Behind > 0 {
		say = append(say, fmt.Sprintf("%d behind %s", k.Behind, t.since(k.Oldest)))
	}
	if k.HeldBack > 0 {
		say, tone = append(say, fmt.Sprintf("%d held back", k.HeldBack)), view.Bad
	}
	if len(say) == 0 {
		tone = ""
		say = append(say, "in step")
		if !k.Applied.IsZero() {
			say[0] += ", " + t.ago(k.Applied)
		}
	}
	t.line(2, tone, name+"  "+strings.Join(say, ", "))
}

// names lists the first few.
func (t *text) names(what string, names []string, of int) {
	const few = 3
	for _, n := range names[:min(few, len(names))] {
		t.line(2, "", what+": "+n)
	}
	if of > few {
		t.line(2, "", fmt.Sprintf("and %d more", of-few))
	}
}

// heldBack lists what was, each reason once: much is often held back for one.
func (t *text) heldBack(all []Held) {
	const few, lines = 5, 4
	var whys []string
	of := map[string][]Held{}
	for _, h := range all {
		if of[h.Why] = append(of[h.Why], h); len(of[h.Why]) == 1 {
			whys = append(whys, h.Why)
		}
	}
	for _, why := range whys {
		t.line(2, view.Bad, "held back "+t.since(oldestHeld(of[why]))+":")
		for i, h := range of[why] {
			if i == few {
				t.line(4, view.Bad, fmt.Sprintf("and %d more", len(of[why])-few))
				break
			}
			if h.Name != "" {
				t.line(4, view.Bad, h.Name)
			}
		}
		said := strings.SplitN(why, "\n", lines+1)
		t.line(4, "", strings.Join(said[:min(lines, len(said))], "\n"))
		if len(said) > lines {
			t.line(4, view.Faint, "... (--json has all of it)")
		}
	}
}

func (t *text) audit(f *FollowerStatus) {
	switch {
	case f.Drifted > 0 && f.Mended:
		t.line(2, view.Care, fmt.Sprintf("audit %s: %d had drifted, mended", t.ago(f.Audited), f.Drifted))
		t.names("drifted", f.Drift, f.Drifted)
	case f.Drifted > 0:
		t.line(2, view.Bad, fmt.Sprintf("audit %s: %d drifted", t.ago(f.Audited), f.Drifted))
		t.names("drifted", f.Drift, f.Drifted)
	case !f.Audited.IsZero():
		t.line(2, "", "audit "+t.ago(f.Audited)+": no drift")
	}
	if !f.Audit.IsZero() {
		t.line(2, view.Faint, "next audit "+t.in(f.Audit))
	}
}

func (t *text) source(s *SourceStatus) {
	tone := view.Good
	if s.State != followed {
		tone = view.Bad
	}
	t.head(s.Host, s.State, tone, ", "+t.since(s.Since))
	if s.Why != "" {
		t.line(2, "", s.Why)
	}
	if s.Generation != "" {
		t.line(2, view.Faint, "generation "+s.Generation)
	}
	if s.Store != "" {
		t.line(2, view.Bad, "no generation can be written: "+s.Store)
	}
	for _, n := range s.Notes {
		t.line(2, view.Care, "note: "+n)
	}
}

// word is the state of a mirror.
func (m *MirrorStatus) word() (string, view.Tone) {
	switch {
	case m.Alarm != "":
		return "ALARM", view.Bad
	case m.Held:
		return "on hold", view.Care
	case !m.InStep:
		return "behind", view.Care
	}
	return "in step", view.Good
}

func (t *text) mirror(m *MirrorStatus) {
	word, tone := m.word()
	t.head(m.Host+" "+m.Root, word, tone, ", "+t.since(m.Since))
	if m.Files > 0 {
		t.line(2, "", fmt.Sprintf("%d files, %s to bring", m.Files, view.Size(m.Bytes)))
	}
	if m.Alarm != "" {
		t.line(2, view.Bad, m.Alarm)
	} else if m.Why != "" {
		t.line(2, "", m.Why)
	}
	if m.Foreign > 0 {
		t.line(2, "", fmt.Sprintf("%d of its own are left, such as %s", m.Foreign, m.FirstForeign))
	}
	if !m.LastArrival.IsZero() {
		t.line(2, "", "last arrival "+t.ago(m.LastArrival))
	}
	if !m.NextAudit.IsZero() {
		t.line(2, view.Faint, "next audit "+t.in(m.NextAudit))
	}
}
