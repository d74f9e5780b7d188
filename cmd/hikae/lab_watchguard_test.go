package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hikae/engine/watch"
)

const (
	sshdConfig = "/etc/ssh/sshd_config"
	nftConfig  = "/etc/sysconfig/nftables.conf"
)

// TestLabWatchGuard gives the primary a configuration of sshd by which hikae watch
// could log in to the follower no more: the follower undoes it by itself, it is told
// to be held back, and it is not tried again and again, whatever else is brought and
// however often the link breaks; for each try keeps everybody out for a while.
func TestLabWatchGuard(t *testing.T) {
	w := &watched{lab: onLab(t), from: "vps", to: "fresh"}
	w.reset(w.from)
	w.reset(w.to)
	w.exec(w.from, "dnf -y -q install nftables; echo 'flush ruleset' >"+nftConfig+"; systemctl enable -q --now nftables")
	w.follow(`audit = "1m"`, `hikae { login_deadline = "3s" }`)
	before := w.exec(w.to, "cat "+sshdConfig)

	w.exec(w.from, "echo 'AllowUsers nobody' >>"+sshdConfig+"; echo goes on >/etc/watch-guard") // and its sshd is not told
	w.says(watchLater, "cat /etc/watch-guard", "goes on\n")
	w.lockedOut(sshdConfig, before)
	tries := w.reloads("sshd")
	if tries == 0 {
		t.Error("it was never tried")
	}
	for began := time.Now(); time.Since(began) < 8*time.Second; { // one that is held back for another reason is tried soon after
		text := fmt.Sprint(time.Since(began), "\n")
		w.putFile(w.from, "/etc/watch-guard", "644", text)
		w.says(watchLater, "cat /etc/watch-guard", text)
	}
	w.exec(w.to, "pkill -KILL -f '^/[^ ]*/hikae/[0-9a-f]+ agent$'") // now all is compared
	w.exec(w.from, "echo after >/etc/watch-guard")
	w.says(watchLater, "cat /etc/watch-guard", "after\n")
	w.lockedOut(sshdConfig, before)
	if n := w.reloads("sshd"); n > tries+1 { // once more, after a minute
		t.Errorf("sshd was told of it %d times, and %d times more while other things came", tries, n-tries)
	}

	w.exec(w.from, "sed -i 's/^AllowUsers nobody$/MaxAuthTries 5/' "+sshdConfig)
	w.says(watchSoon, "tail -n 1 "+sshdConfig, "MaxAuthTries 5\n")
	w.inStepWithin(watchSoon)
	if a, b := w.exec(w.from, "cat "+sshdConfig), w.exec(w.to, "cat "+sshdConfig); a != b {
		t.Errorf("the primary has\n%s\nthe follower\n%s", a, b)
	}
	w.cutOff()
}

// cutOff has the change itself cut the link, before anybody could be asked to log in.
func (w *watched) cutOff() {
	w.t.Helper()
	w.exec(w.to, "systemctl start nftables") // a oneshot: hikae starts none
	before := w.exec(w.to, "cat "+nftConfig)
	w.putFile(w.from, nftConfig, "600", "flush ruleset\ntable inet lab {\n  chain output {\n    type filter hook output priority 0; policy drop;\n  }\n}\n")
	w.lockedOut(nftConfig, before)
	tries := w.reloads("nftables")
	if tries == 0 {
		w.t.Error("it was never tried")
	}
	w.exec(w.from, "echo after it >/etc/watch-guard")
	w.says(watchLater, "cat /etc/watch-guard", "after it\n")
	for began := time.Now(); time.Since(began) < 8*time.Second; time.Sleep(time.Second) {
		w.lockedOut(nftConfig, before)
	}
	if n := w.reloads("nftables"); n > tries+1 {
		w.t.Errorf("nftables was told of it %d times, and %d times more after that", tries, n-tries)
	}
	w.putFile(w.from, nftConfig, "600", "flush ruleset\ntable inet lab {\n}\n")
	w.says(watchSoon, "tail -n 2 "+nftConfig, "table inet lab {\n}\n")
	w.inStepWithin(watchSoon)
}

// lockedOut wants the follower to have kept a file, and its status to say why.
func (w *watched) lockedOut(path, before string) {
	w.t.Helper()
	w.followerWithin(watchLater, "held back", func(_ *watch.SourceStatus, f *watch.FollowerStatus) bool {
		return f.State == watch.HeldBack && len(f.HeldBack) == 1 && f.HeldBack[0].Name == "file:"+path &&
			strings.Contains(f.HeldBack[0].Why, "log in anew")
	})
	if now := w.exec(w.to, "cat "+path); now != before {
		w.t.Errorf("the follower's is now\n%s", now)
	}
}

// reloads counts how often a daemon of the follower was told to read its configuration.
func (w *watched) reloads(unit string) int {
	w.t.Helper()
	return strings.Count(w.look(w.to, "journalctl -q --no-pager -o cat -u "+unit), "Reloaded ")
}
