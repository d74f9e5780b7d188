package docs_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/aymanbagabas/go-udiff"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lang"
	"hikae/hosts"
	"hikae/modules/all"
)

// docs/reference is made of the schemas and of examples, which are put: make docs.
// That it is of today's schemas is asked by make test, HIKAE_TEST_DOCS, and not of
// one who is in the middle of making a kind.
func TestReference(t *testing.T) {
	pages := map[string]string{}
	var index strings.Builder
	index.WriteString("# The kinds\n\nEach kind of resource, what it holds, and an example. Made of the schemas: `make docs`.\n\n## On the host\n\n")
	for _, s := range all.Schemas() {
		pages[s.Kind] = page(t, s, nil)
		fmt.Fprintf(&index, "- [`%s`](%s.md): %s\n", s.Kind, s.Kind, plain(s.Doc))
	}
	index.WriteString("\n## In files\n\nLenses show what stands in the files of daemons. Overlays of their kinds edit these files, and\nnothing else in them.\n")
	for _, l := range all.Lenses() {
		fmt.Fprintf(&index, "\n### %s\n\n", engine.LensName(l))
		for _, s := range l.Kinds() {
			pages[s.Kind] = page(t, s, l)
			fmt.Fprintf(&index, "- [`%s`](%s.md): %s\n", s.Kind, s.Kind, plain(s.Doc))
		}
	}
	pages["README"] = index.String()
	update, stale := os.Getenv("HIKAE_UPDATE") != "", t.Logf
	if os.Getenv("HIKAE_TEST_DOCS") != "" {
		stale = t.Errorf
	}
	for name, want := range pages {
		path := filepath.Join("reference", name+".md")
		if update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			stale("%s is not what the schemas and examples say (%v): run make docs", path, err)
		}
	}
	there, _ := filepath.Glob("reference/*.md")
	for _, path := range there {
		name := strings.TrimSuffix(filepath.Base(path), ".md")
		if _, ok := pages[name]; ok {
			continue
		}
		if stale("%s is of no kind", path); update {
			_ = os.Remove(path)
		}
	}
}

// page is what there is to say of a kind.
func page(t *testing.T, s engine.Schema, l engine.Lens) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n\nIts label: %s.\n", s.Kind, plain(s.Doc), plain(strings.TrimSuffix(s.Label, ".")))
	if s.Node {
		b.WriteString("\nA block has `type`, `mode`, `owner`, `group`, `acl`, `default_acl`, `xattrs`, `caps`, `label`, `link`,\nand `content` or `source`; `absent = true` removes what is there.\n")
	}
	if l != nil {
		var names []string
		for _, g := range l.Grammars() {
			names = append(names, "`hikae lens "+g.Name+" FILE`")
		}
		fmt.Fprintf(&b, "\nTo see what hikae makes of a file: %s.\n", strings.Join(names, ", "))
	}
	if len(s.Attrs) > 0 {
		b.WriteString("\n| attribute | type | what it says |\n|---|---|---|\n")
	}
	for _, a := range s.Attrs {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", a.Name, typeText(a), plain(strings.ReplaceAll(a.Doc, "|", `\|`)))
	}
	b.WriteString("\n## Example\n\n" + example(t, s, l))
	return b.String()
}

// plain is text without what Markdown takes for HTML.
func plain(s string) string { return strings.ReplaceAll(s, "<", `\<`) }

func typeText(a engine.Attr) string {
	text := strings.ReplaceAll(a.Type.FriendlyName(), "dynamic", "as the setting's")
	switch {
	case a.Secret:
		text = "secret: `secret(\"NAME\")`"
	case a.File:
		text = "file of the project"
	case a.Info:
		text += ", only shown"
	}
	return text
}

// example puts the example of a kind, and shows it and what comes of it.
func example(t *testing.T, s engine.Schema, l engine.Lens) string {
	t.Helper()
	ar, err := txtar.ParseFile(filepath.Join("reference", "examples", s.Kind+".txtar"))
	if err != nil {
		if os.Getenv("HIKAE_TEST_DOCS") != "" {
			t.Errorf("%s has no example: %v", s.Kind, err)
		}
		return ""
	}
	files, overlay := map[string][]byte{}, ""
	project := fstest.MapFS{}
	for _, f := range ar.Files {
		switch {
		case f.Name == "overlay.hcl":
			overlay = string(f.Data)
		case strings.HasPrefix(f.Name, "/"):
			files[f.Name] = f.Data
		default:
			project[f.Name] = &fstest.MapFile{Data: f.Data}
		}
	}
	project["overlay.hcl"] = &fstest.MapFile{Data: []byte("host \"web\" { local = true }\n" + overlay)}
	pr, diags := lang.Load(project, all.Kinds(), lang.Options{Version: "0.1.0"})
	if diags.HasErrors() {
		t.Errorf("the example of %s: %v", s.Kind, diags)
		return ""
	}
	patches := pr.Patches("web", engine.RolePrimary)
	if !slices.ContainsFunc(patches, func(p engine.Patch) bool { return p.Addr.Kind == s.Kind }) {
		t.Errorf("the example of %s has none", s.Kind)
	}
	snap := &engine.Snapshot{Host: "web", Facts: hosts.Facts{ID: "rocky", VersionID: "8.10", Arch: "x86_64"}}
	texts := map[hosts.ID][]byte{}
	for path, text := range files {
		id := hosts.ID(sha256.Sum256(text))
		texts[id] = text
		snap.Resources = append(snap.Resources, engine.Resource{Addr: engine.Addr{Kind: "file", Name: path},
			Node: &hosts.Node{Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root", Content: hosts.Content{Size: int64(len(text)), ID: id}}})
	}
	d, diags := engine.Compile(engine.Want{Host: "web", Role: engine.RolePrimary, Source: snap, Schemas: all.Schemas(), Patches: patches,
		Lenses: all.Lenses(), Bytes: func(c hosts.Content) ([]byte, error) { return texts[c.ID], nil }})
	if diags.HasErrors() {
		t.Errorf("the example of %s: %v", s.Kind, diags)
		return ""
	}
	var b strings.Builder
	if text := strings.TrimSpace(string(ar.Comment)); text != "" {
		b.WriteString(text + "\n\n")
	}
	fmt.Fprintf(&b, "```hcl\n%s```\n", overlay)
	if l == nil {
		return b.String()
	}
	after, diff := outcome(d, files)
	if diff == "" {
		t.Errorf("the example of %s changes no file", s.Kind)
	}
	shown(t, s, l, patches, after)
	fmt.Fprintf(&b, "\nWhat comes of it:\n\n```diff\n%s```\n", diff)
	return b.String()
}

// outcome is the files as they are wished, and how they differ.
func outcome(d *engine.Desired, files map[string][]byte) (after map[string][]byte, diff string) {
	after = map[string][]byte{}
	for a, r := range d.Resources {
		if a.Kind != "file" || r.Node.Type != hosts.File {
			continue
		}
		after[a.Name] = files[a.Name]
		if in, ok := d.Inline[r.Node.Content.ID]; ok {
			after[a.Name] = in.Data
		}
	}
	paths := map[string]bool{}
	for p := range after {
		paths[p] = true
	}
	for p := range files {
		paths[p] = true
	}
	names := make([]string, 0, len(paths))
	for p := range paths {
		names = append(names, p)
	}
	slices.Sort(names)
	for _, p := range names {
		from, to := p, p
		if files[p] == nil {
			from = "/dev/null"
		}
		if after[p] == nil {
			to = "/dev/null"
		}
		diff += udiff.Unified(from, to, string(files[p]), string(after[p]))
	}
	return after, diff
}

// shown holds an example to what it says: the lens shows it afterwards.
func shown(t *testing.T, s engine.Schema, l engine.Lens, patches []engine.Patch, after map[string][]byte) {
	t.Helper()
	nodes := map[string]*hosts.Node{}
	for p, text := range after {
		nodes[p] = &hosts.Node{Type: hosts.File, Mode: 0o644, Content: hosts.Content{Size: int64(len(text))}}
	}
	tree := engine.NewTree(hosts.Facts{ID: "rocky", VersionID: "8.10"}, func(yield func(string, *hosts.Node) bool) {
		for p, n := range nodes {
			if !yield(p, n) {
				return
			}
		}
	}, func(p string, _ *hosts.Node) ([]byte, error) { return after[p], nil })
	found, diags := l.Get(tree)
	if diags.HasErrors() {
		t.Errorf("what comes of the example of %s cannot be read: %v", s.Kind, diags)
	}
	for _, p := range patches {
		i := slices.IndexFunc(found, func(r engine.Resource) bool { return r.Addr == p.Addr })
		if p.Addr.Kind != s.Kind || p.Absent {
			if p.Addr.Kind == s.Kind && i >= 0 {
				t.Errorf("the example of %s: %s is still there", s.Kind, p.Addr)
			}
			continue
		}
		if i < 0 {
			t.Errorf("the example of %s: %s is not there", s.Kind, p.Addr)
			continue
		}
		for name, want := range p.Attrs {
			if got := found[i].Value.GetAttr(name); want.Type().Equals(got.Type()) && !want.IsNull() && want.Equals(got).False() || want.IsNull() != got.IsNull() {
				t.Errorf("the example of %s: %s of %s is %v", s.Kind, name, p.Addr, cty.Value.GoString(got))
			}
		}
	}
}
