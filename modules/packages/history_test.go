package packages

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"

	"hikae/hosts"
	"hikae/hosts/rpmdb"
)

// testdata/history.sqlite has dnf's tables with: an installation by anaconda
// (1), an update (2), a transaction cut off (3), one that failed (4) and a
// mark (5).

func asSection(b []byte) *io.SectionReader {
	return io.NewSectionReader(bytes.NewReader(b), 0, int64(len(b)))
}

func TestHistory(t *testing.T) {
	db, err := os.ReadFile("testdata/history.sqlite")
	if err != nil {
		t.Fatal(err)
	}
	h, err := parseHistory(t.Context(), asSection(db), nil)
	if err != nil {
		t.Fatal(err)
	}
	const none = "-" // dnf does not know
	for _, c := range []struct {
		name, version, arch string
		epoch               uint32
		reason              reason
		repo                string
	}{
		{"user", "2", "x86_64", 0, reasonUser, "appstream"}, // updated
		{"dep", "1", "noarch", 0, reasonUser, "anaconda"},   // marked since
		{"weak", "1", "x86_64", 2, reasonWeakDependency, "anaconda"},
		{"group", "1", "x86_64", 0, 5, "anaconda"},
		{"gone", "1", "x86_64", 0, reasonUnknown, "anaconda"}, // removed: installed again with rpm
		{"house", "1", "noarch", 0, reasonUser, ""},           // a file
		{"cut", "1", "x86_64", 0, reasonUnknown, none},        // never ended
		{"failed", "1", "x86_64", 0, reasonUnknown, none},     // never came
		{"found", "1", "x86_64", 0, reasonUser, none},         // dnf found it installed
		{"old", "1", "x86_64", 0, reasonUser, "anaconda"},     // obsoleted: what replaced it tells
		{"never", "1", "x86_64", 0, reasonUnknown, none},
		{"user", "2", "i686", 0, reasonUnknown, none}, // of another architecture
		{"weak", "1", "x86_64", 0, reasonWeakDependency, none},
	} {
		p := &rpmdb.Package{Name: c.name, Version: c.version, Release: "1", Arch: c.arch, Epoch: c.epoch}
		repo, ok := h.repo(p)
		if !ok {
			repo = none
		}
		if got := h.reason(p); got != c.reason || repo != c.repo {
			t.Errorf("%s: reason %d from %q, want %d from %q", p.NEVRA(), got, repo, c.reason, c.repo)
		}
	}
}

// files is a Reader of nothing but files; each reading of one may be another.
type files struct {
	hosts.Reader
	content map[string]func() string
}

func (f files) Digest(_ context.Context, p string) (hosts.Content, error) {
	if f.content[p] == nil {
		return hosts.Content{}, fs.ErrNotExist
	}
	b := f.content[p]()
	return hosts.Content{Size: int64(len(b)), ID: sha256.Sum256([]byte(b))}, nil
}

func (f files) Open(p string) (io.ReadCloser, error) {
	if f.content[p] == nil {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(strings.NewReader(f.content[p]())), nil
}

func TestHistoryThatMoves(t *testing.T) {
	db, err := os.ReadFile("testdata/history.sqlite")
	if err != nil {
		t.Fatal(err)
	}
	reads := 0
	r := files{content: map[string]func() string{historyPath: func() string {
		if reads++; reads < 4 {
			return string(bytes.Repeat([]byte("x"), reads)) // half written, and each time otherwise
		}
		return string(db)
	}}}
	h, err := readHistory(t.Context(), r)
	if err != nil || len(h.reasons) == 0 {
		t.Errorf("history %v, error %v", h, err)
	}

	r.content[historyPath] = func() string { reads++; return strings.Repeat("x", reads) }
	if _, err := readHistory(t.Context(), r); err == nil || !strings.Contains(err.Error(), "kept changing") {
		t.Errorf("error %v", err)
	}

	r.content[historyPath] = func() string { return "no database" }
	if _, err := readHistory(t.Context(), r); err == nil {
		t.Error("nonsense is read")
	}

	if h, err := readHistory(t.Context(), files{}); err != nil || len(h.reasons) > 0 {
		t.Errorf("no history: %v, error %v", h, err)
	}
}

func FuzzHistory(f *testing.F) {
	db, err := os.ReadFile("testdata/history.sqlite")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(db)
	f.Fuzz(func(_ *testing.T, db []byte) {
		h, err := parseHistory(context.Background(), asSection(db), nil)
		if err == nil {
			h.reason(&rpmdb.Package{Name: "user"})
		}
	})
}
