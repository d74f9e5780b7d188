package main

import (
	"strings"
	"testing"
)

// lensDovecotProject takes of the primary what dovecot reads.
const lensDovecotProject = `host "primary" { ssh = "root@primary" }
host "other" { ssh = "root@fresh" }
pair "house" {
  members         = [host.primary, host.other]
  initial_primary = host.primary
}
host "standby" {
  ssh     = "root@standby"
  follows = pair.house
  only    = ["user:*", "group:*", "file:/etc/pki/**", "file:/etc/dovecot/**", "service:dovecot.service", "dovecot_setting:**", "dovecot_block:**"]
}
`

// TestLabLensDovecot edits dovecot's settings on a standby by overlays: dovecot
// reads them and serves, and all other bytes stay.
func TestLabLensDovecot(t *testing.T) {
	l := newProject(t, lensDovecotProject)
	l.exec("standby", "install -d -m 700 /var/spool/postfix/private") // postfix makes it when it first starts
	l.ok("snapshot", "primary")
	l.inStep("primary")
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	const files = `cd /etc/dovecot && find . -type f | sort | xargs sha256sum`
	before, master := l.exec("standby", files), l.exec("standby", "cat /etc/dovecot/conf.d/10-master.conf")
	l.write("overlay.hcl", `overlay "host" "standby" {
  dovecot_setting "mail_max_userip_connections" { value = 27 }
  dovecot_setting "login_greeting" { value = "The standby # ready." }
  dovecot_setting "service imap-login / inet_listener imap" "port" { value = 143 }
  dovecot_setting "local 192.0.2.0/24" "login_greeting" { value = "Hello" }
}
`)
	plan := l.ok("plan", "standby")
	for _, want := range []string{"mail_max_userip_connections", "99-hikae.conf"} {
		if !strings.Contains(plan, want) {
			t.Errorf("the plan does not tell of %s:\n%s", want, plan)
		}
	}
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	read := l.exec("standby", "doveconf -n")
	for _, want := range []string{"\nmail_max_userip_connections = 27\n", "\nlogin_greeting = \"The standby # ready.\"\n", "  inet_listener imap {\n    port = 143\n", "local 192.0.2.0/24 {\n  login_greeting = Hello\n}\n"} {
		if !strings.Contains(read, want) {
			t.Errorf("doveconf does not print %q:\n%s", want, read)
		}
	}
	if got := l.exec("standby", "systemctl is-active dovecot; exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/143 && read -r line <&3 && echo $line'"); !strings.HasPrefix(got, "active\n* OK") || !strings.Contains(got, "The standby # ready.") {
		t.Errorf("dovecot does not serve it: %s", got)
	}
	var changed []string
	for line := range strings.Lines(l.exec("standby", files)) {
		if !strings.Contains(before, line) {
			changed = append(changed, strings.Fields(line)[1])
		}
	}
	if got := strings.Join(changed, " "); got != "./conf.d/10-master.conf ./conf.d/99-hikae.conf ./conf.d/99-rio.conf ./dovecot.conf" {
		t.Errorf("changed: %s", got)
	}
	const shown = "    #port = 143\n"
	if got, want := l.exec("standby", "cat /etc/dovecot/conf.d/10-master.conf"), strings.Replace(master, shown, shown+"    port = 143\n", 1); got != want {
		t.Errorf("10-master.conf is\n%s", got)
	}
	l.remove("overlay.hcl")
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	if got := l.exec("standby", files); got != before {
		t.Errorf("without the overlay:\n%s\nbefore:\n%s", got, before)
	}
}
