package states

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// What the store says is believed only where it was written with the store's
// key: a generation carries a file of HMACs (RFC 2104, SHA-256), a record ends
// with one. Each says what it is of, so that none can stand in for another; an
// older one of the same can, and is as true as it was.

// ErrTampered: a part of the store was not written with the store's key, or was
// changed since.
var ErrTampered = errors.New("not authentic")

// sealName is the file of HMACs of a generation: "HMAC NAME" a line, the name
// quoted, and at the end one of all that.
const sealName = "seal"

// mac is the HMAC of a sequence of byte strings, each behind its length.
func (s *Store) mac(parts ...[]byte) []byte {
	h := hmac.New(sha256.New, s.key)
	for _, p := range parts {
		_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(p))))
		_, _ = h.Write(p)
	}
	return h.Sum(nil)
}

// seal makes the file of HMACs of a generation.
func (s *Store) seal(host, gen string, files map[string][]byte) []byte {
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(files)) {
		_, _ = fmt.Fprintf(&b, "%x %q\n", s.mac([]byte("file"), []byte(host), []byte(gen), []byte(name), files[name]), name)
	}
	_, _ = fmt.Fprintf(&b, "%x\n", s.mac([]byte("generation"), []byte(host), []byte(gen), b.Bytes()))
	return b.Bytes()
}

// unseal reads a generation and checks it. The error names the file that is
// not what was written.
func (s *Store) unseal(host, gen string) (map[string][]byte, error) {
	for {
		before, _ := s.Sealed(host, gen)
		files, err := s.unsealOnce(host, gen)
		if after, _ := s.Sealed(host, gen); err == nil || before == after {
			return files, err
		} // it was amended meanwhile
	}
}

func (s *Store) unsealOnce(host, gen string) (map[string][]byte, error) {
	dir := filepath.Join(s.dir, ".store", "generations", host, gen)
	tampered := func(format string, args ...any) error {
		return fmt.Errorf("%w: snapshot %s of %s in %s: %s; if nobody has changed the store, it was written with another home key: take a snapshot of %s anew, or remove that directory",
			ErrTampered, gen, host, dir, fmt.Sprintf(format, args...), host)
	}
	text, err := os.ReadFile(filepath.Join(dir, sealName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, tampered("it has no file %s", sealName)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read snapshot %s of %s: %w", gen, host, err)
	}
	list := strings.TrimSuffix(string(text), "\n")
	cut := strings.LastIndexByte(list, '\n') + 1
	whole, err := hex.DecodeString(list[cut:])
	if err != nil || !hmac.Equal(whole, s.mac([]byte("generation"), []byte(host), []byte(gen), []byte(list[:cut]))) {
		return nil, tampered("its file %s was changed", sealName)
	}
	files := map[string][]byte{}
	for line := range strings.Lines(list[:cut]) {
		sum, quoted, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		name, err := strconv.Unquote(quoted)
		if err != nil || !filepath.IsLocal(filepath.FromSlash(name)) {
			return nil, tampered("its file %s names %s", sealName, quoted)
		}
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, tampered("%s is missing", name)
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read snapshot %s of %s: %w", gen, host, err)
		}
		if sum != hex.EncodeToString(s.mac([]byte("file"), []byte(host), []byte(gen), []byte(name), data)) {
			return nil, tampered("%s was changed", name)
		}
		files[name] = data
	}
	return files, nil
}

// recordTrailer is the length of what a record ends with: its HMAC.
const recordTrailer = sha256.Size

func (s *Store) recordMAC(r Record, host string, data []byte) []byte {
	return s.mac([]byte("record"), []byte(r), []byte(host), data)
}

// openRecord gives what a record holds.
func (s *Store) openRecord(r Record, host, path string, raw []byte) ([]byte, error) {
	n := len(raw) - recordTrailer
	if n < 0 || !hmac.Equal(raw[n:], s.recordMAC(r, host, raw[:n])) {
		return nil, fmt.Errorf("%w: %s was changed, or written with another home key; without that file hikae knows %s", ErrTampered, path, r.without())
	}
	return raw[:n], nil
}

// without says what is lost with a record, for one who must remove it.
func (r Record) without() string {
	switch r {
	case Base:
		return "of nothing that it applied there, and will remove nothing"
	case Undo:
		return "of no undo point"
	case Begun:
		return "not what an apply that was cut off made there, and will not remove that"
	}
	return "less, and finds it out again"
}
