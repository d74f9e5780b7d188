package ssh

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A noted hash is believed for as long as the file is as it was, and no longer.
func TestNotedHash(t *testing.T) {
	dir := t.TempDir()
	program, notes := filepath.Join(dir, "program"), filepath.Join(dir, "notes")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(program, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	hash := func() string {
		t.Helper()
		h, err := (&Binaries{Notes: notes}).hash(program)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	write("one")
	first := hash()
	if raw, err := os.ReadFile(notes); err == nil {
		t.Errorf("one that was just written is noted: %s", raw)
	}
	time.Sleep(2100 * time.Millisecond) // a ctime cannot be set
	if hash() != first {
		t.Fatal("the hash of the same bytes is another")
	}
	raw, err := os.ReadFile(notes)
	if err != nil || !strings.HasPrefix(string(raw), first+" ") {
		t.Fatalf("it is not noted: %q, %v", raw, err)
	}
	// That it is what is noted that is believed shows when that is another.
	other := strings.Repeat("0", 64)
	if err := os.WriteFile(notes, []byte(strings.Replace(string(raw), first, other, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if h := hash(); h != other {
		t.Errorf("what is noted is not used: %s", h)
	}
	write("two")
	if h := hash(); h == other || h == first {
		t.Errorf("what is noted of other bytes is believed: %s", h)
	}
}
