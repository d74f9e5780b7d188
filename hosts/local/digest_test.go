package local

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"hikae/hosts"
)

// later is long enough after a file was written for its stamp to be believed.
const later = 3 * time.Second

func TestDigestIsRemembered(t *testing.T) {
	h, root := newHost(t)
	write(t, root, "etc/x", "text")
	s, err := h.stamp("/etc/x")
	if err != nil {
		t.Fatal(err)
	}
	// A false digest under the right stamp shows who believes it.
	lie := hosts.ID{1, 2, 3}
	h.UseStamps([]Digested{{Stamp: s, ID: lie}})
	now := time.Now()
	if _, ok := h.stamps.get(s, now); ok {
		t.Error("a stamp under two seconds old is believed")
	}
	if d, ok := h.stamps.get(s, now.Add(later)); !ok || d.ID != lie {
		t.Error("an old stamp is not believed")
	}
	for name, change := range map[string]func(*Stamp){
		"device": func(s *Stamp) { s.Dev++ }, "inode": func(s *Stamp) { s.Ino++ }, "size": func(s *Stamp) { s.Size++ },
		"mtime": func(s *Stamp) { s.MTime++ }, "ctime": func(s *Stamp) { s.CTime++ },
	} {
		other := s
		change(&other)
		if _, ok := h.stamps.get(other, now.Add(later)); ok {
			t.Errorf("believed with another %s", name)
		}
	}
	if got, err := h.Digest(context.Background(), "/etc/x"); err != nil || got.ID != sha256.Sum256([]byte("text")) || got.Size != 4 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestDigestOfOldFile(t *testing.T) {
	h, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"/usr/bin/env", exe} {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Skip(err)
		}
		for range 2 {
			if got, err := h.Digest(context.Background(), p); err != nil || got.ID != sha256.Sum256(b) {
				t.Errorf("%s: %v, %v", p, got, err)
			}
		}
	}
	known := h.Stamps()
	if len(known) == 0 {
		t.Fatal("nothing is remembered")
	}
	for range maxIdle {
		next, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		next.UseStamps(known)
		known = next.Stamps()
		next.Close()
	}
	if len(known) == 0 || known[0].Idle != maxIdle {
		t.Errorf("after %d idle sessions: %v", maxIdle, known)
	}
	h.UseStamps(known)
	if got := h.Stamps(); len(got) != len(known) {
		t.Errorf("%d stamps", len(got))
	}
}

func TestSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		for age, want := range map[time.Duration]bool{0: false, racy - 1: false, racy: true, -time.Hour: false} {
			if got := (Stamp{CTime: now.Add(-age).UnixNano()}).settled(now); got != want {
				t.Errorf("%v old: %v", age, got)
			}
		}
	})
}

func TestDigestOnlyOfFiles(t *testing.T) {
	needRoot(t, "mkfifo")
	h, root := newHost(t)
	run(t, "mkfifo", filepath.Join(root, "etc/pipe"))
	symlink(t, root, "passwd", "etc/link")
	for _, p := range []string{"/etc", "/etc/pipe", "/etc/link"} {
		if _, err := h.Digest(context.Background(), p); !errors.Is(err, errNotRegular) {
			t.Errorf("digest %s: %v", p, err)
		}
		if _, err := h.Open(p); !errors.Is(err, errNotRegular) {
			t.Errorf("open %s: %v", p, err)
		}
	}
}

func BenchmarkDigestWarm(b *testing.B) {
	h, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	for b.Loop() {
		if _, err := h.Digest(context.Background(), "/etc/passwd"); err != nil {
			b.Fatal(err)
		}
	}
}
