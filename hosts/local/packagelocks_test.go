package local

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func lockRoot(t *testing.T, files map[string]string) *Host {
	t.Helper()
	root := t.TempDir()
	for p, text := range files {
		p = filepath.Join(root, p)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	h, err := New(Options{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

func heldBy(t *testing.T, h *Host) string {
	t.Helper()
	who, err := h.PackagesHeldBy()
	if err != nil {
		t.Fatal(err)
	}
	return who
}

// rpm's write lock says that it changes packages; a read lock that it looks.
func TestPackagesHeldByRPM(t *testing.T) {
	for _, p := range []string{"var/lib/rpm/.rpm.lock", "usr/lib/sysimage/rpm/.rpm.lock"} {
		h := lockRoot(t, map[string]string{p: ""})
		f, err := os.OpenFile(filepath.Join(h.root, p), os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for _, lock := range []struct {
			kind int16
			want string
		}{{unix.F_UNLCK, ""}, {unix.F_RDLCK, ""}, {unix.F_WRLCK, "rpm"}, {unix.F_UNLCK, ""}} {
			if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: lock.kind}); err != nil {
				t.Fatal(err)
			}
			if got := heldBy(t, h); got != lock.want {
				t.Errorf("%s, lock %d: %q, want %q", p, lock.kind, got, lock.want)
			}
		}
	}
}

func TestPackagesHeldByDNF(t *testing.T) {
	const sleeping = "while true; do sleep 1; done # dnf"
	dnf := exec.Command("sh", "-c", sleeping)
	other := exec.Command("sleep", "100")
	dead := exec.Command("true")
	for _, c := range []*exec.Cmd{dnf, other, dead} {
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for _, c := range []*exec.Cmd{dnf, other} {
			_ = c.Process.Kill()
			_ = c.Wait()
		}
	})
	if err := dead.Wait(); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		strconv.Itoa(dnf.Process.Pid):   "dnf",
		strconv.Itoa(other.Process.Pid): "", // whose number it became
		strconv.Itoa(dead.Process.Pid):  "",
		"":                              "",
		"-1":                            "",
		"99999999999999999999":          "",
		"/../1":                         "",
	} {
		if got := heldBy(t, lockRoot(t, map[string]string{dnfLock: text})); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	// A dnf that lost its power is not whoever has its number since.
	h := lockRoot(t, map[string]string{dnfLock: strconv.Itoa(dnf.Process.Pid)})
	before := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(h.root, dnfLock), before, before); err != nil {
		t.Fatal(err)
	}
	if got := heldBy(t, h); got != "" {
		t.Errorf("a lock of before the process: %q", got)
	}
	if got := heldBy(t, lockRoot(t, nil)); got != "" {
		t.Errorf("without any lock: %q", got)
	}
}
