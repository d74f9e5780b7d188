package main

import (
	"time"

	"hikae/engine/watch"
)

// What goes wrong while hikae watch follows: TestLabWatch.

// refused installs a daemon, and gives it what it refuses.
func (w *watched) refused() {
	began := time.Now()
	w.exec(w.from, "dnf -y -q install httpd && systemctl enable -q --now httpd")
	took := time.Since(began)
	w.says(watchLater, "rpm -q httpd >/dev/null && systemctl is-active httpd || true", "active\n")
	w.t.Logf("dnf took %.1f s, the follower %.1f s more", took.Seconds(), (time.Since(began) - took).Seconds())
	w.inStepWithin(watchSoon)

	w.exec(w.from, "echo 'NoSuchDirective on' >/etc/httpd/conf.d/broken.conf")
	w.followerWithin(watchSoon, "held back", func(_ *watch.SourceStatus, f *watch.FollowerStatus) bool {
		return f.State == watch.HeldBack && len(f.HeldBack) > 0
	})
	w.late(watchSoon, "NoSuchDirective")
	w.exec(w.from, "echo goes on >/etc/watch-other")
	w.arrives("/etc/watch-other", "goes on\n")
	if got := w.look(w.to, "ls /etc/httpd/conf.d/broken.conf 2>/dev/null; httpd -t 2>&1; systemctl is-active httpd"); got != "Syntax OK\nactive\n" {
		w.t.Errorf("the follower's httpd: %s", got)
	}
	w.exec(w.from, "echo 'Redirect 301 /watch http://mended.example/' >/etc/httpd/conf.d/broken.conf")
	w.says(watchSoon, "curl -s -o /dev/null -w '%{redirect_url}' http://localhost/watch", "http://mended.example/")
}

func (w *watched) heldByHand() {
	w.ok("hold", w.to)
	w.followerWithin(watchSoon, "on hold", func(_ *watch.SourceStatus, f *watch.FollowerStatus) bool { return f.State == watch.OnHold })
	w.exec(w.from, "echo held >/etc/watch-held")
	w.late(watchSoon, "hold")
	if got := w.look(w.to, "ls /etc/watch-held 2>/dev/null"); got != "" {
		w.t.Errorf("it came through the hold: %s", got)
	}
	w.ok("release", w.to)
	w.arrives("/etc/watch-held", "held\n")
}

func (w *watched) fullDisk() {
	// An audit would say that what is mounted there is not what should be.
	w.followerWithin(2*watchLater, "an audit, and none soon", func(_ *watch.SourceStatus, f *watch.FollowerStatus) bool {
		return time.Until(f.Audit) > 25*time.Second && !f.Audited.Before(f.Audit.Add(-time.Minute))
	})
	w.exec(w.to, "mount -t tmpfs -o size=200k,mode=755 none /srv/small")
	w.exec(w.from, "echo small >/srv/small/a")
	w.says(watchSoon, "cat /srv/small/a", "small\n") // a mount there is not seen from here
	w.look(w.to, "dd if=/dev/zero of=/srv/small/fill bs=1k count=1000 2>/dev/null")
	w.exec(w.from, "seq 1000 >/srv/small/a; echo goes on >/etc/watch-full")
	w.arrives("/etc/watch-full", "goes on\n")
	w.late(watchSoon, "no space left on device")
	if got := w.exec(w.to, "cat /srv/small/a; ls -A /srv/small"); got != "small\na\nfill\n" {
		w.t.Errorf("half-written, or left lying: %s", got)
	}
	w.exec(w.to, "rm /srv/small/fill")
	w.says(watchLater, "tail -1 /srv/small/a", "1000\n")
	w.exec(w.to, "umount /srv/small")
	w.exec(w.from, "echo below >/srv/small/a")
	w.says(watchSoon, "cat /srv/small/a", "below\n")
}

// unreadable has a file of which no byte can be read, even by root.
func (w *watched) unreadable() {
	w.exec(w.from, "echo readable >/etc/watch-unreadable")
	w.arrives("/etc/watch-unreadable", "readable\n")
	w.exec(w.from, "mount --bind /proc/1/mem /etc/watch-unreadable && echo goes on >/etc/watch-other2")
	w.arrives("/etc/watch-other2", "goes on\n")
	if got := w.look(w.to, "cat /etc/watch-unreadable"); got != "readable\n" {
		w.t.Errorf("what cannot be read was not left alone: %q", got)
	}
}

func (w *watched) mountGone() {
	w.says(watchSoon, "cat /srv/conf/kept", "kept\n")
	w.exec(w.from, "umount /srv/conf && echo goes on >/etc/watch-mount")
	w.arrives("/etc/watch-mount", "goes on\n")
	w.late(watchSoon, "/srv/conf")
	if got := w.look(w.to, "cat /srv/conf/kept 2>&1"); got != "kept\n" {
		w.t.Errorf("what was below the mount is gone from the follower: %s", got)
	}
	w.exec(w.from, "mount /srv/conf && echo new >/srv/conf/kept") // a tmpfs comes back empty
	w.arrives("/srv/conf/kept", "new\n")
	w.followerWithin(watchSoon, "no alarm", func(s *watch.SourceStatus, _ *watch.FollowerStatus) bool { return len(s.Alarms) == 0 })
}

func (w *watched) sshdRestarted() {
	for _, host := range []string{w.from, w.to} {
		w.exec(host, "systemctl restart sshd")
		w.exec(w.from, "echo "+host+" >/etc/watch-sshd")
		w.arrives("/etc/watch-sshd", host+"\n")
	}
}

// primaryAway takes the primary's sshd away, with all of its sessions.
func (w *watched) primaryAway() {
	w.exec(w.from, "systemctl stop sshd; pkill -KILL -f '^sshd: ' || true")
	w.t.Cleanup(func() { w.exec(w.from, "systemctl start sshd") })
	w.followerWithin(watchSoon, "the source away", func(s *watch.SourceStatus, _ *watch.FollowerStatus) bool { return s.State == "away" })
	w.late(watchSoon, w.from, "connection refused")
	w.exec(w.from, "rm /etc/watch-other; echo meanwhile >/etc/watch-away; systemctl start sshd")
	w.says(watchLater, "cat /etc/watch-away 2>/dev/null; ls /etc/watch-other 2>/dev/null", "meanwhile\n")
}

// followerAway cuts the follower's link for longer than a link is trusted.
func (w *watched) followerAway() {
	w.lab.lab("cut", w.to)
	w.t.Cleanup(func() { w.lab.lab("mend", w.to) })
	w.exec(w.from, "echo meanwhile >/etc/watch-cut; rm /etc/watch-other2")
	w.followerWithin(watchLater, "away", func(_ *watch.SourceStatus, f *watch.FollowerStatus) bool { return f.State == watch.Away })
	w.late(watchSoon, w.to)
	w.lab.lab("mend", w.to)
	w.says(watchLater, "cat /etc/watch-cut 2>/dev/null; ls /etc/watch-other2 2>/dev/null", "meanwhile\n")
}

// watchKilled deletes much while nobody watches: what then comes to the follower at
// once is stopped until somebody says that it is meant.
func (w *watched) watchKilled() {
	if err := w.process.Process.Kill(); err != nil {
		w.t.Fatal(err)
	}
	_ = w.process.Wait()
	w.exec(w.from, "rm -r /etc/watch.d; mkdir /etc/watch.d; echo new >/etc/watch.d/new")
	w.late(watchSoon, "hikae watch")
	w.start()
	w.late(watchLater, "over its budget")
	w.exec(w.from, "echo goes on >/etc/watch.d/new2")
	if got := w.look(w.to, "ls -d /etc/watch.d/lag-1.conf"); got == "" {
		w.t.Error("it was deleted")
	}
	w.ok("release", w.to, "--over-budget")
	w.says(watchSoon, "cd /etc/watch.d && ls -A && cat new 2>/dev/null", "new\nnew2\nnew\n")
}

// driftMended looks for what was done to the follower at the beginning.
func (w *watched) driftMended() {
	w.says(watchLater+30*time.Second, "cat /etc/watch-drift /etc/watch-gone /etc/watch-own 2>/dev/null", "right\nright\nown\n")
}
