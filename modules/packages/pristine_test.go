package packages

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"hikae/engine"
	"hikae/hosts"
	"hikae/modules/rpmtest"
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

func TestUnpackInstalled(t *testing.T) {
	h, m, repo := newHost(t)
	mustApply(t, m, h, []engine.Resource{want("app", "1.0-1.el8.x86_64", true)})
	h.Write(t, "/etc/app/conf", "edited\n")
	shipped := func(pkg, path, text string) engine.Shipped {
		return engine.Shipped{Package: pkg, Path: path, Content: hosts.Content{Size: int64(len(text)), ID: sha256.Sum256([]byte(text))}}
	}
	app, lib := shipped("app", "/etc/app/conf", "app 1.0-1.el8\n"), shipped("lib", "/etc/lib/conf", "lib 2.0-1.el8\n")
	got := map[string]string{}
	run := func(host hosts.Host, want ...engine.Shipped) error {
		clear(got)
		return m.Unpack(t.Context(), h, host, want, func(s engine.Shipped, b []byte) error {
			got[s.Path] = string(b)
			return nil
		})
	}
	both := map[string]string{app.Path: "app 1.0-1.el8\n", lib.Path: "lib 2.0-1.el8\n"}
	if err := run(h, app, lib); err != nil || !maps.Equal(got, both) {
		t.Errorf("%q, error %v", got, err)
	}
	if _, err := os.Stat(repo + "/app-1.0-1.el8.x86_64.rpm"); err != nil {
		t.Errorf("the repository's file is gone: %v", err)
	}
	expect(t, m, h, "app 1.0-1.el8.x86_64 asked base", "lib 2.0-1.el8.noarch base")

	// Over the network they come too, and nothing is left behind.
	server := httptest.NewServer(http.FileServer(http.Dir(repo)))
	defer server.Close()
	h.Write(t, "/etc/yum.repos.d/base.repo", "[net]\nname=net\nbaseurl="+server.URL+"/\ngpgcheck=0\n")
	if err := run(h, app, lib); err != nil || !maps.Equal(got, both) {
		t.Errorf("%q, error %v", got, err)
	}
	if left, _ := filepath.Glob(h.Root + stateDir + "/*.rpm"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}

	// What no repository has any more keeps nothing from the other.
	if err := os.Remove(repo + "/lib-2.0-1.el8.noarch.rpm"); err != nil {
		t.Fatal(err)
	}
	if err := run(h, app, lib); err == nil || len(got) != 1 || got[app.Path] == "" {
		t.Errorf("with metadata that still has it: %q, error %v", got, err)
	}
	rpmtest.CreateRepo(t, repo)
	if err := os.RemoveAll(h.Root + "/var/cache/dnf"); err != nil {
		t.Fatal(err)
	}
	if err := run(h, app, lib); !errors.Is(err, ErrUnavailable) || len(got) != 1 || got[app.Path] == "" {
		t.Errorf("%q, error %v", got, err)
	}
	// One that has other bytes than the rpm database says is none.
	if err := run(h, shipped("app", "/etc/app/conf", "forged\n")); err == nil || len(got) != 0 {
		t.Errorf("%q, error %v", got, err)
	}
	// A host that must not be changed has what dnf has kept, and no more.
	if err := run(nil, app); err == nil || len(got) != 0 {
		t.Errorf("%q, error %v", got, err)
	}
	h.Write(t, "/etc/app/conf.rpmnew", "of another version\n")
	if err := run(nil, app); err == nil || len(got) != 0 {
		t.Errorf("%q, error %v", got, err)
	}
	h.Write(t, "/etc/app/conf.rpmnew", both[app.Path])
	if err := run(nil, app); err != nil || got[app.Path] != both[app.Path] {
		t.Errorf("beside the edited file: %q, error %v", got, err)
	}
	if err := os.Remove(h.Root + "/etc/app/conf.rpmnew"); err != nil {
		t.Fatal(err)
	}
	rpm, err := os.ReadFile(repo + "/app-1.0-1.el8.x86_64.rpm")
	if err != nil {
		t.Fatal(err)
	}
	h.Write(t, "/var/cache/dnf/a-damaged/packages/app-1.0-1.el8.x86_64.rpm", string(rpm[:len(rpm)/2]))
	h.Write(t, "/var/cache/dnf/base-0123/packages/app-1.0-1.el8.x86_64.rpm", string(rpm))
	if err := run(nil, app); err != nil || got[app.Path] != both[app.Path] {
		t.Errorf("%q, error %v", got, err)
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
