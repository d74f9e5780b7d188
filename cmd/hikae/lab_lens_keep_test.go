package main

import (
	"strings"
	"testing"
)

const keepProject = `host "primary" { ssh = "root@primary" }
host "other" { ssh = "root@other" }
host "standby" {
  ssh     = "root@standby"
  follows = pair.home
  only    = ["file:/etc/redis.conf", "file:/etc/httpd/conf/httpd.conf", "file:/etc/httpd/conf.d/lan.conf", "vhost:*"]
}
pair "home" {
  members         = [host.primary, host.other]
  initial_primary = host.primary
}
`

// TestLabLensKeep has a follower take the primary's configuration but for what is
// its own: the addresses that its daemons bind and the memory that they take. What
// no rule keeps, hikae lint finds and writes overlays for.
func TestLabLensKeep(t *testing.T) {
	l := newProject(t, keepProject)
	l.reset("primary")
	l.reset("standby")
	l.exec("primary", `sed -i 's/^bind .*/bind 127.0.0.1 10.98.0.11/' /etc/redis.conf
printf 'maxmemory 64mb\nmaxclients 500\n' >>/etc/redis.conf
sed -i 's/^Listen 80$/Listen 10.98.0.11:80/' /etc/httpd/conf/httpd.conf`)
	l.exec("standby", `dnf -qy install redis httpd && systemctl enable -q --now redis httpd
sed -i 's/^bind .*/bind 127.0.0.1 10.98.0.12/' /etc/redis.conf
echo 'maxmemory 48mb' >>/etc/redis.conf
sed -i 's/^Listen 80$/Listen 8090/' /etc/httpd/conf/httpd.conf`)
	l.ok("snapshot", "primary")

	plan := l.ok("plan", "standby")
	for _, want := range []string{
		"kept: /etc/redis.conf bind = 127.0.0.1 10.98.0.12", "kept: /etc/redis.conf maxmemory = ",
		"kept: /etc/httpd/conf/httpd.conf Listen = 8090", `+ redis_setting "maxclients"`,
	} {
		if !strings.Contains(plan, want) {
			t.Errorf("the plan does not say %q:\n%s", want, tail(plan))
		}
	}
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	l.inStep("primary")
	for command, want := range map[string]string{
		"redis-cli config get maxclients | tail -1":                        "500",
		"redis-cli config get maxmemory | tail -1":                         "50331648",
		"curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8090/x":   "301",
		"ss -Hltn | grep -c '10.98.0.12:6379'":                             "1",
		"grep -c 10.98.0.11 /etc/redis.conf /etc/httpd/conf/httpd.conf":    "/etc/redis.conf:0\n/etc/httpd/conf/httpd.conf:0",
		"grep '^maxclients' /etc/redis.conf; systemctl is-active redis":    "maxclients 500\nactive",
		"httpd -t 2>&1 | tail -1; curl -s http://127.0.0.1:80/ || echo no": "Syntax OK\nno",
	} {
		if got := strings.TrimSpace(l.exec("standby", command+" || true")); got != want {
			t.Errorf("on the standby %s gives %q, not %q", command, got, want)
		}
	}

	t.Run("lint", func(t *testing.T) { sub(l, t).lint() })
}

// lint has the primary serve on an address of its own, which a follower cannot.
func (l *lab) lint() {
	l.t.Helper()
	l.exec("primary", `printf 'Listen 8081\n<VirtualHost 10.98.0.11:8081>\n    ServerName lan.rio.example\n    DocumentRoot /var/www/nothing\n</VirtualHost>\n' >/etc/httpd/conf.d/lan.conf`)
	l.ok("snapshot", "primary")
	l.ok("snapshot", "standby")
	if out := l.ok("plan", "standby"); !strings.Contains(out, "takes what is primary's own") || !strings.Contains(out, "file /etc/httpd/conf.d/lan.conf  10.98.0.11 in line 2") {
		l.t.Errorf("the plan does not warn:\n%s", tail(out))
	}
	out := l.ok("lint", "primary", "--write")
	for _, want := range []string{
		"/etc/httpd/conf.d/lan.conf:2:14: own-address: 10.98.0.11: vhost lan.rio.example:8081 listen:",
		"/etc/httpd/conf.d/lan.conf:2:1: document-root: vhost lan.rio.example:8081: the document root /var/www/nothing does not exist",
		`vhost "lan.rio.example:8081" { listen = ["10.98.0.12:8081"] }`, "written: lint-standby.hcl",
	} {
		if !strings.Contains(out, want) {
			l.t.Errorf("lint does not say %q:\n%s", want, tail(out))
		}
	}
	if out := l.ok("plan", "standby"); strings.Contains(out, "takes what is primary's own") {
		l.t.Errorf("the plan still warns:\n%s", tail(out))
	}
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	if got := l.exec("standby", "grep VirtualHost /etc/httpd/conf.d/lan.conf | head -1; curl -s -o /dev/null -w '%{http_code}' http://10.98.0.12:8081/"); got != "<VirtualHost 10.98.0.12:8081>\n404" {
		l.t.Errorf("the standby serves %q", got)
	}
}
