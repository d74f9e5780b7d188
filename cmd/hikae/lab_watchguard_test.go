package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hikae/engine/watch"
)

const sshdConfig = "/etc/ssh/sshd_config"

// TestLabWatchGuard gives the primary a configuration of sshd by which hikae watch
// could log in to the follower no more: the follower undoes it by itself, it is told
// to be held back, and it is not tried again and again, whatever else is brought and
// however often the link breaks; for each try keeps everybody out for a while.
func TestLabWatchGuard(t *testing.T) {
	w := &watched{lab: onLab(t), from: "vps", to: "fresh"}
	w.reset(w.from)
	w.reset(w.to)
	w.follow(`audit = "1m"`, `hikae { login_deadline = "3s" }`)
	before := w.exec(w.to, "cat "+sshdConfig)

	w.exec(w.from, "echo 'AllowUsers nobody' >>"+sshdConfig+"; echo goes on >/etc/watch-guard") // and its sshd is not told
	w.arrives("/etc/watch-guard", "goes on\n")
	w.lockedOut(before)
	tries := w.reloads()
	if tries == 0 {
		t.Error("it was never tried")
	}
	for began := time.Now(); time.Since(began) < 15*time.Second; { // one that is held back for another reason is tried soon after
		text := fmt.Sprint(time.Since(began), "\n")
		w.putFile(w.from, "/etc/watch-guard", "644", text)
		w.arrives("/etc/watch-guard", text)
	}
	w.exec(w.to, "pkill -KILL -f '^/[^ ]*/hikae/[0-9a-f]+ agent$'") // now all is compared
	w.exec(w.from, "echo after >/etc/watch-guard")
	w.says(watchLater, "cat /etc/watch-guard", "after\n")
	w.lockedOut(before)
	if n := w.reloads(); n != tries {
		t.Errorf("sshd was told of it %d times, and %d times more while other things came", tries, n-tries)
	}

	w.exec(w.from, "sed -i 's/^AllowUsers nobody$/MaxAuthTries 5/' "+sshdConfig)
	w.says(watchSoon, "tail -n 1 "+sshdConfig, "MaxAuthTries 5\n")
	w.inStepWithin(watchSoon)
	if a, b := w.exec(w.from, "cat "+sshdConfig), w.exec(w.to, "cat "+sshdConfig); a != b {
		t.Errorf("the primary has\n%s\nthe follower\n%s", a, b)
	}
}

// lockedOut wants the follower to have kept its sshd, and its status to say why.
func (w *watched) lockedOut(before string) {
	w.t.Helper()
	w.followerWithin(watchLater, "held back", func(_ *watch.SourceStatus, f *watch.FollowerStatus) bool {
		return f.State == watch.HeldBack && len(f.HeldBack) == 1 && f.HeldBack[0].Name == "file:"+sshdConfig &&
			strings.Contains(f.HeldBack[0].Why, "could log in anew")
	})
	if now := w.exec(w.to, "cat "+sshdConfig); now != before {
		w.t.Errorf("the follower's is now\n%s", now)
	}
}

// reloads counts how often the follower's sshd was told to read its configuration.
func (w *watched) reloads() int {
	w.t.Helper()
	return strings.Count(w.look(w.to, "journalctl -q --no-pager -o cat -u sshd"), "SIGHUP")
}
