package named

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lang"
	"hikae/modules/lenstest"
)

const conf1 = `// Two views.
include "/etc/named/acl.conf";
include "/etc/named/keys.conf";

options {
	listen-on port 53 { any; };
	directory 	"/var/named";
	version "none";
	recursion no;	# nobody
	allow-transfer { none; };
	notify explicit;
	rate-limit { window 5; };
};

logging {
	category lame-servers { null; };
};

view "internal" {
	match-clients { lan; };
	recursion yes;

	include "/etc/named/internal.zones";
	include "/etc/named/block.zones";
};

view "external" {
	match-clients { any; };

	zone "rio.example" IN {
		type master;
		file "external/rio.example.zone";
		allow-transfer { key "conoha-transfer"; secondaries; };
		also-notify { 10.98.0.14; };
	};
	zone "Other.Example." { type slave; masters { 192.0.2.1 key k; 2001:db8::1; }; file "slaves/other"; };
	zone "dyn.example" { type master; file "dyn.example"; allow-update { key "ddns"; }; };
};
`

const rio = `$TTL 86400
@	IN SOA	ns1 hostmaster.rio.example. ( 2021102101 3600 900 604800 300 )
	IN NS	ns1
	IN MX	10 mail
	IN TXT	"v=spf1 mx -all"
ns1	IN A	203.0.113.10
	IN AAAA	2001:db8:98::10
www	IN A	203.0.113.10 ; the house
	300 IN A	203.0.113.11
	IN TXT	( "one "
		"two" )
$ORIGIN sub.rio.example.
a	CNAME	b
$GENERATE 1-3 h$ A 10.0.0.$
`

func tree() lenstest.Tree {
	return lenstest.Tree{
		"/etc/named.conf":                      conf1,
		"/etc/named/acl.conf":                  "// who\nacl lan {\n\t127.0.0.1; ::1;\n\t!10.98.0.2;\n\t10.98.0.0/24;\n};\n\nacl secondaries { 10.98.0.14; };\n",
		"/etc/named/keys.conf":                 "key \"conoha-transfer\" { algorithm hmac-sha256; secret \"c2VjcmV0\"; };\n",
		"/etc/named/internal.zones":            "zone \"rio.example\" IN {\n\ttype master;\n\tfile \"internal/rio.example.zone\";\n};\n\nzone \"0.98.10.in-addr.arpa\" IN {\n\ttype master;\n\tfile \"internal/10.98.0.rev\";\n};\n",
		"/etc/named/block.zones":               "zone \"ads1.example\" IN { type master; file \"internal/block.zone\"; };\nzone \"ads2.example\" IN { type master; file \"internal/block.zone\"; };\n",
		"/var/named/internal/rio.example.zone": "$TTL 1h\n@ SOA ns1.rio.example. hostmaster 7 1h 15m 1w 5m\n  NS ns1\nns1 A 10.98.0.11\n",
		"/var/named/external/rio.example.zone": rio,
		"/var/named/internal/block.zone":       "$TTL 1d\n@ SOA localhost. root 1 1h 1h 1h 1h\n NS localhost.\n A 0.0.0.0\n",
		"/var/named/dyn.example":               "@ 60 SOA ns1.rio.example. root 1 1 1 1 1\n NS ns1.rio.example.\n",
		"/etc/named.rfc1912.zones":             "not read {\n",
	}
}

// show is what the lens makes of a tree, as HCL.
func show(t *testing.T, tr lenstest.Tree) (string, hcl.Diagnostics) {
	t.Helper()
	found, diags := Lens{}.Get(tr)
	return string(lang.EncodeView(found, Lens{}.Kinds())), diags
}

func TestGet(t *testing.T) {
	got, diags := show(t, tree())
	if len(diags) > 0 {
		t.Errorf("%s", lenstest.Text(diags))
	}
	golden := filepath.Join("testdata", "get.hcl")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s", got)
	}
}

func TestVerbatim(t *testing.T) {
	tr := tree()
	var got []string
	for _, r := range (Lens{}).Verbatim(tr) {
		text := tr[r.Filename][r.Start.Byte:r.End.Byte]
		first, _, _ := strings.Cut(text, "\n")
		got = append(got, first)
	}
	want := `rate-limit { window 5; };
logging {
key "conoha-transfer" { algorithm hmac-sha256; secret "c2VjcmV0"; };
$GENERATE 1-3 h$ A 10.0.0.$`
	if strings.Join(got, "\n") != want {
		t.Errorf("verbatim are\n%s", strings.Join(got, "\n"))
	}
}

func texts(items ...string) cty.Value {
	var vs []cty.Value
	for _, i := range items {
		vs = append(vs, cty.StringVal(i))
	}
	if len(vs) == 0 {
		return cty.ListValEmpty(cty.String)
	}
	return cty.ListVal(vs)
}

type attrs = map[string]cty.Value

func edit(kind, in, name string, a attrs) engine.Edit {
	if a == nil {
		a = attrs{}
	}
	return engine.Edit{Addr: engine.Addr{Kind: kind, In: in, Name: name}, Attrs: a}
}

func absent(kind, in, name string) engine.Edit {
	e := edit(kind, in, name, nil)
	e.Absent = true
	return e
}

func soa(parts ...string) cty.Value {
	m := attrs{}
	for i, p := range soaParts {
		m[p.name] = cty.StringVal(parts[i])
	}
	return cty.ObjectVal(m)
}

func null(ty cty.Type) cty.Value { return cty.NullVal(ty) }

// replaced is a file of the tree with texts replaced: pairs of old and new.
func replaced(t *testing.T, path string, pairs ...string) string {
	t.Helper()
	text := tree()[path]
	for i := 0; i < len(pairs); i += 2 {
		if strings.Count(text, pairs[i]) != 1 {
			t.Fatalf("%q is %d times in %s", pairs[i], strings.Count(text, pairs[i]), path)
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return text
}

func TestPut(t *testing.T) {
	const (
		conf     = "/etc/named.conf"
		internal = "/etc/named/internal.zones"
		external = "/var/named/external/rio.example.zone"
	)
	serial := []string{"2021102101", "2021102102"}
	for name, c := range map[string]struct {
		edits []engine.Edit
		files map[string][]string // what is replaced in a file
		made  map[string]string
	}{
		"options": {
			[]engine.Edit{edit(OptionsKind, "", "options", attrs{
				"listen_on": texts("127.0.0.1", "192.0.2.1"), "recursion": cty.True, "version": null(cty.String),
				"max_cache_size": cty.StringVal("64m"), "forwarders": texts("192.0.2.53"),
			})},
			map[string][]string{conf: {"{ any; };\n\tdirectory", "{ 127.0.0.1; 192.0.2.1; };\n\tdirectory", "recursion no;	#", "recursion yes;	#", "\tversion \"none\";\n", "",
				"\trate-limit { window 5; };\n", "\trate-limit { window 5; };\n\tforwarders { 192.0.2.53; };\n\tmax-cache-size 64m;\n"}}, nil,
		},
		"an acl": {
			[]engine.Edit{edit(ACLKind, "", "lan", attrs{"addresses": texts("127.0.0.1", "!10.98.0.2", "10.98.0.0/16", "key k")})},
			map[string][]string{"/etc/named/acl.conf": {"127.0.0.1; ::1;", "127.0.0.1;", "\t10.98.0.0/24;\n", "\t10.98.0.0/16;\n\tkey k;\n"}}, nil,
		},
		"an acl that is new": {
			[]engine.Edit{edit(ACLKind, "", "new", attrs{"addresses": texts("192.0.2.1")}), absent(ACLKind, "", "lan")},
			map[string][]string{"/etc/named/acl.conf": {"acl lan {\n\t127.0.0.1; ::1;\n\t!10.98.0.2;\n\t10.98.0.0/24;\n};\n", "", "{ 10.98.0.14; };\n", "{ 10.98.0.14; };\nacl \"new\" {\n\t192.0.2.1;\n};\n"}}, nil,
		},
		"a view": {
			[]engine.Edit{edit(ViewKind, "", "external", attrs{"match_clients": texts("!lan", "any"), "recursion": cty.False})},
			map[string][]string{conf: {"match-clients { any; };\n", "match-clients { !lan; any; };\n\trecursion no;\n"}}, nil,
		},
		"a view that is new": {
			[]engine.Edit{edit(ViewKind, "", "guests", attrs{"match_clients": texts("192.0.2.0/24")}), edit(ZoneKind, "guests", "z.example", attrs{"type": cty.StringVal("forward"), "forwarders": texts("192.0.2.1")})},
			map[string][]string{conf: {"view \"external\" {", "view \"guests\" {\n\tmatch-clients { 192.0.2.0/24; };\n\tzone \"z.example\" IN {\n\t\ttype forward;\n\t\tforwarders { 192.0.2.1; };\n\t};\n};\nview \"external\" {"}}, nil,
		},
		"a zone's masters": {
			[]engine.Edit{edit(ZoneKind, "external", "other.example", attrs{"primaries": texts("192.0.2.2", "2001:db8::1"), "notify": cty.StringVal("no")})},
			map[string][]string{conf: {"192.0.2.1 key k;", "192.0.2.2;", "file \"slaves/other\";", "file \"slaves/other\"; notify no;"}}, nil,
		},
		"a zone in one view": {
			[]engine.Edit{
				edit(ZoneKind, "internal", "new.example", attrs{"type": cty.StringVal("primary"), "file": cty.StringVal("internal/new.example.zone"),
					"default_ttl": cty.StringVal("86400"), "soa": soa("ns1.rio.example.", "hostmaster", "1d", "1h", "1w", "3h")}),
				edit(RecordKind, "internal/new.example", "@ NS", attrs{"values": texts("ns1.rio.example.")}),
				edit(RecordKind, "internal/new.example", "www A", attrs{"values": texts("10.98.0.11", "10.98.0.12"), "ttl": cty.StringVal("5m")}),
				edit(RecordKind, "internal/new.example", "www TXT", attrs{"values": texts(`say "x"`)}),
			},
			map[string][]string{internal: {"10.98.0.rev\";\n};\n", "10.98.0.rev\";\n};\nzone \"new.example\" IN {\n\ttype master;\n\tfile \"internal/new.example.zone\";\n};\n"}},
			map[string]string{"/var/named/internal/new.example.zone": "$TTL 86400\n@\tIN SOA\tns1.rio.example. hostmaster ( 1 1d 1h 1w 3h )\n\tIN NS\tns1.rio.example.\nwww\t5m IN A\t10.98.0.11\n\t5m IN A\t10.98.0.12\n\tIN TXT\t\"say \\\"x\\\"\"\n"},
		},
		"a zone that goes": {
			[]engine.Edit{absent(ZoneKind, "internal", "ads2.example"), absent(ZoneKind, "external", "other.example")},
			map[string][]string{"/etc/named/block.zones": {"zone \"ads2.example\" IN { type master; file \"internal/block.zone\"; };\n", ""},
				conf: {"\tzone \"Other.Example.\" { type slave; masters { 192.0.2.1 key k; 2001:db8::1; }; file \"slaves/other\"; };\n", ""}}, nil,
		},
		"records": {
			[]engine.Edit{
				edit(RecordKind, "external/rio.example", "www A", attrs{"values": texts("203.0.113.11")}),
				edit(RecordKind, "external/rio.example", "ns1 A", attrs{"values": texts("203.0.113.9", "203.0.113.8"), "ttl": cty.StringVal("60")}),
				edit(RecordKind, "external/rio.example", "@ TXT", attrs{"values": texts("v=spf1 -all")}),
				edit(RecordKind, "external/rio.example", "new A", attrs{"values": texts("203.0.113.12")}),
				edit(RecordKind, "external/rio.example", "a.sub CNAME", attrs{"values": texts("c.sub")}),
			},
			map[string][]string{external: append(serial,
				"www	IN A	203.0.113.10 ; the house\n	300 IN A", "; the house\nwww	IN A", "v=spf1 mx -all", "v=spf1 -all",
				"ns1	IN A	203.0.113.10\n", "ns1	60 IN A	203.0.113.9\n	60 IN A	203.0.113.8\n",
				"a	CNAME	b\n", "a	CNAME	c.sub.rio.example.\nnew.rio.example.	A	203.0.113.12\n")}, nil,
		},
		"records that go": {
			[]engine.Edit{absent(RecordKind, "external/rio.example", "www A"), absent(RecordKind, "external/rio.example", "ns1 AAAA"), absent(RecordKind, "external/rio.example", "none A")},
			map[string][]string{external: append(serial, "www	IN A	203.0.113.10 ; the house\n	300 IN A	203.0.113.11\n	IN TXT", "; the house\nwww	IN TXT", "	IN AAAA	2001:db8:98::10\n", "")}, nil,
		},
		"more of one owner, another time": {
			[]engine.Edit{
				edit(RecordKind, "external/rio.example", "www AAAA", attrs{"values": texts("2001:db8::1")}),
				edit(RecordKind, "external/rio.example", "www TXT", attrs{"values": texts("one", "two")}),
			},
			map[string][]string{external: append(serial, "	IN TXT	( \"one \"\n		\"two\" )\n", "	IN TXT \"one\"\n	IN AAAA	2001:db8::1\n	IN TXT	\"two\"\n")}, nil,
		},
		"what begins a zone": {
			[]engine.Edit{edit(ZoneKind, "external", "rio.example", attrs{"default_ttl": cty.StringVal("1h"), "soa": soa("ns2", "hostmaster.rio.example.", "3600", "900", "604800", "1m")})},
			map[string][]string{external: append(serial, "$TTL 86400", "$TTL 1h", "SOA	ns1 ", "SOA	ns2 ", " 300 )", " 1m )")}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			after := lenstest.PutGet(t, Lens{}, tree(), c.edits...)
			for path, text := range tree() {
				want := text
				if pairs := c.files[path]; pairs != nil {
					want = replaced(t, path, pairs...)
				}
				if after[path] != want {
					t.Errorf("%s is\n%s\nwant\n%s", path, after[path], want)
				}
			}
			for path, want := range c.made {
				if after[path] != want {
					t.Errorf("%s is\n%q\nwant\n%q", path, after[path], want)
				}
			}
		})
	}
	lenstest.GetPut(t, Lens{}, tree())
	lenstest.PutGot(t, Lens{}, tree())
}
