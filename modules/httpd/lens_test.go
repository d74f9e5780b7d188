package httpd_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/modules/httpd"
	"hikae/modules/lenstest"
)

const mainConf = `ServerRoot "/etc/httpd"
Listen 80
Include conf.modules.d/*.conf
ServerName www.example.org:80
IncludeOptional conf.d/*.conf
`

// host is a host's httpd with some files in /etc/httpd/conf.d.
func host(files map[string]string) lenstest.Tree {
	t := lenstest.Tree{
		"/etc/httpd/conf/httpd.conf":             mainConf,
		"/etc/httpd/conf.modules.d/00-base.conf": "LoadModule ssl_module modules/mod_ssl.so\nLoadModule macro_module modules/mod_macro.so\n",
		"/etc/httpd/conf.d/README":               "not read\n",
	}
	for name, text := range files {
		t["/etc/httpd/conf.d/"+name] = text
	}
	return t
}

func get(t *testing.T, tree lenstest.Tree) (map[string]cty.Value, string) {
	t.Helper()
	resources, diags := httpd.Lens{}.Get(tree)
	m := map[string]cty.Value{}
	for _, r := range resources {
		if _, twice := m[r.Addr.Name]; twice {
			t.Errorf("%s is shown twice", r.Addr)
		}
		m[r.Addr.Name] = r.Value
	}
	return m, lenstest.Text(diags)
}

func edit(name string, attrs map[string]cty.Value) engine.Edit {
	return engine.Edit{Addr: engine.Addr{Kind: httpd.Kind, Name: name}, Attrs: attrs}
}

func list(texts ...string) cty.Value {
	var vals []cty.Value
	for _, t := range texts {
		vals = append(vals, cty.StringVal(t))
	}
	return cty.ListVal(vals)
}

const shop = `Listen 443 https
Define cert /etc/pki/tls/certs/shop.crt

# The shop.
<VirtualHost 192.0.2.1:443 [2001:db8::1]:443>  # both
	ServerName	https://shop.example.org:443
	ServerAlias store.example.org \
	            "*.shop.example.org"
	DocumentRoot "/srv/www/shop"
	SSLEngine On
	SSLCertificateFile    ${cert}
	SSLCertificateKeyFile /etc/pki/tls/private/shop.key
	<IfModule mod_ssl.c>
		ErrorLog logs/shop_error_log
	</IfModule>
	<IfModule !ssl_module>
		ErrorLog logs/never
	</IfModule>
	CustomLog logs/shop_log combined env=!dontlog
	CustomLog "|/usr/bin/rotatelogs /var/log/x 86400" "%h \"%r\""
	ProxyPreserveHost on
	ProxyPass /static !
	ProxyPass / http://127.0.0.1:8080/ retry=0 nocanon
	ProxyPassReverse / http://127.0.0.1:8080/
	ProxyPass /ajp ajp://127.0.0.1:8009/ secret=hidden
	Redirect permanent /old https://shop.example.org/new
	RedirectMatch 404 ^/\.git
	RewriteEngine on
	RewriteCond %{QUERY_STRING} ^page=([a-z]+)$
	RewriteCond %{HTTPS} !=on \
	            [OR]
	RewriteRule ^/index\.cgi$ /%1.html? [R=302,L]
	RewriteRule ^/a\ b$ "/a b" [L]
	<FilesMatch \.php$>
		SetHandler "proxy:unix:/run/php-fpm/shop.sock|fcgi://localhost"
		Header set X-Php 1
	</FilesMatch>
	<Location /status>
		SetHandler server-status
	</Location>
	Header set X-A 1
</VirtualHost>
`

func TestGet(t *testing.T) {
	got, diags := get(t, host(map[string]string{"shop.conf": shop}))
	v, ok := got["shop.example.org:443"]
	if !ok || diags != "" {
		t.Fatalf("got %v, %s", got, diags)
	}
	null := func(ty cty.Type) cty.Value { return cty.NullVal(ty) }
	str := cty.StringVal
	obj := func(m map[string]cty.Value) cty.Value { return cty.ObjectVal(m) }
	for attr, want := range map[string]cty.Value{
		"file":          str("/etc/httpd/conf.d/shop.conf"),
		"listen":        list("192.0.2.1:443", "[2001:db8::1]:443"),
		"aliases":       list("store.example.org", "*.shop.example.org"),
		"document_root": str("/srv/www/shop"),
		"tls":           cty.True,
		"certificate":   str("${cert}"),
		"key":           str("/etc/pki/tls/private/shop.key"),
		"chain":         null(cty.String),
		"error_log":     str("logs/shop_error_log"),
		"preserve_host": cty.True,
		"php_handler":   str("proxy:unix:/run/php-fpm/shop.sock|fcgi://localhost"),
		"rewrite":       cty.True,
		"others":        cty.NumberIntVal(5), // AJP's secret, the other IfModule, Header twice, Location
		"access_logs": cty.ListVal([]cty.Value{
			obj(map[string]cty.Value{"file": str("logs/shop_log"), "format": str("combined"), "condition": str("env=!dontlog")}),
			obj(map[string]cty.Value{"file": str("|/usr/bin/rotatelogs /var/log/x 86400"), "format": str(`%h "%r"`), "condition": null(cty.String)}),
		}),
		"proxies": cty.ListVal([]cty.Value{
			obj(map[string]cty.Value{"path": str("/static"), "url": str("!"), "match": null(cty.Bool), "options": null(cty.List(cty.String))}),
			obj(map[string]cty.Value{"path": str("/"), "url": str("http://127.0.0.1:8080/"), "match": null(cty.Bool), "options": list("retry=0", "nocanon")}),
		}),
		"proxies_reverse": cty.ListVal([]cty.Value{obj(map[string]cty.Value{"path": str("/"), "url": str("http://127.0.0.1:8080/")})}),
		"redirects": cty.ListVal([]cty.Value{
			obj(map[string]cty.Value{"from": str("/old"), "to": str("https://shop.example.org/new"), "status": str("permanent"), "match": null(cty.Bool)}),
			obj(map[string]cty.Value{"from": str(`^/\.git`), "to": null(cty.String), "status": str("404"), "match": cty.True}),
		}),
		"rewrite_rules": cty.ListVal([]cty.Value{
			obj(map[string]cty.Value{"conditions": list("%{QUERY_STRING} ^page=([a-z]+)$", "%{HTTPS} !=on [OR]"), "rule": str(`^/index\.cgi$ /%1.html? [R=302,L]`)}),
			obj(map[string]cty.Value{"conditions": null(cty.List(cty.String)), "rule": str(`^/a\ b$ "/a b" [L]`)}),
		}),
	} {
		if have := v.GetAttr(attr); !have.RawEquals(want) {
			t.Errorf("%s is %#v, want %#v", attr, have, want)
		}
	}
	if strings.Contains(v.GoString(), "hidden") {
		t.Error("a secret is shown")
	}
}

func TestNames(t *testing.T) {
	for text, want := range map[string]string{
		"<VirtualHost *:80>\nServerName a.example\n</VirtualHost>":                                                                                        "a.example:80",
		"<VirtualHost *>\nServerName a.example\n</VirtualHost>":                                                                                           "a.example:80",
		"<VirtualHost _default_:443>\n</VirtualHost>\nListen 443":                                                                                         "_default_:443",
		"<VirtualHost *:*>\nServerName a\n</VirtualHost>":                                                                                                 "a:*",
		"<VirtualHost [::1]:80 *:81>\nServerName a\n</VirtualHost>\nListen 81":                                                                            "a:80",
		"Define p 80\n<VirtualHost *:${p}>\nServerName ${p}.example\n</VirtualHost>":                                                                      "80.example:80",
		"<VirtualHost *:80>\nServerName a\n</VirtualHost>\n<VirtualHost 192.0.2.1:80>\nServerName a\n</VirtualHost>":                                      "a:80 a:80#2",
		"<IfDefine NOT>\n<VirtualHost *:80>\nServerName a\n</VirtualHost>\n</IfDefine>":                                                                   "",
		"<IfDefine !NOT>\n<VirtualHost *:80>\nServerName a\n</VirtualHost>\n</IfDefine>":                                                                  "a:80",
		"<IfModule ssl_module>\n<IfModule mod_ssl.c>\n<VirtualHost *:80>\nServerName a\n</VirtualHost>\n</IfModule>\n</IfModule>":                         "a:80",
		"<IfModule mod_none.c>\n<VirtualHost *:80>\nServerName a\n</VirtualHost>\n</IfModule>":                                                            "",
		"<IfVersion >= 2.4>\n<VirtualHost *:80>\nServerName a\n</VirtualHost>\n</IfVersion>\n<IfVersion < 2.4>\nInclude conf.d/none.conf\n</IfVersion>":   "a:80",
		"<IfFile conf.d/x.conf>\n<VirtualHost *:80>\nServerName a\n</VirtualHost>\n</IfFile>":                                                             "a:80",
		"<Macro V $n>\n<VirtualHost *:80>\nServerName $n\n</VirtualHost>\n</Macro>\n<VirtualHost *:80>\nServerName b\n</VirtualHost>":                     "b:80",
		"<Macro Log $n>\nErrorLog logs/$n\n</Macro>\n<VirtualHost *:80>\nServerName b\nUse log x\n</VirtualHost>":                                         "b:80",
		"<Directory /x>\nInclude conf.d/inner.inc\n</Directory>\n<VirtualHost *:80>\nInclude conf.d/inner.inc\nServerName b\n</VirtualHost>\n# comment\\": "b:80",
	} {
		tree := host(map[string]string{"x.conf": text, "inner.inc": "DirectoryIndex x\n"})
		resources, diags := httpd.Lens{}.Get(tree)
		var names []string
		for _, r := range resources {
			names = append(names, r.Addr.Name)
		}
		if got := strings.Join(names, " "); got != want || len(diags) > 0 {
			t.Errorf("%s\nshows %q, want %q; %s", text, got, want, lenstest.Text(diags))
		}
	}
}

func TestIncludes(t *testing.T) {
	vhost := func(name string) string {
		return "<VirtualHost *:80>\nServerName " + name + "\n</VirtualHost>\n"
	}
	tree := lenstest.Tree{
		"/etc/httpd/conf/httpd.conf":   "Listen 80\nInclude conf.d\nServerRoot /srv/httpd\nInclude sites/*/s.conf\nIncludeOptional none/*.conf\nIncludeOptional none\nIncludeOptional sites/b\n",
		"/etc/httpd/conf.d/b.any":      vhost("b"),
		"/etc/httpd/conf.d/.a":         vhost("a"),
		"/etc/httpd/conf.d/c/deep":     vhost("c"),
		"/srv/httpd/sites/x.d/s.conf":  vhost("d"),
		"/srv/httpd/sites/x/s.conf":    vhost("e"),
		"/srv/httpd/sites/.no/s.conf":  vhost("no"),
		"/srv/httpd/sites/b":           lenstest.LinkTo + "../f",
		"/srv/httpd/f":                 vhost("f"),
		"/etc/httpd/conf.modules.d/00": "",
	}
	resources, diags := httpd.Lens{}.Get(tree)
	var names []string
	for _, r := range resources {
		names = append(names, strings.TrimSuffix(r.Addr.Name, ":80"))
	}
	if got := strings.Join(names, ""); got != "abcedf" || len(diags) > 0 {
		t.Errorf("read in the order %q; %s", got, lenstest.Text(diags))
	}
}

func TestTold(t *testing.T) {
	for text, want := range map[string]string{
		"Include conf.d/none":                                                    "/etc/httpd/conf.d/x.conf:1: File cannot be read: /etc/httpd/conf.d/none: nothing is there",
		"\nInclude conf.d/none*/x":                                               "/etc/httpd/conf.d/x.conf:2: File cannot be read: /etc/httpd/conf.d/none*/x: nothing is there",
		"<VirtualHost *:80>\nServerName":                                         "/etc/httpd/conf.d/x.conf:1: File cannot be read: <VirtualHost> is not closed. httpd does not start without the file.",
		"Include conf.d/x.conf":                                                  "/etc/httpd/conf.d/x.conf:1: Includes do not end",
		"<IfModule none>\nListen 81":                                             "/etc/httpd/conf.d/x.conf:1: Section is not closed",
		"<IfModule ssl_module>\nListen 81":                                       "/etc/httpd/conf.d/x.conf:1: Section is not closed: <IfModule> has no closing line: httpd takes the file only as long",
		"<IfModule ssl_module>\n</IfModule> x":                                   "/etc/httpd/conf.d/x.conf:1: Section is not closed: What follows",
		"<IfModule ssl_module>\n<Files a\n</Files>\n</IfModule>":                 "/etc/httpd/conf.d/x.conf:2: Section cannot be read: <Files has no closing >",
		"<VirtualHost *:8080>\nServerName a\n</VirtualHost>":                     "/etc/httpd/conf.d/x.conf:1: Nothing listens there: The virtual host \"a:8080\" is to answer at *:8080",
		"Listen 192.0.2.1:81\n<VirtualHost 192.0.2.2:81>\n</VirtualHost>":        "/etc/httpd/conf.d/x.conf:2: Nothing listens there",
		"<VirtualHost *:80>\n<VirtualHost *:80>\n</VirtualHost>\n</VirtualHost>": "/etc/httpd/conf.d/x.conf:2: Virtual host within another section",
		"Use none":                                       "/etc/httpd/conf.d/x.conf:1: Macro is not defined",
		"<Macro a>\nUse a\n</Macro>\nUse A":              "/etc/httpd/conf.d/x.conf:4: Macro uses itself",
		"<Macro a $b>\n</Macro>\nUse a":                  "/etc/httpd/conf.d/x.conf:3: Macro is used with other arguments",
		"<Macro a>\n<VirtualHost *:80>\n</Macro>\nUse a": "/etc/httpd/conf.d/x.conf:4: Macro is not followed",
		"<Macro V $n>\n<VirtualHost *:80>\nServerName $n\n</VirtualHost>\n</Macro>\nUse V one": "/etc/httpd/conf.d/x.conf:6: Virtual host made by a macro: \"one:80\"",
		strings.Repeat("<VirtualHost *:80>\n</VirtualHost>\n", 1001):                           "/etc/httpd/conf.d/x.conf:1: Too many virtual hosts to show: /etc/httpd/conf.d/x.conf has 1001",
	} {
		_, diags := get(t, host(map[string]string{"x.conf": text}))
		if !strings.HasPrefix(diags, want) {
			t.Errorf("%.200s\nis told as %q, want %q", text, diags, want)
		}
		if lines := strings.Count(diags, "\n"); lines != 1 {
			t.Errorf("%.200s is told %d times: %.1000s", text, lines, diags)
		}
	}
}

// A file alone is shown as far as it can be.
func TestAlone(t *testing.T) {
	text := "LoadModule ssl_module modules/mod_ssl.so\nInclude conf.d/none.conf\nInclude more/*.conf\n<IfModule mod_ssl.c>\n<VirtualHost *:443>\nServerName a\nUse SSL\n</VirtualHost>\n</IfModule>\n"
	resources, diags := httpd.Lens{}.Get(lenstest.Tree{"/etc/httpd/conf/httpd.conf": text})
	if len(resources) != 1 || resources[0].Addr.Name != "a:443" || diags.HasErrors() || len(diags) != 2 {
		t.Errorf("shown are %v; %s", resources, lenstest.Text(diags))
	}
	if resources, diags := (httpd.Lens{}).Get(lenstest.Tree{"/etc/other": ""}); len(resources)+len(diags) > 0 {
		t.Errorf("without httpd there are %v; %s", resources, lenstest.Text(diags))
	}
}

func TestVerbatim(t *testing.T) {
	tree := host(map[string]string{"shop.conf": shop})
	var lines []string
	for _, r := range (httpd.Lens{}).Verbatim(tree) {
		if strings.HasSuffix(r.Filename, "shop.conf") {
			lines = append(lines, fmt.Sprint(r.Start.Line))
		}
	}
	if got := strings.Join(lines, " "); got != "1 2 16 25 36 38 41" {
		t.Errorf("kept are the lines %s", got)
	}
}

// Any bytes may stand where a site does.
func FuzzLens(f *testing.F) {
	f.Add([]byte(shop))
	f.Add([]byte("<Macro V $n>\n<VirtualHost *:80>\nServerName $n\n</VirtualHost>\n</Macro>\nUse V a\n<VirtualHost *:80>\nUse V b\nInclude conf.d/*.conf\n</VirtualHost>"))
	f.Add([]byte("<VirtualHost *:80>\nServerName a\nServerAlias b \"\" \\\n c\nRewriteCond a\nRewriteRule b c\nRedirect gone /x\nProxyPass ~ a b\n</VirtualHost>\n<IfModule x>"))
	f.Fuzz(func(t *testing.T, src []byte) {
		tree := host(map[string]string{"x.conf": string(src)})
		lenstest.GetPut(t, httpd.Lens{}, tree)
		lenstest.PutGot(t, httpd.Lens{}, tree)
		resources, diags := httpd.Lens{}.Get(tree)
		httpd.Lens{}.Verbatim(tree)
		if diags.HasErrors() {
			return
		}
		for _, r := range resources {
			if port := r.Addr.Name[strings.LastIndexByte(r.Addr.Name, ':'):]; r.Value.GetAttr("listen").LengthInt() == 1 && strings.HasSuffix(r.Value.GetAttr("listen").Index(cty.NumberIntVal(0)).AsString(), port) {
				lenstest.PutGet(t, httpd.Lens{}, tree, edit(r.Addr.Name, map[string]cty.Value{
					"document_root": cty.StringVal("/srv/a b"), "aliases": list("b", "x"), "tls": cty.True, "redirects": cty.NullVal((httpd.Lens{}).Kinds()[0].ObjectType().AttributeType("redirects")),
				}))
				return
			}
		}
	})
}
