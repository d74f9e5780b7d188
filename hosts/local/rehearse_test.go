package local_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hikae/hosts"
	"hikae/hosts/local"
)

// rehearse has sh run a script as a daemon in a view of the machine itself.
func rehearse(t *testing.T, d ...hosts.Rehearsal) []string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make namespaces")
	}
	h, err := local.New(local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	var died []string
	err = h.Preview(t.Context(), nil, func(v hosts.Host) error {
		died, err = v.(hosts.Rehearser).Rehearse(t.Context(), d)()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return died
}

func script(text string) hosts.Rehearsal {
	return hosts.Rehearsal{Argv: []string{"/bin/sh", "-c", text}}
}

// A daemon lives or says why it does not; several do so at the same time.
func TestRehearse(t *testing.T) {
	start := time.Now()
	died := rehearse(t, script("exec sleep 60"), script("echo no such log >&2; exit 3"), script("kill -9 $$"), script("exec sleep 60"))
	took := time.Since(start)
	if died[0] != "" || !strings.Contains(died[1], "exit status 3") || !strings.Contains(died[1], "no such log") ||
		!strings.Contains(died[2], "killed") || died[3] != "" {
		t.Errorf("died: %q", died)
	}
	if took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

// What a rehearsed daemon does to the host is thrown away, or cannot be done.
func TestRehearseLeavesNothing(t *testing.T) {
	mark := fmt.Sprintf("hikae-rehearsal-%d", os.Getpid())
	state := t.TempDir()
	if err := os.WriteFile(filepath.Join(state, "data"), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NOTIFY_SOCKET", "/run/systemd/notify")
	t.Setenv("HIKAE_SECRET", "x")
	d := script(`set -e
test -z "$HIKAE_SECRET"
case "$NOTIFY_SOCKET" in @*) ;; *) exit 8 ;; esac
for d in /run /tmp /var/tmp /var/log /dev/shm; do echo x > $d/` + mark + `; done
echo new > ` + state + `/data
for d in /var/lib /var/spool /root; do echo x > $d/` + mark + `; done
if (echo x > /usr/` + mark + `) 2>/dev/null; then exit 7; fi
sleep 61.25 & setsid sleep 61.25 &
exec sleep 61.25`)
	d.State = []string{state}
	before := mounted(t, state)
	if died := rehearse(t, d); died[0] != "" {
		t.Errorf("died: %s", died[0])
	}
	for _, dir := range []string{"/run", "/tmp", "/var/tmp", "/var/log", "/dev/shm", "/var/lib", "/var/spool", "/root", "/usr"} {
		if _, err := os.Lstat(filepath.Join(dir, mark)); err == nil {
			t.Errorf("%s has what it wrote", dir)
		}
	}
	if b, err := os.ReadFile(filepath.Join(state, "data")); err != nil || string(b) != "old" {
		t.Errorf("its state: %q, %v", b, err)
	}
	if after := mounted(t, state); after != before {
		t.Errorf("mounts before:\n%s\nafter:\n%s", before, after)
	}
	waitFor(t, "61.25", 0)
}

// sleepers lists the processes that sleep for that long.
func sleepers(t *testing.T, seconds string) (found []string) {
	t.Helper()
	cmdlines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cmdlines {
		if b, _ := os.ReadFile(c); string(b) == "sleep\x00"+seconds+"\x00" {
			found = append(found, c)
		}
	}
	return found
}

// waitFor waits until there are so many of them.
func waitFor(t *testing.T, seconds string, n int) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); len(sleepers(t, seconds)) != n; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("running: %v, not %d", sleepers(t, seconds), n)
		}
	}
}

// Where hikae is killed in the middle, the daemon goes with it.
func TestRehearseEndsWithHikae(t *testing.T) {
	const seconds = "62.75"
	if os.Getenv("HIKAE_TEST_REHEARSES") != "" {
		d := script("setsid sleep " + seconds + " & exec sleep " + seconds)
		d.Listens = true // which it will not
		rehearse(t, d)
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make namespaces")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	hikae := exec.Command(exe, "-test.run=^TestRehearseEndsWithHikae$")
	hikae.Env = append(os.Environ(), "HIKAE_TEST_REHEARSES=yes")
	if err := hikae.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, seconds, 2)
	if err := hikae.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = hikae.Wait() // it was killed
	waitFor(t, seconds, 0)
}

// mounted is what is mounted on this machine, and in a temporary folder: those of
// other tests, which run at the same time, are left out.
func mounted(t *testing.T, own string) string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	var left strings.Builder
	for line := range strings.Lines(string(b)) {
		if at := strings.Fields(line)[4]; !strings.HasPrefix(at, os.TempDir()+"/") || strings.HasPrefix(at, own) {
			left.WriteString(line)
		}
	}
	return left.String()
}

// listenerEnv has the test binary be a daemon that listens.
const listenerEnv = "-test.run=^TestListener$"

// TestListener is the daemon of TestRehearseTakenPort, where it is given an
// address after "--".
func TestListener(t *testing.T) {
	args := os.Args
	if len(args) < 2 || args[len(args)-2] != "listen" {
		t.Skip("it is a daemon of another test")
	}
	l, err := net.Listen("tcp", args[len(args)-1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer l.Close()
	time.Sleep(time.Minute)
}

// What another process listens on cannot be listened on; what nobody does can,
// on the host's own addresses.
func TestRehearseTakenPort(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	daemon := func(addr string) hosts.Rehearsal {
		return hosts.Rehearsal{Argv: []string{exe, listenerEnv, "listen", addr}, Listens: true}
	}
	died := rehearse(t, daemon("127.0.0.1:"+port), daemon("0.0.0.0:"+port), daemon("127.0.0.2:"+port), daemon("192.0.2.77:8"), daemon(hostAddr(t)+":7"))
	for _, i := range []int{0, 1} {
		if !strings.Contains(died[i], ":"+port) || !strings.Contains(died[i], fmt.Sprintf("process %d", os.Getpid())) {
			t.Errorf("taken: %q", died[i])
		}
	}
	if died[2] != "" || died[4] != "" {
		t.Errorf("free: %q, %q", died[2], died[4])
	}
	if !strings.Contains(died[3], "cannot assign") {
		t.Errorf("an address that is not the host's: %q", died[3])
	}
}

// hostAddr is an IPv4 address of this machine.
func hostAddr(t *testing.T) string {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	addr := "127.0.0.1"
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			addr = n.IP.String()
		}
	}
	return addr
}

// What ends for want of something that only a rehearsal lacks shows nothing.
func TestRehearseKnowsItsOwnFaults(t *testing.T) {
	h, err := local.New(local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	err = h.Preview(t.Context(), nil, func(v hosts.Host) error {
		_, err := v.(hosts.Rehearser).Rehearse(t.Context(), []hosts.Rehearsal{script("echo x > /usr/hikae-rehearsal || exit 1; sleep 60")})()
		return err
	})
	if errors.Is(err, hosts.ErrNoPreview) {
		t.Skip(err)
	}
	if err == nil || !strings.Contains(err.Error(), "Read-only") {
		t.Errorf("got %v", err)
	}
}

// The daemon gets the environment that the running one has, without what is
// for that alone.
func TestRehearseEnvironment(t *testing.T) {
	running := exec.Command("/bin/sleep", "60")
	running.Env = []string{"OPTIONS=-D A", "NOTIFY_SOCKET=/run/x", "LD_PRELOAD=", "GIVEN=yes"}
	if err := running.Start(); err != nil {
		t.Fatal(err)
	}
	defer running.Wait()
	defer running.Process.Kill()
	d := hosts.Rehearsal{Argv: []string{"/bin/sh", "-c", `test "$*" = "-D A" && test "$GIVEN" = yes && test -z "${LD_PRELOAD+x}" && test "$NOTIFY_SOCKET" != /run/x && exec sleep 60`, "sh", "$OPTIONS"}, Main: running.Process.Pid}
	if died := rehearse(t, d); died[0] != "" {
		t.Error(died[0])
	}
}

// What a rehearsed daemon logs is its last words, and no news in the journal; it
// runs as the account that its unit gives it, and without programs of its own
// that it is not to run.
func TestRehearseLogsAndPrograms(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} { // for all to enter
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	prog := filepath.Join(dir, "prog")
	if err := os.WriteFile(prog, []byte("#!/bin/sh\necho ran\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	d := script("id -un; " + prog + " 2>&1; exit 4")
	d.User, d.Without = "daemon", []string{prog, "/nonexistent/prog"}
	if died := rehearse(t, d); !strings.Contains(died[0], "daemon") || strings.Contains(died[0], "ran\n") || !strings.Contains(died[0], "ermission denied") {
		t.Errorf("died: %q", died)
	}
	late := script("sleep 0.9; echo too late; exit 5")
	late.Lives = 1200 * time.Millisecond
	if died := rehearse(t, late); !strings.Contains(died[0], "too late") {
		t.Errorf("died: %q", died)
	}
	unknown := script("true")
	unknown.User = "no-such-account"
	h, err := local.New(local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	err = h.Preview(t.Context(), nil, func(v hosts.Host) error {
		_, err := v.(hosts.Rehearser).Rehearse(t.Context(), []hosts.Rehearsal{unknown})()
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "no-such-account") {
		t.Errorf("the error: %v", err)
	}
}
