package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const viewProject = `host "standby" { ssh = "root@standby" }

overlay "host" "standby" {
  file "/etc/motd" { content = "seen\n" }
}
`

// TestLabView shows the same to a person, a pipe and a program.
func TestLabView(t *testing.T) {
	l := newProject(t, viewProject)
	l.reset("standby")
	// A host that tries to steer the terminal of who looks at it.
	l.exec("standby", `printf 'red \033[31m\033]0;title\007\n' >/etc/motd; echo x >"/etc/$(printf 'evil\033[2Jname')"; printf 'x\033[1m\n' >/etc/escapes`)
	l.ok("snapshot", "standby")
	gen := strings.TrimSpace(l.ok("show", "standby", "--generations"))

	t.Run("a terminal", func(t *testing.T) { sub(l, t).terminal() })
	t.Run("a pipe", func(t *testing.T) { sub(l, t).pipe(gen) })
	t.Run("a program", func(t *testing.T) { sub(l, t).program(gen) })
	t.Run("completion", func(t *testing.T) { sub(l, t).completion() })
}

// pty runs the program on a terminal of its own.
func (l *lab) pty(env []string, args ...string) string {
	l.t.Helper()
	line := "exec"
	for _, w := range append([]string{l.bin, "-C", l.dir}, args...) {
		line += " '" + w + "'"
	}
	r := l.runEnv(env, "script", "-qec", line, "/dev/null")
	return r.out
}

var (
	colour = regexp.MustCompile("\x1b\\[[0-9;]*m")
	// What the program itself may send a terminal: colour, and to wipe the line of progress.
	ownEscapes = regexp.MustCompile("\x1b\\[[0-9;]*m|\r\x1b\\[K")
)

func (l *lab) terminal() {
	l.t.Helper()
	out := l.pty([]string{"TERM=xterm", "NO_COLOR="}, "plan", "standby")
	for _, want := range []string{"\x1b[33m~\x1b[0m file /etc/motd", "\x1b[32m+seen\x1b[0m", "\x1b[31m-red", "standby: reading", "\r\x1b[K"} {
		if !strings.Contains(out, want) {
			l.t.Errorf("no %q in: %q", want, out)
		}
	}
	if rest := ownEscapes.ReplaceAllString(out, ""); strings.ContainsAny(rest, "\x1b\a") {
		l.t.Errorf("the host's escapes reach the terminal: %q", rest)
	}
	out = l.pty([]string{"TERM=xterm", "NO_COLOR=1"}, "plan", "standby")
	if colour.MatchString(out) || !strings.Contains(out, "+seen") {
		l.t.Errorf("with NO_COLOR: %q", out)
	}
	out = l.pty([]string{"TERM=dumb", "NO_COLOR="}, "plan", "standby")
	if strings.Contains(out, "\x1b") || !strings.Contains(out, "+seen") {
		l.t.Errorf("on a dumb terminal: %q", out)
	}
	l.write("bad.hcl", "overlay \"host\" \"standby\" {\n  fiel \"/etc/x\" { content = \"x\" }\n}\n")
	if out = l.pty([]string{"TERM=xterm", "NO_COLOR="}, "plan", "standby"); !colour.MatchString(out) {
		l.t.Errorf("an error in HCL has no colour: %q", out)
	}
	if out = l.pty([]string{"TERM=xterm", "NO_COLOR=1"}, "plan", "standby"); colour.MatchString(out) || !strings.Contains(out, "bad.hcl:2:3") {
		l.t.Errorf("an error in HCL with NO_COLOR: %q", out)
	}
	l.remove("bad.hcl")
	// A person is asked, and anything but yes is no.
	if r := l.runEnv([]string{"TERM=xterm"}, "sh", "-c", "echo no | script -qec '"+l.bin+" -C "+l.dir+" apply standby' /dev/null"); r.code != exitRefused || !strings.Contains(r.out, "Type yes") {
		l.t.Errorf("exit %d: %q", r.code, r.out)
	}
}

// viewCommands are all commands, with their exit codes. The apply comes last.
func viewCommands(gen string) [][]string {
	return [][]string{
		{"0", "init"}, {"0", "validate"}, {"0", "fmt"}, {"0", "fmt", "--check"}, {"0", "version"},
		{"0", "snapshot", "standby"}, {"0", "plan", "standby"}, {"2", "plan", "standby", "--detailed-exitcode"},
		{"0", "show", "standby"}, {"0", "show", "standby", "file"}, {"0", "show", "standby", "file:/etc/motd"}, {"0", "show", "standby", "file:/etc/escapes"},
		{"0", "show", "standby", "--generations"}, {"0", "show", "standby@" + gen, "user:root"}, {"1", "show", "standby", "file:/etc/evil"},
		{"0", "diff", "standby@" + gen, "standby"}, {"1", "diff", "standby", "nowhere"}, {"1", "plan", "nowhere"}, {"1", "plan"}, {"1", "plan", "--nonsense"}, {"1", "nonsense"},
		{"1", "rebuild", "standby"}, {"1", "rebuild", "standby", "--from", "nowhere", "--yes"}, {"4", "apply", "standby"}, {"1", "snapshot"}, {"1", "apply", "standby", "/nonexistent"},
		{"0", "apply", "standby", "--yes"}, {"0", "apply", "standby", "--from", "standby@" + gen, "--yes"},
	}
}

func (l *lab) pipe(gen string) {
	l.t.Helper()
	for _, c := range viewCommands(gen) {
		r := l.hikae(c[1:]...)
		if strings.ContainsAny(r.out+r.errOut, "\x1b\a\r") {
			l.t.Errorf("%v: an escape in: %q%q", c, r.out, r.errOut)
		}
		if code := string(rune('0' + r.code)); code != c[0] {
			l.t.Errorf("%v: exit %s: %s%s", c, code, tail(r.out), r.errOut)
		}
		if (r.code == exitError || r.code == exitRefused) != (strings.HasPrefix(r.errOut, "error: ")) {
			l.t.Errorf("%v: exit %d and on stderr: %s", c, r.code, r.errOut)
		}
	}
}

func (l *lab) program(gen string) {
	l.t.Helper()
	for _, c := range viewCommands(gen) {
		r := l.hikae(append(slices.Clone(c[1:]), "--json")...)
		if code := string(rune('0' + r.code)); code != c[0] {
			l.t.Errorf("%v: exit %s: %s%s", c, code, tail(r.out), r.errOut)
		}
		if r.errOut != "" || strings.ContainsAny(r.out, "\x1b\a\r") {
			l.t.Errorf("%v: beside the lines: %q %q", c, r.errOut, r.out)
		}
		failed := false
		for line := range strings.Lines(r.out) {
			var m map[string]any
			if err := json.Unmarshal([]byte(line), &m); err != nil || m["type"] == nil || m["time"] == nil {
				l.t.Errorf("%v: %q: %v", c, line, err)
			}
			failed = failed || m["type"] == "error"
		}
		if (r.code == exitError || r.code == exitRefused) != failed {
			l.t.Errorf("%v: exit %d and an error line: %v", c, r.code, failed)
		}
	}
	// Errors in HCL have their place.
	if err := os.WriteFile(filepath.Join(l.dir, "bad.hcl"), []byte("overlay \"host\" \"standby\" {\n  fiel \"/etc/x\" { content = \"x\" }\n}\n"), 0o600); err != nil {
		l.t.Fatal(err)
	}
	for _, args := range [][]string{{"validate"}, {"plan", "standby"}, {"apply", "standby", "--yes"}} {
		events, code := l.events(args...)
		if d := events["diagnostic"]; code != exitError || len(d) != 1 || !strings.Contains(toJSON(d[0]), `"line":2`) || !strings.Contains(toJSON(d[0]), "bad.hcl") {
			l.t.Errorf("%v: exit %d: %v", args, code, events)
		}
	}
	l.remove("bad.hcl")
}

func toJSON(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

func (l *lab) completion() {
	l.t.Helper()
	l.write("more.hcl", "host \"stand-in\" { ssh = \"root@fresh\" }\n")
	for _, command := range []string{"plan", "apply", "snapshot", "show", "diff"} {
		r := l.run(l.bin, "__complete", "-C", l.dir, command, "")
		lines := strings.Split(strings.TrimSpace(r.out), "\n")
		slices.Sort(lines)
		// The last is cobra's directive: no file names.
		if want := []string{":4", "stand-in", "standby"}; !slices.Equal(lines, want) {
			l.t.Errorf("%s is completed by %q", command, lines)
		}
	}
	l.remove("more.hcl")
}
