package rules

import (
	"strings"
	"testing"
)

// Every entry of every table matches its example and leaves its near miss.
func TestEntries(t *testing.T) {
	for _, l := range Lists() {
		for _, r := range l.Rules {
			t.Run(l.Name+" "+r.Pattern, func(t *testing.T) {
				if err := Validate(r.Pattern); err != nil {
					t.Fatal(err)
				}
				if r.Example == "" || r.Near == "" || r.Why == "" {
					t.Fatalf("an entry needs a reason, an example and a near miss: %+v", r)
				}
				if !Match(r.Pattern, r.Example) {
					t.Errorf("does not match its example %s", r.Example)
				}
				if Match(r.Pattern, r.Near) {
					t.Errorf("matches its near miss %s", r.Near)
				}
			})
		}
	}
}

// Every entry is in the set that answers for its list: none is shadowed whole.
func TestQuestions(t *testing.T) {
	for _, c := range []struct {
		lists []List
		ask   func(string) (Rule, bool)
	}{
		{hostOnlyLists(), HostOnlyPath},
		{leftOutLists(), LeftOutPath},
		{[]List{reported()}, ReportedPath},
		{[]List{throwaway()}, ThrowawayPath},
		{[]List{liveWritten()}, LiveWrittenPath},
		{packageLists(), HostOnlyPackage},
		{unitLists(), HostOnlyUnit},
		{[]List{held()}, HeldUnit},
		{[]List{safe()}, SafeTimer},
		{[]List{heldJobs()}, HeldPath},
		{guardedLists(), GuardedPath},
		{[]List{powerful()}, GuardedGroup},
	} {
		for _, l := range c.lists {
			for _, r := range l.Rules {
				got, ok := c.ask(r.Example)
				if !ok || got.Why == "" {
					t.Errorf("%s: %s is not matched", l.Name, r.Example)
				}
			}
		}
	}
}

// What must travel is in no list that stops it.
func TestOrdinaryPathsTravel(t *testing.T) {
	for _, p := range []string{
		"/etc/httpd/conf/httpd.conf", "/etc/httpd/conf.d/www.conf", "/etc/named.conf", "/etc/named/acl.conf",
		"/etc/postfix/main.cf", "/etc/postfix/virtual", "/etc/dovecot/dovecot.conf", "/etc/pki/tls/private/www.key",
		"/etc/pki/tls/certs/www.crt", "/etc/pki/ca-trust/source/anchors/home.pem", "/etc/yum.repos.d/remi.repo",
		"/etc/dnf/modules.defaults.d/php.yaml", "/etc/ssh/sshd_config", "/etc/sudoers.d/web", "/etc/skel/.procmailrc",
		"/etc/systemd/system/backup.timer", "/etc/systemd/system/httpd.service.d/limits.conf", "/etc/dhcp/dhcpd.conf",
		"/etc/my.cnf.d/server.cnf", "/etc/php-fpm.d/www.conf", "/etc/opt/remi/php74/php.ini", "/etc/crontab",
		"/etc/sysctl.d/90-home.conf", "/etc/firewalld/zones/drop.xml", "/etc/aliases", "/etc/sysconfig/httpd",
		"/etc/NetworkManager/dispatcher.d/50-x", "/etc/selinux/semanage.conf", "/etc/crypto-policies/config",
	} {
		if r, ok := HostOnlyPath(p); ok {
			t.Errorf("%s is held to be the host's own: %s", p, r.Pattern)
		}
		if r, ok := LeftOutPath(p); ok {
			t.Errorf("%s is left out: %s", p, r.Pattern)
		}
	}
}

func TestHeldUnits(t *testing.T) {
	for name, want := range map[string]bool{
		"dhcpd.service": true, "backup.timer": true, "dnf-automatic.timer": true, "certbot-renew.timer": true,
		"logrotate.timer": false, "fstrim.timer": false, "httpd.service": false, "named-chroot.service": false,
		"postfix.service": false, "crond.service": false, "mariadb.service": false,
	} {
		if _, got := HeldUnit(name); got != want {
			t.Errorf("HeldUnit(%s) = %v", name, got)
		}
	}
	if _, ok := HeldPath("/etc/cron.d/0hourly"); ok {
		t.Error("a packaged job is held")
	}
}

func TestUnitLink(t *testing.T) {
	for _, c := range []struct {
		link, target string
		want         bool
	}{
		{"/etc/systemd/system/cups.service", "/dev/null", true},
		{"/etc/systemd/system/display-manager.service", "/usr/lib/systemd/system/gdm.service", true},
		{"/etc/systemd/system/syslog.service", "../../../usr/lib/systemd/system/rsyslog.service", true},
		{"/etc/systemd/system/web.service", "/srv/web/web.service", false},
		{"/etc/systemd/system/web.service", "/usr/lib/systemd/system/web.service", false},
		{"/etc/systemd/system/x.service.d", "/dev/null", true}, // systemd reads it as nothing; so do we
		{"/etc/httpd/modules", "/dev/null", false},
	} {
		if _, got := UnitLink(c.link, c.target); got != c.want {
			t.Errorf("UnitLink(%s, %s) = %v", c.link, c.target, got)
		}
	}
}

func TestMarkdownHoldsEveryEntry(t *testing.T) {
	md := Markdown()
	for _, l := range Lists() {
		if !strings.Contains(md, "## "+l.Name+"\n") {
			t.Errorf("no section %s", l.Name)
		}
		for _, r := range l.Rules {
			if !strings.Contains(md, escape(r.Why)) || !strings.Contains(md, code(r.Pattern)) {
				t.Errorf("%s is not in the reference", r.Pattern)
			}
		}
	}
}
