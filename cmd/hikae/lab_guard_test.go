package main

import (
	"bufio"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// guardProject logs in as root and as a person with sudo. A change that keeps
// people out is undone after two seconds.
const guardProject = `hikae { login_deadline = "2s" }
host "primary" { ssh = "root@primary" }
host "admin" { ssh = "admin@primary" }
`

// TestLabGuard changes what logins hang on, so that none succeeds any more: the
// host undoes it by itself and the controller can come back.
func TestLabGuard(t *testing.T) {
	l := newProject(t, guardProject)
	l.reset("primary")

	cat := func(path string) string { return l.exec("primary", "cat "+path) }
	sshd := cat("/etc/ssh/sshd_config")
	refused := strings.ReplaceAll(cat("/etc/firewalld/zones/public.xml"), `<service name="ssh"/>`, "")
	dropped := strings.ReplaceAll(cat("/etc/firewalld/zones/drop.xml"), "</zone>", `<source address="10.98.0.0/26"/></zone>`)
	for _, tt := range []struct {
		name, host, path, text, mode string
		wants                        []string
	}{
		{
			"another port", "primary", "/etc/ssh/sshd_config", "Port 2222\n" + sshd, "0600",
			[]string{"the change of sshd.service", "cannot reach 10.98.0.11:22", "is sshd running"},
		},
		{
			"another's account alone", "primary", "/etc/ssh/sshd_config", sshd + "AllowUsers admin\n", "0600",
			[]string{"the change of sshd.service", "cannot log in to root@primary"},
		},
		{
			"PAM says no", "primary", "/etc/pam.d/sshd", "account required pam_deny.so\n", "0644",
			[]string{"the change of login"},
		},
		{
			"sudo asks for a password", "admin", "/etc/sudoers.d/zz-lab", "admin ALL=(ALL) PASSWD: ALL\n", "0440",
			[]string{"the change of sudo", "user admin may not become root by sudo without a password"},
		},
		{
			"a firewall without ssh", "primary", "/etc/firewalld/zones/public.xml", refused, "0644",
			[]string{"the change of firewalld.service", "cannot reach 10.98.0.11:22"},
		},
		{
			"in the drop zone", "primary", "/etc/firewalld/zones/drop.xml", dropped, "0644",
			[]string{"the change of firewalld.service"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sub(l, t).lockedOut(tt.host, tt.path, tt.text, tt.mode, tt.wants)
		})
	}
	t.Run("broken sudoers", func(t *testing.T) { sub(l, t).brokenSudoers() })
	t.Run("the controller is gone", func(t *testing.T) { sub(l, t).gone(sshd, false) })
	t.Run("the agent is gone too", func(t *testing.T) { sub(l, t).gone(sshd, true) })
	t.Run("a good change", func(t *testing.T) { sub(l, t).goodChange(sshd) })
}

// overlayFile has the project want a file on a host.
func (l *lab) overlayFile(host, path, text, mode string) {
	l.t.Helper()
	l.write("wanted", text)
	l.write("overlay.hcl", fmt.Sprintf("overlay \"host\" %q {\n  file %q {\n    source = \"wanted\"\n    mode   = %q\n  }\n}\n", host, path, mode))
}

// lockedOut applies a file that keeps the controller out, and wants all to be
// as before within the deadline.
func (l *lab) lockedOut(host, path, text, mode string, wants []string) {
	l.t.Helper()
	read := "cat " + path + " 2>&1; true"
	before := l.exec("primary", read)
	l.overlayFile(host, path, text, mode)
	r := l.hikae("apply", host, "--yes")
	if r.code != exitRolledBack {
		l.t.Errorf("exit %d: %s%s", r.code, r.out, r.errOut)
	}
	for _, want := range append(wants, "rolled back: nobody could log in anew within 2s") {
		if !strings.Contains(r.errOut, want) {
			l.t.Errorf("no %q in: %s", want, r.errOut)
		}
	}
	if after := l.exec("primary", read); after != before {
		l.t.Errorf("%s is now:\n%s", path, after)
	}
	if r := l.hikae("plan", host, "--detailed-exitcode"); r.code != exitChanges {
		l.t.Errorf("the controller cannot come back: exit %d: %s", r.code, r.errOut)
	}
}

// brokenSudoers: what visudo refuses is not left there.
func (l *lab) brokenSudoers() {
	l.t.Helper()
	l.overlayFile("admin", "/etc/sudoers.d/zz-lab", "admin ALL=(ALL) NOPASSWD:\n", "0440")
	r := l.hikae("apply", "admin", "--yes")
	if r.code != exitRolledBack || !strings.Contains(r.errOut, "sudo refuses its new configuration") {
		l.t.Errorf("exit %d: %s", r.code, r.errOut)
	}
	if left := l.exec("primary", "ls -A /etc/sudoers.d"); strings.Contains(left, "lab") || strings.Contains(left, "hikae") {
		l.t.Errorf("in /etc/sudoers.d: %s", left)
	}
}

// gone kills the controller before it could log in anew, and the agent with it
// or not: nobody confirms the change, and the host undoes it.
func (l *lab) gone(sshd string, agentToo bool) {
	l.t.Helper()
	began := time.Now()
	before := l.exec("primary", "cat /etc/ssh/sshd_config")
	l.overlayFile("primary", "/etc/ssh/sshd_config", sshd+"MaxAuthTries 4\n", "0600")
	cmd := exec.CommandContext(l.t.Context(), l.bin, "-C", l.dir, "apply", "primary", "--yes", "--json")
	cmd.Env = append(cmd.Environ(), "HIKAE_SSH_CONFIG="+l.sshConf)
	out, err := cmd.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	reloaded := false
	for s := bufio.NewScanner(out); s.Scan(); {
		if strings.Contains(s.Text(), `"sshd.service"`) && strings.Contains(s.Text(), `"unit"`) {
			reloaded = true
			_ = cmd.Process.Kill()
			break
		}
	}
	_ = cmd.Wait()
	if !reloaded {
		l.t.Fatal("sshd was not reloaded")
	}
	if agentToo {
		l.exec("primary", "kill -KILL $(pgrep -f '^/[^ ]*/hikae/[0-9a-f]+ agent$')")
	}
	if now := l.exec("primary", "cat /etc/ssh/sshd_config"); now == before {
		l.t.Error("it was undone before anybody could have logged in")
	}
	undone := func() bool { // and the agent that did it has seen sshd live on it
		return l.exec("primary", "cat /etc/ssh/sshd_config; [ ! -e /var/lib/hikae/journal ] || echo '# not ended'") == before
	}
	for deadline := time.Now().Add(40 * time.Second); !undone(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			l.t.Fatal("it was not undone")
		}
	}
	l.t.Logf("undone after %.1f s", time.Since(began).Seconds())
}

// goodChange: with a new login the change stays.
func (l *lab) goodChange(sshd string) {
	l.t.Helper()
	l.write("hikae.hcl", strings.ReplaceAll(guardProject, `"2s"`, `"20s"`))
	logins := l.logins("primary")
	l.overlayFile("primary", "/etc/ssh/sshd_config", sshd+"MaxAuthTries 5\n", "0600")
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		r := l.hikae("apply", "primary", "--yes")
		if r.code == exitOK {
			break
		}
		// The apply whose controller was killed may still be ending.
		if r.code != exitRefused || time.Now().After(deadline) {
			l.t.Fatalf("exit %d: %s", r.code, r.errOut)
		}
	}
	l.inStep("primary")
	if left := l.exec("primary", "systemctl list-units --all --no-legend 'hikae*'; ls -A /run/hikae"); left != "" {
		l.t.Errorf("left behind: %s", left)
	}
	if now := l.logins("primary"); now == logins {
		l.t.Error("nobody logged in anew")
	}
}
