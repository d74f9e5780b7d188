package ssh

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/kevinburke/ssh_config"
)

// ConfigEnv names a file to read instead of ~/.ssh/config and
// /etc/ssh/ssh_config, as ssh -F does.
const ConfigEnv = "HIKAE_SSH_CONFIG"

// settings is what the configuration says of one host, see ssh_config(5).
type settings struct {
	alias          string // what the user wrote
	host           string // HostName
	port           int
	user           string
	identities     []string // key files, in order
	identitiesOnly bool
	agent          string   // the socket of ssh-agent, "" for none
	knownHosts     []string // user's files, then global ones
	hostKeyAlias   string
	proxyJump      string
	connectTimeout time.Duration
}

// address is where to connect to.
func (s *settings) address() string { return joinPort(s.host, s.port) }

// keyName is the name that known_hosts files have the host's key under, with a
// port for the library.
func (s *settings) keyName() string {
	if s.hostKeyAlias != "" {
		return joinPort(s.hostKeyAlias, defaultPort)
	}
	return s.address()
}

const (
	defaultPort    = 22
	defaultTimeout = 10 * time.Second
	longestTimeout = 20 * time.Second // so that all fits in 30 s
)

// config is the SSH configuration: files in order, the first value wins.
type config struct {
	files []*ssh_config.Config
	home  string
	log   *slog.Logger
}

// homeDir is $HOME or, as of a service that systemd starts, what the account
// says (systemd.exec(5) sets HOME only with User=; ssh(1) never goes by it).
func homeDir() (string, error) {
	if home, err := os.UserHomeDir(); err == nil {
		return home, nil
	}
	u, err := user.Current()
	if err != nil {
		return "", err
	}
	return u.HomeDir, nil
}

func loadConfig(override string, opened *Opened, log *slog.Logger) (*config, error) {
	home, err := homeDir()
	if err != nil {
		return nil, fmt.Errorf("cannot find the home directory for the SSH configuration: %w", err)
	}
	c := &config{home: home, log: log}
	if override == "" {
		override = os.Getenv(ConfigEnv)
	}
	if override != "" {
		f, err := opened.config(override)
		if err != nil {
			return nil, fmt.Errorf("cannot read the SSH configuration: %w", err)
		}
		c.files = append(c.files, f)
		return c, nil
	}
	f, err := opened.config(filepath.Join(home, ".ssh", "config"))
	switch {
	case err == nil:
		c.files = append(c.files, f)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("cannot read the SSH configuration: %w; name another file in %s", err, ConfigEnv)
	}
	// Distributions' own files use conditions that the parser does not know,
	// to set what does not matter here.
	f, err = opened.config("/etc/ssh/ssh_config")
	switch {
	case err == nil:
		c.files = append(c.files, f)
	case !errors.Is(err, fs.ErrNotExist):
		log.Debug("SSH configuration of the system not used", "error", err)
	}
	return c, nil
}

// parsed is a file of the configuration, and the bytes that it was parsed from.
type parsed struct {
	text []byte
	file *ssh_config.Config
}

// config reads a file of the configuration. It is parsed again when its bytes
// are others: with many hosts it is long, and read for each.
func (o *Opened) config(name string) (*ssh_config.Config, error) {
	b, err := os.ReadFile(name) // #nosec G703 -- the user's own choice
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if p, ok := o.configs[name]; ok && bytes.Equal(p.text, b) {
		return p.file, nil
	}
	f, err := ssh_config.DecodeBytes(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if o.configs == nil {
		o.configs = map[string]parsed{}
	}
	o.configs[name] = parsed{b, f}
	return f, nil
}

func (c *config) get(alias, key string) (string, error) {
	for _, f := range c.files {
		v, err := f.Get(alias, key)
		if err != nil || v != "" {
			return v, err
		}
	}
	return "", nil
}

func (c *config) all(alias, key string) ([]string, error) {
	var out []string
	for _, f := range c.files {
		v, err := f.GetAll(alias, key)
		if err != nil {
			return nil, err
		}
		out = append(out, v...)
	}
	return out, nil
}

// resolve says how t is reached.
func (c *config) resolve(t Target) (*settings, error) {
	s, err := c.lookUp(t)
	if err != nil {
		return nil, fmt.Errorf("cannot find out how to reach %s: %w", t, err)
	}
	return s, nil
}

func (c *config) lookUp(t Target) (*settings, error) {
	s := &settings{alias: t.Host, host: t.Host, port: t.Port, user: t.User, connectTimeout: defaultTimeout}
	v := map[string]string{}
	for _, key := range []string{
		"HostName", "Port", "User", "IdentitiesOnly", "IdentityAgent", "UserKnownHostsFile", "GlobalKnownHostsFile",
		"HostKeyAlias", "ProxyJump", "ProxyCommand", "ConnectTimeout", "StrictHostKeyChecking",
	} {
		var err error
		if v[key], err = c.get(t.Host, key); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	if v["HostName"] != "" {
		s.host = strings.NewReplacer("%%", "%", "%h", t.Host).Replace(v["HostName"])
	}
	if err := s.setNumbers(v); err != nil {
		return nil, err
	}
	if err := s.setUser(v["User"]); err != nil {
		return nil, err
	}
	s.hostKeyAlias = v["HostKeyAlias"]
	s.identitiesOnly = strings.EqualFold(v["IdentitiesOnly"], "yes")
	if !strings.EqualFold(v["ProxyJump"], "none") {
		s.proxyJump = v["ProxyJump"]
	}
	if p := v["ProxyCommand"]; p != "" && !strings.EqualFold(p, "none") && s.proxyJump == "" {
		return nil, fmt.Errorf("ProxyCommand is not supported; write ProxyJump")
	}
	switch strings.ToLower(v["StrictHostKeyChecking"]) {
	case "no", "off", "accept-new":
		c.log.Warn("StrictHostKeyChecking "+v["StrictHostKeyChecking"]+" is not honoured: unknown host keys are refused", "host", t.Host)
	}
	if err := c.setKeys(s, t, v["IdentityAgent"]); err != nil {
		return nil, err
	}
	s.knownHosts = c.knownHosts(s, v["UserKnownHostsFile"], v["GlobalKnownHostsFile"])
	return s, nil
}

func (s *settings) setNumbers(v map[string]string) error {
	if s.port == 0 {
		s.port = defaultPort
		if p := v["Port"]; p != "" {
			n, err := strconv.Atoi(p)
			if err != nil || n < 1 || n > 65535 {
				return fmt.Errorf("port %q in the SSH configuration", p)
			}
			s.port = n
		}
	}
	if t := v["ConnectTimeout"]; t != "" && !strings.EqualFold(t, "none") {
		n, err := strconv.Atoi(t)
		if err != nil || n < 0 {
			return fmt.Errorf("ConnectTimeout %q in the SSH configuration", t)
		}
		if n > 0 {
			s.connectTimeout = min(time.Duration(n)*time.Second, longestTimeout)
		}
	}
	return nil
}

func (s *settings) setUser(configured string) error {
	if s.user == "" {
		s.user = configured
	}
	if s.user == "" {
		u, err := user.Current()
		if err != nil {
			return fmt.Errorf("no user is given and the own name is not known: %w", err)
		}
		s.user = u.Username
	}
	return nil
}

// setKeys finds the key files and the ssh-agent.
func (c *config) setKeys(s *settings, t Target, agent string) error {
	switch {
	case strings.EqualFold(agent, "none"):
	case agent == "", agent == "SSH_AUTH_SOCK":
		s.agent = os.Getenv("SSH_AUTH_SOCK")
	default:
		s.agent = c.expand(s, agent)
	}
	if t.Identity != "" {
		s.identities = []string{c.expand(s, t.Identity)}
		return nil
	}
	files, err := c.all(t.Host, "IdentityFile")
	if err != nil {
		return fmt.Errorf("IdentityFile: %w", err)
	}
	if len(files) == 0 {
		files = []string{"~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"}
	}
	for _, f := range files {
		if !strings.EqualFold(f, "none") {
			s.identities = append(s.identities, c.expand(s, f))
		}
	}
	return nil
}

func (c *config) knownHosts(s *settings, user, global string) []string {
	if user == "" {
		user = "~/.ssh/known_hosts ~/.ssh/known_hosts2"
	}
	if global == "" {
		global = "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2"
	}
	var out []string
	for _, list := range []string{user, global} {
		for _, f := range strings.Fields(list) {
			if !strings.EqualFold(f, "none") {
				out = append(out, c.expand(s, strings.Trim(f, `"`)))
			}
		}
	}
	return out
}

// expand replaces a leading ~, ${VAR} and the tokens of ssh_config(5) that say
// who and where.
func (c *config) expand(s *settings, p string) string {
	if rest, ok := strings.CutPrefix(p, "~/"); ok {
		p = filepath.Join(c.home, rest)
	}
	self := ""
	if u, err := user.Current(); err == nil {
		self = u.Username
	}
	p = strings.NewReplacer("%%", "%", "%d", c.home, "%h", s.host, "%n", s.alias, "%p", strconv.Itoa(s.port),
		"%r", s.user, "%u", self, "%k", s.hostKeyAlias).Replace(p)
	if strings.Contains(p, "${") {
		p = os.Expand(p, os.Getenv)
	}
	return p
}
