package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLabMainJob is the main job from end to end, in the order of a house's
// life: read the primary, converge the standby, lose the primary, rebuild it.
func TestLabMainJob(t *testing.T) {
	l := newLab(t)
	l.lab("reset", "primary", "standby", "fresh")

	before := l.settled("primary")
	l.ok("snapshot", "primary")
	t.Run("a snapshot writes nothing to its host", func(t *testing.T) {
		l := sub(l, t)
		// Mail that its own jobs send may arrive meanwhile.
		l.same(before, l.facts("primary"), "--allow", l.allow(
			`path /home/[^/]*/(\.procmail\.log|\.spamassassin/.*|Maildir/.*)`,
			`path /var/named/(chroot/var/named/)?data/.*`, // and named on writing its log
		))
	})
	t.Run("planning the primary straight after its snapshot is empty", func(t *testing.T) {
		sub(l, t).inStep("primary")
	})
	t.Run("no secret in the clear", func(t *testing.T) { sub(l, t).noSecrets("primary") })

	own := l.identity("standby")
	t.Run("plan of a first contact", func(t *testing.T) { sub(l, t).firstContact() })

	out := l.ok("apply", "standby", "--yes")
	if !strings.Contains(out, "hikae apply standby --from standby@") {
		t.Error("the first contact printed no undo point")
	}
	l.inStep("standby")
	standby := l.facts("standby")
	t.Run("the standby is as the primary, by a script that does not ask hikae", func(t *testing.T) {
		sub(l, t).same(before, standby, "--role", "standby", "--extra-in-b")
	})
	t.Run("the standby serves", func(t *testing.T) { sub(l, t).check("standby", "web", "dns", "mail", "no-dhcp") })
	t.Run("what a standby holds is held", func(t *testing.T) { sub(l, t).held() })
	t.Run("nothing of the host's own crossed", func(t *testing.T) {
		if got := l.identity("standby"); got != own {
			t.Errorf("before:\n%s\nafter:\n%s", own, got)
		}
	})
	t.Run("a change follows", func(t *testing.T) { sub(l, t).follow() })
	t.Run("a configuration that the daemon refuses is rolled back", func(t *testing.T) { sub(l, t).rollsBack() })
	t.Run("a saved plan", func(t *testing.T) { sub(l, t).savedPlan() })

	last := l.facts("primary")
	l.ok("snapshot", "primary")
	l.lab("power", "primary", "off")
	t.Cleanup(func() { sub(l, t).lab("power", "primary", "on") })
	l.ok("rebuild", "fresh", "--from", "primary", "--yes")
	t.Run("the rebuilt host is as the primary was", func(t *testing.T) {
		sub(l, t).same(last, l.facts("fresh"), "--extra-in-b")
	})
	t.Run("the rebuilt host serves", func(t *testing.T) { sub(l, t).check("fresh", "web", "dns", "mail") })
}

// sub is the lab for a subtest.
func sub(l *lab, t *testing.T) *lab {
	c := *l
	c.t = t
	return &c
}

// identity is what makes a host itself, by its own words.
func (l *lab) identity(host string) string {
	l.t.Helper()
	return l.exec(host, `cd / && sha256sum etc/machine-id etc/hostname etc/ssh/ssh_host_* etc/fstab etc/resolv.conf etc/sysconfig/network-scripts/* etc/adjtime root/.ssh/authorized_keys 2>/dev/null; hostname; true`)
}

// firstContact looks at the plan of a host with files of its own.
func (l *lab) firstContact() {
	l.t.Helper()
	events, code := l.events("plan", "standby")
	if code != 0 {
		l.t.Fatalf("exit %d", code)
	}
	held := map[string]bool{}
	for _, e := range events["held"] {
		held[e["kind"].(string)+":"+e["name"].(string)] = true
		if e["why"] == "" {
			l.t.Errorf("held without a reason: %v", e)
		}
	}
	for _, want := range []string{"service:dhcpd.service", "service:dhcpd6.service"} {
		if !held[want] {
			l.t.Errorf("%s is not listed as held", want)
		}
	}
	timers, crontabs := 0, 0
	for name := range held {
		if strings.HasSuffix(name, ".timer") {
			timers++
		}
		if strings.HasPrefix(name, "file:/etc/cron") {
			crontabs++
		}
	}
	if timers == 0 || crontabs == 0 {
		l.t.Errorf("held: %d timers and %d crontabs: %v", timers, crontabs, held)
	}
	if len(events["overwrites"]) == 0 {
		l.t.Error("the standby's own edited file is not listed as overwritten")
	}
	for _, e := range events["change"] {
		if e["action"] == "delete" {
			l.t.Errorf("a first contact deletes %v", e["name"])
		}
	}
}

// held looks, without hikae, that what the primary alone does is not done on
// the standby, and that the plan says so.
func (l *lab) held() {
	l.t.Helper()
	listed := map[string]bool{}
	events, _ := l.events("plan", "standby")
	for _, e := range events["held"] {
		listed[e["kind"].(string)+":"+e["name"].(string)] = true
	}
	mustList := func(addr string) {
		if !listed[addr] {
			l.t.Errorf("%s is not listed as held", addr)
		}
	}
	timers := strings.Fields(l.exec("primary", `systemctl list-timers --all --no-legend --plain | grep -o '[^ ]*\.timer'; true`))
	own := 0
	for _, unit := range append(timers, "dhcpd.service", "dhcpd6.service") {
		state := l.exec("standby", `systemctl is-active `+unit+`; systemctl is-enabled `+unit+` 2>&1; true`)
		if !strings.HasPrefix(unit, "rio-") && !strings.HasPrefix(unit, "dhcpd") {
			continue // packages' own; the built-in list says which may run
		}
		own++
		if active, enabled, _ := strings.Cut(strings.TrimSpace(state), "\n"); active != "inactive" || enabled == "enabled" {
			l.t.Errorf("%s on the standby: %s, %s", unit, active, enabled)
		}
		mustList("service:" + unit)
	}
	if own < 3 {
		l.t.Errorf("the primary has too few timers of its own: %v", timers)
	}
	for _, path := range strings.Fields(l.exec("primary", `ls -d /var/spool/cron/* /etc/cron.d/rio /etc/cron.daily/rio-junk`)) {
		if got := l.exec("standby", `ls -d '`+path+`' 2>/dev/null; true`); got != "" {
			l.t.Errorf("%s is on the standby", path)
		}
		mustList("file:" + path)
	}
	if got := l.exec("standby", `cat /var/spool/cron/keiko /etc/cron.d/keiko`); !strings.Contains(got, "@daily /usr/bin/true") {
		l.t.Errorf("the standby's own jobs: %s", got)
	}
}

// follow changes files, people, units and packages on the primary and converges.
func (l *lab) follow() {
	l.t.Helper()
	l.exec("primary", `echo "# changed" >>/etc/httpd/conf/httpd.conf
		echo new >/etc/hikae-new; chmod 0640 /etc/hikae-new; chgrp mail /etc/hikae-new
		useradd -u 1777 -c "New Person" newperson`)
	l.ok("snapshot", "primary")
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	got := l.exec("standby", `tail -1 /etc/httpd/conf/httpd.conf; stat -c '%a %G' /etc/hikae-new; getent passwd newperson`)
	for _, want := range []string{"# changed", "640 mail", "newperson:x:1777:"} {
		if !strings.Contains(got, want) {
			l.t.Errorf("%q did not follow:\n%s", want, got)
		}
	}
	l.exec("primary", `rm /etc/hikae-new`)
	l.ok("snapshot", "primary")
	l.exec("standby", `echo mine >/etc/standby-own`)
	l.ok("apply", "standby", "--yes")
	got = l.exec("standby", `ls /etc/hikae-new /etc/standby-own 2>&1 || true`)
	if strings.Contains(got, "/etc/hikae-new\n") || !strings.Contains(got, "/etc/standby-own\n") {
		l.t.Errorf("what hikae put there goes, what it did not stays: %s", got)
	}
}

// rollsBack gives httpd what it refuses.
func (l *lab) rollsBack() {
	l.t.Helper()
	l.write("broken.hcl", `overlay "host" "standby" {
  file "/etc/httpd/conf.d/zz-broken.conf" { content = "NoSuchDirective on\n" }
}
`)
	r := l.hikae("apply", "standby", "--yes")
	if r.code != exitRolledBack {
		l.t.Errorf("exit %d, want %d\n%s%s", r.code, exitRolledBack, tail(r.out), r.errOut)
	}
	l.remove("broken.hcl")
	if got := l.exec("standby", `ls /etc/httpd/conf.d/zz-broken.conf 2>&1; httpd -t 2>&1; systemctl is-active httpd`); !strings.Contains(got, "Syntax OK") || !strings.Contains(got, "\nactive") {
		l.t.Errorf("not put back: %s", got)
	}
	l.inStep("standby")
}

// savedPlan applies a plan only while it holds.
func (l *lab) savedPlan() {
	l.t.Helper()
	l.write("motd.hcl", `overlay "host" "standby" {
  file "/etc/hikae-saved" { content = "saved\n" }
}
`)
	file := filepath.Join(l.t.TempDir(), "plan")
	if r := l.hikae("plan", "standby", "--out", file, "--detailed-exitcode"); r.code != exitChanges {
		l.t.Fatalf("exit %d: %s%s", r.code, r.out, r.errOut)
	}
	l.exec("standby", `echo meanwhile >/etc/hikae-saved`)
	if r := l.hikae("apply", "standby", file); r.code != exitRefused {
		l.t.Errorf("a plan that no longer holds: exit %d: %s%s", r.code, r.out, r.errOut)
	}
	l.exec("standby", `rm /etc/hikae-saved`)
	if r := l.hikae("apply", "standby", file); r.code != exitOK {
		l.t.Errorf("exit %d: %s%s", r.code, r.out, r.errOut)
	}
	l.remove("motd.hcl")
	l.ok("apply", "standby", "--yes")
}

// noSecrets greps all that hikae wrote and printed for the host's secrets.
func (l *lab) noSecrets(host string) {
	l.t.Helper()
	raw := l.exec(host, `
		cut -d: -f2 /etc/shadow | grep '^\$'
		cat /etc/postfix/sasl_passwd | sed 's/^[^ \t]*[ \t]*//'
		for f in /etc/pki/tls/private/*; do grep -v -- ----- "$f" | sed -n 2p; done`)
	var secrets []string
	for s := range strings.Lines(raw) {
		if s = strings.TrimSpace(s); len(s) >= 8 && !strings.HasPrefix(s, "#") {
			secrets = append(secrets, s)
		}
	}
	if len(secrets) < 3 {
		l.t.Fatalf("too few secrets to look for: %d", len(secrets))
	}
	printed := map[string]string{}
	for _, args := range [][]string{{"plan", "standby"}, {"plan", "fresh"}, {"plan", "standby", "--json"}, {"show", host}, {"diff", host, host}, {"snapshot", host}, {"snapshot", host, "--json"}} {
		r := l.hikae(args...)
		printed[strings.Join(args, " ")] = r.out + r.errOut
	}
	err := filepath.WalkDir(l.dir, func(p string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(p)
		printed[p] = string(b)
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	for where, text := range printed {
		for _, s := range secrets {
			if strings.Contains(text, s) {
				l.t.Errorf("a secret stands in the clear in %s", where)
			}
		}
	}
}
