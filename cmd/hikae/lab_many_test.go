package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const manyProject = `host "gone" {
  ssh    = "root@10.98.0.1:1"
  labels = ["web"]
}
host "standby" {
  ssh    = "root@standby"
  labels = ["dns", "web"]
}
host "vps" {
  ssh    = "root@vps"
  labels = ["dns"]
}

overlay "host" "gone" {
  file "/etc/hikae-many" { content = "gone\n" }
}
overlay "host" "standby" {
  file "/etc/hikae-many" { content = "standby\n" }
}
overlay "host" "vps" {
  file "/etc/hikae-many" { content = "vps\n" }
}
`

// TestLabMany works on several hosts at once.
func TestLabMany(t *testing.T) {
	l := newProject(t, manyProject)
	l.reset("standby")
	l.reset("vps")
	t.Run("an error of one stops no other", func(t *testing.T) { sub(l, t).oneFails() })
	t.Run("asked once", func(t *testing.T) { sub(l, t).askedOnce() })
	t.Run("a saved plan", func(t *testing.T) { sub(l, t).savedForTwo() })
	t.Run("two controllers", func(t *testing.T) { sub(l, t).twoControllers() })
}

func (l *lab) wantsFile(host, text string) {
	l.t.Helper()
	if got := l.exec(host, "cat /etc/hikae-many 2>&1 || true"); got != text {
		l.t.Errorf("%s has %q, want %q", host, got, text)
	}
}

func (l *lab) oneFails() {
	l.t.Helper()
	events, code := l.events("apply", "--all", "--yes")
	if code != exitError {
		l.t.Errorf("exit %d", code)
	}
	applied := map[string]int{}
	for _, e := range events["applied"] {
		host, _ := e["host"].(string)
		applied[host]++
	}
	if applied["standby"] != 1 || applied["vps"] != 1 || len(applied) != 2 {
		l.t.Errorf("applied: %v", applied)
	}
	if e := events["error"]; len(e) != 1 || e[0]["host"] != "gone" {
		l.t.Errorf("errors: %v", e)
	}
	if s := events["summary"]; len(s) != 1 || s[0]["changed"] != 2.0 || s[0]["failed"] != 1.0 || s[0]["hosts"] != 3.0 {
		l.t.Errorf("summary: %v", s)
	}
	l.wantsFile("standby", "standby\n")
	l.wantsFile("vps", "vps\n")
	if out := l.ok("plan", "--label", "dns", "--detailed-exitcode"); !strings.HasSuffix(out, "2 hosts: 2 in step\n") {
		l.t.Errorf("got %s", out)
	}
}

// change has every host want something new.
func (l *lab) change(text string) {
	l.t.Helper()
	l.write("hikae.hcl", strings.NewReplacer(`standby\n`, `standby `+text+`\n`, `vps\n`, `vps `+text+`\n`).Replace(manyProject))
}

func (l *lab) askedOnce() {
	l.t.Helper()
	l.change("asked")
	ask := func(answer string) result {
		return l.runEnv([]string{"TERM=xterm"}, "sh", "-c", "echo "+answer+" | script -qec '"+l.bin+" -C "+l.dir+" apply standby vps' /dev/null")
	}
	r := ask("no")
	if r.code != exitRefused || strings.Count(r.out, "Type yes") != 1 || !strings.Contains(r.out, "apply this to standby, vps?") {
		l.t.Errorf("exit %d: %q", r.code, r.out)
	}
	l.wantsFile("standby", "standby\n")
	r = ask("yes")
	if r.code != exitOK || strings.Count(r.out, "Type yes") != 1 || strings.Count(r.out, "+standby asked") != 1 || !strings.Contains(r.out, "2 hosts: 0 in step, 2 changed") {
		l.t.Errorf("exit %d: %q", r.code, r.out)
	}
	if rest := ownEscapes.ReplaceAllString(r.out, ""); strings.ContainsAny(rest, "\x1b\a") {
		l.t.Errorf("garbled: %q", rest)
	}
	l.wantsFile("standby", "standby asked\n")
	l.wantsFile("vps", "vps asked\n")
}

func (l *lab) savedForTwo() {
	l.t.Helper()
	l.change("saved")
	plan := l.t.TempDir() + "/two.plan"
	l.ok("plan", "standby", "vps", "--out", plan)
	l.exec("vps", "echo by hand >/etc/hikae-many")
	r := l.hikae("apply", "standby", "vps", plan)
	if r.code != exitRefused || !strings.Contains(r.errOut, "vps: error: refused: vps has changed since the plan") {
		l.t.Errorf("exit %d: %s", r.code, r.errOut)
	}
	l.wantsFile("standby", "standby saved\n")
	l.wantsFile("vps", "by hand\n")
}

// slowUnit is a service that starts when somebody says so.
const slowUnit = `cat >/etc/systemd/system/slow.service <<EOF
[Service]
ExecStartPre=/bin/sh -c 'until [ -e /run/slow-go ]; do sleep .1; done'
ExecStart=/bin/sleep infinity
[Install]
WantedBy=multi-user.target
EOF
systemctl daemon-reload`

// twoControllers has two projects apply to one host at the same time: the
// second is refused and told who holds the host.
func (l *lab) twoControllers() {
	l.t.Helper()
	other := newProject(l.t, strings.ReplaceAll(manyProject, `standby\n`, `another\n`))
	l.exec("standby", slowUnit)
	l.write("slow.hcl", "overlay \"host\" \"standby\" {\n  service \"slow.service\" { running = true }\n}\n")
	first := exec.CommandContext(l.t.Context(), l.bin, "-C", l.dir, "apply", "standby", "--yes")
	first.Env = append(os.Environ(), "HIKAE_SSH_CONFIG="+l.sshConf)
	var out strings.Builder
	first.Stdout, first.Stderr = &out, &out
	if err := first.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = first.Process.Kill() }) // nothing, once it has ended
	l.exec("standby", "for i in $(seq 300); do [ -s /run/hikae.lock ] && exit 0; sleep .1; done; exit 1")
	r := other.hikae("apply", "standby", "--yes")
	if holder := fmt.Sprintf("hikae process %d", first.Process.Pid); r.code != exitRefused || !strings.Contains(r.errOut, holder) {
		l.t.Errorf("the second: exit %d, want the holder %q: %s%s", r.code, holder, tail(r.out), r.errOut)
	}
	// Within one controller the store is held, and says so before the host is asked.
	r = l.hikae("apply", "vps", "--yes")
	if r.code != exitRefused || !strings.Contains(r.errOut, "the store is locked") {
		l.t.Errorf("the same store: exit %d: %s", r.code, r.errOut)
	}
	l.exec("standby", "touch /run/slow-go")
	if err := first.Wait(); err != nil {
		l.t.Errorf("the first: %v: %s", err, tail(out.String()))
	}
	l.wantsFile("standby", "standby saved\n")
	other.ok("apply", "standby", "--yes")
	l.wantsFile("standby", "another\n")
}
