package dhcpd_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens/braces"
	"hikae/modules/dhcpd"
	"hikae/modules/lenstest"
)

// complaints asks dhcpd -t about files, each alone: those whose names begin with
// v6 by the server of IPv6. What it takes has "".
func complaints(t *testing.T, files map[string]string) map[string]string {
	t.Helper()
	out := lenstest.Daemon(t, files, `for f in *.conf; do v=-4; case $f in v6*) v=-6;; esac
echo "FILE $f"; /usr/sbin/dhcpd $v -t -cf "$PWD/$f" -lf /dev/null >err 2>&1 || { echo refused; cat err; }; done; true`)
	answers := map[string]string{}
	for _, part := range strings.Split(out, "FILE ")[1:] {
		name, text, _ := strings.Cut(part, "\n")
		answers[name] = text
	}
	return answers
}

// Files of each server that dhcpd takes, by statements that may go and come.
var (
	labs4 = []string{"authoritative;", "option domain-name \"rio.example\";", "# a comment", "default-lease-time 600;", "key k { algorithm hmac-md5; secret abcd1234; };",
		"option space x;", "option x.y code 1 = { integer 8, text };", "class \"c\" { match if substring (option vendor-class-identifier, 0, 3) = \"PXE\"; }",
		"subnet 192.168.1.0 netmask 255.255.255.0 {", "range 192.168.1.10 192.168.1.20;", "option routers 192.168.1.1, 192.168.1.2;", "pool {", "range 192.168.1.30;", "deny members of \"c\";", "}", "}",
		"if exists host-name { option domain-name \"a\"; } elsif known { option domain-name \"b\"; } else { option domain-name \"\\101\\x42\"; }",
		"group {", "host a { hardware ethernet 0:1:2:3:4:5; fixed-address 192.168.1.40; }", "}", "on commit { set x = concat (\"a\", \"b\"); }", "zone rio.example. { primary 127.0.0.1; key k; }",
		"shared-network n { subnet 10.0.0.0 netmask 255.0.0.0 { } }"}
	labs6 = []string{"default-lease-time 600;", "option dhcp6.name-servers fd00::1;", "subnet6 fd00::/64 {", "range6 fd00::10 fd00::20;", "range6 fd00::/80 temporary;", "prefix6 fd00:0:0:100:: fd00:0:0:200:: /56;",
		"pool6 {", "range6 fd00::30 fd00::40;", "}", "}", "host a {", "host-identifier option dhcp6.client-id 00:01:00:01:4a:1f:ba:e3;", "fixed-address6 fd00::50;", "}"}
)

// structure is what dhcpd says of a file's form: that a ; or a brace is missing,
// or that the file ends too soon.
var structure = regexp.MustCompile(`semicolon expected|expecting left brace|unexpected end of file|eof in string constant|EOF|right brace expected|corrupt lease file; expecting left brace`)

func TestLabMutated(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	files := map[string]string{}
	for i := range 700 {
		lines, v := append([]string(nil), labs4...), "v4"
		if i%3 == 0 {
			lines, v = append([]string(nil), labs6...), "v6"
		}
		for range rng.IntN(3) {
			n := rng.IntN(len(lines))
			at := rng.IntN(len(lines[n]) + 1)
			bits := []string{";", "{", "}", "\"", "#", " ", "\n", ",", "\\", "\t", "x", "\r", "(", ")", ";;"}
			switch rng.IntN(4) {
			case 0:
				lines[n] = lines[n][:at]
			case 1:
				lines = append(lines[:n], lines[n+1:]...)
			default:
				lines[n] = lines[n][:at] + bits[rng.IntN(len(bits))] + lines[n][at:]
			}
		}
		files[fmt.Sprintf("%s-%03d.conf", v, i)] = strings.Join(lines, []string{"\n", " "}[rng.IntN(2)]) + "\n"
	}
	taken, refused, passed := 0, 0, 0
	for name, complaint := range complaints(t, files) {
		_, err := braces.Parse([]byte(files[name]), &braces.DHCPD)
		switch {
		case complaint == "":
			taken++
			if err != nil {
				t.Errorf("%q is refused: %v", files[name], err)
			}
		case structure.MatchString(complaint):
			refused++
			if err == nil {
				passed++
			}
		}
	}
	t.Logf("%d files: dhcpd takes %d and refuses %d for their form; of those we take %d", len(files), taken, refused, passed)
	if taken < 100 || refused < 100 || passed > refused/2 {
		t.Error("the files do not try both, or too many pass")
	}
}

// TestLabWritten: what the lens writes into files that dhcpd takes, it takes.
func TestLabWritten(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	files := map[string]string{}
	for i := range 150 {
		tr := lenstest.Tree{"/etc/dhcp/dhcpd.conf": strings.Join(labs4, "\n"), "/etc/dhcp/dhcpd6.conf": strings.Join(labs6, []string{"\n", " "}[rng.IntN(2)])}
		four := []engine.Edit{
			put(subnet("192.168.1.0/24"), attrs{"ranges": strs("192.168.1.50 192.168.1.60", "dynamic-bootp 192.168.1.70 192.168.1.71", "192.168.1.80"), "dns_servers": strs("192.168.1.1", "localhost"), "domain_search": strs("a.example", "b.example")}),
			put(subnet("10.0.0.0/8"), attrs{"routers": strs("10.0.0.1"), "interface": str("lo"), "max_lease_time": num(rng.Int64N(1 << 31))}),
			put(host("v4", "a"), attrs{"host_name": str("a b\"\\\x07"), "hardware": cty.NullVal(cty.String), "client_id": str("\"x\"")}),
			put(host("v4", "b"), attrs{"hardware": str("ethernet 0:1:2:3:4:6"), "fixed_address": strs("192.168.1.41", "10.0.0.7"), "filename": str("pxe"), "next_server": str("10.0.0.1")}),
			put(host("v4", "c"), attrs{"client_id": str("1:2:3"), "within": str("shared-network n / subnet 10.0.0.0 netmask 255.0.0.0"), "ddns_hostname": str("c")}),
			put(subnet("172.16.0.0/20"), attrs{"broadcast_address": str("172.16.15.255"), "subnet_mask": str("255.255.240.0"), "min_lease_time": num(60)}),
			gone(host("v4", "a")),
		}
		six := []engine.Edit{
			put(subnet("fd00::/64"), attrs{"ranges": strs("fd00::60 fd00::70"), "prefixes": strs("fd00:0:0:300:: fd00:0:0:400:: /56"), "dns_servers": strs("fd00::2", "fd00::3"), "domain_search": strs("a.example")}),
			put(subnet("fd00:0:0:1::/64"), attrs{"ranges": strs("fd00:0:0:1::/64", "fd00:0:0:1::/80 temporary"), "preferred_lifetime": num(60), "ntp_servers": strs("fd00::4")}),
			put(host("v6", "b"), attrs{"duid": str("00:03:00:01"), "fixed_address": strs("fd00::51"), "fixed_prefix": str("fd00:0:0:500::/56")}),
			put(host("v6", "a"), attrs{"hardware": str("ethernet 0:1:2:3:4:7"), "duid": cty.NullVal(cty.String)}),
		}
		var edits []engine.Edit
		for _, e := range append(four, six...) {
			if rng.IntN(2) == 0 && (len(edits) == 0 || edits[len(edits)-1].Addr != e.Addr) && (!e.Absent || !hasAddr(edits, e.Addr)) {
				edits = append(edits, e)
			}
		}
		after := lenstest.PutGet(t, dhcpd.Lens{}, tr, edits...)
		files[fmt.Sprintf("v4-%03d.conf", i)], files[fmt.Sprintf("v6-%03d.conf", i)] = after["/etc/dhcp/dhcpd.conf"], after["/etc/dhcp/dhcpd6.conf"]
	}
	for name, complaint := range complaints(t, files) {
		if complaint != "" {
			t.Errorf("dhcpd refuses what was written: %s\n%s", complaint, files[name])
		}
	}
}

func hasAddr(edits []engine.Edit, a engine.Addr) bool {
	for _, e := range edits {
		if e.Addr == a {
			return true
		}
	}
	return false
}
