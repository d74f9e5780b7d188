package states

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func open(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.TempDir(), []byte("key"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func files(header, body string) map[string][]byte {
	return map[string][]byte{"snapshot.hcl": []byte(header), "files.hcl": []byte(body)}
}

// A snapshot of what has not changed makes no new generation: history stays
// small.
func TestGenerations(t *testing.T) {
	s := open(t)
	write := func(at time.Time, header, body string) (string, bool) {
		t.Helper()
		gen, changed, err := s.WriteSnapshot("rio1", at, "", files(header, body), map[string][]byte{"files/etc/motd": []byte(body)})
		if err != nil {
			t.Fatal(err)
		}
		return gen, changed
	}
	first, changed := write(noon, "12:00", "a")
	if !changed {
		t.Error("the first is no change")
	}
	if gen, changed := write(noon.Add(time.Hour), "13:00", "a"); changed || gen != first {
		t.Errorf("nothing changed, and there is %s (changed %v)", gen, changed)
	}
	second, changed := write(noon.Add(2*time.Hour), "14:00", "b")
	if !changed || second <= first {
		t.Errorf("got %s after %s (changed %v)", second, first, changed)
	}
	for gen, want := range map[string]string{first: "a", second: "b", "": "b"} {
		fsys, err := s.Generation("rio1", gen)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := fs.ReadFile(fsys, "files.hcl"); err != nil || string(got) != want {
			t.Errorf("%q: got %q, %v", gen, got, err)
		}
	}
	if got, err := os.ReadFile(filepath.Join(s.Dir(), "rio1", "files/etc/motd")); err != nil || string(got) != "b" {
		t.Errorf("the copy for people: %q, %v", got, err)
	}
	if _, err := s.Generation("rio1", "20000101T000000.000Z"); !errors.Is(err, ErrNoSnapshot) || !strings.Contains(err.Error(), second) {
		t.Errorf("got %v", err)
	}
	if _, err := s.Newest("rio2"); !errors.Is(err, ErrNoSnapshot) {
		t.Errorf("got %v", err)
	}
}

// The copy for people follows: what is gone is gone, and a file may become a
// directory.
func TestReadableCopy(t *testing.T) {
	s := open(t)
	for _, readable := range []map[string][]byte{
		{"files/a": []byte("1"), "files/b": []byte("2")},
		{"files/a/x": []byte("3")},
	} {
		if _, _, err := s.WriteSnapshot("rio1", noon, "", files("h", "b"), readable); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(s.Dir(), "rio1", "files/b")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("files/b is still there: %v", err)
	}
	if got, err := os.ReadFile(filepath.Join(s.Dir(), "rio1", "files/a/x")); err != nil || string(got) != "3" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestNothingIsWrittenOutside(t *testing.T) {
	s := open(t)
	for _, host := range []string{"", "..", "a/b", ".store", "-x", "a\x00"} {
		if _, _, err := s.WriteSnapshot(host, noon, "", files("h", "b"), nil); err == nil {
			t.Errorf("host %q is taken", host)
		}
		if err := s.Set(Base, host, nil); err == nil {
			t.Errorf("host %q is taken", host)
		}
	}
	for _, name := range []string{"../x", "/etc/x", "a/../../x"} {
		if _, _, err := s.WriteSnapshot("rio1", noon, "", map[string][]byte{name: nil}, nil); err == nil {
			t.Errorf("file %q is taken", name)
		}
	}
}

// A clock that was put back does not make an old snapshot the newest.
func TestNewestIsTheLastWritten(t *testing.T) {
	s := open(t)
	for i, body := range []string{"a", "b", "c"} {
		gen, _, err := s.WriteSnapshot("rio1", noon.Add(-time.Duration(i)*time.Hour), "", files("h", body), nil)
		if err != nil {
			t.Fatal(err)
		}
		if newest, err := s.Newest("rio1"); err != nil || newest != gen {
			t.Errorf("%s was written, and %s is the newest (%v)", gen, newest, err)
		}
	}
}

// The copy for people is kept in git: what git keeps there is not hikae's to
// remove.
func TestGitStays(t *testing.T) {
	s := open(t)
	for i, body := range []string{"a", "b"} {
		if _, _, err := s.WriteSnapshot("rio1", noon.Add(time.Duration(i)*time.Hour), "", files("h", body), map[string][]byte{"files/" + body: nil}); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			for _, name := range []string{".git/objects/ab", ".gitignore"} {
				if err := writeBelow(filepath.Join(s.Dir(), "rio1"), name, []byte("git's")); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for name, want := range map[string]bool{".git/objects/ab": true, ".gitignore": true, "files/a": false, "files/b": true} {
		if _, err := os.Stat(filepath.Join(s.Dir(), "rio1", name)); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRecordsAndLock(t *testing.T) {
	s := open(t)
	if got, err := s.Get(Base, "rio1"); got != nil || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if err := s.Set(Base, "rio1", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get(Base, "rio1"); string(got) != "x" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	other, err := Open(s.Dir(), []byte("key")) // as another process has it
	if err != nil {
		t.Fatal(err)
	}
	refused := func(store *Store, holder string) {
		t.Helper()
		if _, err := store.Lock("hanako"); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), holder) {
			t.Errorf("got %v", err)
		}
	}
	// For two hosts of one process, until both are over.
	var unlock [2]func()
	for i := range unlock {
		if unlock[i], err = s.Lock("taro"); err != nil {
			t.Fatal(err)
		}
	}
	refused(other, "taro")
	unlock[0]()
	unlock[0]() // again is nothing
	refused(other, "taro")
	unlock[1]()
	again, err := other.Lock("hanako")
	if err != nil {
		t.Fatal(err)
	}
	refused(s, "hanako")
	again()
}

// What a killed writer left goes with the next one's lock; what is being
// written stays.
func TestLockSweeps(t *testing.T) {
	s := open(t)
	var olds, news []string
	for _, dir := range []string{"base", "tmp", "blobs/ab"} {
		dir = filepath.Join(s.Dir(), ".store", dir)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		olds, news = append(olds, filepath.Join(dir, ".new-1")), append(news, filepath.Join(dir, ".new-2"))
	}
	for _, p := range slices.Concat(olds, news) {
		if err := os.WriteFile(p, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range olds {
		if err := os.Chtimes(p, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	unlock, err := s.Lock("test")
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	for i := range olds {
		_, oldErr := os.Stat(olds[i])
		_, newErr := os.Stat(news[i])
		if oldErr == nil || newErr != nil {
			t.Errorf("%s: %v; %s: %v", olds[i], oldErr, news[i], newErr)
		}
	}
}

// An open generation becomes what is written, under its name, and nobody who
// reads meanwhile finds none or a half of each.
func TestAmend(t *testing.T) {
	s := open(t)
	gen, _, err := s.WriteSnapshot("rio1", noon, "", files("h", "0"), nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	stop := make(chan struct{})
	go func() {
		for {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			if _, err := s.Generation("rio1", gen); err != nil {
				done <- err
				return
			}
		}
	}()
	for i := range 100 {
		again, changed, err := s.WriteSnapshot("rio1", noon.Add(time.Minute), gen, files("h", fmt.Sprint(i+1)), nil)
		if err != nil || !changed || again != gen {
			t.Fatalf("amended: %s, %v, %v; want %s", again, changed, err, gen)
		}
	}
	close(stop)
	if err := <-done; err != nil {
		t.Errorf("read meanwhile: %v", err)
	}
	if gens, _ := s.Generations("rio1"); len(gens) != 1 {
		t.Errorf("there are %v", gens)
	}
	next, _, err := s.WriteSnapshot("rio1", noon.Add(time.Hour), "", files("h", "next"), nil)
	if err != nil || next == gen {
		t.Fatal(next, err)
	}
	last, _, err := s.WriteSnapshot("rio1", noon.Add(2*time.Hour), gen, files("h", "later"), nil)
	if err != nil || last == gen || last == next {
		t.Errorf("a generation that is not the newest was amended: %s, %v", last, err)
	}
	if got := amended(t, s, next); got != "next" {
		t.Errorf("%s holds %q", next, got)
	}
}

func amended(t *testing.T, s *Store, gen string) string {
	t.Helper()
	fsys, err := s.Generation("rio1", gen)
	if err != nil {
		t.Fatal(err)
	}
	for name := range files("h", "") {
		if name == header {
			continue
		}
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	return ""
}

// What several change at once loses none of it.
func TestUpdate(t *testing.T) {
	s := open(t)
	var all sync.WaitGroup
	const many = 8
	for range many {
		all.Go(func() {
			if err := s.Update(RPMs, "rio1", func(was []byte) ([]byte, error) { return append(was, 'x'), nil }); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got, err := s.Get(RPMs, "rio1"); err != nil || len(got) != many {
		t.Errorf("%q, %v", got, err)
	}
	no := errors.New("no")
	if err := s.Update(RPMs, "rio1", func([]byte) ([]byte, error) { return nil, no }); !errors.Is(err, no) {
		t.Errorf("refused: %v", err)
	}
	if got, err := s.Get(RPMs, "rio1"); err != nil || len(got) != many {
		t.Errorf("refused: %q, %v", got, err)
	}
}
