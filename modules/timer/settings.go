package timer

import (
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
)

// setting is one attribute and where it is written.
type setting struct {
	attr    string
	service bool // in the service's file; else in the timer's
	section string
	key     string
	flag    bool
	many    bool // each line of the attribute is a setting of its own
	doc     string
}

// settings are those of systemd.timer(5) and systemd.exec(5) that people ask
// for.
func settings() []setting {
	return []setting{
		{attr: "description", section: "Unit", key: "Description", doc: "What people read of it."},
		{attr: "on_calendar", section: "Timer", key: "OnCalendar", many: true, doc: "When it is due, as in *:0/10 or Mon 04:00; several times are lines."},
		{attr: "on_boot_sec", section: "Timer", key: "OnBootSec", doc: "How long after the boot it is due, as in 10min."},
		{attr: "on_startup_sec", section: "Timer", key: "OnStartupSec", doc: "How long after systemd's start it is due."},
		{attr: "on_active_sec", section: "Timer", key: "OnActiveSec", doc: "How long after its own start it is due."},
		{attr: "on_unit_active_sec", section: "Timer", key: "OnUnitActiveSec", doc: "How long after its job began last it is due again."},
		{attr: "on_unit_inactive_sec", section: "Timer", key: "OnUnitInactiveSec", doc: "How long after its job ended last it is due again."},
		{attr: "accuracy_sec", section: "Timer", key: "AccuracySec", doc: "How late it may be; 1min where nothing is said."},
		{attr: "randomized_delay_sec", section: "Timer", key: "RandomizedDelaySec", doc: "By how much it is put off at random."},
		{attr: "persistent", section: "Timer", key: "Persistent", flag: true, doc: "Whether what was missed while the host was down is made up for."},
		{attr: "exec", service: true, section: "Service", key: "ExecStart", many: true, doc: "The command of its job, with an absolute path; several are lines."},
		{attr: "user", service: true, section: "Service", key: "User", doc: "Whose job it is; root's where nothing is said."},
		{attr: "environment_file", service: true, section: "Service", key: "EnvironmentFile", doc: "A file of settings for the command."},
		{attr: "working_directory", service: true, section: "Service", key: "WorkingDirectory", doc: "The directory that the command begins in."},
	}
}

func (s setting) typ() cty.Type {
	if s.flag {
		return cty.Bool
	}
	return cty.String
}

// get reads a setting. It reports false where nothing, or nothing that can be
// understood, is written.
func (p *pair) get(s setting) (cty.Value, bool) {
	var lines []string
	for _, e := range p.entries(s) {
		lines = append(lines, e.Value)
	}
	text := strings.Join(lines, "\n")
	switch {
	case text == "" || !utf8.ValidString(text) || cty.NormalizeString(text) != text:
		return cty.NilVal, false
	case !s.flag:
		return cty.StringVal(text), true
	}
	switch strings.ToLower(text) { // parse_boolean of systemd
	case "1", "yes", "y", "true", "t", "on":
		return cty.True, true
	case "0", "no", "n", "false", "f", "off":
		return cty.False, true
	}
	return cty.NilVal, false
}

// written is a value as lines of the file, or why it cannot be.
func (s setting) written(v cty.Value) (lines []string, why string) {
	if s.flag {
		if v.True() {
			return []string{"true"}, ""
		}
		return []string{"false"}, ""
	}
	lines = []string{v.AsString()}
	if s.many {
		lines = strings.Split(strings.TrimSuffix(v.AsString(), "\n"), "\n")
	}
	for _, l := range lines {
		switch {
		case l == "" || strings.TrimSpace(l) != l || strings.HasSuffix(l, `\`):
			return nil, "it has an empty line, blanks around a line or a \\ at the end of one"
		case strings.ContainsFunc(l, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
			return nil, "it holds a control character"
		case s.key == "ExecStart" && !strings.HasPrefix(strings.TrimLeft(l, "@-:+!|"), "/"):
			return nil, "a command begins with an absolute path"
		}
	}
	return lines, ""
}
