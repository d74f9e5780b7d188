package inotify

import (
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"hikae/hosts"
)

// apart runs the test again in a user and a mount namespace of its own, where the
// limits of inotify are its own too (user_namespaces(7), /proc/sys/user). It is
// false there.
func apart(t *testing.T) bool {
	const env = "HIKAE_TEST_APART"
	if os.Getenv(env) != "" {
		return false
	}
	args := []string{"-test.run", "^" + t.Name() + "$", "-test.v"}
	for _, a := range os.Args {
		if strings.HasPrefix(a, "-rapid.") {
			args = append(args, a)
		}
	}
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), env+"=1")
	id := []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
	gid := []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS, UidMappings: id, GidMappings: gid}
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil && strings.Contains(string(out), "--- PASS: "+t.Name()):
	case cmd.ProcessState == nil:
		t.Skipf("no user namespaces here: %v", err)
	default:
		t.Errorf("%v\n%s", err, out)
	}
	return true
}

func limit(t *testing.T, what string, n int) {
	t.Helper()
	must(t, os.WriteFile("/proc/sys/user/max_inotify_"+what, []byte(strconv.Itoa(n)), 0o644))
}

// Without watches what is below is looked at, and it is said what to do.
func TestNoWatchesLeft(t *testing.T) {
	t.Parallel()
	if apart(t) {
		return
	}
	dir := t.TempDir()
	mkdir(t, dir, "srv/a/b", "srv/gone", "srv/away/x", "out")
	put(t, dir, "srv/a/b/file", "x")
	put(t, dir, "srv/a/b/mode", "x")
	put(t, dir, "srv/a/b/removed", "x")
	limit(t, "watches", 2)
	w := start(t, dir, Options{slack: 50 * time.Millisecond, every: 200 * time.Millisecond}, tree("/srv"))
	w.mu.Lock()
	if len(w.notes) != 1 || !strings.Contains(w.notes[0], "those at /srv/a, /srv/away, /srv/gone, are") || !strings.Contains(w.notes[0], "fs.inotify.max_user_watches (sysctl) to ") {
		t.Errorf("notes: %q", w.notes)
	}
	if want := []string{"/srv/a", "/srv/away", "/srv/gone"}; !slices.Equal(w.last.Polled, want) || w.last.Watches != 2 {
		t.Errorf("polled: %q, %d watches", w.last.Polled, w.last.Watches)
	}
	w.mu.Unlock()
	time.Sleep(100 * time.Millisecond)
	put(t, dir, "srv/a/b/file", "y")
	must(t, os.Chmod(w.dir("srv/a/b/mode"), 0o600))
	must(t, os.Remove(w.dir("srv/a/b/removed")))
	mkdir(t, dir, "srv/a/new/below")
	must(t, os.Remove(w.dir("srv/gone"))) // its parent is watched
	for _, s := range []hosts.Seen{
		{Path: "/srv/gone"}, {Path: "/srv/a/b/file"}, {Path: "/srv/a/b/mode"},
		{Path: "/srv/a/b", Deep: true, Shallow: true}, {Path: "/srv/a/new", Deep: true},
	} {
		w.wants(s)
	}
	w.forget()
	// Another by the same name, with what is older than any look in it.
	mkdir(t, dir, "out/b")
	put(t, dir, "out/b/old", "")
	time.Sleep(100 * time.Millisecond)
	must(t, os.Rename(w.dir("srv/a/b"), w.dir("out/was")))
	must(t, os.Rename(w.dir("out/b"), w.dir("srv/a/b")))
	w.wants(hosts.Seen{Path: "/srv/a/b", Deep: true})
	limit(t, "watches", 1000)
	w.until("watches", func([]hosts.Seen) bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.last.Polled) == 0 && slices.Contains(w.notes, "all directories are watched again")
	})
	began := time.Now()
	put(t, dir, "srv/a/b/y", "")
	w.wants(hosts.Seen{Path: "/srv/a/b/y"})
	if took := time.Since(began); took > time.Second {
		t.Errorf("told after %v", took)
	}
}

// A new directory that gets no watch is told of, and looked at.
func TestNewDirectoryWithoutWatch(t *testing.T) {
	t.Parallel()
	if apart(t) {
		return
	}
	dir := t.TempDir()
	mkdir(t, dir, "srv")
	limit(t, "watches", 2)
	w := start(t, dir, Options{slack: 50 * time.Millisecond, every: 200 * time.Millisecond}, tree("/srv"))
	mkdir(t, dir, "srv/new/below")
	w.wants(hosts.Seen{Path: "/srv/new", Deep: true})
	w.until("a note", func([]hosts.Seen) bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.notes) > 0 && slices.Equal(w.last.Polled, []string{"/srv/new"})
	})
	for _, name := range []string{"x", "y"} {
		w.forget()
		put(t, dir, "srv/new/below/"+name, "")
		w.hears("/srv/new/below/" + name)
	}
}

// Where not even an instance of inotify is to be had, all is looked at.
func TestNoInstance(t *testing.T) {
	t.Parallel()
	if apart(t) {
		return
	}
	dir := t.TempDir()
	mkdir(t, dir, "srv/a")
	limit(t, "instances", 0)
	w := start(t, dir, Options{slack: 50 * time.Millisecond, every: 200 * time.Millisecond}, tree("/srv"))
	w.mu.Lock()
	if len(w.notes) != 1 || !strings.Contains(w.notes[0], "fs.inotify.max_user_instances") || !slices.Equal(w.last.Polled, []string{"/"}) {
		t.Errorf("notes: %q, %+v", w.notes, w.last)
	}
	w.mu.Unlock()
	put(t, dir, "srv/a/x", "")
	w.hears("/srv/a/x")
	w.forget()
	must(t, os.RemoveAll(w.dir("srv/a")))
	w.hears("/srv/a")
}
