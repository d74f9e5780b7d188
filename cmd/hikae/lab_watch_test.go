package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"hikae/engine/watch"
)

// Bounds on a machine that does much else; make bench has the figures.
const (
	watchSoon  = 10 * time.Second // for what takes well under a second
	watchLater = time.Minute      // where a link must first be found dead, or a wait be over
)

// TestLabWatch follows a small host by hikae watch, run on this machine: each
// part changes something, or takes something away, and wants the follower to be
// as it should within a time, and hikae status to say why where it is not.
// TestLabChaos has it run as it is meant to, on the follower.
func TestLabWatch(t *testing.T) {
	w := &watched{lab: onLab(t), from: "vps", to: "fresh"}
	w.reset(w.from)
	w.reset(w.to)
	// A file system of its own, which should be mounted.
	w.exec(w.from, `mkdir /srv/conf && echo 'none /srv/conf tmpfs size=1m 0 0' >>/etc/fstab && mount /srv/conf && echo kept >/srv/conf/kept && mkdir /srv/small`)
	w.follow(`paths = ["/srv/conf", "/srv/small"]
  audit = "1m"`)

	// The audit comes once a minute: what it must mend is found at the end.
	w.exec(w.from, `echo right >/etc/watch-drift; echo right >/etc/watch-gone`)
	w.arrives("/etc/watch-drift", "right\n")
	w.arrives("/etc/watch-gone", "right\n")
	w.exec(w.to, `echo wrong >/etc/watch-drift; rm /etc/watch-gone; echo own >/etc/watch-own`)

	for _, part := range []struct {
		name string
		run  func(*watched)
	}{
		{"latency", (*watched).latency},
		{"no echo", (*watched).noEcho},
		{"files", (*watched).files},
		{"a user, a unit", (*watched).userAndUnit},
		{"a package, and what its daemon refuses", (*watched).refused},
		{"hold and release", (*watched).heldByHand},
		{"a full disk", (*watched).fullDisk},
		{"an unreadable file", (*watched).unreadable},
		{"a mount that vanishes", (*watched).mountGone},
		{"sshd restarted", (*watched).sshdRestarted},
		{"the primary away", (*watched).primaryAway},
		{"the follower away", (*watched).followerAway},
		{"watch killed", (*watched).watchKilled},
		{"drift is mended", (*watched).driftMended},
	} {
		if !t.Run(part.name, func(t *testing.T) {
			c := *w
			c.lab = sub(w.lab, t)
			defer func() { w.process = c.process }() // a part may start another
			part.run(&c)
			c.inStepWithin(watchLater)
		}) {
			break // what it left would be in the others' way
		}
	}
}

// follow has hikae watch run here, until the test is over. pair is what the pair says
// beside its members, more what the project says beside the pair.
func (w *watched) follow(pair string, more ...string) {
	w.t.Helper()
	w.write("hikae.hcl", strings.Join(more, "\n")+fmt.Sprintf(`
host %[1]q { ssh = "root@%[1]s" }
host %[2]q { ssh = "root@%[2]s" }
pair "small" {
  members         = [host.%[1]s, host.%[2]s]
  initial_primary = host.%[1]s
  %[3]s
}
`, w.from, w.to, pair))
	w.ok("init")
	w.ok("snapshot", w.from)
	w.ok("apply", w.to, "--yes")
	w.start()
	w.t.Cleanup(func() {
		_ = w.process.Process.Signal(syscall.SIGTERM)
		_ = w.process.Wait()
		if b, err := os.ReadFile(filepath.Join(w.dir, "watch.log")); w.t.Failed() && err == nil {
			w.t.Log(tail(string(b)))
		}
	})
	w.inStepWithin(watchLater)
}

// start starts hikae watch.
func (w *watched) start() {
	w.t.Helper()
	log, err := os.OpenFile(filepath.Join(w.dir, "watch.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		w.t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(w.bin, "-C", w.dir, "watch")
	cmd.Env = append(os.Environ(), "HIKAE_SSH_CONFIG="+w.sshConf)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.process = cmd
}

// arrives waits until a file of the follower has a content.
func (w *watched) arrives(path, text string) time.Duration {
	w.t.Helper()
	return w.within(watchSoon, path+" on "+w.to, func() string {
		if b, err := os.ReadFile(w.at(w.to, path)); err != nil || string(b) != text {
			return fmt.Sprintf("%q, %v", b, err)
		}
		return ""
	})
}

// says waits until a script's output on the follower is as wanted.
func (w *watched) says(patience time.Duration, script, want string) {
	w.t.Helper()
	w.within(patience, script+" on "+w.to, func() string {
		if got := w.look(w.to, script); got != want {
			return fmt.Sprintf("%q, want %q", got, want)
		}
		return ""
	})
}

// late waits until monitoring is told that the follower is behind, and why.
func (w *watched) late(patience time.Duration, wants ...string) {
	w.t.Helper()
	w.within(patience, "status --behind", func() string {
		r := w.asked("status", "--behind", "1s")
		for _, want := range wants {
			if r.code != exitBehind || !strings.Contains(r.out+r.errOut, want) {
				return fmt.Sprintf("exit %d, no %q in: %s%s", r.code, want, r.out, r.errOut)
			}
		}
		return ""
	})
}

// times runs testdata/bench/lag: milliseconds, sorted.
func (w *watched) times(args ...string) []float64 {
	w.t.Helper()
	lag := filepath.Join(w.t.TempDir(), "lag")
	if r := w.run("go", "build", "-o", lag, "./testdata/bench/lag"); r.code != 0 {
		w.t.Fatal(r.errOut)
	}
	args = append(args, w.at(w.from, "/etc/watch.d"), w.at(w.to, "/etc/watch.d"))
	r := w.run(append([]string{lag, "-stage", w.at(w.from, "/var/tmp")}, args...)...)
	if r.code != 0 {
		w.t.Fatal(r.errOut)
	}
	var all []float64
	for line := range strings.Lines(r.out) {
		fields := strings.Fields(line)
		ms, err := strconv.ParseFloat(fields[len(fields)-1], 64)
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, ms)
	}
	slices.Sort(all)
	return all
}

func (w *watched) latency() {
	w.exec(w.from, "mkdir /etc/watch.d")
	w.says(watchSoon, "ls -d /etc/watch.d", "/etc/watch.d\n")
	one := w.times("-rounds", "20", "-gap", "50ms")
	w.t.Logf("a rename: median %.0f ms, at most %.0f ms", one[len(one)/2], one[len(one)-1])
	if one[len(one)/2] > 500 {
		w.t.Errorf("a rename is there after %v ms", one)
	}
	burst := w.times("-burst", "200", "-rounds", "3")
	w.t.Logf("200 files: %.0f ms", burst)
	if burst[0] > 3000 {
		w.t.Errorf("200 changes at once are there after %v ms", burst)
	}
}

// noEcho wants what watch itself writes on the follower to have no consequence.
func (w *watched) noEcho() {
	w.inStepWithin(watchSoon)
	before := w.changes()
	w.exec(w.from, "echo once >/etc/watch-echo")
	w.arrives("/etc/watch-echo", "once\n")
	w.exec(w.from, "echo twice >/etc/watch-echo.2") // after it, whatever the first set going has begun
	w.arrives("/etc/watch-echo.2", "twice\n")
	w.followerWithin(watchSoon, "two changes", func(_ *watch.SourceStatus, f *watch.FollowerStatus) bool { return f.Changes >= before+2 })
	if after := w.changes(); after != before+2 {
		w.t.Errorf("2 changes became %d", after-before)
	}
}

// changes is how many changes the follower was given.
func (w *watched) changes() int {
	w.t.Helper()
	s, err := w.status()
	if err != nil {
		w.t.Fatal(err)
	}
	return s.Followers[0].Changes
}

func (w *watched) files() {
	w.exec(w.from, `cd /etc/watch.d && mkdir sub && echo a >sub/a && ln -s a sub/link && echo b >b`)
	w.arrives("/etc/watch.d/sub/a", "a\n")
	w.arrives("/etc/watch.d/b", "b\n")
	w.exec(w.from, `cd /etc/watch.d && chmod 600 sub/a && chown mail:mail b && setfacl -m u:daemon:r b`)
	w.says(watchSoon, `cd /etc/watch.d; stat -c '%a %U' sub/a; stat -c %U:%G b; getfacl -c b 2>/dev/null | grep daemon`, "600 root\nmail:mail\nuser:daemon:r--\n")
	w.exec(w.from, `cd /etc/watch.d && mv sub sub2 && ln -sfn b sub2/link && rm b`)
	w.says(watchSoon, `cd /etc/watch.d; ls -d b sub sub2/* 2>/dev/null; readlink sub2/link; cat sub2/a`, "sub2/a\nsub2/link\nb\na\n")
	w.exec(w.from, `cd /etc/watch.d && rm -r sub2 && echo file >sub2`)
	w.arrives("/etc/watch.d/sub2", "file\n")
}

func (w *watched) userAndUnit() {
	w.exec(w.from, `useradd -u 1777 -M -c 'New Person' newperson && echo newperson:himitsu | chpasswd
		printf '[Service]\nExecStart=/usr/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n' >/etc/systemd/system/watched.service
		systemctl daemon-reload && systemctl enable -q --now watched`)
	w.says(watchSoon, `getent passwd newperson; systemctl is-enabled watched 2>&1; systemctl is-active watched`,
		"newperson:x:1777:1777:New Person:/home/newperson:/bin/bash\nenabled\nactive\n")
	if a, b := w.exec(w.from, "grep ^newperson /etc/shadow"), w.exec(w.to, "grep ^newperson /etc/shadow"); a != b {
		w.t.Errorf("the password is another: %q, %q", a, b)
	}
	// Made again at once it is another account, which no old password opens, not even
	// once it is unlocked.
	w.exec(w.from, `userdel newperson && useradd -u 1778 -M newperson`)
	w.says(watchSoon, `getent passwd newperson | cut -d: -f3; grep ^newperson /etc/shadow | cut -d: -f2 | tr -d '!'`, "1778\n\n")
	w.exec(w.from, `userdel newperson; systemctl disable -q --now watched`)
	w.says(watchSoon, `getent passwd newperson; systemctl is-enabled watched`, "disabled\n")
}
