package control

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lang"
	"hikae/hosts"
	"hikae/states"
)

// Every content that something of the project still needs stays, though nobody has
// asked for it in a long time: of a snapshot's files, as they are and as their packages
// had them, of its secrets, of rpm files that are kept, of files that people merged.
func TestCleanKeepsWhatIsNamed(t *testing.T) {
	dir := t.TempDir()
	store, err := states.Open(filepath.Join(dir, "states"), []byte("key"))
	if err != nil {
		t.Fatal(err)
	}
	c := &Controller{Store: store, Loaded: &Loaded{}, Resolved: filepath.Join(dir, "resolved"), Schemas: []engine.Schema{
		{Kind: "file", Stage: engine.StageConfig, Node: true},
		{Kind: "user", Stage: engine.StageConfig, Attrs: []engine.Attr{{Name: "password", Type: cty.String, Secret: true}}},
	}}
	content := func(b byte, sealed bool) hosts.Content {
		ct := hosts.Content{ID: hosts.ID{b, 0xab}, Size: 1, Sealed: sealed}
		if err := store.Blobs.Put(t.Context(), blobName(ct), strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
		return ct
	}
	node := func(ct hosts.Content) *hosts.Node {
		return &hosts.Node{Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root", Content: ct}
	}
	edited := engine.Resource{Addr: engine.Addr{Kind: "file", Name: "/etc/edited"}, Package: "x", Node: node(content(1, false)), Pristine: node(content(2, false))}
	asShipped := engine.Resource{Addr: engine.Addr{Kind: "file", Name: "/etc/shipped"}, Package: "x", Node: node(content(3, false))}
	asShipped.Pristine = asShipped.Node
	snap := &engine.Snapshot{Host: "rio1", Taken: now(), Resources: []engine.Resource{
		edited,
		{Addr: engine.Addr{Kind: "file", Name: "/etc/secret"}, Node: node(content(4, true))},
		asShipped,
		{Addr: engine.Addr{Kind: "user", Name: "ann"}, Value: cty.ObjectVal(map[string]cty.Value{"password": cty.StringVal(engine.SecretRef(content(5, true)))})},
	}}
	files, err := lang.EncodeSnapshot(snap, c.Schemas)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.WriteSnapshot("rio1", snap.Taken, "", files, nil); err != nil {
		t.Fatal(err)
	}
	kept, err := json.Marshal(rpms{"tool 3-1.noarch": content(6, false)})
	if err == nil {
		err = store.Set(states.RPMs, "rio1", kept)
	}
	if err != nil {
		t.Fatal(err)
	}
	merged := lang.EncodeResolutions([]lang.Resolution{{Path: "/etc/x", Take: "ours", Sides: engine.Sides{Base: content(7, false), Ours: content(8, true), Theirs: content(9, false)}}})
	if err := os.MkdirAll(filepath.Join(c.Resolved, "rio1"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.Resolved, "rio1.hcl"), merged, 0o600); err != nil {
		t.Fatal(err)
	}
	unused := blobName(content(10, false))
	long := time.Now().Add(-400 * 24 * time.Hour)
	err = filepath.WalkDir(filepath.Join(store.Dir(), ".store", "blobs"), func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		return os.Chtimes(p, long, long)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.clean(t.Context()); err != nil {
		t.Fatal(err)
	}
	var left []string
	if err := store.Blobs.List(t.Context(), func(name string, _ int64) error { left = append(left, name); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(left) != 9 || strings.Contains(strings.Join(left, " "), unused) {
		t.Errorf("%d are left: %v", len(left), left)
	}
}
