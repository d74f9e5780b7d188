package ssh

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// UnknownHostKeyError says that no known_hosts file holds a key of the host.
type UnknownHostKeyError struct {
	Name        string // as known_hosts has it, "[host]:port" where the port is not 22
	KeyType     string
	Fingerprint string   // "SHA256:..."
	Files       []string // where it was looked for
	s           *settings
}

func (e *UnknownHostKeyError) Error() string {
	scan := "ssh-keyscan"
	if e.s.port != defaultPort {
		scan += " -p " + strconv.Itoa(e.s.port)
	}
	file := "~/.ssh/known_hosts"
	if len(e.Files) > 0 {
		file = e.Files[0]
	}
	how := fmt.Sprintf("%s -t %s %s >> %s", scan, scanType(e.KeyType), e.s.host, file)
	if e.s.hostKeyAlias != "" {
		how = fmt.Sprintf("%s -t %s %s | sed 's/^[^ ]*/%s/' >> %s", scan, scanType(e.KeyType), e.s.host, e.s.hostKeyAlias, file)
	}
	if e.s.proxyJump != "" {
		how = fmt.Sprintf("ssh -J %s -p %d %s@%s true", e.s.proxyJump, e.s.port, e.s.user, e.s.host)
	}
	return fmt.Sprintf("the host key of %s is not known: %s key, fingerprint %s. Compare it with what the host itself prints "+
		"(ssh-keygen -lf /etc/ssh/ssh_host_%s_key.pub); when they are the same, run: %s",
		e.Name, e.KeyType, e.Fingerprint, scanType(e.KeyType), how)
}

// scanType is ssh-keyscan's name of a key type.
func scanType(keyType string) string {
	switch {
	case strings.Contains(keyType, "ed25519"):
		return "ed25519"
	case strings.Contains(keyType, "ecdsa"):
		return "ecdsa"
	}
	return "rsa"
}

// ChangedHostKeyError says that a host's key is not the one that is known.
type ChangedHostKeyError struct {
	Name         string
	KeyType      string
	Fingerprint  string // of the key that was shown
	File         string
	Line         int
	KnownType    string
	KnownPrint   string
	Revoked      bool
	reinstallFix string
}

func (e *ChangedHostKeyError) Error() string {
	if e.Revoked {
		return fmt.Sprintf("the host key of %s (%s, %s) is revoked in %s:%d: do not connect",
			e.Name, e.KeyType, e.Fingerprint, e.File, e.Line)
	}
	return fmt.Sprintf("THE HOST KEY OF %s HAS CHANGED: somebody may be listening in between. It shows %s %s; known is %s %s in %s:%d. "+
		"Only if you know why it changed (the host was installed anew), remove the old key: %s",
		e.Name, e.KeyType, e.Fingerprint, e.KnownType, e.KnownPrint, e.File, e.Line, e.reinstallFix)
}

// hostKeys checks a host's key against the known_hosts files.
type hostKeys struct {
	s     *settings
	check ssh.HostKeyCallback
	files []string // those that exist
}

func newHostKeys(s *settings) (*hostKeys, error) {
	h := &hostKeys{s: s}
	for _, f := range s.knownHosts {
		if _, err := os.Stat(f); err == nil {
			h.files = append(h.files, f)
		}
	}
	var err error
	if h.check, err = knownhosts.New(h.files...); err != nil {
		return nil, fmt.Errorf("cannot read known host keys: %w; correct or remove that line", err)
	}
	return h, nil
}

// callback implements ssh.HostKeyCallback.
func (h *hostKeys) callback(_ string, remote net.Addr, key ssh.PublicKey) error {
	err := h.check(h.s.keyName(), h.address(remote), key)
	var revoked *knownhosts.RevokedError
	if errors.As(err, &revoked) {
		return &ChangedHostKeyError{
			Name: h.name(), KeyType: key.Type(), Fingerprint: ssh.FingerprintSHA256(key),
			File: revoked.Revoked.Filename, Line: revoked.Revoked.Line, Revoked: true,
		}
	}
	var unknown *knownhosts.KeyError
	if !errors.As(err, &unknown) {
		return err
	}
	if len(unknown.Want) == 0 {
		return &UnknownHostKeyError{
			Name: h.name(), KeyType: key.Type(), Fingerprint: ssh.FingerprintSHA256(key), Files: h.s.knownHosts, s: h.s,
		}
	}
	known := unknown.Want[0]
	for _, k := range unknown.Want {
		if k.Key.Type() == key.Type() {
			known = k
			break
		}
	}
	return &ChangedHostKeyError{
		Name: h.name(), KeyType: key.Type(), Fingerprint: ssh.FingerprintSHA256(key),
		File: known.Filename, Line: known.Line, KnownType: known.Key.Type(), KnownPrint: ssh.FingerprintSHA256(known.Key),
		reinstallFix: fmt.Sprintf("ssh-keygen -R '%s' -f %s", h.name(), known.Filename),
	}
}

// name is what known_hosts calls the host.
func (h *hostKeys) name() string { return knownhosts.Normalize(h.s.keyName()) }

// address stands in where a jump host made the connection and the address at
// the far end is not known; the name decides anyway.
func (h *hostKeys) address(remote net.Addr) net.Addr {
	if _, _, err := net.SplitHostPort(remote.String()); err == nil {
		return remote
	}
	return &net.TCPAddr{IP: net.IPv4zero, Port: h.s.port}
}

// algorithms orders host key algorithms so that the host shows a key of a type
// that is known, if it has one: otherwise a host with several keys would seem
// to have changed.
func (h *hostKeys) algorithms() []string {
	var known []string
	var unknown *knownhosts.KeyError
	err := h.check(h.s.keyName(), &net.TCPAddr{IP: net.IPv4zero, Port: h.s.port}, noKey{})
	if errors.As(err, &unknown) {
		for _, k := range unknown.Want {
			known = append(known, algorithmsOf(k.Key.Type())...)
		}
	}
	// Of a host with no known key the one is asked for that ssh would ask for,
	// so that a person who compares fingerprints finds the same.
	others := ssh.SupportedAlgorithms().HostKeys
	slices.SortStableFunc(others, func(a, b string) int { return preference(a) - preference(b) })
	var out []string
	for _, a := range slices.Concat(known, others) {
		// Certificates are for hosts of which no plain key is known.
		if strings.Contains(a, "-cert-") && len(known) > 0 && !slices.Contains(known, a) {
			continue
		}
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// preference is the rank of an algorithm among those of which nothing is known.
func preference(algorithm string) int {
	switch {
	case strings.Contains(algorithm, "-cert-"):
		return 0
	case algorithm == ssh.KeyAlgoED25519:
		return 1
	case strings.HasPrefix(algorithm, "ecdsa-"):
		return 2
	}
	return 3
}

func algorithmsOf(keyType string) []string {
	if keyType == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{keyType}
}

// noKey is a key that is in no file: asked about it, the library lists those
// that are.
type noKey struct{}

func (noKey) Type() string                        { return "none" }
func (noKey) Marshal() []byte                     { return []byte("none") }
func (noKey) Verify([]byte, *ssh.Signature) error { return errors.New("not a key") }
