package confine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMain lets this test binary be the process that is confined: it then does
// what the first argument says and prints how that went.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "confined" {
		if err := ReadOnly("taro"); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		for _, arg := range os.Args[2:] {
			what, path, _ := strings.Cut(arg, "=")
			fmt.Println(what, attempt(what, path))
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func attempt(what, path string) error {
	switch what {
	case "login":
		return errors.New(Login())
	case "read":
		_, err := os.ReadFile(path)
		return err
	case "list":
		_, err := os.ReadDir(path)
		return err
	case "write":
		return os.WriteFile(path, nil, 0o600)
	case "overwrite":
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err == nil {
			_ = f.Close()
		}
		return err
	case "remove":
		return os.Remove(path)
	case "rename":
		return os.Rename(path, path+".new")
	case "chmod":
		return os.Chmod(path, 0o777)
	case "chown":
		return os.Chown(path, UID, UID)
	case "xattr":
		return unix.Setxattr(path, "user.x", nil, 0)
	case "mkdir":
		return os.Mkdir(path, 0o700)
	case "link":
		return os.Link(path, path+".hard")
	case "mount":
		return unix.Mount("none", path, "tmpfs", 0, "")
	case "remount":
		return unix.Mount("", path, "", unix.MS_REMOUNT|unix.MS_BIND, "")
	case "setuid":
		return unix.Setuid(0)
	case "kill":
		return unix.Kill(1, 0)
	case "capset":
		return capset(1<<unix.CAP_DAC_OVERRIDE, 0)
	case "su": // a program that is setuid root
		out, err := exec.Command(path, "-p", "-c", "id -u").CombinedOutput()
		return fmt.Errorf("%s%w", out, err)
	}
	return errors.New("no such attempt")
}

// The kernel, and nothing of ours, refuses to change anything, in places that
// anybody may write too; and everything can be read.
func TestReadOnly(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give it up")
	}
	// The binary must be one that anybody may execute, wherever the tests are built.
	self := filepath.Join(t.TempDir(), "confine.test")
	b, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(self, b, 0o755); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("/tmp", "hikae-confine-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	secret, open := filepath.Join(dir, "secret"), filepath.Join(dir, "open")
	locked := filepath.Join(dir, "locked")
	setuid := filepath.Join(dir, "sh")
	shell, err := os.ReadFile("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.WriteFile(secret, []byte("s"), 0o000), os.WriteFile(open, nil, 0o666), os.Mkdir(locked, 0o000),
		os.WriteFile(setuid, shell, 0o755), os.Chmod(setuid, 0o4755), os.Chmod(dir, 0o777), os.Chmod(open, 0o666),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	attempts := []string{
		"read=" + secret, "list=" + locked, "login=",
		"write=" + filepath.Join(dir, "new"), "write=/tmp/hikae-confine-new", "write=/dev/shm/hikae-confine-new", "overwrite=" + open, "remove=" + open,
		"rename=" + open, "chmod=" + open, "chown=" + open, "xattr=" + open, "mkdir=" + filepath.Join(dir, "d"), "link=" + open,
		"overwrite=/etc/passwd", "overwrite=/etc/shadow", "overwrite=/proc/sys/kernel/hostname",
		"mount=" + dir, "remount=/tmp", "setuid=", "kill=", "capset=", "su=" + setuid,
	}
	out, err := exec.Command(self, append([]string{"confined"}, attempts...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != len(attempts)+1 { // su prints a line of its own
		t.Fatalf("%d lines: %s", len(lines), out)
	}
	for i, a := range attempts {
		what, _, _ := strings.Cut(a, "=")
		got := strings.TrimPrefix(lines[i], what+" ")
		switch {
		case what == "read" || what == "list":
			if got != "<nil>" {
				t.Errorf("%s: %s", a, got)
			}
		case what == "login":
			if got != "taro" {
				t.Errorf("login %q", got)
			}
		case what == "su":
			if got != fmt.Sprint(UID) {
				t.Errorf("a setuid program ran as %s", got)
			}
		case !strings.Contains(got, "read-only file system") && !strings.Contains(got, "not permitted") && !strings.Contains(got, "permission denied"):
			t.Errorf("%s: %s", a, got)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "new")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("something was written")
	}
}

// A variable in the environment makes nobody confined.
func TestPretended(t *testing.T) {
	t.Setenv(loginVar, "root")
	if err := ReadOnly("root"); err == nil || !strings.Contains(err.Error(), "Uid") && !strings.Contains(err.Error(), "Cap") {
		t.Errorf("%v", err)
	}
}

func TestFlags(t *testing.T) {
	if got := flags([]string{"rw", "nosuid", "relatime"}); got != unix.MS_NOSUID|unix.MS_RELATIME {
		t.Errorf("%x", got)
	}
}
