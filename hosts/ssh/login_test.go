package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
	sshagent "golang.org/x/crypto/ssh/agent"

	"hikae/hosts/ssh/sshtest"
)

func TestUnknownHostKey(t *testing.T) {
	s := sshtest.Start(t, "")
	s.Write(t, "known_hosts", "")
	_, err := Dial(t.Context(), Target{Host: "box"}, Options{ConfigFile: s.Config})
	var unknown *UnknownHostKeyError
	if !errors.As(err, &unknown) {
		t.Fatalf("got %v", err)
	}
	text := err.Error()
	for _, want := range []string{ssh.FingerprintSHA256(s.HostKey), "ssh-ed25519", "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q does not hold %q", text, want)
		}
	}
	// The command that the error gives makes the host known.
	_, command, _ := strings.Cut(text, "run: ")
	if out, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	dial(t, "box", Options{ConfigFile: s.Config})
}

func TestUnknownHostKeyWithAlias(t *testing.T) {
	s := sshtest.Start(t, "")
	cfg := s.Write(t, "config2", readAll(t, s.Config)+"  HostKeyAlias rio1\n")
	s.Write(t, "known_hosts", "")
	_, err := Dial(t.Context(), Target{Host: "box"}, Options{ConfigFile: cfg})
	_, command, ok := strings.Cut(fmt.Sprint(err), "run: ")
	if !ok {
		t.Fatal(err)
	}
	if out, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	if got := readAll(t, s.KnownHosts); !strings.HasPrefix(got, "rio1 ") {
		t.Errorf("known_hosts is %q", got)
	}
	dial(t, "box", Options{ConfigFile: cfg})
}

func TestChangedHostKey(t *testing.T) {
	s := sshtest.Start(t, "")
	other := sshtest.NewPublicKey(t)
	s.Write(t, "known_hosts", fmt.Sprintf("# a comment\n[127.0.0.1]:%d %s", s.Port, ssh.MarshalAuthorizedKey(other)))
	_, err := Dial(t.Context(), Target{Host: "box"}, Options{ConfigFile: s.Config})
	var changed *ChangedHostKeyError
	if !errors.As(err, &changed) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{
		"HAS CHANGED", s.KnownHosts + ":2", ssh.FingerprintSHA256(s.HostKey), ssh.FingerprintSHA256(other), "ssh-keygen -R",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not hold %q", err, want)
		}
	}

	s.Write(t, "known_hosts", fmt.Sprintf("@revoked * %s", ssh.MarshalAuthorizedKey(s.HostKey)))
	if _, err = Dial(t.Context(), Target{Host: "box"}, Options{ConfigFile: s.Config}); !errors.As(err, &changed) || !changed.Revoked {
		t.Errorf("a revoked key: %v", err)
	}
	s.Write(t, "known_hosts", "box ssh-ed25519 nonsense\n")
	if _, err = Dial(t.Context(), Target{Host: "box"}, Options{ConfigFile: s.Config}); err == nil || !strings.Contains(err.Error(), s.KnownHosts+":1") {
		t.Errorf("a bad line: %v", err)
	}
}

// A configuration that says not to check is not obeyed, and told so.
func TestCheckingCannotBeTurnedOff(t *testing.T) {
	s := sshtest.Start(t, "")
	s.Write(t, "known_hosts", "")
	cfg := s.Write(t, "config2", readAll(t, s.Config)+"  StrictHostKeyChecking no\n")
	var log bytes.Buffer
	_, err := Dial(t.Context(), Target{Host: "box"}, Options{ConfigFile: cfg, Log: slog.New(slog.NewTextHandler(&log, nil))})
	var unknown *UnknownHostKeyError
	if !errors.As(err, &unknown) || !strings.Contains(log.String(), "is not honoured") {
		t.Errorf("got %v; log %q", err, log.String())
	}
}

// With several host keys, the one that is known must be asked for.
func TestKnownKeyTypeIsAskedFor(t *testing.T) {
	s := sshtest.Start(t, "ssh-keygen -q -t rsa -b 2048 -N '' -f /etc/ssh/sshtest_rsa; sed -i '1i HostKey /etc/ssh/sshtest_rsa' \"$2\"")
	rsa := s.Run(t, "cat /etc/ssh/sshtest_rsa.pub")
	s.Write(t, "known_hosts", fmt.Sprintf("[127.0.0.1]:%d %s\n", s.Port, rsa))
	dial(t, "box", Options{ConfigFile: s.Config})
}

func TestAuthRefused(t *testing.T) {
	s := sshtest.Start(t, "")
	key := s.NewKey(t, "stranger", "")
	locked := s.NewKey(t, "locked", "open sesame")
	pub, err := os.ReadFile(s.Dir + "/authorized_keys")
	if err != nil {
		t.Fatal(err)
	}
	s.Write(t, "authorized_keys", string(bytes.SplitAfter(pub, []byte("\n"))[0]))
	cfg := s.Write(t, "config2", strings.Replace(readAll(t, s.Config), s.Key, key, 1)+"  IdentityFile "+locked+"\n")
	_, err = Dial(t.Context(), Target{Host: "box"}, Options{ConfigFile: cfg})
	var ae *AuthError
	if !errors.As(err, &ae) || len(ae.Tried) != 1 || len(ae.Skipped) != 1 {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{key, "user root", "ssh-add", locked, "SHA256:", "ssh-copy-id"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not hold %q", err, want)
		}
	}
}

func TestPassphrase(t *testing.T) {
	s := sshtest.Start(t, "")
	key := s.NewKey(t, "locked", "open sesame")
	cfg := s.Write(t, "config2", strings.Replace(readAll(t, s.Config), s.Key, key, 1))
	asked := 0
	pass := "open sesame"
	o := Options{ConfigFile: cfg, Passphrase: func(_ context.Context, file string) ([]byte, error) {
		if file != key {
			t.Errorf("asked for %s", file)
		}
		asked++
		return []byte(pass), nil
	}}
	dial(t, "box", o)
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	// For several hosts at the same time, once.
	several := o
	several.Opened = new(Opened)
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() { dial(t, "box", several) })
	}
	wg.Wait()
	if asked != 2 {
		t.Errorf("asked %d times", asked)
	}
	pass = "wrong"
	if _, err := Dial(t.Context(), Target{Host: "box"}, o); err == nil || !strings.Contains(err.Error(), key) {
		t.Errorf("wrong passphrase: %v", err)
	}
}

func TestSSHAgent(t *testing.T) {
	s := sshtest.Start(t, "")
	priv, err := ssh.ParseRawPrivateKey([]byte(readAll(t, s.Key)))
	if err != nil {
		t.Fatal(err)
	}
	ring := sshagent.NewKeyring()
	if err := ring.Add(sshagent.AddedKey{PrivateKey: priv}); err != nil {
		t.Fatal(err)
	}
	sock := s.Dir + "/agent.sock"
	l, err := net.Listen("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _ = sshagent.ServeAgent(ring, conn) }()
		}
	}()
	base := strings.Replace(readAll(t, s.Config), s.Key, "none", 1)
	t.Setenv("SSH_AUTH_SOCK", sock)
	dial(t, "box", Options{ConfigFile: s.Write(t, "by_env", strings.Replace(base, "IdentityAgent none", "", 1))})
	t.Setenv("SSH_AUTH_SOCK", "")
	dial(t, "box", Options{ConfigFile: s.Write(t, "by_name", strings.Replace(base, "IdentityAgent none", "IdentityAgent "+sock, 1))})

	only := strings.Replace(base, "IdentityAgent none", "IdentityAgent "+sock+"\n  IdentitiesOnly yes", 1)
	if _, err := Dial(t.Context(), Target{Host: "box"}, Options{ConfigFile: s.Write(t, "only", only)}); err == nil {
		t.Error("IdentitiesOnly did not keep the agent's key back")
	}
	signer, err := ssh.NewSignerFromKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	s.Write(t, "mine.pub", string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
	only = strings.Replace(only, "IdentityFile none", "IdentityFile "+s.Dir+"/mine", 1)
	dial(t, "box", Options{ConfigFile: s.Write(t, "only2", only)})
}

func TestProxyJump(t *testing.T) {
	s := sshtest.Start(t, "")
	base := readAll(t, s.Config)
	far := strings.Replace(base, "Host box", "Host far", 1) + "  ProxyJump box\n"
	o := testOptions(t, s)
	o.ConfigFile = s.Write(t, "jump", base+far)
	if got := start(t, dial(t, "far", o), StartOptions{}).ask(t, "hi"); got != "hi" {
		t.Errorf("through a hop: %q", got)
	}
	o.ConfigFile = s.Write(t, "jump2", base+strings.Replace(far, "ProxyJump box", "ProxyJump box,ulf@box", 1))
	if _, err := Dial(t.Context(), Target{Host: "far"}, o); err == nil || !strings.Contains(err.Error(), "through ulf@box") {
		t.Errorf("a hop that refuses: %v", err)
	}
	o.ConfigFile = s.Write(t, "circle", strings.Replace(far, "ProxyJump box", "ProxyJump far", 1))
	if _, err := Dial(t.Context(), Target{Host: "far"}, o); err == nil || !strings.Contains(err.Error(), "circle") {
		t.Errorf("a circle: %v", err)
	}
	o.ConfigFile = s.Write(t, "dead", base+strings.Replace(far, "Port ", "Port 1", 1))
	if _, err := Dial(t.Context(), Target{Host: "far", Port: 1}, o); err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("nobody behind the hop: %v", err)
	}
}

// When the far end stops answering, everything that waits for it ends.
func TestDeadLinkIsNoticed(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for a timeout")
	}
	t.Parallel()
	s := sshtest.Start(t, "")
	c := dial(t, "box", testOptions(t, s))
	a := start(t, c, StartOptions{})
	session := s.Run(t, "pgrep -f '[s]shd: root'")
	s.Run(t, "kill -STOP "+strings.Join(strings.Fields(session), " "))
	if _, err := a.br.ReadString('\n'); err == nil {
		t.Error("the read went on")
	}
	select {
	case <-c.done:
	default:
		t.Error("the connection is not given up")
	}
}

func readAll(t testing.TB, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
