package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// adverseProject has two files on a small file system, and one in /etc.
func adverseProject(text string) string {
	return fmt.Sprintf(`host "standby" {
  ssh   = "root@standby"
  paths = ["/srv/small"]
}

overlay "host" "standby" {
  file "/srv/small/a" { content = %[1]q }
  file "/srv/small/b" { content = %[1]q }
  file "/etc/house.d" { type = "directory" }
  file "/etc/house.d/c" { content = %[1]q }
}
`, text+"\n")
}

// TestLabAdverse: what stands in the way on a host is told (what, where, what to
// do), nothing half-written is left, and when it is out of the way the next run
// goes on.
func TestLabAdverse(t *testing.T) {
	l := newProject(t, adverseProject("first"))
	l.reset("standby")
	l.exec("standby", "mkdir /srv/small && mount -t tmpfs -o size=200k none /srv/small")
	l.ok("apply", "standby", "--yes")

	t.Run("a read-only file system", func(t *testing.T) {
		sub(l, t).hindered("mount -o remount,ro /srv/small", "mount -o remount,rw /srv/small",
			"cannot write /srv/small/a: read-only file system: remount it writable (mount -o remount,rw)")
	})
	t.Run("a full disk", func(t *testing.T) {
		sub(l, t).hindered("dd if=/dev/zero of=/srv/small/fill bs=1k count=1000 2>/dev/null || true", "rm /srv/small/fill",
			"cannot write /srv/small/a: no space left on device: free space or inodes (df -h, df -i)")
	})
	t.Run("an immutable file", func(t *testing.T) {
		sub(l, t).hindered("chattr +i /etc/house.d/c", "chattr -i /etc/house.d/c",
			"cannot write /etc/house.d/c: operation not permitted: it is immutable (chattr -i makes it writable)")
	})
	t.Run("a full process table", func(t *testing.T) { sub(l, t).fullTable() })
	t.Run("a store that cannot be written", func(t *testing.T) { sub(l, t).storeFull() })
}

var texts int

// wish has the host's files want a text that they do not have; it returns both.
func (l *lab) wish() (was, want string) {
	l.t.Helper()
	was = l.exec("standby", "cat /etc/house.d/c")
	texts++
	want = fmt.Sprintf("text %d", texts)
	l.write("hikae.hcl", adverseProject(want))
	return was, want + "\n"
}

// whole wants every file to have one of two texts, and nothing beside them.
func (l *lab) whole(was, want string) {
	l.t.Helper()
	l.intact(was, want)
	if got := l.exec("standby", "ls -A /srv/small /etc/house.d | grep -v fill"); got != "/etc/house.d:\nc\n\n/srv/small:\na\nb\n" {
		l.t.Errorf("beside the files: %s", got)
	}
}

// intact wants every file to have one of two texts.
func (l *lab) intact(was, want string) {
	l.t.Helper()
	for _, f := range []string{"/srv/small/a", "/srv/small/b", "/etc/house.d/c"} {
		if got := l.exec("standby", "cat "+f); got != was && got != want {
			l.t.Errorf("%s is half-written: %q", f, got)
		}
	}
}

func (l *lab) hindered(hinder, help string, wants ...string) {
	l.t.Helper()
	was, want := l.wish()
	l.exec("standby", hinder)
	l.t.Cleanup(func() { l.exec("standby", help+" 2>/dev/null || true") })
	r := l.hikae("apply", "standby", "--yes")
	if r.code != exitError && r.code != exitRolledBack {
		l.t.Errorf("exit %d", r.code)
	}
	for _, w := range wants {
		if !strings.Contains(r.errOut, w) {
			l.t.Errorf("no %q in: %s", w, r.errOut)
		}
	}
	l.whole(was, want)
	l.exec("standby", help)
	l.ok("apply", "standby", "--yes")
	l.whole(want, want)
	l.inStep("standby")
}

// fullTable leaves the host room for ever more processes and threads: none, the
// shell's, some of the agent's, all.
func (l *lab) fullTable() {
	l.t.Helper()
	l.t.Cleanup(func() { l.lab("tasks", "standby", "max") })
	clear := regexp.MustCompile(`the connection was closed before a login; is 22 the port of sshd\? .*TasksMax|its process table is full; end some there`)
	failed, last := 0, ""
	for _, room := range []string{"0", "4", "6", "8", "14"} {
		l.lab("tasks", "standby", "max")
		was, want := l.wish()
		l.lab("tasks", "standby", room)
		r := l.hikae("apply", "standby", "--yes")
		l.lab("tasks", "standby", "max")
		if r.code != 0 {
			failed++
			if !clear.MatchString(r.errOut) || strings.Contains(r.errOut, "goroutine ") {
				l.t.Errorf("with room for %s: %s", room, r.errOut)
			}
		}
		// A program that gets no thread is ended by its runtime, as by a kill:
		// what it had made ready is cleared away by the next apply.
		l.intact(was, want)
		last = want
	}
	if failed < 2 {
		l.t.Errorf("it failed %d times", failed)
	}
	l.ok("apply", "standby", "--yes")
	l.whole(last, last)
	l.inStep("standby")
}

// storeFull gives the controller a store on a disk that is full, or read-only:
// a snapshot is not there, or whole.
func (l *lab) storeFull() {
	l.t.Helper()
	own := newProject(l.t, adverseProject("store"))
	store := filepath.Join(own.dir, "states")
	mount := func(args ...string) {
		l.t.Helper()
		if out, err := exec.CommandContext(l.t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			l.t.Fatalf("%v: %v: %s", args, err, out)
		}
	}
	if err := os.MkdirAll(store, 0o700); err != nil {
		l.t.Fatal(err)
	}
	mount("mount", "-t", "tmpfs", "-o", "size=300k", "none", store)
	l.t.Cleanup(func() { _ = exec.Command("umount", store).Run() })
	r := own.hikae("snapshot", "standby")
	if r.code != exitError || !strings.Contains(r.errOut, "no space left on device") || !strings.Contains(r.errOut, store) {
		l.t.Errorf("a full store: exit %d: %s", r.code, r.errOut)
	}
	if r := own.hikae("show", "standby"); r.code != exitError || !strings.Contains(r.errOut, "no snapshot of standby") {
		l.t.Errorf("a torn snapshot: exit %d: %s%s", r.code, tail(r.out), r.errOut)
	}
	mount("mount", "-o", "remount,ro", store)
	if r := own.hikae("snapshot", "standby"); r.code != exitError || !strings.Contains(r.errOut, "read-only file system") || !strings.Contains(r.errOut, store) {
		l.t.Errorf("a read-only store: exit %d: %s", r.code, r.errOut)
	}
	mount("mount", "-o", "remount,rw,size=64m", store)
	own.ok("snapshot", "standby")
	own.ok("show", "standby", "file:/etc/house.d/c")
	if left, err := filepath.Glob(filepath.Join(store, ".store", "tmp", "*")); err != nil || len(left) > 0 {
		l.t.Errorf("left lying: %v %v", left, err)
	}
}
