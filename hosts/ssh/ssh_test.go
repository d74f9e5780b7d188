package ssh

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"hikae/hosts/ssh/sshtest"
)

// TestMain lets this test binary be the program that is pushed: as
// "agent" it is a small stand-in for the real one.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == AgentCommand {
		standIn()
		return
	}
	os.Exit(m.Run())
}

// standIn answers lines: "who" with the user id and program, "exit N" by
// ending, others with themselves.
func standIn() {
	fmt.Println(Preamble)
	sc := bufio.NewScanner(os.Stdin)
	for sc.Scan() {
		switch word, rest, _ := strings.Cut(sc.Text(), " "); word {
		case "who":
			self, _ := os.Executable()
			fmt.Println(os.Geteuid(), self, os.Getenv("SUDO_USER"))
		case "exit":
			fmt.Fprintln(os.Stderr, "the last words")
			os.Exit(len(rest))
		default:
			fmt.Println(sc.Text())
		}
	}
}

func testOptions(t testing.TB, s *sshtest.Server) Options {
	t.Helper()
	// The program that is pushed, under the name for this architecture.
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "hikae-linux-"+runtime.GOARCH)); err != nil {
		t.Fatal(err)
	}
	return Options{ConfigFile: s.Config, Binaries: &Binaries{Dir: dir}}
}

func dial(t testing.TB, target string, o Options) *Conn {
	t.Helper()
	tg, err := ParseTarget(target)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Dial(t.Context(), tg, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// talk is a started agent that is talked to in lines.
type talk struct {
	rwc io.ReadWriteCloser
	br  *bufio.Reader
}

func start(t testing.TB, c *Conn, o StartOptions) *talk {
	t.Helper()
	rwc, err := c.StartAgent(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rwc.Close() })
	return &talk{rwc: rwc, br: bufio.NewReader(rwc)}
}

func (a *talk) ask(t testing.TB, line string) string {
	t.Helper()
	if _, err := io.WriteString(a.rwc, line+"\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := a.br.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(answer)
}

func TestPushOnceThenWarm(t *testing.T) {
	s := sshtest.Start(t, "")
	o := testOptions(t, s)
	c := dial(t, "box", o)
	a := start(t, c, StartOptions{})
	bin, err := o.Binaries.forMachine("x86_64")
	if err != nil && runtime.GOARCH == "amd64" {
		t.Fatal(err)
	}
	cached := "/var/cache/hikae/" + bin.hash
	if got := a.ask(t, "who"); got != "0 "+cached {
		t.Errorf("pushed agent is %q", got)
	}
	if got := s.Run(t, "stat -c '%U %a' /var/cache/hikae "+cached); got != "root 700\nroot 700" {
		t.Errorf("cache: %s", got)
	}
	if got := s.Run(t, "ls -A /root/.hikae-push-* /var/cache/hikae/.push* 2>/dev/null | wc -l"); got != "0" {
		t.Errorf("%s files were left behind", got)
	}
	inode := s.Run(t, "stat -c %i "+cached)
	if got := start(t, dial(t, "box", o), StartOptions{}).ask(t, "who"); got != "0 "+cached {
		t.Errorf("warm agent is %q", got)
	}
	if again := s.Run(t, "stat -c %i "+cached); again != inode {
		t.Error("it was pushed twice")
	}
}

// What was hashed once is not hashed again while it stays as it is.
func TestCachedProgramIsHashedOnce(t *testing.T) {
	s := sshtest.Start(t, "")
	o := testOptions(t, s)
	who := func() string {
		a := start(t, dial(t, "box", o), StartOptions{})
		defer a.rwc.Close() // a program that runs cannot be written to
		return a.ask(t, "who")
	}
	_, cached, _ := strings.Cut(who(), " ")
	dir, hash := path.Split(cached)
	for deadline := time.Now().Add(20 * time.Second); s.Run(t, "cat "+dir+"."+hash+" 2>/dev/null || :") == ""; {
		if time.Now().After(deadline) { // it must have been as it is for a while
			t.Fatal("it was not noted what was hashed")
		}
		who()
	}
	s.Run(t, `mv /usr/bin/sha256sum /usr/bin/sha256sum.real
		printf '#!/bin/sh\necho >>/root/hashed\nexec sha256sum.real\n' >/usr/bin/sha256sum; chmod 0755 /usr/bin/sha256sum`)
	hashed := func() bool { return s.Run(t, "ls /root/hashed 2>/dev/null || :") != "" }
	if got := who(); got != "0 "+cached || hashed() {
		t.Errorf("agent is %q, hashed again: %v", got, hashed())
	}
	// Another byte in the same file, of the same size and mtime.
	s.Run(t, "f="+cached+`; touch -r $f /root/was; cp -p $f /root/copy
		for i in $(seq 200); do
			if printf X | dd of=$f bs=1 seek=1000 conv=notrunc status=none 2>/dev/null; then break; fi
			sleep 0.05 # it still runs
		done; touch -r /root/was $f; if cmp -s $f /root/copy; then exit 1; fi`)
	if got := who(); got != "0 "+cached || !hashed() {
		t.Errorf("agent is %q, hashed: %v", got, hashed())
	}
	s.Run(t, "cmp "+cached+" /root/copy") // it was brought anew
}

func TestOldVersionsGo(t *testing.T) {
	s := sshtest.Start(t, "mkdir -m 0700 /var/cache/hikae; for i in 1 2 3 4 5; do touch -d 2026-01-0$i /var/cache/hikae/$i; done")
	start(t, dial(t, "box", testOptions(t, s)), StartOptions{})
	if got := strings.Fields(s.Run(t, "ls -1 /var/cache/hikae")); len(got) != 3 || !slices.Contains(got, "4") || !slices.Contains(got, "5") {
		t.Errorf("in the cache: %v", got)
	}
}

func TestNoexecCacheIsPassedOver(t *testing.T) {
	s := sshtest.Start(t, "mkdir /var/cache/hikae; mount -t tmpfs -o noexec,mode=0700 none /var/cache/hikae")
	o := testOptions(t, s)
	for range 2 {
		if got := start(t, dial(t, "box", o), StartOptions{}).ask(t, "who"); !strings.HasPrefix(got, "0 /var/lib/hikae/bin/") {
			t.Errorf("agent is %q", got)
		}
	}
}

func TestNothingMayRun(t *testing.T) {
	s := sshtest.Start(t, "for d in /var/cache/hikae /var/lib/hikae/bin /root/.cache/hikae; do mkdir -p $d; mount -t tmpfs -o noexec none $d; done")
	_, err := dial(t, "box", testOptions(t, s)).StartAgent(t.Context(), StartOptions{})
	var se *StartError
	if !errors.As(err, &se) || !strings.Contains(err.Error(), "install the hikae package") {
		t.Errorf("got %v", err)
	}
}

// A cache that another account owns, or that a link leads to, is not used.
func TestForeignCacheIsNotTrusted(t *testing.T) {
	s := sshtest.Start(t, fmt.Sprintf("mkdir -m 0700 /var/cache/hikae /var/lib/hikae; chown nobody /var/cache/hikae; ln -s %s /var/lib/hikae/bin", t.TempDir()))
	o := testOptions(t, s)
	bin, err := o.Binaries.forMachine(strings.TrimSpace(s.Run(t, "uname -m")))
	if err != nil {
		t.Fatal(err)
	}
	s.Run(t, fmt.Sprintf("printf '#!/bin/sh\\necho %s; echo evil\\n' > /var/cache/hikae/%s; chmod 0755 /var/cache/hikae/*; chown nobody /var/cache/hikae/*", Preamble, bin.hash))
	if got := start(t, dial(t, "box", o), StartOptions{}).ask(t, "who"); !strings.HasPrefix(got, "0 /root/.cache/hikae/") {
		t.Errorf("agent is %q", got)
	}
}

// What is in the cache runs only as it was put there: hash, mode, owner, and no
// link. Anything else is replaced.
func TestTamperedCacheIsNotRun(t *testing.T) {
	s := sshtest.Start(t, "")
	o := testOptions(t, s)
	if got := start(t, dial(t, "box", o), StartOptions{}).ask(t, "who"); !strings.HasPrefix(got, "0 /var/cache/hikae/") {
		t.Fatalf("agent is %q", got)
	}
	for _, a := range []struct{ what, attack string }{
		{"another program", `cp $d/evil $f; chmod 0700 $f`},
		{"one byte more", `echo >>$f`},
		{"one byte another, and its old times", `cp -p $f $f.was; printf X | dd of=$f bs=1 seek=1000 conv=notrunc status=none; touch -r $f.was $f`},
		{"a link", `mv $f $d/evil2; ln -s $d/evil2 $f`},
		{"writable for others", `chmod 0777 $f`},
		{"somebody else's", `chown nobody $f`},
		{"directory open to others", `chmod 0777 $d`},
		{"directory is somebody's", `cp $d/evil $f; chmod 0700 $f; chown nobody $d`}, // the last: it is passed over
	} {
		s.Run(t, `d=/var/cache/hikae; f=$(ls $d/???????????????????????????????????????????????????????????????? | head -1)
			cp -p $f $d/new; mv $d/new $f # the one that runs is busy
			stat -c %i $f >/root/inode
			printf '#!/bin/sh\ntouch /etc/evil\necho `+Preamble+`\nread x; echo evil\n' >$d/evil
			`+a.attack)
		got := start(t, dial(t, "box", o), StartOptions{}).ask(t, "who")
		if !strings.HasPrefix(got, "0 /var/cache/hikae/") && !strings.HasPrefix(got, "0 /var/lib/hikae/bin/") {
			t.Errorf("%s: agent is %q", a.what, got)
		}
		_, ran, _ := strings.Cut(got, " ")
		s.Run(t, `test ! -e /etc/evil && test $(stat -c %i `+ran+`) != $(cat /root/inode)`) // it was brought anew
	}
}

func TestInstalledBinary(t *testing.T) {
	s := sshtest.Start(t, "")
	o := testOptions(t, s)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s.Run(t, "cp "+self+" /usr/bin/hikae")
	c := dial(t, "box", o)
	if got := start(t, c, StartOptions{}).ask(t, "who"); got != "0 /usr/bin/hikae" {
		t.Errorf("agent is %q", got)
	}
	if got := start(t, c, StartOptions{NoInstalled: true}).ask(t, "who"); !strings.HasPrefix(got, "0 /var/cache/hikae/") {
		t.Errorf("without the installed one, agent is %q", got)
	}
	// When the cached copy may not run, the installed one is what is left.
	s.Run(t, "for f in /var/cache/hikae/*; do printf '#!/nonexistent/interpreter\\n' > $f; done; mount -t tmpfs -o noexec none /var/cache/hikae")
	if got := start(t, c, StartOptions{}).ask(t, "who"); got != "0 /usr/bin/hikae" {
		t.Errorf("agent is %q", got)
	}
}

func TestAgentFailureIsTold(t *testing.T) {
	s := sshtest.Start(t, "")
	a := start(t, dial(t, "box", testOptions(t, s)), StartOptions{})
	if _, err := io.WriteString(a.rwc, "exit xxx\n"); err != nil {
		t.Fatal(err)
	}
	_, err := a.br.ReadString('\n')
	if err == nil || !strings.Contains(err.Error(), "status 3") || !strings.Contains(err.Error(), "the last words") {
		t.Errorf("got %v", err)
	}
}

func TestNoisyShell(t *testing.T) {
	s := sshtest.Start(t, "echo 'echo Welcome to box; echo oops >&2' > /root/.bashrc; usermod -s /bin/bash root")
	if got := start(t, dial(t, "box", testOptions(t, s)), StartOptions{}).ask(t, "hello"); got != "hello" {
		t.Errorf("got %q", got)
	}
}

func TestWrongArchitecture(t *testing.T) {
	s := sshtest.Start(t, "")
	o := testOptions(t, s)
	o.Binaries = &Binaries{Dir: t.TempDir()}
	_, err := dial(t, "box", o).StartAgent(t.Context(), StartOptions{})
	if err == nil || !strings.Contains(err.Error(), "put it at") {
		t.Errorf("got %v", err)
	}
}

// account adds an unprivileged account, with what sudoers says of it.
func account(sudoers string) string {
	return `useradd -m -s /bin/bash -p '*' ulf
mkdir -p /etc/sudoers.d
printf '` + sudoers + `' > /etc/sudoers.d/ulf
chmod 0440 /etc/sudoers.d/ulf
`
}

func needSudo(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("sudo"); err != nil {
		sshtest.Missing(t, "it needs sudo")
	}
}

func TestSudo(t *testing.T) {
	needSudo(t)
	s := sshtest.Start(t, account(`ulf ALL=(root) NOPASSWD: ALL\n`))
	o := testOptions(t, s)
	for range 2 {
		if got := start(t, dial(t, "ulf@box", o), StartOptions{}).ask(t, "who"); !strings.HasPrefix(got, "0 /var/cache/hikae/") || !strings.HasSuffix(got, " ulf") {
			t.Errorf("agent is %q", got)
		}
	}
	if got := s.Run(t, "ls -A /home/ulf | grep -c hikae || :"); got != "0" {
		t.Errorf("%s files were left in the home", got)
	}
}

func TestSudoForTheInstalledAgentOnly(t *testing.T) {
	needSudo(t)
	s := sshtest.Start(t, account(`ulf ALL=(root) NOPASSWD: /usr/bin/hikae agent\n`))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s.Run(t, "cp "+self+" /usr/bin/hikae")
	if got := start(t, dial(t, "ulf@box", testOptions(t, s)), StartOptions{}).ask(t, "who"); got != "0 /usr/bin/hikae ulf" {
		t.Errorf("agent is %q", got)
	}
}

func TestSudoRefuses(t *testing.T) {
	needSudo(t)
	for name, sudoers := range map[string]string{
		"password": `ulf ALL=(root) ALL\n`,
		"no rule":  ``,
	} {
		t.Run(name, func(t *testing.T) {
			s := sshtest.Start(t, account(sudoers))
			_, err := dial(t, "ulf@box", testOptions(t, s)).StartAgent(t.Context(), StartOptions{})
			if err == nil || !strings.Contains(err.Error(), "`ulf ALL=(root) NOPASSWD: ALL`") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestOtherShells(t *testing.T) {
	needSudo(t)
	for _, shell := range []string{"dash", "busybox", "csh", "tcsh", "fish", "zsh", "ksh"} {
		path, err := exec.LookPath(shell)
		if err != nil {
			continue
		}
		t.Run(shell, func(t *testing.T) {
			if shell == "busybox" {
				t.Skip("is no login shell by that name")
			}
			s := sshtest.Start(t, account(`ulf ALL=(root) NOPASSWD: ALL\n`)+"usermod -s "+path+" ulf\n")
			if got := start(t, dial(t, "ulf@box", testOptions(t, s)), StartOptions{}).ask(t, "x"); got != "x" {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	cfg := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(cfg, []byte("Host *\n ConnectTimeout 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	chatty, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = chatty.Close() }()
	go func() {
		for {
			c, err := chatty.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "220 mail ESMTP\r\n")
			_ = c.Close()
		}
	}()
	for target, want := range map[string]string{
		closed.Addr().String():    "is sshd running",
		"nosuchhost.invalid":      "is the name nosuchhost.invalid right",
		chatty.Addr().String():    "the port of sshd?",
		"root@192.0.2.1":          "cannot reach 192.0.2.1:22",
		"root@127.0.0.1:" + "100": "is sshd running",
	} {
		tg, err := ParseTarget(target)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, err = Dial(t.Context(), tg, Options{ConfigFile: cfg})
		if err == nil || !strings.Contains(err.Error(), want) || time.Since(began) > 25*time.Second {
			t.Errorf("%s: %v after %v, want %q", target, err, time.Since(began), want)
		}
	}
	// One who accepts and says nothing; the caller's patience ends first.
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		if c, err := silent.Accept(); err == nil {
			cancel()
			_, _ = io.Copy(io.Discard, c)
		}
	}()
	tg, _ := ParseTarget(silent.Addr().String())
	if _, err := Dial(ctx, tg, Options{ConfigFile: cfg}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
