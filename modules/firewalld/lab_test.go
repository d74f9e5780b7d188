package firewalld

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"hikae/modules/lenstest"
)

// readers has firewalld's own reader say what zones are: a line of JSON each. It
// is also asked to read each rule in its own words.
const readers = `cat >ask.py <<'END'
import glob, json, os
from firewall.core.io.zone import zone_reader
from firewall.core.rich import Rich_Rule
from firewall.core.logger import log
log.setInfoLogLevel(-1)
for f in sorted(glob.glob("*.xml")):
    out = {"file": f, "error": None}
    try:
        z = zone_reader(f, os.getcwd())
        out.update(short=z.short.strip(), target=z.target, services=z.services, ports=["%s/%s" % p for p in z.ports], protocols=z.protocols,
            source_ports=["%s/%s" % p for p in z.source_ports], icmp_blocks=z.icmp_blocks, sources=z.sources, interfaces=z.interfaces,
            masquerade=z.masquerade, forward=z.forward, icmp_block_inversion=z.icmp_block_inversion, rich_rules=z.rules_str,
            forward_ports=["port=%s:proto=%s" % (a, b) + (":toport=" + c if c else "") + (":toaddr=" + d if d else "") for a, b, c, d in z.forward_ports],
            again=[str(Rich_Rule(rule_str=r)) for r in z.rules_str])
    except Exception as e:
        out["error"] = str(e)
    print(json.dumps(out))
END
python3 ask.py 2>/dev/null`

// TestLabFirewalld compares zones as Get shows them with those that firewalld
// reads, rich rules in its words; and what Put writes.
func TestLabFirewalld(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	files := map[string]string{}
	for i := range 400 {
		files[fmt.Sprintf("z%05d.xml", i)] = generatedZone(r)
	}
	put := cty.SetVal([]cty.Value{
		cty.StringVal(`rule priority="-1" family="ipv4" source NOT address="10.0.0.0/8" destination address="192.0.2.1" port port="1-2" protocol="udp" log prefix="a b" level="info" limit value="1/m" audit limit value="2/s" reject type="icmp-host-unreachable" limit value="3/h"`),
		cty.StringVal(`rule family="ipv4" forward-port port="80" protocol="tcp" to-port="8080"`), cty.StringVal(`rule masquerade`), cty.StringVal(`rule service name="ssh" nflog group="1" prefix="p" queue-size="5" drop`), cty.StringVal(`rule protocol value="gre" mark set=0x1/0xff`),
	})
	for i, before := range []string{"<zone/>", strings.Replace(public, "<strange/>", "", 1), strings.Replace(drop, "invert", "family", 1)} {
		files[fmt.Sprintf("put%d.xml", i)] = lenstest.PutGet(t, Lens{}, lenstest.Tree{"/etc/firewalld/zones/z.xml": before}, edit(KindZone, "z", attrs{
			"rich_rules": put, "services": strs("a", "b"), "sources": strs("10.0.0.1", "::1/64", "00:11:22:33:44:55", "ipset:x"), "forward_ports": strs("port=1-2:proto=tcp:toaddr=::1"), "masquerade": cty.True, "short": cty.StringVal("<&>"),
		}))["/etc/firewalld/zones/z.xml"]
	}
	taken := 0
	for out := range strings.Lines(lenstest.Daemon(t, files, readers)) {
		var got map[string]any
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		src := files[got["file"].(string)]
		if got["error"] != nil {
			if strings.HasPrefix(got["file"].(string), "put") {
				t.Errorf("firewalld refuses what was put: %v\n%s", got["error"], src)
			}
			continue // what elements a zone may hold, the checker on the host says
		}
		taken++
		rs, diags := Lens{}.Get(lenstest.Tree{"/etc/firewalld/zones/z.xml": src})
		if len(rs) != 1 || len(diags) > 0 {
			t.Fatalf("%s: %s", src, lenstest.Text(diags))
		}
		v := rs[0].Value
		for _, a := range kindOf(KindZone).attrs {
			want, asked := got[a.name]
			if !asked {
				continue
			}
			if have := plainOf(v.GetAttr(a.name)); have != plainAny(a.name, want) {
				t.Errorf("%s is %s; firewalld: %s\n%s", a.name, have, plainAny(a.name, want), src)
			}
		}
		if again := plainAny("", got["again"]); again != plainAny("", got["rich_rules"]) {
			t.Errorf("firewalld reads its own rules as others: %s", again)
		}
	}
	t.Logf("%d of %d files taken by both", taken, len(files))
	if taken < 150 {
		t.Error("too few to say anything")
	}
}

func plainOf(v cty.Value) string {
	switch {
	case v.IsNull():
		return ""
	case v.Type() == cty.Bool:
		return fmt.Sprint(v.True())
	case v.Type() == cty.String:
		return v.AsString()
	}
	var items []string
	for it := v.ElementIterator(); it.Next(); {
		_, item := it.Element()
		items = append(items, item.AsString())
	}
	return strings.Join(items, ", ")
}

func plainAny(name string, v any) string {
	switch v := v.(type) {
	case bool:
		if !v {
			return ""
		}
		return "true"
	case []any:
		var items []string
		for _, item := range v {
			items = append(items, item.(string))
		}
		slices.Sort(items)
		return strings.Join(slices.Compact(items), ", ")
	case string:
		if name == "target" && v == "{chain}_{zone}" { // firewalld's own for none
			return ""
		}
		return v
	}
	return fmt.Sprint(v)
}

func generatedZone(r *rand.Rand) string {
	pick := func(all ...string) string { return all[r.IntN(len(all))] }
	var b strings.Builder
	b.WriteString(pick("", "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n") + "<zone" + pick("", ` target="DROP"`, ` target="%%REJECT%%" version="1"`) + ">\n" + pick("", "<short>a &amp; b</short>", "<short>\n x\n y\n</short>"))
	for _, n := range r.Perm(9)[:r.IntN(8)] {
		switch n {
		case 0:
			b.WriteString(pick(`<service name="ssh"/><service name="http"/>`, `<service name='ssh'></service>`, `<service name="ssh"/><service name="ssh"/>`))
		case 1:
			b.WriteString(pick(`<port port="80" protocol="tcp"/>`, `<port protocol="udp" port="1000-2000"/><port port="53" protocol="udp"/>`))
		case 2:
			b.WriteString(pick(`<source address="10.0.0.0/8"/>`, `<source address="2001:db8::1"/><source ipset="bad"/>`, `<source address="00:11:22:33:44:55"/>`))
		case 3:
			b.WriteString(pick(`<masquerade/>`, `<forward/>`, `<icmp-block-inversion/>`, `<icmp-block name="echo-reply"/>`))
		case 4:
			b.WriteString(pick(`<forward-port port="80" protocol="tcp" to-port="8080"/>`, `<forward-port port="80" protocol="tcp" to-port="" to-addr="10.0.0.1"/>`, `<source-port port="7" protocol="sctp"/>`))
		case 5:
			b.WriteString(pick(`<interface name="eth0"/>`, `<protocol value="gre"/>`, `<description>d</description>`, `<strange/>`))
		default:
			b.WriteString("<rule" + pick(` family="ipv4"`, ` family="ipv4" priority="5"`, "", ` priority="0"`) + ">" +
				pick("", `<source address="192.0.2.0/24"/>`, `<source ipset="x" invert="True"/>`, `<source mac="aa:bb:cc:dd:ee:ff"/>`, `<source address="1.2.3.4" invert="no"/>`) +
				pick("", `<destination address="192.0.2.9" invert="yes"/>`) +
				pick(`<service name="smtp"/>`, `<port port="25" protocol="tcp"/>`, `<protocol value="esp"/>`, `<icmp-type name="redirect"/>`, `<source-port port="1" protocol="tcp"/>`, "", `<masquerade/>`, `<icmp-block name="redirect"/>`) +
				pick("", `<log/>`, `<log prefix="x &lt; y" level="warning"><limit value="2/minute"/></log>`, `<nflog group="3"/>`) + pick("", `<audit><limit value="1/day"/></audit>`) +
				pick(`<accept/>`, `<drop/>`, `<reject/>`, `<reject type="icmp-net-unreachable"><limit value="9/s"/></reject>`, `<mark set="7"/>`, "") + "</rule>")
		}
		b.WriteString(pick("", "\n"))
	}
	return b.String() + "</zone>"
}
