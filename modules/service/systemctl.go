package service

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"hikae/engine/rules"
	"hikae/hosts"
)

// state is what systemd says of a unit now.
type state struct {
	load       string // loaded, not-found, masked, bad-setting, error
	file       string // enabled, disabled, static, masked, ...
	active     string
	sub        string
	typ        string // of a service
	restarts   int    // by systemd, since it was started
	needReload bool   // its file is newer than what systemd has read
}

func (s state) runs() bool { return runs(s.active, s.sub) }

// properties that show asks for. EL 8's systemd (239) has all of them.
const properties = "LoadState,UnitFileState,ActiveState,SubState,Type,NRestarts,NeedDaemonReload"

// systemd is the host's service manager, by systemctl(1).
type systemd struct{ h hosts.Host }

// show asks for several units at once. Their blocks come in the order asked,
// parted by empty lines.
func (s systemd) show(ctx context.Context, names []string) (map[string]state, error) {
	states := make(map[string]state, len(names))
	if len(names) == 0 {
		return states, nil
	}
	out, err := s.run(ctx, append([]string{"systemctl", "show", "--no-pager", "-p", properties, "--"}, names...))
	if err != nil {
		return nil, err
	}
	blocks := strings.Split(strings.TrimSpace(out), "\n\n")
	if len(blocks) != len(names) {
		return nil, fmt.Errorf("cannot ask systemd: it told of %d units, not of %d", len(blocks), len(names))
	}
	for i, name := range names {
		states[name] = parseState(blocks[i])
	}
	return states, nil
}

func parseState(block string) state {
	var s state
	for line := range strings.Lines(block) {
		k, v, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch k {
		case "LoadState":
			s.load = v
		case "UnitFileState":
			s.file = v
		case "ActiveState":
			s.active = v
		case "SubState":
			s.sub = v
		case "Type":
			s.typ = v
		case "NRestarts":
			s.restarts, _ = strconv.Atoi(v) // absent for what is not a service
		case "NeedDaemonReload":
			s.needReload = v == "yes"
		}
	}
	return s
}

// reload makes systemd read all unit files again.
func (s systemd) reload(ctx context.Context) error {
	_, err := s.run(ctx, []string{"systemctl", "daemon-reload"})
	return err
}

// do runs one verb for several units; with none it does nothing.
func (s systemd) do(ctx context.Context, names []string, verb ...string) error {
	if len(names) == 0 {
		return nil
	}
	argv := append([]string{"systemctl"}, verb...)
	_, err := s.run(ctx, append(append(argv, "--"), names...))
	return err
}

// exitError: systemctl ran and could not do it for all units.
type exitError struct{ command, stderr string }

func (e *exitError) Error() string { return e.command + " failed: " + e.stderr }

func (s systemd) run(ctx context.Context, argv []string) (string, error) {
	r, err := s.h.Run(ctx, hosts.Cmd{Argv: argv})
	if err != nil {
		return "", fmt.Errorf("cannot run %s: %w", strings.Join(argv[:2], " "), err)
	}
	if r.Code != 0 {
		return "", &exitError{strings.Join(argv[:2], " "), rules.Redact(strings.TrimSpace(string(r.Stderr)))}
	}
	return string(r.Stdout), nil
}

// journalLines is how many of a unit's last words an error holds.
const journalLines = 10

// journal is what a unit said last, without secrets.
func (s systemd) journal(ctx context.Context, unit string) string {
	r, err := s.h.Run(ctx, hosts.Cmd{Argv: []string{
		"journalctl", "-q", "--no-pager", "-n", strconv.Itoa(journalLines), "-o", "cat", "-u", unit,
	}})
	text := strings.TrimSpace(string(r.Stdout))
	if err != nil || r.Code != 0 || text == "" {
		return "its journal says nothing"
	}
	return "its journal:\n" + rules.Redact(text)
}
