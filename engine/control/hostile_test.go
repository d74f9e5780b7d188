package control

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"hikae/engine"
	"hikae/engine/agent"
	"hikae/engine/view"
	"hikae/hosts"
	"hikae/hosts/local"
	"hikae/states"
)

// liar is a module of an agent that lies: it emits what the test says.
type liar struct {
	read func(v engine.Vault, emit func(engine.Resource) error) (engine.Coverage, error)
	// scoped is asked in the place of read, where there is one.
	scoped func(s engine.Scope, emit func(engine.Resource) error) (engine.Coverage, error)
}

func (liar) Schema() engine.Schema {
	return engine.Schema{Kind: "file", Node: true, Stage: engine.StageConfig}
}
func (liar) Apply(context.Context, hosts.Host, engine.Job) error { return nil }
func (l liar) Read(_ context.Context, _ hosts.Reader, s engine.Scope, emit func(engine.Resource) error) (engine.Coverage, error) {
	if l.scoped != nil {
		return l.scoped(s, emit)
	}
	return l.read(s.Vault, emit)
}

// believer is a controller whose host has such an agent. It returns what a
// person sees, and the project's directory.
func believer(t *testing.T, s agent.Server, l liar) (*Controller, *bytes.Buffer, string) {
	t.Helper()
	dir := t.TempDir()
	keys, err := CreateKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	key, err := keys.Store()
	if err != nil {
		t.Fatal(err)
	}
	store, err := states.Open(filepath.Join(dir, "states"), key)
	if err != nil {
		t.Fatal(err)
	}
	h, err := local.New(local.Options{Root: t.TempDir(), LoginAccount: "root"})
	if err != nil {
		t.Fatal(err)
	}
	s.Host, s.Modules = h, []engine.Module{l}
	if s.ReadOnly {
		s.HomeKey = keys.Home
	}
	var out bytes.Buffer
	c := &Controller{Store: store, Keys: keys, Schemas: []engine.Schema{l.Schema()}, View: view.New(&out, &out, false)}
	c.Connect = func(ctx context.Context, _ Target) (*agent.Client, error) {
		return agent.Local(ctx, s, agent.Options{Schemas: c.Schemas})
	}
	return c, &out, dir
}

func file(path string, content []byte, v engine.Vault) engine.Resource {
	n := &hosts.Node{Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root", Content: contentOf(content)}
	v.Plain(n.Content, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil })
	return engine.Resource{Addr: engine.Addr{Kind: "file", Name: path}, Node: n}
}

// Odd names, however a host has them, are kept, and lead nowhere: neither out
// of the project on the disk, nor out of the line on a terminal.
func TestHostileNames(t *testing.T) {
	names := []string{
		"/etc/" + strings.Repeat("\xff", 255), "/etc/\x1b]0;owned\x07", "/etc/a\nb", "/etc/files.hcl", "/.store/base/h", "/etc/\u202egnp.sh",
		"/etc/%2e%2e", "/etc/a/b", "/" + strings.Repeat("\x01/", 1000) + "x",
	}
	c, out, dir := believer(t, agent.Server{}, liar{read: func(v engine.Vault, emit func(engine.Resource) error) (engine.Coverage, error) {
		for _, n := range names {
			if err := emit(file(n, []byte(n), v)); err != nil {
				return engine.Coverage{}, err
			}
		}
		return engine.Coverage{Whole: true, Holes: []engine.Hole{{Path: "/etc/\x1b[2J", Err: "\x1b[31mno"}}, Notes: []string{"\x1b[5mlook"}}, nil
	}})
	if _, err := c.Snapshot(context.Background(), Target{Name: "h", Source: "h"}, false); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\x1b\x07") {
		t.Errorf("it steers the terminal: %q", out)
	}
	snap, err := c.Load("h")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, r := range snap.Resources {
		found[r.Addr.Name] = true
	}
	for _, n := range names {
		if !found[n] {
			t.Errorf("%q is not in the snapshot", n)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 { // .hikae, states
		t.Errorf("the project holds %v, %v", entries, err)
	}
	if base, err := c.Store.Get(states.Base, "h"); err != nil || base != nil {
		t.Errorf("Base is %q, %v", base, err)
	}
}

// Resources that no host has are refused, and nothing is kept.
func TestHostileResources(t *testing.T) {
	for name, emit := range map[string]func(v engine.Vault) []engine.Resource{
		"twice": func(v engine.Vault) []engine.Resource {
			return []engine.Resource{file("/etc/a", []byte("a"), v), file("/etc/a", []byte("b"), v)}
		},
		"dots":     func(v engine.Vault) []engine.Resource { return []engine.Resource{file("/etc/../../x", nil, v)} },
		"relative": func(v engine.Vault) []engine.Resource { return []engine.Resource{file("x", nil, v)} },
		"long": func(v engine.Vault) []engine.Resource {
			return []engine.Resource{file("/"+strings.Repeat("n", 256), nil, v)}
		},
		"NUL": func(v engine.Vault) []engine.Resource { return []engine.Resource{file("/a\x00", nil, v)} },
		"without its hash": func(v engine.Vault) []engine.Resource {
			r := file("/etc/a", []byte("a"), v)
			r.Node.Content.ID = hosts.ID{}
			return []engine.Resource{r}
		},
		"in something": func(v engine.Vault) []engine.Resource { // and large, which may come without a hash
			v.Unnamed("/etc/a", largeFrom, func() (io.ReadCloser, error) {
				return io.NopCloser(bytes.NewReader(make([]byte, largeFrom))), nil
			})
			r := file("/etc/a", nil, v)
			r.Addr.In, r.Node.Content = "x", hosts.Content{Size: largeFrom}
			return []engine.Resource{r}
		},
	} {
		c, _, _ := believer(t, agent.Server{}, liar{read: func(v engine.Vault, send func(engine.Resource) error) (engine.Coverage, error) {
			for _, r := range emit(v) {
				if err := send(r); err != nil {
					return engine.Coverage{}, err
				}
			}
			return engine.Coverage{Whole: true}, nil
		}})
		if _, err := c.Snapshot(context.Background(), Target{Name: "h", Source: "h"}, false); err == nil {
			t.Errorf("%s: taken", name)
		}
		if gens, err := c.Store.Generations("h"); err != nil || len(gens) != 0 {
			t.Errorf("%s: %v, %v", name, gens, err)
		}
	}
}

// A content that is not what it was said to be is a hole, and not stored by the
// name that it claims.
func TestHostileContent(t *testing.T) {
	claimed := contentOf([]byte("good"))
	c, _, _ := believer(t, agent.Server{}, liar{read: func(v engine.Vault, emit func(engine.Resource) error) (engine.Coverage, error) {
		r := file("/etc/a", []byte("good"), v)
		v.Plain(claimed, func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("evil")), nil })
		return engine.Coverage{Whole: true}, emit(r)
	}})
	if _, err := c.Snapshot(context.Background(), Target{Name: "h", Source: "h"}, false); err != nil {
		t.Fatal(err)
	}
	if missing, err := c.Store.Blobs.Missing(context.Background(), []string{blobName(claimed)}); err != nil || len(missing) != 1 {
		t.Errorf("it is stored: %v, %v", missing, err)
	}
	snap, err := c.Load("h")
	if err != nil || len(snap.Resources) != 0 || len(snap.Coverage["file"].Holes) != 1 {
		t.Errorf("%+v, %v", snap, err)
	}
}

// A secret that was sealed to others is found when it is taken, not on the day
// that it is needed.
func TestSealedToOthers(t *testing.T) {
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	s := agent.Server{ReadOnly: true}
	s.Recipients = []string{other.Recipient().String()}
	c, _, _ := believer(t, s, liar{read: func(v engine.Vault, emit func(engine.Resource) error) (engine.Coverage, error) {
		ct, err := v.Secret(func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("hidden")), nil })
		if err != nil {
			return engine.Coverage{}, err
		}
		n := &hosts.Node{Type: hosts.File, Mode: 0o600, Owner: "root", Group: "root", Content: ct}
		return engine.Coverage{Whole: true}, emit(engine.Resource{Addr: engine.Addr{Kind: "file", Name: "/etc/s"}, Node: n})
	}})
	if _, err := c.Snapshot(context.Background(), Target{Name: "h", Source: "h"}, false); err == nil || !strings.Contains(err.Error(), "hikae trust") {
		t.Errorf("%v", err)
	}
	if gens, _ := c.Store.Generations("h"); len(gens) != 0 {
		t.Errorf("there is a snapshot: %v", gens)
	}
}

func contentOf(b []byte) hosts.Content {
	return hosts.Content{Size: int64(len(b)), ID: sha256.Sum256(b)}
}

// hear is an Applier that says of an apply what the test wants.
type hear func(sent []engine.Addr) engine.ApplyResult

func (h hear) Apply(_ context.Context, req engine.ApplyRequest, _ func(hosts.Content) (io.ReadCloser, error), _ func(engine.ApplyEvent)) (engine.ApplyResult, error) {
	var sent []engine.Addr
	for _, ch := range req.Changes {
		sent = append(sent, ch.Addr)
	}
	return h(sent), nil
}

// Base holds what was sent and said to be applied, and nothing of what an agent says
// beyond that, or where it says what cannot be.
func TestHostileApplied(t *testing.T) {
	other := engine.Addr{Kind: "file", Name: "/etc/shadow"}
	ours := engine.Addr{Kind: "file", Name: "/etc/ours"} // in Base already
	wish := func(names ...string) (ps []engine.Patch) {
		for _, n := range names {
			ps = append(ps, engine.Patch{Addr: engine.Addr{Kind: "file", Name: n}, Content: []byte(n)})
		}
		return ps
	}
	for name, tt := range map[string]struct {
		says  hear
		taken bool
	}{
		"what was sent": {func(sent []engine.Addr) engine.ApplyResult { return engine.ApplyResult{Applied: sent} }, true},
		"more than was sent": {func(sent []engine.Addr) engine.ApplyResult {
			return engine.ApplyResult{Applied: append(sent, other, ours)}
		}, false},
		"in place of what was sent": {func([]engine.Addr) engine.ApplyResult {
			return engine.ApplyResult{Applied: []engine.Addr{other, ours}}
		}, false},
		"one twice": {func(sent []engine.Addr) engine.ApplyResult {
			return engine.ApplyResult{Applied: []engine.Addr{sent[0], sent[0]}}
		}, false},
		"nothing": {func([]engine.Addr) engine.ApplyResult { return engine.ApplyResult{} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			l := liar{read: func(engine.Vault, func(engine.Resource) error) (engine.Coverage, error) {
				return engine.Coverage{Roots: []string{"/etc"}}, nil
			}}
			c, _, _ := believer(t, agent.Server{Applier: tt.says, Spool: filepath.Join(t.TempDir(), "spool")}, l)
			before := engine.Base{ours: engine.Fingerprint{1}}
			if err := c.Store.Set(states.Base, "rio1", before.Encode()); err != nil {
				t.Fatal(err)
			}
			out, err := c.Apply(t.Context(), Target{Name: "rio1", Patches: wish("/etc/a", "/etc/b")}, ApplyOptions{Shown: true})
			if errors.Is(err, agent.ErrProtocol) == tt.taken || out == nil || (out.Applied > 0) != tt.taken {
				t.Errorf("it ended with %+v, %v", out, err)
			}
			raw, err := c.Store.Get(states.Base, "rio1")
			if err != nil {
				t.Fatal(err)
			}
			base, err := engine.DecodeBase(raw)
			want := 1
			if tt.taken {
				want = 3
			}
			if _, is := base[other]; err != nil || is || len(base) != want || base[ours] != before[ours] {
				t.Errorf("Base is %v, %v", base, err)
			}
			if open, err := c.begun("rio1"); err != nil || !tt.taken && len(open) != 2 {
				t.Errorf("begun are %v, %v", open, err)
			}
		})
	}
}
