package httpd_test

import (
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"

	"hikae/engine"
	"hikae/modules/httpd"
	"hikae/modules/lenstest"
)

func object(pairs ...string) cty.Value {
	m := map[string]cty.Value{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = cty.StringVal(pairs[i+1])
	}
	return cty.ObjectVal(m)
}

func proxy(path, url string, options ...string) cty.Value {
	o := cty.NullVal(cty.List(cty.String))
	if len(options) > 0 {
		o = list(options...)
	}
	return cty.ObjectVal(map[string]cty.Value{"path": cty.StringVal(path), "url": cty.StringVal(url), "match": cty.NullVal(cty.Bool), "options": o})
}

func rule(text string, conditions ...string) cty.Value {
	c := cty.NullVal(cty.List(cty.String))
	if len(conditions) > 0 {
		c = list(conditions...)
	}
	return cty.ObjectVal(map[string]cty.Value{"rule": cty.StringVal(text), "conditions": c})
}

func vals(v ...cty.Value) cty.Value { return cty.ListVal(v) }

// Each edit of the shop changes the lines that it is about and no other byte.
func TestPut(t *testing.T) {
	for name, c := range map[string]struct {
		attrs map[string]cty.Value
		want  []string // lines that go, with "-", and that come, with "+"
	}{
		"nothing": {map[string]cty.Value{"tls": cty.True}, nil},
		"an address": {map[string]cty.Value{"listen": list("198.51.100.1:443", "[2001:db8::1]:443")}, []string{
			"-<VirtualHost 192.0.2.1:443 [2001:db8::1]:443>  # both", "+<VirtualHost 198.51.100.1:443 [2001:db8::1]:443>  # both"}},
		"one address less": {map[string]cty.Value{"listen": list("192.0.2.1:443")}, []string{
			"-<VirtualHost 192.0.2.1:443 [2001:db8::1]:443>  # both", "+<VirtualHost 192.0.2.1:443>  # both"}},
		"a word, in its quotes": {map[string]cty.Value{"document_root": cty.StringVal("/srv/new")}, []string{
			"-\tDocumentRoot \"/srv/www/shop\"", "+\tDocumentRoot \"/srv/new\""}},
		"a word in a condition": {map[string]cty.Value{"error_log": cty.StringVal("logs/a b")}, []string{
			"-\t\tErrorLog logs/shop_error_log", "+\t\tErrorLog \"logs/a b\""}},
		"a flag, in its letters": {map[string]cty.Value{"tls": cty.False}, []string{"-\tSSLEngine On", "+\tSSLEngine Off"}},
		"a setting less":         {map[string]cty.Value{"key": cty.NullVal(cty.String)}, []string{"-\tSSLCertificateKeyFile /etc/pki/tls/private/shop.key"}},
		"a setting more":         {map[string]cty.Value{"chain": cty.StringVal("/c.pem")}, []string{"+\tSSLCertificateChainFile /c.pem"}},
		"an alias more": {map[string]cty.Value{"aliases": list("store.example.org", "*.shop.example.org", "new.example.org")}, []string{
			"-\t            \"*.shop.example.org\"", "+\t            \"*.shop.example.org\" new.example.org"}},
		"an alias first": {map[string]cty.Value{"aliases": list("a", "store.example.org", "*.shop.example.org")}, []string{
			"-\tServerAlias store.example.org \\", "+\tServerAlias a store.example.org \\"}},
		"an alias less": {map[string]cty.Value{"aliases": list("store.example.org")}, []string{
			"-\tServerAlias store.example.org \\", "-\t            \"*.shop.example.org\"", "+\tServerAlias store.example.org"}},
		"no aliases": {map[string]cty.Value{"aliases": cty.NullVal(cty.List(cty.String))}, []string{
			"-\tServerAlias store.example.org \\", "-\t            \"*.shop.example.org\""}},
		"a proxy's option": {map[string]cty.Value{"proxies": vals(proxy("/static", "!"), proxy("/", "http://127.0.0.1:8080/", "retry=5", "nocanon", "timeout=9"))}, []string{
			"-\tProxyPass / http://127.0.0.1:8080/ retry=0 nocanon", "+\tProxyPass / http://127.0.0.1:8080/ retry=5 nocanon timeout=9"}},
		"a proxy between": {map[string]cty.Value{"proxies": vals(proxy("/static", "!"), proxy("/x", "http://x/"), proxy("/", "http://127.0.0.1:8080/", "retry=0", "nocanon"))}, []string{
			"+\tProxyPass /x http://x/"}},
		"a proxy less": {map[string]cty.Value{"proxies": vals(proxy("/", "http://127.0.0.1:8080/", "retry=0", "nocanon"))}, []string{"-\tProxyPass /static !"}},
		"a handler":    {map[string]cty.Value{"php_handler": cty.StringVal("proxy:unix:/b|fcgi://localhost")}, []string{"-\t\tSetHandler \"proxy:unix:/run/php-fpm/shop.sock|fcgi://localhost\"", "+\t\tSetHandler \"proxy:unix:/b|fcgi://localhost\""}},
		"no handler":   {map[string]cty.Value{"php_handler": cty.NullVal(cty.String)}, []string{"-\t\tSetHandler \"proxy:unix:/run/php-fpm/shop.sock|fcgi://localhost\""}},
		"a condition more": {map[string]cty.Value{"rewrite_rules": vals(
			rule(`^/index\.cgi$ /%1.html? [R=302,L]`, "%{QUERY_STRING} ^page=([a-z]+)$", "%{HTTPS} !=on [OR]"), rule(`^/a\ b$ "/a b" [L]`, "%{HTTPS} on"))}, []string{
			"+\tRewriteCond %{HTTPS} on"}},
		"a rule's flags": {map[string]cty.Value{"rewrite_rules": vals(
			rule(`^/index\.cgi$ /%1.html? [R=302,L]`, "%{QUERY_STRING} ^page=([a-z]+)$", "%{HTTPS} !=on [OR]"), rule(`^/a\ b$ "/a b" [R,L]`))}, []string{
			"-\tRewriteRule ^/a\\ b$ \"/a b\" [L]", "+\tRewriteRule ^/a\\ b$ \"/a b\" [R,L]"}},
	} {
		t.Run(name, func(t *testing.T) {
			tree := host(map[string]string{"shop.conf": shop})
			after := lenstest.PutGet(t, httpd.Lens{}, tree, edit("shop.example.org:443", c.attrs))
			if got, want := strings.Join(changes(shop, after["/etc/httpd/conf.d/shop.conf"]), "\n"), strings.Join(c.want, "\n"); got != want {
				t.Errorf("changed are\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// changes are the lines of a text that go and those that come, where they come
// in one place.
func changes(before, after string) []string {
	a, b := strings.Split(before, "\n"), strings.Split(after, "\n")
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	var lines []string
	for _, l := range a {
		lines = append(lines, "-"+l)
	}
	for _, l := range b {
		lines = append(lines, "+"+l)
	}
	return lines
}

func TestCreate(t *testing.T) {
	site := edit("new.example.org:80", map[string]cty.Value{
		"listen": list("*:80"), "aliases": list("n.example.org"), "document_root": cty.StringVal("/srv/a b"),
		"php_handler": cty.StringVal("proxy:unix:/run/php-fpm/www.sock|fcgi://localhost"),
		"proxies":     vals(proxy("/a", "http://a/", "retry=0")), "rewrite_rules": vals(rule("^ /x [L]", "%{HTTPS} off")),
	})
	want := `<VirtualHost *:80>
    ServerName new.example.org
    ServerAlias n.example.org
    DocumentRoot "/srv/a b"
    ProxyPass /a http://a/ retry=0
    <FilesMatch \.(php|phar)$>
        SetHandler "proxy:unix:/run/php-fpm/www.sock|fcgi://localhost"
    </FilesMatch>
    RewriteCond %{HTTPS} off
    RewriteRule ^ /x [L]
</VirtualHost>
`
	after := lenstest.PutGet(t, httpd.Lens{}, host(nil), site)
	if got := after["/etc/httpd/conf.d/new.example.org.conf"]; got != want {
		t.Errorf("written is\n%s", got)
	}
	// Its file goes with it.
	gone := lenstest.PutGet(t, httpd.Lens{}, after, engine.Edit{Addr: site.Addr, Absent: true})
	if _, there := gone["/etc/httpd/conf.d/new.example.org.conf"]; there {
		t.Error("the file is left")
	}
	// Another port of the name has a file of its own; one that is named is added to.
	tls := edit("new.example.org:443", map[string]cty.Value{"listen": list("*:443")})
	beside := edit("other:80", map[string]cty.Value{"listen": list("*:80"), "file": cty.StringVal("/etc/httpd/conf.d/new.example.org.conf")})
	both := lenstest.PutGet(t, httpd.Lens{}, after, tls, beside)
	if both["/etc/httpd/conf.d/new.example.org-443.conf"] == "" || both["/etc/httpd/conf.d/new.example.org.conf"] != want+"<VirtualHost *:80>\n    ServerName other\n</VirtualHost>\n" {
		t.Errorf("written are %v", both)
	}
	_, _, diags := httpd.Lens{}.Put(host(nil), []engine.Edit{edit("a:8081", map[string]cty.Value{"listen": cty.NullVal(cty.List(cty.String))})})
	if !strings.Contains(lenstest.Text(diags), "Nothing listens there") || diags.HasErrors() {
		t.Errorf("a port that nobody listens on is told as %q", lenstest.Text(diags))
	}
	for name, first := range map[string]bool{"a.example:80": true, "z.example:80": false} {
		_, _, diags := httpd.Lens{}.Put(after, []engine.Edit{edit(name, map[string]cty.Value{"listen": list("*:80")})})
		if got := strings.Contains(lenstest.Text(diags), "answers for all names"); got != first {
			t.Errorf("%s is told as %q", name, lenstest.Text(diags))
		}
	}
}

func TestRefused(t *testing.T) {
	included := "<VirtualHost *:80>\nServerName i\nInclude conf.d/tls.inc\n</VirtualHost>\n<VirtualHost *:80>\nServerName i\n</VirtualHost>\n" +
		"<Macro V $n>\n<VirtualHost *:80>\nServerName $n\n</VirtualHost>\n</Macro>\nUse V m\n<VirtualHost *:443>\nServerName two\nSSLCertificateFile a\nSSLCertificateFile b\n</VirtualHost>\nListen 443\n"
	tree := host(map[string]string{"i.conf": included, "tls.inc": "SSLEngine on\nServerAlias x\nProxyPass /a http://a/\n"})
	absent := func(name string) engine.Edit {
		return engine.Edit{Addr: engine.Addr{Kind: httpd.Kind, Name: name}, Absent: true}
	}
	for want, e := range map[string]engine.Edit{
		"is called \"i:81\"":            edit("i:80", map[string]cty.Value{"listen": list("*:81")}),
		"needs an address":              edit("i:80", map[string]cty.Value{"listen": cty.NullVal(cty.List(cty.String))}),
		"is no address":                 edit("i:80", map[string]cty.Value{"listen": list("*:80>")}),
		"to move it, move its block":    edit("i:80", map[string]cty.Value{"file": cty.StringVal("/etc/httpd/conf.d/j.conf")}),
		"SSLEngine of \"i:80\" is said": edit("i:80", map[string]cty.Value{"tls": cty.NullVal(cty.Bool)}),
		"ServerAlias of \"i:80\" is":    edit("i:80", map[string]cty.Value{"aliases": list("y")}),
		"ProxyPass of \"i:80\" is":      edit("i:80", map[string]cty.Value{"proxies": vals(proxy("/b", "http://b/"))}),
		"has no '\\n'":                  edit("i:80", map[string]cty.Value{"document_root": cty.StringVal("a\nb")}),
		"secret of a proxy":             edit("i:80", map[string]cty.Value{"proxies": vals(proxy("/a", "http://a/"), proxy("/b", "http://u:p@b/"))}),
		"may follow RewriteRule":        edit("i:80", map[string]cty.Value{"rewrite_rules": vals(rule("one"))}),
		"is no status":                  edit("i:80", map[string]cty.Value{"redirects": vals(cty.ObjectVal(map[string]cty.Value{"from": cty.StringVal("/"), "to": cty.StringVal("/"), "status": cty.StringVal("x"), "match": cty.False}))}),
		"begins with proxy:":            edit("i:80", map[string]cty.Value{"php_handler": cty.StringVal("x")}),
		"made by a macro at":            edit("m:80", map[string]cty.Value{"tls": cty.True}),
		"is written 2 times":            edit("two:443", map[string]cty.Value{"certificate": cty.StringVal("c")}),
		"remove the last first":         absent("i:80"),
		"is no name of a new":           edit("a b:80", map[string]cty.Value{"listen": list("*:80")}),
		"it is SERVERNAME:PORT":         edit("a", map[string]cty.Value{"listen": list("*:80")}),
		"httpd would not read":          edit("a:80", map[string]cty.Value{"listen": list("*:80"), "file": cty.StringVal("/etc/a.conf")}),
		"httpd does not read it":        edit("a:80", map[string]cty.Value{"listen": list("*:80"), "file": cty.StringVal("/etc/httpd/conf.d/README")}),
		"is called \"a:81\"":            edit("a:80", map[string]cty.Value{"listen": list("*:81")}),
	} {
		files, _, diags := httpd.Lens{}.Put(tree, []engine.Edit{e})
		if text := lenstest.Text(diags); !diags.HasErrors() || !strings.Contains(text, want) || len(files) > 0 {
			t.Errorf("%v is answered by %q, want %q", e, text, want)
		}
	}
	if _, _, diags := (httpd.Lens{}).Put(lenstest.Tree{}, []engine.Edit{edit("a:80", nil)}); !strings.Contains(lenstest.Text(diags), "httpd is not installed") {
		t.Errorf("without httpd: %q", lenstest.Text(diags))
	}
	both := lenstest.PutGet(t, httpd.Lens{}, tree, absent("i:80"), absent("i:80#2"))
	if strings.Contains(both["/etc/httpd/conf.d/i.conf"], "ServerName i") {
		t.Error("two of one name are not removed")
	}
	// What is included is said again behind it.
	after := lenstest.PutGet(t, httpd.Lens{}, tree, edit("i:80", map[string]cty.Value{"tls": cty.False}))
	if !strings.Contains(after["/etc/httpd/conf.d/i.conf"], "Include conf.d/tls.inc\nSSLEngine off\n</VirtualHost>") {
		t.Errorf("written is %q", after["/etc/httpd/conf.d/i.conf"])
	}
}

// genValue makes a value that Get might show.
func genValue(t *rapid.T, attr string) cty.Value {
	word := rapid.StringOfN(rapid.SampledFrom([]rune(`ab/\"' .$%#é`)), 1, 6, -1).Filter(func(s string) bool { return strings.TrimSpace(s) != "" })
	draw := func(name string) string { return word.Draw(t, name) }
	n := rapid.IntRange(0, 3).Draw(t, "n")
	many := func(of cty.Type, make func() cty.Value) cty.Value {
		if n == 0 {
			return cty.NullVal(cty.List(of))
		}
		all := []cty.Value{}
		for range n {
			all = append(all, make())
		}
		return cty.ListVal(all)
	}
	elem := func() cty.Type {
		for _, a := range (httpd.Lens{}).Kinds()[0].Attrs {
			if a.Name == attr {
				return a.Type.ElementType()
			}
		}
		return cty.String
	}
	opt := func(s string) cty.Value {
		if n == 1 {
			return cty.NullVal(cty.String)
		}
		return cty.StringVal(s)
	}
	match := cty.NullVal(cty.Bool)
	if rapid.Bool().Draw(t, "match") {
		match = cty.True
	}
	switch attr {
	case "tls", "rewrite", "preserve_host":
		return []cty.Value{cty.NullVal(cty.Bool), cty.False, cty.True, cty.True}[n]
	case "aliases":
		return many(cty.String, func() cty.Value { return cty.StringVal(draw("alias")) })
	case "proxies":
		return many(elem(), func() cty.Value {
			o := cty.NullVal(cty.List(cty.String))
			if n > 1 {
				o = list("retry=0", "k="+draw("option"))
			}
			return cty.ObjectVal(map[string]cty.Value{"path": cty.StringVal("/" + draw("path")), "url": cty.StringVal("http://" + draw("url")), "match": match, "options": o})
		})
	case "proxies_reverse":
		return many(elem(), func() cty.Value { return object("path", "/"+draw("path"), "url", "http://"+draw("url")) })
	case "access_logs":
		return many(elem(), func() cty.Value {
			return cty.ObjectVal(map[string]cty.Value{"file": cty.StringVal(draw("file")), "format": cty.StringVal(draw("format")), "condition": opt("env=" + draw("env"))})
		})
	case "redirects":
		return many(elem(), func() cty.Value {
			return cty.ObjectVal(map[string]cty.Value{"from": cty.StringVal("/" + draw("from")), "to": cty.StringVal("http://" + draw("to")), "status": opt("301"), "match": match})
		})
	case "rewrite_rules":
		return many(elem(), func() cty.Value {
			if n == 2 {
				return rule("^/"+rapid.StringMatching(`[a-z\\"]{0,4}`).Draw(t, "pattern")+" /x [L]", "%{HTTPS} on", `%{X} "a b"`)
			}
			return rule("^ /" + rapid.StringMatching(`[a-z\\"]{0,4}[a-z]`).Draw(t, "to"))
		})
	case "php_handler":
		return opt("proxy:" + draw("handler"))
	}
	return opt(draw("word"))
}

func TestLaws(t *testing.T) {
	attrs := (httpd.Lens{}).Kinds()[0].Attrs
	rapid.Check(t, func(t *rapid.T) {
		text := shop + rapid.SampledFrom([]string{"", "<VirtualHost *:80>\n</VirtualHost>\n", "<VirtualHost *:80>\nServerName b\nServerAlias x y\nServerAlias z\n<IfModule ssl_module>\nRewriteRule a b\n</IfModule>\n</VirtualHost>"}).Draw(t, "more")
		if rapid.Bool().Draw(t, "crlf") {
			text = strings.ReplaceAll(text, "\n", "\r\n")
		}
		var tree engine.Tree = host(map[string]string{"shop.conf": text})
		lenstest.GetPut(t, httpd.Lens{}, tree.(lenstest.Tree))
		lenstest.PutGot(t, httpd.Lens{}, tree.(lenstest.Tree))
		for range rapid.IntRange(1, 3).Draw(t, "edits") {
			resources, _ := httpd.Lens{}.Get(tree)
			name := "new.example.org:443"
			if i := rapid.IntRange(0, len(resources)).Draw(t, "which"); i < len(resources) {
				name = resources[i].Addr.Name
			}
			e := edit(name, map[string]cty.Value{})
			host, port := "*", name[strings.LastIndex(name, ":"):]
			if strings.HasPrefix(name, "*") {
				host = "*"
			} else if rapid.Bool().Draw(t, "address") {
				host = "192.0.2.7"
			}
			e.Attrs["listen"] = list(host + port)
			for _, a := range attrs {
				if !a.Info && a.Name != "listen" && rapid.Bool().Draw(t, a.Name) {
					e.Attrs[a.Name] = genValue(t, a.Name)
				}
			}
			tree = lenstest.PutGet(t, httpd.Lens{}, tree.(lenstest.Tree), e)
		}
	})
}
