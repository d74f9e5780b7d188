// Package sshtest runs the machine's own OpenSSH server for tests: on a
// loopback port, with keys of its own, and in a mount namespace where /etc,
// /home, /root, /var and /usr/bin are overlays. What a test does there, such
// as adding accounts or installing programs, the machine never sees.
package sshtest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/crypto/ssh"
)

// Server is a running sshd.
type Server struct {
	Port       int
	Dir        string // holds the files below
	Config     string // an ssh_config with a Host "box" that logs in as root
	Key        string // a private key that every account takes
	KnownHosts string
	HostKey    ssh.PublicKey

	pid int // of the server, in the machine's numbering
	log *logged
}

// Start runs a server until the test ends. setup is run by sh in the server's
// namespace before it. Where that cannot be done here the test is skipped, or
// fails if CI=true is set.
func Start(t testing.TB, setup string) *Server {
	t.Helper()
	for _, tool := range []string{"/usr/sbin/sshd", "unshare", "nsenter"} {
		if _, err := exec.LookPath(tool); err != nil {
			Missing(t, "it needs %s: %v", tool, err)
		}
	}
	if os.Geteuid() != 0 {
		Missing(t, "it needs root, for a mount namespace")
	}
	// sshd and the accounts must be able to get here; t.TempDir is private.
	dir, err := os.MkdirTemp("", "sshtest-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // #nosec G302 -- see above
		t.Fatal(err)
	}
	s := &Server{Dir: dir, log: &logged{t: t}}
	s.Config, s.Key, s.KnownHosts = s.file("config"), s.file("id"), s.file("known_hosts")
	s.Port = freePort(t)
	s.writeFiles(t)
	s.run(t, setup)
	return s
}

// Missing skips a test that cannot run here, or fails it if CI=true is set.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	why := "did not run: " + fmt.Sprintf(format, args...)
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

func (s *Server) file(name string) string { return filepath.Join(s.Dir, name) }

// Write puts a file into the server's directory.
func (s *Server) Write(t testing.TB, name, text string) string {
	t.Helper()
	if err := os.WriteFile(s.file(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return s.file(name)
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

func (s *Server) writeFiles(t testing.TB) {
	t.Helper()
	s.HostKey = s.newKey(t, "host_key", "")
	pub := s.newKey(t, "id", "")
	s.Write(t, "authorized_keys", string(ssh.MarshalAuthorizedKey(pub)))
	if err := os.Chmod(s.file("authorized_keys"), 0o644); err != nil { // #nosec G302 -- sshd reads it as the account
		t.Fatal(err)
	}
	s.Write(t, "known_hosts", fmt.Sprintf("[127.0.0.1]:%d %s", s.Port, ssh.MarshalAuthorizedKey(s.HostKey)))
	s.Write(t, "config", strings.Join([]string{
		"Host box",
		"  HostName 127.0.0.1",
		"  Port " + strconv.Itoa(s.Port),
		"  User root",
		"  IdentityFile " + s.Key,
		"  IdentityAgent none",
		"  UserKnownHostsFile " + s.KnownHosts,
		"  GlobalKnownHostsFile none",
		"",
	}, "\n"))
	s.Write(t, "sshd_config", strings.Join([]string{
		"ListenAddress 127.0.0.1", "Port " + strconv.Itoa(s.Port), "HostKey " + s.file("host_key"),
		"AuthorizedKeysFile " + s.file("authorized_keys"), "StrictModes no", "UsePAM no", "UseDNS no",
		"PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin yes",
		"Subsystem sftp internal-sftp", "PidFile none", "MaxStartups 200", "LogLevel VERBOSE", "",
	}, "\n"))
}

// newKey writes a key pair and returns its public half.
func (s *Server) newKey(t testing.TB, name, passphrase string) ssh.PublicKey {
	t.Helper()
	_, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var block *pem.Block
	if passphrase == "" {
		block, err = ssh.MarshalPrivateKey(priv, name)
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(priv, name, []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Write(t, name, string(pem.EncodeToMemory(block)))
	signer, err := ssh.NewSignerFromKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	return signer.PublicKey()
}

// NewKey makes another key pair that every account takes. It returns the
// private half's path.
func (s *Server) NewKey(t testing.TB, name, passphrase string) string {
	t.Helper()
	pub := s.newKey(t, name, passphrase)
	f, err := os.OpenFile(s.file("authorized_keys"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(ssh.MarshalAuthorizedKey(pub)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return s.file(name)
}

const namespace = `set -e
b=$1
mkdir -p "$b"
mount -t tmpfs none "$b"
for d in etc home root var/lib var/cache usr/bin; do
	n=$(echo "$d" | tr / -)
	mkdir "$b/$n" "$b/$n.work"
	mount -t overlay none -o "lowerdir=/$d,upperdir=$b/$n,workdir=$b/$n.work" "/$d"
done
mount -t tmpfs none /run
mkdir -m 0755 /run/sshd
`

func (s *Server) run(t testing.TB, setup string) {
	t.Helper()
	script := namespace + setup + "\nexec /usr/sbin/sshd -D -e -f \"$2\"\n"
	// The process namespace takes all sessions with it when the server goes.
	cmd := exec.Command("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child=KILL", "--mount-proc",
		"sh", "-c", script, "sshtest", s.file("overlays"), s.file("sshd_config"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	errOut, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	up, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		s.log.copy(errOut, "Server listening on", up)
	}()
	t.Cleanup(func() {
		s.log.stop()
		_ = cmd.Process.Kill()
		<-done
		_ = cmd.Wait() // it was killed
	})
	select {
	case <-up:
	case <-done:
		Missing(t, "sshd did not start: %s", s.Log())
	}
	kids, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", cmd.Process.Pid, cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	if s.pid, err = strconv.Atoi(strings.TrimSpace(string(kids))); err != nil {
		t.Fatal(err)
	}
}

// Run runs a shell script on the server's side, as root, and returns what it
// prints.
func (s *Server) Run(t testing.TB, script string) string {
	t.Helper()
	out, err := exec.Command("nsenter", "-t", strconv.Itoa(s.pid), "-m", "-p", "sh", "-c", script).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return strings.TrimSpace(string(out))
}

// Log is what the server has said so far.
func (s *Server) Log() string { return s.log.String() }

// NewPublicKey makes a key that nobody has.
func NewPublicKey(t testing.TB) ssh.PublicKey {
	t.Helper()
	pub, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
