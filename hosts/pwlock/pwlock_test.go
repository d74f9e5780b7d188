//go:build linux

package pwlock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestLockExcludesAndReleases(t *testing.T) {
	dir := t.TempDir()
	unlock, err := Lock(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		b, err := os.ReadFile(filepath.Join(dir, n+".lock"))
		if err != nil || string(b) != fmt.Sprintf("%d\x00", os.Getpid()) {
			t.Errorf("%s.lock holds %q, %v", n, b, err)
		}
	}
	short, cancel := context.WithTimeout(t.Context(), 3*poll)
	defer cancel()
	if _, err := Lock(short, dir); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a second lock: %v", err)
	}
	unlock()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != ".pwd.lock" {
		t.Fatalf("left behind: %v, %v", left, err)
	}
	again, err := Lock(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	again()
}

func TestLockOfAProcessThatIsGone(t *testing.T) {
	dir := t.TempDir()
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	lock := filepath.Join(dir, "shadow.lock")
	if err := os.WriteFile(lock, fmt.Appendf(nil, "%d\x00", gone.Process.Pid), 0o600); err != nil {
		t.Fatal(err)
	}
	unlock, err := Lock(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}

// A lock of before a power cut names a process that is another's by now.
func TestLockOfAnIDGivenAnew(t *testing.T) {
	dir := t.TempDir()
	other := exec.Command("sleep", "60")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Process.Kill(); _ = other.Wait() })
	lock := filepath.Join(dir, "group.lock")
	if err := os.WriteFile(lock, fmt.Appendf(nil, "%d\x00", other.Process.Pid), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(lock, time.Time{}, time.Now().Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	unlock, err := Lock(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}

// After a power cut a lock may have its name and none of its bytes.
func TestLockWithoutBytes(t *testing.T) {
	for _, text := range []string{"", "\x00\x00\x00\x00"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "passwd.lock"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		unlock, err := Lock(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		unlock()
	}
}

func TestLockNamesTheHolder(t *testing.T) {
	dir := t.TempDir()
	other := exec.Command("sleep", "60")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Process.Kill(); _ = other.Wait() })
	lock := filepath.Join(dir, "group.lock")
	if err := os.WriteFile(lock, fmt.Appendf(nil, "%d", other.Process.Pid), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*poll)
	defer cancel()
	_, err := Lock(ctx, dir)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("process %d", other.Process.Pid)) {
		t.Fatalf("error is %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "passwd.lock")); err == nil {
		t.Error("the locks taken before were not released")
	}
}

func TestLockOfNobody(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "passwd.lock"), []byte("?"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "remove it") {
		t.Fatalf("error is %v", err)
	}
}

// The C library's own lock and ours exclude each other.
func TestLockAgainstTheCLibrary(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 to ask fcntl by another way")
	}
	dir := t.TempDir()
	unlock, err := Lock(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	try := func() error {
		return exec.Command(python, "-c", "import fcntl,sys; fcntl.lockf(open(sys.argv[1],'w'), fcntl.LOCK_EX|fcntl.LOCK_NB)", filepath.Join(dir, ".pwd.lock")).Run()
	}
	if try() == nil {
		t.Error("another program got the lock that we hold")
	}
	unlock()
	if err := try(); err != nil {
		t.Errorf("another program does not get the lock that we released: %v", err)
	}
}
