package states

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// Whatever one who can write the store does to a generation, it is refused and
// the file is named.
func TestTamperedGeneration(t *testing.T) {
	for name, tc := range map[string]struct {
		attack func(s *Store, host, gen, dir string) error
		names  string
	}{
		"a byte": {func(_ *Store, _, _, dir string) error {
			return os.WriteFile(filepath.Join(dir, "files.hcl"), []byte("evil"), 0o600)
		}, "files.hcl"},
		"a file less": {func(_ *Store, _, _, dir string) error { return os.Remove(filepath.Join(dir, "files.hcl")) }, "files.hcl"},
		"no seal":     {func(_ *Store, _, _, dir string) error { return os.Remove(filepath.Join(dir, sealName)) }, sealName},
		"an empty seal": {func(_ *Store, _, _, dir string) error {
			return os.WriteFile(filepath.Join(dir, sealName), nil, 0o600)
		}, sealName},
		"a seal of another key": {func(s *Store, host, gen, dir string) error {
			other := &Store{dir: s.dir, key: []byte("other")}
			evil := files("h", "evil")
			return errors.Join(os.WriteFile(filepath.Join(dir, "files.hcl"), evil["files.hcl"], 0o600), os.WriteFile(filepath.Join(dir, sealName), other.seal(host, gen, evil), 0o600))
		}, sealName},
		"a line less in the seal": {func(_ *Store, _, _, dir string) error {
			b, err := os.ReadFile(filepath.Join(dir, sealName))
			_, rest, _ := bytes.Cut(b, []byte("\n"))
			return errors.Join(err, os.WriteFile(filepath.Join(dir, sealName), rest, 0o600))
		}, sealName},
	} {
		s := open(t)
		gen, _, err := s.WriteSnapshot("rio1", noon, "", files("h", "a"), nil)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(s.Dir(), ".store", "generations", "rio1", gen)
		if err := tc.attack(s, "rio1", gen, dir); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Generation("rio1", ""); !errors.Is(err, ErrTampered) || !strings.Contains(err.Error(), tc.names) {
			t.Errorf("%s: %v", name, err)
		}
		// A snapshot taken anew is another, not that one.
		again, changed, err := s.WriteSnapshot("rio1", noon.Add(time.Hour), "", files("h", "a"), nil)
		if err != nil || !changed || again == gen {
			t.Errorf("%s: then %s, %v, %v", name, again, changed, err)
		}
		if _, err := s.Generation("rio1", ""); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A generation that is authentic is so as what it is: not as another host's, nor
// at another time; and a file that was added to it is not read.
func TestMovedGeneration(t *testing.T) {
	s := open(t)
	gen, _, err := s.WriteSnapshot("rio1", noon, "", files("h", "a"), nil)
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(s.Dir(), ".store", "generations")
	for host, as := range map[string]string{"rio2": gen, "rio1": "20990101T000000.000Z"} {
		if err := os.CopyFS(filepath.Join(root, host, as), os.DirFS(filepath.Join(root, "rio1", gen))); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Generation(host, as); !errors.Is(err, ErrTampered) {
			t.Errorf("%s@%s: %v", host, as, err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "rio1", gen, "users.hcl"), []byte("evil"), 0o600); err != nil {
		t.Fatal(err)
	}
	fsys, err := s.Generation("rio1", gen)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fs.Stat(fsys, "users.hcl"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was added is read: %v", err)
	}
	if err := fstest.TestFS(fsys, "files.hcl", "snapshot.hcl"); err != nil {
		t.Error(err)
	}
}

func TestTamperedRecord(t *testing.T) {
	s := open(t)
	for _, r := range []Record{Base, Undo, Stamps} {
		if err := s.Set(r, "rio1", []byte("what was applied")); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(s.Dir(), ".store", string(r), "rio1")
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for name, evil := range map[string][]byte{
			"a byte": append([]byte{raw[0] ^ 1}, raw[1:]...), "cut short": raw[:len(raw)-1], "empty": {}, "longer": append(bytes.Clone(raw), 0),
		} {
			if err := os.WriteFile(path, evil, 0o600); err != nil {
				t.Fatal(err)
			}
			if got, err := s.Get(r, "rio1"); !errors.Is(err, ErrTampered) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s, %s: %q, %v", r, name, got, err)
			}
		}
		// Another host's, or another record, is none of this one's.
		if err := os.WriteFile(filepath.Join(s.Dir(), ".store", string(r), "rio2"), raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get(r, "rio2"); !errors.Is(err, ErrTampered) {
			t.Errorf("%s of another host: %v", r, err)
		}
	}
}

// Links that came with the store (git keeps them) lead nothing out of it.
func TestLinksInTheStore(t *testing.T) {
	s := open(t)
	out := t.TempDir()
	victim := filepath.Join(out, "victim")
	if err := os.WriteFile(victim, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(s.Dir(), "rio1")
	lay := func() {
		t.Helper()
		for _, l := range [][2]string{{victim, "files.hcl"}, {out, "files"}, {victim, "snapshot.hcl"}} {
			_ = os.RemoveAll(filepath.Join(root, l[1]))
			if err := errors.Join(os.MkdirAll(root, 0o755), os.Symlink(l[0], filepath.Join(root, l[1]))); err != nil {
				t.Fatal(err)
			}
		}
	}
	lay()
	readable := map[string][]byte{"files/victim": []byte("evil")}
	for i := range 2 {
		if _, _, err := s.WriteSnapshot("rio1", noon, "", files("h", "evil"), readable); err != nil {
			t.Errorf("%d: %v", i, err)
		}
		if b, err := os.ReadFile(victim); err != nil || string(b) != "mine" {
			t.Fatalf("%d: the victim holds %q, %v", i, b, err)
		}
		lay()
	}
	// The copy itself, and the lock.
	if err := errors.Join(os.RemoveAll(root), os.Symlink(out, root)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.WriteSnapshot("rio1", noon, "", files("h", "evil"), readable); err != nil {
		t.Error(err)
	}
	_ = os.Remove(filepath.Join(s.Dir(), ".store", "lock"))
	if err := os.Symlink(victim, filepath.Join(s.Dir(), ".store", "lock")); err != nil {
		t.Fatal(err)
	}
	if unlock, err := s.Lock("taro"); err == nil {
		unlock()
		t.Error("a link is locked")
	}
	if b, err := os.ReadFile(victim); err != nil || string(b) != "mine" {
		t.Errorf("the victim holds %q, %v", b, err)
	}
	if es, _ := os.ReadDir(out); len(es) != 1 {
		t.Errorf("%d files where the links lead", len(es))
	}
}
