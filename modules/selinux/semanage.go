package selinux

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"hikae/engine"
	"hikae/engine/rules"
	"hikae/hosts"
)

const (
	semanageProgram = "/usr/sbin/semanage"
	setfilesProgram = "/usr/sbin/setfiles"
)

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

// run makes the changes in one go. Where it is refused, and modules come with
// other things, these come first, by themselves: semanage takes no type that only
// they bring, and says so before it builds anything.
func (b *batch) run(ctx context.Context) error {
	if b.job.Progress != nil {
		b.job.Progress("rebuilding SELinux's policy")
	}
	err := b.imports(ctx, slices.Concat(b.modules, b.commands))
	if errors.Is(err, errSemanage) && len(b.modules) > 0 && len(b.commands) > 0 {
		if err = b.imports(ctx, b.modules); err == nil {
			err = b.imports(ctx, b.commands)
		}
	}
	if err == nil {
		err = b.label(ctx)
	}
	if err != nil {
		return err
	}
	for _, c := range b.job.Changes {
		b.job.Done(c.Addr)
	}
	return nil
}

func (b *batch) imports(ctx context.Context, commands []string) error {
	if len(commands) == 0 {
		return nil
	}
	_, err := semanage(ctx, b.host, []byte(strings.Join(commands, "\n")+"\n"), "import")
	return err
}

// label gives what semanage wrote its labels, which a kernel with SELinux does at
// their birth: without, they would be missing on the day that it is switched on.
func (b *batch) label(ctx context.Context) error {
	if _, err := b.host.Stat("/sys/fs/selinux/enforce"); err == nil {
		return nil
	}
	if _, err := b.host.Stat(setfilesProgram); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	etc := path.Join("/etc/selinux", b.store.policy)
	r, err := b.host.Run(ctx, hosts.Cmd{Argv: []string{setfilesProgram, "-F", path.Join(etc, "contexts/files/file_contexts"), etc, b.store.dir}})
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("cannot label the files of SELinux's policy: setfiles: %s", rules.Redact(strings.TrimSpace(string(r.Stderr))))
	}
	return err
}

// errSemanage: it refuses, or failed.
var errSemanage = errors.New("semanage failed, and SELinux's policy is as it was before it")

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
		return "", fmt.Errorf("%w: semanage %s: %s", errSemanage, args[0], rules.Redact(said))
	}
	return string(r.Stdout), nil
}
