package engine_test

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/rules"
	"hikae/hosts"
)

const appConf = "/etc/app.conf"

// settings is a lens over /etc/app.conf: its words are settings.
type settings struct{}

func (settings) Kinds() []engine.Schema {
	return []engine.Schema{{Kind: "setting", Attrs: []engine.Attr{{Name: "value", Type: cty.String}}}}
}
func (settings) Units() []engine.Unit                                 { return nil }
func (settings) Get(engine.Tree) ([]engine.Resource, hcl.Diagnostics) { return nil, nil }
func (settings) Verbatim(engine.Tree) []hcl.Range                     { return nil }
func (settings) Grammars() []lens.Grammar {
	g := lens.Words()
	g.Name, g.Files = "app", []string{appConf}
	return []lens.Grammar{g}
}

func (s settings) Put(t engine.Tree, edits []engine.Edit) ([]engine.FileEdit, []engine.Resource, hcl.Diagnostics) {
	src, err := t.ReadFile(appConf)
	if err != nil {
		return nil, nil, hcl.Diagnostics{{Severity: hcl.DiagError, Summary: err.Error()}}
	}
	f, _ := s.Grammars()[0].Parse(src)
	for _, e := range edits {
		text := e.Addr.Name + " " + e.Attrs["value"].AsString()
		if nodes := f.Find(e.Addr.Name, nil); len(nodes) > 0 {
			f.Replace(nodes[0].Whole, text)
		} else {
			f.AppendTo(f.Root, text)
		}
	}
	b, err := f.Bytes()
	if err != nil {
		panic(err)
	}
	return []engine.FileEdit{{Path: appConf, Bytes: b, For: []engine.Addr{edits[0].Addr}}}, nil, nil
}

func plainText(s string) hosts.Content {
	return hosts.Content{Size: int64(len(s)), ID: sha256.Sum256([]byte(s))}
}

func TestKeep(t *testing.T) {
	const source = "listen 192.0.2.1\nname a\ncolour red\n"
	own := "listen 192.0.2.2\nname b\n"
	say := func(kind, value string) engine.Patch {
		p := engine.Patch{Addr: engine.Addr{Kind: kind, Name: "listen"}, Rank: engine.RankHost, Attrs: map[string]cty.Value{"value": cty.StringVal(value)}}
		if kind == "file" {
			p.Addr.Name, p.Attrs, p.Content = appConf, nil, []byte(value)
		}
		return p
	}
	for _, c := range []struct {
		name    string
		patches []engine.Patch
		have    string // "" for no file
		want    string
		kept    string
	}{
		{"kept", nil, own, "listen 192.0.2.2\nname b\ncolour red\n", "listen name"},
		{"taken", nil, "", source, "taken:listen taken:name"},
		{"an overlay wins", []engine.Patch{say("setting", "192.0.2.3")}, own, "listen 192.0.2.3\nname b\ncolour red\n", "name"},
		{"though it says what the source has", []engine.Patch{say("setting", "192.0.2.1")}, own, "listen 192.0.2.1\nname b\ncolour red\n", "name"},
		{"nor what can be on the source alone", nil, "shipped:listen any\n", "listen any\nname a\ncolour red\n", "taken:name listen"},
		{"what an overlay says is not taken", []engine.Patch{say("setting", "192.0.2.3")}, "", "listen 192.0.2.3\nname a\ncolour red\n", "taken:name"},
		{"a file that an overlay gives is that", []engine.Patch{say("file", "x y\n")}, own, "x y\n", ""},
	} {
		texts := map[hosts.ID][]byte{}
		put := func(s string) *hosts.Node {
			ct := plainText(s)
			texts[ct.ID] = []byte(s)
			return &hosts.Node{Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root", Content: ct}
		}
		addr := engine.Addr{Kind: "file", Name: appConf}
		snap := &engine.Snapshot{Host: "primary", Resources: []engine.Resource{{Addr: addr, Node: put(source)}}}
		d, diags := engine.Compile(engine.Want{
			Host: "standby", Source: snap, Patches: c.patches, Lenses: []engine.Lens{settings{}},
			Schemas: []engine.Schema{{Kind: "file", Node: true}},
			Bytes:   func(ct hosts.Content) ([]byte, error) { return texts[ct.ID], nil },
		})
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		act := &engine.Actual{Resources: map[engine.Addr]*engine.Resource{}}
		if c.have != "" {
			text, shipped := strings.CutPrefix(c.have, "shipped:")
			act.Resources[addr] = &engine.Resource{Addr: addr, Node: put(text)}
			if shipped {
				act.Resources[addr].Pristine = put(text)
			}
		}
		out, err := d.Keep(act, engine.Keeping{
			Rules: []rules.KeepRule{{Pattern: "/etc/*", Keys: []string{"listen", "name"}, Why: "test"}}, Lenses: []engine.Lens{settings{}},
			Read: func(cs []hosts.Content) (map[hosts.ID][]byte, error) {
				for id, in := range d.Inline {
					texts[id] = in.Data
				}
				return texts, nil
			},
			Foreign: func(text []byte) bool { return strings.Contains(string(text), "192.0.2.1") },
			Name:    func(_ string, _ uint32, b []byte) hosts.Content { return plainText(string(b)) },
		})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got := string(texts[out.Resources[addr].Node.Content.ID])
		if in, ok := out.Inline[out.Resources[addr].Node.Content.ID]; ok {
			got = string(in.Data)
		}
		var kept []string
		plan := engine.MakePlan("standby", out, act, nil, []engine.Schema{{Kind: "file", Node: true}})
		for _, k := range plan.Kept {
			name := k.Key
			if k.Taken {
				name = "taken:" + name
			}
			kept = append(kept, name)
		}
		if got != c.want || strings.Join(kept, " ") != c.kept {
			t.Errorf("%s: it is\n%s(%v)\nwant\n%s(%s)", c.name, got, kept, c.want, c.kept)
		}
	}
}

// A lens reads what a partial follower does not take, and writes only what it does.
func TestALensOfAPartialFollower(t *testing.T) {
	text := []byte("listen a\n")
	addr := engine.Addr{Kind: "file", Name: appConf}
	snap := &engine.Snapshot{Host: "primary", Resources: []engine.Resource{{Addr: addr,
		Node: &hosts.Node{Type: hosts.File, Mode: 0o600, Owner: "app", Group: "app", Content: plainText(string(text))}}}}
	for _, c := range []struct{ only, err string }{
		{"file:/etc/other", `Add "file:/etc/app.conf" to it`}, {"file:/etc/app.*", ""},
	} {
		d, diags := engine.Compile(engine.Want{
			Host: "follower", Source: snap, Only: []string{"setting:*", c.only}, Lenses: []engine.Lens{settings{}},
			Schemas: []engine.Schema{{Kind: "file", Node: true}},
			Patches: []engine.Patch{{Addr: engine.Addr{Kind: "setting", Name: "listen"}, Rank: engine.RankHost, Attrs: map[string]cty.Value{"value": cty.StringVal("b")}}},
			Bytes:   func(hosts.Content) ([]byte, error) { return text, nil },
		})
		switch {
		case c.err == "" && (diags.HasErrors() || d.Resources[addr].Node.Owner != "app" || d.Resources[addr].Node.Content != plainText("listen b\n")):
			t.Errorf("%s: %v", c.only, diags)
		case c.err != "" && (!diags.HasErrors() || !strings.Contains(diags.Error(), c.err)):
			t.Errorf("%s: %v", c.only, diags)
		}
	}
}
