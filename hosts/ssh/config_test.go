package ssh

import (
	"bytes"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func resolve(t *testing.T, text string, target Target) (*settings, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := loadConfig(file, new(Opened), slog.New(slog.NewTextHandler(&bytes.Buffer{}, nil)))
	if err != nil {
		t.Fatal(err)
	}
	c.home = "/home/me"
	return c.resolve(target)
}

func TestConfig(t *testing.T) {
	t.Setenv("SSH_AUTH_SOCK", "/run/agent")
	t.Setenv("WHERE", "env")
	text := `
Host rio1
  HostName 192.168.1.11
  User admin
  Port 2222
  IdentityFile ~/.ssh/%h_%r
  IdentityFile "${WHERE}/with space"
  HostKeyAlias rio
  ConnectTimeout 3
Host rio*
  IdentitiesOnly yes
  User nobody
  HostName %h.example.org
  UserKnownHostsFile ~/.ssh/rio_hosts /etc/rio_hosts
  GlobalKnownHostsFile none
  IdentityAgent none
Host *
  ConnectTimeout 600
  ProxyJump gate
Host gate
  ProxyJump none
`
	s, err := resolve(t, text, Target{Host: "rio1"})
	if err != nil {
		t.Fatal(err)
	}
	if s.address() != "192.168.1.11:2222" || s.user != "admin" || s.keyName() != "rio:22" || s.connectTimeout != 3*time.Second ||
		!s.identitiesOnly || s.agent != "" || s.proxyJump != "gate" {
		t.Errorf("rio1: %+v", s)
	}
	if want := []string{"/home/me/.ssh/192.168.1.11_admin", "env/with space"}; !slices.Equal(s.identities, want) {
		t.Errorf("identities %q, want %q", s.identities, want)
	}
	if want := []string{"/home/me/.ssh/rio_hosts", "/etc/rio_hosts"}; !slices.Equal(s.knownHosts, want) {
		t.Errorf("known hosts %q, want %q", s.knownHosts, want)
	}

	s, err = resolve(t, text, Target{Host: "rio2", User: "root", Port: 7, Identity: "~/key"})
	if err != nil {
		t.Fatal(err)
	}
	if s.address() != "rio2.example.org:7" || s.user != "root" || s.connectTimeout != longestTimeout || !slices.Equal(s.identities, []string{"/home/me/key"}) {
		t.Errorf("rio2: %+v", s)
	}
	if s.agent != "" || s.keyName() != "rio2.example.org:7" {
		t.Errorf("rio2: %+v", s)
	}

	s, err = resolve(t, "", Target{Host: "::1"})
	if err != nil {
		t.Fatal(err)
	}
	if s.address() != "[::1]:22" || s.agent != "/run/agent" || s.user == "" || len(s.identities) != 3 || len(s.knownHosts) != 4 {
		t.Errorf("without configuration: %+v", s)
	}
}

func TestConfigErrors(t *testing.T) {
	for name, tc := range map[string][2]string{
		"port":    {"Port ssh", `port "ssh"`},
		"timeout": {"ConnectTimeout soon", "ConnectTimeout"},
		"command": {"ProxyCommand nc %h %p", "ProxyJump"},
	} {
		if _, err := resolve(t, tc[0], Target{Host: "h"}); err == nil || !strings.Contains(err.Error(), tc[1]) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := loadConfig("/nonexistent", new(Opened), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a configuration that was named and is not there was passed over")
	}
}

func TestHomeWithoutEnvironment(t *testing.T) {
	t.Setenv("HOME", "") // as of a service of systemd's
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := homeDir(); err != nil || got != u.HomeDir {
		t.Errorf("%q, %v; want %q", got, err, u.HomeDir)
	}
}

func TestParseTarget(t *testing.T) {
	for in, want := range map[string]Target{
		"rio1":                     {Host: "rio1"},
		"root@192.168.1.11":        {Host: "192.168.1.11", User: "root"},
		"root@rio1:2222":           {Host: "rio1", User: "root", Port: 2222},
		"ssh://root@[2001:db8::1]": {Host: "2001:db8::1", User: "root"},
		"[2001:db8::1]:22":         {Host: "2001:db8::1", Port: 22},
		"2001:db8::1":              {Host: "2001:db8::1"},
		"me@example.org@rio1":      {Host: "rio1", User: "me@example.org"},
	} {
		if got, err := ParseTarget(in); err != nil || got != want {
			t.Errorf("%q: %+v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "@h", "root@", "h:0", "h:99999", "h:x", "-oProxyCommand=x", "root@-x", "a b", "h;id", "h'", "h\n"} {
		if got, err := ParseTarget(in); err == nil {
			t.Errorf("%q was taken for %+v", in, got)
		}
	}
}

func FuzzParseTarget(f *testing.F) {
	f.Add("root@[::1]:22")
	f.Fuzz(func(t *testing.T, in string) {
		got, err := ParseTarget(in)
		if err != nil {
			return
		}
		again, err := ParseTarget(got.String())
		if err != nil || again != got {
			t.Errorf("%q: %+v, then %+v, %v", in, got, again, err)
		}
	})
}

// The scripts pass through shells that treat these in ways of their own.
func TestScriptsHoldNothingSpecial(t *testing.T) {
	for _, s := range []string{startScript([]string{"a", "b"}, true, true), installScript("/home/u/.hikae-push-X", "abc")} {
		if i := strings.IndexAny(s, "'!\\\n"); i >= 0 {
			t.Errorf("%q at %d of %s", s[i], i, s)
		}
	}
}
