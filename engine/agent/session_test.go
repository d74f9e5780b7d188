package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"hikae/engine"
	"hikae/hosts"
)

func TestRead(t *testing.T) {
	r := newRig(t)
	odd := "/etc/caf\xe9\n.conf"
	r.host.set(odd, []byte("x"))
	for i := range 3000 {
		r.host.set(fmt.Sprintf("/etc/many/%d", i), []byte{byte(i), byte(i >> 8)})
	}
	users := userModule{users: []engine.Resource{user("alice", 1000, "")}}
	r.server.Modules[1] = users
	c := r.client(t)

	if c.Facts().Hostname != "rio1" || c.Build() != "v1" || c.ReadOnly() {
		t.Errorf("hello: %+v %q %v", c.Facts(), c.Build(), c.ReadOnly())
	}
	found := map[engine.Addr]engine.Resource{}
	cov, stamps, err := c.Read(t.Context(), ReadRequest{
		Scope: engine.Scope{Paths: []string{"/srv/a\xff"}}, HomeKey: testKey(),
	}, func(r engine.Resource) error {
		found[r.Addr] = r
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 3002 {
		t.Errorf("%d resources, want 3002", len(found))
	}
	f := found[engine.Addr{Kind: "file", Name: odd}]
	if f.Node == nil || f.Node.Content != contentOf([]byte("x")) || f.Package != "setup" {
		t.Errorf("%q is %+v", odd, f)
	}
	u := found[engine.Addr{Kind: "user", Name: "alice"}]
	if !u.Value.RawEquals(users.users[0].Value) {
		t.Errorf("alice is %#v", u.Value)
	}
	if got := cov["file"].Roots; !slices.Equal(got, []string{"/etc", "/srv/a\xff"}) || !cov["user"].Whole {
		t.Errorf("coverage %+v", cov)
	}
	if !strings.HasPrefix(string(stamps), "+") || len(stamps) != 1+32 {
		t.Errorf("stamps %q", stamps)
	}

	only := read(t, c, ReadRequest{Scope: engine.Scope{Kinds: []string{"user"}}})
	if len(only) != 1 {
		t.Errorf("%d resources of kind user", len(only))
	}
}

func TestReadFailures(t *testing.T) {
	r := newRig(t)
	r.host.set("/etc/a", nil)
	c := r.client(t)
	none := func(engine.Resource) error { return nil }
	_, _, err := c.Read(t.Context(), ReadRequest{Scope: engine.Scope{Kinds: []string{"vhost"}}}, none)
	if !errors.Is(err, engine.ErrRefused) || !strings.Contains(err.Error(), `"vhost"`) {
		t.Errorf("unknown kind: %v", err)
	}
	// The session goes on after what the agent refused.
	if found := read(t, c, ReadRequest{}); len(found) != 1 {
		t.Errorf("read after a refusal: %v", found)
	}
	boom := errors.New("disk full here")
	_, _, err = c.Read(t.Context(), ReadRequest{}, func(engine.Resource) error { return boom })
	if !errors.Is(err, boom) {
		t.Errorf("emit's error: %v", err)
	}
}

func TestModulePanicIsAnError(t *testing.T) {
	r := newRig(t)
	r.server.Modules = []engine.Module{panicModule{}}
	o := options()
	o.Schemas = []engine.Schema{panicModule{}.Schema()}
	c, err := Local(t.Context(), r.server, o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_, _, err = c.Read(t.Context(), ReadRequest{}, nil)
	if err == nil || !strings.Contains(err.Error(), "internal error") {
		t.Errorf("got %v", err)
	}
}

type panicModule struct{ engine.Module }

func (panicModule) Schema() engine.Schema { return engine.Schema{Kind: "panic"} }
func (panicModule) Read(context.Context, hosts.Reader, engine.Scope, func(engine.Resource) error) (engine.Coverage, error) {
	panic("a bug")
}

func TestSkew(t *testing.T) {
	r := newRig(t)
	var skew *SkewError
	o := options()
	o.Build = "v2"
	if _, err := Local(t.Context(), r.server, o); !errors.As(err, &skew) || !strings.Contains(err.Error(), "install hikae v2 on rio1, or hikae v1 here") {
		t.Errorf("another build: %v", err)
	}
	o.AnyBuild = true
	c, err := Local(t.Context(), r.server, o)
	if err != nil {
		t.Fatalf("any build: %v", err)
	}
	_ = c.Close()
	o.Schemas = o.Schemas[:1]
	if _, err := Local(t.Context(), r.server, o); !errors.As(err, &skew) || !strings.Contains(err.Error(), "same resources") {
		t.Errorf("other schemas: %v", err)
	}

	// Another protocol: each side says so by itself.
	l, served := r.raw(t)
	if err := l.sendValue(kindHello, hello{Protocol: 99}); err != nil {
		t.Fatal(err)
	}
	for {
		m, err := l.recv(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if m.kind == kindFail {
			break
		}
	}
	if err := <-served; !errors.Is(err, errSkew) {
		t.Errorf("server: %v", err)
	}
}

func fetchAll(t testing.TB, c *Client, want []hosts.Content, to []string) (map[hosts.ID][]byte, error) {
	t.Helper()
	got := map[hosts.ID][]byte{}
	err := c.Fetch(t.Context(), want, to, func(k hosts.Content, r io.Reader) error {
		b, err := io.ReadAll(r)
		if err != nil {
			return fmt.Errorf("cannot store: %w", err)
		}
		got[k.ID] = b
		return nil
	})
	return got, err
}

func TestFetch(t *testing.T) {
	r := newRig(t)
	big := bytes.Repeat([]byte("0123456789abcdef"), 100_000)
	want := []hosts.Content{
		r.host.set("/etc/a", []byte("a")), r.host.set("/etc/empty", nil), r.host.set("/etc/big", big),
		r.host.set("/etc/b", []byte("b")), r.host.set("/etc/c", []byte("c")),
	}
	c := r.client(t)
	_, err := fetchAll(t, c, want[:1], nil)
	if !errors.Is(err, engine.ErrRefused) {
		t.Errorf("a content that nothing declared: %v", err)
	}

	read(t, c, ReadRequest{})
	got, err := fetchAll(t, c, want, nil)
	if err != nil || len(got) != 5 || !bytes.Equal(got[want[2].ID], big) || string(got[want[0].ID]) != "a" {
		t.Errorf("%d contents, %v", len(got), err)
	}

	// One changed, one gone, one grown: the others still come.
	r.host.set("/etc/a", []byte("A"))
	r.host.set("/etc/b", []byte("bb"))
	r.host.mu.Lock()
	delete(r.host.files, "/etc/c")
	r.host.mu.Unlock()
	got, err = fetchAll(t, c, want, nil)
	if !errors.Is(err, ErrChanged) || len(got) != 2 || !bytes.Equal(got[want[2].ID], big) {
		t.Errorf("after changes: %d contents, %v", len(got), err)
	}
	var ce *ContentError
	if !errors.As(err, &ce) || strings.Count(err.Error(), "cannot get content") != 3 {
		t.Errorf("want three errors: %v", err)
	}

	// A reader that is left before its end does not upset the next.
	n := 0
	err = c.Fetch(t.Context(), []hosts.Content{want[2], want[1]}, nil, func(_ hosts.Content, r io.Reader) error {
		n++
		_, err := r.Read(make([]byte, 10))
		if err == io.EOF {
			err = nil
		}
		return err
	})
	if err != nil || n != 2 {
		t.Errorf("early leaver: %d, %v", n, err)
	}
}

func TestFetchSecret(t *testing.T) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	to := []string{id.Recipient().String()}
	r := newRig(t)
	hash := []byte("$6$salt$hash")
	r.host.set("/etc/a.secret", hash)
	r.host.set("/etc/big.secret", make([]byte, maxSecret+1))

	keyless := r.client(t)
	cov, _, err := keyless.Read(t.Context(), ReadRequest{}, func(engine.Resource) error { return nil })
	if err != nil || len(cov["file"].Holes) != 2 {
		t.Errorf("without a key: %+v, %v", cov, err)
	}

	c := r.client(t)
	found := read(t, c, ReadRequest{HomeKey: testKey()})
	secret := found["/etc/a.secret"].Node.Content
	if !secret.Sealed || secret.Size != int64(len(hash)) || secret.ID == contentOf(hash).ID || len(found) != 1 {
		t.Errorf("secret is %+v of %d", secret, len(found))
	}
	if _, err := fetchAll(t, c, []hosts.Content{secret}, nil); !errors.Is(err, engine.ErrRefused) {
		t.Errorf("sealed to nobody: %v", err)
	}
	plain := secret
	plain.Sealed = false
	if _, err := fetchAll(t, c, []hosts.Content{plain}, to); !errors.Is(err, engine.ErrRefused) {
		t.Errorf("a secret asked for in the clear: %v", err)
	}
	got, err := fetchAll(t, c, []hosts.Content{secret}, to)
	if err != nil || bytes.Contains(got[secret.ID], hash) {
		t.Fatalf("sealed: %q, %v", got[secret.ID], err)
	}
	rd, err := age.Decrypt(bytes.NewReader(got[secret.ID]), id)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(rd); err != nil || !bytes.Equal(b, hash) {
		t.Errorf("opened: %q, %v", b, err)
	}
	r.host.set("/etc/a.secret", []byte("other"))
	if _, err := fetchAll(t, c, []hosts.Content{secret}, to); !errors.Is(err, ErrChanged) {
		t.Errorf("a secret that changed: %v", err)
	}
}

// A read-only session chooses nothing: no key, no recipient, no path.
func TestReadOnlyChoosesNothing(t *testing.T) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t)
	r.server.ReadOnly, r.server.Paths = true, []string{"/srv/www"}
	r.server.HomeKey, r.server.Recipients = testKey(), []string{id.Recipient().String()}
	r.host.set("/etc/a.secret", []byte("s"))
	for name, tc := range map[string]struct {
		kind kind
		msg  any
	}{
		"home key":  {kindRead, readRequest{HomeKey: bytes.Repeat([]byte{9}, 32)}},
		"path":      {kindRead, readRequest{Scope: engine.Scope{Paths: []string{"/root"}}}},
		"beside":    {kindRead, readRequest{Scope: engine.Scope{Paths: []string{"/srv/www2"}}}},
		"written":   {kindRead, readRequest{Scope: engine.Scope{Only: []string{"/root/x"}}}},
		"recipient": {kindFetch, fetchRequest{Recipients: []string{"age1other"}}},
	} {
		l, _ := r.greeted(t)
		if err := l.sendValue(tc.kind, tc.msg); err != nil {
			t.Fatal(err)
		}
		if m, err := l.recv(t.Context()); err != nil || m.kind != kindFail {
			t.Errorf("%s: answered with kind %d, %v", name, m.kind, err)
		}
	}
	c := r.client(t)
	found := read(t, c, ReadRequest{Scope: engine.Scope{Paths: []string{"/srv/www/html"}}})
	if got, err := fetchAll(t, c, []hosts.Content{found["/etc/a.secret"].Node.Content}, nil); err != nil || len(got) != 1 {
		t.Errorf("sealed to the host's own recipients: %v, %v", got, err)
	}
	if _, err := c.Apply(t.Context(), engine.ApplyRequest{Stage: engine.StageConfig}, nil, nil); !errors.Is(err, ErrReadOnly) {
		t.Errorf("apply: %v", err)
	}
	if err := c.Trust(t.Context(), Trust{HomeKey: testKey(), Recipients: r.server.Recipients}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("trust: %v", err)
	}
	// Single files that the host does not give are left out, and said to be.
	r.host.set("/srv/www/x", []byte("x"))
	files := []string{"/etc/shadow", "/root/.bash_history", "/srv/www/x", "/etc/a.secret"}
	cov, _, err := c.Read(t.Context(), ReadRequest{Scope: engine.Scope{Files: files}}, func(engine.Resource) error { return nil })
	var holes []string
	for _, h := range cov["file"].Holes {
		holes = append(holes, h.Path)
	}
	if err != nil || !slices.Equal(holes, []string{"/etc/shadow", "/root/.bash_history"}) {
		t.Errorf("holes %q, %v", holes, err)
	}
	delete(r.host.files, "/srv/www/x")
	if len(read(t, c, ReadRequest{})) != 1 {
		t.Error("the session did not outlive a refused apply")
	}
}

func TestCancelledReadEndsTheSession(t *testing.T) {
	r := newRig(t)
	for i := range 5000 {
		r.host.set(fmt.Sprint("/etc/", i), nil)
	}
	c := r.client(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, _, err := c.Read(ctx, ReadRequest{}, func(engine.Resource) error {
		cancel()
		<-c.l.dead
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestFingerprintKnowsTypes(t *testing.T) {
	a, b := userSchema(), userSchema()
	b.Attrs = slices.Clone(b.Attrs)
	b.Attrs[1].Secret = false
	if fingerprint([]engine.Schema{a}) == fingerprint([]engine.Schema{b}) {
		t.Error("a secret attribute and a plain one look alike")
	}
	schemas := map[string]engine.Schema{"a": fileSchema(), "b": userSchema()}
	want := fingerprint(slices.Collect(maps.Values(schemas)))
	if got := fingerprint([]engine.Schema{userSchema(), fileSchema()}); got != want {
		t.Error("the order of the schemas counts")
	}
}
