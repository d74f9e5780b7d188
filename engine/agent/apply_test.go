package agent

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
)

// blobs is the controller's store in these tests.
type blobs struct {
	t      testing.TB
	m      map[hosts.ID][]byte
	opened []hosts.ID
}

func newBlobs(t testing.TB) *blobs { return &blobs{t: t, m: map[hosts.ID][]byte{}} }

func (b *blobs) add(text string) hosts.Content {
	c := contentOf([]byte(text))
	b.m[c.ID] = []byte(text)
	return c
}

// addSecret names a secret as the agent does.
func (b *blobs) addSecret(key []byte, text string) hosts.Content {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	c := hosts.Content{Size: int64(len(text)), ID: hosts.ID(h.Sum(nil)), Sealed: true}
	b.m[c.ID] = []byte(text)
	return c
}

func (b *blobs) open(c hosts.Content) (io.ReadCloser, error) {
	b.opened = append(b.opened, c.ID)
	text, ok := b.m[c.ID]
	if !ok {
		return nil, fmt.Errorf("the store has no %s", c.ID)
	}
	return io.NopCloser(iotest.OneByteReader(bytes.NewReader(text))), nil
}

func fileNode(c hosts.Content) *hosts.Node {
	return &hosts.Node{Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root", Content: c}
}

// put is the change that makes path hold c, where it held before.
func put(path string, before, c hosts.Content) engine.Change {
	a := engine.Addr{Kind: "file", Name: path}
	ch := engine.Change{Addr: a, Action: engine.Create, After: &engine.Resource{Addr: a, Node: fileNode(c)}}
	if before != (hosts.Content{}) {
		ch.Action = engine.Update
		ch.Before = &engine.Resource{Addr: a, Node: fileNode(before)}
	}
	return ch
}

// remove is the change that removes path.
func remove(path string) engine.Change {
	a := engine.Addr{Kind: "file", Name: path}
	return engine.Change{Addr: a, Action: engine.Delete, Before: &engine.Resource{Addr: a, Node: fileNode(hosts.Content{})}}
}

func request(changes ...engine.Change) engine.ApplyRequest {
	return engine.ApplyRequest{Stage: engine.StageConfig, Holder: "test", Changes: changes}
}

// spooled lists the contents in the spool.
func (r *rig) spooled(t testing.TB) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(r.server.Spool, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(f string) bool { return filepath.Base(f) == lockName })
}

func TestApply(t *testing.T) {
	r := newRig(t)
	c := r.client(t)
	store := newBlobs(t)
	same := r.host.set("/etc/same", []byte("these bytes stay"))
	elsewhere := r.host.set("/etc/elsewhere", []byte("these are here already"))
	secretHere := "x"
	r.host.set("/etc/here.secret", []byte(secretHere))
	read(t, c, ReadRequest{HomeKey: testKey()})

	fresh, big := store.add("fresh"), store.add(strings.Repeat("big", chunkSize))
	hash := store.addSecret(testKey(), "$6$hash")
	u := user("alice", 1000, engine.SecretRef(hash))
	changes := []engine.Change{
		put("/etc/fresh", hosts.Content{}, fresh),
		put("/etc/fresh-again", hosts.Content{}, fresh),
		put("/etc/big", hosts.Content{}, big),
		put("/etc/same", same, same),
		put("/etc/copy", hosts.Content{}, elsewhere),
		put("/etc/copy.secret", hosts.Content{}, newBlobs(t).addSecret(testKey(), secretHere)),
		{Addr: u.Addr, Action: engine.Create, After: &u},
		{Addr: engine.Addr{Kind: "file", Name: "/etc/gone"}, Action: engine.Delete, Before: &engine.Resource{Node: fileNode(fresh)}},
	}
	var events []engine.Addr
	res, err := c.Apply(t.Context(), request(changes...), store.open, func(e engine.ApplyEvent) { events = append(events, *e.Done) })
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Applied) != len(changes) || len(events) != len(changes) {
		t.Errorf("%d applied, %d events", len(res.Applied), len(events))
	}
	// Only what the host did not have was sent, and each once.
	if want := []hosts.ID{fresh.ID, big.ID, hash.ID}; !slices.Equal(store.opened, want) {
		t.Errorf("sent %v, want %v", store.opened, want)
	}
	for _, want := range []struct {
		c    hosts.Content
		text string
	}{
		{fresh, "fresh"}, {big, strings.Repeat("big", chunkSize)}, {same, "these bytes stay"},
		{elsewhere, "these are here already"}, {hash, "$6$hash"},
	} {
		if got := r.applier.got[want.c.ID]; string(got) != want.text {
			t.Errorf("%s arrived as %d bytes", want.c.ID, len(got))
		}
	}
	got := r.applier.last
	if got.Holder != "test" || got.Stage != engine.StageConfig || !got.Changes[6].After.Value.RawEquals(u.Value) {
		t.Errorf("request %+v", got)
	}
	if left, _ := os.ReadDir(r.server.Spool); len(left) != 1 { // the lock
		t.Errorf("the spool holds %v", left)
	}
	if info, err := os.Stat(r.server.Spool); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the spool is %v, %v", info, err)
	}
	// An apply with no contents needs no spool and leaves the session open.
	if _, err := c.Apply(t.Context(), request(), nil, nil); err != nil {
		t.Error(err)
	}
}

// A secret never touches the disk, not even that of the host it is for.
func TestSecretsStayInMemory(t *testing.T) {
	r := newRig(t)
	c := r.client(t)
	store := newBlobs(t)
	read(t, c, ReadRequest{HomeKey: testKey()})
	secret := store.addSecret(testKey(), "the secret itself")
	plain := store.add(strings.Repeat("plain", maxHeld)) // a small one is held in memory too
	changes := []engine.Change{put("/etc/s", hosts.Content{}, secret), put("/etc/p", hosts.Content{}, plain)}
	r.applier.during = func(context.Context, func(engine.ApplyEvent)) (engine.ApplyResult, error) {
		for _, f := range r.spooled(t) {
			b, err := os.ReadFile(f)
			if err != nil || bytes.Contains(b, []byte("secret")) {
				t.Errorf("%s holds %.20q, %v", f, b, err)
			}
		}
		if n := len(r.spooled(t)); n != 1 {
			t.Errorf("%d files in the spool", n)
		}
		return engine.ApplyResult{Applied: []engine.Addr{changes[0].Addr, changes[1].Addr}}, nil
	}
	if _, err := c.Apply(t.Context(), request(changes...), store.open, nil); err != nil {
		t.Fatal(err)
	}
}

func TestApplyNeedsTheRightBytes(t *testing.T) {
	key := testKey()
	for name, tc := range map[string]struct {
		change func(s *blobs) engine.Change
		want   string
	}{
		"damaged": {func(s *blobs) engine.Change {
			c := s.add("good")
			s.m[c.ID] = []byte("baad")
			return put("/etc/a", hosts.Content{}, c)
		}, "not the one that was asked for"},
		"short": {func(s *blobs) engine.Change {
			c := s.add("good")
			s.m[c.ID] = []byte("goo")
			return put("/etc/a", hosts.Content{}, c)
		}, "3 bytes here and should be 4"},
		"long": {func(s *blobs) engine.Change {
			c := s.add("good")
			s.m[c.ID] = bytes.Repeat([]byte("x"), 3*chunkSize)
			return put("/etc/a", hosts.Content{}, c)
		}, "more than its 4 bytes"},
		"missing": {func(s *blobs) engine.Change {
			return put("/etc/a", hosts.Content{}, contentOf([]byte("nowhere")))
		}, "the store has no"},
		"secret damaged": {func(s *blobs) engine.Change {
			c := s.addSecret(key, "good")
			s.m[c.ID] = []byte("baad")
			return put("/etc/a", hosts.Content{}, c)
		}, "not the one that was asked for"},
		"secret under another key": {func(s *blobs) engine.Change {
			return put("/etc/a", hosts.Content{}, s.addSecret([]byte("another key of some length"), "good"))
		}, "not the one that was asked for"},
		"secret too large": {func(s *blobs) engine.Change {
			c := s.addSecret(key, "good")
			c.Size = maxSecret + 1
			return put("/etc/a", hosts.Content{}, c)
		}, "at most 1048576 are allowed"},
		"too large for the disk": {func(s *blobs) engine.Change {
			c := s.add("x")
			c.Size = 1 << 60
			return put("/etc/a", hosts.Content{}, c)
		}, "do not fit"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			c := r.client(t)
			store := newBlobs(t)
			read(t, c, ReadRequest{HomeKey: key})
			_, err := c.Apply(t.Context(), request(tc.change(store)), store.open, nil)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if r.applier.calls != 0 || len(r.spooled(t)) != 0 {
				t.Errorf("%d applies; spool %v", r.applier.calls, r.spooled(t))
			}
			// The session goes on.
			good := store.add("another")
			if _, err := c.Apply(t.Context(), request(put("/etc/b", hosts.Content{}, good)), store.open, nil); err != nil {
				t.Errorf("the next apply: %v", err)
			}
		})
	}
}

func TestApplySecretWithoutKey(t *testing.T) {
	r := newRig(t)
	c := r.client(t)
	store := newBlobs(t)
	_, err := c.Apply(t.Context(), request(put("/etc/a", hosts.Content{}, store.addSecret(testKey(), "s"))), store.open, nil)
	if !errors.Is(err, engine.ErrRefused) {
		t.Errorf("got %v", err)
	}
}

func TestApplierErrorsKeepTheirMeaning(t *testing.T) {
	r := newRig(t)
	c := r.client(t)
	for _, want := range []error{engine.ErrLocked, engine.ErrRefused, errors.New("other")} {
		r.applier.during = func(context.Context, func(engine.ApplyEvent)) (engine.ApplyResult, error) {
			return engine.ApplyResult{NotApplied: []engine.Addr{{Kind: "file", Name: "/x\xff"}}, RolledBack: true}, fmt.Errorf("held by alice: %w", want)
		}
		res, err := c.Apply(t.Context(), request(remove("/x\xff"), remove("/y")), nil, nil)
		if err == nil || !strings.Contains(err.Error(), "held by alice") {
			t.Errorf("got %v", err)
		}
		if errors.Is(want, engine.ErrLocked) != errors.Is(err, engine.ErrLocked) || errors.Is(want, engine.ErrRefused) != errors.Is(err, engine.ErrRefused) {
			t.Errorf("%v arrived as %v", want, err)
		}
		if !res.RolledBack || len(res.NotApplied) != 1 || res.NotApplied[0].Name != "/x\xff" {
			t.Errorf("result %+v", res)
		}
	}
	r.applier.during = func(context.Context, func(engine.ApplyEvent)) (engine.ApplyResult, error) { panic("a bug") }
	if _, err := c.Apply(t.Context(), request(), nil, nil); err == nil || !strings.Contains(err.Error(), "internal error") {
		t.Errorf("a panic: %v", err)
	}
}

// Cancelling an apply under way asks it to stop and waits for how it ended.
func TestCancelStopsAnApply(t *testing.T) {
	r := newRig(t)
	c := r.client(t)
	ctx, cancel := context.WithCancel(t.Context())
	r.applier.during = func(actx context.Context, emit func(engine.ApplyEvent)) (engine.ApplyResult, error) {
		emit(engine.ApplyEvent{Progress: "begun"})
		<-engine.Stopping(actx)
		if actx.Err() != nil {
			t.Error("the context of the apply was cancelled")
		}
		return engine.ApplyResult{Err: "stopped", NotApplied: []engine.Addr{{Kind: "file", Name: "/a"}}}, nil
	}
	res, err := c.Apply(ctx, request(remove("/a")), nil, func(engine.ApplyEvent) { cancel() })
	if err != nil || res.Err != "stopped" {
		t.Errorf("got %+v, %v", res, err)
	}
	if len(read(t, c, ReadRequest{})) != 0 {
		t.Error("the session did not go on")
	}
}

// When the connection dies, the apply is told, finishes, and Serve waits for it.
func TestLostLinkFinishesTheApply(t *testing.T) {
	r := newRig(t)
	l, served := r.greeted(t)
	begun, finish := make(chan struct{}), make(chan struct{})
	r.applier.during = func(actx context.Context, _ func(engine.ApplyEvent)) (engine.ApplyResult, error) {
		close(begun)
		<-engine.Stopping(actx)
		<-finish
		if actx.Err() != nil {
			t.Error("the context of the apply was cancelled")
		}
		return engine.ApplyResult{}, nil
	}
	sendApply(t, l)
	<-begun
	l.close(io.EOF)
	select {
	case err := <-served:
		t.Fatalf("the server left in the middle of an apply: %v", err)
	default:
	}
	close(finish)
	if err := <-served; !errors.Is(err, ErrLost) {
		t.Errorf("served: %v", err)
	}
}

// sendApply starts an apply of nothing.
func sendApply(t testing.TB, l *link) {
	t.Helper()
	if err := l.queueValue(kindApply, applyBegin{Stage: engine.StageConfig}); err != nil {
		t.Fatal(err)
	}
	if err := l.send(kindPlanned, nil); err != nil {
		t.Fatal(err)
	}
	if m, err := l.recv(t.Context()); err != nil || m.kind != kindLacks {
		t.Fatalf("kind %d, %v", m.kind, err)
	}
	if err := l.send(kindUploaded, nil); err != nil {
		t.Fatal(err)
	}
}

// An apply never waits for a client that does not listen.
func TestEventsDoNotHoldAnApplyUp(t *testing.T) {
	r := newRig(t)
	l, _ := r.greeted(t)
	done := make(chan struct{})
	r.applier.during = func(_ context.Context, emit func(engine.ApplyEvent)) (engine.ApplyResult, error) {
		for range 100_000 {
			emit(engine.ApplyEvent{Progress: strings.Repeat("x", 1000)})
		}
		close(done)
		return engine.ApplyResult{}, nil
	}
	sendApply(t, l)
	<-done // nothing is read from the link meanwhile
	for {
		m, err := l.recv(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if m.kind == kindResult {
			return
		}
	}
}

// What a lost link left in the spool is not sent again.
func TestSpoolIsTakenOver(t *testing.T) {
	r := newRig(t)
	store := newBlobs(t)
	whole, half, other := store.add("whole"), store.add("half"), store.add("other")
	old, err := openSpool(r.server.Spool)
	if err != nil {
		t.Fatal(err)
	}
	if err := old.put(whole, strings.NewReader("whole")); err != nil {
		t.Fatal(err)
	}
	// A power cut may leave anything under a right name.
	if err := os.WriteFile(old.path(half.ID), []byte("ha"), 0o600); err != nil {
		t.Fatal(err)
	}
	busy, err := openSpool(r.server.Spool)
	if err != nil {
		t.Fatal(err)
	}
	if busy.have(whole) {
		t.Error("the spool of an apply under way was taken")
	}
	_ = old.lock.Close() // its agent died
	c := r.client(t)
	_, err = c.Apply(t.Context(), request(put("/a", hosts.Content{}, whole), put("/b", hosts.Content{}, half), put("/c", hosts.Content{}, other)), store.open, nil)
	if err != nil {
		t.Error(err)
	}
	if want := []hosts.ID{half.ID, other.ID}; !slices.Equal(store.opened, want) {
		t.Errorf("sent %v, want %v", store.opened, want)
	}
	if err := busy.close(); err != nil {
		t.Error(err)
	}
}

func TestSpoolMustBePrivate(t *testing.T) {
	store := newBlobs(t)
	fresh := store.add("x")
	for name, spoil := range map[string]func(dir string) error{
		"open to others": func(dir string) error { return os.Mkdir(dir, 0o755) },
		"a link": func(dir string) error {
			if err := os.Mkdir(dir+".real", 0o700); err != nil {
				return err
			}
			return os.Symlink(dir+".real", dir)
		},
		"somebody's": func(dir string) error {
			if err := os.Mkdir(dir, 0o700); err != nil {
				return err
			}
			if os.Geteuid() != 0 {
				return os.Chmod(dir, 0o777)
			}
			return os.Chown(dir, 65534, 65534)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			if err := spoil(r.server.Spool); err != nil {
				t.Fatal(err)
			}
			_, err := r.client(t).Apply(t.Context(), request(put("/a", hosts.Content{}, fresh)), store.open, nil)
			if err == nil || !strings.Contains(err.Error(), "must be a directory of mode 0700") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A file that changed after its plan is not applied with other bytes.
func TestUnchangedFileIsChecked(t *testing.T) {
	r := newRig(t)
	same := r.host.set("/etc/same", []byte("as planned"))
	h := r.host
	// The bytes change between the digest and the apply.
	r.server.Applier = applierFunc(func(_ context.Context, _ engine.ApplyRequest, open func(hosts.Content) (io.ReadCloser, error), _ func(engine.ApplyEvent)) (engine.ApplyResult, error) {
		h.set("/etc/same", []byte("AS PLANNED"))
		rc, err := open(same)
		if err != nil {
			return engine.ApplyResult{}, err
		}
		_, err = io.ReadAll(rc)
		if _, err2 := open(contentOf([]byte("another"))); !errors.Is(err2, engine.ErrRefused) {
			t.Errorf("a content that no change needs: %v", err2)
		}
		return engine.ApplyResult{}, err
	})
	c := r.client(t)
	if _, err := c.Apply(t.Context(), request(put("/etc/same", same, same)), nil, nil); !errors.Is(err, ErrChanged) {
		t.Errorf("got %v", err)
	}
}

type applierFunc func(context.Context, engine.ApplyRequest, func(hosts.Content) (io.ReadCloser, error), func(engine.ApplyEvent)) (engine.ApplyResult, error)

func (f applierFunc) Apply(ctx context.Context, req engine.ApplyRequest, open func(hosts.Content) (io.ReadCloser, error), emit func(engine.ApplyEvent)) (engine.ApplyResult, error) {
	return f(ctx, req, open, emit)
}

func TestUnsendableChange(t *testing.T) {
	r := newRig(t)
	u := user("a", 1, "")
	u.Value = cty.UnknownVal(userSchema().ObjectType())
	_, err := r.client(t).Apply(t.Context(), request(engine.Change{Addr: u.Addr, Action: engine.Create, After: &u}), nil, nil)
	if err == nil || !strings.Contains(err.Error(), "unknown") || r.applier.calls != 0 {
		t.Errorf("got %v", err)
	}
}

// What the controller wants done before the host is touched is done before it.
func TestApplyWaitsForGo(t *testing.T) {
	r := newRig(t)
	c := r.client(t)
	store := newBlobs(t)
	req := request(put("/etc/a", hosts.Content{}, store.add("text")))
	full := errors.New("the controller's disk is full")
	req.Go = func() error {
		if r.applier.calls != 0 {
			t.Error("the agent has begun")
		}
		return full
	}
	if _, err := c.Apply(t.Context(), req, store.open, nil); !errors.Is(err, full) || r.applier.calls != 0 {
		t.Errorf("%v; %d applies", err, r.applier.calls)
	}
	req.Go = func() error { return nil }
	if _, err := c.Apply(t.Context(), req, store.open, nil); err != nil || r.applier.calls != 1 {
		t.Errorf("the session does not go on: %v; %d applies", err, r.applier.calls)
	}
}
