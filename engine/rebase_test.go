package engine

import (
	"errors"
	"slices"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"hikae/hosts"
)

// rebased compiles a wish for a standby and carries it over to what it has.
func rebased(t *testing.T, w Want, act *Actual, changing []Change, merge func(Skewed) Merged) *Desired {
	t.Helper()
	w.Host = "standby"
	d := desired(t, w)
	out, err := d.Rebase(act, func() []Change { return changing }, func(fs []Skewed) ([]Merged, error) {
		var ms []Merged
		for _, f := range fs {
			if merge == nil {
				t.Fatalf("asked to merge %+v", f)
			}
			ms = append(ms, merge(f))
		}
		return ms, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRebase(t *testing.T) {
	addr := Addr{Kind: "file", Name: "/etc/a"}
	have := actual(config("/etc/a", 2, 2)) // the host's package installed 2, the source's 1
	mode := func(r Resource, m uint32) Resource { r.Node.Mode = m; return r }
	content := func(b byte) hosts.Content { return hosts.Content{Size: 1, ID: hosts.ID{b}} }
	ask := func(f Skewed) Merged {
		want := Sides{Base: content(1), Ours: content(9), Theirs: content(2)}
		if f.Sides != want || f.Fixed || f.Package != "pkg" {
			t.Errorf("asked %+v", f)
		}
		return Merged{Content: content(7), How: "merged"}
	}
	ranked := func(attrs map[string]cty.Value, text string) Patch {
		p := Patch{Addr: addr, Rank: RankHost, Attrs: attrs}
		if text != "" {
			p.Content = []byte(text)
		}
		return p
	}
	strict := config("/etc/a", 2, 2)
	strict.Pristine.Mode = 0o600
	for _, tt := range []struct {
		name    string
		source  Resource
		patches []Patch
		have    *Actual
		merge   func(Skewed) Merged
		want    byte // first byte of the content; 0: what the overlay says
		mode    uint32
	}{
		{"both packages installed the same", config("/etc/a", 2, 9), nil, have, nil, 9, 0o644},
		{"an edit is merged", config("/etc/a", 1, 9), nil, have, ask, 7, 0o644},
		{"the source made it what the host's package installs", config("/etc/a", 1, 2), nil, have, nil, 2, 0o644},
		{"only the mode was changed", mode(config("/etc/a", 1, 1), 0o640), nil, have, nil, 2, 0o640},
		{"the mode is the host's package's", config("/etc/a", 1, 9), nil, actual(strict), ask, 7, 0o600},
		{"an overlay's mode stays", config("/etc/a", 1, 9), []Patch{ranked(map[string]cty.Value{"mode": cty.StringVal("0644")}, "")}, actual(strict), ask, 7, 0o644},
		{"an overlay's null is the host's package's", mode(config("/etc/a", 1, 9), 0o640), []Patch{ranked(map[string]cty.Value{"mode": cty.NullVal(cty.String)}, "")}, actual(strict), ask, 7, 0o600},
		{"an overlay's bytes stay", config("/etc/a", 1, 9), []Patch{ranked(nil, "mine\n")}, have, nil, 0, 0o644},
		{"the host's package does not know it", config("/etc/a", 1, 9), nil, actual(file("/etc/a", 3)), nil, 9, 0o644},
	} {
		d := rebased(t, Want{Source: snapshot(tt.source), Patches: tt.patches}, tt.have, nil, tt.merge)
		n := d.Resources[addr].Node
		if tt.want != 0 && n.Content.ID[0] != tt.want || n.Mode != tt.mode {
			t.Errorf("%s: %+v", tt.name, n)
		}
		if tt.want == 0 && d.Inline[n.Content.ID].Data == nil {
			t.Errorf("%s: the overlay's bytes are gone: %+v", tt.name, n)
		}
	}

	// What only gets another mode may be a secret by it, or none: it is named anew.
	var secret Skewed
	rebased(t, Want{Source: snapshot(config("/etc/a", 2, 9))}, actual(strict), nil, func(f Skewed) Merged {
		secret = f
		return Merged{Content: f.Sides.Ours}
	})
	if !secret.Fixed || secret.Node.Mode != 0o600 {
		t.Errorf("a mode that may make a secret of it: %+v", secret)
	}
}

func TestRebaseWaitsForPackages(t *testing.T) {
	changing := []Change{{Addr: Addr{Kind: "package", Name: "pkg.i686"}, Action: Update}}
	d := rebased(t, Want{Source: snapshot(config("/etc/a", 1, 9))}, actual(config("/etc/a", 2, 2)), changing, nil)
	if got := d.Resources[Addr{Kind: "file", Name: "/etc/a"}].Node.Content.ID[0]; got != 9 {
		t.Errorf("content %d", got)
	}
}

// A file in conflict is neither written nor taken away, and the rest goes on.
func TestConflictsAreLeft(t *testing.T) {
	act := actual(config("/etc/a", 2, 5), config("/etc/b", 2, 2))
	w := Want{Source: snapshot(config("/etc/a", 1, 9), config("/etc/b", 1, 8))}
	d := rebased(t, w, act, nil, func(f Skewed) Merged {
		if f.Addr.Name == "/etc/a" {
			return Merged{Conflict: &Conflict{Addr: f.Addr, Why: "clash"}}
		}
		return Merged{Content: hosts.Content{Size: 1, ID: hosts.ID{7}}, How: "merged"}
	})
	for _, base := range []Base{nil, {Addr{Kind: "file", Name: "/etc/a"}: FingerprintOf(act.Resources[Addr{Kind: "file", Name: "/etc/a"}], testSchemas()[0])}} {
		p := MakePlan("standby", d, act, base, testSchemas())
		if got := lines(p); !slices.Equal(got, []string{"update file:/etc/b"}) || p.Changes[0].Why != "merged" {
			t.Errorf("%v", got)
		}
		if len(p.Conflicts) != 1 || p.Conflicts[0].Addr.Name != "/etc/a" {
			t.Errorf("%+v", p.Conflicts)
		}
	}
	plain := desired(t, Want{Host: "standby", Source: w.Source})
	failed := errors.New("x")
	if _, err := plain.Rebase(act, func() []Change { return nil }, func([]Skewed) ([]Merged, error) { return nil, failed }); !errors.Is(err, failed) {
		t.Errorf("error %v", err)
	}
	if p := MakePlan("standby", plain, act, nil, testSchemas()); len(p.Changes) != 2 || len(p.Conflicts) != 0 {
		t.Errorf("the wish itself was changed: %v", lines(p))
	}
}
