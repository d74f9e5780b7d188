package control

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"hikae/hosts"
	"hikae/states/blob"
)

// Keys are what a project needs to handle secrets: the home key that names
// them, and the identity that opens what is sealed. Both lie in the project's
// KeyDir, mode 0600, outside of the store: whoever has the store alone has no
// secret.
type Keys struct {
	Home      []byte
	identity  *age.X25519Identity
	recipient string
}

// KeyDir is where a project's keys lie, below its directory.
const KeyDir = ".hikae"

const (
	homeKeyFile  = "home.key"
	identityFile = "identity.txt"
)

// CreateKeys makes the keys that are missing and returns all.
func CreateKeys(project string) (*Keys, error) {
	dir := filepath.Join(project, KeyDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make keys: %w", err)
	}
	raw := make([]byte, sha256.Size)
	if _, err := rand.Read(raw); err != nil {
		return nil, fmt.Errorf("cannot make keys: %w", err)
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("cannot make keys: %w", err)
	}
	for name, text := range map[string]string{
		homeKeyFile:  hex.EncodeToString(raw) + "\n",
		identityFile: "# opens hikae's secrets; keep a copy where the servers are not\n# public key: " + id.Recipient().String() + "\n" + id.String() + "\n",
		".gitignore": "*\n",
	} {
		path := filepath.Join(dir, name)
		if _, err := os.Lstat(path); err == nil {
			continue
		}
		err := blob.WriteFile(path, 0o600, func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return LoadKeys(project)
}

// LoadKeys reads a project's keys. Keys that others may read are refused.
func LoadKeys(project string) (*Keys, error) {
	home, err := readKey(filepath.Join(project, KeyDir, homeKeyFile))
	if err != nil {
		return nil, err
	}
	k := &Keys{}
	if k.Home, err = hex.DecodeString(strings.TrimSpace(string(home))); err != nil || len(k.Home) != sha256.Size {
		return nil, fmt.Errorf("cannot read %s: want 64 hexadecimal digits", filepath.Join(project, KeyDir, homeKeyFile))
	}
	text, err := readKey(filepath.Join(project, KeyDir, identityFile))
	if err != nil {
		return nil, err
	}
	ids, err := age.ParseIdentities(bytes.NewReader(text))
	if err != nil || len(ids) != 1 {
		return nil, fmt.Errorf("cannot read %s: want one age identity", filepath.Join(project, KeyDir, identityFile))
	}
	id, ok := ids[0].(*age.X25519Identity)
	if !ok {
		return nil, fmt.Errorf("cannot read %s: want an X25519 identity", filepath.Join(project, KeyDir, identityFile))
	}
	k.identity, k.recipient = id, id.Recipient().String()
	return k, nil
}

func readKey(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot find %s: run hikae init there, or bring the keys from where this project was made", path)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("cannot use %s: others can read it (mode %04o); run chmod 0600 on it", path, info.Mode().Perm())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read key: %w", err)
	}
	return b, nil
}

// Recipients are whom the agent seals secrets to.
func (k *Keys) Recipients() []string { return []string{k.recipient} }

// Open decrypts a sealed content and checks that it is the one it is named for.
func (k *Keys) Open(sealed io.Reader, c hosts.Content) ([]byte, error) {
	r, err := age.Decrypt(sealed, k.identity)
	if err != nil {
		return nil, fmt.Errorf("cannot open secret %s: %w", c.ID, err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, c.Size+1))
	if err != nil {
		return nil, fmt.Errorf("cannot open secret %s: %w", c.ID, err)
	}
	name := k.name(plain)
	if int64(len(plain)) != c.Size || !hmac.Equal(name[:], c.ID[:]) {
		return nil, fmt.Errorf("cannot open secret %s: it is not what it was when it was sealed", c.ID)
	}
	return plain, nil
}

// seal encrypts a secret for the project itself.
func (k *Keys) seal(plain []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := age.Encrypt(&out, k.identity.Recipient())
	if err == nil {
		_, err = w.Write(plain)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("cannot seal: %w", err)
	}
	return out.Bytes(), nil
}

// unseal is the inverse of seal.
func (k *Keys) unseal(sealed []byte) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(sealed), k.identity)
	if err != nil {
		return nil, fmt.Errorf("cannot open what was sealed: %w", err)
	}
	return io.ReadAll(r)
}

// Store is the key that the store's generations and records are sealed with. It
// is no HMAC under the home key: those are the names of secrets, which a host
// could have asked for.
func (k *Keys) Store() ([]byte, error) {
	key, err := hkdf.Key(sha256.New, k.Home, nil, "hikae store 1", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("cannot derive the store's key: %w", err)
	}
	return key, nil
}

// name is the keyed hash of a secret.
func (k *Keys) name(plain []byte) hosts.ID {
	mac := hmac.New(sha256.New, k.Home)
	_, _ = mac.Write(plain)
	return hosts.ID(mac.Sum(nil))
}
