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
  only    = ["module_stream:*", "file:/etc/sysctl.d/**", "file:/etc/sysctl.conf", "user:*", "group:*"]
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
