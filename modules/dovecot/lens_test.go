package dovecot_test

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/modules/dovecot"
	"hikae/modules/lenstest"
)

const mainConf = `# The main file.
protocols = imap pop3 lmtp
listen = *, ::
#login_greeting = Dovecot ready.

dict {
  #quota = mysql:/etc/dovecot/dovecot-dict-sql.conf.ext
}

!include conf.d/*.conf
!include_try local.conf
`

const mailConf = `#   mail_location = mbox:~/mail
#mail_location =

namespace inbox {
  #hidden = no
  inbox = yes
  mailbox "Sent Messages" {
    special_use = \Sent
  }
}
first_valid_uid = 1000
mail_plugins = quota \
  acl # shared folders
`

const masterConf = `service imap-login {
  inet_listener imap {
    #port = 143
  }
  inet_listener imaps {
    port = 993
    ssl = yes
  }
  process_min_avail = 2
}
service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0660
  }
}
`

const authConf = `disable_plaintext_auth = no
auth_mechanisms = plain login
passdb {
  driver = pam
}
passdb {
  driver = static
  args = password=geheim
}
protocol imap {
  mail_plugins = $mail_plugins imap_quota
  !include imap.inc
}
plugin {
  quota = maildir:User quota
}
plugin {
  sieve = "~/.dovecot.sieve # not a comment"
}
ssl_cert = </etc/pki/dovecot/certs/dovecot.pem
ssl_key_password = geheim
`

func tree() lenstest.Tree {
	return lenstest.Tree{
		"/etc/dovecot/dovecot.conf":          mainConf,
		"/etc/dovecot/conf.d/10-auth.conf":   authConf,
		"/etc/dovecot/conf.d/10-mail.conf":   mailConf,
		"/etc/dovecot/conf.d/10-master.conf": masterConf,
		"/etc/dovecot/conf.d/imap.inc":       "imap_idle_notify_interval = 2 mins\n",
		"/etc/dovecot/conf.d/.hidden.conf":   "mail_debug = yes\n",
		"/etc/dovecot/local.conf":            "first_valid_uid = 500\n",
	}
}

func setting(in, name string) engine.Addr {
	return engine.Addr{Kind: dovecot.SettingKind, In: in, Name: name}
}

func block(in, name string) engine.Addr {
	return engine.Addr{Kind: dovecot.BlockKind, In: in, Name: name}
}

func strs(items ...string) cty.Value {
	if len(items) == 0 {
		return cty.ListValEmpty(cty.String)
	}
	var vs []cty.Value
	for _, i := range items {
		vs = append(vs, cty.StringVal(i))
	}
	return cty.ListVal(vs)
}

func get(t testing.TB, tr engine.Tree) (map[engine.Addr]engine.Resource, string) {
	t.Helper()
	rs, diags := dovecot.Lens{}.Get(tr)
	m := map[engine.Addr]engine.Resource{}
	for _, r := range rs {
		if _, twice := m[r.Addr]; twice {
			t.Errorf("%s is shown twice", r.Addr)
		}
		m[r.Addr] = r
	}
	return m, lenstest.Text(diags)
}

func TestGet(t *testing.T) {
	found, diags := get(t, tree())
	if diags != "" {
		t.Error(diags)
	}
	for addr, want := range map[engine.Addr]cty.Value{
		setting("", "protocols"):                                                        strs("imap", "pop3", "lmtp"),
		setting("", "listen"):                                                           strs("*", "::"),
		setting("", "first_valid_uid"):                                                  cty.NumberIntVal(500),
		setting("", "disable_plaintext_auth"):                                           cty.False,
		setting("", "mail_plugins"):                                                     strs("quota", "acl"),
		setting("", "ssl_cert"):                                                         cty.StringVal("</etc/pki/dovecot/certs/dovecot.pem"),
		setting("service imap-login", "process_min_avail"):                              cty.NumberIntVal(2),
		setting("service imap-login / inet_listener imaps", "ssl"):                      cty.True,
		setting("service auth / unix_listener /var/spool/postfix/private/auth", "mode"): cty.StringVal("0660"),
		setting("namespace inbox / mailbox Sent Messages", "special_use"):               cty.StringVal(`\Sent`),
		setting("passdb #1", "driver"):                                                  cty.StringVal("pam"),
		setting("passdb #2", "driver"):                                                  cty.StringVal("static"),
		setting("protocol imap", "mail_plugins"):                                        strs("$mail_plugins", "imap_quota"),
		setting("protocol imap", "imap_idle_notify_interval"):                           cty.StringVal("2 mins"),
		setting("plugin", "quota"):                                                      cty.StringVal("maildir:User quota"),
		setting("plugin", "sieve"):                                                      cty.StringVal("~/.dovecot.sieve # not a comment"),
	} {
		if r, ok := found[addr]; !ok || !r.Value.GetAttr("value").RawEquals(want) {
			t.Errorf("%s: %#v, want %#v", addr, r.Value, want)
		}
	}
	for _, addr := range []engine.Addr{block("", "passdb #2"), block("", "plugin"), block("service imap-login", "inet_listener imap"),
		block("namespace inbox", "mailbox Sent Messages"), block("", "dict"), block("", "protocol imap")} {
		if _, ok := found[addr]; !ok {
			t.Errorf("%s is not shown", addr)
		}
	}
	if r := found[setting("", "first_valid_uid")].Range; r.Filename != "/etc/dovecot/local.conf" || r.Start.Line != 1 {
		t.Errorf("first_valid_uid is shown at %v", r)
	}
	for addr, r := range found {
		if strings.Contains(r.Value.GoString(), "geheim") {
			t.Errorf("%s shows a secret", addr)
		}
	}
	var kept []string
	for _, r := range (dovecot.Lens{}).Verbatim(tree()) {
		kept = append(kept, strings.TrimPrefix(r.Filename, "/etc/dovecot/")+":"+string(rune('0'+r.Start.Line/10))+string(rune('0'+r.Start.Line%10)))
	}
	// The two secrets and the first_valid_uid that local.conf replaces.
	if got, want := strings.Join(kept, " "), "conf.d/10-auth.conf:08 conf.d/10-auth.conf:21 conf.d/10-mail.conf:11"; got != want {
		t.Errorf("kept verbatim: %s, want %s", got, want)
	}
}

func TestSecrets(t *testing.T) {
	conf := "dnpass = geheim\nconnect = host=db password=geheim\nuris = ldap://ann:geheim@x\nmysql a {\n  password = geheim\n}\nclient_secret = geheim\npass = yes\nargs = nopassword=y\nssl_key = </x\n"
	found, _ := get(t, lenstest.Tree{"/etc/dovecot/dovecot.conf": conf})
	for a, r := range found {
		if strings.Contains(r.Value.GoString(), "geheim") {
			t.Errorf("%s is shown", a)
		}
	}
	for _, a := range []engine.Addr{setting("", "pass"), setting("", "args"), setting("", "ssl_key")} {
		if _, ok := found[a]; !ok {
			t.Errorf("%s is not shown", a)
		}
	}
}

func TestIncludes(t *testing.T) {
	for name, c := range map[string]struct {
		tree  lenstest.Tree
		diags string // its beginning
	}{
		"nothing there": {lenstest.Tree{"/etc/hosts": ""}, ""},
		"missing": {lenstest.Tree{"/etc/dovecot/dovecot.conf": "\n!include a.conf\n", "/etc/hosts": ""},
			"/etc/dovecot/dovecot.conf:2: Nothing to include: No file is at /etc/dovecot/a.conf. dovecot does not start with it."},
		"missing, of a lone file": {lenstest.Tree{"/etc/dovecot/dovecot.conf": "!include a.conf\n"},
			"/etc/dovecot/dovecot.conf:1: Nothing to include: No file is at /etc/dovecot/a.conf.\n"},
		"missing and tried": {lenstest.Tree{"/etc/dovecot/dovecot.conf": "!include_try a.conf\n", "/etc/hosts": ""}, ""},
		"of itself": {lenstest.Tree{"/etc/dovecot/dovecot.conf": "!include d*.conf\n", "/etc/hosts": ""},
			"/etc/dovecot/dovecot.conf:1: Include of itself: /etc/dovecot/dovecot.conf is being read already. dovecot does not start"},
		"refused": {lenstest.Tree{"/etc/dovecot/dovecot.conf": "!include a/{b,c}\n", "/etc/dovecot/a/c": "\nx\n"},
			"/etc/dovecot/a/c:2: File cannot be read: neither a = nor a {. dovecot does not start with it."},
		"by a link": {lenstest.Tree{"/etc/dovecot/dovecot.conf": "!include a.conf\n", "/etc/dovecot/a.conf": lenstest.LinkTo + "/srv/x", "/srv/x": "mail_debug = yes"}, ""},
	} {
		_, diags := get(t, c.tree)
		if !strings.HasPrefix(diags, c.diags) || c.diags == "" && diags != "" {
			t.Errorf("%s: %q, want %q", name, diags, c.diags)
		}
	}
	// Four files that include each other twice at each level end.
	loop := lenstest.Tree{"/etc/hosts": ""}
	loop["/etc/dovecot/dovecot.conf"] = strings.Repeat("!include a1\n", 10)
	for i := range 9 {
		loop["/etc/dovecot/a"+string(rune('1'+i))] = strings.Repeat("!include_try a"+string(rune('2'+i))+"\n", 10) + "mail_debug = yes\n"
	}
	if _, diags := get(t, loop); !strings.Contains(diags, "Too many includes") {
		t.Errorf("includes without end: %q", diags)
	}
}

func TestTooMany(t *testing.T) {
	tr := tree()
	tr["/etc/dovecot/local.conf"] = "plugin {\n" + strings.Repeat("x", 1) + "\n"
	var b strings.Builder
	b.WriteString("plugin {\n")
	for i := range 1001 {
		b.WriteString("k" + strings.Repeat("x", i) + " = 1\n")
	}
	tr["/etc/dovecot/local.conf"] = b.String() + "}\n"
	found, diags := get(t, tr)
	if _, ok := found[setting("plugin", "k")]; ok || !strings.Contains(diags, "/etc/dovecot/local.conf has 1001 of the kind dovecot_setting") {
		t.Errorf("a thousand settings: %s", diags)
	}
	files, _, pd := dovecot.Lens{}.Put(tr, []engine.Edit{put(setting("plugin", "k"), cty.StringVal("2"))})
	if len(files) != 1 || !strings.HasPrefix(string(files[0].Bytes), "plugin {\nk = 2\n") {
		t.Errorf("an edit of one is not made: %s", lenstest.Text(pd))
	}
}

func put(a engine.Addr, v cty.Value) engine.Edit {
	return engine.Edit{Addr: a, Attrs: map[string]cty.Value{"value": v}}
}

func gone(a engine.Addr) engine.Edit { return engine.Edit{Addr: a, Absent: true} }

func TestPut(t *testing.T) {
	const conf = "/etc/dovecot/conf.d/"
	ownFile := conf + "99-hikae.conf"
	for name, c := range map[string]struct {
		edits     []engine.Edit
		file      string
		old, want string // the part that changes; old "": the whole file is want
	}{
		"a list":            {[]engine.Edit{put(setting("", "auth_mechanisms"), strs("plain"))}, conf + "10-auth.conf", "plain login", "plain"},
		"a list of commas":  {[]engine.Edit{put(setting("", "listen"), strs("192.0.2.1", "::1"))}, "/etc/dovecot/dovecot.conf", "*, ::", "192.0.2.1, ::1"},
		"a list over lines": {[]engine.Edit{put(setting("", "mail_plugins"), strs("quota"))}, conf + "10-mail.conf", "quota \\\n  acl # shared", "quota # shared"},
		"a flag":            {[]engine.Edit{put(setting("", "disable_plaintext_auth"), cty.True)}, conf + "10-auth.conf", "auth = no", "auth = yes"},
		"a number":          {[]engine.Edit{put(setting("service imap-login / inet_listener imaps", "port"), cty.NumberIntVal(1993))}, conf + "10-master.conf", "993", "1993"},
		"the last of two":   {[]engine.Edit{put(setting("", "first_valid_uid"), cty.NumberIntVal(1))}, "/etc/dovecot/local.conf", "500", "1"},
		"needs quotes":      {[]engine.Edit{put(setting("plugin", "quota"), cty.StringVal("a # b"))}, conf + "10-auth.conf", "maildir:User quota", `"a # b"`},
		"behind its example, in a block": {[]engine.Edit{put(setting("service imap-login / inet_listener imap", "port"), cty.NumberIntVal(0))}, conf + "10-master.conf",
			"    #port = 143\n", "    #port = 143\n    port = 0\n"},
		"behind its example": {[]engine.Edit{put(setting("", "mail_location"), cty.StringVal("maildir:~/Maildir"))}, conf + "10-mail.conf",
			"#mail_location =\n", "#mail_location =\nmail_location = maildir:~/Maildir\n"},
		"at the end of a block": {[]engine.Edit{put(setting("passdb #1", "args"), cty.StringVal("dovecot"))}, conf + "10-auth.conf", "  driver = pam\n", "  driver = pam\n  args = dovecot\n"},
		"without a place": {[]engine.Edit{put(setting("", "mail_debug"), cty.True), put(setting("protocol lmtp", "mail_plugins"), strs("$mail_plugins", "sieve")),
			put(setting("service managesieve-login / inet_listener sieve", "port"), cty.NumberIntVal(4190))}, ownFile, "",
			"mail_debug = yes\nprotocol lmtp {\n    mail_plugins = $mail_plugins sieve\n}\nservice managesieve-login {\n    inet_listener sieve {\n        port = 4190\n    }\n}\n"},
		"a block in a block": {[]engine.Edit{put(setting("service auth / unix_listener auth-userdb", "mode"), cty.StringVal("0600"))}, conf + "10-master.conf",
			"    mode = 0660\n  }\n", "    mode = 0660\n  }\n  unix_listener auth-userdb {\n    mode = 0600\n  }\n"},
		"a block that is counted": {[]engine.Edit{put(setting("passdb #3", "driver"), cty.StringVal("ldap"))}, ownFile, "", "passdb {\n    driver = ldap\n}\n"},
		"a quoted name":           {[]engine.Edit{{Addr: block("namespace inbox", "mailbox Junk Mail")}}, conf + "10-mail.conf", "Sent\n  }\n", "Sent\n  }\n  mailbox \"Junk Mail\" {\n  }\n"},
		"the default again":       {[]engine.Edit{put(setting("service imap-login / inet_listener imaps", "ssl"), cty.NullVal(cty.Bool))}, conf + "10-master.conf", "    ssl = yes\n", ""},
		"a block gone":            {[]engine.Edit{gone(block("service imap-login", "inet_listener imaps"))}, conf + "10-master.conf", "  inet_listener imaps {\n    port = 993\n    ssl = yes\n  }\n", ""},
		"the last block gone":     {[]engine.Edit{gone(block("", "passdb #2"))}, conf + "10-auth.conf", "passdb {\n  driver = static\n  args = password=geheim\n}\n", ""},
		"a file":                  {[]engine.Edit{put(setting("", "ssl_key_password"), cty.StringVal("</root/pw"))}, conf + "10-auth.conf", "password = geheim", "password = </root/pw"},
	} {
		tr := tree()
		after := lenstest.PutGet(loose{t}, dovecot.Lens{}, tr, c.edits...)
		want := c.want
		if c.old != "" {
			if strings.Count(tr[c.file], c.old) != 1 {
				t.Fatalf("%s: the case is wrong", name)
			}
			want = strings.Replace(tr[c.file], c.old, c.want, 1)
		}
		for f, text := range after {
			if f != c.file && text != tr[f] {
				t.Errorf("%s: %s changed", name, f)
			}
		}
		if after[c.file] != want {
			t.Errorf("%s: %s is\n%s\nwant\n%s", name, c.file, after[c.file], want)
		}
	}
}

// loose lets pass that a setting makes its block, and that a block takes its
// settings with it.
type loose struct{ *testing.T }

func (l loose) Errorf(format string, args ...any) {
	if len(args) == 1 && strings.HasSuffix(format, "is there after the edit") {
		if a, ok := args[0].(engine.Addr); ok && a.Kind == dovecot.BlockKind {
			return
		}
	}
	if len(args) == 1 && strings.HasSuffix(format, "is not there after the edit") {
		return
	}
	l.Helper()
	l.T.Errorf(format, args...)
}

// A list of a project is a tuple to the language, and some types pass for others.
func TestConform(t *testing.T) {
	for name, c := range map[string]struct {
		edit engine.Edit
		want string
	}{
		"a tuple":             {put(setting("", "auth_mechanisms"), cty.TupleVal([]cty.Value{text("plain"), text("scram-sha-256")})), "auth_mechanisms = plain scram-sha-256\n"},
		"a text for a list":   {put(setting("", "auth_mechanisms"), text("plain external")), "auth_mechanisms = plain external\n"},
		"a text for a flag":   {put(setting("", "mail_debug"), text("yes")), "mail_debug = yes\n"},
		"a flag for a text":   {put(setting("", "ssl"), cty.True), "ssl = yes\n"},
		"a text for a number": {put(setting("", "last_valid_uid"), text("7")), "last_valid_uid = 7\n"},
		"a number for a text": {put(setting("plugin", "x"), num(7)), "  x = 7\n"},
		"a number for a time": {put(setting("", "auth_cache_ttl"), num(0)), "auth_cache_ttl = 0\n"},
	} {
		files, _, diags := dovecot.Lens{}.Put(tree(), []engine.Edit{c.edit})
		if len(files) != 1 || !strings.Contains(string(files[0].Bytes), c.want) {
			t.Errorf("%s: %v %s", name, files, lenstest.Text(diags))
		}
	}
}

// The lens's own file goes with the last that stands in it.
func TestOwnFile(t *testing.T) {
	tr := tree()
	tr["/etc/dovecot/conf.d/99-hikae.conf"] = "mail_debug = yes\n"
	after := lenstest.PutGet(t, dovecot.Lens{}, tr, gone(setting("", "mail_debug")))
	if _, ok := after["/etc/dovecot/conf.d/99-hikae.conf"]; ok {
		t.Error("the empty file stays")
	}
	bare := lenstest.Tree{"/etc/dovecot/dovecot.conf": "listen = * \\\n"}
	after = lenstest.PutGet(t, dovecot.Lens{}, bare, put(setting("", "mail_debug"), cty.True))
	if got, want := after["/etc/dovecot/dovecot.conf"], "listen = * \\\n\nmail_debug = yes\n"; got != want {
		t.Errorf("without conf.d: %q, want %q", got, want)
	}
	none := lenstest.Tree{"/etc/hosts": ""}
	after = lenstest.PutGet(t, dovecot.Lens{}, none, put(setting("", "mail_debug"), cty.True))
	if got := after["/etc/dovecot/dovecot.conf"]; got != "mail_debug = yes\n" {
		t.Errorf("without a file: %q", got)
	}
}

func TestPutRefused(t *testing.T) {
	for name, c := range map[string]struct {
		edit engine.Edit
		want string
	}{
		"a word for a flag":    {put(setting("", "mail_debug"), cty.StringVal("maybe")), "mail_debug: it is true or false."},
		"a fraction":           {put(setting("", "first_valid_uid"), cty.NumberFloatVal(1.5)), "it is a whole number of 32 bits"},
		"a time":               {put(setting("", "auth_cache_ttl"), cty.StringVal("1 moon")), "it is a number with its unit"},
		"a time without unit":  {put(setting("", "auth_cache_ttl"), cty.NumberIntVal(30)), "it is a number with its unit"},
		"a size":               {put(setting("", "default_vsz_limit"), cty.StringVal("1 X")), "it is a number, with or without a unit"},
		"a mode":               {put(setting("service a / unix_listener b", "mode"), cty.StringVal("0989")), "it is a mode in octal"},
		"two lines":            {put(setting("plugin", "quota"), cty.StringVal("a\nb")), "it is one line"},
		"a blank in a list":    {put(setting("", "mail_plugins"), strs("a b")), "no member of a list"},
		"null in a list":       {put(setting("", "mail_plugins"), cty.ListVal([]cty.Value{cty.NullVal(cty.String)})), "it is a list of texts"},
		"a secret":             {put(setting("", "ssl_key_password"), cty.StringVal("neu")), "dovecot takes it for a secret"},
		"a secret in a text":   {put(setting("passdb #1", "args"), cty.StringVal("x pass=y")), "dovecot takes it for a secret"},
		"no value":             {engine.Edit{Addr: setting("", "mail_debug")}, "say its value"},
		"a name":               {put(setting("", "a b"), cty.StringVal("x")), "cannot be one"},
		"a path":               {put(setting("service", "a"), cty.StringVal("x")), ""},
		"a block":              {put(setting("a{b", "a"), cty.StringVal("x")), "is not a block's type and name"},
		"a block out of turn":  {put(setting("passdb #5", "driver"), cty.StringVal("x")), `the next new one is "passdb #3"`},
		"a block not the last": {gone(block("", "passdb #1")), "remove them from the last one on"},
	} {
		files, _, diags := dovecot.Lens{}.Put(tree(), []engine.Edit{c.edit})
		if c.want == "" {
			continue
		}
		if text := lenstest.Text(diags); !strings.Contains(text, c.want) || len(files) > 0 {
			t.Errorf("%s: %q, want %q", name, text, c.want)
		}
	}
}

// sealed is a tree of which one file is a secret.
type sealed struct {
	lenstest.Tree
	path string
}

func (s sealed) ReadFile(p string) ([]byte, error) {
	if p == s.path {
		return nil, fs.ErrPermission
	}
	return s.Tree.ReadFile(p)
}

// What cannot be read here is passed over, and never written over.
func TestSecretFile(t *testing.T) {
	tr := sealed{tree(), "/etc/dovecot/conf.d/10-auth.conf"}
	found, diags := get(t, tr)
	if _, ok := found[setting("", "listen")]; !ok || !strings.HasPrefix(diags, "/etc/dovecot/dovecot.conf:10: File is not looked at: /etc/dovecot/conf.d/10-auth.conf is kept from this view") {
		t.Errorf("diagnostics: %s", diags)
	}
	tr = sealed{tree(), "/etc/dovecot/dovecot.conf"}
	files, _, pd := dovecot.Lens{}.Put(tr, []engine.Edit{put(setting("", "mail_debug"), cty.True)})
	if len(files) > 0 || !strings.Contains(lenstest.Text(pd), "/etc/dovecot/dovecot.conf is there and cannot be read") {
		t.Errorf("a main file that is a secret: %d files, %s", len(files), lenstest.Text(pd))
	}
}

func num(n int64) cty.Value { return cty.NumberIntVal(n) }

func text(s string) cty.Value { return cty.StringVal(s) }
