package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestLabMerge keeps dovecot on the standby one release behind the primary's,
// whose files it edits: what can be merged is, and dovecot runs on it; what
// cannot is left until a person has said how.
func TestLabMerge(t *testing.T) {
	const confD = "/etc/dovecot/conf.d/"
	l := newProject(t, `
		host "primary" { ssh = "root@primary" }
		host "fresh" { ssh = "root@fresh" }
		host "standby" {
		  ssh     = "root@standby"
		  follows = pair.home
		  only = [
		    "package:dovecot", "service:dovecot.service",
		    "file:/etc/dovecot/dovecot.conf", "file:/etc/dovecot/conf.d/{10-auth,10-logging,10-mail,10-ssl,99-rio}.conf",
		    "file:/etc/pki/tls/*/rio.example.*",
		  ]
		}
		pair "home" {
		  members         = [host.primary, host.fresh]
		  initial_primary = host.primary
		}
		overlay "host" "standby" {
		  package "dovecot" { version = "2.3.16-3.el8.x86_64" }
		}`)
	l.reset("standby")
	l.exec("primary", "cp -a "+confD+" /root/dovecot-conf.d")
	t.Cleanup(func() {
		l.exec("primary", "cp -a /root/dovecot-conf.d/. "+confD+" && rm -r /root/dovecot-conf.d && systemctl reload-or-restart dovecot")
	})
	version := l.exec("standby", "rpm -q dovecot")
	cat := func(host, path string) string { t.Helper(); return l.exec(host, "cat "+path) }
	auth, logging := cat("standby", confD+"10-auth.conf"), cat("standby", confD+"10-logging.conf")

	l.ok("snapshot", "primary")
	l.patches()

	// A clean merge: the standby's package's file with the primary's edits. A
	// hand edit where the primary has none goes back to the standby's own.
	l.exec("standby", "echo '# by hand' >>"+confD+"10-logging.conf")
	out := l.ok("apply", "standby", "--yes")
	if !strings.Contains(out, "10-auth.conf  (primary's changes, merged with what dovecot installed here)") {
		t.Errorf("the plan does not say that it merges:\n%s", out)
	}
	l.inStep("standby")
	want := strings.Replace(auth, "\nauth_mechanisms = plain\n", "\nauth_mechanisms = plain login\n", 1)
	if got := cat("standby", confD+"10-auth.conf"); got != want || got == cat("primary", confD+"10-auth.conf") {
		t.Errorf("merged:\n%s", got)
	}
	if got := cat("standby", confD+"10-logging.conf"); got != logging {
		t.Errorf("not as its package installed it:\n%s", tail(got))
	}
	l.dovecotServes(version, "auth_mechanisms = plain login", "ssl_cert = </etc/pki/tls/certs/rio.example.crt", "protocols = imap")

	// A conflict is shown by hunk and left; all else is done.
	l.exec("primary", "sed -i 's/^#auth_cache_ttl = .*/auth_cache_ttl = 15 mins/; s/^#auth_failure_delay = .*/auth_failure_delay = 3 secs/' "+confD+"10-auth.conf"+
		" && sed -i 's/^mail_max_userip_connections = 40/mail_max_userip_connections = 41/' "+confD+"99-rio.conf")
	l.ok("snapshot", "primary")
	events, code := l.events("plan", "standby")
	if code != exitConflict || len(events["conflict"]) != 1 || len(events["change"]) != 1 {
		t.Fatalf("exit %d, conflicts %v, changes %v", code, events["conflict"], events["change"])
	}
	hunks := events["conflict"][0]["hunks"].([]any)
	line := strings.Count(auth[:strings.Index(auth, "#auth_cache_ttl")], "\n") + 1
	side := func(name string) (string, int) {
		s := hunks[0].(map[string]any)[name].(map[string]any)
		return s["text"].(string), int(s["line"].(float64))
	}
	for name, text := range map[string]string{"base": "#auth_cache_ttl = 1 hour\n", "ours": "auth_cache_ttl = 15 mins\n", "theirs": "#auth_cache_ttl = 30 mins\n"} {
		if got, at := side(name); len(hunks) != 1 || got != text || at != line {
			t.Errorf("%s: %q at line %d of %d hunks", name, got, at, len(hunks))
		}
	}
	if r := l.hikae("apply", "standby", "--yes"); r.code != exitConflict || !strings.Contains(r.errOut, "run hikae resolve standby") {
		t.Errorf("apply: exit %d: %s", r.code, r.errOut)
	}
	if got := cat("standby", confD+"10-auth.conf"); got != want {
		t.Errorf("a file in conflict was written:\n%s", got)
	}
	l.dovecotServes(version, "auth_mechanisms = plain login", "mail_max_userip_connections = 41")

	// Resolved by hand, it arrives, and stays.
	merged := strings.Replace(want, "#auth_cache_ttl = 30 mins\n", "auth_cache_ttl = 20 mins\n", 1)
	l.write("merged.conf", merged)
	l.ok("resolve", "standby", confD+"10-auth.conf", "--file", filepath.Join(l.dir, "merged.conf"))
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	if got := cat("standby", confD+"10-auth.conf"); got != merged {
		t.Errorf("resolved:\n%s", got)
	}
	l.dovecotServes(version, "auth_cache_ttl = 20 mins", "auth_mechanisms = plain login")
}

// patches wants a patch of the primary for each %config file that rpm calls
// edited and of which the snapshot shows the bytes.
func (l *lab) patches() {
	l.t.Helper()
	edited := l.exec("primary", "rpm -V --nomtime dovecot httpd bind redis postfix dhcp-server php-common openssh-server | awk '$1 ~ /5/ && $2 == \"c\" {print $3}'")
	var checked []string
	for path := range strings.Lines(edited) {
		path = strings.TrimSpace(path)
		if _, err := os.Stat(filepath.Join(l.dir, "states/primary/files", path)); err != nil {
			continue // a secret, or the host's own
		}
		checked = append(checked, path)
		if _, err := os.Stat(filepath.Join(l.dir, "states/primary/patches", path+".patch")); err != nil {
			l.t.Errorf("no patch: %v", err)
		}
	}
	if !slices.Contains(checked, "/etc/dovecot/conf.d/10-auth.conf") || len(checked) < 8 {
		l.t.Errorf("only these are edited: %v", checked)
	}
}

// dovecotServes wants dovecot of a version to answer and to have read settings.
func (l *lab) dovecotServes(version string, settings ...string) {
	l.t.Helper()
	if got := l.exec("standby", "rpm -q dovecot"); got != version {
		l.t.Errorf("dovecot is %s now", got)
	}
	read := l.exec("standby", "doveconf -n")
	for _, s := range settings {
		if !strings.Contains(read, "\n"+s+"\n") {
			l.t.Errorf("dovecot does not read %q:\n%s", s, read)
		}
	}
	if got := l.exec("standby", "systemctl is-active dovecot; exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/143 && read -r line <&3 && echo $line'"); !strings.HasPrefix(got, "active\n* OK") {
		l.t.Errorf("dovecot does not answer: %s", got)
	}
}
