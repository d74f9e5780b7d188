package dhcpd_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/modules/dhcpd"
	"hikae/modules/lenstest"
)

const conf4 = `# The house's network.
authoritative;
option domain-name "rio.example";
default-lease-time 3600; max-lease-time 7200;

key "ddns" { algorithm hmac-sha256; secret "Z2VoZWlt"; };

subnet 10.0.0.0 netmask 255.0.0.0 { }

shared-network office {
  option ntp-servers ntp.rio.example;
  subnet 192.168.1.0 netmask 255.255.255.0 {
    range 192.168.1.100 192.168.1.150; # the first
    range dynamic-bootp 192.168.1.200 192.168.1.220;
    option routers 192.168.1.1, 192.168.1.2;
    option domain-search "rio.example", "example";
    Option Domain-Name-Servers
      192.168.1.11,   # primary
      192.168.1.12;
    option subnet-mask 255.255.255.0;
    default-lease-time 600;
    if known { option ntp-servers 192.168.1.9; }
    pool {
      allow unknown-clients;
      range 192.168.1.230 192.168.1.240;
    }
    include "/etc/dhcp/hosts.conf";
  }
  subnet 192.168.2.0 netmask 255.255.255.128 {
    range 192.168.2.2;
  }
}

group {
  use-host-decl-names on;
  host "quoted name" { hardware ethernet 08:00:07:26:c0:a4; }
  host nas {
    hardware ethernet 08:00:07:26:c0:a5;
    fixed-address 192.168.1.20, nas.rio.example;
    option host-name = "computed";
  }
}

host printer { hardware ethernet 08:00:07:26:c0:a6; fixed-address 192.168.1.30; option host-name "printer"; }
host printer { hardware ethernet 08:00:07:26:c0:a7; }
`

const hosts4 = `host tv {
	hardware ethernet 8:0:7:26:c0:a8;
	option dhcp-client-identifier 01:08:00:07;
}
next-server 192.168.1.5;
`

const conf6 = "default-lease-time 2592000;\r\nsubnet6 fd00:0:0::/64 {\r\n\trange6 fd00::1000 fd00::1fff;\r\n\trange6 fd00::/80 temporary;\r\n\toption dhcp6.name-servers fd00::11;\r\n" +
	"\tprefix6 fd00:0:0:100:: fd00:0:0:f00:: /56;\r\n}\r\nhost printer {\r\n\thost-identifier option dhcp6.client-id 00:01:00:01:4a:1f;\r\n\tfixed-address6 fd00::30;\r\n}\r\n"

func tree() lenstest.Tree {
	return lenstest.Tree{
		"/etc/dhcp/dhcpd.conf":  conf4,
		"/etc/dhcp/dhcpd6.conf": conf6,
		"/etc/dhcp/hosts.conf":  hosts4,
	}
}

func subnet(net string) engine.Addr { return engine.Addr{Kind: dhcpd.SubnetKind, Name: net} }

func host(v, name string) engine.Addr {
	return engine.Addr{Kind: dhcpd.HostKind, In: v, Name: name}
}

func strs(items ...string) cty.Value {
	var vs []cty.Value
	for _, i := range items {
		vs = append(vs, cty.StringVal(i))
	}
	if len(vs) == 0 {
		return cty.ListValEmpty(cty.String)
	}
	return cty.ListVal(vs)
}

func num(n int64) cty.Value { return cty.NumberIntVal(n) }

func str(s string) cty.Value { return cty.StringVal(s) }

type attrs = map[string]cty.Value

func get(t lenstest.TB, tr engine.Tree) (map[engine.Addr]engine.Resource, string) {
	t.Helper()
	rs, diags := dhcpd.Lens{}.Get(tr)
	m := map[engine.Addr]engine.Resource{}
	for _, r := range rs {
		m[r.Addr] = r
	}
	if len(m) != len(rs) {
		t.Errorf("a resource is shown twice")
	}
	return m, lenstest.Text(diags)
}

func TestGet(t *testing.T) {
	found, diags := get(t, tree())
	const twice = "/etc/dhcp/dhcpd.conf:45: Declared twice: dhcp_host:v4/printer is declared at /etc/dhcp/dhcpd.conf:44 already.\n"
	if diags != twice {
		t.Errorf("diagnostics: %s", diags)
	}
	if len(found) != 9 {
		t.Errorf("%d resources", len(found))
	}
	office := "shared-network office"
	lan := office + " / subnet 192.168.1.0 netmask 255.255.255.0"
	for addr, want := range map[engine.Addr]attrs{
		subnet("10.0.0.0/8"): {"routers": cty.NullVal(cty.List(cty.String)), "ranges": cty.NullVal(cty.List(cty.String)), "pools": num(0), "others": num(0), "within": cty.NullVal(cty.String)},
		subnet("192.168.1.0/24"): {"ranges": strs("192.168.1.100 192.168.1.150", "dynamic-bootp 192.168.1.200 192.168.1.220"), "routers": strs("192.168.1.1", "192.168.1.2"),
			"domain_search": strs("rio.example", "example"), "dns_servers": strs("192.168.1.11", "192.168.1.12"), "default_lease_time": num(600), "subnet_mask": str("255.255.255.0"),
			"pools": num(1), "others": num(1), "next_server": str("192.168.1.5"), "within": str(office), "ntp_servers": cty.NullVal(cty.List(cty.String))},
		subnet("192.168.2.0/25"):  {"ranges": strs("192.168.2.2")},
		host("v4", "quoted name"): {"hardware": str("ethernet 08:00:07:26:c0:a4"), "within": str("group")},
		host("v4", "nas"):         {"fixed_address": strs("192.168.1.20", "nas.rio.example"), "host_name": cty.NullVal(cty.String), "others": num(1)},
		host("v4", "printer"):     {"hardware": str("ethernet 08:00:07:26:c0:a6"), "host_name": str("printer"), "others": num(0)},
		host("v4", "tv"):          {"client_id": str("01:08:00:07"), "within": str(lan), "file": str("/etc/dhcp/hosts.conf")},
		subnet("fd00::/64"):       {"ranges": strs("fd00::1000 fd00::1fff", "fd00::/80 temporary"), "dns_servers": strs("fd00::11"), "prefixes": strs("fd00:0:0:100:: fd00:0:0:f00:: /56")},
		host("v6", "printer"):     {"duid": str("00:01:00:01:4a:1f"), "fixed_address": strs("fd00::30")},
	} {
		r, ok := found[addr]
		if !ok {
			t.Errorf("%s is not shown", addr)
			continue
		}
		for name, w := range want {
			if got := r.Value.GetAttr(name); !got.RawEquals(w) {
				t.Errorf("%s: %s is %#v, want %#v", addr, name, got, w)
			}
		}
	}
	if r := found[host("v4", "tv")].Range; r.Filename != "/etc/dhcp/hosts.conf" || r.Start.Line != 1 {
		t.Errorf("tv is at %v", r)
	}
	var kept []string
	for _, r := range (dhcpd.Lens{}).Verbatim(tree()) {
		kept = append(kept, fmt.Sprintf("%s:%d", strings.TrimPrefix(r.Filename, "/etc/dhcp/"), r.Start.Line))
	}
	if got, want := strings.Join(kept, " "), "dhcpd.conf:2 dhcpd.conf:3 dhcpd.conf:4 dhcpd.conf:4 dhcpd.conf:6 dhcpd.conf:11 dhcpd.conf:22 dhcpd.conf:23 dhcpd.conf:35 dhcpd.conf:40 dhcpd.conf:45 dhcpd6.conf:1"; got != want {
		t.Errorf("kept verbatim: %s", got)
	}
}

func TestIncludes(t *testing.T) {
	const main = "/etc/dhcp/dhcpd.conf"
	loop := lenstest.Tree{"/etc/hosts": "", main: `include "/a1"; include "/a1";`}
	for i := range 40 {
		loop[fmt.Sprintf("/a%d", i+1)] = strings.Repeat(fmt.Sprintf("include \"/a%d\";\n", i+2), 2)
	}
	loop["/a41"] = "host x { }\n"
	for name, c := range map[string]struct {
		tree  lenstest.Tree
		diags string
	}{
		"nothing there":     {lenstest.Tree{"/etc/hosts": ""}, ""},
		"missing":           {lenstest.Tree{main: "\ninclude \"/etc/dhcp/x\";", "/etc/hosts": ""}, main + ":2: File cannot be read: /etc/dhcp/x: "},
		"missing, lone":     {lenstest.Tree{main: "include \"/etc/dhcp/x\";"}, main + ":1: Include is not there: /etc/dhcp/x is not there.\n"},
		"of itself":         {lenstest.Tree{main: "include \"/etc/dhcp/dhcpd.conf\";"}, main + ":1: Include of itself: "},
		"refused":           {lenstest.Tree{main: "host x { include \"/a\"; }", "/a": "\nx {"}, "/a:2: File cannot be read: a { that nothing closes. dhcpd does not start"},
		"without end":       {loop, "/a"},
		"relative to the /": {lenstest.Tree{main: "include \"etc/x\";", "/etc/x": ""}, ""},
	} {
		_, diags := get(t, c.tree)
		if !strings.HasPrefix(diags, c.diags) || c.diags == "" && diags != "" {
			t.Errorf("%s: %.300q, want %q", name, diags, c.diags)
		}
	}
}

func put(a engine.Addr, as attrs) engine.Edit { return engine.Edit{Addr: a, Attrs: as} }

func gone(a engine.Addr) engine.Edit { return engine.Edit{Addr: a, Absent: true} }

func TestPut(t *testing.T) {
	const f4, f6 = "/etc/dhcp/dhcpd.conf", "/etc/dhcp/dhcpd6.conf"
	lan := subnet("192.168.1.0/24")
	for name, c := range map[string]struct {
		edit      engine.Edit
		file      string
		old, want string // the part that changes
	}{
		"a list":            {put(lan, attrs{"routers": strs("192.168.1.254")}), f4, "192.168.1.1, 192.168.1.2", "192.168.1.254"},
		"a list over lines": {put(lan, attrs{"dns_servers": strs("192.168.1.12", "192.168.1.11")}), f4, "192.168.1.11,   # primary\n      192.168.1.12;", "192.168.1.12, 192.168.1.11;"},
		"texts":             {put(lan, attrs{"domain_search": strs("a.example")}), f4, `"rio.example", "example"`, `"a.example"`},
		"a number":          {put(lan, attrs{"default_lease_time": num(900)}), f4, "time 600", "time 900"},
		"a new number":      {put(lan, attrs{"max_lease_time": num(900)}), f4, "time 600;\n", "time 600;\n    max-lease-time 900;\n"},
		"a range more": {put(lan, attrs{"ranges": strs("192.168.1.100 192.168.1.150", "dynamic-bootp 192.168.1.200 192.168.1.220", "192.168.1.7")}), f4,
			"192.168.1.220;\n", "192.168.1.220;\n    range 192.168.1.7;\n"},
		"a range less":   {put(lan, attrs{"ranges": strs("192.168.1.100 192.168.1.150")}), f4, "    range dynamic-bootp 192.168.1.200 192.168.1.220;\n", ""},
		"a range other":  {put(lan, attrs{"ranges": strs("192.168.1.100 192.168.1.160", "dynamic-bootp 192.168.1.200 192.168.1.220")}), f4, "192.168.1.150;", "192.168.1.160;"},
		"the default":    {put(lan, attrs{"subnet_mask": cty.NullVal(cty.String)}), f4, "    option subnet-mask 255.255.255.0;\n", ""},
		"an empty body":  {put(subnet("10.0.0.0/8"), attrs{"routers": strs("10.0.0.1"), "interface": str("eth0")}), f4, "255.0.0.0 { }", "255.0.0.0 {\n  interface \"eth0\";\n  option routers 10.0.0.1;\n}"},
		"on one line":    {put(host("v4", "printer"), attrs{"fixed_address": strs("192.168.1.31"), "ddns_hostname": str("p")}), f4, `192.168.1.30; option host-name "printer"; }`, `192.168.1.31; option host-name "printer"; ddns-hostname "p"; }`},
		"not understood": {put(host("v4", "nas"), attrs{"host_name": str("nas")}), f4, `= "computed"`, `"nas"`},
		"a host gone":    {gone(host("v4", "nas")), f4, "  host nas {\n    hardware ethernet 08:00:07:26:c0:a5;\n    fixed-address 192.168.1.20, nas.rio.example;\n    option host-name = \"computed\";\n  }\n", ""},
		"a subnet gone":  {gone(subnet("192.168.2.0/25")), f4, "  subnet 192.168.2.0 netmask 255.255.255.128 {\n    range 192.168.2.2;\n  }\n", ""},
		"a new host": {put(host("v4", "phone"), attrs{"hardware": str("ethernet 08:00:07:26:c0:a9"), "fixed_address": strs("192.168.1.40")}), f4,
			"option host-name \"printer\"; }\n", "option host-name \"printer\"; }\nhost phone {\n  hardware ethernet 08:00:07:26:c0:a9;\n  fixed-address 192.168.1.40;\n}\n"},
		"a new host in a subnet": {put(host("v4", "phone"), attrs{"hardware": str("ethernet 08:00:07:26:c0:a9"), "within": str("shared-network office / subnet 192.168.2.0 netmask 255.255.255.128")}), f4,
			"range 192.168.2.2;\n", "range 192.168.2.2;\n    host phone {\n      hardware ethernet 08:00:07:26:c0:a9;\n    }\n"},
		"a new subnet": {put(subnet("192.168.3.0/24"), attrs{"ranges": strs("192.168.3.2 192.168.3.9")}), f4,
			"subnet 10.0.0.0 netmask 255.0.0.0 { }\n", "subnet 10.0.0.0 netmask 255.0.0.0 { }\nsubnet 192.168.3.0 netmask 255.255.255.0 {\n  range 192.168.3.2 192.168.3.9;\n}\n"},
		"of IPv6": {put(host("v6", "printer"), attrs{"duid": str("00:03:00:01"), "fixed_address": strs("fd00::31")}), f6,
			"00:01:00:01:4a:1f;\r\n\tfixed-address6 fd00::30", "00:03:00:01;\r\n\tfixed-address6 fd00::31"},
		"a new host of IPv6": {put(host("v6", "nas"), attrs{"duid": str("00:03"), "fixed_address": strs("fd00::20")}), f6,
			"fd00::30;\r\n}\r\n", "fd00::30;\r\n}\r\nhost nas {\r\n\thost-identifier option dhcp6.client-id 00:03;\r\n\tfixed-address6 fd00::20;\r\n}\r\n"},
	} {
		tr := tree()
		if strings.Count(tr[c.file], c.old) != 1 {
			t.Fatalf("%s: the case is wrong", name)
		}
		// A second printer is hidden by the first, and a setting that Get does not understand is there.
		after := lenstest.PutGet(t, dhcpd.Lens{}, tr, c.edit)
		if want := strings.Replace(tr[c.file], c.old, c.want, 1); after[c.file] != want {
			t.Errorf("%s: %s is\n%s\nwant\n%s", name, c.file, after[c.file], want)
		}
		for f, text := range after {
			if f != c.file && text != tr[f] {
				t.Errorf("%s: %s changed", name, f)
			}
		}
	}
	none := lenstest.PutGet(t, dhcpd.Lens{}, lenstest.Tree{"/etc/hosts": ""}, put(host("v6", "a"), attrs{"duid": str("00:03")}))
	if got, want := none[f6], "host a {\n    host-identifier option dhcp6.client-id 00:03;\n}\n"; got != want {
		t.Errorf("without a file: %q", got)
	}
}

// A file that both servers include is one.
func TestPutCommon(t *testing.T) {
	tr := lenstest.Tree{
		"/etc/dhcp/dhcpd.conf":  "include \"/etc/dhcp/both\";\n",
		"/etc/dhcp/dhcpd6.conf": "include \"/etc/dhcp/both\";\n",
		"/etc/dhcp/both":        "subnet 10.0.0.0 netmask 255.0.0.0 { interface \"a\"; }\nsubnet6 fd00::/64 { interface \"a\"; }\n",
	}
	after := lenstest.PutGet(t, dhcpd.Lens{}, tr, put(subnet("10.0.0.0/8"), attrs{"interface": str("b")}), put(subnet("fd00::/64"), attrs{"interface": str("c")}))
	if got, want := after["/etc/dhcp/both"], "subnet 10.0.0.0 netmask 255.0.0.0 { interface \"b\"; }\nsubnet6 fd00::/64 { interface \"c\"; }\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPutRefused(t *testing.T) {
	lan := subnet("192.168.1.0/24")
	for name, c := range map[string]struct {
		edit engine.Edit
		want string
	}{
		"no version":           {put(host("", "x"), nil), `dhcp_host "v4" "x"`},
		"a name":               {put(host("v4", "a b"), nil), "cannot be one: letters, digits"},
		"a network":            {put(subnet("192.168.1.0"), nil), "it is a network and its length"},
		"bits of a host":       {put(subnet("192.168.1.1/24"), nil), "written 192.168.1.0/24"},
		"of the other version": {put(subnet("fd00::/64"), attrs{"routers": strs("fd00::1")}), "for the other version of IP only"},
		"a range elsewhere":    {put(lan, attrs{"ranges": strs("192.168.2.1 192.168.2.2")}), "not of the network 192.168.1.0/24"},
		"a range backwards":    {put(lan, attrs{"ranges": strs("192.168.1.9 192.168.1.2")}), "not a first and a last address"},
		"an address":           {put(lan, attrs{"routers": strs("a b")}), "neither an address nor a host name"},
		"another's address":    {put(lan, attrs{"routers": strs("fd00::1")}), "of the other version of IP"},
		"two of IPv6":          {put(host("v6", "x"), attrs{"fixed_address": strs("fd00::1", "fd00::2")}), "one address of IPv6"},
		"no address":           {put(lan, attrs{"routers": strs()}), "null takes it out"},
		"hardware":             {put(host("v4", "x"), attrs{"hardware": str("08:00")}), "not a type and an address"},
		"a fraction":           {put(lan, attrs{"default_lease_time": cty.NumberFloatVal(0.5)}), "a whole number"},
		"a statement more":     {put(host("v4", "x"), attrs{"client_id": str(`"a"; next-server b`)}), "would read it otherwise"},
		"moved":                {put(host("v4", "nas"), attrs{"within": str("x")}), "to move it, edit the file"},
		"nowhere":              {put(host("v4", "x"), attrs{"within": str("group")}), "is no shared-network nor subnet that is there"},
		"too long":             {put(lan, attrs{"domain_name": str(strings.Repeat("x", 2000))}), "no string of more than"},
	} {
		files, _, diags := dhcpd.Lens{}.Put(tree(), []engine.Edit{c.edit})
		if text := lenstest.Text(diags); !strings.Contains(text, c.want) || len(files) > 0 {
			t.Errorf("%s: %q, want %q", name, text, c.want)
		}
	}
}

func TestTooMany(t *testing.T) {
	var b strings.Builder
	for i := range 1001 {
		fmt.Fprintf(&b, "host h%d { fixed-address 10.0.0.1; }\n", i)
	}
	tr := lenstest.Tree{"/etc/dhcp/dhcpd.conf": b.String()}
	found, diags := get(t, tr)
	if len(found) > 0 || !strings.Contains(diags, "/etc/dhcp/dhcpd.conf has 1001 of the kind dhcp_host") {
		t.Errorf("%d are shown: %s", len(found), diags)
	}
	files, _, _ := dhcpd.Lens{}.Put(tr, []engine.Edit{put(host("v4", "h7"), attrs{"fixed_address": strs("10.0.0.2")})})
	if len(files) != 1 || !strings.Contains(string(files[0].Bytes), "host h7 { fixed-address 10.0.0.2; }\n") {
		t.Error("an edit of one is not made")
	}
}

// sealed is a tree of which one file is a secret.
type sealed struct {
	lenstest.Tree
	path string
}

func (s sealed) ReadFile(p string) ([]byte, error) {
	if p == s.path {
		return nil, fs.ErrPermission
	}
	return s.Tree.ReadFile(p)
}

// What cannot be read here is passed over, and never written over.
func TestSecretFile(t *testing.T) {
	tr := sealed{tree(), "/etc/dhcp/hosts.conf"}
	found, diags := get(t, tr)
	if _, ok := found[host("v4", "nas")]; !ok || !strings.Contains(diags, "File is not looked at: /etc/dhcp/hosts.conf is kept from this view") {
		t.Errorf("diagnostics: %s", diags)
	}
	tr = sealed{tree(), "/etc/dhcp/dhcpd.conf"}
	files, _, pd := dhcpd.Lens{}.Put(tr, []engine.Edit{put(host("v4", "x"), attrs{"fixed_address": strs("10.0.0.1")})})
	if len(files) > 0 || !strings.Contains(lenstest.Text(pd), "/etc/dhcp/dhcpd.conf is there and cannot be read") {
		t.Errorf("a main file that is a secret: %d files, %s", len(files), lenstest.Text(pd))
	}
}
