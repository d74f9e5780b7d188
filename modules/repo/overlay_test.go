package repo_test

import (
	"crypto/sha256"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
	"hikae/modules/file"
	"hikae/modules/repo"
)

// An overlay of a repository edits its file's bytes, and only what it says.
func TestOverlayEditsTheFile(t *testing.T) {
	const before = "# kept as it is\n[epel]\nname = Extra\nenabled=1\nbaseurl=http://a.example/\n"
	a := engine.Addr{Kind: "file", Name: "/etc/yum.repos.d/epel.repo"}
	contents := map[hosts.ID]string{sha256.Sum256([]byte(before)): before}
	pristine := &hosts.Node{Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root",
		Content: hosts.Content{Size: int64(len(before)), ID: sha256.Sum256([]byte(before))}}
	d, diags := engine.Compile(engine.Want{
		Host: "standby", Schemas: []engine.Schema{file.Module{}.Schema()}, Lenses: []engine.Lens{repo.Lens{}},
		Source: &engine.Snapshot{Host: "primary", Resources: []engine.Resource{{Addr: a, Value: cty.NilVal, Node: pristine, Pristine: pristine.Clone(), Package: "epel-release"}}},
		Bytes:  func(c hosts.Content) ([]byte, error) { return []byte(contents[c.ID]), nil },
		Patches: []engine.Patch{{
			Addr: engine.Addr{Kind: "repo", Name: "epel"}, Rank: engine.RankHost,
			Attrs: map[string]cty.Value{"enabled": cty.False},
		}},
	})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	r := d.Resources[a]
	if r == nil || d.Pristine[a] != nil {
		t.Fatal("the file is not desired edited")
	}
	want := "# kept as it is\n[epel]\nname = Extra\nenabled=0\nbaseurl=http://a.example/\n"
	if got := string(d.Inline[r.Node.Content.ID].Data); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
