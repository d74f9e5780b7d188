package lang

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hikae/engine"
	"hikae/hosts"
)

func TestResolutions(t *testing.T) {
	content := func(b byte, size int64) hosts.Content { return hosts.Content{ID: hosts.ID{b}, Size: size} }
	sides := engine.Sides{Base: content(1, 10), Ours: content(2, 20), Theirs: content(3, 0)}
	secret := sides
	secret.Ours.Sealed = true
	want := []Resolution{
		{Path: "/etc/a\xff%.conf", Bytes: "standby/etc/a%FF%25.conf", Sides: sides},
		{Path: "/etc/b", Take: TakeTheirs, Sides: secret},
		{Path: "/etc/c", Take: TakeOurs, Sides: sides},
	}
	text := EncodeResolutions([]Resolution{want[1], want[2], want[0]})
	got, diags := DecodeResolutions(text, "resolved/standby.hcl")
	if diags.HasErrors() || !cmp.Equal(got, want) {
		t.Errorf("%s\n%s\n%v", text, cmp.Diff(want, got), diags)
	}
	for _, bad := range []string{
		`resolution "/etc/b" { take = "ours" }`,
		`resolution "etc/b" {}`,
		`resolution "/etc/b" { frob = 1 }`,
		`host "x" {}`,
		strings.ReplaceAll(string(text), `bytes  = "standby`, `bytes  = "../standby`),
		strings.ReplaceAll(string(text), `"theirs"`, `"mine"`),
		strings.ReplaceAll(string(text), "/etc/b", "/etc/c"),
		strings.ReplaceAll(string(text), ":20", ":-2"),
	} {
		if _, diags := DecodeResolutions([]byte(bad), "x.hcl"); !diags.HasErrors() {
			t.Errorf("taken: %s", bad)
		}
	}
}

func FuzzDecodeResolutions(f *testing.F) {
	sides := engine.Sides{Base: hosts.Content{ID: hosts.ID{1}}, Ours: hosts.Content{ID: hosts.ID{2}, Sealed: true}, Theirs: hosts.Content{ID: hosts.ID{3}, Size: 1}}
	f.Add(EncodeResolutions([]Resolution{{Path: "/etc/b", Take: TakeOurs, Sides: sides}, {Path: "/etc/c", Bytes: "h/etc/c", Sides: sides}}))
	f.Fuzz(func(t *testing.T, src []byte) {
		rs, diags := DecodeResolutions(src, "x.hcl")
		if diags.HasErrors() {
			return
		}
		again, diags := DecodeResolutions(EncodeResolutions(rs), "x.hcl")
		if diags.HasErrors() || len(again) != len(rs) {
			t.Errorf("%v, %v", again, diags)
		}
	})
}
