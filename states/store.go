// Package states is the store: what hosts were (snapshots, in generations),
// what was last applied to them (Base), and the contents of both.
//
// Below the store's directory:
//
//	HOST/                    the newest snapshot, to read and to keep in git
//	.store/blobs/ab/abcd...  contents by name (states/blob)
//	.store/generations/HOST/20261123T071200Z/
//	                         one snapshot: its HCL and lock files
//	.store/base/HOST         what was last applied to HOST
//	.store/pristine/HOST     which packages' files could not be had, and when
//	.store/begun/HOST        what an apply that has not ended was to make
//	.store/stamps/HOST       what lets the next read skip unchanged files
//	.store/rpms/HOST         which contents are the rpm files of HOST's packages
//	.store/instep/HOST       when an apply last left HOST in step
//	.store/hold/HOST         until when nothing is applied to HOST
//	.store/allow/HOST        when a person last let pass what was over a budget
//	.store/mirror/HOST.TREE  what is known of a tree that is kept on HOST
//	.store/cleaned           when contents that nobody uses were last looked for
//	.store/watch.json        what the process that follows says of itself
//
// The generations are the truth; HOST/ is a copy for people. Generations and
// records carry HMACs under the store's key, and nothing else is believed; blobs
// are checked by their names by whoever reads them. The package
// handles bytes and names: engine/lang says what they mean.
package states

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"hikae/states/blob"
)

// Store is an opened store.
type Store struct {
	dir   string
	key   []byte
	Blobs blob.Store
	dirs  *blob.Dir // what Blobs is, or is over

	updates sync.Mutex // held while a record is changed

	mu      sync.Mutex
	holders int      // how many of this process hold the lock
	lock    *os.File // while there are any
	swept   time.Time
}

// Open opens the store at dir and makes it where it is missing. What is in it
// is believed where it was written with the same key (ErrTampered).
func Open(dir string, key []byte) (*Store, error) {
	if len(key) == 0 {
		return nil, errors.New("cannot open store: no key")
	}
	for _, d := range []string{"generations", "base", "begun", "stamps", "undo", "pristine", "instep", "hold", "allow", "mirror", "rpms", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, ".store", d), 0o700); err != nil {
			return nil, fmt.Errorf("cannot open store: %w", err)
		}
	}
	blobs, err := blob.OpenDir(filepath.Join(dir, ".store", "blobs"))
	if err != nil {
		return nil, err
	}
	return &Store{dir: dir, key: bytes.Clone(key), Blobs: blobs, dirs: blobs}, nil
}

// Dir is where the store lies.
func (s *Store) Dir() string { return s.dir }

// PutNew stores a blob whose name is known once r has ended.
func (s *Store) PutNew(ctx context.Context, r io.Reader, name func() string) error {
	return s.dirs.PutNew(ctx, r, name)
}

// CheckName refuses a host name that could lead out of the store.
func CheckName(host string) error {
	if host == "" || host[0] == '.' || host[0] == '-' || len(host) > 200 || strings.ContainsAny(host, "/\x00\n") {
		return fmt.Errorf("cannot use host name %q", host)
	}
	return nil
}

// ErrNoSnapshot: the host was never read, or has no such generation.
var ErrNoSnapshot = errors.New("no snapshot")

// ErrLocked: another writer has the store.
var ErrLocked = errors.New("the store is locked")

// Lock keeps other processes that write out of the store until unlock is
// called. Within a process it may be held several times, for several hosts:
// what is a host's own (generations, records) has one writer each, and contents
// are written whole under names that say what they are.
func (s *Store) Lock(holder string) (unlock func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holders == 0 {
		if s.lock, err = lockFile(filepath.Join(s.dir, ".store", "lock"), holder); err != nil {
			return nil, err
		}
		s.sweep()
	}
	s.holders++
	return sync.OnceFunc(s.unlock), nil
}

// sweep removes what writers that were killed left. One that is at work, without
// the lock as a plan is, has written it just now. It looks now and then: hundreds
// of directories take milliseconds, and a loop takes the lock for each change.
func (s *Store) sweep() {
	const atWork, again = 10 * time.Minute, time.Hour
	if time.Since(s.swept) < again {
		return
	}
	s.swept = time.Now()
	for _, pattern := range []string{"*/.new-*", "blobs/*/.new-*", "tmp/*"} {
		left, _ := filepath.Glob(filepath.Join(s.dir, ".store", pattern)) // the patterns are good
		for _, p := range left {
			if info, err := os.Lstat(p); err == nil && time.Since(info.ModTime()) > atWork {
				_ = os.RemoveAll(p) // in nobody's way
			}
		}
	}
}

func (s *Store) unlock() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holders--; s.holders == 0 {
		_ = s.lock.Close()
	}
}

// Generations lists the snapshots of a host, oldest first.
func (s *Store) Generations(host string) ([]string, error) {
	if err := CheckName(host); err != nil {
		return nil, err
	}
	es, err := os.ReadDir(filepath.Join(s.dir, ".store", "generations", host))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot list snapshots: %w", err)
	}
	var gens []string
	for _, e := range es {
		if e.IsDir() {
			gens = append(gens, e.Name())
		}
	}
	slices.Sort(gens)
	return gens, nil
}

// Newest names the newest generation of a host.
func (s *Store) Newest(host string) (string, error) {
	gens, err := s.Generations(host)
	if err != nil {
		return "", err
	}
	if len(gens) == 0 {
		return "", fmt.Errorf("%w of %s in %s: run hikae snapshot %s", ErrNoSnapshot, host, s.dir, host)
	}
	return gens[len(gens)-1], nil
}

// Generation opens a snapshot's files; gen "" is the newest.
func (s *Store) Generation(host, gen string) (fs.FS, error) {
	gens, err := s.Generations(host)
	if err != nil {
		return nil, err
	}
	if gen == "" {
		if gen, err = s.Newest(host); err != nil {
			return nil, err
		}
	}
	if !slices.Contains(gens, gen) {
		return nil, fmt.Errorf("%w %s of %s; there are: %s", ErrNoSnapshot, gen, host, strings.Join(gens, " "))
	}
	files, err := s.unseal(host, gen)
	if err != nil {
		return nil, err
	}
	return generation(files), nil
}

// Record is a small file of the store that belongs to a host.
type Record string

// The records.
const (
	Base   Record = "base"   // what was last applied
	Stamps Record = "stamps" // opaque to all but the agent
	Undo   Record = "undo"   // the generations that are undo points, one a line
	InStep Record = "instep" // when an apply last left the host in step; none: it never was

	Pristine Record = "pristine" // contents that packages were asked for in vain
	Begun    Record = "begun"    // the changes of an apply that has not ended
	Allow    Record = "allow"    // when a person let pass what was over a budget
	Mirror   Record = "mirror"   // what is known of a tree that is kept on the host
	RPMs     Record = "rpms"     // which contents are the rpm files of its packages
	Hold     Record = "hold"     // until when nothing is applied to the host, and who said so
)

// Get reads a record; nil where there is none.
func (s *Store) Get(r Record, host string) ([]byte, error) {
	if err := CheckName(host); err != nil {
		return nil, err
	}
	path := filepath.Join(s.dir, ".store", string(r), host)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %s of %s: %w", r, host, err)
	}
	data, err := s.openRecord(r, host, path, raw)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s of %s: %w", r, host, err)
	}
	return data, nil
}

// With lists those that have a record.
func (s *Store) With(r Record) (hosts []string, err error) {
	es, err := os.ReadDir(filepath.Join(s.dir, ".store", string(r)))
	if err != nil {
		return nil, fmt.Errorf("cannot list %s: %w", r, err)
	}
	for _, e := range es {
		if CheckName(e.Name()) == nil { // else it is being written
			hosts = append(hosts, e.Name())
		}
	}
	return hosts, nil
}

// Update changes a record that several of this process may change.
func (s *Store) Update(r Record, host string, change func(was []byte) ([]byte, error)) error {
	s.updates.Lock()
	defer s.updates.Unlock()
	was, err := s.Get(r, host)
	if err != nil {
		return err
	}
	is, err := change(was)
	if err != nil {
		return err
	}
	return s.Set(r, host, is)
}

// Set writes a record, whole or not at all.
func (s *Store) Set(r Record, host string, data []byte) error {
	if err := CheckName(host); err != nil {
		return err
	}
	return blob.WriteFile(filepath.Join(s.dir, ".store", string(r), host), 0o600, func(w io.Writer) error {
		_, err := w.Write(slices.Concat(data, s.recordMAC(r, host, data)))
		return err
	})
}
