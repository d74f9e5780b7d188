package main

import (
	"regexp"
	"strings"
	"testing"
)

// TestLabPartialFollower brings the VPS what its only names, and nothing else.
func TestLabPartialFollower(t *testing.T) {
	l := newLab(t)
	l.reset("vps")
	before := l.facts("vps")
	l.ok("snapshot", "primary")

	// By hand, not by hikae's own matching.
	wanted := regexp.MustCompile(`^(package:bind.*|file:/etc/named\.conf|file:/etc/named/(acl\.conf|external\.zones)|file:/var/named/external(/.*)?|service:named-chroot\.service)$`)
	events, code := l.events("plan", "vps")
	if code != exitOK || len(events["change"]) == 0 {
		t.Fatalf("exit %d, %d changes", code, len(events["change"]))
	}
	for _, typ := range []string{"change", "held", "left", "overwrites"} {
		for _, e := range events[typ] {
			if addr := e["kind"].(string) + ":" + e["name"].(string); !wanted.MatchString(addr) {
				t.Errorf("%s: %s", typ, addr)
			}
		}
	}
	out := l.ok("apply", "vps", "--yes")
	l.inStep("vps")
	l.same(before, l.facts("vps"), "--allow", l.allow("path /etc/named(\\.conf|/(acl\\.conf|external\\.zones))", "xattr /etc/named(\\.conf|/(acl\\.conf|external\\.zones))",
		"path /var/named/(external(/.*)?|data/.*|dynamic/.*|chroot(/.*)?)", "xattr /var/named/(external(/.*)?|data/.*|dynamic/.*|chroot(/.*)?)",
		"path /etc/rndc.key", "xattr /etc/rndc.key", "rpm bind-utils.*", "active (named-chroot.*|var-named.*)", "enabled named-chroot.service",
		"path /etc/systemd/system/multi-user.target.wants/named-chroot.service", "xattr /etc/systemd/system/multi-user.target.wants/named-chroot.service"))

	dig := func(args ...string) string {
		return l.run(append([]string{"dig", "@10.98.0.14", "+tries=1", "+time=5"}, args...)...).out
	}
	for _, from := range []string{"10.98.0.1", "10.98.0.2"} {
		if got := dig("-b", from, "+short", "mark.rio.example", "TXT"); got != "\"external\"\n" {
			t.Errorf("from %s it answers %q", from, got)
		}
		if got := dig("-b", from, "www.example.org"); !strings.Contains(got, "REFUSED") {
			t.Errorf("from %s it recurses: %s", from, got)
		}
	}
	if got := l.exec("vps", `ls -d /etc/postfix/sasl_passwd /etc/named/keys.conf /etc/named/internal.zones /etc/named/blocklist.zones /var/named/internal /etc/httpd 2>/dev/null; true`); got != "" {
		t.Errorf("this is none of the VPS: %s", got)
	}
	secrets := l.exec("primary", `sed 's/^[^ \t]*[ \t]*//' /etc/postfix/sasl_passwd | grep -v '^#' | grep .; sed -n 's/.*secret "\(.*\)".*/\1/p' /etc/named/keys.conf; grep '^[^:]*:\$' /etc/shadow | cut -d: -f2`)
	for s := range strings.Lines(secrets) {
		if s = strings.TrimSpace(s); len(s) < 8 {
			continue
		}
		if r := l.run("testdata/lab/lab", "exec", "vps", "--", "grep", "-rlF", "--", s, "/etc", "/var/lib", "/var/named", "/var/cache/hikae", "/var/spool", "/root", "/home", "/tmp"); r.out != "" {
			t.Errorf("a secret of the primary is on the VPS: %s", r.out)
		}
	}

	t.Run("a change follows, and only where it concerns", func(t *testing.T) {
		l := sub(l, t)
		l.exec("primary", `sed -i 's/2021102101/2026112301/' /var/named/external/rio.example.zone; echo 'new IN A 198.51.100.77' >>/var/named/external/rio.example.zone; echo '; changed' >>/var/named/internal/rio.example.zone; systemctl reload named-chroot`)
		l.ok("snapshot", "primary")
		out := l.ok("apply", "vps", "--yes")
		if strings.Contains(out, "internal") || !strings.Contains(out, "1 changes applied") {
			t.Errorf("applied: %s", out)
		}
		if got := dig("+short", "new.rio.example"); got != "198.51.100.77\n" {
			t.Errorf("it answers %q", got)
		}
	})
	t.Run("an overlay beyond only is an error", func(t *testing.T) {
		l := sub(l, t)
		l.write("beyond.hcl", "overlay \"host\" \"vps\" {\n  file \"/etc/motd\" { content = \"x\" }\n}\n")
		if r := l.hikae("plan", "vps"); r.code != exitError || !strings.Contains(r.errOut, "beyond.hcl:2:3") || !strings.Contains(r.errOut, `"file:/etc/motd"`) {
			t.Errorf("exit %d: %s", r.code, r.errOut)
		}
		l.remove("beyond.hcl")
	})
	t.Run("undo", func(t *testing.T) {
		l := sub(l, t)
		undo := regexp.MustCompile(`(?m)^ +hikae (apply vps --from vps@\S+)$`).FindStringSubmatch(out)
		if undo == nil {
			t.Fatalf("no undo command in: %s", tail(out))
		}
		l.ok(append(strings.Fields(undo[1]), "--yes")...)
		l.same(before, l.facts("vps"), "--allow", l.allow("path /etc/rndc.key", "xattr /etc/rndc.key", "path /var/named/(data|dynamic|chroot)(/.*)?", "xattr /var/named/(data|dynamic|chroot)(/.*)?", "active var-named.*"))
	})
}
