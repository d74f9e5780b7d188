package named

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"

	"hikae/engine"
	"hikae/modules/lenstest"
)

func TestPutRefuses(t *testing.T) {
	str := cty.StringVal
	for want, e := range map[string]engine.Edit{
		`Write named_options "options"`:  edit(OptionsKind, "", "x", attrs{"recursion": cty.True}),
		"set it to null":                 absent(OptionsKind, "", "options"),
		"is no element of a list":        edit(OptionsKind, "", "options", attrs{"listen_on": texts("1.2.3.4; evil")}),
		"no way to write":                edit(OptionsKind, "", "options", attrs{"directory": str(`a\`)}),
		"is no size":                     edit(OptionsKind, "", "options", attrs{"max_cache_size": str("much")}),
		"is no time":                     edit(OptionsKind, "", "options", attrs{"max_cache_ttl": str("long")}),
		"is one word":                    edit(OptionsKind, "", "options", attrs{"notify": str("yes; evil")}),
		"cannot stand in":                edit(OptionsKind, "", "options", attrs{"query_source": str("* ; evil")}),
		"whole number":                   edit(OptionsKind, "", "options", attrs{"tcp_clients": cty.NumberFloatVal(1.5)}),
		"named would refuse it":          edit(ZoneKind, "external", "other.example", attrs{"primaries": texts("192.0.2.1 192.0.2.2")}),
		"Say whom the acl":               edit(ACLKind, "", "new", attrs{}),
		"is no element":                  edit(ACLKind, "", "lan", attrs{"addresses": texts("")}),
		"name of a view":                 edit(ViewKind, "", "a/b", attrs{"recursion": cty.True}),
		`has the zone "rio.example"`:     absent(ViewKind, "", "internal"),
		"with one of internal, external": edit(ZoneKind, "", "new.example", attrs{"type": str("primary")}),
		"with one of":                    edit(ZoneKind, "none", "new.example", attrs{"type": str("primary")}),
		"say what it is":                 edit(ZoneKind, "external", "new.example", attrs{"file": str("x")}),
		"without a dot":                  edit(ZoneKind, "external", "New.example.", attrs{"type": str("primary")}),
		"There is no zone":               edit(RecordKind, "external/none", "www A", attrs{"values": texts("1.2.3.4")}),
		"an owner and a type":            edit(RecordKind, "external/rio.example", "www", attrs{"values": texts("1.2.3.4")}),
		`as "www A"`:                     edit(RecordKind, "external/rio.example", "www.rio.example. A", attrs{"values": texts("1.2.3.4")}),
		"is no type":                     edit(RecordKind, "external/rio.example", "www FOO", attrs{"values": texts("1.2.3.4")}),
		"as soa of the zone":             edit(RecordKind, "external/rio.example", "@ SOA", attrs{"values": texts("x")}),
		"data of a A record":             edit(RecordKind, "external/rio.example", "www A", attrs{"values": texts("1.2.3.4\nevil A 1.2.3.5")}),
		"data of a MX record":            edit(RecordKind, "external/rio.example", "@ MX", attrs{"values": texts("mail")}),
		"Say what the records":           edit(RecordKind, "external/rio.example", "www A", attrs{"values": texts()}),
		`"soon" is no time`:              edit(RecordKind, "external/rio.example", "www A", attrs{"ttl": str("soon")}),
		"NS records":                     absent(RecordKind, "external/rio.example", "@ NS"),
		"allow-update lets clients":      edit(RecordKind, "external/dyn.example", "www A", attrs{"values": texts("1.2.3.4")}),
		"the file of the zone":           edit(RecordKind, "internal/ads2.example", "www A", attrs{"values": texts("1.2.3.4")}),
		"has no zone file":               edit(RecordKind, "external/other.example", "www A", attrs{"values": texts("1.2.3.4")}),
	} {
		files, _, diags := Lens{}.Put(tree(), []engine.Edit{e})
		if !diags.HasErrors() || len(files) > 0 || !strings.Contains(lenstest.Text(diags), want) {
			t.Errorf("%s: got %v %s", want, files, lenstest.Text(diags))
		}
	}
	tr := tree()
	tr["/var/named/external/rio.example.zone.jnl"] = "x"
	_, _, diags := Lens{}.Put(tr, []engine.Edit{edit(RecordKind, "external/rio.example", "www A", attrs{"values": texts("1.2.3.4")})})
	if !strings.Contains(lenstest.Text(diags), "its journal is /var/named/external/rio.example.zone.jnl") {
		t.Errorf("a zone with a journal: %s", lenstest.Text(diags))
	}
	_, _, diags = Lens{}.Put(tree(), []engine.Edit{
		edit(ZoneKind, "external", "new.example", attrs{"type": str("primary")}),
		edit(RecordKind, "external/new.example", "www A", attrs{"values": texts("1.2.3.4")}),
	})
	if !strings.Contains(lenstest.Text(diags), "Zone without a name server") {
		t.Errorf("a zone without a name server: %s", lenstest.Text(diags))
	}
}

// A new zone's files: where the distribution and the view have theirs.
func TestPlace(t *testing.T) {
	for _, c := range []struct{ view, zone, typ, want string }{
		{"internal", "new.example", "primary", "internal/new.example.zone"},
		{"external", "0/25.2.0.192.in-addr.arpa", "master", "external/0-25.2.0.192.in-addr.arpa.zone"},
		{"internal", "new.example", "secondary", "slaves/new.example.zone"},
	} {
		files, _, diags := Lens{}.Put(tree(), []engine.Edit{edit(ZoneKind, c.view, c.zone, attrs{"type": cty.StringVal(c.typ)})})
		if diags.HasErrors() || len(files) != 1 || !strings.Contains(string(files[0].Bytes), `file "`+c.want+`";`) {
			t.Errorf("%s: %s %v", c.want, lenstest.Text(diags), files)
		}
	}
	files, _, _ := Lens{}.Put(tree(), []engine.Edit{
		edit(ZoneKind, "internal", "new.example", attrs{"type": cty.StringVal("primary")}),
		edit(RecordKind, "internal/new.example", "@ NS", attrs{"values": texts("ns")}),
	})
	if len(files) != 2 || files[1].New == nil || files[1].New.Mode != 0o640 || files[1].New.Group != "named" {
		t.Errorf("a new zone file: %+v", files)
	}
	files, _, _ = Lens{}.Put(tree(), []engine.Edit{absent(ZoneKind, "external", "rio.example")})
	if len(files) != 2 || !files[1].Remove || files[1].Path != "/var/named/external/rio.example.zone" {
		t.Errorf("a zone goes with its file: %+v", files)
	}
}

func TestGetReads(t *testing.T) {
	conf := func(text string) lenstest.Tree { return lenstest.Tree{"/etc/named.conf": text} }
	many := strings.Builder{}
	for i := range 1001 {
		fmt.Fprintf(&many, "zone \"z%d.example\" { type master; file \"null\"; };\n", i)
	}
	for name, c := range map[string]struct {
		tree  lenstest.Tree
		shows string
		diags string
	}{
		"nothing": {lenstest.Tree{}, "", ""},
		"a missing include": {lenstest.Tree{"/etc/named.conf": "include \"x.conf\";\n", "/etc/passwd": ""}, "",
			"/etc/named.conf:1: Included file cannot be read: /x.conf: "},
		"what named would refuse": {conf("options {\n\tdirectory \"x\"\n\trecursion no;\n};"), "", "/etc/named.conf:3: File cannot be read: a ; is missing before \"recursion\""},
		"in an include, below the directory": {lenstest.Tree{"/etc/named.conf": "options { directory \"/srv\"; };\ninclude \"x.conf\";", "/srv/x.conf": "zone . { type hint };"}, "",
			"/srv/x.conf:1: File cannot be read: a ; is missing"},
		"files that include each other": {lenstest.Tree{"/etc/named.conf": "include \"/etc/a\";", "/etc/a": "include \"/etc/a\";"}, "", "include each other"},
		"patterns":                      {lenstest.Tree{"/etc/named.conf": "include \"/etc/z/*.zones\";", "/etc/z/b.zones": "zone b { type hint; };", "/etc/z/a.zones": "zone a { type hint; };"}, "zone \"a\"", ""},
		"many zones":                    {conf(many.String()), "", "1001 zones"},
		"chroot":                        {lenstest.Tree{"/var/named/chroot/etc/named.conf": "include \"/etc/a\";", "/var/named/chroot/etc/a": "acl a { any; };"}, `acl "a"`, ""},
		"a lone zone file":              {lenstest.Tree{"/var/named/db.example.com": "@ SOA a b 1 2 3 4 5\n NS a\nwww A 1.2.3.4\n"}, `zone_record "example.com" "www A"`, ""},
		"a lone zone file with a name":  {lenstest.Tree{"/var/named/x": "$ORIGIN example.com.\n@ SOA a b 1 2 3 4 5\nwww A 1.2.3.4\n"}, `zone_record "example.com" "www A"`, ""},
		"another class":                 {conf(`zone "bind" ch { type master; file "x"; }; zone a IN { type hint; };`), `zone "a" { type = "hint" }`, ""},
		"a zone file with a fault":      {lenstest.Tree{"/etc/named.conf": `options { directory "/v"; }; zone a { type primary; file "a"; };`, "/v/a": "x A 1.2.3.4\ny FOO\n"}, `zone "a"`, `/v/a:2: File cannot be read: "FOO" is no type`},
		"a zone file that includes":     {lenstest.Tree{"/etc/named.conf": `options { directory "/v"; }; zone a { type primary; file "a"; };`, "/v/a": "@ SOA a b 1 2 3 4 5\n$INCLUDE b sub\nx A 1.2.3.4\n", "/v/b": "@ A 1.2.3.5\n"}, `zone_record "a" "sub A" { values = ["1.2.3.5"] }`, ""},
	} {
		got, diags := show(t, c.tree)
		if !strings.Contains(got, c.shows) {
			t.Errorf("%s: got\n%s", name, got)
		}
		if text := lenstest.Text(diags); !strings.Contains(text, c.diags) || (c.diags == "") != (text == "") {
			t.Errorf("%s: %s", name, text)
		}
	}
	_, diags := show(t, conf("include \"x.conf\";\n"))
	if diags.HasErrors() || len(diags) != 1 {
		t.Errorf("a lone file with an include: %s", lenstest.Text(diags))
	}
}

func TestRefusedForms(t *testing.T) {
	for src, want := range map[string]string{
		"options { directory x; };":                      "1:21: directory takes a text",
		"options { recursion maybe; };":                  "1:21: recursion is yes or no",
		"options { tcp-clients many; };":                 "1:23: tcp-clients is a number",
		"options { recursion; };":                        "1:20: recursion takes one value",
		"options { forwarders 192.0.2.1; };":             "1:31: forwarders takes a list",
		"options { recursion { yes; }; };":               "1:21: recursion takes one value",
		"options { directory \"a\"; directory \"b\"; };": "1:26: directory comes a second time",
		"options { };\noptions { };":                     "2:1: options come a second time",
		"acl a { 192.0.2.1\n192.0.2.2; };":               `2:1: a ; is missing before "192.0.2.2"`,
		"acl a { key a b; };":                            `1:15: a ; is missing before "b"`,
		"zone a { type master\nfile \"x\"; };":           `2:1: a ; is missing before "file"`,
		"zone a { masters { 1.2.3.4 1.2.3.5; }; };":      `1:28: a ; is missing before "1.2.3.5"`,
		"view a { zone b { file x; }; };":                "1:24: file takes a text",
		"key k { algorithm a\nsecret b; };":              `2:1: a ; is missing before "secret"`,
		"logging { channel c { null stderr; }; };":       `1:28: a ; is missing before "stderr"`,
		"logging { category c { a b; }; };":              `1:26: a ; is missing before "b"`,
		"include x;":                                     "1:9: the name of a file stands in quotes",
		"include \"a\" \"b\";":                           `1:13: a ; is missing before "\"b\""`,
		"recursion maybe;":                               "1:11: recursion is yes or no",
	} {
		if _, err := parse([]byte(src)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", src, err, want)
		}
	}
}

// sealed is a tree of which one file is a secret.
type sealed struct {
	lenstest.Tree
	path string
}

func (s sealed) ReadFile(p string) ([]byte, error) {
	if p == s.path {
		return nil, &fs.PathError{Op: "read", Path: p, Err: fs.ErrPermission}
	}
	return s.Tree.ReadFile(p)
}

// A secret among the files is told, and the rest is shown.
func TestSecrets(t *testing.T) {
	found, diags := Lens{}.Get(sealed{tree(), "/etc/named/keys.conf"})
	want, _ := Lens{}.Get(tree())
	if len(found) != len(want) || diags.HasErrors() || !strings.Contains(lenstest.Text(diags), "/etc/named/keys.conf:1: File cannot be read") {
		t.Errorf("%d of %d shown: %s", len(found), len(want), lenstest.Text(diags))
	}
	found, diags = Lens{}.Get(sealed{tree(), "/etc/named.conf"})
	if len(found) > 0 || diags.HasErrors() || len(diags) != 1 {
		t.Errorf("named.conf is a secret, and shown are %v: %s", found, lenstest.Text(diags))
	}
	_, _, diags = Lens{}.Put(sealed{tree(), "/etc/named.conf"}, []engine.Edit{edit(ACLKind, "", "x", attrs{"addresses": texts("any")})})
	if !strings.Contains(lenstest.Text(diags), "keep keys in a file of their own") {
		t.Errorf("%s", lenstest.Text(diags))
	}
}

// generated is a tree made of parts that mean something.
func generated(t *rapid.T) lenstest.Tree {
	pick := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(t, label) }
	nl := pick("line end", "\n", "\n", "\r\n")
	gap := func() string { return pick("gap", " ", "\t", "\n", "  ", " /* c */ ", "\n\t") }
	elements := func() string {
		all := rapid.SliceOfN(rapid.SampledFrom([]string{"any;", "!10.0.0.1;", "! 192.0.2.0 / 24;", "{ ::1; };", "key \"k\";", "# c\n"}), 0, 3).Draw(t, "elements")
		return "{" + gap() + strings.Join(all, gap()) + gap() + "}"
	}
	servers := func() string {
		all := rapid.SliceOfN(rapid.SampledFrom([]string{"192.0.2.1;", "2001:db8::1 port 53;", "x key \"k\";"}), 0, 3).Draw(t, "servers")
		return "{" + gap() + strings.Join(all, gap()) + gap() + "}"
	}
	settings := func(of ...string) string {
		all := rapid.SliceOfNDistinct(rapid.SampledFrom(of), 0, 3, rapid.ID[string]).Draw(t, "settings")
		text := ""
		for _, s := range all {
			switch s {
			case "recursion":
				s += " yes"
			case "tcp-clients":
				s += " 10"
			case "version":
				s += " \"x\""
			case "also-notify":
				s += " " + servers()
			case "allow-query", "match-clients", "listen-on":
				s += " " + elements()
			case "key-directory":
				s += " \"k;\""
			}
			text += s + ";" + gap()
		}
		return text
	}
	record := func() string {
		return pick("owner", "www", "ftp", "@", "", "") + pick("gap", " ", "\t") + pick("ttl", "", "5m ", "IN ", "IN 60 ") +
			pick("data", "A 1.2.3.4", "A 1.2.3.5", "TXT \"a b\" c", "TXT ( x\n y )", "MX 5 @") + pick("end", "", " ; c")
	}
	zone := func() string {
		lines := rapid.SliceOfN(rapid.Custom(func(*rapid.T) string {
			return pick("line", "", "; c", "$ORIGIN sub") + "\n" + record()
		}), 0, 4).Draw(t, "records")
		return "$TTL 1h\n@ SOA a b " + pick("serial", "1", "2024010199", "4294967295") + " 2 3 4 5\n NS a\n" + strings.Join(lines, "\n") + pick("last line's end", "", "\n")
	}
	tr := lenstest.Tree{
		"/etc/named.conf": pick("head", "", "// c\n") + "options {" + gap() + "directory \"/v\";" + gap() + settings("recursion", "tcp-clients", "version", "allow-query", "listen-on") + "};" + gap() +
			"acl a " + elements() + ";" + gap() + "view in {" + gap() + settings("recursion", "match-clients", "key-directory") + "include \"/etc/in\";" + gap() + "};" + gap() +
			"view out {" + gap() + "zone b {" + gap() + "type slave; " + settings("also-notify") + "}; };" + pick("end", "", "\n"),
		"/etc/in": "zone a.example {" + gap() + "type master; file \"a\";" + gap() + settings("allow-query", "also-notify", "key-directory") + "};",
		"/v/a":    zone(),
	}
	for p, text := range tr {
		tr[p] = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", nl)
	}
	return tr
}

func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := generated(t)
		lenstest.GetPut(t, Lens{}, tr)
		lenstest.PutGot(t, Lens{}, tr)
		list := func() cty.Value {
			return texts(rapid.SliceOfN(rapid.SampledFrom([]string{"any", "!10.0.0.1", "192.0.2.7", "{ ::1; }"}), 0, 3).Draw(t, "list")...)
		}
		servers := func() cty.Value {
			return texts(rapid.SliceOfN(rapid.SampledFrom([]string{"192.0.2.1", "192.0.2.7 port 54", "x key k"}), 0, 3).Draw(t, "servers")...)
		}
		flag := func() cty.Value {
			return rapid.SampledFrom([]cty.Value{cty.True, cty.False, null(cty.Bool)}).Draw(t, "flag")
		}
		records := func() cty.Value {
			return texts(rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"1.2.3.4", "1.2.3.5", "1.2.3.6"}), 1, 3, rapid.ID[string]).Draw(t, "records")...)
		}
		all := []engine.Edit{
			edit(OptionsKind, "", "options", attrs{"recursion": flag(), "allow_query": list(), "version": cty.StringVal("v"), "tcp_clients": null(cty.Number)}),
			edit(ACLKind, "", "a", attrs{"addresses": list()}),
			edit(ACLKind, "", "c", attrs{"addresses": list()}),
			edit(ViewKind, "", "in", attrs{"match_clients": list(), "recursion": flag()}),
			edit(ZoneKind, "in", "a.example", attrs{"also_notify": servers(), "key_directory": cty.StringVal("x y")}),
			edit(ZoneKind, "out", "b", attrs{"primaries": servers(), "file": cty.StringVal("b")}),
			edit(ZoneKind, "out", "new.example", attrs{"type": cty.StringVal("forward"), "forwarders": servers()}),
			absent(ZoneKind, "out", "b"),
			edit(RecordKind, "in/a.example", "www A", attrs{"values": records()}),
			edit(RecordKind, "in/a.example", "ftp A", attrs{"values": records(), "ttl": cty.StringVal("5m")}),
			edit(RecordKind, "in/a.example", "@ TXT", attrs{"values": texts("a bc", "x")}),
			absent(RecordKind, "in/a.example", "www A"),
			absent(RecordKind, "in/a.example", "@ MX"),
		}
		chosen := rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, 4, func(e engine.Edit) engine.Addr { return e.Addr }).Draw(t, "edits")
		lenstest.PutGet(t, Lens{}, tr, chosen...)
	})
}

func FuzzNamed(f *testing.F) {
	f.Add(conf1)
	f.Add("acl lan { any; }; zone a { type master; file \"a\"; };")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.HasPrefix(text, lenstest.LinkTo) {
			t.Skip()
		}
		tr := tree()
		tr["/etc/named.conf"] = text
		lenstest.GetPut(t, Lens{}, tr)
		lenstest.PutGot(t, Lens{}, tr)
		if _, diags := (Lens{}).Get(tr); !diags.HasErrors() {
			lenstest.PutGet(t, Lens{}, tr, edit(ACLKind, "", "fuzzed", attrs{"addresses": texts("192.0.2.1")}))
		}
	})
}

func FuzzZone(f *testing.F) {
	f.Add(rio)
	f.Add("@ SOA a b 1 2 3 4 5\n NS a\nnew A 1.2.3.4\n A 1.2.3.5")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.HasPrefix(text, lenstest.LinkTo) {
			t.Skip()
		}
		tr := tree()
		tr["/var/named/external/rio.example.zone"] = text
		lenstest.GetPut(t, Lens{}, tr)
		lenstest.PutGot(t, Lens{}, tr)
		if _, diags := (Lens{}).Get(tr); len(diags) == 0 {
			lenstest.PutGet(t, Lens{}, tr, edit(RecordKind, "external/rio.example", "new A", attrs{"values": texts("192.0.2.1")}))
		}
	})
}
