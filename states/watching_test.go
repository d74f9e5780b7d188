package states

import (
	"errors"
	"testing"
)

// Who asks whether somebody follows is in nobody's way.
func TestWatcher(t *testing.T) {
	s, err := Open(t.TempDir(), []byte("key"))
	if err != nil {
		t.Fatal(err)
	}
	asks := func(want string) {
		t.Helper()
		for range 2 {
			if got, err := s.Watcher(); err != nil || got != want {
				t.Fatalf("who follows: %q, %v; want %q", got, err, want)
			}
		}
	}
	asks("")
	stop, err := s.Watching("root@standby, hikae process 7")
	if err != nil {
		t.Fatal(err)
	}
	asks("root@standby, hikae process 7")
	if _, err := s.Watching("another"); !errors.Is(err, ErrLocked) {
		t.Errorf("a second may follow: %v", err)
	}
	stop()
	asks("")
	if stop, err = s.Watching("another"); err != nil {
		t.Fatal(err)
	}
	defer stop()
	asks("another")
}

func TestStatus(t *testing.T) {
	s, err := Open(t.TempDir(), []byte("key"))
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := s.ReadStatus(); raw != nil || err != nil {
		t.Errorf("a status before there is any: %q, %v", raw, err)
	}
	for _, text := range []string{"first", "2nd"} {
		if err := s.WriteStatus([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if raw, err := s.ReadStatus(); string(raw) != text || err != nil {
			t.Errorf("%q, %v; want %q", raw, err, text)
		}
	}
}
