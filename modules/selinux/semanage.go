package selinux

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"hikae/engine"
	"hikae/engine/rules"
	"hikae/hosts"
)

const semanageProgram = "/usr/sbin/semanage"

// batch collects commands for semanage import.
type batch struct {
	host  hosts.Host
	store *store
	job   engine.Job

	modules  []string // installs modules
	commands []string
}

func (b *batch) add(format string, args ...any) {
	b.commands = append(b.commands, fmt.Sprintf(format, args...))
}

// run makes the changes: in one go, or in two where modules come and there is
// more.
func (b *batch) run(ctx context.Context) error {
	for _, commands := range [][]string{b.modules, b.commands} {
		if len(commands) == 0 {
			continue
		}
		if b.job.Progress != nil {
			b.job.Progress("rebuilding SELinux's policy")
		}
		if _, err := semanage(ctx, b.host, []byte(strings.Join(commands, "\n")+"\n"), "import"); err != nil {
			return err
		}
	}
	for _, c := range b.job.Changes {
		b.job.Done(c.Addr)
	}
	return nil
}

// semanage runs it and gives what it printed.
func semanage(ctx context.Context, h hosts.Host, stdin []byte, args ...string) (string, error) {
	if _, err := h.Stat(semanageProgram); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s is not there: install policycoreutils-python-utils (on EL 7, policycoreutils-python)", semanageProgram)
	}
	r, err := h.Run(ctx, hosts.Cmd{Argv: append([]string{semanageProgram}, args...), Stdin: stdin})
	if err != nil {
		return "", err
	}
	if r.Code != 0 {
		said := strings.TrimSpace(string(r.Stderr) + string(r.Stdout))
		return "", fmt.Errorf("semanage %s failed, and SELinux's policy is as it was before it: %s", args[0], rules.Redact(said))
	}
	return string(r.Stdout), nil
}
