package postfix

import (
	"os"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lang"
	"hikae/modules/internal/lensput"
	"hikae/modules/lenstest"
)

const mainCF = `# main.cf
compatibility_level = 2
myhostname = mail.example.com
mydestination = $myhostname, localhost.$mydomain,
	localhost
# said twice
smtpd_banner = old
smtpd_banner = $myhostname ESMTP
smtpd_recipient_restrictions =
    permit_mynetworks,
    # our own list
    check_client_access hash:$config_directory/access,
    warn_if_reject reject_rbl_client  bl.example,
    reject
smtpd_tls_auth_only = Yes
biff = $soft
message_size_limit = 52428800
max_idle = 100s
mynetworks =
tables = hash:/etc/postfix
virtual_alias_maps = ${tables}/virtual, pcre:/etc/postfix/v.pcre
smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd
alias_maps = hash:/etc/aliases, hash:/etc/mail/more
header_checks = regexp:/etc/postfix/header_checks
`

const masterCF = `# service type private unpriv chroot wakeup maxproc command
smtp      inet  n       -       n       -       -       smtpd
#  -o no=thing
submission inet n       -       n       -       10      smtpd
  -o syslog_name=postfix/submission
  # in between
  -o { smtpd_client_restrictions = permit_mynetworks,
       reject }
  -otransport_maps=hash:/etc/postfix/transport -v
pickup    unix  n       -       n       60?     1       pickup
maildrop  unix  -       n       n       -       -       pipe
  flags=DRXhu user=vmail argv=/usr/bin/maildrop -d ${recipient} {a b}
`

func tree() lenstest.Tree {
	return lenstest.Tree{
		mainPath: mainCF, masterPath: masterCF,
		"/etc/postfix/access":      "# who may\n192.0.2.1   OK\n192.0.2.0/24\n10   REJECT no\n  more\n10 OK\n",
		"/etc/postfix/virtual":     "info@example.com\tann, bob\n\"j d\"@example.com\tjd\n",
		"/etc/postfix/sasl_passwd": "relay.example ann:hunter2\n",
		aliasesPath:                "postmaster: root\n# people\nroot:  ann,\n   \"|prog a,b\" , :include:/etc/list\nRoot: nobody\n",
		"/etc/mail/more":           "list: taro\n",
	}
}

func edit(kind, in, name string, attrs map[string]cty.Value) engine.Edit {
	return engine.Edit{Addr: engine.Addr{Kind: kind, In: in, Name: name}, Attrs: attrs}
}

func set(kind, in, name string, v cty.Value) engine.Edit {
	return edit(kind, in, name, map[string]cty.Value{attrValue: v})
}

func param(name string, v cty.Value) engine.Edit { return set(KindParameter, "", name, v) }

func absent(kind, in, name string) engine.Edit {
	e := edit(kind, in, name, nil)
	e.Absent = true
	return e
}

func strs(texts ...string) cty.Value { return lensput.Strings(texts) }

func TestGet(t *testing.T) {
	tr := tree()
	rs, diags := Lens{}.Get(tr)
	got := string(lang.EncodeView(rs, Lens{}.Kinds()))
	if want, err := os.ReadFile("testdata/view.hcl"); err != nil || got != string(want) {
		t.Errorf("%v, got:\n%s", err, got)
	}
	if strings.Contains(got, "hunter2") {
		t.Error("a password is shown")
	}
	if w := lenstest.Text(diags); w != "/etc/postfix/master.cf:4: Table is missing: /etc/postfix/transport is named here and is not there: Postfix puts off mail for which it would look there.\n" {
		t.Errorf("diagnostics: %s", w)
	}
	var kept []string
	for _, r := range (Lens{}).Verbatim(tr) {
		kept = append(kept, r.Filename[strings.LastIndex(r.Filename, "/")+1:]+":"+string(rune('0'+r.Start.Line%10)))
	}
	if want := "main.cf:7 access:3 access:6 aliases:5"; strings.Join(kept, " ") != want {
		t.Errorf("verbatim: %s", kept)
	}
}

func TestPut(t *testing.T) {
	tr := tree()
	after := lenstest.PutGet(t, Lens{}, tr,
		param("myhostname", cty.StringVal("mx.example.com")),
		param("mydestination", strs("$myhostname", "example.net", "localhost")),
		param("smtpd_banner", cty.StringVal("$myhostname")),
		param("smtpd_recipient_restrictions", strs("permit_mynetworks", "reject_unauth_destination", "check_client_access hash:$config_directory/access", "reject")),
		param("smtpd_tls_auth_only", cty.False),
		param("biff", cty.True),
		param("message_size_limit", cty.NumberIntVal(1)),
		param("max_idle", cty.StringVal("$other")),
		param("mynetworks", strs("127.0.0.0/8", "[::1]/128")),
		absent(KindParameter, "", "header_checks"),
		param("smtpd_helo_required", cty.True),
		param("own_thing", cty.StringVal("a, b")),
		param("relay_domains", strs()),
		edit(KindService, "", "submission/inet", map[string]cty.Value{
			"process_limit": cty.NullVal(cty.Number), "chroot": cty.True,
			"options": cty.MapVal(map[string]cty.Value{"syslog_name": cty.StringVal("x"), "transport_maps": cty.StringVal("texthash:/etc/postfix/new, x:y"), "new": cty.StringVal("")}),
			"args":    strs("-v", "-D"),
		}),
		edit(KindService, "", "maildrop/unix", map[string]cty.Value{"args": strs("flags=DRXhu", "argv=/usr/bin/maildrop", "x y"), "options": cty.MapVal(map[string]cty.Value{"a": cty.StringVal("b c")})}),
		edit(KindService, "", "2525/inet", map[string]cty.Value{"private": cty.False, "command": cty.StringVal("smtpd"), "options": cty.MapVal(map[string]cty.Value{"a": cty.StringVal("b")}), "args": strs("-v")}),
		absent(KindService, "", "pickup/unix"),
		set(KindMap, "/etc/postfix/access", "10", cty.StringVal("OK")),
		set(KindMap, "/etc/postfix/access", "192.0.2.9", cty.StringVal("REJECT go away")),
		absent(KindMap, "/etc/postfix/virtual", "info@example.com"),
		set(KindMap, "/etc/postfix/new", "example.org", cty.StringVal("smtp:[relay]")),
		set(KindAlias, "", "root", strs("taro", `"|prog a,b"`, ":include:/etc/list")),
		set(KindAlias, "", "postmaster", strs("root", "ann")),
		set(KindAlias, "/etc/mail/more", "staff", strs("list")),
	)
	lines := func(s string) []string { return strings.SplitAfter(s, "\n") }
	for p, want := range map[string]string{
		mainPath: strings.NewReplacer("mail.example.com", "mx.example.com", "localhost.$mydomain", "example.net", "$myhostname ESMTP", "$myhostname",
			"permit_mynetworks,\n", "permit_mynetworks,\n    reject_unauth_destination,\n", "    warn_if_reject reject_rbl_client  bl.example,\n", "", "= Yes", "= no",
			"biff = $soft", "biff = yes", "52428800", "1", "100s", "$other", "mynetworks =\n", "mynetworks = 127.0.0.0/8, [::1]/128\n",
			"header_checks = regexp:/etc/postfix/header_checks\n", "").Replace(mainCF) + "own_thing = a, b\nrelay_domains =\nsmtpd_helo_required = yes\n",
		masterPath: strings.NewReplacer("submission inet n       -       n       -       10", "submission inet n       -       y       -       -", "postfix/submission", "x",
			"  -o { smtpd_client_restrictions = permit_mynetworks,\n       reject }\n", "", "-otransport_maps=hash:/etc/postfix/transport -v", "-o { transport_maps = texthash:/etc/postfix/new, x:y }\n  -o new= -v -D",
			"pickup    unix  n       -       n       60?     1       pickup\n", "", "pipe\n", "pipe\n  -o { a = b c }\n", " user=vmail", "", " -d ${recipient} {a b}", " { x y }").Replace(masterCF) +
			"2525      inet  n       -       -       -       -       smtpd\n  -o a=b\n  -v\n",
		"/etc/postfix/access":  "# who may\n192.0.2.1   OK\n192.0.2.0/24\n10   OK\n10 OK\n192.0.2.9   REJECT go away\n",
		"/etc/postfix/virtual": lines(tr["/etc/postfix/virtual"])[1],
		"/etc/postfix/new":     "example.org\tsmtp:[relay]\n",
		aliasesPath:            "postmaster: root, ann\n# people\nroot:  taro,\n   \"|prog a,b\" , :include:/etc/list\nRoot: nobody\n",
		"/etc/mail/more":       "list: taro\nstaff: list\n",
	} {
		if after[p] != want {
			t.Errorf("%s:\n%s\nwant:\n%s", p, after[p], want)
		}
	}
	lenstest.GetPut(t, Lens{}, tr)
	lenstest.PutGot(t, Lens{}, tr)
}
