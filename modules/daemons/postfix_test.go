package daemons

import (
	"context"
	"slices"
	"testing"

	"hikae/hosts"
	"hikae/hosts/hosttest"
)

// Derived maps are made where their source changed or they are missing, and
// only there.
func TestPostfixMaps(t *testing.T) {
	h := hosttest.New(t)
	h.Mkdir("/usr/sbin")
	h.Mkdir("/etc/postfix")
	h.Write("/usr/sbin/postmap", "")
	h.Write("/etc/aliases", "root: taro\n")
	h.Write("/etc/postfix/main.cf", `# hash:/etc/postfix/not-this
alias_maps = hash:/etc/aliases,
# and a program's
    hash:/etc/mail/more
tables = ${default_database_type}:$config_directory
virtual_alias_maps = ${tables}/virtual, pcre:/etc/postfix/x.pcre
smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd
transport_maps = hash:/etc/postfix/absent
`)
	h.Mkdir("/etc/mail")
	h.Write("/etc/mail/more", "list: taro\n")
	h.Write("/etc/postfix/relay", "x y\n")
	h.Write("/etc/postfix/text", "x y\n")
	h.Write("/etc/postfix/master.cf", "smtp inet n - n - - smtpd\n  -o { transport_maps = texthash:/etc/postfix/text,\n    lmdb:/etc/postfix/relay }\n")
	for _, f := range []string{"virtual", "sasl_passwd", "virtual.db", "sasl_passwd.db"} {
		h.Write("/etc/postfix/"+f, "x")
	}
	var ran []string
	h.OnRun(func(_ context.Context, c hosts.Cmd) (hosts.Result, error) {
		ran = append(ran, c.Argv[0]+" "+c.Argv[1])
		return hosts.Result{}, nil
	})
	if err := postfixMaps(t.Context(), h, []string{"/etc/postfix/virtual"}); err != nil {
		t.Fatal(err)
	}
	want := []string{"/usr/sbin/postalias /etc/aliases", "/usr/sbin/postalias /etc/mail/more", "/usr/sbin/postmap /etc/postfix/relay", "/usr/sbin/postmap /etc/postfix/virtual"}
	if !slices.Equal(ran, want) {
		t.Errorf("ran %q, want %q", ran, want)
	}
}
