package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const mirrorHCL = `
host "primary" { ssh = "root@primary" }
host "standby" { ssh = "root@standby" }
pair "lab" {
  members         = [host.primary, host.standby]
  initial_primary = host.primary
  mirror "/srv/x-mirror" {
    exclude = ["*.bak"]
    run     = ["/usr/bin/touch", "/run/x-mirror-arrived"]
  }
}
`

// mirrored describes a tree on a host, by other means than a mirror's: all but
// the directory of old versions.
const mirrored = `cd /srv/x-mirror && find . -printf '%p %y %m %u:%g %s %T@ %l %n\n' | sed 's/^\(\S* d \S* \S* \)\S*/\1-/; s/^\(\S* d .*\) [0-9]*$/\1/' | sort
	find . -type f -print0 | sort -z | xargs -0 sha256sum
	getfattr -Rhd . | sort; getfacl -R . | sort; find . -type f -printf '%p %b\n' | awk '{print $1, $2 < 2000}' | sort`

// TestLabMirror: a tree between two real hosts, with all that it can hold, what
// changes of it, and what must not be lost.
func TestLabMirror(t *testing.T) {
	l := newProject(t, mirrorHCL)
	clean := func() {
		for _, h := range []string{"primary", "standby"} {
			l.exec(h, "umount /srv/x-mirror 2>/dev/null; rm -rf /srv/x-mirror /srv/.hikae-versions/x-mirror /run/x-mirror-arrived /var/lib/hikae/mirror; userdel -r mia 2>/dev/null; true")
		}
	}
	clean()
	t.Cleanup(clean)
	equal := func(when string) {
		t.Helper()
		a, b := l.exec("primary", mirrored), l.exec("standby", mirrored)
		if a != b {
			t.Fatalf("%s: - the primary, + the standby\n%s", when, cmp.Diff(strings.Split(a, "\n"), strings.Split(b, "\n")))
		}
	}
	l.exec("primary", "useradd -u 4101 mia")
	l.exec("standby", "useradd -u 4202 mia; mkdir -p /srv/x-mirror; echo own >/srv/x-mirror/own; echo before >/srv/x-mirror/one")
	l.exec("primary", `mkdir -p /srv/x-mirror/a/b && cd /srv/x-mirror
		echo one >one; ln one a/two; ln -s ../one a/link; mkfifo pipe; truncate -s 20M sparse; echo end >>sparse
		head -c 3000000 /dev/urandom >a/big; chown -R mia:mia a; chmod 2750 a/b; setfacl -m u:mia:rw one; setfattr -n user.x -v y a/big
		for i in $(seq 300); do echo $i >a/b/f$i; done; touch x.bak; touch -d 2001-01-01 a/b/f1`)

	// First contact: its own file is left, what it had instead is kept.
	out := l.ok("mirror", "standby")
	if !strings.Contains(out, "1 of its own are left, such as own") {
		t.Errorf("it says %s", out)
	}
	if got := l.exec("standby", "cat /srv/x-mirror/own; find /srv/.hikae-versions/x-mirror -name one -exec cat {} +; ls /run/x-mirror-arrived; ls /srv/x-mirror/*.bak 2>/dev/null; true"); got != "own\nbefore\n/run/x-mirror-arrived\n" {
		t.Errorf("the standby has %q", got)
	}
	l.exec("standby", "mv /srv/x-mirror/own /srv/own; touch -r /srv/x-mirror/a /srv/x-mirror")
	l.ok("mirror", "standby")
	l.exec("primary", "rm /srv/x-mirror/x.bak")
	l.ok("mirror", "standby")
	equal("first contact")

	// A rename, a touch and a copy of what is known send no content again.
	l.exec("primary", "cd /srv/x-mirror && mv a/big a/b/bigger && touch sparse && rm a/b/f2 && chmod 600 a/b/f3")
	if out := l.ok("mirror", "standby"); !strings.Contains(out, ", 0 bytes came") {
		t.Errorf("it says %s", out)
	}
	equal("a rename")

	// What a hand changed on the standby is put right, and kept.
	l.exec("standby", "cd /srv/x-mirror && echo hand >one && chmod 0 a/b/f4 && rm -r a/link a/b/f5")
	l.ok("mirror", "standby")
	equal("drift")

	// What has its old size and time is found by its bytes.
	l.exec("primary", "cd /srv/x-mirror && touch -r a/b/f7 /run/x-mirror-time && printf 8 | dd of=a/b/f7 conv=notrunc status=none && touch -r /run/x-mirror-time a/b/f7 && rm /run/x-mirror-time")
	if out := l.ok("mirror", "standby"); !strings.Contains(out, ": 0 changes") {
		t.Errorf("it says %s", out)
	}
	if out := l.ok("mirror", "standby", "--checksum"); !strings.Contains(out, ", 2 bytes came") {
		t.Errorf("it says %s", out)
	}
	equal("the same size and time")

	// A link that somebody laid on the standby to a file outside changes nothing of that.
	l.exec("standby", "cd /srv && printf 8 >x-outside; echo >>x-outside; chmod 600 x-outside; touch -r x-mirror/a/b/f8 x-outside; ln -f x-outside x-mirror/a/b/f8")
	l.exec("primary", "chmod 666 /srv/x-mirror/a/b/f8; chown mia /srv/x-mirror/a/b/f8")
	l.ok("mirror", "standby")
	if got := l.exec("standby", "stat -c '%U %a %h' /srv/x-outside; rm /srv/x-outside"); got != "root 600 1\n" {
		t.Errorf("the file outside is %q", got)
	}
	equal("a link to a file outside")

	// A mount that vanishes deletes nothing; nor does much that goes at once.
	l.exec("primary", "mount -t tmpfs none /srv/x-mirror")
	before := l.exec("standby", mirrored)
	if r := l.hikae("mirror", "standby"); r.code == exitOK || !strings.Contains(r.errOut, "mount point on the source") {
		t.Errorf("exit %d: %s%s", r.code, r.out, r.errOut)
	}
	l.exec("primary", "umount /srv/x-mirror && mv /srv/x-mirror /srv/x-away && mkdir /srv/x-mirror")
	if r := l.hikae("mirror", "standby"); r.code == exitOK || !strings.Contains(r.errOut, "over budget") {
		t.Errorf("exit %d: %s%s", r.code, r.out, r.errOut)
	}
	l.exec("primary", "rmdir /srv/x-mirror")
	if r := l.hikae("mirror", "standby"); r.code == exitOK || !strings.Contains(r.errOut, "not there") {
		t.Errorf("exit %d: %s%s", r.code, r.out, r.errOut)
	}
	if now := l.exec("standby", mirrored); now != before {
		t.Errorf("the standby was\n%s\nand is\n%s", before, now)
	}
	l.exec("primary", "mv /srv/x-away /srv/x-mirror")
	l.ok("mirror", "standby")
	equal("the mount is gone")
	l.exec("primary", "rm -r /srv/x-mirror/a")
	l.ok("mirror", "standby", "--over-budget")
	equal("a deletion that was allowed")
}

// TestLabMirrorRoom: of what does not fit on a follower the rest goes on, and old
// versions make way only where that is enough.
func TestLabMirrorRoom(t *testing.T) {
	l := newProject(t, strings.ReplaceAll(mirrorHCL, "x-mirror", "x-room"))
	clean := func() {
		for _, h := range []string{"primary", "standby"} {
			l.exec(h, "umount /srv/x-room 2>/dev/null; rm -rf /srv/x-room /srv/.hikae-versions/x-room /run/x-room-arrived /var/lib/hikae/mirror; true")
		}
	}
	clean()
	t.Cleanup(clean)
	l.exec("standby", "mkdir -p /srv/x-room && mount -t tmpfs -o size=64m none /srv/x-room")
	l.exec("primary", "mkdir -p /srv/x-room && cd /srv/x-room && echo one >one")
	l.ok("mirror", "standby")
	old := "/srv/x-room/.hikae-versions/x-room/$(date -u -d '3 days ago' +%Y-%m-%dT%H:%M:%SZ)"
	l.exec("standby", "umask 077; mkdir -p "+old+" && head -c 20000000 /dev/urandom >"+old+"/old")

	l.exec("primary", "cd /srv/x-room && head -c 65000000 /dev/urandom >large && echo two >two && echo more >>one")
	r := l.hikae("mirror", "standby")
	if r.code == exitOK || !strings.Contains(r.errOut, "1 paths could not be brought: large: it does not fit") {
		t.Errorf("exit %d: %s%s", r.code, r.out, r.errOut)
	}
	if got := l.exec("standby", "cd /srv/x-room && cat one two && find .hikae-versions -name old | wc -l"); got != "one\nmore\ntwo\n1\n" {
		t.Errorf("the standby has %q", got)
	}
	l.exec("primary", "cd /srv/x-room && truncate -s 50000000 large")
	if out := l.ok("mirror", "standby"); !strings.Contains(out, "were removed before their time") {
		t.Errorf("it says %s", out)
	}
	kept := l.exec("standby", "ls -A /srv/x-room")
	l.exec("primary", "rm /srv/x-room/*")
	if r := l.hikae("mirror", "standby"); r.code == exitOK || !strings.Contains(r.errOut, "3 deletions, which leave 0 of 3") || l.exec("standby", "ls -A /srv/x-room") != kept {
		t.Errorf("a tree that was emptied: exit %d: %s%s", r.code, r.out, r.errOut)
	}
	if got := l.exec("standby", "cd /srv/x-room && stat -c %s large && find .hikae-versions -name old | wc -l && find .hikae-versions -name one | wc -l"); got != "50000000\n0\n1\n" {
		t.Errorf("the standby has %q", got)
	}
}

// TestLabMirrorLocked: of two who bring one tree the second is refused and told who
// has it; one who was killed has it no more.
func TestLabMirrorLocked(t *testing.T) {
	hcl := strings.ReplaceAll(mirrorHCL, "x-mirror", "x-locked")
	slow := newProject(t, strings.Replace(hcl, "exclude", `bandwidth = "2Mbit"`+"\n    exclude", 1))
	l := newProject(t, hcl)
	clean := func() {
		for _, h := range []string{"primary", "standby"} {
			l.exec(h, "rm -rf /srv/x-locked /srv/.hikae-versions/x-locked /run/x-locked-arrived /var/lib/hikae/mirror /run/hikae-mirror-*.lock")
		}
	}
	clean()
	t.Cleanup(clean)
	l.exec("primary", "mkdir -p /srv/x-locked && head -c 40000000 /dev/urandom >/srv/x-locked/big")
	first := exec.CommandContext(t.Context(), slow.bin, "-C", slow.dir, "mirror", "standby")
	first.Env = append(os.Environ(), "HIKAE_SSH_CONFIG="+slow.sshConf)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = first.Process.Kill() }) // nothing, once it has ended
	l.exec("standby", "for i in $(seq 300); do [ -s /run/hikae-mirror-*.lock ] && exit 0; sleep .1; done; exit 1")
	r := l.hikae("mirror", "standby")
	if holder := fmt.Sprintf("hikae process %d", first.Process.Pid); r.code != exitRefused || !strings.Contains(r.errOut, holder) {
		t.Errorf("the second: exit %d, want the holder %q: %s%s", r.code, holder, r.out, r.errOut)
	}
	_ = first.Process.Kill()
	_ = first.Wait()
	l.ok("mirror", "standby")
	if got, want := l.exec("standby", "sha256sum /srv/x-locked/big"), l.exec("primary", "sha256sum /srv/x-locked/big"); got != want {
		t.Errorf("%s arrived, of %s", got, want)
	}
}
