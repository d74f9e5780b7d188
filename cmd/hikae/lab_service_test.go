package main

import (
	"strings"
	"testing"
	"time"
)

// until polls a host with a script until it prints what is wanted.
func (l *lab) until(within time.Duration, host, script, want string) {
	l.t.Helper()
	got := ""
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if got = l.exec(host, script+" || true"); strings.Contains(got, want) {
			return
		}
	}
	l.t.Fatalf("%s: %s\nwants %q within %v, and prints\n%s", host, script, want, within, tail(got))
}

// letIn has root of one host log in to another, as a standby does to its primary.
func (l *lab) letIn(from, to string) (address string) {
	l.t.Helper()
	text := l.labConfig()
	_, address, _ = strings.Cut(text[strings.Index(text, "Host "+to+"\n"):], "HostName ")
	address, _, _ = strings.Cut(address, "\n")
	pub := strings.TrimSpace(l.exec(from, `test -f /root/.ssh/id_ed25519 || ssh-keygen -q -t ed25519 -N "" -f /root/.ssh/id_ed25519; cat /root/.ssh/id_ed25519.pub`))
	l.exec(to, `cp -p /root/.ssh/authorized_keys /root/.ssh/authorized_keys.before; echo '`+pub+`' >>/root/.ssh/authorized_keys`)
	l.t.Cleanup(func() { l.exec(to, `mv /root/.ssh/authorized_keys.before /root/.ssh/authorized_keys`) })
	key := strings.Fields(l.exec(to, `cat /etc/ssh/ssh_host_ed25519_key.pub`))
	l.exec(from, `echo '`+address+" "+key[0]+" "+key[1]+`' >/root/.ssh/known_hosts`)
	return address
}

// TestLabService: the loop as a service of the standby, by the unit that it prints.
func TestLabService(t *testing.T) {
	l := newProject(t, `host "standby" { ssh = "root@standby" }`)
	l.reset("primary")
	l.reset("standby")
	l.ok("snapshot", "standby") // which brings the program there
	l.install("standby")
	l.t.Cleanup(func() {
		l.exec("standby", `systemctl disable --now hikae-watch; rm -f /etc/systemd/system/hikae-watch.service; systemctl daemon-reload`)
	})
	const conf = "/etc/hikae-lab-service.conf"
	l.exec("primary", "echo 1 >"+conf)
	l.t.Cleanup(func() { l.exec("primary", "rm -f "+conf) })
	address := l.letIn("standby", "primary")
	l.exec("standby", `set -e; mkdir -p /srv/hikae; cat >/srv/hikae/hikae.hcl <<'END'
host "primary" { ssh = "root@`+address+`" }
host "standby" {
  local   = true
  follows = pair.home
  only    = ["file:/etc/hikae-lab-*"]
}
host "never" { ssh = "root@192.0.2.1" }
pair "home" {
  members         = [host.primary, host.never]
  initial_primary = host.primary
}
END
		cd /srv/hikae; hikae init; hikae snapshot primary; hikae apply standby --yes
		hikae watch --print-unit >/etc/systemd/system/hikae-watch.service
		sed -i 's,^ExecStart=.*,& --metrics-listen unix:/run/hikae-watch/metrics.sock,' /etc/systemd/system/hikae-watch.service`)
	if said := l.exec("standby", `systemd-analyze verify --man=no hikae-watch.service 2>&1`); said != "" {
		t.Errorf("systemd does not understand the unit:\n%s", said)
	}
	l.exec("standby", `systemctl daemon-reload; systemctl enable --now hikae-watch`)
	const status, check = "hikae -C /srv/hikae status", "hikae -C /srv/hikae status standby --behind 1m; echo exit $?"
	l.until(time.Minute, "standby", status, "standby  in step")
	l.until(10*time.Second, "standby", status, "never  waiting for a first apply")
	if got := l.exec("standby", check); !strings.Contains(got, "exit 0") {
		t.Errorf("monitoring of one that is in step: %s", got)
	}
	l.exec("primary", "echo 2 >"+conf)
	l.until(10*time.Second, "standby", "cat "+conf, "2")
	l.until(10*time.Second, "standby", `curl -sS --unix-socket /run/hikae-watch/metrics.sock http://hikae/metrics`, `hikae_follower_state{host="standby",source="primary",state="in step"} 1`)
	l.until(10*time.Second, "standby", `journalctl -u hikae-watch -p info -o cat`, "msg=applied host=standby")
	if said := l.exec("standby", `journalctl -u hikae-watch -p warning -o cat _COMM=hikae`); strings.Contains(said, "msg=applied") {
		t.Errorf("a line of information is a warning:\n%s", said)
	}

	// Killed, it is there again, and follows on.
	l.exec("standby", `systemctl kill -s KILL hikae-watch`)
	l.exec("primary", "echo 3 >"+conf)
	l.until(time.Minute, "standby", `systemctl show hikae-watch -p NRestarts,ActiveState`, "NRestarts=1")
	l.until(time.Minute, "standby", "cat "+conf, "3")

	// Stopped, monitoring hears of it.
	l.exec("standby", `systemctl stop hikae-watch`)
	if got := l.exec("standby", check); !strings.Contains(got, "hikae watch does not run\nexit 6") {
		t.Errorf("monitoring of one that is stopped: %s", got)
	}
}
