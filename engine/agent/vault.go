package agent

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"

	"hikae/engine"
	"hikae/hosts"
)

// maxSecret bounds a secret, in bytes. Secrets are held in memory only.
const maxSecret = 1 << 20

var errNoKey = errors.New("no home key in this session, so secrets have no name")

// vault remembers the contents that this session's Reads declared. What is not
// in it is not handed out.
type vault struct {
	mu   sync.Mutex
	key  []byte // the home key; nil where the session has none
	open map[hosts.ID]declared
	// unnamed are contents that who fetches them names, by the path of their file.
	unnamed map[string]unnamed
	// shipped are what the packages of read files installed in their places,
	// where those hold something else now.
	shipped map[hosts.ID]engine.Shipped
}

type declared struct {
	sealed bool
	open   func() (io.ReadCloser, error)
}

type unnamed struct {
	size int64
	open func() (io.ReadCloser, error)
}

var _ engine.Vault = (*vault)(nil)

func newVault(key []byte) *vault {
	return &vault{key: key, open: make(map[hosts.ID]declared), unnamed: make(map[string]unnamed), shipped: make(map[hosts.ID]engine.Shipped)}
}

// Plain implements engine.Vault.
func (v *vault) Plain(c hosts.Content, open func() (io.ReadCloser, error)) {
	if c.ID.IsZero() || c.Sealed || open == nil {
		return
	}
	v.add(c.ID, declared{open: open})
}

// Unnamed implements engine.Vault.
func (v *vault) Unnamed(path string, size int64, open func() (io.ReadCloser, error)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.unnamed[path] = unnamed{size, open}
}

// byPath returns how the content of a file is read that a Read has not named.
func (v *vault) byPath(path string) (unnamed, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	u, ok := v.unnamed[path]
	return u, ok
}

// Secret implements engine.Vault.
func (v *vault) Secret(open func() (io.ReadCloser, error)) (hosts.Content, error) {
	if len(v.key) == 0 {
		return hosts.Content{}, errNoKey
	}
	b, err := readSecret(open)
	if err != nil {
		return hosts.Content{}, err
	}
	defer clear(b)
	c := hosts.Content{Size: int64(len(b)), ID: v.name(b), Sealed: true}
	v.add(c.ID, declared{sealed: true, open: open})
	return c, nil
}

func (v *vault) add(id hosts.ID, d declared) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.open[id] = d
}

// ship remembers which package has the pristine bytes of a file that was read.
// A secret file's are none: a package gives them to everyone.
func (v *vault) ship(r *engine.Resource) {
	p := r.Pristine
	if p == nil || p.Type != hosts.File || p.Content.ID.IsZero() || p.Content.Size > engine.MaxShipped || p.Content == r.Node.Content {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.shipped[p.Content.ID] = engine.Shipped{Package: r.Package, Path: r.Addr.Name, Content: p.Content}
}

// lacks returns those of some contents that packages alone have.
func (v *vault) lacks(contents []hosts.Content) []engine.Shipped {
	v.mu.Lock()
	defer v.mu.Unlock()
	var out []engine.Shipped
	for _, c := range contents {
		if _, ok := v.open[c.ID]; ok {
			continue
		}
		if s, ok := v.shipped[c.ID]; ok && s.Content == c {
			out = append(out, s)
		}
	}
	return out
}

// find returns how a declared content is read again.
func (v *vault) find(c hosts.Content) (func() (io.ReadCloser, error), bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	d, ok := v.open[c.ID]
	return d.open, ok && d.sealed == c.Sealed
}

// name is the keyed hash of a secret.
func (v *vault) name(secret []byte) hosts.ID {
	h := hmac.New(sha256.New, v.key)
	h.Write(secret)
	return hosts.ID(h.Sum(nil))
}

// secret reads a declared or supplied secret and checks that it is still c.
func (v *vault) secret(c hosts.Content, open func() (io.ReadCloser, error)) ([]byte, error) {
	if len(v.key) == 0 {
		return nil, errNoKey
	}
	b, err := readSecret(open)
	if err != nil {
		return nil, err
	}
	id := v.name(b)
	if int64(len(b)) != c.Size || !hmac.Equal(id[:], c.ID[:]) {
		clear(b)
		return nil, ErrChanged
	}
	return b, nil
}

// same reports whether what open gives is the secret c.
func (v *vault) same(c hosts.Content, open func() (io.ReadCloser, error)) (bool, error) {
	b, err := v.secret(c, open)
	clear(b)
	if errors.Is(err, ErrChanged) {
		return false, nil
	}
	return err == nil, err
}

func readSecret(open func() (io.ReadCloser, error)) ([]byte, error) {
	rc, err := open()
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(rc, maxSecret+1))
	if cerr := rc.Close(); err == nil {
		err = cerr
	}
	if err == nil && len(b) > maxSecret {
		err = fmt.Errorf("%w: a secret may be %d bytes at most", engine.ErrRefused, maxSecret)
	}
	if err != nil {
		clear(b)
		return nil, err
	}
	return b, nil
}

// verifier passes a content through and ends it with wrong instead of io.EOF
// where the bytes were not the content.
type verifier struct {
	io.ReadCloser
	want  hosts.Content
	hash  hash.Hash // nil: the size alone is checked
	n     int64
	wrong error
}

func newVerifier(rc io.ReadCloser, want hosts.Content, wrong error) *verifier {
	return &verifier{ReadCloser: rc, want: want, hash: sha256.New(), wrong: wrong}
}

func (v *verifier) Read(p []byte) (int, error) {
	n, err := v.ReadCloser.Read(p)
	v.n += int64(n)
	if v.n > v.want.Size {
		return 0, v.wrong // it grew; do not follow a file without end
	}
	if v.hash != nil {
		v.hash.Write(p[:n])
	}
	if err == io.EOF && !v.right() {
		err = v.wrong
	}
	return n, err
}

func (v *verifier) right() bool {
	return v.n == v.want.Size && (v.hash == nil || hosts.ID(v.hash.Sum(nil)) == v.want.ID)
}
