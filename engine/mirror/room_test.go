package mirror

import (
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// small gives the target's tree a file system of its own.
func (s *sides) small(options string) {
	s.t.Helper()
	dir := s.dst.Path("/srv")
	if err := unix.Mount("hikae-test", dir, "tmpfs", 0, options+",mode=755"); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
}

func (s *sides) has(path string) bool {
	_, err := os.Lstat(s.dst.Path(root + path))
	return err == nil
}

func (s *sides) mode(path string) os.FileMode {
	fi, err := os.Lstat(s.dst.Path(root + path))
	if err != nil {
		return 0
	}
	return fi.Mode().Perm()
}

// A file that does not fit is held back with its further names, and told of; the
// rest goes on, nothing is sent in vain, and it comes when there is room.
func TestOneFileTooLarge(t *testing.T) {
	s := newSides(t, func(o *Options) { o.KeepFree = 5 })
	s.small("size=64m")
	s.m.again = 10 * time.Millisecond
	s.sh("echo x >x; head -c 30000000 /dev/urandom >spare")
	s.start()
	s.follows()
	before := s.bytes()
	s.sh("head -c 40000000 /dev/urandom >.large; mkdir sub; ln .large sub/too; mv .large large; echo y >y; head -c 2000000 /dev/urandom >sub/fits")
	s.until("the rest", func() bool { return s.has("/y") && s.has("/sub/fits") && len(s.m.Status().Failed) == 2 })
	s.sh("echo z >z")
	s.until("what comes after", func() bool { return s.has("/z") })
	st := s.m.Status()
	if text := strings.Join(st.Failed, "\n"); st.InStep || st.Alarm != "" || !strings.Contains(st.Why, "large: it does not fit") || !strings.Contains(text, "sub/too: ") {
		t.Errorf("it stands %+v", st)
	}
	if s.has("/large") || s.has("/sub/too") {
		t.Error("it came")
	}
	if sent := s.bytes() - before; sent > 3000000 {
		t.Errorf("%d bytes were sent", sent)
	}
	s.sh("rm spare")
	s.until("spare goes", func() bool { return !s.has("/spare") })
	run(t, s.dst.Path("/srv"), "rm -r .hikae-versions/data/*")
	s.follows()
	if a, b := s.m.Status().Failed, s.m.Status().Alarm; len(a) != 0 || b != "" {
		t.Errorf("it still tells of %v, %s", a, b)
	}
}

// What the file system itself refuses stops nothing else either.
func TestNoSpaceLeft(t *testing.T) {
	s := newSides(t, func(o *Options) { o.Versions = 0 })
	s.small("nr_inodes=40,size=64m")
	s.m.again = 10 * time.Millisecond
	s.sh("echo x >x")
	s.start()
	s.follows()
	s.sh("mkdir many; for i in $(seq 60); do echo $i >many/$i; done; chmod 600 x")
	s.until("the rest", func() bool { return s.mode("/x") == 0o600 && len(s.m.Status().Failed) > 0 })
	if st := s.m.Status(); st.Alarm != "" || !strings.Contains(st.Why, "df -i") {
		t.Errorf("it stands %+v", st)
	}
	s.sh("for i in $(seq 50); do rm many/$i; done")
	s.follows()
}

// Old versions that went to make room are told of.
func TestVersionsThatWentAreTold(t *testing.T) {
	s := newSides(t, func(o *Options) { o.Versions = 7 * 24 * time.Hour })
	s.small("size=64m")
	s.sh("echo x >x")
	s.ok()
	at := time.Now().UTC().Add(-48 * time.Hour).Truncate(time.Second)
	dir := s.dst.Path("/srv/.hikae-versions/data/" + at.Format("2006-01-02T15:04:05Z"))
	run(t, s.dst.Path("/srv"), "umask 077; mkdir -p "+dir+"; head -c 40000000 /dev/urandom >"+dir+"/old")
	s.sh("head -c 40000000 /dev/urandom >large")
	s.ok()
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("it did not go: %v", err)
	}
	for _, e := range s.events {
		if e.Type == "note" && strings.Contains(e.Text, "up to "+at.Format(time.RFC3339)+" were removed") {
			return
		}
	}
	t.Errorf("it is not told of: %+v", s.events)
}

// A large file that the target refuses is sent once, and again when it has changed or
// after a while.
func TestLargeFileRefused(t *testing.T) {
	s := newSides(t, nil)
	s.sh("echo x >x")
	s.ok()
	run(t, s.src.Root, "echo carol:x:1500:1500::/:/bin/sh >>etc/passwd")
	s.sh("head -c 20000000 /dev/zero >large; chown 1500 large; echo small >small; chown 1500 small; ln large other")
	tries := func() (n int) {
		t.Helper()
		before := s.bytes()
		if err := s.audit(); err != nil {
			t.Fatal(err)
		}
		if st := s.m.Status(); len(st.Failed) != 3 || !strings.Contains(st.Failed[0], `no user "carol"`) || !strings.HasPrefix(st.Failed[1], "other: ") {
			t.Errorf("it stands %+v", st)
		}
		return int((s.bytes() - before) / 20000000)
	}
	for i, want := range []int{1, 0, 0} {
		if got := tries(); got != want {
			t.Errorf("audit %d: it was sent %d times", i, got)
		}
	}
	s.sh("touch -d 2001-01-01 large")
	if got := tries(); got != 1 {
		t.Errorf("changed: it was sent %d times", got)
	}
	f := s.m.refused["large"]
	f.until = time.Now()
	s.m.refused["large"] = f
	if got := tries(); got != 1 || s.m.refused["large"].wait != 2*firstRefused {
		t.Errorf("after a while: it was sent %d times; then it waits for %v", got, s.m.refused["large"].wait)
	}
	run(t, s.dst.Root, "echo carol:x:1500:1500::/:/bin/sh >>etc/passwd")
	f.until = time.Now()
	s.m.refused["large"] = f
	s.ok()
	if len(s.m.refused) != 0 {
		t.Errorf("still refused: %v", s.m.refused)
	}
}
