package daemons

import (
	"slices"
	"strings"
	"testing"

	"hikae/engine/rules"
	"hikae/hosts/hosttest"
)

// Of the zones those are checked whose files changed, by the name that
// named.conf gives them.
func TestNamedCheck(t *testing.T) {
	h := hosttest.New(t)
	h.Write("/etc/named.conf", `// zone "no.example" { file "comment.zone"; };
/* file "x"; */ options { directory "/srv/dns"; # }
};
view "in" { include "/etc/named/in.zones"; };
zone "." IN { type hint; file "named.ca"; };
include "/etc/named.conf"; }}
`)
	h.Write("/etc/named/in.zones", `zone rio.example { type master; masters { 192.0.2.1; }; file "in/rio.example"; };`+"\n"+`zone "abs.example" IN { file "/var/named/abs;x"; type primary; }; zone "sec" { type slave; file "slaves/sec"; };`)
	for _, p := range []string{"/srv/dns/in/rio.example", "/srv/dns/comment.zone"} {
		h.Write(p, "")
	}
	var got []string
	for _, argv := range namedCheck(h, []string{"/srv/dns/in/rio.example", "/srv/dns/named.ca", "/srv/dns/comment.zone", "/var/named/abs;x", "/srv/dns/slaves/sec", "/etc/named.conf"}) {
		got = append(got, strings.Join(argv, " "))
	}
	want := []string{
		"/usr/sbin/named-checkconf /etc/named.conf",
		"/usr/sbin/named-checkzone -q -i local -- rio.example /srv/dns/in/rio.example",
		"/usr/sbin/named-checkzone -q -i local -- abs.example /var/named/abs;x",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestDHCPDIncluded(t *testing.T) {
	for p, want := range map[string]bool{
		"/etc/dhcp/hosts.conf": true, "/etc/dhcp/d.conf": true, "/etc/dhcp/dhcpd.d/x/y.conf": true,
		"/etc/dhcp/dhcpd.conf": false, "/etc/dhcp/dhcpd6.conf": false, "/etc/dhcp/dhclient.conf": false, "/etc/dhcp": false,
	} {
		if got := rules.Match(dhcpdIncluded, p); got != want {
			t.Errorf("%s: %v", p, got)
		}
	}
}
