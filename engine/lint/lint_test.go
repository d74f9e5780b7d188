package lint

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/rules"
	"hikae/hosts"
)

// sites is a lens over /etc/sites: a line is a vhost or a zone and its values.
type sites struct{}

func (sites) Kinds() []engine.Schema {
	return []engine.Schema{
		{Kind: "vhost", Attrs: []engine.Attr{{Name: "listen", Type: cty.List(cty.String)}, {Name: "document_root", Type: cty.String}}},
		{Kind: "zone", Attrs: []engine.Attr{{Name: "type", Type: cty.String}, {Name: "file", Type: cty.String}}},
	}
}
func (sites) Units() []engine.Unit { return nil }
func (sites) Put(engine.Tree, []engine.Edit) ([]engine.FileEdit, []engine.Resource, hcl.Diagnostics) {
	return nil, nil, nil
}
func (sites) Verbatim(engine.Tree) []hcl.Range { return nil }
func (sites) Grammars() []lens.Grammar {
	g := lens.Words()
	g.Name, g.Files = "sites", []string{"/etc/sites"}
	return []lens.Grammar{g}
}

func (s sites) Get(t engine.Tree) (rs []engine.Resource, _ hcl.Diagnostics) {
	src, _ := t.ReadFile("/etc/sites")
	f, _ := s.Grammars()[0].Parse(src)
	for _, n := range f.Root.Nodes {
		at := f.PosOf(n.Whole.Start)
		r := engine.Resource{Addr: engine.Addr{Kind: n.Name(src), Name: n.Word(src, 1)}, Range: hcl.Range{Filename: "/etc/sites",
			Start: hcl.Pos{Line: at.Line, Column: at.Column, Byte: at.Byte}, End: hcl.Pos{Byte: n.Whole.End}}}
		switch r.Addr.Kind {
		case "vhost":
			r.Value = cty.ObjectVal(map[string]cty.Value{"listen": cty.ListVal([]cty.Value{cty.StringVal(n.Word(src, 2))}), "document_root": cty.StringVal(n.Word(src, 3))})
		case "zone":
			r.Value = cty.ObjectVal(map[string]cty.Value{"type": cty.StringVal(n.Word(src, 2)), "file": cty.StringVal(n.Word(src, 3))})
		default:
			continue
		}
		rs = append(rs, r)
	}
	return rs, nil
}

func lintTree(policy string, files map[string]string, more ...engine.Resource) *Tree {
	snap := &engine.Snapshot{Host: "rio1", Facts: rio1, Resources: more}
	snap.Facts.Policy = policy
	texts := map[hosts.ID][]byte{}
	for p, text := range files {
		id := hosts.ID(sha256.Sum256([]byte(text)))
		texts[id] = []byte(text)
		snap.Resources = append(snap.Resources, engine.Resource{Addr: engine.Addr{Kind: "file", Name: p},
			Node: &hosts.Node{Type: hosts.File, Mode: 0o644, Content: hosts.Content{Size: int64(len(text)), ID: id}}})
	}
	keep, _ := rules.KeepWith(nil)
	return &Tree{Snapshot: snap, Lenses: []engine.Lens{sites{}}, Keep: keep,
		Read: func(c hosts.Content) ([]byte, error) { return texts[c.ID], nil }}
}

func all(engine.Addr) bool { return true }

func TestMentions(t *testing.T) {
	tree := lintTree("", map[string]string{
		"/etc/sites":           "vhost www 192.168.1.11:80 /var/www\n# 192.168.1.11\nvhost b *:80 /var/b\nother 192.168.1.11\n",
		"/etc/app.conf":        "; rio1.rio.st\nserver = rio1.rio.st\n",
		"/etc/ssh/sshd_config": "ListenAddress 192.168.1.11\nBanner rio1\n",
		"/etc/hosts":           "192.168.1.11 rio1.rio.st\n",
		"/etc/binary":          "192.168.1.11\x00",
	})
	own := OwnOf(rio1)
	found, secrets := tree.Mentions(own)
	var got []string
	for _, f := range found {
		s := f.File + " " + f.Value + " " + f.Kind
		if f.Kept {
			s += "kept"
		}
		got = append(got, strings.TrimSpace(s))
	}
	want := map[string]bool{"/etc/sites 192.168.1.11 vhost": true, "/etc/sites 192.168.1.11": true, "/etc/app.conf rio1.rio.st": true,
		"/etc/ssh/sshd_config 192.168.1.11 kept": true, "/etc/ssh/sshd_config rio1": true}
	for _, g := range got {
		if !want[g] {
			t.Errorf("found %q", g)
		}
		delete(want, g)
	}
	if len(want) > 0 || secrets != 0 {
		t.Errorf("not found: %v, %d secrets", want, secrets)
	}

	other := OwnOf(hosts.Facts{Hostname: "rio2.rio.st", Addresses: []string{"192.168.1.12/24"}})
	o := tree.OverlayFor("rio2", found, own, other, nil, all)
	if o := tree.OverlayFor("rio2", found, own, other, nil, func(a engine.Addr) bool { return a.Kind == "file" && a.Name == "/etc/sites" }); len(o.Data) != 1 || len(o.Open) != 1 {
		t.Errorf("of what is not taken: %+v", o)
	}
	for _, part := range []string{
		"overlay \"host\" \"rio2\" {\n", "  vhost \"www\" { listen = [\"192.168.1.12:80\"] }\n",
		"  file \"/etc/app.conf\" { source = \"lint/rio2/etc/app.conf\" }\n",
	} {
		if !strings.Contains(o.HCL, part) {
			t.Errorf("no %q in\n%s", part, o.HCL)
		}
	}
	if s := string(o.Data["lint/rio2/etc/app.conf"]); s != "; rio2.rio.st\nserver = rio2.rio.st\n" {
		t.Errorf("the file is %q", s)
	}
	patches := []engine.Patch{{Addr: engine.Addr{Kind: "vhost", Name: "www"}, Attrs: map[string]cty.Value{"listen": cty.True}}}
	if o := tree.OverlayFor("rio2", found, own, other, patches, all); strings.Contains(o.HCL, "vhost") {
		t.Errorf("what is overlaid is overlaid again:\n%s", o.HCL)
	}
	if o := tree.OverlayFor("rio2", found, own, Own{}, nil, all); o.HCL != "" || len(o.Open) == 0 {
		t.Errorf("of a host of which nothing is known: %+v", o)
	}
}

func TestWantedAndPorts(t *testing.T) {
	tree := lintTree("targeted", map[string]string{
		"/etc/sites":           "vhost www *:80 /var/www\nvhost m *:80 /var/%h\nzone a primary a.zone\nzone b secondary b.zone\n",
		"/etc/ssh/sshd_config": "Port 2222\nPort 22\nPort 2022\n",
	}, engine.Resource{Addr: engine.Addr{Kind: "selinux_port", Name: "tcp/2020-2030"}, Value: cty.ObjectVal(map[string]cty.Value{"type": cty.StringVal("ssh_port_t")})})
	var paths []string
	for _, w := range tree.Wanted() {
		paths = append(paths, w.Path)
	}
	if s := strings.Join(paths, " "); s != "/var/www /var/named/a.zone" {
		t.Errorf("wanted are %s", s)
	}
	ports := tree.Ports()
	if len(ports) != 1 || !strings.Contains(ports[0].Text, "2222") || ports[0].Line != 1 {
		t.Errorf("%+v", ports)
	}
	tree.Snapshot.Facts.Policy = ""
	if ports := tree.Ports(); ports != nil {
		t.Errorf("without SELinux: %+v", ports)
	}
}

func TestCertificates(t *testing.T) {
	end, text := testCertificate(t)
	tree := lintTree("", map[string]string{"/etc/pki/tls/certs/www.crt": "-----BEGIN RSA PRIVATE KEY-----\nAA==\n-----END RSA PRIVATE KEY-----\n" + text, "/etc/pki/bad.crt": "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"})
	for at, want := range map[time.Duration]int{-100 * 24 * time.Hour: 1, -29 * 24 * time.Hour: 2, time.Hour: 2} {
		if got := tree.Certificates(end.Add(at)); len(got) != want {
			t.Errorf("%v from its end: %+v", at, got)
		}
	}
}
