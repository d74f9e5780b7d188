package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// accessProject reaches the standby in the ways that people log in.
const accessProject = `host "standby" { ssh = "root@standby" }
host "admin" { ssh = "admin@standby" }
host "plain" { ssh = "admin@vps" }

overlay "host" "admin" {
  file "/etc/hikae-access" { content = "by sudo\n" }
}
overlay "host" "standby" {
  file "/etc/hikae-access" { content = "by sudo\n" }
}
overlay "host" "plain" {
  file "/etc/hikae-access" { content = "by sudo\n" }
}
`

// TestLabAccess logs in as people do, and must not.
func TestLabAccess(t *testing.T) {
	l := newProject(t, accessProject)
	l.reset("standby")
	l.reset("vps")

	t.Run("an unknown host key is refused", func(t *testing.T) { sub(l, t).unknownKey() })
	t.Run("a changed host key is refused", func(t *testing.T) { sub(l, t).changedKey() })
	t.Run("sudo that wants a password", func(t *testing.T) { sub(l, t).sudoPassword() })
	t.Run("sudo without a password", func(t *testing.T) { sub(l, t).sudo() })
	t.Run("ssh-agent", func(t *testing.T) { sub(l, t).sshAgent() })
	t.Run("~/.ssh", func(t *testing.T) { sub(l, t).homeConfig() })
	t.Run("a host that is cut off", func(t *testing.T) { sub(l, t).cutOff() })
}

// config is an SSH configuration of the test's own; what it does not say is as
// in the lab's. HOME has none.
func (l *lab) config(text string) []string {
	l.t.Helper()
	home := l.t.TempDir()
	file := filepath.Join(home, "ssh_config")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
	return []string{"HIKAE_SSH_CONFIG=" + file, "HOME=" + home, "SSH_AUTH_SOCK="}
}

func (l *lab) labConfig() string {
	l.t.Helper()
	b, err := os.ReadFile(l.sshConf)
	if err != nil {
		l.t.Fatal(err)
	}
	return string(b)
}

// refusedKey plans and applies with known host keys of the test's own: nobody
// is let in, and nothing is learned.
func (l *lab) refusedKey(known string, wants ...string) {
	l.t.Helper()
	file := filepath.Join(l.t.TempDir(), "known_hosts")
	if err := os.WriteFile(file, []byte(known), 0o600); err != nil {
		l.t.Fatal(err)
	}
	before := l.logins("standby")
	text := strings.ReplaceAll(l.labConfig(), filepath.Join(l.where, "ssh", "known_hosts"), file)
	for _, strict := range []string{"yes", "no", "accept-new"} {
		env := l.config(strings.ReplaceAll(text, "StrictHostKeyChecking yes", "StrictHostKeyChecking "+strict))
		for _, args := range [][]string{{"plan", "standby"}, {"apply", "standby", "--yes"}, {"snapshot", "standby"}} {
			r := l.hikaeEnv(env, args...)
			if r.code != exitError {
				l.t.Errorf("StrictHostKeyChecking %s: %v: exit %d", strict, args, r.code)
			}
			for _, want := range append(wants, l.fingerprint("standby")) {
				if !strings.Contains(r.errOut, want) {
					l.t.Errorf("StrictHostKeyChecking %s: %v: no %q in: %s", strict, args, want, r.errOut)
				}
			}
		}
	}
	if after := l.logins("standby"); after != before {
		l.t.Errorf("logins: %s before, %s after", before, after)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != known {
		l.t.Errorf("known_hosts is now %q (%v)", b, err)
	}
}

// fingerprint is that of a host's key, by ssh-keygen.
func (l *lab) fingerprint(host string) string {
	l.t.Helper()
	r := l.run("ssh-keygen", "-lf", filepath.Join(l.where, "ssh", "hosts", host, "ssh_host_ed25519_key.pub"))
	if f := strings.Fields(r.out); len(f) > 1 {
		return f[1]
	}
	l.t.Fatalf("ssh-keygen: %s%s", r.out, r.errOut)
	return ""
}

func (l *lab) unknownKey() {
	l.t.Helper()
	l.refusedKey("", "the host key of 10.98.0.12 is not known", "ssh-keyscan")
}

func (l *lab) changedKey() {
	l.t.Helper()
	other, err := os.ReadFile(filepath.Join(l.where, "ssh", "hosts", "vps", "ssh_host_ed25519_key.pub"))
	if err != nil {
		l.t.Fatal(err)
	}
	l.refusedKey("standby,10.98.0.12 "+string(other), "THE HOST KEY OF 10.98.0.12 HAS CHANGED", "ssh-keygen -R", "known_hosts:1")
}

// sudoPassword: an account without sudo, and one whose sudo asks.
func (l *lab) sudoPassword() {
	l.t.Helper()
	state := func() string {
		return l.exec("vps", `find /var/cache/hikae /var/lib/hikae /home/admin /etc 2>&1 | sort`)
	}
	for _, rule := range []string{"", "echo 'admin ALL=(ALL) ALL' >/etc/sudoers.d/admin; chmod 440 /etc/sudoers.d/admin"} {
		l.exec("vps", rule)
		before := state()
		for _, args := range [][]string{{"plan", "plain"}, {"apply", "plain", "--yes"}} {
			r := l.hikae(args...)
			if r.code != exitError {
				l.t.Errorf("%v: exit %d: %s", args, r.code, r.out)
			}
			for _, want := range []string{"admin@vps", "user admin may not become root by sudo without a password", "visudo", "admin ALL=(root) NOPASSWD: ALL"} {
				if !strings.Contains(r.errOut, want) {
					l.t.Errorf("%v: no %q in: %s", args, want, r.errOut)
				}
			}
		}
		if after := state(); after != before {
			l.t.Errorf("before:\n%s\nafter:\n%s", before, after)
		}
	}
	// The remedy is one.
	l.exec("vps", `echo 'admin ALL=(root) NOPASSWD: ALL' >/etc/sudoers.d/hikae; chmod 440 /etc/sudoers.d/hikae`)
	l.ok("plan", "plain")
}

func (l *lab) sudo() {
	l.t.Helper()
	if r := l.hikae("plan", "admin", "--detailed-exitcode"); r.code != exitChanges || !strings.Contains(r.out, "+ file /etc/hikae-access") {
		l.t.Errorf("exit %d: %s%s", r.code, r.out, r.errOut)
	}
	l.ok("apply", "admin", "--yes")
	l.inStep("admin")
	if got := l.exec("standby", `stat -c '%U:%G %a' /etc/hikae-access; cat /etc/hikae-access; ls -A /home/admin /var/tmp /tmp | grep hikae | grep -vx hikae-lab; true`); got != "root:root 644\nby sudo\n" {
		l.t.Errorf("on the host: %q", got)
	}
}

// sshAgent logs in with a key that only ssh-agent holds.
func (l *lab) sshAgent() {
	l.t.Helper()
	var kept []string
	for line := range strings.Lines(l.labConfig()) {
		if !strings.Contains(line, "Identit") {
			kept = append(kept, line)
		}
	}
	env := l.config(strings.Join(kept, ""))
	r := l.hikaeEnv(env, "plan", "standby")
	if r.code != exitError || !strings.Contains(r.errOut, "cannot log in to root@standby") || !strings.Contains(r.errOut, "ssh-copy-id") {
		l.t.Errorf("without a key: exit %d: %s", r.code, r.errOut)
	}

	sock := filepath.Join(l.t.TempDir(), "agent")
	agent := exec.Command("ssh-agent", "-D", "-a", sock)
	if err := agent.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = agent.Process.Kill(); _ = agent.Wait() })
	env = append(env, "SSH_AUTH_SOCK="+sock)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(sock); err == nil {
			break
		}
		if time.Now().After(deadline) {
			l.t.Fatal("ssh-agent does not come up")
		}
	}
	if r := l.hikaeEnv(env, "plan", "standby"); r.code != exitError {
		l.t.Errorf("with an empty ssh-agent: exit %d", r.code)
	}
	if r := l.runEnv(env, "ssh-add", filepath.Join(l.where, "ssh", "id_ed25519")); r.code != 0 {
		l.t.Fatalf("ssh-add: %s", r.errOut)
	}
	if r := l.hikaeEnv(env, "plan", "standby"); r.code != exitOK {
		l.t.Errorf("with ssh-agent: exit %d: %s", r.code, r.errOut)
	}
}

// homeConfig reaches the host with what lies in ~/.ssh alone.
func (l *lab) homeConfig() {
	l.t.Helper()
	home := l.t.TempDir()
	dir := filepath.Join(home, ".ssh")
	if err := os.Mkdir(dir, 0o700); err != nil {
		l.t.Fatal(err)
	}
	put := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			l.t.Fatal(err)
		}
	}
	for _, name := range []string{"id_ed25519", "known_hosts"} {
		b, err := os.ReadFile(filepath.Join(l.where, "ssh", name))
		if err != nil {
			l.t.Fatal(err)
		}
		put(name, string(b))
	}
	env := []string{"HIKAE_SSH_CONFIG=", "SSH_AUTH_SOCK=", "HOME=" + home}
	put("config", "Host standby\n  HostName 10.98.0.12\n")
	if r := l.hikaeEnv(env, "plan", "standby"); r.code != exitOK {
		l.t.Errorf("default key and known_hosts: exit %d: %s", r.code, r.errOut)
	}
	if err := os.Rename(filepath.Join(dir, "id_ed25519"), filepath.Join(dir, "mine")); err != nil {
		l.t.Fatal(err)
	}
	put("config", fmt.Sprintf("Host standby\n  HostName 10.98.0.12\n  IdentityFile ~/.ssh/mine\n  UserKnownHostsFile %s\n", filepath.Join(dir, "known_hosts")))
	if r := l.hikaeEnv(env, "plan", "standby"); r.code != exitOK {
		l.t.Errorf("IdentityFile: exit %d: %s", r.code, r.errOut)
	}
	put("config", "Host standby\n  HostName 10.98.0.12\n  IdentityFile ~/.ssh/mine\n  Port 2222\n")
	if r := l.hikaeEnv(env, "plan", "standby"); r.code != exitError || !strings.Contains(r.errOut, "10.98.0.12:2222") {
		l.t.Errorf("Port: exit %d: %s", r.code, r.errOut)
	}
}

// cutOff takes the host's link away.
func (l *lab) cutOff() {
	l.t.Helper()
	l.lab("cut", "standby")
	l.t.Cleanup(func() { l.lab("mend", "standby") })
	quick := l.config(strings.ReplaceAll(l.labConfig(), "ConnectTimeout 10", "ConnectTimeout 2"))
	for _, args := range [][]string{{"plan", "standby"}, {"apply", "standby", "--yes"}} {
		env := quick
		if args[0] == "plan" {
			env = nil
		}
		began := time.Now()
		r := l.hikaeEnv(env, args...)
		if took := time.Since(began); took > 30*time.Second {
			l.t.Errorf("%v: %v until the error", args, took)
		}
		if r.code != exitError || !strings.Contains(r.errOut, "cannot reach 10.98.0.12:22") || !strings.Contains(r.errOut, "is the host up") {
			l.t.Errorf("%v: exit %d: %s", args, r.code, r.errOut)
		}
	}
	l.lab("mend", "standby")
	l.inStep("standby")
}
