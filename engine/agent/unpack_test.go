package agent

import (
	"context"
	"errors"
	"io"
	"testing"

	"hikae/engine"
	"hikae/hosts"
)

// packagedModule emits one edited file of a package, and has what packages
// installed.
type packagedModule struct {
	fileModule
	shipped  map[hosts.ID][]byte
	unpacked int
	lastHost hosts.Host
}

func (m *packagedModule) Read(_ context.Context, r hosts.Reader, s engine.Scope, emit func(engine.Resource) error) (engine.Coverage, error) {
	c, err := r.Digest(context.Background(), "/etc/app.conf")
	if err != nil {
		return engine.Coverage{}, err
	}
	s.Vault.Plain(c, func() (io.ReadCloser, error) { return r.Open("/etc/app.conf") })
	n := &hosts.Node{Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root", Content: c}
	p := n.Clone()
	p.Content = contentOf([]byte("pristine\n"))
	return engine.Coverage{}, emit(engine.Resource{Addr: engine.Addr{Kind: "file", Name: "/etc/app.conf"}, Node: n, Package: "app", Pristine: p})
}

func (m *packagedModule) Unpack(_ context.Context, _ hosts.Reader, h hosts.Host, want []engine.Shipped, each func(engine.Shipped, []byte) error) error {
	m.unpacked, m.lastHost = m.unpacked+1, h
	for _, s := range want {
		b, ok := m.shipped[s.Content.ID]
		if !ok {
			return errors.New("no repository has it")
		}
		if err := each(s, b); err != nil {
			return err
		}
	}
	return nil
}

func TestFetchFromPackage(t *testing.T) {
	r := newRig(t)
	edited, pristine := r.host.set("/etc/app.conf", []byte("edited\n")), contentOf([]byte("pristine\n"))
	m := &packagedModule{fileModule: fileModule{r.host}, shipped: map[hosts.ID][]byte{pristine.ID: []byte("pristine\n")}}
	r.server.Modules[0] = m
	c := r.client(t)

	if _, err := fetchAll(t, c, []hosts.Content{pristine}, nil); !errors.Is(err, engine.ErrRefused) || m.unpacked != 0 {
		t.Errorf("before any read: %v, unpacked %d times", err, m.unpacked)
	}
	read(t, c, ReadRequest{})
	got, err := fetchAll(t, c, []hosts.Content{pristine, edited}, nil)
	if err != nil || string(got[pristine.ID]) != "pristine\n" || string(got[edited.ID]) != "edited\n" || m.lastHost == nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := fetchAll(t, c, []hosts.Content{edited}, nil); err != nil || m.unpacked != 1 {
		t.Errorf("what a file has: %v, unpacked %d times", err, m.unpacked)
	}

	// Bytes that are not the package's end as an error, and so does what no
	// package has; the others still come.
	m.shipped[pristine.ID] = []byte("something\n")
	if got, err := fetchAll(t, c, []hosts.Content{pristine, edited}, nil); !errors.Is(err, ErrChanged) || len(got) != 1 {
		t.Errorf("other bytes: %q, %v", got, err)
	}
	clear(m.shipped)
	var ce *ContentError
	if got, err := fetchAll(t, c, []hosts.Content{pristine, edited}, nil); !errors.As(err, &ce) || ce.Content != pristine || len(got) != 1 {
		t.Errorf("no package: %q, %v", got, err)
	}
}

func TestReadOnlyDownloadsNothing(t *testing.T) {
	r := newRig(t)
	r.host.set("/etc/app.conf", []byte("edited\n"))
	pristine := contentOf([]byte("pristine\n"))
	m := &packagedModule{fileModule: fileModule{r.host}, shipped: map[hosts.ID][]byte{pristine.ID: []byte("pristine\n")}}
	r.server.Modules[0], r.server.ReadOnly = m, true
	c := r.client(t)
	read(t, c, ReadRequest{})
	if _, err := fetchAll(t, c, []hosts.Content{pristine}, nil); err != nil || m.lastHost != nil || m.unpacked != 1 {
		t.Errorf("%v, host %v, unpacked %d times", err, m.lastHost, m.unpacked)
	}
}
