package packages

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"hikae/engine"
	"hikae/hosts/rpmdb"
	"hikae/modules/internal/rpmtest"
)

func contents(t testing.TB, rpm []byte) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := unpack(bytes.NewReader(rpm), func(path string, size int64, content io.Reader) error {
		b, err := io.ReadAll(content)
		if int64(len(b)) != size {
			t.Errorf("%s has %d bytes, said to have %d", path, len(b), size)
		}
		got[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestUnpack reads the payloads that rpm has written over the years: gzip to
// EL 6, xz to EL 8, zstd since.
func TestUnpack(t *testing.T) {
	for _, payload := range []string{"w9.gzdio", "w6.xzdio", "w19.zstdio", "w9.bzdio", "w.ufdio"} {
		dir := t.TempDir()
		rpmtest.Build(t, dir, []rpmtest.Spec{{Name: "a", EVR: "1-1", Arch: "noarch"}}, "--define", "_binary_payload "+payload)
		rpm, err := os.ReadFile(filepath.Join(dir, "a-1-1.noarch.rpm"))
		if err != nil {
			t.Fatal(err)
		}
		if got := contents(t, rpm); len(got) != 1 || got["/etc/a/conf"] != "a 1-1\n" {
			t.Errorf("%s: %q", payload, got)
		}
		name, v, err := FileVersion(bytes.NewReader(rpm), "x86_64")
		if err != nil || name != "a" || v.String() != "1-1.noarch" {
			t.Errorf("%s: %s %s, error %v", payload, name, v, err)
		}
		for _, n := range []int{0, 10, leadSize + 8, len(rpm) / 2} {
			if err := unpack(bytes.NewReader(rpm[:n]), func(string, int64, io.Reader) error { return nil }); err == nil {
				t.Errorf("%s: cut off after %d bytes it is unpacked", payload, n)
			}
		}
	}
}

func TestPristine(t *testing.T) {
	h, m, repo := newHost(t)
	mustApply(t, m, h, []engine.Resource{want("app", "1.0-1.el8.x86_64", true)})
	h.Write(t, "/etc/app/conf", "edited\n")
	app := &rpmdb.Package{Name: "app", Version: "1.0", Release: "1.el8", Arch: "x86_64"}
	got := map[string]string{}
	collect := func(path string, _ int64, content io.Reader) error {
		b, err := io.ReadAll(content)
		got[path] = string(b)
		return err
	}
	err := m.Pristine(t.Context(), h, app, []string{"/etc/app/conf", "/etc/none"}, func(string) {}, collect)
	if err != nil || len(got) != 1 || got["/etc/app/conf"] != "app 1.0-1.el8\n" {
		t.Errorf("%q, error %v", got, err)
	}
	if _, err := os.Stat(repo + "/app-1.0-1.el8.x86_64.rpm"); err != nil {
		t.Errorf("the repository's file is gone: %v", err)
	}
	expect(t, m, h, "app 1.0-1.el8.x86_64 asked base", "lib 2.0-1.el8.noarch base")

	// Over the network it comes too, and nothing is left behind.
	server := httptest.NewServer(http.FileServer(http.Dir(repo)))
	defer server.Close()
	h.Write(t, "/etc/yum.repos.d/base.repo", "[net]\nname=net\nbaseurl="+server.URL+"/\ngpgcheck=0\n")
	clear(got)
	err = m.Pristine(t.Context(), h, app, []string{"/etc/app/conf"}, func(string) {}, collect)
	if err != nil || got["/etc/app/conf"] != "app 1.0-1.el8\n" {
		t.Errorf("%q, error %v", got, err)
	}
	if left, _ := filepath.Glob(h.Root + stateDir + "/*.rpm"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}

	app.Version = "0.1"
	if err := m.Pristine(t.Context(), h, app, nil, func(string) {}, collect); !errors.Is(err, ErrUnavailable) {
		t.Errorf("error %v", err)
	}
}

func FuzzUnpack(f *testing.F) {
	dir := f.TempDir()
	rpmtest.Build(f, dir, []rpmtest.Spec{{Name: "a", EVR: "1-1", Arch: "noarch"}}, "--define", "_binary_payload w.ufdio")
	rpm, err := os.ReadFile(filepath.Join(dir, "a-1-1.noarch.rpm"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(rpm)
	f.Fuzz(func(_ *testing.T, rpm []byte) {
		_, _, _ = FileVersion(bytes.NewReader(rpm), "x86_64")
		_ = unpack(bytes.NewReader(rpm), func(_ string, _ int64, content io.Reader) error {
			_, err := io.Copy(io.Discard, content)
			return err
		})
	})
}
