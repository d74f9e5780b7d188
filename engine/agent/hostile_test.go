package agent

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"hikae/engine"
	"hikae/hosts"
)

// A client that does not keep to the protocol gets an error and the session
// ends; nothing is applied and nothing written.
func TestHostileClient(t *testing.T) {
	type frames func(t *testing.T, l *link)
	send := func(k kind, v any) frames {
		return func(t *testing.T, l *link) {
			t.Helper()
			if err := l.sendValue(k, v); err != nil {
				t.Logf("send: %v", err)
			}
		}
	}
	apply := func(ws ...wireChange) frames {
		return func(t *testing.T, l *link) {
			send(kindApply, applyBegin{Stage: engine.StageConfig})(t, l)
			for _, w := range ws {
				send(kindChanges, w)(t, l)
			}
		}
	}
	change := func(a wireAddr, edit func(*wireChange)) wireChange {
		w := wireChange{Addr: a, Action: engine.Create, After: &wireResource{Node: fileNode(hosts.Content{})}}
		if edit != nil {
			edit(&w)
		}
		return w
	}
	at := func(path string) wireAddr { return wireAddr{Kind: "file", Name: path} }
	node := func(edit func(*hosts.Node)) wireChange {
		return change(at("/etc/a"), func(w *wireChange) { edit(w.After.Node) })
	}
	raw := func(b string) frames {
		return func(_ *testing.T, l *link) { _, _ = io.WriteString(l.rwc, b) }
	}
	for name, attack := range map[string]frames{
		"relative path":             apply(change(at("etc/passwd"), nil)),
		"dot dot":                   apply(change(at("/etc/../root/.ssh/authorized_keys"), nil)),
		"trailing slash":            apply(change(at("/etc/"), nil)),
		"double slash":              apply(change(at("//etc"), nil)),
		"dot":                       apply(change(at("/etc/./x"), nil)),
		"NUL":                       apply(change(at("/etc/a\x00b"), nil)),
		"empty name":                apply(change(at(""), nil)),
		"256-byte name":             apply(change(at("/etc/"+strings.Repeat("n", 256)), nil)),
		"4096-byte path":            apply(change(at(strings.Repeat("/abcdefg", 512)), nil)),
		"NUL in a user":             apply(change(wireAddr{Kind: "user", Name: "a\x00"}, nil)),
		"unknown kind":              apply(change(wireAddr{Kind: "vhost", Name: "x"}, nil)),
		"no kind":                   apply(change(wireAddr{}, nil)),
		"unknown action":            apply(change(at("/a"), func(w *wireChange) { w.Action = "chmod" })),
		"create of nothing":         apply(change(at("/a"), func(w *wireChange) { w.After = nil })),
		"delete of a wish":          apply(change(at("/a"), func(w *wireChange) { w.Action = engine.Delete })),
		"the same twice":            apply(change(at("/a"), nil), change(at("/a"), nil)),
		"security xattr":            apply(node(func(n *hosts.Node) { n.Xattrs = map[string]string{"security.capability": "x"} })),
		"mode":                      apply(node(func(n *hosts.Node) { n.Mode = 0o10000 })),
		"type":                      apply(node(func(n *hosts.Node) { n.Type = 'p' })),
		"link of a file":            apply(node(func(n *hosts.Node) { n.Link = "/etc/shadow" })),
		"link to nowhere":           apply(node(func(n *hosts.Node) { n.Type = hosts.Link })),
		"NUL in an owner":           apply(node(func(n *hosts.Node) { n.Owner = "a\x00" })),
		"negative size":             apply(node(func(n *hosts.Node) { n.Content.Size = -1 })),
		"values of a file":          apply(change(at("/a"), func(w *wireChange) { w.After.Value = []byte{0x83, 1, 2, 3} })),
		"null of a user":            apply(change(wireAddr{Kind: "user", Name: "a"}, func(w *wireChange) { w.After = &wireResource{Value: []byte{0xf6}} })),
		"stage":                     send(kindApply, applyBegin{Stage: 7}),
		"unknown field":             send(kindRead, map[int]any{1: engine.Scope{}, 99: "path"}),
		"scope with dots":           send(kindRead, readRequest{Scope: engine.Scope{Paths: []string{"/srv/../root"}}}),
		"scope with NUL":            send(kindRead, readRequest{Scope: engine.Scope{HostOnly: []string{"a\x00"}}}),
		"fetch of too many":         send(kindFetch, fetchRequest{Contents: make([]hosts.Content, maxFetch+1)}),
		"fetch of too many unnamed": send(kindFetch, fetchRequest{Contents: make([]hosts.Content, 1), Unnamed: make([]string, maxFetch)}),
		"second hello":              send(kindHello, hello{Protocol: Protocol}),
		"server's message":          send(kindReadDone, readResult{}),
		"chunk from nowhere":        raw(frame(byte(kindChunk), "abc")),
		"upload unasked":            raw(frame(byte(kindUploaded), "")),
		"stop unasked":              raw(frame(byte(kindStop), "")),
		"ping with a load":          raw(frame(byte(kindPing), "x")),
		"bye with a load":           raw(frame(byte(kindBye), "x")),
		"oversize frame":            raw("\xff\xff\xff\xff\x0a"),
		"not CBOR":                  raw(frame(byte(kindRead), "\xff\xff")),
		"empty read":                raw(frame(byte(kindRead), "")),
		"endless CBOR":              raw(frame(byte(kindRead), "\x9f\x9f\x9f\x9f")),
		"tagged CBOR":               raw(frame(byte(kindRead), "\xc2\x41\x00")),
		"deep CBOR":                 raw(frame(byte(kindRead), strings.Repeat("\x81", 10_000))),
		"huge CBOR array":           raw(frame(byte(kindRead), "\x9a\xff\xff\xff\xff")),
		"planned too early":         raw(frame(byte(kindPlanned), "")),
		"changes too early":         raw(frame(byte(kindChanges), "")),
		"read amid an apply": func(t *testing.T, l *link) {
			send(kindApply, applyBegin{Stage: engine.StageConfig})(t, l)
			send(kindRead, readRequest{})(t, l)
		},
		"content of another index": func(t *testing.T, l *link) {
			apply(node(func(n *hosts.Node) { n.Content = contentOf([]byte("x")) }))(t, l)
			raw(frame(byte(kindPlanned), ""))(t, l)
			send(kindBegin, contentBegin{Index: 5})(t, l)
		},
		"secret of negative size": func(t *testing.T, l *link) {
			u := user("a", 1, "sealed:"+strings.Repeat("ab", 32)+":-5")
			w, err := l.toWireResource(&u)
			if err != nil {
				t.Fatal(err)
			}
			send(kindApply, applyBegin{Stage: engine.StageConfig, HomeKey: testKey()})(t, l)
			send(kindChanges, wireChange{Addr: wireAddr{Kind: "user", Name: "a"}, Action: engine.Create, After: w})(t, l)
			raw(frame(byte(kindPlanned), ""))(t, l)
		},
		"uploaded without the content": func(t *testing.T, l *link) {
			apply(node(func(n *hosts.Node) { n.Content = contentOf([]byte("x")) }))(t, l)
			raw(frame(byte(kindPlanned), "")+frame(byte(kindUploaded), ""))(t, l)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.host.set("/etc/shadow", []byte("root:x"))
			l, served := r.greeted(t)
			go func() { // what the server answers does not interest
				for {
					if _, err := l.recv(t.Context()); err != nil {
						return
					}
				}
			}()
			attack(t, l)
			if err := <-served; !errors.Is(err, ErrProtocol) {
				t.Errorf("the session ended with %v", err)
			}
			if r.applier.calls != 0 || r.host.writes != 0 {
				t.Errorf("%d applies, %d writes", r.applier.calls, r.host.writes)
			}
		})
	}
}

func TestFirstMessageMustBeHello(t *testing.T) {
	r := newRig(t)
	l, served := r.raw(t)
	if err := l.sendValue(kindRead, readRequest{}); err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			if _, err := l.recv(t.Context()); err != nil {
				return
			}
		}
	}()
	if err := <-served; !errors.Is(err, ErrProtocol) {
		t.Errorf("got %v", err)
	}
}

// The server refuses an apply in a read-only session, whatever the client
// believes.
func TestReadOnlyServerRefusesApply(t *testing.T) {
	r := newRig(t)
	r.server.ReadOnly = true
	l, served := r.greeted(t)
	if err := l.sendValue(kindApply, applyBegin{Stage: engine.StageConfig}); err != nil {
		t.Fatal(err)
	}
	m, err := l.recv(t.Context())
	if err != nil || m.kind != kindFail {
		t.Fatalf("kind %d, %v", m.kind, err)
	}
	var w wireError
	if err := l.unmarshal(m.body, &w); err != nil || !errors.Is(w.err(), ErrReadOnly) {
		t.Errorf("%v, %v", w, err)
	}
	if err := <-served; !errors.Is(err, ErrReadOnly) {
		t.Errorf("served: %v", err)
	}
}

// hostileServer is a server that says what script has it say.
func hostileServer(t testing.TB, script func(l *link)) (*Client, error) {
	t.Helper()
	ours, theirs := net.Pipe()
	l, err := newLink(theirs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.close(io.EOF) })
	fp := fingerprint([]engine.Schema{userSchema(), fileSchema()})
	go func() {
		_ = l.sendValue(kindHello, hello{Protocol: Protocol, Build: "v1", Schemas: fp[:], Facts: &hosts.Facts{}})
		_, _ = l.recv(t.Context())
		script(l)
	}()
	c, err := New(t.Context(), ours, options())
	if err == nil {
		t.Cleanup(func() { _ = c.Close() })
	}
	return c, err
}

// A hostile agent cannot have the controller's other contents, nor make it
// take resources that nobody can mean.
func TestHostileAgent(t *testing.T) {
	store := newBlobs(t)
	ours, other := store.add("ours"), store.add("not for this host")
	c, err := hostileServer(t, func(l *link) {
		for {
			m, err := l.recv(t.Context())
			if err != nil {
				return
			}
			if m.kind == kindPlanned {
				_ = l.sendValue(kindLacks, lacks{Contents: []hosts.Content{other}})
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Apply(t.Context(), request(put("/a", hosts.Content{}, ours)), store.open, nil)
	if !errors.Is(err, ErrProtocol) || len(store.opened) != 0 {
		t.Errorf("a content of another host: %v, opened %v", err, store.opened)
	}

	c, err = hostileServer(t, func(l *link) {
		for {
			m, err := l.recv(t.Context())
			if err != nil {
				return
			}
			if m.kind == kindPlanned {
				_ = l.sendValue(kindLacks, lacks{Contents: []hosts.Content{ours, ours}})
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = c.Apply(t.Context(), request(put("/a", hosts.Content{}, ours)), store.open, nil); !errors.Is(err, ErrProtocol) {
		t.Errorf("the same content twice: %v", err)
	}

	for name, w := range map[string]wireFound{
		"unknown kind": {Addr: wireAddr{Kind: "x", Name: "/a"}},
		"dots":         {Addr: wireAddr{Kind: "file", Name: "/a/../../b"}},
		"in a file":    {Addr: wireAddr{Kind: "file", In: "/b", Name: "/a"}},
		"bad node":     {Addr: wireAddr{Kind: "file", Name: "/a"}, Resource: wireResource{Node: &hosts.Node{Type: 99}}},
		"bad value":    {Addr: wireAddr{Kind: "user", Name: "a"}, Resource: wireResource{Value: []byte{0x80}}},
	} {
		c, err := hostileServer(t, func(l *link) {
			_, _ = l.recv(t.Context())
			_ = l.sendValue(kindResources, w)
		})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = c.Read(t.Context(), ReadRequest{}, func(engine.Resource) error { return errors.New("taken") })
		if !errors.Is(err, ErrProtocol) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An agent that does not say what it has seen has seen nothing; what was not may be
// added to that.
func TestReadWithoutCoverage(t *testing.T) {
	c, err := hostileServer(t, func(l *link) {
		_, _ = l.recv(t.Context())
		_ = l.sendValue(kindReadDone, readResult{})
	})
	if err != nil {
		t.Fatal(err)
	}
	seen, _, err := c.Read(t.Context(), ReadRequest{}, nil)
	if err != nil || seen == nil || len(seen) > 0 {
		t.Errorf("seen is %v, %v", seen, err)
	}
}

// An agent's word on an apply is held to what it was sent, in the result and before.
func TestHostileResult(t *testing.T) {
	a, b, other := remove("/a").Addr, remove("/b").Addr, remove("/other").Addr
	of := func(as ...engine.Addr) []engine.Addr { return as }
	held := func(as ...engine.Addr) (notes []engine.Note) {
		for _, a := range as {
			notes = append(notes, engine.Note{Addr: a, Why: "so"})
		}
		return notes
	}
	result := func(applied, not []engine.Addr, held ...engine.Note) applyResult {
		return applyResult{Result: engine.ApplyResult{Applied: applied, NotApplied: not, HeldBack: held}}
	}
	failed := func(r applyResult) applyResult {
		r.Err = &wireError{Text: "the disk is full"}
		return r
	}
	for name, tt := range map[string]struct {
		event  engine.ApplyEvent
		result applyResult
		honest bool
	}{
		"both":                   {result: result(of(b, a), nil), honest: true},
		"one held back":          {result: result(of(a), of(b), held(b)...), honest: true},
		"failed with no list":    {result: failed(result(nil, nil)), honest: true},
		"failed with a part":     {result: failed(result(nil, of(b))), honest: true},
		"not sent":               {result: result(of(a, b, other), nil)},
		"not sent, not applied":  {result: result(of(a, b), of(other))},
		"failed of another":      {result: failed(result(of(other), nil))},
		"of another kind":        {result: result(of(a, engine.Addr{Kind: "user", Name: "/b"}), nil)},
		"left out":               {result: result(of(a), nil)},
		"empty":                  {},
		"twice applied":          {result: result(of(a, a), of(b))},
		"twice, none left out":   {result: result(of(a, b, a), nil)},
		"applied and not":        {result: result(of(a, b), of(b))},
		"held back and applied":  {result: result(of(a, b), nil, held(b)...)},
		"held back twice":        {result: result(of(a), of(b), held(b, b)...)},
		"held back another":      {result: result(of(a), of(b), held(other)...)},
		"event":                  {event: engine.ApplyEvent{Done: &a}, result: result(of(a, b), nil), honest: true},
		"event of another":       {event: engine.ApplyEvent{Done: &other}, result: result(of(a, b), nil)},
		"login after another":    {event: engine.ApplyEvent{Of: of(a, other)}, result: result(of(a, b), nil)},
		"login asked of another": {event: engine.ApplyEvent{Login: "token", Of: of(other)}, result: result(of(a, b), nil)},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := hostileServer(t, func(l *link) {
				for m, err := l.recv(t.Context()); err == nil; m, err = l.recv(t.Context()) {
					switch m.kind {
					case kindPlanned:
						_ = l.sendValue(kindLacks, lacks{})
					case kindUploaded:
						_ = l.sendValue(kindEvent, tt.event)
						_ = l.sendValue(kindResult, tt.result)
					}
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			var told []engine.ApplyEvent
			res, err := c.Apply(t.Context(), request(remove("/a"), remove("/b")), nil, func(e engine.ApplyEvent) { told = append(told, e) })
			switch {
			case tt.honest && (errors.Is(err, ErrProtocol) || len(told) != 1 || len(res.Applied) != len(tt.result.Result.Applied)):
				t.Errorf("it was not taken: %+v, %v, told of %v", res, err, told)
			case !tt.honest && (!errors.Is(err, ErrProtocol) || len(res.Applied)+len(res.NotApplied)+len(res.HeldBack) > 0):
				t.Errorf("it was taken: %+v, %v", res, err)
			}
		})
	}
}

// Contents that are not what they are said to be are told apart, and none is
// read without end.
func TestHostileContents(t *testing.T) {
	want := contentOf([]byte("good"))
	for name, chunks := range map[string][]string{"other": {"baad"}, "short": {"goo"}, "endless": {"good", "good"}} {
		c, err := hostileServer(t, func(l *link) {
			_, _ = l.recv(t.Context())
			_ = l.sendValue(kindBegin, contentBegin{})
			for _, s := range chunks {
				_ = l.send(kindChunk, []byte(s))
			}
			_ = l.sendValue(kindEnd, contentEnd{})
			_ = l.send(kindFetchDone, nil)
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = fetchAll(t, c, []hosts.Content{want}, nil)
		if !errors.Is(err, ErrChanged) && !errors.Is(err, ErrProtocol) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
