package main

import (
	"strings"
	"testing"
)

const namedProject = `host "primary" { ssh = "root@primary" }
host "other" { ssh = "root@fresh" }
pair "house" {
  members         = [host.primary, host.other]
  initial_primary = host.primary
  paths           = ["/var/named"]
}
host "standby" {
  ssh     = "root@standby"
  follows = pair.house
  only    = ["package:bind*", "file:/etc/named.conf", "file:/etc/named/**", "file:/var/named/**", "file:/etc/sysconfig/named", "service:named-chroot.service",
    "zone:**", "zone_record:**", "named_options:*"]
}
`

// A zone in one view, records, a zone's settings and listen-on: edited on the
// standby alone, and served there per view over IPv4 and IPv6.
const namedOverlay = `overlay "host" "standby" {
  zone "internal" "lens.example" {
    type = "primary"
    file = "internal/lens.example.zone"
  }
  zone_record "internal/lens.example" "@ NS" { values = ["ns1.rio.example."] }
  zone_record "internal/lens.example" "www A" { values = ["10.98.0.77"] }
  zone_record "internal/lens.example" "www AAAA" { values = ["fd98::77"] }
  zone_record "external/rio.example" "lens TXT" { values = ["for \"strangers\""] }
  zone_record "external/rio.example" "cloud CNAME" { absent = true }
  zone_record "external/rio.example" "www A" { values = ["203.0.113.12"] }
  zone "external" "rio.example" { also_notify = ["10.98.0.14", "10.98.0.13 port 5353"] }
  zone "external" "later.example" {
    type      = "secondary"
    primaries = ["10.98.0.11"]
  }
  named_options "options" { listen_on = ["127.0.0.1", "10.98.0.12"] }
}
`

func TestLabLensNamed(t *testing.T) {
	l := newProject(t, namedProject)
	l.reset("standby")
	l.ok("snapshot", "primary")
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	const shows = `cd / && for f in $(find etc/named etc/named.conf var/named/internal var/named/external -type f ! -name keys.conf | sort); do echo "== $f"; cat "$f"; done`
	before := l.exec("standby", shows)
	l.write("overlay.hcl", namedOverlay)
	if out := l.ok("plan", "standby"); !strings.Contains(out, "lens.example") || !strings.Contains(out, "listen_on") {
		t.Errorf("the plan says\n%s", out)
	}
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	const zone = "== var/named/internal/lens.example.zone\n$TTL 86400\n@\tIN SOA\tns1.rio.example. hostmaster ( 1 1d 1h 1w 3h )\n\tIN NS\tns1.rio.example.\nwww\tIN A\t10.98.0.77\n\tIN AAAA\tfd98::77\n"
	internal := strings.Index(before, "== var/named/internal/rio.example.zone")
	want := before[:internal] + zone + before[internal:]
	for _, c := range [][2]string{
		{"listen-on port 53 { any; };", "listen-on port 53 { 127.0.0.1; 10.98.0.12; };"},
		{"\talso-notify { 10.98.0.14; };", "\talso-notify { 10.98.0.14; 10.98.0.13 port 5353; };"},
		{"internal/fd98.rev\";\n};\n", "internal/fd98.rev\";\n};\nzone \"lens.example\" IN {\n\ttype master;\n\tfile \"internal/lens.example.zone\";\n};\n"},
		{"file \"external/sakura.example.zone\";\n\tallow-transfer { key \"conoha-transfer\"; secondaries; };\n};\n", "file \"external/sakura.example.zone\";\n\tallow-transfer { key \"conoha-transfer\"; secondaries; };\n};\nzone \"later.example\" IN {\n\ttype slave;\n\tfile \"slaves/later.example.zone\";\n\tmasters { 10.98.0.11; };\n};\n"},
		{"www\tIN A\t203.0.113.10\n\tIN AAAA\t2001:db8:98::10\ncloud\tIN CNAME\twww\n", "www\tIN A\t203.0.113.12\n\tIN AAAA\t2001:db8:98::10\n"},
		{"photo\tIN CNAME\twww\n== ", "photo\tIN CNAME\twww\nlens\tIN TXT\t\"for \\\"strangers\\\"\"\n== "},
		{"== var/named/external/rio.example.zone\n$TTL 86400\n@\tIN SOA\tns1.rio.example. hostmaster.rio.example. ( 2021102101", "== var/named/external/rio.example.zone\n$TTL 86400\n@\tIN SOA\tns1.rio.example. hostmaster.rio.example. ( 2021102102"},
	} {
		if strings.Count(want, c[0]) != 1 {
			t.Fatalf("%q is %d times there", c[0], strings.Count(want, c[0]))
		}
		want = strings.Replace(want, c[0], c[1], 1)
	}
	if got := l.exec("standby", shows); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := l.exec("standby", "stat -c '%a %U %G' /var/named/internal/lens.example.zone"); got != "640 root named\n" {
		t.Errorf("the new zone file: %s", got)
	}
	for _, c := range []struct{ source, server, name, typ, want string }{
		{"10.98.0.1", "10.98.0.12", "www.lens.example", "A", "10.98.0.77"},
		{"fd98::1", "fd98::12", "www.lens.example", "AAAA", "fd98::77"},
		{"10.98.0.1", "10.98.0.12", "www.rio.example", "CNAME", "rio1.rio.example."},
		{"10.98.0.2", "10.98.0.12", "www.lens.example", "A", ""},
		{"fd98::2", "fd98::12", "www.lens.example", "AAAA", ""},
		{"10.98.0.2", "10.98.0.12", "www.rio.example", "A", "203.0.113.12"},
		{"fd98::2", "fd98::12", "lens.rio.example", "TXT", `"for \"strangers\""`},
		{"fd98::2", "fd98::12", "cloud.rio.example", "CNAME", ""},
		{"10.98.0.2", "10.98.0.12", "rio.example", "SOA", "ns1.rio.example. hostmaster.rio.example. 2021102102 3600 900 604800 300"},
	} {
		r := l.run("dig", "+short", "+time=2", "+tries=2", "-b", c.source, "@"+c.server, c.name, c.typ)
		if got := strings.TrimSpace(r.out); got != c.want || r.code != 0 {
			t.Errorf("asked from %s for %s %s: %q (exit %d), want %q", c.source, c.name, c.typ, got, r.code, c.want)
		}
	}
}
