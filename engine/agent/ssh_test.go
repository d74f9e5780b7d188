package agent

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hikae/engine"
	"hikae/hosts"
	"hikae/hosts/ssh"
	"hikae/hosts/ssh/sshtest"
)

func hashOf(rc io.ReadCloser) (hosts.Content, error) {
	h := sha256.New()
	n, err := io.Copy(h, rc)
	if cerr := rc.Close(); err == nil {
		err = cerr
	}
	return hosts.Content{Size: n, ID: hosts.ID(h.Sum(nil))}, err
}

// far is a host behind a real sshd, with this test binary as its agent.
type far struct {
	*sshtest.Server
	root string // of the files that the agent serves
	opts ssh.Options
}

func newFar(t testing.TB) *far {
	t.Helper()
	f := &far{Server: sshtest.Start(t, ""), root: t.TempDir()}
	f.Run(t, fmt.Sprintf("echo %s > %s", f.root, rootFile))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "hikae-linux-"+runtime.GOARCH)); err != nil {
		t.Fatal(err)
	}
	f.opts = ssh.Options{ConfigFile: f.Config, Binaries: &ssh.Binaries{Dir: dir}}
	return f
}

func (f *far) connect(t testing.TB) (*Client, *ssh.Conn) {
	t.Helper()
	conn, err := ssh.Dial(t.Context(), ssh.Target{Host: "box"}, f.opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	rwc, err := conn.StartAgent(t.Context(), ssh.StartOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(t.Context(), rwc, options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, conn
}

// agentPID finds the agent among the server's processes.
func (f *far) agentPID(t testing.TB) string {
	t.Helper()
	return f.Run(t, "pgrep -f '^/var/cache/hikae/[0-9a-f]* agent'")
}

// peak is the most memory that a process has held, in MiB.
func peak(t testing.TB, status string) int {
	t.Helper()
	for line := range strings.Lines(status) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return kib >> 10
		}
	}
	t.Fatal("no VmHWM")
	return 0
}

// bigFile makes a file of n MiB below dir.
func bigFile(t testing.TB, dir string, n int) string {
	t.Helper()
	name := filepath.Join(dir, "big")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 1<<20)
	for i := range n {
		block[i%len(block)]++
		if _, err := f.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}

// A big file travels in both directions over real SSH in bounded memory.
func TestBigFileOverSSH(t *testing.T) {
	if testing.Short() {
		t.Skip("it moves a gigabyte")
	}
	f := newFar(t)
	const mib = 512
	bigFile(t, f.root, mib)
	c, _ := f.connect(t)
	found := read(t, c, ReadRequest{})
	big := found["/big"].Node.Content
	// What earlier tests have held is no matter here: see proc(5), clear_refs.
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		t.Fatal(err)
	}
	before := ownPeak(t)
	n := int64(0)
	err := c.Fetch(t.Context(), []hosts.Content{big}, nil, func(_ hosts.Content, r io.Reader) (err error) {
		n, err = io.Copy(io.Discard, r)
		return err
	})
	if err != nil || n != mib<<20 {
		t.Fatalf("fetched %d, %v", n, err)
	}
	// Under a name that the agent does not know the bytes of, so that they are
	// sent: the file is gone there.
	if err := os.Rename(filepath.Join(f.root, "big"), filepath.Join(f.Dir, "big")); err != nil {
		t.Fatal(err)
	}
	open := func(hosts.Content) (io.ReadCloser, error) { return os.Open(filepath.Join(f.Dir, "big")) }
	if _, err := c.Apply(t.Context(), request(put("/back", hosts.Content{}, big)), open, nil); err != nil {
		t.Fatal(err)
	}
	back, err := os.Open(filepath.Join(f.root, "back"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := hashOf(back); err != nil || got != big {
		t.Errorf("%+v came back as %+v, %v", big, got, err)
	}
	theirs := peak(t, f.Run(t, "cat /proc/"+f.agentPID(t)+"/status"))
	t.Logf("peak memory: agent %d MiB, client %d MiB (%d before)", theirs, ownPeak(t), before)
	if grown := ownPeak(t) - before; theirs >= 64 || grown >= 64 {
		t.Errorf("agent %d MiB, want under 64; client %d MiB more than before, want under 64", theirs, grown)
	}
	if left := f.Run(t, "ls -A /var/lib/hikae/spool"); left != lockName {
		t.Errorf("the spool holds %s", left)
	}
}

func ownPeak(t testing.TB) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	return peak(t, string(b))
}

// When the connection is cut in the middle of an apply, the agent finishes
// what it began and is gone.
func TestCutOverSSH(t *testing.T) {
	f := newFar(t)
	c, conn := f.connect(t)
	pid := f.agentPID(t)
	_, err := c.Apply(t.Context(), request(put("/wait", hosts.Content{}, hosts.Content{})), nil, func(engine.ApplyEvent) {
		_ = conn.Close()
	})
	if err == nil {
		t.Error("a cut apply succeeded")
	}
	// tail ends when the agent does.
	f.Run(t, "timeout 30 tail --pid="+pid+" -f /dev/null")
	if _, err := os.Stat(filepath.Join(f.root, "finished")); err != nil {
		t.Errorf("the agent did not finish: %v", err)
	}
}

func TestCancelledReadOverSSH(t *testing.T) {
	f := newFar(t)
	c, _ := f.connect(t)
	pid := f.agentPID(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := c.Read(ctx, ReadRequest{}, nil); err == nil {
		t.Error("a cancelled read succeeded")
	}
	f.Run(t, "timeout 30 tail --pid="+pid+" -f /dev/null")
}

const benchMiB = 512

// cpu is the processor time that this process and its children have used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var total time.Duration
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var u unix.Rusage
		if err := unix.Getrusage(who, &u); err != nil {
			b.Fatal(err)
		}
		total += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return total
}

// perGiB reports what moving the file cost this side: on a busy machine it
// tells more than the time.
func perGiB(b *testing.B, since time.Duration) {
	b.Helper()
	b.ReportMetric((cpu(b)-since).Seconds()/float64(b.N)*1024/benchMiB, "cpu-s/GiB")
}

func BenchmarkOverSSH(b *testing.B) {
	f := newFar(b)
	big := bigFile(b, f.root, benchMiB)
	f.connect(b) // pushes the agent
	sshCmd := func(args ...string) *exec.Cmd {
		return exec.Command("ssh", append([]string{"-F", f.Config, "-c", "aes128-gcm@openssh.com", "box"}, args...)...)
	}
	b.Run("start/ssh-true", func(b *testing.B) {
		for b.Loop() {
			if out, err := sshCmd("true").CombinedOutput(); err != nil {
				b.Fatalf("%v: %s", err, out)
			}
		}
	})
	b.Run("start/agent", func(b *testing.B) {
		for b.Loop() {
			conn, err := ssh.Dial(b.Context(), ssh.Target{Host: "box"}, f.opts)
			if err != nil {
				b.Fatal(err)
			}
			rwc, err := conn.StartAgent(b.Context(), ssh.StartOptions{})
			if err != nil {
				b.Fatal(err)
			}
			c, err := New(b.Context(), rwc, options())
			if err != nil {
				b.Fatal(err)
			}
			_ = c.Close()
			_ = conn.Close()
		}
	})
	b.Run("down/cat", func(b *testing.B) {
		b.SetBytes(benchMiB << 20)
		defer perGiB(b, cpu(b))
		for b.Loop() {
			cmd := sshCmd("cat", big)
			null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
			if err != nil {
				b.Fatal(err)
			}
			cmd.Stdout = null
			if err := cmd.Run(); err != nil {
				b.Fatal(err)
			}
			_ = null.Close()
		}
	})
	b.Run("down/fetch", func(b *testing.B) {
		c, _ := f.connect(b)
		content := read(b, c, ReadRequest{})["/big"].Node.Content
		b.SetBytes(benchMiB << 20)
		defer perGiB(b, cpu(b))
		for b.Loop() {
			err := c.Fetch(b.Context(), []hosts.Content{content}, nil, func(_ hosts.Content, r io.Reader) error {
				_, err := io.Copy(io.Discard, r)
				return err
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("up/cat", func(b *testing.B) {
		b.SetBytes(benchMiB << 20)
		defer perGiB(b, cpu(b))
		for b.Loop() {
			in, err := os.Open(big)
			if err != nil {
				b.Fatal(err)
			}
			cmd := sshCmd("cat > /var/lib/up; rm /var/lib/up")
			cmd.Stdin = in
			if err := cmd.Run(); err != nil {
				b.Fatal(err)
			}
			_ = in.Close()
		}
	})
	b.Run("up/apply", func(b *testing.B) {
		src, err := os.Open(big)
		if err != nil {
			b.Fatal(err)
		}
		content, err := hashOf(src)
		if err != nil {
			b.Fatal(err)
		}
		open := func(hosts.Content) (io.ReadCloser, error) { return os.Open(big) }
		b.SetBytes(benchMiB << 20)
		defer perGiB(b, cpu(b))
		c, _ := f.connect(b)
		for b.Loop() {
			// The way to the spool is what is measured: nothing is made of it.
			if _, err := c.Apply(b.Context(), request(put("/none", hosts.Content{}, content)), open, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}
