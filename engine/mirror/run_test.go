package mirror

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hikae/engine"
	"hikae/hosts"
)

// start runs the mirror until the test ends.
func (s *sides) start() {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.m.Run(ctx)
	}()
	s.t.Cleanup(func() {
		cancel()
		<-done
	})
}

// until polls for something to become true.
func (s *sides) until(what string, is func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: not after 10 s; it stands %+v", what, s.m.Status())
		}
	}
}

// follows waits until the sides are equal, which the mirror has to say too.
func (s *sides) follows() {
	s.t.Helper()
	s.until("equal", func() bool {
		return s.m.Status().InStep && describe(s.t, s.src.Path(root)) == describe(s.t, s.dst.Path(root))
	})
}

// What changes arrives by the watch alone: no audit comes while this runs.
func TestRunFollows(t *testing.T) {
	s := newSides(t, nil)
	s.sh("mkdir -p a/b; echo one >a/one; head -c 300000 /dev/urandom >a/big")
	s.start()
	s.follows()
	s.until("an audit", func() bool { return !s.m.Status().LastAudit.IsZero() })
	audited := s.m.Status().LastAudit
	before := s.bytes()
	for _, step := range []string{
		"echo two >a/two", "echo more >>a/one", "chmod 600 a/one", "mv a/big a/b/bigger", "mv a moved", "ln -s x moved/link",
		"echo new >.tmp; mv .tmp moved/one", "mkdir -p x/y/z; echo deep >x/y/z/f", "rm -r x", "touch -d 2001-01-01 moved/b/bigger", "rm -r moved",
	} {
		s.sh(step)
		s.until(step, func() bool { return describe(t, s.src.Path(root)) == describe(t, s.dst.Path(root)) })
	}
	if now := s.m.Status().LastAudit; !now.Equal(audited) {
		t.Errorf("there was an audit at %v", now)
	}
	if sent := s.bytes() - before; sent > 1000 {
		t.Errorf("%d bytes were sent: what was renamed or touched is known there", sent)
	}
}

func (s *sides) bytes() (n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		n += e.Bytes
	}
	return n
}

// A file is not brought while somebody has it open for writing, and at once
// when it is closed.
func TestHalfWritten(t *testing.T) {
	s := newSides(t, nil)
	s.start()
	s.follows()
	f, err := os.Create(s.src.Path(root + "/half"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, _ = f.WriteString("half")
	s.sh("echo whole >other")
	s.until("other", func() bool { _, err := os.Stat(s.dst.Path(root + "/other")); return err == nil })
	s.until("it is told of", func() bool { return strings.Contains(s.m.Status().Why, "being written") })
	if _, err := os.Stat(s.dst.Path(root + "/half")); !os.IsNotExist(err) {
		t.Errorf("half a file is there: %v", err)
	}
	_, _ = f.WriteString(" and half")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	s.follows()
}

// A file that was written twice within one tick of the file system's clock is
// told from what was brought of it.
func TestWrittenWithinATick(t *testing.T) {
	s := newSides(t, nil)
	p, err := s.m.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	at := time.Now().Add(-time.Hour)
	for _, text := range []string{"one", "two"} {
		s.src.Write(root+"/f", text)
		if err := os.Chtimes(s.src.Path(root+"/f"), at, at); err != nil {
			t.Fatal(err)
		}
		if text == "one" {
			err = p.audit(t.Context())
		} else {
			err = p.live(t.Context(), []hosts.Seen{{Path: root + "/f"}})
		}
		if err != nil {
			t.Fatal(err)
		}
		s.equal()
	}
}

// Much that goes or is overwritten at once stops the mirror until a person says.
func TestBudget(t *testing.T) {
	s := newSides(t, func(o *Options) { o.Budget = engine.Budget{Deletions: 5, Modifications: 5} })
	s.sh("for i in 1 2 3 4 5 6 7 8 9; do echo $i >$i; done")
	s.m.first = 10 * time.Millisecond
	s.start()
	s.follows()
	s.sh("rm ?")
	s.until("alarm", func() bool { return strings.Contains(s.m.Status().Alarm, "9 deletions (at most 5)") })
	if got := s.dst.Text(root + "/9"); got != "9\n" {
		t.Errorf("9 is %q", got)
	}
	s.m.Allow()
	s.follows()
	s.sh("for i in 1 2 3 4 5 6 7 8 9; do echo $i >$i; done")
	s.follows()
	if a := s.m.Status().Alarm; a != "" {
		t.Errorf("it still raises %q", a)
	}
	s.sh("for i in 1 2 3 4 5 6 7 8 9; do echo encrypted >$i; done")
	s.until("alarm", func() bool { return strings.Contains(s.m.Status().Alarm, "overwritten (at most 5)") })
}

// Nothing is changed on the target while it is held; all of it after.
func TestHold(t *testing.T) {
	var held atomic.Bool
	held.Store(true)
	s := newSides(t, func(o *Options) { o.Hold = held.Load })
	s.start()
	time.Sleep(100 * time.Millisecond) // it would have begun within that
	if _, err := os.Stat(s.dst.Path(root)); !os.IsNotExist(err) {
		t.Errorf("the tree was made: %v", err)
	}
	held.Store(false)
	s.follows()
	held.Store(true)
	s.sh("echo x >x")
	s.until("held", func() bool { return s.m.Status().Held })
	time.Sleep(100 * time.Millisecond) // it would have come within that
	if _, err := os.Stat(s.dst.Path(root + "/x")); !os.IsNotExist(err) {
		t.Errorf("x came: %v", err)
	}
	held.Store(false)
	s.follows()
}

// A source that is not there any more changes nothing, and says so.
func TestSourceGone(t *testing.T) {
	s := newSides(t, nil)
	s.m.first = 10 * time.Millisecond
	s.sh("echo x >x")
	s.start()
	s.follows()
	if err := os.Rename(s.src.Path(root), s.src.Path("/srv/away")); err != nil {
		t.Fatal(err)
	}
	s.until("alarm", func() bool { return strings.Contains(s.m.Status().Alarm, "not there") })
	if got := s.dst.Text(root + "/x"); got != "x\n" {
		t.Errorf("x is %q", got)
	}
	if err := os.Rename(s.src.Path("/srv/away"), s.src.Path(root)); err != nil {
		t.Fatal(err)
	}
	s.follows()
	if a := s.m.Status().Alarm; a != "" {
		t.Errorf("it still raises %q", a)
	}
}

// What a person allowed that was not needed lets nothing pass later.
func TestAllowedInVain(t *testing.T) {
	s := newSides(t, func(o *Options) { o.Budget = engine.Budget{Deletions: 5, Modifications: 5} })
	s.m.first = 10 * time.Millisecond
	s.sh("for i in 1 2 3 4 5 6 7 8 9; do echo $i >$i; done")
	s.start()
	s.follows()
	if err := os.Rename(s.src.Path(root), s.src.Path("/srv/away")); err != nil {
		t.Fatal(err)
	}
	s.until("alarm", func() bool { return s.m.Status().Alarm != "" })
	s.m.Allow()
	if err := os.Rename(s.src.Path("/srv/away"), s.src.Path(root)); err != nil {
		t.Fatal(err)
	}
	s.until("no alarm", func() bool { return s.m.Status().Alarm == "" })
	s.follows()
	s.sh("rm ?")
	s.until("alarm", func() bool { return strings.Contains(s.m.Status().Alarm, "9 deletions") })
}

// A mirror that would leave less room than is to be kept brings nothing.
func TestKeepFree(t *testing.T) {
	var fsys unix.Statfs_t
	s := newSides(t, nil)
	if err := unix.Statfs(s.dst.Root, &fsys); err != nil {
		t.Fatal(err)
	}
	s.m.o.KeepFree = int(fsys.Bavail*100/fsys.Blocks) + 1
	s.sh("echo x >x")
	if err := s.audit(); err == nil || !strings.Contains(err.Error(), "keep_free") {
		t.Errorf("it says %v", err)
	}
}

// On a schedule nothing is watched, and what changed comes with the next audit.
func TestEvery(t *testing.T) {
	s := newSides(t, func(o *Options) {
		o.Every = 50 * time.Millisecond
		o.Watch = func(context.Context, func(hosts.WatchReport) error) error { return fmt.Errorf("it is watched") }
	})
	s.start()
	s.follows()
	s.sh("echo x >x; mkdir d; ln x d/y")
	s.follows()
}

// What a directory is that the target cannot make for want of its owner's name
// keeps nothing else from coming, and comes once the name is known.
func TestUnknownOwner(t *testing.T) {
	s := newSides(t, nil)
	s.m.again = 10 * time.Millisecond
	run(t, s.src.Root, "echo carol:x:1500:1500::/:/bin/sh >>etc/passwd")
	s.sh("echo hers >hers; chown 1500 hers; echo other >other")
	s.start()
	s.until("other", func() bool { _, err := os.Stat(s.dst.Path(root + "/other")); return err == nil })
	s.until("told", func() bool { return strings.Contains(strings.Join(s.m.Status().Failed, ""), `no user "carol"`) })
	run(t, s.dst.Root, "echo carol:x:1700:1700::/:/bin/sh >>etc/passwd")
	s.until("hers", func() bool { return s.m.Status().InStep })
	var st unix.Stat_t
	if err := unix.Stat(s.dst.Path(root+"/hers"), &st); err != nil || st.Uid != 1700 {
		t.Errorf("it is of %d: %v", st.Uid, err)
	}
}
