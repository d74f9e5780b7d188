package engine

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"hikae/engine/lens"
)

// writer is a lens whose one kind is put as a file of its name.
type writer struct{ kind string }

func (w writer) Kinds() []Schema                      { return []Schema{{Kind: w.kind}} }
func (writer) Get(Tree) ([]Resource, hcl.Diagnostics) { return nil, nil }
func (writer) Units() []Unit                          { return nil }
func (writer) Grammars() []lens.Grammar               { return nil }
func (writer) Verbatim(Tree) []hcl.Range              { return nil }
func (writer) Put(_ Tree, edits []Edit) ([]FileEdit, []Resource, hcl.Diagnostics) {
	var out []FileEdit
	for _, e := range edits {
		out = append(out, FileEdit{Path: e.Addr.Name, Bytes: []byte("x"), For: []Addr{e.Addr}})
	}
	return out, nil, nil
}

func TestAPathHasOneOwner(t *testing.T) {
	patch := func(kind, path string) Patch {
		return Patch{Addr: Addr{Kind: kind, Name: path}, Rank: RankHost, Range: hcl.Range{Filename: "hikae.hcl", Start: hcl.InitialPos}}
	}
	lenses := []Lens{writer{"vhost"}, writer{"zone"}}
	for _, c := range []struct {
		name    string
		patches []Patch
		want    string
	}{
		{"two files", []Patch{patch("vhost", "/etc/a"), patch("zone", "/etc/b")}, ""},
		{"two of one", []Patch{patch("vhost", "/etc/a"), patch("vhost", "/etc/a")}, ""},
		{"two lenses", []Patch{patch("vhost", "/etc/a"), patch("zone", "/etc/a")}, "/etc/a is edited by the lens engine, for zone:/etc/a; it is also edited by the lens engine"},
		{"a mirror", []Patch{patch("vhost", "/var/www/conf/a")}, `it is also in the mirror "/var/www"`},
		{"beside a mirror", []Patch{patch("vhost", "/var/www2")}, ""},
	} {
		d, diags := Compile(Want{Host: "h", Patches: c.patches, Lenses: lenses, Mirrors: []string{"/var/www"}, Schemas: []Schema{{Kind: "file", Node: true}}})
		if c.want == "" && (diags.HasErrors() || len(d.Resources) == 0) {
			t.Errorf("%s: %v", c.name, diags)
		}
		if c.want != "" && (!diags.HasErrors() || !strings.Contains(diags.Error(), c.want) || diags[0].Subject == nil) {
			t.Errorf("%s: %v", c.name, diags)
		}
	}
}
