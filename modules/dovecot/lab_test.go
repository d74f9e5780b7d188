package dovecot_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"hikae/engine"
	"hikae/modules/dovecot"
	"hikae/modules/lenstest"
)

// confGen writes configurations that dovecot takes, of values that it prints as
// they are written.
type confGen struct{ *rand.Rand }

func (g confGen) of(choices ...string) string { return choices[g.IntN(len(choices))] }

// setting is a line for the top.
func (g confGen) setting() string {
	return g.of("mail_debug = yes", "auth_verbose = Yes", "first_valid_uid = 7", "first_valid_uid = 8 # eight", "mail_plugins = quota", "mail_plugins = \"quota acl\"", "mail_plugins = acl \\\n  quota",
		"login_greeting = a b", "login_greeting = 'a # b'", "login_greeting = \"a \\\"b\\\"\"", "auth_mechanisms = plain login", "auth_cache_ttl = 30 mins", "auth_cache_ttl = 2 hours",
		"default_vsz_limit = 300 M", "listen = 127.0.0.1, ::1", "mail_max_userip_connections = 11", "# nothing", "", "protocols = imap", "auth_cache_size = 3 M")
}

// block is a block for the top.
func (g confGen) block() string {
	listener := "  unix_listener x" + g.of("1", "2") + " {\n    mode = " + g.of("0600", "0660") + "\n" + g.of("", "    user = root\n") + "  }\n"
	return g.of(
		"plugin {\n  quota = "+g.of("maildir", "\"a # b\"", "x \\\n y")+"\n}\n",
		"plugin {\n  sieve"+g.of("", "2")+" = ~/x\n}\n",
		"service imap {\n  process_limit = "+g.of("7", "9")+"\n}\n",
		"service auth {\n  user = root\n"+listener+"}\n",
		"protocol imap {\n  mail_max_userip_connections = "+g.of("20", "30")+"\n}\n",
		"local 192.0.2.0/24 {\n  login_greeting = "+g.of("x", "y")+"\n}\n",
		"passdb {\n  driver = pam\n"+g.of("", "  args = dovecot\n")+"}\n",
		"userdb {\n  driver = passwd\n}\n",
		"namespace inbox {\n  inbox = yes\n  mailbox "+g.of("Sent", "\"Sent Messages\"")+" {\n    special_use = \\Sent\n"+g.of("", "    auto = subscribe\n")+"  }\n}\n")
}

func (g confGen) file() string {
	var b strings.Builder
	for range g.IntN(5) {
		if g.IntN(2) == 0 {
			b.WriteString(g.block())
		} else {
			b.WriteString(g.setting() + "\n")
		}
	}
	return b.String()
}

// TestLabDoveconf: what the lens reads of files that include others is what
// doveconf prints of them, and what it writes dovecot takes.
func TestLabDoveconf(t *testing.T) {
	g := confGen{rand.New(rand.NewPCG(9, 10))}
	files, trees := map[string]string{}, map[string]lenstest.Tree{}
	for i := range 250 {
		tr := lenstest.Tree{
			"/etc/dovecot/dovecot.conf":  g.file() + g.of("!include conf.d/*.conf\n", "!include conf.d/{b,a}.conf\n") + "!include_try local.conf\n" + g.file(),
			"/etc/dovecot/conf.d/a.conf": g.file(),
			"/etc/dovecot/conf.d/b.conf": g.file(),
		}
		if g.IntN(2) == 0 {
			tr["/etc/dovecot/local.conf"] = g.file()
		}
		if g.IntN(2) == 0 {
			for _, e := range []engine.Edit{
				put(setting("", "mail_plugins"), strs("quota", "zlib")), put(setting("service imap", "process_limit"), num(12)),
				put(setting("plugin", "quota"), text("y # \"z\"")), put(setting("service auth / unix_listener x3", "mode"), text("0666")),
				put(setting("protocol pop3", "mail_max_userip_connections"), num(13)),
			} {
				tr = lenstest.PutGet(loose{t}, dovecot.Lens{}, tr, e)
			}
		}
		dir := fmt.Sprintf("%03d", i)
		trees[dir] = tr
		for p, src := range tr {
			files[dir+strings.TrimPrefix(p, "/etc/dovecot")] = src
		}
	}
	out := lenstest.Daemon(t, files, `for d in *; do echo "CASE $d"; doveconf -n -P -c $d/dovecot.conf 2>err | grep -av "^# "; grep -a Fatal err && echo FATAL; done; true`)
	for _, part := range strings.Split(out, "CASE ")[1:] {
		dir, printed, _ := strings.Cut(part, "\n")
		if strings.Contains(printed, "FATAL") {
			t.Errorf("dovecot refuses %q: %s", trees[dir], printed)
			continue
		}
		ours, _ := get(t, trees[dir])
		theirs, diags := get(t, lenstest.Tree{"/etc/dovecot/dovecot.conf": printed})
		if diags != "" {
			t.Errorf("what doveconf prints is not read: %s%s", diags, printed)
		}
		for a, r := range ours {
			if a.Kind != dovecot.SettingKind {
				continue
			}
			if th, ok := theirs[a]; !ok || !th.Value.GetAttr("value").RawEquals(r.Value.GetAttr("value")) {
				t.Errorf("%s: we read %#v, doveconf prints\n%s", a, r.Value.GetAttr("value"), printed)
			}
		}
		for a := range theirs {
			if _, ok := ours[a]; !ok && a.Kind == dovecot.SettingKind && a.Name != "location" && a.Name != "prefix" { // it prints these of every namespace
				t.Errorf("%s: we read nothing of what doveconf prints\n%s", a, printed)
			}
		}
	}
}
