package watch

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// MetricsType is the content type of what Metrics writes: Prometheus's text format
// 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats).
const MetricsType = "text/plain; version=0.0.4; charset=utf-8"

// Metrics writes a status for Prometheus. Version is hikae's.
func (s *Status) Metrics(w io.Writer, version string, now time.Time) error {
	m := metrics{}
	m.family("hikae_build_info", "gauge", "The version of hikae that watches.").add(1, "version", version)
	m.family("hikae_start_time_seconds", "gauge", "When hikae watch was started.").at(s.Started)
	m.family("hikae_watch_timestamp_seconds", "gauge", "When this was written: a file may outlive who wrote it.").at(now)
	m.sources(s.Sources)
	m.followers(s, now)
	m.mirrors(s.Mirrors, now)
	_, err := io.WriteString(w, m.String())
	return err
}

func (m *metrics) sources(all []SourceStatus) {
	m.family("hikae_source_up", "gauge", "1 while the host that others follow is followed.")
	for _, s := range all {
		m.add(one(s.State == followed), "source", s.Host)
	}
	m.family("hikae_last_change_timestamp_seconds", "gauge", "When a change on the source was last heard of.")
	for _, s := range all {
		m.at(s.Changed, "source", s.Host)
	}
	m.family("hikae_alarm", "gauge", "How many alarms a source raises: a mount that is gone, say. Mirrors have their own.")
	for _, s := range all {
		m.add(float64(len(s.Alarms)), "source", s.Host)
	}
	m.family("hikae_source_notes", "gauge", "How many notes there are of a source: a subtree that is only looked at now and then, say.")
	for _, s := range all {
		m.add(float64(len(s.Notes)), "source", s.Host)
	}
	m.family("hikae_generation_failing", "gauge", "1 while no generation can be written.")
	for _, s := range all {
		m.add(one(s.Store != ""), "source", s.Host)
	}
}

// States are all that a follower can be in.
var States = []State{Starting, InStep, Behind, OnHold, Waiting, Away, Hung, Busy, OverBudget, HeldBack}

func (m *metrics) followers(s *Status, now time.Time) {
	each := func(name, sort, help string, of func(*FollowerStatus, func(float64, ...string))) {
		m.family(name, sort, help)
		for i := range s.Followers {
			f := &s.Followers[i]
			of(f, func(v float64, labels ...string) {
				m.add(v, append([]string{"host", f.Host, "source", f.Source}, labels...)...)
			})
		}
	}
	each("hikae_follower_behind_seconds", "gauge", "For how long the follower has not been what its source is.",
		func(f *FollowerStatus, add func(float64, ...string)) {
			add(f.BehindFor(s.Source(f.Source), now).Seconds())
		})
	each("hikae_follower_state", "gauge", "1 for the state that the follower is in.",
		func(f *FollowerStatus, add func(float64, ...string)) {
			for _, st := range States {
				add(one(f.State == st), "state", string(st))
			}
		})
	each("hikae_follower_behind", "gauge", "How many changes are yet to be applied, by kind.",
		func(f *FollowerStatus, add func(float64, ...string)) {
			for _, k := range f.kindNames() {
				add(float64(f.Kinds[k].Behind), "kind", k)
			}
		})
	each("hikae_held_back", "gauge", "How many changes the follower could not take.",
		func(f *FollowerStatus, add func(float64, ...string)) { add(float64(len(f.HeldBack))) })
	each("hikae_conflict", "gauge", "1 while files are to be merged by hand.",
		func(f *FollowerStatus, add func(float64, ...string)) { add(one(f.Conflict != "")) })
	each("hikae_drift", "gauge", "How much the last audit found not to be as it should.",
		func(f *FollowerStatus, add func(float64, ...string)) { add(float64(f.Drifted)) })
	each("hikae_changes_applied_total", "counter", "Changes applied since hikae watch was started.",
		func(f *FollowerStatus, add func(float64, ...string)) { add(float64(f.Changes)) })
	m.family("hikae_last_applied_timestamp_seconds", "gauge", "When something was last applied.")
	for _, f := range s.Followers {
		m.at(f.Applied, "host", f.Host, "source", f.Source)
	}
	m.family("hikae_last_audit_timestamp_seconds", "gauge", "When the follower was last compared as a whole.")
	for _, f := range s.Followers {
		m.at(f.Audited, "host", f.Host, "source", f.Source)
	}
}

func (m *metrics) mirrors(all []MirrorStatus, now time.Time) {
	each := func(name, help string, of func(*MirrorStatus) float64) {
		m.family(name, "gauge", help)
		for i := range all {
			m.add(of(&all[i]), "host", all[i].Host, "source", all[i].Source, "root", all[i].Root)
		}
	}
	each("hikae_mirror_behind_seconds", "For how long the mirror has not been what its source is.", func(s *MirrorStatus) float64 { return s.BehindFor(now).Seconds() })
	each("hikae_mirror_backlog_files", "How many files are yet to be brought.", func(s *MirrorStatus) float64 { return float64(s.Files) })
	each("hikae_mirror_backlog_bytes", "The size of what is yet to be brought.", func(s *MirrorStatus) float64 { return float64(s.Bytes) })
	each("hikae_mirror_alarm", "1 while the mirror waits for a person.", func(s *MirrorStatus) float64 { return one(s.Alarm != "") })
}

// metrics is a text of families, each with its samples.
type metrics struct {
	strings.Builder
	name, head string // of the family, until a sample was written
}

// family begins a family of metrics; one without samples is left out.
func (m *metrics) family(name, sort, help string) *metrics {
	m.name, m.head = name, fmt.Sprintf("# HELP %s %s\n# TYPE %s %s\n", name, help, name, sort)
	return m
}

// add writes a sample; labels are names and values in turn.
func (m *metrics) add(v float64, labels ...string) {
	m.WriteString(m.head + m.name)
	m.head = ""
	for i := 0; i+1 < len(labels); i += 2 {
		sep := ","
		if i == 0 {
			sep = "{"
		}
		m.WriteString(sep + labels[i] + `="` + labelValue.Replace(strings.ToValidUTF8(labels[i+1], "\uFFFD")) + `"`)
	}
	if len(labels) > 0 {
		m.WriteString("}")
	}
	m.WriteString(" " + strconv.FormatFloat(v, 'f', -1, 64) + "\n")
}

// at writes a time, where there is one.
func (m *metrics) at(t time.Time, labels ...string) {
	if !t.IsZero() {
		m.add(float64(t.UnixMilli())/1000, labels...)
	}
}

// labelValue escapes what the format wants escaped.
var labelValue = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
