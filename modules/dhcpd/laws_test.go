package dhcpd_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"

	"hikae/engine"
	"hikae/modules/dhcpd"
	"hikae/modules/lenstest"
)

// gen draws files of one server.
type gen struct {
	t         *rapid.T
	six       bool
	hosts     int
	subnets   int
	generated []engine.Addr
}

func (g *gen) pick(label string, of ...string) string { return rapid.SampledFrom(of).Draw(g.t, label) }

func (g *gen) space() string { return g.pick("space", " ", "\n", "\n  ", " # comment\n", "\t") }

// statement draws one that may stand in any block.
func (g *gen) statement(kind string) string {
	common := []string{"default-lease-time 600;", "max-lease-time infinite;", "Min-Lease-Time  7;", "ddns-update-style none;", "option x.y 1;", "allow booting;",
		"if known { option time-offset 1; } else { deny booting; }", "class \"a\" { match hardware; }"}
	four := []string{"option routers 10.0.0.1,\n 10.0.0.2;", "option domain-name \"a\\\"b\";", "option domain-search \"a\" , \"b\";", "next-server 10.0.0.9;", "filename \"x\";",
		"option ntp-servers = 10.0.0.1;"}
	six := []string{"option dhcp6.name-servers fd00::1;", "option dhcp6.domain-search \"a\";", "preferred-lifetime 7;"}
	own := map[string][]string{
		"subnet4": {"range 10.0.0.7;", "range 10.0.0.8  10.0.0.9;", "interface \"eth0\";", "pool { range 10.0.0.10; }", "option subnet-mask 255.0.0.0;"},
		"subnet6": {"range6 fd00::7 fd00::8;", "range6 fd00::/80 temporary;", "prefix6 fd00:1:: fd00:2:: /56;", "interface \"eth0\";"},
		"host4":   {"hardware ethernet 1:2:3:4:5:6;", "fixed-address 10.0.0.1, a.b;", "option host-name \"h\";", "option dhcp-client-identifier \"x y\";"},
		"host6":   {"host-identifier option dhcp6.client-id 00:01;", "fixed-address6 fd00::9;", "fixed-prefix6 fd00:3::/56;"},
	}
	version := "4"
	all := append(common, four...)
	if g.six {
		version = "6"
		all = append(common, six...)
	}
	return g.pick("statement", append(all, own[kind+version]...)...)
}

func (g *gen) statements(kind string) string {
	var b strings.Builder
	for range rapid.IntRange(0, 4).Draw(g.t, "statements") {
		b.WriteString(g.statement(kind) + g.space())
	}
	return b.String()
}

func (g *gen) host() string {
	g.hosts++
	name := fmt.Sprintf("h%d", g.hosts)
	v := "v4"
	if g.six {
		v = "v6"
	}
	g.generated = append(g.generated, host(v, name))
	return "host " + name + " {" + g.space() + g.statements("host") + "}" + g.space()
}

func (g *gen) subnet() string {
	g.subnets++
	head, name := fmt.Sprintf("subnet 10.%d.0.0 netmask 255.255.0.0", g.subnets), fmt.Sprintf("10.%d.0.0/16", g.subnets)
	if g.six {
		head, name = fmt.Sprintf("subnet6 fd00:%d::/64", g.subnets), fmt.Sprintf("fd00:%d::/64", g.subnets)
	}
	g.generated = append(g.generated, subnet(name))
	body := g.statements("subnet")
	if rapid.Bool().Draw(g.t, "a host in it") {
		body += g.host()
	}
	return head + " {" + g.space() + body + "}" + g.space()
}

func (g *gen) file() string {
	b := g.pick("beginning", "", "# the file\n", "\n") + g.statements("")
	for range rapid.IntRange(0, 4).Draw(g.t, "declarations") {
		switch rapid.IntRange(0, 4).Draw(g.t, "declaration") {
		case 0, 1:
			b += g.host()
		case 2:
			b += g.subnet()
		case 3:
			b += "group {" + g.space() + g.statements("") + g.host() + "}" + g.space()
		default:
			b += fmt.Sprintf("shared-network n%d {", g.subnets) + g.space() + g.subnet() + "}" + g.space()
		}
	}
	return b + g.pick("end", "", "\n", "# end")
}

var values = map[string][]cty.Value{
	"routers":            {strs("10.0.0.1"), strs("10.0.0.3", "r.example")},
	"dns_servers":        {strs("10.0.0.1"), strs("fd00::1", "fd00::2")},
	"domain_search":      {strs("a b", "c"), strs("x")},
	"default_lease_time": {num(0), num(4294967295)},
	"filename":           {str(""), str("a \"b\" \\ c\n")},
	"hardware":           {str("ethernet 0:0:0:0:0:1"), str("unknown-7 1:2")},
	"fixed_address":      {strs("10.0.0.1"), strs("fd00::1")},
	"client_id":          {str(`"x"`), str("01:02")},
	"duid":               {str("00:ff")},
	"prefixes":           {strs("fd00:1:: fd00:2:: /56", "fd00:5:: fd00:6:: /48"), strs()},
	"ranges":             {strs(), strs("10.1.0.7"), strs("fd00:1::7 fd00:1::8", "fd00:1::/80")},
	"interface":          {str("eth1")},
	"ddns_hostname":      {str("d")},
}

func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		four, six := &gen{t: t}, &gen{t: t, six: true}
		end := four.pick("line end", "\n", "\r\n")
		main := four.file()
		sub := &gen{t: t, hosts: 100, subnets: 100}
		tr := lenstest.Tree{
			"/etc/dhcp/dhcpd.conf":  strings.ReplaceAll(main+"\ninclude \"/etc/dhcp/more.conf\";\n", "\n", end),
			"/etc/dhcp/more.conf":   strings.ReplaceAll(sub.file(), "\n", end),
			"/etc/dhcp/dhcpd6.conf": six.file(),
		}
		lenstest.GetPut(t, dhcpd.Lens{}, tr)
		lenstest.PutGot(t, dhcpd.Lens{}, tr)
		have, diags := get(t, tr)
		if diags != "" {
			t.Fatalf("%s", diags)
		}
		all := append(four.generated, append(six.generated, sub.generated...)...)
		for _, a := range all {
			if _, ok := have[a]; !ok {
				t.Errorf("%s is not shown", a)
			}
		}
		all = append(all, host("v4", "new"), host("v6", "new"), subnet("10.200.0.0/16"), subnet("fd00:200::/64"))
		e := engine.Edit{Addr: rapid.SampledFrom(all).Draw(t, "address"), Attrs: attrs{}}
		if e.Absent = rapid.IntRange(0, 4).Draw(t, "gone") == 0; !e.Absent {
			for range rapid.IntRange(1, 3).Draw(t, "attributes") {
				name := four.pick("attribute", "routers", "dns_servers", "domain_search", "default_lease_time", "filename", "hardware", "fixed_address", "client_id", "duid", "prefixes", "ranges", "interface", "ddns_hostname")
				v := rapid.SampledFrom(values[name]).Draw(t, "value")
				if rapid.IntRange(0, 3).Draw(t, "null") == 0 {
					v = cty.NullVal(v.Type())
				}
				e.Attrs[name] = v
			}
		}
		if _, _, diags := (dhcpd.Lens{}).Put(tr, []engine.Edit{e}); diags.HasErrors() {
			return // not of this version, or of this subnet
		}
		if _, there := have[e.Addr]; e.Absent && there {
			// What stands in it goes with it.
			after := lenstest.PutGet(inner{t}, dhcpd.Lens{}, tr, e)
			if now, _ := get(t, after); len(now) > len(have)-1 {
				t.Errorf("%s stays", e.Addr)
			}
			return
		}
		if v := e.Attrs["ranges"]; v != cty.NilVal && !v.IsNull() && v.LengthInt() == 0 {
			e.Attrs["ranges"] = cty.NullVal(v.Type()) // nothing is what is read of none
		}
		if v := e.Attrs["prefixes"]; v != cty.NilVal && !v.IsNull() && v.LengthInt() == 0 {
			e.Attrs["prefixes"] = cty.NullVal(v.Type())
		}
		lenstest.PutGet(t, dhcpd.Lens{}, tr, e)
	})
}

// inner lets hosts go with the subnet that they stand in.
type inner struct{ *rapid.T }

func (i inner) Errorf(format string, args ...any) {
	if strings.HasSuffix(format, "is not there after the edit") {
		return
	}
	i.T.Errorf(format, args...)
}

func FuzzLaws(f *testing.F) {
	f.Add(conf4, hosts4, "printer", "192.168.1.9")
	f.Add(conf6, conf6, "a", "x")
	f.Add("host a { include \"/etc/dhcp/hosts.conf\"; }", "fixed-address 10.0.0.1 ;", "a", "b")
	f.Fuzz(func(t *testing.T, main, included, name, value string) {
		tr := lenstest.Tree{"/etc/dhcp/dhcpd.conf": main, "/etc/dhcp/hosts.conf": included, "/etc/hosts": ""}
		lenstest.GetPut(t, dhcpd.Lens{}, tr)
		lenstest.PutGot(t, dhcpd.Lens{}, tr)
		_ = dhcpd.Lens{}.Verbatim(tr)
		e := put(host("v4", name), attrs{"fixed_address": strs(value), "host_name": str(value)})
		if _, _, diags := (dhcpd.Lens{}).Put(tr, []engine.Edit{e}); !diags.HasErrors() {
			lenstest.PutGet(t, dhcpd.Lens{}, tr, e)
		}
	})
}
