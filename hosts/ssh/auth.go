package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// AuthError says that the host took none of the keys.
type AuthError struct {
	Target  string
	User    string
	Tried   []string // the keys offered, each with its origin
	Skipped []string // the keys that could not be offered, and why
	Err     error    // what the host said
}

func (e *AuthError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "cannot log in to %s: it takes none of the keys for user %s", e.Target, e.User)
	if len(e.Tried) > 0 {
		fmt.Fprintf(&b, " (tried: %s", strings.Join(e.Tried, "; "))
	} else {
		b.WriteString(" (there was none to try")
	}
	if len(e.Skipped) > 0 {
		fmt.Fprintf(&b, "; not tried: %s", strings.Join(e.Skipped, "; "))
	}
	b.WriteString("). Only public keys are tried, never passwords: ")
	fmt.Fprintf(&b, "put one of yours there with ssh-copy-id, or name the right one by IdentityFile in ~/.ssh/config")
	return b.String()
}

func (e *AuthError) Unwrap() error { return e.Err }

// keyring gathers what one login may be tried with.
type keyring struct {
	s          *settings
	passphrase func(ctx context.Context, file string) ([]byte, error)
	opened     *Opened
	ctx        context.Context // of the dial that it belongs to
	waiting    func(bool)      // told while a person is asked

	tried   []string
	skipped []string
	conn    net.Conn // to ssh-agent
}

func (k *keyring) close() {
	if k.conn != nil {
		_ = k.conn.Close()
	}
}

func (k *keyring) skip(format string, args ...any) {
	k.skipped = append(k.skipped, fmt.Sprintf(format, args...))
}

// signers lists the keys in the order in which OpenSSH tries them: those of
// ssh-agent that are configured, its others, then the files.
func (k *keyring) signers() ([]ssh.Signer, error) {
	files := k.fileSigners()
	configured := make(map[string]bool)
	for _, f := range files {
		configured[string(f.PublicKey().Marshal())] = true
	}
	var first, others []ssh.Signer
	inAgent := make(map[string]bool)
	for _, s := range k.agentSigners() {
		id := string(s.PublicKey().Marshal())
		inAgent[id] = true
		switch {
		case configured[id] || k.configuredPublic(id):
			first = append(first, s)
		case !k.s.identitiesOnly:
			others = append(others, s)
		}
	}
	out := append(first, others...)
	for _, f := range files {
		if !inAgent[string(f.PublicKey().Marshal())] {
			out = append(out, f)
		}
	}
	for _, s := range out {
		k.tried = append(k.tried, fmt.Sprint(s))
	}
	return out, nil
}

// configuredPublic reports whether the .pub file beside a configured identity
// holds the key, as it does where the private half is in ssh-agent alone.
func (k *keyring) configuredPublic(id string) bool {
	for _, f := range k.s.identities {
		if pub, err := readPublic(f + ".pub"); err == nil && string(pub.Marshal()) == id {
			return true
		}
	}
	return false
}

func readPublic(file string) (ssh.PublicKey, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pub, _, _, _, err := ssh.ParseAuthorizedKey(b)
	return pub, err
}

func (k *keyring) agentSigners() []ssh.Signer {
	if k.s.agent == "" {
		return nil
	}
	conn, err := (&net.Dialer{}).DialContext(k.ctx, "unix", k.s.agent)
	if err != nil {
		k.skip("ssh-agent at %s: %v", k.s.agent, err)
		return nil
	}
	k.conn = conn
	signers, err := agent.NewClient(conn).Signers()
	if err != nil {
		k.skip("ssh-agent at %s: %v", k.s.agent, err)
		return nil
	}
	out := make([]ssh.Signer, 0, len(signers))
	for _, s := range signers {
		out = append(out, &originSigner{s, "ssh-agent"})
	}
	return out
}

func (k *keyring) fileSigners() []ssh.Signer {
	var out []ssh.Signer
	for _, f := range k.s.identities {
		b, err := os.ReadFile(f)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			k.skip("%s: %v", f, err)
			continue
		}
		s, err := ssh.ParsePrivateKey(b)
		var locked *ssh.PassphraseMissingError
		switch {
		case err == nil:
			out = append(out, &originSigner{s, f})
		case errors.As(err, &locked):
			if s := k.locked(f, b, locked.PublicKey); s != nil {
				out = append(out, &originSigner{s, f})
			}
		default:
			k.skip("%s: %v", f, err)
		}
	}
	return out
}

// locked is an encrypted key file whose passphrase is asked for when the host
// has said that it would take the key, and not before.
func (k *keyring) locked(file string, pem []byte, pub ssh.PublicKey) ssh.Signer {
	if k.passphrase == nil {
		k.skip("%s: it is encrypted and nobody can be asked for its passphrase; add it to ssh-agent with ssh-add", file)
		return nil
	}
	if pub == nil { // older formats encrypt that half too
		var err error
		if pub, err = readPublic(file + ".pub"); err != nil {
			k.skip("%s: it is encrypted and its public half is not to be had: %v", file, err)
			return nil
		}
	}
	return &lockedSigner{k: k, file: file, pem: pem, pub: pub}
}

type lockedSigner struct {
	k      *keyring
	file   string
	pem    []byte
	pub    ssh.PublicKey
	opened ssh.Signer
}

func (s *lockedSigner) PublicKey() ssh.PublicKey { return s.pub }

func (s *lockedSigner) Sign(r io.Reader, data []byte) (*ssh.Signature, error) {
	return s.SignWithAlgorithm(r, data, "")
}

func (s *lockedSigner) SignWithAlgorithm(r io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	if s.opened == nil {
		s.k.waiting(true)
		defer s.k.waiting(false)
		var err error
		s.opened, err = s.k.opened.signer(s.file, s.pem, func() ([]byte, error) { return s.k.passphrase(s.k.ctx, s.file) })
		if err != nil {
			return nil, fmt.Errorf("cannot open key %s: %w", s.file, err)
		}
	}
	return signWith(s.opened, r, data, algorithm)
}

// Opened are encrypted key files that a person has given the passphrase of: it
// is asked for once, however many hosts are logged in to at the same time.
type Opened struct {
	mu   sync.Mutex
	keys map[string]ssh.Signer // by name and bytes

	configs map[string]parsed // by name
}

func (o *Opened) signer(file string, pem []byte, passphrase func() ([]byte, error)) (ssh.Signer, error) {
	o.mu.Lock() // while one is asked, the others wait
	defer o.mu.Unlock()
	id := file + "\x00" + string(pem)
	if s := o.keys[id]; s != nil {
		return s, nil
	}
	pass, err := passphrase()
	if err != nil {
		return nil, err
	}
	s, err := ssh.ParsePrivateKeyWithPassphrase(pem, pass)
	clear(pass)
	if err != nil {
		return nil, err
	}
	if o.keys == nil {
		o.keys = map[string]ssh.Signer{}
	}
	o.keys[id] = s
	return s, nil
}

func signWith(s ssh.Signer, r io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	if a, ok := s.(ssh.AlgorithmSigner); ok && algorithm != "" {
		return a.SignWithAlgorithm(r, data, algorithm)
	}
	return s.Sign(r, data)
}

// originSigner is a key and where it came from, for the error if none is taken.
type originSigner struct {
	ssh.Signer
	origin string
}

func (s *originSigner) SignWithAlgorithm(r io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	return signWith(s.Signer, r, data, algorithm)
}

func (s *originSigner) String() string {
	return fmt.Sprintf("%s %s from %s", s.PublicKey().Type(), ssh.FingerprintSHA256(s.PublicKey()), s.origin)
}
