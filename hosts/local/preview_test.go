package local_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hikae/hosts"
	"hikae/hosts/hosttest"
	"hikae/hosts/local"
)

// In a view what is staged is in its place, for programs too, and what is
// written there is gone afterwards; the host itself has changed in nothing.
func TestPreview(t *testing.T) {
	h := hosttest.New(t)
	h.Write("/etc/d/conf", "old\n")
	h.Write("/etc/d/gone", "there\n")
	h.Write("/srv/data", "old\n")
	stage := func(p, text string) hosts.Laid {
		t.Helper()
		n := hosts.Node{Type: hosts.File, Mode: 0o640, Owner: "alice", Group: "web", Content: hosts.Content{Size: int64(len(text))}}
		s, err := h.Stage(t.Context(), p, n, strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Discard(); err != nil {
				t.Error(err)
			}
		})
		return hosts.Laid{Path: p, From: s.Path()}
	}
	laid := []hosts.Laid{stage("/etc/d/conf", "new\n"), stage("/etc/d/came", "x"), stage("/srv/data", "new\n"), {Path: "/etc/d/gone"}}
	staged := tree(t, h.Root)

	called := false
	err := h.Preview(t.Context(), laid, func(v hosts.Host) error {
		called = true
		if got := h.Text("/etc/d/conf") + h.Text("/srv/data"); got != "new\nnew\n" {
			t.Errorf("in the view: %q", got)
		}
		if n, err := v.Stat("/etc/d/conf"); err != nil || n.Owner != "alice" || n.Group != "web" || n.Mode != 0o640 {
			t.Errorf("in the view: %+v, %v", n, err)
		}
		if _, err := v.Stat("/etc/d/gone"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("what is to go: %v", err)
		}
		if got := names(t, h.Path("/etc/d")); got != "came conf" {
			t.Errorf("in the directory: %s", got)
		}
		h.Write("/etc/d/derived.db", "thrown away")
		return nil
	})
	if err != nil || !called {
		t.Fatalf("called: %v, %v", called, err)
	}
	if got := tree(t, h.Root); got != staged {
		t.Errorf("before the view:\n%s\nafter it:\n%s", staged, got)
	}

	want := errors.New("no")
	if err := h.Preview(t.Context(), laid, func(hosts.Host) error { return want }); !errors.Is(err, want) {
		t.Errorf("fn's error: %v", err)
	}
	if err := h.Preview(t.Context(), []hosts.Laid{{Path: "/etc/d/conf", From: "/etc/d/.hikae.0123456789abcdef"}}, func(hosts.Host) error {
		t.Error("called for what is not there")
		return nil
	}); !errors.Is(err, hosts.ErrNoPreview) {
		t.Errorf("what is not there: %v", err)
	}
}

// Programs that run in a view see it, those that run beside it do not.
func TestPreviewForPrograms(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to mount")
	}
	h, err := local.New(local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	p := filepath.Join(t.TempDir(), "conf")
	if err := os.WriteFile(p, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := h.Stage(t.Context(), p, hosts.Node{Type: hosts.File, Mode: 0o600, Owner: "root", Group: "root", Content: hosts.Content{Size: 3}}, strings.NewReader("new"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Discard()
	cat := func(h hosts.Host) string {
		r, err := h.Run(t.Context(), hosts.Cmd{Argv: []string{"cat", p}})
		if err != nil {
			t.Fatal(err)
		}
		return string(r.Stdout)
	}
	err = h.Preview(t.Context(), []hosts.Laid{{Path: p, From: s.Path()}}, func(v hosts.Host) error {
		if got := cat(v); got != "new" {
			t.Errorf("in the view: %q", got)
		}
		beside := make(chan string)
		go func() { beside <- cat(h) }()
		if got := <-beside; got != "old" {
			t.Errorf("beside the view: %q", got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return strings.Join(out, " ")
}

// tree is all paths below root with the files' bytes, but for /run, which
// programs use.
func tree(t *testing.T, root string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == filepath.Join(root, "run") {
			if err == nil {
				err = fs.SkipDir
			}
			return err
		}
		b.WriteString(p)
		if d.Type().IsRegular() {
			text, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			b.WriteString(" " + string(text))
		}
		b.WriteString("\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
