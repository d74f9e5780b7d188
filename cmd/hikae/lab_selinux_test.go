package main

import (
	"regexp"
	"strings"
	"testing"
)

// selinuxProject takes what concerns SELinux, what tools derive, and the
// alternatives, and no more.
const selinuxProject = `
hikae {
  required_version = ">= 0.1"
  store            = "states"
}
host "primary" { ssh = "root@primary" }
host "standby" {
  ssh     = "root@standby"
  follows = pair.home
  only = [
    "selinux_module:*", "selinux_boolean:*", "selinux_port:**", "selinux_fcontext:**",
    "file:/etc/selinux/**", "file:/etc/rio/nets.d{,/**}",
    "derived:*", "file:/etc/{crypto-policies,pki/ca-trust}/**", "alternative:*",
  ]
}
host "fresh" { ssh = "root@fresh" }
pair "home" {
  members         = [host.primary, host.fresh]
  initial_primary = host.primary
}
`

// localPolicy is what semanage and semodule say was customised on a host.
func (l *lab) localPolicy(host string) string {
	l.t.Helper()
	return l.exec(host, `semanage export | sort
semodule -lfull | grep -v '^100 .*[^d]$' | sort
checksum() { semodule -X "$1" -E "$2" && sha256sum "$2".*; rm -f "$2".*; }
cd /run && checksum 400 rio_album 2>/dev/null
true`)
}

// TestLabSELinux: the customisations of the primary's policy, and what its tools
// make of files, arrive on the standby, follow, and go again.
func TestLabSELinux(t *testing.T) {
	l := newProject(t, selinuxProject)
	l.reset("primary")
	l.reset("standby")
	l.exec("primary", `semanage import <<END
fcontext -a -t net_conf_t '/etc/rio/nets\.d(/.*)?'
module -d zebra
END
mkdir /etc/rio/nets.d && echo lan >/etc/rio/nets.d/lan && setfiles -F /etc/selinux/targeted/contexts/files/file_contexts /etc/rio/nets.d /etc/selinux/targeted`)
	// Its own in the store's files, which the policy is made of: so one build of it is spared.
	l.exec("standby", `mkdir -p /etc/rio && cd /var/lib/selinux/targeted/active
echo httpd_enable_homedirs=1 >booleans.local
echo 'portcon udp 8085 system_u:object_r:ntp_port_t:s0' >ports.local
echo '/opt/own system_u:object_r:var_t:s0' >file_contexts.local
ln -s /bin/true /usr/sbin/sendmail.postfix && alternatives --install /usr/sbin/sendmail mta /usr/sbin/sendmail.postfix 60
rm /etc/crypto-policies/back-ends/openssh.config && ln -s /nowhere /etc/crypto-policies/back-ends/openssh.config`)
	l.ok("snapshot", "primary")
	l.inStep("primary")
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")

	own := regexp.MustCompile(`httpd_enable_homedirs|8085|/opt/own`)
	withoutOwn := func() string {
		var b strings.Builder
		for line := range strings.Lines(l.localPolicy("standby")) {
			if !own.MatchString(line) {
				b.WriteString(line)
			}
		}
		return b.String()
	}
	want := l.localPolicy("primary")
	for _, word := range []string{"httpd_can_network_connect", "8081", "8090-8099", "/srv/photo/incoming", "fcontext -a -e /var/www /srv/www", "400 rio_album", "zebra", "rio_album.pp"} {
		if !strings.Contains(want, word) {
			t.Errorf("the primary has no %q: %s", word, want)
		}
	}
	if got := withoutOwn(); got != want {
		t.Errorf("the primary has\n%s\nthe standby\n%s", want, got)
	}
	l.ownPolicy(own)
	const labels = `matchpathcon -n /etc/rio/nets.d/lan /srv/photo/x /srv/www/html/x; getfattr -h --absolute-names --only-values -n security.selinux /etc/rio/nets.d/lan /etc/selinux/targeted/contexts/files/file_contexts.local /etc/selinux/targeted/seusers | tr '\0' '\n'`
	if p, s := l.exec("primary", labels), l.exec("standby", labels); p != s || !strings.Contains(s, "net_conf_t") {
		t.Errorf("labels on the primary: %s; on the standby: %s", p, s)
	}

	t.Run("what tools make of files", func(t *testing.T) {
		l := sub(l, t)
		const made = `update-crypto-policies --show; readlink /etc/crypto-policies/back-ends/*; grep -c -F "$(sed -n 2,3p /etc/pki/ca-trust/source/anchors/rio-home-ca.crt)" /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem; head -n 1 /var/lib/alternatives/mta; readlink /etc/alternatives/mta`
		p, s := l.exec("primary", made), l.exec("standby", made)
		if p != s || !strings.Contains(s, "LEGACY\n") || !strings.Contains(s, "\n2\nmanual\n") {
			t.Errorf("made on the primary: %s; on the standby: %s", p, s)
		}
		// The standby's tool refuses what the primary's has taken: all is put back.
		l.exec("primary", `echo NOWHERE >/etc/crypto-policies/config; printf 'NOWHERE\n' >/etc/crypto-policies/state/current`)
		l.ok("snapshot", "primary")
		if r := l.hikae("apply", "standby", "--yes"); r.code != exitRolledBack || !strings.Contains(r.errOut, "Unknown policy `NOWHERE`") {
			t.Errorf("exit %d: %s%s", r.code, tail(r.out), r.errOut)
		}
		if got := l.exec("standby", made); got != s {
			t.Errorf("after a rollback: %s", got)
		}
		l.exec("primary", `update-crypto-policies --set DEFAULT`)
	})
	t.Run("what is gone follows, and nothing else", func(t *testing.T) {
		l := sub(l, t)
		l.exec("primary", `semanage import <<END
boolean -D
boolean -m -0 httpd_enable_cgi
port -d -p tcp 8081
port -m -t http_port_t -p tcp 8090-8099
fcontext -d -f d /srv/photo/incoming
module -r rio_album -P 400
module -e zebra
END
alternatives --auto mta >/dev/null`)
		l.ok("snapshot", "primary")
		l.ok("apply", "standby", "--yes")
		l.inStep("standby")
		if want, got := l.localPolicy("primary"), withoutOwn(); got != want {
			t.Errorf("the primary has\n%s\nthe standby\n%s", want, got)
		}
		l.ownPolicy(own)
		if got := l.exec("standby", `head -n 1 /var/lib/alternatives/mta; update-crypto-policies --show`); got != "auto\nDEFAULT\n" {
			t.Errorf("on the standby: %s", got)
		}
	})
}

// ownPolicy wants the standby's own three customisations to be there still.
func (l *lab) ownPolicy(own *regexp.Regexp) {
	l.t.Helper()
	if policy := l.localPolicy("standby"); len(own.FindAllString(policy, -1)) != 3 {
		l.t.Errorf("the standby has lost what is its own: %s", policy)
	}
}
