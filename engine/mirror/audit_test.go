package mirror

import (
	"crypto/sha256"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

func contentID(b []byte) [32]byte { return sha256.Sum256(b) }

// Everything that a tree can hold arrives, and what changes of it.
func TestAllThatATreeHolds(t *testing.T) {
	s := newSides(t, nil)
	s.sh(`
		mkdir -p a/b/c empty
		echo one >a/one; echo two >a/b/two; printf '' >a/b/c/none
		printf 'caf\351' >"$(printf 'a/caf\351')"; echo x >'a/ new
line'
		ln -s ../nowhere a/link; ln -s / a/root
		echo linked >a/l1; ln a/l1 a/b/l2; ln a/l1 l3
		truncate -s 3M sparse; printf end >>sparse; truncate -s 5M sparse
		head -c 1000000 /dev/urandom >big
		mkfifo pipe; mknod null c 1 3
		chmod 4755 a/one; chmod 1777 empty; chmod 0 a/b/two
		chown 1000:2000 a/b; chown -h 1001:1001 a/link; chown 4242:4243 big
		setfattr -n user.note -v hello a/b/two; setfattr -n user.note -v dir a/b
		setfacl -m u:1000:r a/one; setfacl -d -m g:2000:rwx a/b
		touch -d '2001-02-03 04:05:06.789' a/b/c a/one empty; touch -h -d 2002-02-02 a/link
		touch -d 2003-03-03 a . `)
	s.ok()
	if err := s.audit(); err != nil {
		t.Fatal(err)
	}
	if st := s.m.Status(); !st.InStep || st.Why != "" || st.Files != 0 {
		t.Errorf("it stands %+v", st)
	}
	for _, step := range []string{
		"chmod 600 a/one", "touch -d 2010-10-10 a/b/two", "echo more >>a/b/two", "ln -sfn elsewhere a/link", "rm a/b/l2", "ln a/one a/b/l2",
		"mv a/b moved", "mv big moved/c/bigger", "rm -r moved", "rm a/one && mkdir a/one && touch a/one/x", "rm -r a/one && ln -s x a/one",
		"rm pipe; echo file >pipe", "setfattr -x user.note a 2>/dev/null || true; chown 1001 a", "setfacl -b -k a; cp -a a copy",
		"cp --sparse=always sparse s2", "rm l3; cp a/l1 l3", "rm -r -- *",
	} {
		s.sh(step)
		s.ok()
	}
}

// What is on the target alone at first contact is left, then and ever after.
func TestFirstContactDeletesNothing(t *testing.T) {
	s := newSides(t, nil)
	s.sh("echo source >both; mkdir d; echo d >d/d")
	s.dst.Write(root+"/own", "own")
	s.dst.Write(root+"/d/own", "own")
	s.dst.Write(root+"/both", "target")
	s.dst.Write(root+"/dir/deep/own", "own")
	if err := s.audit(); err != nil {
		t.Fatal(err)
	}
	s.sh("rm -r d both")
	if err := s.audit(); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"/own", "/d/own", "/dir/deep/own"} {
		if got := s.dst.Text(root + p); got != "own" {
			t.Errorf("%s is %q", p, got)
		}
	}
	for _, p := range []string{"/d/d", "/both"} {
		if _, err := os.Stat(s.dst.Path(root + p)); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", p, err)
		}
	}
	if st := s.m.Status(); st.ForeignCount < 3 || !strings.Contains(strings.Join(st.Foreign, " "), "own") {
		t.Errorf("it stands %+v", st)
	}
	found := ""
	run(t, s.dst.Path("/srv"), "find . -name both | xargs cat >found")
	if found = s.dst.Text("/srv/found"); !strings.Contains(found, "target") {
		t.Errorf("of both there is kept %q", found)
	}
}

// A directory that goes on the source stays where something of the target's own is
// in it that no mirror sees, and no version is kept of it.
func TestExcludedIsNotRemoved(t *testing.T) {
	s := newSides(t, func(o *Options) { o.Versions, o.Exclude = 0, []string{"*.own"} })
	s.sh("mkdir -p d/e; echo f >d/e/f")
	s.ok()
	s.dst.Write(root+"/d/x.own", "own")
	s.sh("rm -r d")
	if err := s.audit(); err != nil {
		t.Fatal(err)
	}
	if got := s.dst.Text(root + "/d/x.own"); got != "own" {
		t.Errorf("it is %q", got)
	}
	if _, err := os.Stat(s.dst.Path(root + "/d/e")); !os.IsNotExist(err) {
		t.Errorf("what went is still there: %v", err)
	}
}

// A Note is never more than a message takes.
func TestTooMany(t *testing.T) {
	long := strings.Repeat("x", 200)
	for n, want := range map[int]bool{1: false, 30_000: false, 60_000: true} {
		if got := tooMany(slices.Repeat([]string{long}, n)); got != want {
			t.Errorf("%d paths: %v", n, got)
		}
	}
}

// What something is mounted on, on the source, has not gone: what the target has of
// it is left, and is brought again when that is unmounted.
func TestMountedOver(t *testing.T) {
	s := newSides(t, nil)
	s.sh("mkdir -p d/e; echo one >d/e/one; echo other >other")
	s.ok()
	over := s.src.Path(root + "/d/e")
	if err := unix.Mount("hikae-test", over, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	mounted := true
	t.Cleanup(func() {
		if mounted {
			_ = unix.Unmount(over, unix.MNT_DETACH)
		}
	})
	s.sh("echo more >>other; echo two >d/two")
	look := []func() error{s.audit, s.audit, func() error {
		p, err := s.m.open(t.Context())
		if err != nil {
			return err
		}
		defer p.close()
		return p.live(t.Context(), []hosts.Seen{{Path: root + "/d/e", Deep: true}, {Path: root + "/d/e/one"}})
	}}
	for i, look := range look {
		if err := look(); err != nil {
			t.Fatal(err)
		}
		for p, want := range map[string]string{"/d/e/one": "one\n", "/d/two": "two\n", "/other": "other\nmore\n"} {
			if got := s.dst.Text(root + p); got != want {
				t.Errorf("look %d: %s is %q", i, p, got)
			}
		}
		if st := s.m.Status(); !st.InStep {
			t.Errorf("look %d: it stands %+v", i, st)
		}
	}
	if err := unix.Unmount(over, 0); err != nil {
		t.Fatal(err)
	}
	mounted = false
	s.sh("echo uno >d/e/one")
	s.ok()
	s.sh("rm -r d/e")
	s.ok()
}

// A file of holes, which anybody can make of any size, stops nothing, takes no time,
// and costs no old version.
func TestFileOfHoles(t *testing.T) {
	for _, hash := range []bool{false, true} {
		fileOfHoles(t, hash)
	}
}

func fileOfHoles(t *testing.T, hash bool) {
	s := newSides(t, func(o *Options) { o.KeepFree, o.Hash = 1, hash })
	s.sh("echo old >f")
	s.ok()
	s.sh("echo newer >f; truncate -s 4T holes; echo x >x")
	for _, again := range []string{"", "touch holes", "mv holes others", "echo newest >f"} {
		s.sh(again)
		if err := s.audit(); err != nil {
			t.Fatal(err)
		}
		if st := s.m.Status(); !st.InStep || st.Bytes != 0 {
			t.Errorf("%s: it stands %+v", again, st)
		}
	}
	if fi, err := os.Stat(s.dst.Path(root + "/others")); err != nil || fi.Size() != 4<<40 {
		t.Errorf("the file of holes: %v, %v", fi, err)
	}
	run(t, s.dst.Path("/srv"), "cat .hikae-versions/data/*/f | sort >kept")
	if got := s.dst.Text("/srv/kept"); got != "newer\nold\n" {
		t.Errorf("kept is %q", got)
	}
}

// A file of several names that is written in place with its old size and time is
// told of by one of them: all of them are brought.
func TestNamesOfOneFile(t *testing.T) {
	s := newSides(t, nil)
	p, err := s.m.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	at := time.Now().Add(-time.Hour)
	write := func(text string) {
		t.Helper()
		f, err := os.OpenFile(s.src.Path(root+"/d/a"), os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
		if err := os.Chtimes(s.src.Path(root+"/d/a"), at, at); err != nil {
			t.Fatal(err)
		}
	}
	s.src.Write(root+"/d/a", "one")
	for _, name := range []string{"/d/b", "/c"} {
		if err := os.Link(s.src.Path(root+"/d/a"), s.src.Path(root+name)); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	if err := p.audit(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.equal()
	write("two")
	if err := p.live(t.Context(), []hosts.Seen{{Path: root + "/d/b"}}); err != nil {
		t.Fatal(err)
	}
	if err := p.audit(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.equal()
	if len(p.suspect) > 0 {
		t.Errorf("still suspected: %v", p.suspect)
	}
}

// By their bytes files are told apart that look the same, whichever side changed.
func TestByTheirBytes(t *testing.T) {
	s := newSides(t, func(o *Options) { o.Hash = true })
	s.sh("mkdir -p d/e; echo one >d/e/f; echo two >d/g; ln d/g d/h; echo same >same")
	s.ok()
	for text, side := range map[string]string{"eno": s.src.Path(root), "neo": s.dst.Path(root)} {
		run(t, side, "touch -r d/e/f .t; printf "+text+" | dd of=d/e/f conv=notrunc status=none; touch -r .t d/e/f; touch -r d/g .t; printf "+text+" | dd of=d/g conv=notrunc status=none; touch -r .t d/g; rm .t; touch -d 2001-01-01 .")
		before := s.bytes()
		s.m.o.Hash = false
		if err := s.audit(); err != nil || s.bytes() != before {
			t.Errorf("it is found by size and time: %v", err)
		}
		s.m.o.Hash = true
		s.ok()
		if sent := s.bytes() - before; sent != 8 {
			t.Errorf("%d bytes were sent", sent)
		}
		before = s.bytes()
		if s.ok(); s.bytes() != before {
			t.Error("it is sent again")
		}
	}
}
