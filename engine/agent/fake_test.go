package agent

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"net"
	"path/filepath"
	"sync"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
)

// fakeHost holds files in memory. What it is not asked for by these tests is
// left nil and would panic.
type fakeHost struct {
	hosts.Host
	mu      sync.Mutex
	files   map[string][]byte
	writes  int
	stamps  []byte
	facts   hosts.Facts
	digests int
}

func newFakeHost() *fakeHost {
	return &fakeHost{files: map[string][]byte{}, facts: hosts.Facts{Hostname: "rio1", ID: "rocky", Arch: "x86_64"}}
}

func (h *fakeHost) set(path string, b []byte) hosts.Content {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.files[path] = b
	return contentOf(b)
}

func contentOf(b []byte) hosts.Content {
	return hosts.Content{Size: int64(len(b)), ID: sha256.Sum256(b)}
}

func (h *fakeHost) Facts() hosts.Facts { return h.facts }

func (h *fakeHost) Open(path string) (io.ReadCloser, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	b, ok := h.files[path]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

func (h *fakeHost) Digest(_ context.Context, path string) (hosts.Content, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.digests++
	b, ok := h.files[path]
	if !ok {
		return hosts.Content{}, fs.ErrNotExist
	}
	return contentOf(b), nil
}

func (h *fakeHost) wrote() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.writes++
}

func (h *fakeHost) Put(context.Context, string, hosts.Node, io.Reader) error {
	h.wrote()
	return errors.New("the fake host is not written")
}
func (h *fakeHost) Remove(context.Context, string) error { h.wrote(); return nil }
func (h *fakeHost) Run(context.Context, hosts.Cmd) (hosts.Result, error) {
	h.wrote()
	return hosts.Result{}, nil
}

func (h *fakeHost) LoadStamps(b []byte) error {
	h.stamps = bytes.Clone(b)
	return nil
}

func (h *fakeHost) SaveStamps() ([]byte, error) { return append(h.stamps, '+'), nil }

// fileModule emits the fake host's files; those whose name holds "secret" are.
type fileModule struct{ h *fakeHost }

func fileSchema() engine.Schema {
	return engine.Schema{Kind: "file", Stage: engine.StageConfig, Node: true}
}

func (m fileModule) Schema() engine.Schema { return fileSchema() }

func (m fileModule) Read(_ context.Context, r hosts.Reader, s engine.Scope, emit func(engine.Resource) error) (engine.Coverage, error) {
	cov := engine.Coverage{Roots: append([]string{"/etc"}, s.Paths...)}
	m.h.mu.Lock()
	var paths []string
	for p := range m.h.files {
		paths = append(paths, p)
	}
	m.h.mu.Unlock()
	for _, p := range paths {
		open := func() (io.ReadCloser, error) { return r.Open(p) }
		n := &hosts.Node{Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root"}
		if filepath.Ext(p) == ".secret" {
			c, err := s.Vault.Secret(open)
			if err != nil {
				cov.Holes = append(cov.Holes, engine.Hole{Path: p, Err: err.Error()})
				continue
			}
			n.Content = c
		} else if b := m.h.files[p]; s.Unnamed.May(int64(len(b))) {
			n.Content.Size = int64(len(b))
			s.Vault.Unnamed(p, n.Content.Size, open)
		} else {
			n.Content, _ = r.Digest(context.Background(), p)
			s.Vault.Plain(n.Content, open)
		}
		if err := emit(engine.Resource{Addr: engine.Addr{Kind: "file", Name: p}, Node: n, Package: "setup"}); err != nil {
			return cov, err
		}
	}
	return cov, nil
}

func (m fileModule) Apply(context.Context, hosts.Host, engine.Job) error { return nil }

// userModule emits fixed users.
type userModule struct{ users []engine.Resource }

func userSchema() engine.Schema {
	return engine.Schema{Kind: "user", Stage: engine.StageConfig, Attrs: []engine.Attr{
		{Name: "uid", Type: cty.Number},
		{Name: "password", Type: cty.String, Secret: true},
		{Name: "groups", Type: cty.Set(cty.String)},
	}}
}

func (m userModule) Schema() engine.Schema { return userSchema() }

func (m userModule) Read(_ context.Context, _ hosts.Reader, _ engine.Scope, emit func(engine.Resource) error) (engine.Coverage, error) {
	for _, u := range m.users {
		if err := emit(u); err != nil {
			return engine.Coverage{}, err
		}
	}
	return engine.Coverage{Whole: true}, nil
}

func (m userModule) Apply(context.Context, hosts.Host, engine.Job) error { return nil }

func user(name string, uid int64, password string) engine.Resource {
	pw := cty.NullVal(cty.String)
	if password != "" {
		pw = cty.StringVal(password)
	}
	return engine.Resource{Addr: engine.Addr{Kind: "user", Name: name}, Value: cty.ObjectVal(map[string]cty.Value{
		"uid": cty.NumberIntVal(uid), "password": pw, "groups": cty.SetValEmpty(cty.String),
	})}
}

// fakeApplier reads every content of the request and keeps it by path or ID.
type fakeApplier struct {
	mu    sync.Mutex
	calls int
	got   map[hosts.ID][]byte
	last  engine.ApplyRequest
	// during, if set, runs in place of all this.
	during func(ctx context.Context, emit func(engine.ApplyEvent)) (engine.ApplyResult, error)
}

func (a *fakeApplier) Apply(ctx context.Context, req engine.ApplyRequest, open func(hosts.Content) (io.ReadCloser, error), emit func(engine.ApplyEvent)) (engine.ApplyResult, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls++
	a.last = req
	if a.during != nil {
		return a.during(ctx, emit)
	}
	if a.got == nil {
		a.got = map[hosts.ID][]byte{}
	}
	var res engine.ApplyResult
	for _, c := range req.Changes {
		if c.After != nil {
			s := fileSchema()
			if c.Addr.Kind == "user" {
				s = userSchema()
			}
			for _, k := range c.After.Contents(s) {
				rc, err := open(k)
				if err != nil {
					return res, err
				}
				b, err := io.ReadAll(rc)
				if err != nil {
					return res, err
				}
				a.got[k.ID] = b
			}
		}
		emit(engine.ApplyEvent{Done: &c.Addr})
		res.Applied = append(res.Applied, c.Addr)
	}
	return res, nil
}

// rig is a server on a fake host.
type rig struct {
	host    *fakeHost
	applier *fakeApplier
	server  Server
}

func newRig(t testing.TB) *rig {
	h, a := newFakeHost(), &fakeApplier{}
	return &rig{host: h, applier: a, server: Server{
		Host: h, Modules: []engine.Module{fileModule{h}, userModule{}}, Applier: a,
		Build: "v1", Spool: filepath.Join(t.TempDir(), "spool"),
	}}
}

func options() Options {
	return Options{Build: "v1", Schemas: []engine.Schema{userSchema(), fileSchema()}, Host: "rio1"}
}

func testKey() []byte { return bytes.Repeat([]byte{7}, 32) }

func (r *rig) client(t testing.TB) *Client {
	t.Helper()
	c, err := Local(t.Context(), r.server, options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// raw is the server's peer as a bare link, for a client that does not keep to
// the protocol. served yields what Serve returned.
func (r *rig) raw(t testing.TB) (l *link, served <-chan error) {
	t.Helper()
	ours, theirs := net.Pipe()
	done := make(chan error, 1)
	go func() { done <- Serve(context.Background(), theirs, r.server) }()
	l, err := newLink(ours)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.close(io.EOF) })
	return l, done
}

// greeted is raw after the hellos.
func (r *rig) greeted(t testing.TB) (l *link, served <-chan error) {
	t.Helper()
	l, served = r.raw(t)
	if err := l.sendValue(kindHello, hello{Protocol: Protocol, Build: "v1"}); err != nil {
		t.Fatal(err)
	}
	if m, err := l.recv(t.Context()); err != nil || m.kind != kindHello {
		t.Fatalf("hello: kind %d, %v", m.kind, err)
	}
	return l, served
}

func read(t testing.TB, c *Client, req ReadRequest) map[string]engine.Resource {
	t.Helper()
	found := map[string]engine.Resource{}
	_, _, err := c.Read(t.Context(), req, func(r engine.Resource) error {
		found[r.Addr.Name] = r
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
