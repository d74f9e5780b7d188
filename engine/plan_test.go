package engine

import (
	"slices"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"hikae/hosts"
)

// testSchemas are a kind of paths and a kind of values, shaped as the real ones.
func testSchemas() []Schema {
	return []Schema{
		{Kind: "file", Node: true, Stage: StageConfig},
		{Kind: "package", Stage: StageSystem, Attrs: []Attr{
			{Name: "version", Type: cty.String}, {Name: "repo", Type: cty.String, Info: true},
		}},
		{Kind: "service", Stage: StageConfig, Attrs: []Attr{
			{Name: "enabled", Type: cty.Bool}, {Name: "masked", Type: cty.Bool}, {Name: "running", Type: cty.Bool},
		}},
		{Kind: "user", Stage: StageConfig, Attrs: []Attr{{Name: "uid", Type: cty.Number}}},
	}
}

func file(path string, id byte) Resource {
	return Resource{
		Addr: Addr{Kind: "file", Name: path},
		Node: &hosts.Node{Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root", Content: hosts.Content{Size: 1, ID: hosts.ID{id}}},
	}
}

// config is a file that a package installed as pristine and that is id now.
func config(path string, pristine, id byte) Resource {
	r := file(path, id)
	r.Package, r.Pristine = "pkg", file(path, pristine).Node
	return r
}

func service(name string, enabled, running bool) Resource {
	return Resource{Addr: Addr{Kind: "service", Name: name}, Value: cty.ObjectVal(map[string]cty.Value{
		"enabled": cty.BoolVal(enabled), "masked": cty.False, "running": cty.BoolVal(running),
	})}
}

func pkg(name, version string) Resource {
	return Resource{Addr: Addr{Kind: "package", Name: name}, Value: cty.ObjectVal(map[string]cty.Value{
		"version": cty.StringVal(version), "repo": cty.StringVal("r" + version),
	})}
}

func actual(rs ...Resource) *Actual {
	a := &Actual{Resources: map[Addr]*Resource{}, Coverage: map[string]Coverage{
		"file": {Roots: []string{"/etc"}}, "package": {Whole: true}, "service": {Whole: true}, "user": {Whole: true},
	}}
	for i := range rs {
		a.Resources[rs[i].Addr] = &rs[i]
	}
	return a
}

func desired(t *testing.T, w Want) *Desired {
	t.Helper()
	w.Schemas = testSchemas()
	d, diags := Compile(w)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return d
}

func snapshot(rs ...Resource) *Snapshot {
	return &Snapshot{Host: "primary", Resources: rs, Coverage: actual().Coverage}
}

// lines gives a plan's changes as "action kind:name".
func lines(p *Plan) []string {
	var out []string
	for _, c := range p.Changes {
		out = append(out, string(c.Action)+" "+c.Addr.String())
	}
	return out
}

func TestPlan(t *testing.T) {
	base := func(rs ...Resource) Base {
		b := Base{}
		for i := range rs {
			for _, s := range testSchemas() {
				if s.Kind == rs[i].Addr.Kind {
					b[rs[i].Addr] = FingerprintOf(&rs[i], s)
				}
			}
		}
		return b
	}
	hole := actual(file("/etc/sub/a", 1))
	hole.Coverage["file"] = Coverage{Roots: []string{"/etc"}, Holes: []Hole{{Path: "/etc/sub"}}}
	otherRepo := pkg("a", "1")
	otherRepo.Value = cty.ObjectVal(map[string]cty.Value{"version": cty.StringVal("1"), "repo": cty.StringVal("elsewhere")})

	tests := []struct {
		name   string
		want   *Snapshot
		have   *Actual
		base   Base
		expect []string
	}{
		{"in step", snapshot(file("/etc/a", 1), pkg("p", "1")), actual(file("/etc/a", 1), pkg("p", "1")), nil, nil},
		{"new file", snapshot(file("/etc/a", 1)), actual(), nil, []string{"create file:/etc/a"}},
		{"changed file", snapshot(file("/etc/a", 1)), actual(file("/etc/a", 2)), nil, []string{"update file:/etc/a"}},
		{"packages before files", snapshot(file("/etc/a", 1), pkg("p", "1")), actual(), nil, []string{"create package:p", "create file:/etc/a"}},
		{"repositories before packages", snapshot(file("/etc/yum.repos.d/x.repo", 1), pkg("p", "1")), actual(), nil,
			[]string{"create file:/etc/yum.repos.d/x.repo", "create package:p"}},
		{"what only informs is not compared", snapshot(pkg("a", "1")), actual(otherRepo), nil, nil},

		{"a host's own file stays", snapshot(), actual(file("/etc/own", 1)), nil, nil},
		{"what hikae applied goes with its source", snapshot(), actual(file("/etc/a", 1)), base(file("/etc/a", 1)), []string{"delete file:/etc/a"}},
		{"but not when it was edited by hand", snapshot(), actual(file("/etc/a", 2)), base(file("/etc/a", 1)), nil},
		{"nor when it could not be seen", snapshot(), hole, base(file("/etc/sub/a", 1)), nil},

		{"edited here, pristine there: put back", snapshot(config("/etc/a", 1, 1)), actual(config("/etc/a", 1, 2)), nil, []string{"update file:/etc/a"}},
		{"pristine of another version", snapshot(config("/etc/a", 1, 1)), actual(config("/etc/a", 5, 5)), nil, nil},
		{"pristine there, absent here", snapshot(config("/etc/a", 1, 1)), actual(), nil, nil},
		{"edited there, pristine here", snapshot(config("/etc/a", 1, 2)), actual(config("/etc/a", 1, 1)), nil, []string{"update file:/etc/a"}},

		{"a unit to stop that is not there", snapshot(service("x.service", false, false)), actual(), nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := MakePlan("standby", desired(t, Want{Host: "standby", Source: tt.want}), tt.have, tt.base, testSchemas())
			if got := lines(p); !slices.Equal(got, tt.expect) {
				t.Errorf("got %q, want %q", got, tt.expect)
			}
		})
	}
}

// That a resource is not wished is no reason to delete it where the source has
// not seen its place or the host does not take it.
func TestNothingIsDeletedUnseen(t *testing.T) {
	schema := testSchemas()[0]
	have := file("/etc/sub/a", 1)
	base := Base{have.Addr: FingerprintOf(&have, schema)}
	seen := Coverage{Roots: []string{"/etc"}}
	for _, tt := range []struct {
		name    string
		source  string
		cov     Coverage
		only    []string
		deletes bool
	}{
		{"seen and gone", "primary", seen, nil, true},
		{"a hole in the source's snapshot", "primary", Coverage{Roots: []string{"/etc"}, Holes: []Hole{{Path: "/etc/sub"}}}, nil, false},
		{"a tree that the source has not", "primary", Coverage{Roots: []string{"/srv"}}, nil, false},
		{"nothing known of what was seen", "primary", Coverage{}, nil, false},
		{"only was narrowed", "primary", seen, []string{"file:/etc/other/*"}, false},
		{"only takes it", "primary", seen, []string{"file:/etc/sub/*"}, true},
		{"an undo point, from before the tree", "standby", Coverage{Roots: []string{"/srv"}}, nil, true},
		{"an undo point with a hole", "standby", Coverage{Roots: []string{"/etc"}, Holes: []Hole{{Path: "/etc/sub"}}}, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			source := &Snapshot{Host: tt.source, Coverage: map[string]Coverage{"file": tt.cov}}
			p := MakePlan("standby", desired(t, Want{Host: "standby", Source: source, Only: tt.only}), actual(have), base, testSchemas())
			if got := len(p.Changes) > 0; got != tt.deletes || len(p.Left) > 0 == tt.deletes {
				t.Errorf("got %q, left %v", lines(p), p.Left)
			}
			edited := config("/etc/sub/a", 7, 1) // the same of what a package owns: it would be put back
			p = MakePlan("standby", desired(t, Want{Host: "standby", Source: source, Only: tt.only}), actual(edited), base, testSchemas())
			unread := len(tt.cov.Holes) > 0 || tt.only != nil && !tt.deletes
			if got := len(p.Changes) > 0; got == unread {
				t.Errorf("a package's: got %q, left %v", lines(p), p.Left)
			}
		})
	}
}

// A removed %config file is removed on the follower, when nobody edited it there.
func TestPlanRemovedConfig(t *testing.T) {
	gone := config("/etc/a", 1, 1)
	gone.Node = &hosts.Node{Type: hosts.Absent}
	for _, tt := range []struct {
		have   Resource
		expect []string
	}{
		{config("/etc/a", 1, 1), []string{"delete file:/etc/a"}},
		{config("/etc/a", 1, 9), nil},
		{gone, nil},
	} {
		p := MakePlan("standby", desired(t, Want{Host: "standby", Source: snapshot(gone)}), actual(tt.have), nil, testSchemas())
		if got := lines(p); !slices.Equal(got, tt.expect) {
			t.Errorf("got %q, want %q", got, tt.expect)
		}
	}
}

func TestFirstContactListsWhatIsOverwritten(t *testing.T) {
	d := desired(t, Want{Host: "standby", Source: snapshot(file("/etc/a", 1), config("/etc/b", 1, 2), config("/etc/c", 1, 2))})
	p := MakePlan("standby", d, actual(file("/etc/a", 7), config("/etc/b", 1, 1), config("/etc/c", 1, 8)), nil, testSchemas())
	want := []Addr{{Kind: "file", Name: "/etc/a"}, {Kind: "file", Name: "/etc/c"}}
	if !p.FirstContact || !slices.Equal(p.Overwrites, want) {
		t.Errorf("got %v (first contact %v), want %v", p.Overwrites, p.FirstContact, want)
	}
}

func TestLoginAccountIsLeftAlone(t *testing.T) {
	u := Resource{Addr: Addr{Kind: "user", Name: "admin"}, Value: cty.ObjectVal(map[string]cty.Value{"uid": cty.NumberIntVal(7)})}
	act := actual()
	act.Facts.LoginAccount = "admin"
	p := MakePlan("standby", desired(t, Want{Host: "standby", Source: snapshot(u)}), act, nil, testSchemas())
	if len(p.Changes) != 0 || len(p.Left) != 1 {
		t.Errorf("got changes %q and left %v", lines(p), p.Left)
	}
}

func TestBaseRoundTrip(t *testing.T) {
	b := Base{
		{Kind: "file", Name: "/etc/a b\n\"\xff"}: {1}, {Kind: "user", In: "x", Name: "y"}: {2},
	}
	got, err := DecodeBase(b.Encode())
	if err != nil || len(got) != len(b) {
		t.Fatal(got, err)
	}
	for a, f := range b {
		if got[a] != f {
			t.Errorf("%q: got %x", a, got[a])
		}
	}
	for _, bad := range []string{"x", "hikae base 1\nzz file \"\" \"a\"", "hikae base 1\n00"} {
		if _, err := DecodeBase([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
