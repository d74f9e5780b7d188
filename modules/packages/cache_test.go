package packages

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"hikae/engine"
	"hikae/hosts"
)

// declared is a vault that counts what is declared.
type declared map[hosts.Content]func() (io.ReadCloser, error)

func (d declared) Plain(c hosts.Content, open func() (io.ReadCloser, error)) { d[c] = open }

func (d declared) Unnamed(string, int64, func() (io.ReadCloser, error)) {
	panic("a package's rpm is named")
}

func (d declared) Secret(func() (io.ReadCloser, error)) (hosts.Content, error) {
	panic("a package is no secret")
}

// The rpm file of a package is declared where it was asked for, it is installed, and
// dnf has it yet: just that version, and no other file.
func TestCachedFiles(t *testing.T) {
	h, m, repo := newHost(t)
	mustApply(t, m, h, []engine.Resource{want("lib", "1.0-1.el8.noarch", true), want("tool", "", true)})
	cached := filepath.Join(h.Root, cacheDir, "base-0123/packages")
	if err := os.MkdirAll(cached, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"lib-1.0-1.el8.noarch.rpm", "lib-2.0-1.el8.noarch.rpm", "app-1.0-1.el8.x86_64.rpm"} {
		text, err := os.ReadFile(filepath.Join(repo, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(cached, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	vault := declared{}
	nodes := map[string]*hosts.Node{}
	_, err := m.Read(t.Context(), h, engine.Scope{RPMs: []string{"lib", "tool", "app", "../../etc/shadow"}, Vault: vault}, func(r engine.Resource) error {
		nodes[r.Addr.Name] = r.Node
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(vault) != 1 || nodes["lib"] == nil || nodes["tool"] != nil || vault[nodes["lib"].Content] == nil {
		t.Fatalf("declared are %v, nodes %v", vault, nodes)
	}
	f, err := vault[nodes["lib"].Content]()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := io.ReadAll(f)
	want, _ := os.ReadFile(filepath.Join(repo, "lib-1.0-1.el8.noarch.rpm"))
	if err != nil || string(got) != string(want) {
		t.Errorf("%d bytes, want %d (%v)", len(got), len(want), err)
	}
}
