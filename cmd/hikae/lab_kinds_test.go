package main

import (
	"strings"
	"testing"
)

// kindsProject takes of the primary only what is not files alone, so that the
// test is quick.
const kindsProject = `host "primary" { ssh = "root@primary" }
host "other" { ssh = "root@fresh" }
pair "house" {
  members         = [host.primary, host.other]
  initial_primary = host.primary
}
host "standby" {
  ssh     = "root@standby"
  follows = pair.house
  only    = ["module_stream:*", "file:/etc/sysctl.d/**", "file:/etc/sysctl.conf", "user:*", "group:*",
    "sysctl:*", "timer:*", "cron:**", "file:/etc/systemd/system/rio-*", "file:/etc/systemd/system/lab-*", "service:rio-*", "service:lab-*",
    "file:/etc/rio/**", "file:/etc/cron.d/**", "file:/var/spool/**"]
}
`

// TestLabKinds carries streams, parameters of the kernel, timers, jobs and
// ranges of ids to a standby, and edits them by overlays.
func TestLabKinds(t *testing.T) {
	l := newProject(t, kindsProject)
	l.reset("standby")
	l.ok("snapshot", "primary")
	l.inStep("primary")
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	t.Run("ranges of ids", func(t *testing.T) { sub(l, t).subordinate() })
	t.Run("timers", func(t *testing.T) { sub(l, t).timers() })
	t.Run("jobs", func(t *testing.T) { sub(l, t).jobs() })
	t.Run("parameters of the kernel", func(t *testing.T) { sub(l, t).sysctl() })
	t.Run("streams", func(t *testing.T) { sub(l, t).streams() })
}

// subordinate looks for ranges of ids: merged entry by entry, and those that
// another person of the standby's has are told and left.
func (l *lab) subordinate() {
	l.t.Helper()
	before := l.exec("standby", `cat /etc/subuid`)
	for _, want := range []string{"keiko:165536:65536\n", "hanako:231072:65536\n", "sakura:493216:65536\n"} {
		if !strings.Contains(before, want) {
			l.t.Errorf("no %s in %s", want, before)
		}
	}
	if strings.Contains(before, "taro") {
		l.t.Errorf("taro has what is keiko's: %s", before)
	}
	if out := l.ok("plan", "standby"); !strings.Contains(out, "165536 to 231071 are keiko's") {
		l.t.Errorf("the plan does not say so: %s", out)
	}
	l.write("overlay.hcl", `overlay "host" "standby" {
  user "taro" {
    subuid = ["600000:65536"]
    subgid = ["600000:65536"]
  }
}
`)
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	if got := l.exec("standby", `cat /etc/subuid`); got != before+"taro:600000:65536\n" {
		l.t.Errorf("before:\n%s\nafter:\n%s", before, got)
	}
	l.remove("overlay.hcl")
}

// timers edits one that is held and makes a new one, which runs.
func (l *lab) timers() {
	l.t.Helper()
	const shows = `cd /etc/systemd/system && cat rio-rpm-list.timer rio-rpm-list.service rio-mailsync.timer`
	before := l.exec("standby", shows)
	if got := l.exec("primary", shows); got != before {
		l.t.Errorf("primary:\n%s\nstandby:\n%s", got, before)
	}
	l.write("overlay.hcl", `overlay "host" "standby" {
  timer "rio-rpm-list" {
    on_calendar = "*-*-* 05:55:00"
    exec        = "/etc/rio/rpm-list.sh --quiet"
  }
  timer "lab-note" {
    on_calendar = "*-*-* 00:00:00"
    exec        = "/usr/bin/touch /tmp/lab-note"
    user        = "hanako"
  }
}
`)
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	want := strings.NewReplacer("04:10:00", "05:55:00", "rpm-list.sh\n", "rpm-list.sh --quiet\n").Replace(before)
	if got := l.exec("standby", shows); got != want {
		l.t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if got := l.exec("standby", `systemctl is-enabled lab-note.timer rio-rpm-list.timer; systemctl is-active lab-note.timer rio-rpm-list.timer; true`); got != "enabled\ndisabled\nactive\ninactive\n" {
		l.t.Errorf("enabled and active: %s", got)
	}
	if got := l.exec("standby", `systemctl start lab-note.service; stat -c %U /tmp/lab-note`); got != "hanako\n" {
		l.t.Errorf("the job ran as %s", got)
	}
	l.remove("overlay.hcl")
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	if got := l.exec("standby", shows+`; ls lab-note* 2>/dev/null; systemctl is-active lab-note.timer; true`); got != before+"inactive\n" {
		l.t.Errorf("without the overlay:\n%s", got)
	}
}

// jobs sees that crontabs and at jobs are held, and makes one job of a table
// that is.
func (l *lab) jobs() {
	l.t.Helper()
	const tables = `cd / && ls var/spool/at/a* var/spool/cron/taro etc/cron.d/rio 2>/dev/null; true`
	if got := l.exec("standby", tables); got != "" {
		l.t.Errorf("not held: %s", got)
	}
	plan := l.ok("plan", "standby")
	for _, path := range strings.Fields(l.exec("primary", tables)) {
		if !strings.Contains(plan, "file /"+path+"  ") {
			l.t.Errorf("/%s is not told as held: %s", path, plan)
		}
	}
	l.write("overlay.hcl", `overlay "host" "standby" {
  cron "/var/spool/cron/hanako /usr/bin/true" { schedule = "@daily" }
}
`)
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	if got := l.exec("standby", `cd /var/spool/cron && stat -c '%a %U' hanako && cat hanako`); got != "600 hanako\n@daily /usr/bin/true\n" {
		l.t.Errorf("hanako's table: %s", got)
	}
	l.remove("overlay.hcl")
}

// sysctl edits one parameter, which is set at once, and hears of one that this
// host does not let be set.
func (l *lab) sysctl() {
	l.t.Helper()
	const key, shows = "net.ipv4.tcp_keepalive_time", `cat /etc/sysctl.d/6*; sysctl -n net.ipv4.tcp_keepalive_time`
	before := l.exec("standby", shows)
	if !strings.HasSuffix(before, "\n600\n") {
		l.t.Errorf("%s is not set: %s", key, before)
	}
	l.write("overlay.hcl", `overlay "host" "standby" {
  sysctl "net.ipv4.tcp_keepalive_time" { value = "700" }
  sysctl "net.nothing.of_the_sort" { value = "1" }
}
`)
	if out := l.ok("apply", "standby", "--yes"); !strings.Contains(out, "this kernel has no net.nothing.of_the_sort") {
		l.t.Errorf("what the kernel would not have is not told: %s", out)
	}
	l.inStep("standby")
	if got := l.exec("standby", shows); got != strings.ReplaceAll(before, "600\n", "700\n") {
		l.t.Errorf("before:\n%s\nafter:\n%s", before, got)
	}
	l.write("overlay.hcl", `overlay "host" "standby" {
  sysctl "net.ipv4.tcp_keepalive_time" { value = "x" }
}
`)
	if r := l.hikae("apply", "standby", "--yes"); r.code != exitRolledBack || !strings.Contains(r.out+r.errOut, "the kernel refuses "+key+" = x") {
		l.t.Errorf("a value that the kernel refuses: exit %d: %s%s", r.code, r.out, r.errOut)
	}
	if got := l.exec("standby", shows); got != strings.ReplaceAll(before, "600\n", "700\n") {
		l.t.Errorf("not put back: %s", got)
	}
	l.remove("overlay.hcl")
	l.ok("apply", "standby", "--yes")
}

func (l *lab) streams() {
	l.t.Helper()
	const list = `grep -h -e ^stream -e ^state /etc/dnf/modules.d/*.module`
	if a, b := l.exec("primary", list), l.exec("standby", list); a != b {
		l.t.Errorf("primary:\n%s\nstandby:\n%s", a, b)
	}
	l.write("overlay.hcl", `overlay "host" "standby" {
  module_stream "redis" { stream = "5" }
}
`)
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	if got := l.exec("standby", `grep ^stream= /etc/dnf/modules.d/redis.module; dnf -q -C module list --enabled redis | grep redis`); !strings.HasPrefix(got, "stream=5\nredis") {
		l.t.Errorf("redis: %s", got)
	}
	l.remove("overlay.hcl")
}
