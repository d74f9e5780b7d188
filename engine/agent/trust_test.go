package agent

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hikae/engine"
	"hikae/hosts/hosttest"
)

// trusting is a server on a host of real files.
func trusting(t *testing.T, h *hosttest.Host) *Client {
	t.Helper()
	trust, err := LoadTrust(h)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Local(t.Context(), Server{
		Host: h, Modules: []engine.Module{fileModule{newFakeHost()}, userModule{}}, Applier: &fakeApplier{}, Build: "v1", Trust: trust,
	}, options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestTrust(t *testing.T) {
	h := hosttest.New(t)
	want := Trust{HomeKey: testKey(), Recipients: []string{testRecipient}, Paths: []string{"/srv/www", "/srv/caf\xe9\n#x \"y\""}}
	if got, err := LoadTrust(h); err != nil || got.HomeKey != nil || got.Paths != nil {
		t.Errorf("where nothing is: %+v, %v", got, err)
	}
	if err := trusting(t, h).Trust(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	got, err := LoadTrust(h)
	if err != nil || !bytes.Equal(got.HomeKey, want.HomeKey) || !slices.Equal(got.Recipients, want.Recipients) || !slices.Equal(got.Paths, want.Paths) {
		t.Errorf("kept %q, %v", got, err)
	}
	if n, err := h.Stat("/etc/hikae/home.key"); err != nil || n.Mode != 0o600 || n.Owner != "root" {
		t.Errorf("the key is %+v, %v", n, err)
	}
	// Its trees may change, its home may not.
	want.Paths = nil
	if err := trusting(t, h).Trust(t.Context(), want); err != nil {
		t.Error(err)
	}
	want.HomeKey = bytes.Repeat([]byte{8}, 32)
	if err := trusting(t, h).Trust(t.Context(), want); !errors.Is(err, engine.ErrRefused) || !strings.Contains(err.Error(), "another project") {
		t.Errorf("another home key: %v", err)
	}
}

// What others could have written, or can read, is not used.
func TestTrustOfOthers(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"key others can read":         func(dir string) error { return os.Chmod(filepath.Join(dir, "home.key"), 0o640) },
		"recipients others can write": func(dir string) error { return os.Chmod(filepath.Join(dir, "recipients"), 0o664) },
		"paths of another":            func(dir string) error { return os.Chown(filepath.Join(dir, "paths"), 1000, 1000) },
		"directory others can write":  func(dir string) error { return os.Chmod(dir, 0o777) },
		"directory of another":        func(dir string) error { return os.Chown(dir, 1000, 0) },
		"key is a link": func(dir string) error {
			return errors.Join(os.Rename(filepath.Join(dir, "home.key"), filepath.Join(dir, "x")), os.Symlink("x", filepath.Join(dir, "home.key")))
		},
		"no key":    func(dir string) error { return os.WriteFile(filepath.Join(dir, "home.key"), []byte("zz"), 0o600) },
		"short key": func(dir string) error { return os.WriteFile(filepath.Join(dir, "home.key"), []byte("abcd"), 0o600) },
		"no recipient": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "recipients"), []byte("age1x\n"), 0o644)
		},
		"path with dots": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "paths"), []byte("/srv/../root\n"), 0o644)
		},
	} {
		h := hosttest.New(t)
		trust := Trust{HomeKey: testKey(), Recipients: []string{testRecipient}}
		if err := trusting(t, h).Trust(t.Context(), trust); err != nil {
			t.Fatal(err)
		}
		if err := spoil(filepath.Join(h.Root, TrustDir)); err != nil {
			t.Fatal(err)
		}
		if got, err := LoadTrust(h); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// A client finds out at once that a read-only host goes by another key.
func TestReadOnlyOfAnotherHome(t *testing.T) {
	r := newRig(t)
	r.server.ReadOnly = true
	none := func(engine.Resource) error { return nil }
	for text, key := range map[string][]byte{"holds no home key": nil, "another home key": bytes.Repeat([]byte{9}, 32)} {
		r.server.HomeKey = key
		c := r.client(t)
		if _, _, err := c.Read(t.Context(), ReadRequest{HomeKey: testKey()}, none); !errors.Is(err, engine.ErrRefused) || !strings.Contains(err.Error(), text) {
			t.Errorf("%v", err)
		}
	}
}
