package main

import (
	"strings"
	"testing"
)

// lensDHCPDProject takes of the primary what dhcpd reads.
const lensDHCPDProject = `host "primary" { ssh = "root@primary" }
host "other" { ssh = "root@fresh" }
pair "house" {
  members         = [host.primary, host.other]
  initial_primary = host.primary
}
host "standby" {
  ssh     = "root@standby"
  follows = pair.house
  only    = ["package:dhcp-*", "user:dhcpd", "group:dhcpd", "file:/etc/dhcp/**", "subnet:**", "dhcp_host:**"]
}
`

// TestLabLensDHCPD adds hosts and ranges to the dhcpd of both versions on a
// standby, where it does not run: dhcpd takes the files, and all other bytes stay.
func TestLabLensDHCPD(t *testing.T) {
	l := newProject(t, lensDHCPDProject)
	l.ok("snapshot", "primary")
	l.inStep("primary")
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	conf := func(name string) string { return l.exec("standby", "cat /etc/dhcp/"+name) }
	four, six, hosts := conf("dhcpd.conf"), conf("dhcpd6.conf"), conf("hosts.conf")
	l.write("overlay.hcl", `overlay "host" "standby" {
  dhcp_host "v4" "lens" {
    hardware      = "ethernet 02:00:5e:00:53:77"
    fixed_address = ["10.98.0.77"]
  }
  dhcp_host "v6" "lens" {
    duid          = "00:03:00:01:02:00:5e:00:53:77"
    fixed_address = ["fd98::77"]
  }
  subnet "10.98.0.0/24" { routers = ["10.98.0.254"] }
  subnet "fd98::/64" { ranges = ["fd98::d000 fd98::d0ff", "fd98::e000 fd98::e0ff"] }
}
`)
	plan := l.ok("plan", "standby")
	for _, want := range []string{`dhcp_host "v4" "lens"`, `["10.98.0.1"] -> ["10.98.0.254"]`} {
		if !strings.Contains(plan, want) {
			t.Errorf("the plan does not tell of %s:\n%s", want, plan)
		}
	}
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	l.exec("standby", "/usr/sbin/dhcpd -4 -t -cf /etc/dhcp/dhcpd.conf 2>&1 && /usr/sbin/dhcpd -6 -t -cf /etc/dhcp/dhcpd6.conf 2>&1")
	const host4 = "host lens {\n  hardware ethernet 02:00:5e:00:53:77;\n  fixed-address 10.98.0.77;\n}\n"
	want4 := strings.Replace(four, "option routers 10.98.0.1;", "option routers 10.98.0.254;", 1) + host4
	if got := conf("dhcpd.conf"); got != want4 {
		t.Errorf("dhcpd.conf is\n%s\nwant\n%s", got, want4)
	}
	const range6, host6 = "  range6 fd98::d000 fd98::d0ff;\n", "host lens {\n  host-identifier option dhcp6.client-id 00:03:00:01:02:00:5e:00:53:77;\n  fixed-address6 fd98::77;\n}\n"
	want6 := strings.Replace(six, range6, range6+"  range6 fd98::e000 fd98::e0ff;\n", 1) + host6
	if got := conf("dhcpd6.conf"); got != want6 {
		t.Errorf("dhcpd6.conf is\n%s\nwant\n%s", got, want6)
	}
	if conf("hosts.conf") != hosts {
		t.Error("hosts.conf changed")
	}
	l.remove("overlay.hcl")
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	if conf("dhcpd.conf") != four || conf("dhcpd6.conf") != six {
		t.Error("without the overlay the files are not as they were")
	}
}
