package inotify

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// What is mounted below a root is not entered, at or above one it is; both are
// told when they come and go.
func TestMountsComeAndGo(t *testing.T) {
	t.Parallel()
	if apart(t) {
		return
	}
	dir := t.TempDir()
	mkdir(t, dir, "srv/m/below", "data/x", "mnt/a/root", "other")
	put(t, dir, "srv/end", "")
	w := start(t, dir, Options{}, tree("/srv"), tree("/data"), tree("/mnt/a/root"))
	quiet := func(p string) {
		t.Helper()
		put(t, dir, "srv/end", "")
		w.wants(hosts.Seen{Path: "/srv/end"})
		w.mu.Lock()
		defer w.mu.Unlock()
		if slices.ContainsFunc(w.seen, func(s hosts.Seen) bool { return s.Path == p }) {
			t.Errorf("%s is told", p)
		}
	}
	mount := func(p string) {
		t.Helper()
		w.forget()
		must(t, unix.Mount("tmpfs", w.dir(p), "tmpfs", 0, ""))
	}
	unmount := func(p string) {
		t.Helper()
		w.forget()
		must(t, unix.Unmount(w.dir(p), 0))
	}

	mount("srv/m")
	w.wants(hosts.Seen{Path: "/srv/m", Deep: true})
	w.forget()
	put(t, dir, "srv/m/x", "")
	mkdir(t, dir, "srv/m/new")
	quiet("/srv/m/x")
	quiet("/srv/m/new")
	unmount("srv/m")
	w.wants(hosts.Seen{Path: "/srv/m", Deep: true})
	w.until("its watch", func(seen []hosts.Seen) bool {
		put(t, dir, "srv/m/below/x", "")
		return slices.Contains(seen, hosts.Seen{Path: "/srv/m/below/x"})
	})

	mount("data")
	w.wants(hosts.Seen{Path: "/data", Deep: true})
	w.until("its watch", func(seen []hosts.Seen) bool {
		put(t, dir, "data/y", "")
		return slices.Contains(seen, hosts.Seen{Path: "/data/y"})
	})
	unmount("data")
	w.wants(hosts.Seen{Path: "/data", Deep: true})
	w.until("its watch", func(seen []hosts.Seen) bool {
		put(t, dir, "data/x/y", "")
		return slices.Contains(seen, hosts.Seen{Path: "/data/x/y"})
	})

	mount("mnt/a")
	w.wants(hosts.Seen{Path: "/mnt/a/root", Deep: true})
	w.forget()
	mkdir(t, dir, "mnt/a/root")
	w.wants(hosts.Seen{Path: "/mnt/a/root", Deep: true})
	put(t, dir, "mnt/a/root/x", "")
	w.hears("/mnt/a/root/x")
	unmount("mnt/a")
	w.wants(hosts.Seen{Path: "/mnt/a/root", Deep: true})
	w.until("its watch", func(seen []hosts.Seen) bool {
		put(t, dir, "mnt/a/root/y", "")
		return slices.Contains(seen, hosts.Seen{Path: "/mnt/a/root/y"})
	})

	// The same directory by two names is looked at by the second.
	must(t, unix.Mount(w.dir("srv/m"), w.dir("data"), "", unix.MS_BIND, ""))
	defer func() { must(t, unix.Unmount(w.dir("data"), unix.MNT_DETACH)) }()
	w.wants(hosts.Seen{Path: "/data", Deep: true})
	w.forget()
	put(t, dir, "srv/m/below/z", "")
	w.wants(hosts.Seen{Path: "/srv/m/below/z"})
	w.hears("/data/below/z")
}
