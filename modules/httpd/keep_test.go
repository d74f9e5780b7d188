package httpd_test

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/rules"
	"hikae/hosts"
	"hikae/modules/httpd"
)

// The addresses of a virtual host stay a host's own, but for what an overlay says.
func TestKeep(t *testing.T) {
	site := func(address, root string) string {
		return "<VirtualHost " + address + ">\n    ServerName www\n    DocumentRoot " + root + "\n</VirtualHost>\n"
	}
	said := []engine.Patch{{Addr: engine.Addr{Kind: httpd.Kind, Name: "www:80"}, Rank: engine.RankHost}}
	said[0].Attrs = edit("", map[string]cty.Value{"listen": list("192.0.2.3:80")}).Attrs
	const sitePath = "/etc/httpd/conf.d/www.conf"
	for name, c := range map[string]struct {
		patches []engine.Patch
		own     string
		want    string
		kept    string
	}{
		"kept":             {nil, site("192.0.2.2:80", "/old"), site("192.0.2.2:80", "/new"), "VirtualHost www:80=192.0.2.2:80"},
		"an overlay wins":  {said, site("192.0.2.2:80", "/old"), site("192.0.2.3:80", "/new"), ""},
		"taken":            {nil, "", site("192.0.2.1:80", "/new"), ""},
		"of another name":  {nil, strings.Replace(site("192.0.2.2:80", "/old"), "www", "x", 1), site("192.0.2.1:80", "/new"), ""},
		"at the same port": {nil, site("192.0.2.2:81", "/old"), site("192.0.2.1:80", "/new"), ""},
	} {
		texts := map[hosts.ID][]byte{}
		content := func(s string) hosts.Content {
			ct := hosts.Content{Size: int64(len(s)), ID: sha256.Sum256([]byte(s))}
			texts[ct.ID] = []byte(s)
			return ct
		}
		file := func(path, s string) engine.Resource {
			return engine.Resource{Addr: engine.Addr{Kind: "file", Name: path}, Node: &hosts.Node{Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root", Content: content(s)}}
		}
		snap := &engine.Snapshot{Host: "primary"}
		for path, s := range host(map[string]string{"www.conf": site("192.0.2.1:80", "/new")}) {
			snap.Resources = append(snap.Resources, file(path, s))
		}
		lenses := []engine.Lens{httpd.Lens{}}
		d, diags := engine.Compile(engine.Want{Host: "standby", Source: snap, Patches: c.patches, Lenses: lenses, Schemas: []engine.Schema{{Kind: "file", Node: true}},
			Bytes: func(ct hosts.Content) ([]byte, error) { return texts[ct.ID], nil }})
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		act := &engine.Actual{Resources: map[engine.Addr]*engine.Resource{}}
		if c.own != "" {
			own := file(sitePath, c.own)
			act.Resources[own.Addr] = &own
		}
		var builtin []rules.KeepRule
		for _, l := range rules.KeepLists() {
			builtin = append(builtin, l.Rules...)
		}
		out, err := d.Keep(act, engine.Keeping{
			Rules: builtin, Lenses: lenses, Foreign: func([]byte) bool { return false },
			Read: func([]hosts.Content) (map[hosts.ID][]byte, error) {
				for id, in := range d.Inline {
					texts[id] = in.Data
				}
				return texts, nil
			},
			Name: func(_ string, _ uint32, b []byte) hosts.Content { return content(string(b)) },
		})
		if err != nil {
			t.Fatal(err)
		}
		id := out.Resources[engine.Addr{Kind: "file", Name: sitePath}].Node.Content.ID
		got := string(texts[id])
		if in, ok := out.Inline[id]; ok {
			got = string(in.Data)
		}
		var kept []string
		plan := engine.MakePlan("standby", out, act, nil, []engine.Schema{{Kind: "file", Node: true}})
		for _, k := range plan.Kept {
			if k.Path == sitePath {
				kept = append(kept, k.Key+"="+k.Here)
			}
		}
		if got != c.want || strings.Join(kept, " ") != c.kept {
			t.Errorf("%s: it is\n%s(%q), want\n%s(%q)", name, got, kept, c.want, c.kept)
		}
	}
}
