package main

import (
	"testing"
	"time"
)

// TestLabWatchDelay installs a package where packages wait: it comes when the delay is
// over, though nothing else happens then, and a file does not wait.
func TestLabWatchDelay(t *testing.T) {
	w := &watched{lab: onLab(t), from: "vps", to: "fresh"}
	w.reset(w.from)
	w.reset(w.to)
	const delay = 30 * time.Second
	w.follow(`audit = "24h"
  delay = "` + delay.String() + `"`)
	w.exec(w.from, "echo 'rpm -q ipcalc' >/etc/watch-delay; dnf -y -q install ipcalc")
	installed := time.Now()
	w.arrives("/etc/watch-delay", "rpm -q ipcalc\n")
	w.exec(w.from, "echo changed >>/etc/watch-delay")
	w.arrives("/etc/watch-delay", "rpm -q ipcalc\nchanged\n")
	if got := w.look(w.to, "rpm -q ipcalc >/dev/null && echo there"); got != "" && time.Since(installed) < delay {
		t.Errorf("it did not wait: %s", got)
	}
	w.says(delay+watchLater, "rpm -q ipcalc >/dev/null && echo there", "there\n")
	if took := time.Since(installed); took < delay-15*time.Second {
		t.Errorf("it came after %v", took)
	}
	w.inStepWithin(watchSoon)
}
