package main

import (
	"strings"
	"testing"
	"time"
)

const postfixProject = `host "standby" { ssh = "root@standby" }
`

const postfixOverlay = `overlay "host" "standby" {
  postfix_parameter "message_size_limit" { value = 20480000 }
  postfix_parameter "mydestination" {
    value = ["$myhostname", "localhost.$mydomain", "localhost", "lists.test"]
  }
  postfix_parameter "virtual_alias_maps" { value = ["hash:/etc/postfix/virtual"] }
  postfix_service "relay/unix" {
    options = { syslog_name = "postfix/$service_name", smtp_helo_timeout = "7s" }
  }
  postfix_service "2525/inet" {
    private = false
    chroot  = false
    command = "smtpd"
    options = { smtpd_banner = "$myhostname of the lab" }
  }
  mail_map "/etc/postfix/virtual" "shop.test" { value = "a domain" }
  mail_map "/etc/postfix/virtual" "info@shop.test" { value = "keiko" }
  mail_alias "help" { value = ["keiko"] }
}
`

// TestLabLensPostfix gives the standby's Postfix parameters, services, a map and
// an alias by an overlay: mail goes by them, and no other byte of its files is
// another.
func TestLabLensPostfix(t *testing.T) {
	l := newProject(t, postfixProject)
	l.reset("standby")
	l.exec("standby", "dnf -qy install postfix && systemctl enable -q --now postfix")
	l.ok("snapshot", "standby")
	l.inStep("standby")
	paths := []string{"/etc/postfix/main.cf", "/etc/postfix/master.cf", "/etc/postfix/virtual", "/etc/aliases"}
	before := map[string]string{}
	for _, p := range paths {
		before[p] = l.exec("standby", "cat "+p)
	}

	l.write("overlay.hcl", postfixOverlay)
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	want := map[string]string{
		paths[0]: strings.Replace(before[paths[0]], "\nmydestination = $myhostname, localhost.$mydomain, localhost\n", "\nmydestination = $myhostname, localhost.$mydomain, localhost, lists.test\n", 1) +
			"message_size_limit = 20480000\nvirtual_alias_maps = hash:/etc/postfix/virtual\n",
		paths[1]: strings.Replace(before[paths[1]], "\n        -o syslog_name=postfix/$service_name\n", "\n        -o syslog_name=postfix/$service_name\n        -o smtp_helo_timeout=7s\n", 1) +
			"2525      inet  n       -       n       -       -       smtpd\n  -o { smtpd_banner = $myhostname of the lab }\n",
		paths[2]: before[paths[2]] + "info@shop.test\tkeiko\nshop.test\ta domain\n",
		paths[3]: before[paths[3]] + "help: keiko\n",
	}
	for _, p := range paths {
		if got := l.exec("standby", "cat "+p); got != want[p] {
			t.Errorf("%s:\n%s\nwant:\n%s", p, tail(got), tail(want[p]))
		}
	}
	for ask, answer := range map[string]string{
		"postconf -h message_size_limit":                      "20480000\n",
		"postconf -P relay/unix/smtp_helo_timeout":            "relay/unix/smtp_helo_timeout = 7s\n",
		"postconf -P 2525/inet/smtpd_banner":                  "2525/inet/smtpd_banner = $myhostname of the lab\n",
		"postmap -q info@shop.test hash:/etc/postfix/virtual": "keiko\n",
		"postalias -q help hash:/etc/aliases":                 "keiko\n",
	} {
		if got := l.exec("standby", ask); got != answer {
			t.Errorf("%s: %q", ask, got)
		}
	}
	l.mailArrives("info@shop.test", "help@lists.test")
	if got := l.exec("standby", `exec 3<>/dev/tcp/127.0.0.1/2525 && read -r line <&3 && echo "$line"`); !strings.Contains(got, " of the lab") {
		t.Errorf("the new service says %q", got)
	}

	l.remove("overlay.hcl")
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	for _, p := range paths {
		if got := l.exec("standby", "cat "+p); got != before[p] {
			t.Errorf("%s without the overlay:\n%s", p, tail(got))
		}
	}
}

// mailArrives sends mail on the standby to addresses that lead to keiko.
func (l *lab) mailArrives(addresses ...string) {
	l.t.Helper()
	for _, a := range addresses {
		l.exec("standby", "printf 'Subject: for "+a+"\n\nhello\n' | /usr/sbin/sendmail "+a)
	}
	deadline := time.Now().Add(15 * time.Second)
	for {
		got := l.exec("standby", "cat /var/spool/mail/keiko")
		missing := ""
		for _, a := range addresses {
			if !strings.Contains(got, "\nSubject: for "+a+"\n") {
				missing = a
			}
		}
		if missing == "" {
			return
		}
		if time.Now().After(deadline) {
			l.t.Fatalf("no mail for %s: %s%s", missing, got, l.exec("standby", "mailq; journalctl --no-pager -q -u postfix -n 20"))
		}
		time.Sleep(200 * time.Millisecond)
	}
}
