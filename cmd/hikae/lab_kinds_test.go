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
  only    = ["module_stream:*", "file:/etc/sysctl.d/**", "file:/etc/sysctl.conf"]
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
	t.Run("streams", func(t *testing.T) { sub(l, t).streams() })
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
