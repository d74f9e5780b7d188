package lang

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"

	"hikae/engine"
	"hikae/hosts"
)

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func overlayOf(body string) string {
	return "host \"a\" { local = true }\noverlay \"host\" \"a\" {\n" + body + "\n}\n"
}

// TestLinksStayInTheProject: a link in the project that leads out of it is not
// followed, neither for HCL nor for a source.
func TestLinksStayInTheProject(t *testing.T) {
	outside := t.TempDir()
	write(t, outside, "secret", "secret")
	write(t, outside, "evil.hcl", "nonsense {}\n")
	dir := t.TempDir()
	write(t, dir, "a.hcl", overlayOf(`file "/etc/x" { source = "files/link" }`))
	write(t, dir, "files/x", "x")
	link := filepath.Join(dir, "files/link")
	if err := os.Symlink(filepath.Join(outside, "secret"), link); err != nil {
		t.Fatal(err)
	}
	_, diags := LoadDir(dir, testSchemas(), Options{})
	if !diags.HasErrors() || !strings.Contains(diags.Error(), `cannot read source "files/link"`) {
		t.Errorf("a source outside: %v", diags)
	}
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("x", link); err != nil {
		t.Fatal(err)
	}
	p, diags := LoadDir(dir, testSchemas(), Options{})
	if diags.HasErrors() || string(p.Overlays[0].Patches[0].Content) != "x" || !slices.Equal(p.Files, []string{"files/link"}) {
		t.Errorf("a source inside: %v, %v", diags, p.Files)
	}
	if err := os.Symlink(filepath.Join(outside, "evil.hcl"), filepath.Join(dir, "b.hcl")); err != nil {
		t.Fatal(err)
	}
	if _, diags = LoadDir(dir, testSchemas(), Options{}); !diags.HasErrors() || strings.Contains(diags.Error(), "nonsense") {
		t.Errorf("HCL outside: %v", diags)
	}
}

func TestLoadDirOfNothing(t *testing.T) {
	p, diags := LoadDir(filepath.Join(t.TempDir(), "none"), nil, Options{})
	if p == nil || !diags.HasErrors() || !strings.Contains(diags.Error(), "hikae init") {
		t.Errorf("got %v, %v", p, diags)
	}
}

// TestLargeSourceIsStreamed: over 1 MiB only the name is kept.
func TestLargeSourceIsStreamed(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.hcl", overlayOf(`file "/a" { source = "big" }`+"\n"+`file "/b" { source = "small" }`+"\n"+`file "/c" { content = "" }`))
	write(t, dir, "big", strings.Repeat("x", inlineMax+1))
	write(t, dir, "small", strings.Repeat("x", inlineMax))
	p, diags := LoadDir(dir, testSchemas(), Options{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	big, small, empty := p.Overlays[0].Patches[0], p.Overlays[0].Patches[1], p.Overlays[0].Patches[2]
	if big.Content != nil || big.ContentFrom != filepath.Join(dir, "big") {
		t.Errorf("big: %d bytes, from %q", len(big.Content), big.ContentFrom)
	}
	if len(small.Content) != inlineMax || small.ContentFrom != "" {
		t.Errorf("small: %d bytes, from %q", len(small.Content), small.ContentFrom)
	}
	if empty.Content == nil || len(empty.Content) != 0 {
		t.Error("an empty content is none")
	}
}

// TestOtherFilesAreNotRead: editors' files and directories.
func TestOtherFilesAreNotRead(t *testing.T) {
	fsys := fstest.MapFS{
		"a.hcl":        {Data: []byte("host \"a\" { local = true }\n")},
		".#a.hcl":      {Data: []byte("(")},
		"a.hcl~":       {Data: []byte("(")},
		"dir.hcl/b":    {Data: []byte("(")},
		"sub/b.hcl":    {Data: []byte("(")},
		"states/x.hcl": {Data: []byte("(")},
	}
	if p, diags := Load(fsys, nil, Options{}); diags.HasErrors() || len(p.Hosts) != 1 {
		t.Errorf("got %v, %v", p.Hosts, diags)
	}
}

func TestPatchesOf(t *testing.T) {
	fsys := fstest.MapFS{"a.hcl": {Data: []byte(`
host "a" { local = true }
host "b" { ssh = "b" }
pair "p" {
  members         = [host.a, host.b]
  initial_primary = host.b
}
overlay "host" "a" {
  file "/1" { mode = "0600" }
}
overlay "role" "standby" {
  file "/2" { mode = "0600" }
}
overlay "role" "primary" {
  file "/3" { mode = "0600" }
}
overlay "host" "b" {
  file "/4" { mode = "0600" }
}
`)}}
	p, diags := Load(fsys, testSchemas(), Options{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	names := func(host string, role engine.Role) string {
		s := ""
		for _, patch := range p.Patches(host, role) {
			s += patch.Addr.Name
		}
		return s
	}
	for got, want := range map[string]string{
		names("a", engine.RoleStandby): "/2/1", names("b", engine.RolePrimary): "/3/4",
		names("a", engine.RoleNone): "/1", names("", engine.RoleNone): "",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if pair, ok := p.PairOf("a"); !ok || pair.Name != "p" {
		t.Error("a is in no pair")
	}
	if _, ok := p.PairOf("c"); ok {
		t.Error("c is in a pair")
	}
	if _, ok := p.Host("b"); !ok {
		t.Error("b is no host")
	}
	if _, ok := p.Pair("q"); ok {
		t.Error("q is a pair")
	}
}

func TestResolveSecrets(t *testing.T) {
	fsys := fstest.MapFS{
		"a.hcl": {Data: []byte(overlayOf(`
  user "a" { password = secret("x") }
  user "b" { password = secret("x") }
  user "c" { shell = "secret:x" }
`))},
		"secrets/x.age": {Data: []byte("x")},
	}
	p, diags := Load(fsys, testSchemas(), Options{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	sealed := hosts.Content{Size: 3, ID: hosts.ID{1}, Sealed: true}
	calls := 0
	if err := p.ResolveSecrets(func(s Secret) (hosts.Content, error) {
		calls++
		if s.Name != "x" || s.File != "secrets/x.age" || !s.Encrypted {
			t.Errorf("got %+v", s)
		}
		return sealed, nil
	}); err != nil {
		t.Fatal(err)
	}
	if calls != 1 {
		t.Errorf("sealed %d times", calls)
	}
	patches := p.Overlays[0].Patches
	for i, want := range []string{engine.SecretRef(sealed), engine.SecretRef(sealed), "secret:x"} {
		attr := []string{"password", "password", "shell"}[i]
		if got := patches[i].Attrs[attr].AsString(); got != want {
			t.Errorf("%s is %q, want %q", attr, got, want)
		}
	}
	if err := p.ResolveSecrets(func(Secret) (hosts.Content, error) { return hosts.Content{}, errTest }); !errors.Is(err, errTest) {
		t.Errorf("got %v", err)
	}
}

// TestRequiredVersion: a pre-release counts as its release, a build without a
// number does for all.
func TestRequiredVersion(t *testing.T) {
	for _, c := range []struct {
		have, required string
		ok             bool
	}{
		{"0.1.0", ">= 0.1", true},
		{"0.1.0-dev", ">= 0.1", true},
		{"v0.2.0-rc1+x", ">= 0.2, < 0.3", true},
		{"0.1.9", "~> 0.2.0", false},
		{"(devel)", ">= 9", true},
		{"", ">= 9", true},
		{"1.0.0", "< 1", false},
	} {
		fsys := fstest.MapFS{"a.hcl": {Data: []byte("hikae { required_version = \"" + c.required + "\" }\n")}}
		if _, diags := Load(fsys, nil, Options{Version: c.have}); diags.HasErrors() == c.ok {
			t.Errorf("%s for %s: %v", c.have, c.required, diags)
		}
	}
}

func TestTooManyFiles(t *testing.T) {
	fsys := fstest.MapFS{"big.hcl": {Data: []byte(strings.Repeat("#\n", maxProjectFile))}}
	if _, diags := Load(fsys, nil, Options{}); !hasText(diags, "larger than 1 MiB") {
		t.Errorf("got %v", diags)
	}
	fsys = fstest.MapFS{}
	for i := range maxProjectFiles + 1 {
		fsys[strings.Repeat("a", i%200+1)+strings.Repeat("b", i/200)+".hcl"] = &fstest.MapFile{}
	}
	if _, diags := Load(fsys, nil, Options{}); !hasText(diags, "more than 1000 files") {
		t.Errorf("got %v", diags)
	}
}

func hasText(diags hcl.Diagnostics, text string) bool {
	for _, d := range diags {
		if strings.Contains(d.Summary+d.Detail, text) {
			return true
		}
	}
	return false
}
