// Package hosttest gives tests a host: a real file system in a temporary
// directory, behind hosts/local, with units, packages and programs that the
// test makes up; and a wrapper that breaks its writes (Faulty).
package hosttest

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"hikae/hosts"
	"hikae/hosts/local"
	"hikae/hosts/rpmdb"
)

// Full is everything that hosts/local can do.
type Full interface {
	hosts.Stager
	hosts.Syncer
	hosts.Locker
	hosts.TempCleaner
	hosts.AccountLocker
	hosts.WriteTracker
}

// Host is a host for tests. Files are real; the rest is what was Set.
type Host struct {
	*local.Host
	// Root is the directory that is the host's root.
	Root string

	tb       testing.TB
	mu       sync.Mutex
	facts    *hosts.Facts
	units    []hosts.Unit
	packages []*rpmdb.Package
	onRun    func(context.Context, hosts.Cmd) (hosts.Result, error)
	runs     []hosts.Cmd

	onRehearse func(hosts.Rehearsal) (string, error)
	onWork     func(cgroup string) hosts.Work
}

var _ Full = (*Host)(nil)

// New makes a host that has /etc, /run, /usr, /var, /home and /tmp, os-release
// of an EL 8, and the accounts root, bin, alice and bob (1000, 1001) and the group
// web (2000) of both. It skips the test where it is not root's, since only root
// gives files away.
func New(tb testing.TB) *Host {
	tb.Helper()
	if os.Geteuid() != 0 {
		tb.Skip("needs root, to set files' owners")
	}
	h := &Host{Root: tb.TempDir(), tb: tb}
	if err := os.Chmod(h.Root, 0o755); err != nil {
		tb.Fatal(err)
	}
	for _, dir := range []string{"/etc", "/run", "/usr/bin", "/usr/lib", "/var/lib", "/home", "/root", "/tmp"} {
		h.Mkdir(dir)
	}
	if err := os.Chmod(h.Path("/tmp"), 0o777|os.ModeSticky); err != nil {
		tb.Fatal(err)
	}
	h.Write("/etc/passwd", `root:x:0:0:root:/root:/bin/bash
bin:x:1:1:bin:/bin:/sbin/nologin
alice:x:1000:1000::/home/alice:/bin/bash
bob:x:1001:1001::/home/bob:/bin/bash
`)
	h.Write("/etc/group", "root:x:0:\nbin:x:1:\nalice:x:1000:\nbob:x:1001:\nweb:x:2000:alice,bob\n")
	h.Write("/etc/os-release", "NAME=\"Lab Linux\"\nID=\"rocky\"\nVERSION_ID=\"8.10\"\n")
	l, err := local.New(local.Options{Root: h.Root})
	if err != nil {
		tb.Fatal(err)
	}
	h.Host = l
	tb.Cleanup(func() { _ = l.Close() })
	return h
}

// Path gives where a path of the host is on this machine.
func (h *Host) Path(p string) string { return filepath.Join(h.Root, p) }

// Write writes a file of root's, 0644, making its directories: the test's own
// hand, not hikae's.
func (h *Host) Write(p, text string) {
	h.tb.Helper()
	h.Mkdir(filepath.Dir(p))
	if err := os.WriteFile(h.Path(p), []byte(text), 0o644); err != nil {
		h.tb.Fatal(err)
	}
}

// Mkdir makes a directory, 0755, and those above it.
func (h *Host) Mkdir(p string) {
	h.tb.Helper()
	if err := os.MkdirAll(h.Path(p), 0o755); err != nil {
		h.tb.Fatal(err)
	}
}

// Symlink makes a link.
func (h *Host) Symlink(target, p string) {
	h.tb.Helper()
	h.Mkdir(filepath.Dir(p))
	if err := os.Symlink(target, h.Path(p)); err != nil {
		h.tb.Fatal(err)
	}
}

// Preview implements hosts.Previewer: files in the view are as laid, the rest
// is what was Set.
func (h *Host) Preview(ctx context.Context, laid []hosts.Laid, fn func(hosts.Host) error) error {
	return h.Host.Preview(ctx, laid, func(view hosts.Host) error {
		l, ok := view.(*local.Host)
		if !ok {
			h.tb.Errorf("the view is a %T", view)
			return hosts.ErrNoPreview
		}
		facts := h.Facts()
		v := &Host{Host: l, Root: h.Root, tb: h.tb, facts: &facts}
		v.onRun = h.Run
		v.onRehearse = h.onRehearse
		return fn(v)
	})
}

// OnRehearse has fn answer in place of daemons that are rehearsed: why they die,
// "" where they live. Without it all live.
func (h *Host) OnRehearse(fn func(hosts.Rehearsal) (died string, err error)) { h.onRehearse = fn }

// Rehearse implements hosts.Rehearser: it starts nothing.
func (h *Host) Rehearse(_ context.Context, daemons []hosts.Rehearsal) func() ([]string, error) {
	return func() ([]string, error) {
		died := make([]string, len(daemons))
		for i, d := range daemons {
			if h.onRehearse == nil {
				break
			}
			var err error
			if died[i], err = h.onRehearse(d); err != nil {
				return nil, err
			}
		}
		return died, nil
	}
}

// OnWork has fn say what the processes of a control group do. Without it they are at
// work.
func (h *Host) OnWork(fn func(cgroup string) hosts.Work) { h.onWork = fn }

// Work implements hosts.WorkReader.
func (h *Host) Work(ctx context.Context, cgroup string) (hosts.Work, error) {
	if h.onWork == nil {
		return h.Host.Work(ctx, cgroup)
	}
	return h.onWork(cgroup), nil
}

// Text reads a file.
func (h *Host) Text(p string) string {
	h.tb.Helper()
	b, err := os.ReadFile(h.Path(p))
	if err != nil {
		h.tb.Fatal(err)
	}
	return string(b)
}

// SetPolicy gives the host an SELinux policy with these lines as file_contexts.
func (h *Host) SetPolicy(fileContexts string) {
	h.tb.Helper()
	h.Write("/etc/selinux/config", "SELINUX=enforcing\nSELINUXTYPE=targeted\n")
	h.Write("/etc/selinux/targeted/contexts/files/file_contexts", fileContexts)
}

// SetFacts replaces what the host says of itself.
func (h *Host) SetFacts(f hosts.Facts) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.facts = &f
}

// Facts implements hosts.Reader.
func (h *Host) Facts() hosts.Facts {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.facts != nil {
		return *h.facts
	}
	return h.Host.Facts()
}

// SetUnits makes these the host's units.
func (h *Host) SetUnits(units ...hosts.Unit) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.units = slices.Clone(units)
}

// Units implements hosts.Reader.
func (h *Host) Units(ctx context.Context) ([]hosts.Unit, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.units), ctx.Err()
}

// SetPackages makes these the host's packages.
func (h *Host) SetPackages(packages ...*rpmdb.Package) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.packages = slices.Clone(packages)
}

// Packages implements hosts.Reader.
func (h *Host) Packages(ctx context.Context) ([]*rpmdb.Package, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.packages), ctx.Err()
}

// OnRun has fn answer for the host's programs. Without it each of them does
// nothing and succeeds. fn may call the Set methods.
func (h *Host) OnRun(fn func(context.Context, hosts.Cmd) (hosts.Result, error)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.onRun = fn
}

// Run implements hosts.Host: it runs nothing.
func (h *Host) Run(ctx context.Context, c hosts.Cmd) (hosts.Result, error) {
	if err := ctx.Err(); err != nil {
		return hosts.Result{}, err
	}
	h.mu.Lock()
	h.runs = append(h.runs, hosts.Cmd{Argv: slices.Clone(c.Argv), Env: slices.Clone(c.Env), Stdin: slices.Clone(c.Stdin)})
	fn := h.onRun
	h.mu.Unlock()
	if fn == nil {
		return hosts.Result{}, nil
	}
	return fn(ctx, c)
}

// Runs gives what Run was called with, in order.
func (h *Host) Runs() []hosts.Cmd {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.runs)
}
