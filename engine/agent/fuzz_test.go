package agent

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"filippo.io/age"

	"hikae/engine"
	"hikae/hosts"
	"hikae/hosts/hosttest"
)

// tap keeps what passes through one end of a pipe.
type tap struct {
	net.Conn
	mu       sync.Mutex
	in, said bytes.Buffer
}

func (p *tap) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.in.Write(b[:n])
	return n, err
}

func (p *tap) Write(b []byte) (int, error) {
	p.mu.Lock()
	p.said.Write(b)
	p.mu.Unlock()
	return p.Conn.Write(b)
}

// fuzzRig is a server whose host holds what a session can be about.
func fuzzRig(t testing.TB, readOnly bool) *rig {
	r := newRig(t)
	r.host.set("/etc/a", []byte("x"))
	r.host.set("/etc/b.secret", []byte("s"))
	r.server.Modules[1] = userModule{users: []engine.Resource{user("alice", 1000, "")}}
	r.server.Paths = []string{"/srv"}
	if r.server.ReadOnly = readOnly; readOnly {
		r.server.HomeKey = testKey()
		r.server.Recipients = []string{testRecipient}
	}
	return r
}

// testRecipient is whom secrets are sealed to; nobody has its identity.
const testRecipient = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"

// recorded is one whole session as each side said it: a read, a fetch, and,
// where the session may, an apply.
func recorded(f *testing.F, readOnly bool, work func(*Client, *blobs)) (client, server []byte) {
	f.Helper()
	r := fuzzRig(f, readOnly)
	ours, theirs := net.Pipe()
	done := make(chan error, 1)
	go func() { done <- Serve(f.Context(), theirs, r.server) }()
	p := &tap{Conn: ours}
	c, err := New(f.Context(), p, options())
	if err != nil {
		f.Fatal(err)
	}
	work(c, newBlobs(f))
	if err := c.Close(); err != nil {
		f.Fatal(err)
	}
	<-done
	p.mu.Lock() // whoever reads may not have seen yet that it is over
	defer p.mu.Unlock()
	return bytes.Clone(p.said.Bytes()), bytes.Clone(p.in.Bytes())
}

// sessions are what clients do, by the names of the operations.
func sessions(f *testing.F) map[string]func(*Client, *blobs) {
	all := func(c *Client) []hosts.Content {
		var found []hosts.Content
		for _, r := range read(f, c, ReadRequest{Scope: engine.Scope{Paths: []string{"/srv"}}, HomeKey: testKey()}) {
			if r.Node != nil {
				found = append(found, r.Node.Content)
			}
		}
		return found
	}
	return map[string]func(*Client, *blobs){
		"read": func(c *Client, _ *blobs) { all(c) },
		"fetch": func(c *Client, _ *blobs) {
			if _, err := fetchAll(f, c, all(c), []string{testRecipient}); err != nil {
				f.Fatal(err)
			}
		},
		"apply": func(c *Client, b *blobs) {
			if c.ReadOnly() {
				return
			}
			all(c)
			secret := fuzzSecret(b)
			if _, err := c.Apply(f.Context(), fuzzRequest(b, secret), b.open, nil); err != nil {
				f.Fatal(err)
			}
		},
	}
}

func fuzzSecret(b *blobs) hosts.Content { return b.addSecret(testKey(), "hidden") }

func fuzzRequest(b *blobs, secret hosts.Content) engine.ApplyRequest {
	return request(put("/etc/a", contentOf([]byte("x")), b.add("new")), put("/etc/c.secret", hosts.Content{}, secret))
}

// FuzzServer throws bytes at a session, which real sessions were the seeds of.
// Whatever they are: nothing is written but through the applier, which a
// read-only session never reaches; no address gets there that nobody can mean;
// memory and time are bounded; the spool is left empty.
func FuzzServer(f *testing.F) {
	for _, readOnly := range []bool{false, true} {
		for _, work := range sessions(f) {
			said, _ := recorded(f, readOnly, work)
			f.Add(readOnly, said)
		}
	}
	c := testCodec(f)
	greet := frame(byte(kindHello), string(mustMarshal(f, c, hello{Protocol: Protocol})))
	f.Add(false, []byte(greet+frame(byte(kindApply), string(mustMarshal(f, c, applyBegin{Stage: 1})))+
		frame(byte(kindPlanned), "")+frame(byte(kindUploaded), "")+frame(byte(kindStop), "")))
	f.Fuzz(func(t *testing.T, readOnly bool, b []byte) {
		r := fuzzRig(t, readOnly)
		hosttest.Bounded(t, 32<<20+300*uint64(len(b)), 30*time.Second, func() {
			ours, theirs := net.Pipe()
			done := make(chan error, 1)
			go func() { done <- Serve(context.Background(), theirs, r.server) }()
			go func() { _, _ = io.Copy(io.Discard, ours) }()
			_, _ = ours.Write(b)
			_ = ours.Close()
			<-done // Bounded ends one that hangs
		})
		if r.host.writes != 0 {
			t.Fatalf("%d writes to the host", r.host.writes)
		}
		if readOnly && r.applier.calls != 0 {
			t.Fatal("a read-only session reached the applier")
		}
		for _, ch := range r.applier.last.Changes {
			if checkAddr(ch.Addr, engine.Schema{Node: ch.Addr.Kind == "file"}) != nil || checkChange(&ch) != nil {
				t.Errorf("the applier got %q", ch.Addr)
			}
		}
		if left := r.spooled(t); len(left) != 0 {
			t.Errorf("left in the spool: %v", left)
		}
	})
}

func mustMarshal(t testing.TB, c *codec, v any) []byte {
	t.Helper()
	b, err := c.marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// FuzzClient throws bytes at a client that reads, fetches or applies; what real
// agents said is the seed. It takes no address that nobody can mean, no content
// that is not the one it asked for, and hands out none that its changes do not
// need.
func FuzzClient(f *testing.F) {
	ops := map[string]byte{"read": 0, "fetch": 1, "apply": 2}
	for name, work := range sessions(f) {
		_, said := recorded(f, false, work)
		f.Add(ops[name], said)
	}
	f.Fuzz(func(t *testing.T, op byte, b []byte) {
		hosttest.Bounded(t, 32<<20+300*uint64(len(b)), 30*time.Second, func() {
			ours, theirs := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, theirs) }()
			go func() {
				_, _ = io.Copy(theirs, bytes.NewReader(b))
				_ = theirs.Close()
			}()
			c, err := New(context.Background(), ours, options())
			if err != nil {
				return
			}
			attackedClient(t, c, op)
			_ = c.Close()
		})
	})
}

func attackedClient(t *testing.T, c *Client, op byte) {
	_, _, err := c.Read(context.Background(), ReadRequest{HomeKey: testKey()}, func(r engine.Resource) error {
		if checkAddr(r.Addr, engine.Schema{Node: r.Addr.Kind == "file"}) != nil || checkNode(r.Node) != nil {
			t.Errorf("took %q", r.Addr)
		}
		return nil
	})
	if err != nil || op%3 == 0 {
		return
	}
	if op%3 == 1 {
		want := []hosts.Content{contentOf([]byte("x"))}
		_ = c.Fetch(context.Background(), want, nil, func(ct hosts.Content, r io.Reader) error {
			got, err := io.ReadAll(r)
			if err == nil && contentOf(got) != ct {
				t.Errorf("took %q for %v", got, ct)
			}
			var own *ContentError
			if errors.As(err, &own) {
				return own
			}
			return nil
		})
		return
	}
	store := newBlobs(t)
	secret, other := fuzzSecret(store), store.add("not for this host")
	_, _ = c.Apply(context.Background(), fuzzRequest(store, secret), store.open, nil)
	for _, id := range store.opened {
		if id == other.ID {
			t.Error("handed out a content that no change needs")
		}
	}
}

// The recipient of the tests is one.
func TestFuzzRecipient(t *testing.T) {
	if _, err := age.ParseX25519Recipient(testRecipient); err != nil {
		t.Fatal(err)
	}
}
