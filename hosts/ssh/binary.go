package ssh

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// Binaries finds the programs that can be pushed. The zero value is ready: it
// knows this program for its own architecture, and hikae-linux-ARCH beside it
// for others. It reads each once.
type Binaries struct {
	// Dir is where they lie, instead of beside this program. hikae-linux-ARCH
	// is looked for there for every architecture.
	Dir string
	// Notes is a file, beside the owner's keys, in which their hashes are noted; ""
	// for none: they are hashed each time.
	Notes string

	mu     sync.Mutex
	hashes map[string]string // by path
}

// machines maps what uname -m says to GOARCH.
func machines() map[string]string {
	return map[string]string{"x86_64": "amd64", "aarch64": "arm64", "ppc64le": "ppc64le", "s390x": "s390x"}
}

// binary is a program that can be pushed.
type binary struct {
	path string
	hash string // SHA-256, hexadecimal
}

// forMachine returns the program for what uname -m says.
func (b *Binaries) forMachine(machine string) (binary, error) {
	arch, ok := machines()[machine]
	if !ok {
		return binary{}, fmt.Errorf("hikae does not run on %s", machine)
	}
	path, err := b.path(arch)
	if err != nil {
		return binary{}, err
	}
	hash, err := b.hash(path)
	if errors.Is(err, fs.ErrNotExist) {
		return binary{}, fmt.Errorf("the host is a %s and there is no hikae for it: put it at %s", machine, path)
	}
	return binary{path: path, hash: hash}, err
}

// known returns the hashes of all programs that there are.
func (b *Binaries) known() []string {
	var out []string
	for _, arch := range []string{"amd64", "arm64", "ppc64le", "s390x"} {
		path, err := b.path(arch)
		if err != nil {
			continue
		}
		if h, err := b.hash(path); err == nil {
			out = append(out, h)
		}
	}
	return out
}

func (b *Binaries) path(arch string) (string, error) {
	name := "hikae-linux-" + arch
	if b.Dir != "" {
		return filepath.Join(b.Dir, name), nil
	}
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("cannot find this program: %w", err)
	}
	if arch == runtime.GOARCH && runtime.GOOS == "linux" {
		return self, nil
	}
	return filepath.Join(filepath.Dir(self), name), nil
}

func (b *Binaries) hash(path string) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if h, ok := b.hashes[path]; ok {
		return h, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("cannot read program: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	if b.hashes == nil {
		b.hashes = make(map[string]string)
	}
	is, settled := asItIs(f)
	if h := b.noted(is); h != "" && is != "" {
		b.hashes[path] = h
		return h, nil
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", fmt.Errorf("cannot read program: %w", err)
	}
	b.hashes[path] = hex.EncodeToString(sum.Sum(nil))
	if now, _ := asItIs(f); settled && now == is {
		b.note(b.hashes[path], is)
	}
	return b.hashes[path], nil
}
