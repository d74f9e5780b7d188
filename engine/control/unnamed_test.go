package control

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"

	"hikae/engine"
	"hikae/engine/agent"
	"hikae/hosts"
)

// The first snapshot of a host names what is large while it comes. What was written
// to meanwhile is told, and is not in it.
func TestFirstSnapshotNamesWhatIsLarge(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789abcdef"), largeFrom/16)
	var asked []*engine.Unnamed
	unnamed := func(path string, v engine.Vault, r func() io.Reader) engine.Resource {
		v.Unnamed(path, largeFrom, func() (io.ReadCloser, error) { return io.NopCloser(r()), nil })
		n := &hosts.Node{Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root", Content: hosts.Content{Size: largeFrom}}
		return engine.Resource{Addr: engine.Addr{Kind: "file", Name: path}, Node: n}
	}
	l := liar{scoped: func(s engine.Scope, emit func(engine.Resource) error) (engine.Coverage, error) {
		asked = append(asked, s.Unnamed)
		found := []engine.Resource{file("/etc/small", []byte("small"), s.Vault), file("/srv/large", large, s.Vault)}
		if s.Unnamed.May(largeFrom) {
			found[1] = unnamed("/srv/large", s.Vault, func() io.Reader { return bytes.NewReader(large) })
			found = append(found, unnamed("/srv/written", s.Vault, func() io.Reader {
				return io.MultiReader(bytes.NewReader(large), iotest.ErrReader(hosts.ErrWritten))
			}))
		}
		for _, r := range found {
			if err := emit(r); err != nil {
				return engine.Coverage{}, err
			}
		}
		return engine.Coverage{Whole: true}, nil
	}}
	c, _, _ := believer(t, agent.Server{}, l)
	ctx, to := t.Context(), Target{Name: "h", Source: "h"}
	taken, err := c.Snapshot(ctx, to, false)
	if err != nil {
		t.Fatal(err)
	}
	snap, err := c.Load("h")
	if err != nil {
		t.Fatal(err)
	}
	if holes := snap.Coverage["file"].Holes; taken.Counts["file"] != 2 || len(holes) != 1 || holes[0].Path != "/srv/written" {
		t.Errorf("taken are %v, holes %v", taken.Counts, holes)
	}
	for _, r := range snap.Resources {
		want := []byte("small")
		if r.Addr.Name == "/srv/large" {
			want = large
		}
		b, err := c.blob(ctx, r.Node.Content)
		if err != nil || r.Node.Content != contentOf(want) || !bytes.Equal(b, want) {
			t.Errorf("%s is %v, and %d bytes are kept, %v", r.Addr, r.Node.Content, len(b), err)
		}
	}
	// What the store has by now is asked for by name; so is all of a host that is known.
	if _, err := c.Snapshot(ctx, to, false); err != nil {
		t.Fatal(err)
	}
	if len(asked) != 2 || !asked[0].May(largeFrom) || asked[1].May(largeFrom) {
		t.Errorf("asked for were %v", asked)
	}
}
