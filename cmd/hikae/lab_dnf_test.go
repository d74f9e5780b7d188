package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hikae/engine/agent"
	"hikae/engine/control"
	"hikae/engine/view"
	"hikae/hosts/ssh"
	"hikae/modules/all"
)

// live holds a host of the project open from within the test, as the loop does,
// with agents of the program that is tested.
func (l *lab) live(host string) *control.Live {
	l.t.Helper()
	dir := l.t.TempDir()
	if err := os.Symlink(l.bin, filepath.Join(dir, "hikae-linux-amd64")); err != nil {
		l.t.Fatal(err)
	}
	l.t.Setenv("HIKAE_SSH_CONFIG", l.sshConf)
	a := &app{out: io.Discard, err: io.Discard, dir: l.dir, view: view.New(io.Discard, io.Discard, false)}
	pr, err := a.project()
	if err != nil {
		l.t.Fatal(err)
	}
	login := ssh.Options{Binaries: &ssh.Binaries{Dir: dir}, Opened: new(ssh.Opened)}
	a.connect = func(ctx context.Context, t control.Target) (*agent.Client, error) {
		to, err := ssh.ParseTarget("root@" + t.Name)
		if err != nil {
			return nil, err
		}
		conn, err := ssh.Dial(ctx, to, login)
		if err != nil {
			return nil, err
		}
		return openAgent(ctx, conn, agent.Options{Schemas: all.Schemas(), Host: t.Name, AnyBuild: true})
	}
	ctl, err := a.controller(pr)
	if err != nil {
		l.t.Fatal(err)
	}
	t, err := target(pr, wish{host: host})
	if err != nil {
		l.t.Fatal(err)
	}
	live, err := ctl.Live(l.t.Context(), t, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(live.Close)
	return live
}

const dnfHome = `host "primary" { ssh = "root@primary" }
host "standby" { ssh = "root@standby" }
pair "home" {
  members         = [host.primary, host.standby]
  initial_primary = host.primary
}
`

// dnf on the primary marks the end of each transaction from when hikae's action is
// installed, which is done once and is part of the host's state then.
func TestLabDnfHook(t *testing.T) {
	l := newProject(t, dnfHome)
	l.reset("primary")
	const (
		plugin = "/etc/dnf/plugins/post-transaction-actions.conf"
		action = "/etc/dnf/plugins/post-transaction-actions.d/hikae.action"
		mark   = "/var/lib/hikae/transaction"
	)
	install := func() (bool, string) {
		t.Helper()
		changed, advice, err := l.live("primary").InstallHook(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return changed, advice
	}

	l.exec("primary", "sed -i 's/^enabled.*/enabled = 0/' "+plugin)
	if changed, advice := install(); changed || !strings.Contains(advice, plugin) {
		t.Errorf("where the plug-in is off: changed %v, %q", changed, advice)
	}
	l.exec("primary", "mv "+plugin+" /tmp")
	if changed, advice := install(); changed || !strings.Contains(advice, "install python3-dnf-plugin-post-transaction-actions") {
		t.Errorf("without the plug-in: changed %v, %q", changed, advice)
	}
	l.exec("primary", "test ! -e "+action+" && mv /tmp/post-transaction-actions.conf /etc/dnf/plugins && sed -i 's/^enabled.*/enabled = 1/' "+plugin)
	for i, want := range []bool{true, false} {
		if changed, advice := install(); changed != want || advice != "" {
			t.Errorf("installed for the %d. time: changed %v, %q", i+1, changed, advice)
		}
	}
	if got, want := l.exec("primary", "stat -c '%a %U %G %C' "+action), l.exec("primary", "echo 644 root root $(matchpathcon -n "+action+")"); got != want {
		t.Errorf("the action is %s, want %s", got, want)
	}
	l.ok("snapshot", "primary")
	l.inStep("primary")

	marked := func() string { return l.exec("primary", "stat -c %.9Y "+mark+" 2>/dev/null || true") }
	before := marked()
	for _, cmd := range []string{"dnf -qy install ipcalc", "dnf -qy reinstall ipcalc", "dnf -qy remove ipcalc"} {
		if out := l.exec("primary", cmd+" 2>&1"); strings.Contains(out, "post-transaction-actions") {
			t.Errorf("%s complains: %s", cmd, out)
		}
		after := marked()
		if after == "" || after == before {
			t.Errorf("%s left no mark: %q, then %q", cmd, before, after)
		}
		before = after
	}
	if got := l.exec("primary", "find /var/lib/hikae -maxdepth 0 -printf '%m %u'"); got != "700 root" {
		t.Errorf("/var/lib/hikae is %s", got)
	}
}
