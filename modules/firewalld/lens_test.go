package firewalld

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"

	"hikae/engine"
	"hikae/modules/lenstest"
)

const public = `<?xml version="1.0" encoding="utf-8"?>
<!-- of the house -->
<zone>
  <short>Public</short>
  <description>For use in
  public areas.</description>
  <interface name="eth0"/>
  <service name="ssh"/>
  <service name="http"/> <!-- the sites -->
  <port port="60000-61000" protocol="udp"/>
  <masquerade/>
  <forward-port port="80" protocol="tcp" to-port="8080" to-addr="2001:db8::1"/>
  <rule family="ipv4" priority="-5">
    <source address="10.0.0.0/8" invert="True"/>
    <service name="ssh"/>
    <log prefix="ssh &amp; co" level="info"><limit value="1/minute"/></log>
    <accept/>
  </rule>
  <rule><protocol value="ah"/><mark set="0x1"/></rule>
  <rule family="ipv9"><accept/></rule>
  <strange/>
</zone>
`

const drop = `<zone target="DROP" version="1.0">
	<source address="192.0.2.1"/>
	<source address="2001:db8::/32"/>
	<source address="00:11:22:33:44:55"/>
	<source ipset="bad"/>
	<source address="192.0.2.9" invert="yes"/>
</zone>`

func tree() lenstest.Tree {
	return lenstest.Tree{
		"/etc/firewalld/zones/public.xml":           public,
		"/etc/firewalld/zones/drop.xml":             drop,
		"/etc/firewalld/zones/drop.xml.old":         "<zone",
		"/etc/firewalld/zones/broken.xml":           "<zone>\n<short></zone>",
		"/etc/firewalld/zones/other.xml":            "<service/>",
		"/etc/firewalld/zones/empty.xml":            "<zone/>\n",
		"/etc/firewalld/lockdown-whitelist.xml":     "<whitelist><user id='0'/></whitelist>",
		"/etc/firewalld/services/app.xml":           "<service>\r\n  <port port=\"8443\" protocol=\"tcp\"/>\r\n  <destination ipv4=\"224.0.0.251\"/>\r\n</service>\r\n",
		"/etc/firewalld/ipsets/bad.xml":             "<ipset type=\"hash:net\"><option name=\"family\" value=\"inet\"/><entry>192.0.2.0/24</entry>\n<entry>198.51.100.0/24</entry></ipset>",
		"/etc/firewalld/policies/out.xml":           "<policy target=\"ACCEPT\" priority=\"-10\">\n  <ingress-zone name=\"HOST\"/>\n  <egress-zone name=\"ANY\"/>\n</policy>\n",
		"/usr/lib/firewalld/zones/public.xml":       "<zone><service name=\"hidden\"/></zone>",
		"/usr/lib/firewalld/zones/home.xml":         "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<zone>\n  <short>Home</short>\n  <service name=\"ssh\"/>\n</zone>\n",
		"/usr/lib/firewalld/services/http.xml":      "<service><short>WWW (HTTP)</short><port protocol=\"tcp\" port=\"80\"/></service>",
		"/usr/lib/firewalld/services/readme":        "x",
		"/usr/lib/firewalld/zones/.hidden.xml":      "x",
		"/etc/firewalld/services/nothing-there.xml": lenstest.LinkTo + "/none",
	}
}

func strs(items ...string) cty.Value {
	var vs []cty.Value
	for _, i := range items {
		vs = append(vs, cty.StringVal(i))
	}
	return cty.SetVal(vs)
}

func edit(kind, name string, attrs map[string]cty.Value) engine.Edit {
	return engine.Edit{Addr: engine.Addr{Kind: kind, Name: name}, Attrs: attrs}
}

type attrs = map[string]cty.Value

func TestGet(t *testing.T) {
	rs, diags := Lens{}.Get(tree())
	got := map[string]attrs{}
	var names []string
	for _, r := range rs {
		got[r.Addr.String()] = r.Value.AsValueMap()
		names = append(names, r.Addr.String())
	}
	if s := strings.Join(names, " "); s != "firewall_ipset:bad firewall_policy:out firewall_service:app firewall_service:http firewall_zone:drop firewall_zone:empty firewall_zone:home firewall_zone:public" {
		t.Errorf("resources: %s", s)
	}
	for name, want := range map[string]attrs{
		"firewall_zone:public": {
			"short": cty.StringVal("Public"), "description": cty.StringVal("For use in   public areas."), "target": cty.NullVal(cty.String),
			"interfaces": strs("eth0"), "services": strs("ssh", "http"), "ports": strs("60000-61000/udp"), "masquerade": cty.True, "forward": cty.NullVal(cty.Bool),
			"forward_ports": strs("port=80:proto=tcp:toport=8080:toaddr=2001:db8::1"), "others": cty.NumberIntVal(2), "sources": cty.NullVal(cty.Set(cty.String)),
			"rich_rules": strs(`rule priority="-5" family="ipv4" source NOT address="10.0.0.0/8" service name="ssh" log prefix="ssh & co" level="info" limit value="1/m" accept`, `rule protocol value="ah" mark set=0x1`),
		},
		"firewall_zone:drop":    {"target": cty.StringVal("DROP"), "sources": strs("192.0.2.1", "2001:db8::/32", "00:11:22:33:44:55", "ipset:bad"), "others": cty.NumberIntVal(1)},
		"firewall_zone:home":    {"services": strs("ssh"), "file": cty.StringVal("/usr/lib/firewalld/zones/home.xml"), "others": cty.NumberIntVal(0)},
		"firewall_service:app":  {"ports": strs("8443/tcp"), "destinations": cty.MapVal(attrs{"ipv4": cty.StringVal("224.0.0.251")})},
		"firewall_ipset:bad":    {"type": cty.StringVal("hash:net"), "entries": strs("192.0.2.0/24", "198.51.100.0/24"), "options": cty.MapVal(attrs{"family": cty.StringVal("inet")})},
		"firewall_policy:out":   {"target": cty.StringVal("ACCEPT"), "priority": cty.StringVal("-10"), "ingress_zones": strs("HOST")},
		"firewall_service:http": {"ports": strs("80/tcp"), "short": cty.StringVal("WWW (HTTP)")},
	} {
		for attr, w := range want {
			if g := got[name][attr]; g == cty.NilVal || !g.RawEquals(w) {
				t.Errorf("%s %s: %#v, want %#v", name, attr, g, w)
			}
		}
	}
	warned := lenstest.Text(diags)
	if diags.HasErrors() || warned != "/etc/firewalld/zones/broken.xml:2: File cannot be read: </zone> closes no <short>, of line 2. firewalld passes over it.\n/etc/firewalld/zones/other.xml:1: File cannot be read: its outermost element is to be <zone>. firewalld passes over it.\n" {
		t.Errorf("diagnostics: %s", warned)
	}
	var kept []string
	for _, r := range (Lens{}).Verbatim(tree()) {
		kept = append(kept, fmt.Sprintf("%s:%d", r.Filename[len(etcDir)+1:], r.Start.Line))
	}
	if s := strings.Join(kept, " "); s != "zones/drop.xml:6 zones/public.xml:20 zones/public.xml:21 lockdown-whitelist.xml:1" {
		t.Errorf("verbatim: %s", s)
	}
}

func TestPut(t *testing.T) {
	rule := `rule family="ipv6" source address="2001:db8::/32" port port="25" protocol="tcp" reject type="icmp6-port-unreachable"`
	after := lenstest.PutGet(t, Lens{}, tree(),
		edit(KindZone, "public", attrs{
			"services": strs("ssh", "https", "smtp"), "masquerade": cty.NullVal(cty.Bool), "short": cty.StringVal("House & co"), "target": cty.StringVal("%%REJECT%%"),
			"rich_rules": strs(`rule protocol value="ah" mark set=0x1`, rule), "forward": cty.True,
		}),
		edit(KindZone, "drop", attrs{"sources": strs("192.0.2.1", "203.0.113.7"), "version": cty.NullVal(cty.String)}),
		edit(KindZone, "home", attrs{"ports": strs("22/tcp")}),
		edit(KindZone, "empty", attrs{"services": strs("ssh"), "target": cty.StringVal("ACCEPT")}),
		edit(KindZone, "guests", attrs{"sources": strs("10.9.0.0/16", "ipset:x"), "short": cty.StringVal("Guests"), "target": cty.StringVal("DROP")}),
		edit(KindService, "app", attrs{"ports": strs("8443/tcp", "8444/tcp"), "destinations": cty.MapVal(attrs{"ipv6": cty.StringVal("ff02::fb")})}),
		edit(KindService, "new", attrs{"ports": strs("1/udp"), "helpers": strs("ftp")}),
		edit(KindIPSet, "bad", attrs{"entries": strs("192.0.2.0/24", "203.0.113.0/24"), "options": cty.MapVal(attrs{"family": cty.StringVal("inet"), "maxelem": cty.StringVal("9")})}),
		engine.Edit{Addr: engine.Addr{Kind: KindPolicy, Name: "out"}, Absent: true})
	for path, want := range map[string]string{
		"zones/public.xml": strings.NewReplacer("<zone>", `<zone target="%%REJECT%%">`, "<short>Public<", "<short>House &amp; co<", `name="http"/>`, `name="https"/>`,
			"the sites -->\n", "the sites -->\n  <service name=\"smtp\"/>\n", "  <masquerade/>\n", "", "  <strange/>\n", "  <strange/>\n  <forward/>\n",
			`<rule family="ipv4" priority="-5">
    <source address="10.0.0.0/8" invert="True"/>
    <service name="ssh"/>
    <log prefix="ssh &amp; co" level="info"><limit value="1/minute"/></log>
    <accept/>
`, `<rule family="ipv6">
    <source address="2001:db8::/32"/>
    <port port="25" protocol="tcp"/>
    <reject type="icmp6-port-unreachable"/>
`).Replace(public),
		"zones/drop.xml":   "<zone target=\"DROP\">\n\t<source address=\"192.0.2.1\"/>\n\t<source address=\"203.0.113.7\"/>\n\t<source address=\"192.0.2.9\" invert=\"yes\"/>\n</zone>",
		"zones/home.xml":   "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<zone>\n  <short>Home</short>\n  <service name=\"ssh\"/>\n  <port port=\"22\" protocol=\"tcp\"/>\n</zone>\n",
		"zones/empty.xml":  "<zone target=\"ACCEPT\">\n  <service name=\"ssh\"/>\n</zone>\n",
		"zones/guests.xml": "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<zone target=\"DROP\">\n  <short>Guests</short>\n  <source address=\"10.9.0.0/16\"/>\n  <source ipset=\"x\"/>\n</zone>\n",
		"services/app.xml": "<service>\r\n  <port port=\"8443\" protocol=\"tcp\"/>\r\n  <port port=\"8444\" protocol=\"tcp\"/>\r\n  <destination ipv6=\"ff02::fb\"/>\r\n</service>\r\n",
		"services/new.xml": "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<service>\n  <port port=\"1\" protocol=\"udp\"/>\n  <helper name=\"ftp\"/>\n</service>\n",
		"ipsets/bad.xml":   "<ipset type=\"hash:net\"><option name=\"family\" value=\"inet\"/> <option name=\"maxelem\" value=\"9\"/><entry>192.0.2.0/24</entry>\n<entry>203.0.113.0/24</entry></ipset>",
		"policies/out.xml": "",
	} {
		if got := after["/etc/firewalld/"+path]; got != want {
			t.Errorf("%s: %s\nwant %s", path, got, want)
		}
	}
	lenstest.GetPut(t, Lens{}, tree())
	lenstest.PutGot(t, Lens{}, tree())
	for value, want := range map[cty.Value]int{cty.False: 1, cty.True: 0} {
		files, _, _ := Lens{}.Put(tree(), []engine.Edit{edit(KindZone, "public", attrs{"masquerade": value})})
		if len(files) != want {
			t.Errorf("masquerade = %#v changes %d files", value, len(files))
		}
	}
}

func TestPutRefuses(t *testing.T) {
	for want, e := range map[string]engine.Edit{
		"is no port":                     edit(KindZone, "public", attrs{"ports": strs("70000/tcp")}),
		"is no protocol with ports":      edit(KindZone, "public", attrs{"ports": strs("80")}),
		"is no address":                  edit(KindZone, "public", attrs{"sources": strs("10.0.0.0/33")}),
		"cannot be a name":               edit(KindZone, "public", attrs{"services": strs("a b")}),
		"none of the targets":            edit(KindZone, "public", attrs{"target": cty.StringVal("REJECT")}),
		"wants its family":               edit(KindZone, "public", attrs{"rich_rules": strs(`rule source address="10.0.0.1" accept`)}),
		"write it so":                    edit(KindZone, "public", attrs{"rich_rules": strs(`rule service name=ssh accept`)}),
		"begins with the word rule":      edit(KindZone, "public", attrs{"rich_rules": strs(`service name="ssh" accept`)}),
		"no element of a rule":           edit(KindZone, "public", attrs{"rich_rules": strs(`rule servic name="ssh" accept`)}),
		"a rule has one of accept and":   edit(KindZone, "public", attrs{"rich_rules": strs(`rule service name="ssh" accept drop`)}),
		"is no forwarded port":           edit(KindZone, "public", attrs{"forward_ports": strs("80>8080")}),
		"host's own: The interfaces":     edit(KindZone, "public", attrs{"interfaces": strs("eth1")}),
		"one line":                       edit(KindZone, "public", attrs{"short": cty.StringVal("a\nb")}),
		"File cannot be edited":          edit(KindZone, "broken", attrs{"short": cty.StringVal("a")}),
		"The zone is firewalld's own":    edit(KindZone, "work", attrs{"short": cty.StringVal("a")}),
		"Not a name":                     edit(KindZone, "much-too-long-a-name", attrs{"short": cty.StringVal("a")}),
		"at most 128":                    edit(KindService, "../../x", attrs{"short": cty.StringVal("a")}),
		"say its type":                   edit(KindIPSet, "x", attrs{"short": cty.StringVal("a")}),
		"is no family of addresses":      edit(KindService, "app", attrs{"destinations": cty.MapVal(attrs{"ipv5": cty.StringVal("1.2.3.4")})}),
		"does not go by what":            {Addr: engine.Addr{Kind: KindZone, Name: "home"}, Absent: true},
		"too many links":                 edit(KindService, "nothing-there", attrs{"short": cty.StringVal("a")}),
		"firewalld would not take: vers": edit(KindZone, "public", attrs{"version": cty.StringVal("\x01")}),
	} {
		tr := tree()
		if want == "too many links" {
			tr["/etc/firewalld/services/nothing-there.xml"] = lenstest.LinkTo + "nothing-there.xml"
		}
		files, _, diags := Lens{}.Put(tr, []engine.Edit{e})
		if !diags.HasErrors() || len(files) > 0 || !strings.Contains(lenstest.Text(diags), want) {
			t.Errorf("%s: got %v %s", want, files, lenstest.Text(diags))
		}
	}
}

// TestMany sees that a long list stays bytes, is counted, and can be replaced.
func TestMany(t *testing.T) {
	var b strings.Builder
	b.WriteString("<zone target=\"DROP\">\n")
	for i := range 1500 {
		fmt.Fprintf(&b, "  <source address=\"10.0.%d.%d\"/>\n", i>>8, i&255)
	}
	b.WriteString("  <service name=\"x\"/>\n</zone>\n")
	tr := lenstest.Tree{"/etc/firewalld/zones/drop.xml": b.String()}
	rs, diags := Lens{}.Get(tr)
	if len(rs) != 1 || !rs[0].Value.GetAttr("sources").IsNull() || !rs[0].Value.GetAttr("others").RawEquals(cty.NumberIntVal(1500)) {
		t.Errorf("%#v", rs)
	}
	if got := lenstest.Text(diags); got != "/etc/firewalld/zones/drop.xml:2: Too many to show: The sources of /etc/firewalld/zones/drop.xml are 1500: they are kept as they are.\n" {
		t.Errorf("%s", got)
	}
	lenstest.PutGot(t, Lens{}, tr)
	lenstest.PutGet(t, Lens{}, tr, edit(KindZone, "drop", attrs{"services": strs("x", "y")}))
	after := lenstest.PutGet(t, Lens{}, tr, edit(KindZone, "drop", attrs{"sources": strs("10.0.0.7", "192.0.2.1")}))
	if want := "<zone target=\"DROP\">\n  <source address=\"192.0.2.1\"/>\n  <source address=\"10.0.0.7\"/>\n  <service name=\"x\"/>\n</zone>\n"; after["/etc/firewalld/zones/drop.xml"] != want {
		t.Errorf("%s", after["/etc/firewalld/zones/drop.xml"])
	}
}

// TestHostile looks at files that would take long if each attribute were looked
// for among all.
func TestHostile(t *testing.T) {
	var b strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&b, " a%d=\"\"", i)
	}
	all := b.String()
	start := time.Now()
	tr := lenstest.Tree{"/etc/firewalld/zones/z.xml": "<zone" + all + "><service" + all + "/><rule" + all + "><accept" + all + "/></rule><rule><accept" + all + "/></rule><destination" + all + "/></zone>"}
	rs, _ := Lens{}.Get(tr)
	if len(rs) != 1 || !rs[0].Value.GetAttr("others").RawEquals(cty.NumberIntVal(100_004)) {
		t.Errorf("%#v", rs)
	}
	lenstest.GetPut(t, Lens{}, tr)
	if took := time.Since(start); took > 30*time.Second { // quadratic, it is hours
		t.Errorf("it took %s", took)
	}
}

func TestLone(t *testing.T) {
	rs, diags := Lens{}.Get(lenstest.Tree{grammar.Place("/tmp/x/app.xml"): "<service><port port='1' protocol='tcp'/></service>"})
	if len(rs) != 1 || rs[0].Addr != (engine.Addr{Kind: KindService, Name: "app"}) || len(diags) > 0 {
		t.Errorf("%v %v", rs, diags)
	}
}

var elements = rapid.SampledFrom([]string{
	`<short>a</short>`, `<short a="1">b</short>`, `<description>x<!-- c -->y</description>`, `<service name="ssh"/>`, `<service name='http'></service>`, `<service/>`,
	`<port protocol="tcp" port="80"/>`, `<port port="1-2" protocol="udp" x=""/>`, `<source address="10.0.0.1"/>`, `<source address="00:11:22:33:44:55" />`, `<masquerade enabled="yes"/>`, `<masquerade/>`,
	`<rule family="ipv4"><source address="1.2.3.4"/><drop/></rule>`, "<rule>\n<service name=\"x\"/><audit><limit value=\"1/s\"/></audit><accept/>\n</rule>", `<rule/>`, `<rule><x/></rule>`,
	`<forward-port port="1" protocol="tcp" to-addr="1.2.3.4"/>`, `<!-- <service name="no"/> -->`, `text`, `<icmp-block name="echo-reply"/>`, `<interface name="eth9"/>`,
})

var wishes = rapid.SampledFrom([]attrs{
	{"services": strs("ssh", "b")}, {"services": cty.NullVal(cty.Set(cty.String))}, {"short": cty.StringVal("n\u00e9w")}, {"ports": strs("80/tcp", "5-6/sctp")},
	{"sources": strs("::1", "ipset:s")}, {"rich_rules": strs(`rule service name="x" audit limit value="1/s" accept`, `rule priority="3" icmp-block name="x"`)},
	{"masquerade": cty.True}, {"forward": cty.True}, {"target": cty.StringVal("DROP")}, {"target": cty.NullVal(cty.String)}, {"forward_ports": strs("port=1:proto=tcp:toport=2")},
	{"description": cty.StringVal("d"), "short": cty.StringVal("s"), "protocols": strs("gre"), "icmp_blocks": strs("a", "b")},
})

func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nl := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "line end")
		all := rapid.SliceOfN(elements, 0, 6).Draw(t, "elements")
		indent := rapid.SampledFrom([]string{"", "  ", "\t"}).Draw(t, "indent")
		var b strings.Builder
		b.WriteString(rapid.SampledFrom([]string{"", "<?xml version=\"1.0\" encoding=\"utf-8\"?>" + nl, "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>"}).Draw(t, "head"))
		b.WriteString("<zone" + rapid.SampledFrom([]string{"", ` target="DROP"`, ` version='1' target='ACCEPT' `}).Draw(t, "attributes"))
		if len(all) == 0 && rapid.Bool().Draw(t, "closed") {
			b.WriteString("/>")
		} else {
			b.WriteString(">" + nl)
			for _, e := range all {
				b.WriteString(indent + strings.ReplaceAll(e, "\n", nl) + nl)
			}
			b.WriteString("</zone>" + rapid.SampledFrom([]string{"", nl}).Draw(t, "last line's end"))
		}
		tr := lenstest.Tree{"/etc/firewalld/zones/z.xml": b.String(), "/etc/hosts": ""}
		lenstest.GetPut(t, Lens{}, tr)
		lenstest.PutGot(t, Lens{}, tr)
		lenstest.PutGet(t, Lens{}, tr, edit(KindZone, "z", wishes.Draw(t, "wish")))
	})
}

func FuzzLens(f *testing.F) {
	f.Add(public, "ssh")
	f.Add(drop, `rule service name="x" accept`)
	f.Fuzz(func(t *testing.T, text, value string) {
		if strings.HasPrefix(text, lenstest.LinkTo) {
			t.Skip()
		}
		tr := lenstest.Tree{"/etc/firewalld/zones/z.xml": text, "/etc/hosts": ""}
		lenstest.GetPut(t, Lens{}, tr)
		lenstest.PutGot(t, Lens{}, tr)
		for _, attr := range []string{"services", "rich_rules", "forward_ports", "sources", "ports"} {
			e := edit(KindZone, "z", attrs{attr: strs(value)})
			if _, _, diags := (Lens{}).Put(tr, []engine.Edit{e}); !diags.HasErrors() {
				lenstest.PutGet(t, Lens{}, tr, e)
			}
		}
	})
}
