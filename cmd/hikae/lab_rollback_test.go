package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// rollbackProject is the primary as it is, and what the test wants of it.
const rollbackProject = `host "primary" { ssh = "root@primary" }
`

// badFile is a file of the primary as it must not be.
type badFile struct {
	path, text string
	daemon     string // in the error
}

// TestLabRollback gives the primary's daemons what they cannot live on, while
// clients ask them twenty times a second.
func TestLabRollback(t *testing.T) {
	l := newProject(t, rollbackProject)
	l.reset("primary")
	t.Run("refused", func(t *testing.T) { sub(l, t).refusedConfigs() })
	t.Run("rehearsed", func(t *testing.T) { sub(l, t).rehearsedConfigs() })
	t.Run("accepted and deadly", func(t *testing.T) { sub(l, t).deadlyConfigs() })
	t.Run("named in its chroot", func(t *testing.T) { sub(l, t).bindMounts() })
}

// refusedConfigs: what a checker refuses is never in its place, and no daemon
// knows of it.
func (l *lab) refusedConfigs() {
	l.t.Helper()
	cat := func(path string) string { return l.exec("primary", "cat "+path) }
	bad := []badFile{
		{"/etc/httpd/conf.d/zz.conf", "Nonsense yes\n", "httpd.service"},
		{"/etc/named.conf", cat("/etc/named.conf") + "nonsense yes;\n", "named-chroot.service"},
		{"/etc/dovecot/conf.d/zz.conf", "nonsense = yes\n", "dovecot.service"},
		{"/etc/postfix/main.cf", cat("/etc/postfix/main.cf") + "\na b c\n", "postfix.service"},
		{"/etc/my.cnf.d/zz.cnf", "[mysqld]\nnonsense=1\n", "mariadb.service"},
		{"/etc/rsyslog.d/zz.conf", "nonsense {\n", "rsyslog.service"},
		{"/etc/chrony.conf", "nonsense\n", "chronyd.service"},
		{"/etc/dhcp/hosts.conf", "nonsense\n", "dhcpd.service"},
	}
	before := l.stands(bad)
	clients := l.probes()
	l.rolledBack(bad)
	for _, p := range clients {
		p.unharmed(l.t)
	}
	if after := l.stands(bad); after != before {
		l.t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

// rehearsedConfigs: what the checkers accept and the daemons die of is never in
// its place either, and all of them keep serving.
func (l *lab) rehearsedConfigs() {
	l.t.Helper()
	l.exec("primary", "openssl req -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=other -keyout /root/other.key -out /root/other.crt 2>/dev/null")
	named := l.exec("primary", "cat /etc/named.conf")
	postfix, redis := l.exec("primary", "cat /etc/postfix/master.cf"), l.exec("primary", "cat /etc/redis.conf")
	const httpd, zz = "httpd.service", "/etc/httpd/conf.d/zz.conf"
	for _, bad := range [][]badFile{
		{ // somebody else's port
			{zz, "Listen 127.0.0.1:3306\n", httpd},
			{"/etc/dovecot/conf.d/zz.conf", "service imap-login {\n  inet_listener other {\n    port = 25\n  }\n}\n", "dovecot.service"},
			{"/etc/php-fpm.d/zz.conf", "[zz]\nuser = apache\nlisten = 127.0.0.1:6379\npm = static\npm.max_children = 1\n", "php-fpm.service"},
			{"/etc/named.conf", strings.Replace(named, `"data/named.run"`, `"/nonexistent/named.run"`, 1), "named-chroot.service"},
		},
		{
			{"/etc/postfix/master.cf", postfix + "127.0.0.1:3306 inet n - n - - smtpd\n", "postfix.service"},
			{"/etc/my.cnf.d/zz.cnf", "[mysqld]\ndatadir=/nonexistent\n", "mariadb.service"},
			{"/etc/redis.conf", redis + "\ndir /nonexistent\n", "redis.service"},
		},
		{
			{"/etc/postfix/master.cf", postfix + "192.0.2.1:26 inet n - n - - smtpd\n", "postfix.service"},
			{"/etc/my.cnf.d/zz.cnf", "[mysqld]\nport=6379\n", "mariadb.service"},
			{"/etc/redis.conf", redis + "\nport 3306\n", "redis.service"},
		},
		{{zz, "ErrorLog /var/log/nowhere/error_log\n", httpd}},
		{{zz, "<VirtualHost *:443>\nServerName other\nSSLEngine on\nSSLCertificateFile /root/other.crt\nSSLCertificateKeyFile /etc/pki/tls/private/localhost.key\n</VirtualHost>\n", httpd}},
		{{zz, "Listen 192.0.2.1:80\n", httpd}}, // an address of another host
	} {
		before, left := l.stands(bad), l.leftovers()
		clients := l.probes()
		l.rolledBack(bad)
		for _, p := range clients {
			p.unharmed(l.t)
		}
		if after := l.stands(bad); after != before {
			l.t.Errorf("before:\n%s\nafter:\n%s", before, after)
		}
		for end := time.Now().Add(20 * time.Second); ; { // what was killed takes a moment to go
			after := l.leftovers()
			if after == left {
				break
			}
			if time.Now().After(end) {
				l.t.Errorf("left behind: before\n%s\nafter\n%s", left, after)
				break
			}
		}
	}
	l.write("good", "# a change that is good\n")
	l.write("overlay.hcl", "overlay \"host\" \"primary\" {\n  file \"/etc/httpd/conf.d/zz.conf\" { source = \"good\" }\n}\n")
	clients := l.probes()
	l.ok("apply", "primary", "--yes")
	for _, p := range clients {
		p.unharmed(l.t)
	}
	l.exec("primary", "rm -f /etc/httpd/conf.d/zz.conf /root/other.*")
}

// leftovers lists what a rehearsal could leave behind: mounts, processes by
// their namespaces, semaphores, sockets and other files.
func (l *lab) leftovers() string {
	l.t.Helper()
	return l.exec("primary", "findmnt -rno TARGET | grep -v /run/user | sort; readlink /proc/[0-9]*/ns/pid /proc/[0-9]*/ns/net /proc/[0-9]*/ns/ipc | sort -u; ipcs -s | tail -n +3; ls /run /run/httpd /run/php-fpm /run/named /var/log /var/log/httpd /tmp /var/tmp | grep -v -e hikae -e agetty.reload; true")
}

// deadlyConfigs: what no checker and no rehearsal sees and the daemon dies of is
// put back, and the other daemons are not disturbed.
func (l *lab) deadlyConfigs() {
	l.t.Helper()
	bad := []badFile{ // a rehearsal has no InnoDB
		{"/etc/my.cnf.d/zz.cnf", "[mysqld]\ninnodb_data_file_path=ibdata1:1M\n", "mariadb.service"},
	}
	texts := func() string {
		var b strings.Builder
		for _, f := range bad {
			b.WriteString(l.exec("primary", "cat "+f.path+" 2>&1; true"))
		}
		return b.String()
	}
	before := texts()
	clients := l.probes()
	l.rolledBack(bad)
	clients["mariadb"].end(l.t)
	delete(clients, "mariadb")
	for _, p := range clients {
		p.unharmed(l.t)
	}
	if after := texts(); after != before {
		l.t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	if got := l.exec("primary", "systemctl is-active httpd postfix mariadb redis named-chroot dovecot | sort -u; redis-cli ping; mysqladmin ping"); got != "active\nPONG\nmysqld is alive\n" {
		l.t.Errorf("afterwards: %s", got)
	}
}

// stands describes files so that one that was replaced by its like shows.
func (l *lab) stands(files []badFile) string {
	l.t.Helper()
	var paths []string
	for _, f := range files {
		paths = append(paths, f.path)
	}
	return l.exec("primary", "stat -c '%n %i %s %y' "+strings.Join(paths, " ")+" 2>&1; true")
}

// rolledBack applies the files and wants all of them to be refused.
func (l *lab) rolledBack(files []badFile) {
	l.t.Helper()
	var hcl strings.Builder
	hcl.WriteString("overlay \"host\" \"primary\" {\n")
	for i, f := range files {
		l.write(fmt.Sprintf("bad%d", i), f.text)
		fmt.Fprintf(&hcl, "  file %q { source = \"bad%d\" }\n", f.path, i)
	}
	l.write("overlay.hcl", hcl.String()+"}\n")
	events, code := l.events("apply", "primary", "--yes")
	if code != exitRolledBack {
		l.t.Errorf("exit %d", code)
	}
	result := events["result"]
	if len(result) != 1 || result[0]["rolled_back"] != true {
		l.t.Errorf("the event: %v", result)
	}
	told := fmt.Sprint(events["error"])
	for _, f := range files {
		if !strings.Contains(told, f.daemon) {
			l.t.Errorf("no %q in: %s", f.daemon, told)
		}
	}
}

// bindMounts: named-chroot-setup binds /etc/named.conf into the chroot, and so
// the daemon sees a replaced one only once that is bound anew. What lies in a
// directory that is bound needs a reload only.
func (l *lab) bindMounts() {
	l.t.Helper()
	zone := "/var/named/internal/rio.example.zone"
	l.write("zone", l.exec("primary", "cat "+zone)+"hikae-test IN A 192.0.2.77\n")
	wanted := fmt.Sprintf("overlay \"host\" \"primary\" {\n  file %q { source = \"zone\" }\n", zone)
	l.write("overlay.hcl", wanted+"}\n")
	clients := l.probes()
	l.ok("apply", "primary", "--yes")
	for _, p := range clients {
		p.unharmed(l.t)
	}
	if err := askDNS("10.98.0.11:53", "hikae-test.rio.example")(l.t.Context()); err != nil {
		l.t.Errorf("the new zone: %v", err)
	}

	l.write("named.conf", strings.Replace(l.exec("primary", "cat /etc/named.conf"), `version "none";`, `version "hikae";`, 1))
	l.write("overlay.hcl", wanted+"  file \"/etc/named.conf\" {\n    source = \"named.conf\"\n    mode   = \"0640\"\n    group  = \"named\"\n  }\n}\n")
	clients = l.probes()
	l.ok("apply", "primary", "--yes")
	for name, p := range clients {
		if name == "dns" {
			p.end(l.t) // it was restarted
			continue
		}
		p.unharmed(l.t)
	}
	if got := l.exec("primary", "dig +short -c CH -t TXT version.bind @127.0.0.1; findmnt -rno FSROOT | grep /etc/.*deleted; true"); got != "\"hikae\"\n" {
		l.t.Errorf("named says, and is still mounted: %s", got)
	}
}
