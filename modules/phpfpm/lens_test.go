package phpfpm

import (
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"

	"hikae/engine"
	"hikae/modules/lenstest"
)

const (
	mainText = "; all\ninclude=/etc/php-fpm.d/*.conf\n[global]\npid = /run/php-fpm.pid\n"
	wwwText  = "; ours\n[www]\nuser = apache ; who\nlisten = /run/$pool.sock\nlisten.acl_users = apache,nginx\nPM = dynamic\npm.max_children = 4\npm.max_children = 5\nslowlog = \"/var/log/a b.log\"\n" +
		"request_slowlog_timeout = 10s\nclear_env = no\nenv[PATH] = /bin\nenv[PATH] = /usr/bin\nenv[A] = 1\nphp_admin_value[error_reporting] = E_ALL & ~E_NOTICE\nphp_admin_value[memory_limit] = 128M\n" +
		"php_flag[display_errors] = off\nphp_flag[odd] = 0\nprocess.priority = high\n"
)

func tree() lenstest.Tree {
	return lenstest.Tree{
		"/etc/php-fpm.conf":                        mainText,
		"/etc/php-fpm.d/www.conf":                  wwwText,
		"/etc/php-fpm.d/www.conf.rpmnew":           "[new]\nnonsense\n",
		"/etc/php-fpm.d/x.conf":                    "[shop]\nuser = shop\n[WWW]\ngroup = web\n",
		"/etc/opt/remi/php74/php-fpm.conf":         "include=/etc/opt/remi/php74/php-fpm.d/*.conf\n[global]\n",
		"/etc/opt/remi/php74/php-fpm.d/www.conf":   "[www]\nlisten = 127.0.0.1:9074\nsecurity.limit_extensions = .php .phar\n",
		"/etc/opt/remi/php74/php-fpm.d/readme.txt": "",
	}
}

func edit(in, name string, attrs map[string]cty.Value) engine.Edit {
	return engine.Edit{Addr: engine.Addr{Kind: Kind, In: in, Name: name}, Attrs: attrs}
}

func str(s string) cty.Value { return cty.StringVal(s) }

func strs(items ...string) cty.Value {
	var vals []cty.Value
	for _, i := range items {
		vals = append(vals, str(i))
	}
	return cty.ListVal(vals)
}

func TestGet(t *testing.T) {
	rs, diags := Lens{}.Get(tree())
	want := map[string]map[string]cty.Value{
		"php_pool:www": {
			"user": str("apache"), "group": str("web"), "listen": str("/run/$pool.sock"), "listen_acl_users": strs("apache", "nginx"),
			"pm": str("dynamic"), "pm_max_children": cty.NumberIntVal(5), "slowlog": str("/var/log/a b.log"), "request_slowlog_timeout": str("10s"),
			"clear_env": cty.False, "env": cty.MapVal(map[string]cty.Value{"A": str("1")}),
			"php_admin_value": cty.MapVal(map[string]cty.Value{"memory_limit": str("128M")}), "php_flag": cty.MapVal(map[string]cty.Value{"display_errors": cty.False}),
			"file": str("/etc/php-fpm.d/www.conf"), "others": cty.NumberIntVal(6),
		},
		"php_pool:shop":      {"user": str("shop"), "file": str("/etc/php-fpm.d/x.conf"), "others": cty.NumberIntVal(0)},
		"php_pool:php74/www": {"listen": str("127.0.0.1:9074"), "security_limit_extensions": strs(".php", ".phar"), "file": str("/etc/opt/remi/php74/php-fpm.d/www.conf"), "others": cty.NumberIntVal(0)},
	}
	for _, r := range rs {
		w := want[r.Addr.String()]
		for name, v := range r.Value.AsValueMap() {
			if have, ok := w[name]; ok && !v.RawEquals(have) || !ok && !v.IsNull() {
				t.Errorf("%s: %s is %#v", r.Addr, name, v)
			}
		}
		delete(want, r.Addr.String())
	}
	if len(want) > 0 || len(diags) > 0 {
		t.Errorf("not shown: %v; %s", want, lenstest.Text(diags))
	}
	if kept := (Lens{}).Verbatim(tree()); len(kept) != 8 { // six of www, [global] twice
		t.Errorf("kept: %v", kept)
	}
	lenstest.GetPut(t, Lens{}, tree())
	lenstest.PutGot(t, Lens{}, tree())
}

func TestErrors(t *testing.T) {
	for want, file := range map[string]string{
		"# no comment":     "[www]\n# no comment\n",
		"it needs quotes":  "[www]\nenv[A] = a=b\n",
		"is not closed":    "[www\n",
		"path of its own":  "include = x/*.conf\n",
		"no more than 4":   "include = /etc/php-fpm.d/w*.conf\n",
		"":                 "[www]\n\tuser = x\n",
		"stands alone, or": "[www]\nslowlog = off it\n",
	} {
		_, diags := Lens{}.Get(lenstest.Tree{"/etc/php-fpm.d/www.conf": file, "/etc/hosts": ""})
		if got := lenstest.Text(diags); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%q: %s", file, got)
		}
	}
}

func TestPut(t *testing.T) {
	gone := edit("", "shop", nil)
	gone.Absent = true
	after := lenstest.PutGet(t, Lens{}, tree(), gone,
		edit("", "www", map[string]cty.Value{
			"user": str("web admin"), "pm_max_children": cty.NumberIntVal(9), "clear_env": cty.True, "slowlog": cty.NullVal(cty.String),
			"listen_acl_users": strs("apache", "nginx", "www"), "pm_max_requests": cty.NumberIntVal(500), "access_format": str(`%R "%m"`),
			"php_flag": cty.MapVal(map[string]cty.Value{"display_errors": cty.True, "log_errors": cty.True}),
			"env":      cty.MapVal(map[string]cty.Value{"B": str("x=y")}),
		}),
		edit("php74", "api", map[string]cty.Value{"listen": str("/run/api.sock"), "user": str("api"), "pm": str("ondemand"), "pm_max_children": cty.NumberIntVal(2),
			"pm_process_idle_timeout": str("30s"), "php_admin_value": cty.MapVal(map[string]cty.Value{"memory_limit": str("1G"), "error_log": str("/var/log/api;x")})}))
	want := strings.NewReplacer("apache ;", `"web admin" ;`, "pm.max_children = 5", "pm.max_children = 9", "clear_env = no", "clear_env = yes", "slowlog = \"/var/log/a b.log\"\n", "",
		"apache,nginx", "apache,nginx,www", "env[A] = 1\n", "", "errors] = off", "errors] = on").Replace(wwwText)
	want = strings.Replace(want, `user = "web admin"`, "user = web admin", 1)
	if got := after["/etc/php-fpm.d/www.conf"]; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got, want := after["/etc/php-fpm.d/x.conf"], "[WWW]\ngroup = web\npm.max_requests = 500\naccess.format = \"%R \\\"%m\\\"\"\nenv[B] = \"x=y\"\nphp_flag[log_errors] = yes\n"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got, want := after["/etc/opt/remi/php74/php-fpm.d/api.conf"], "[api]\nuser = api\nlisten = /run/api.sock\npm = ondemand\npm.max_children = 2\npm.process_idle_timeout = 30s\nphp_admin_value[error_log] = \"/var/log/api;x\"\nphp_admin_value[memory_limit] = 1G\n"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	gone = edit("php74", "api", nil)
	gone.Absent = true
	if last := lenstest.PutGet(t, Lens{}, after, gone); last["/etc/opt/remi/php74/php-fpm.d/api.conf"] != "" {
		t.Error("the file of a pool that is gone stays")
	}
}

func TestPutRefuses(t *testing.T) {
	full := func(attrs map[string]cty.Value) map[string]cty.Value {
		for name, v := range map[string]cty.Value{"listen": str("9001"), "user": str("u"), "pm": str("static"), "pm_max_children": cty.NumberIntVal(1)} {
			if _, ok := attrs[name]; !ok {
				attrs[name] = v
			}
		}
		return attrs
	}
	for want, e := range map[string]engine.Edit{
		"cannot start":        edit("", "new", map[string]cty.Value{"listen": str("9001")}),
		"is no collection":    edit("php99", "www", nil),
		"php-fpm's own":       edit("", "Global", full(map[string]cty.Value{})),
		"no difference":       edit("", "Www", full(map[string]cty.Value{})),
		"cannot be one":       edit("", "a]b", full(map[string]cty.Value{})),
		"would not read it":   edit("", "new", full(map[string]cty.Value{"file": str("/etc/new.conf")})),
		"is there and is not": edit("", "new", full(map[string]cty.Value{"file": str("/etc/php-fpm.d/www.conf.rpmnew/../www.conf")})),
		"it is a time":        edit("", "www", map[string]cty.Value{"request_slowlog_timeout": str("1 hour")}),
		"a whole number":      edit("", "www", map[string]cty.Value{"pm_max_children": cty.NumberFloatVal(1.5)}),
		"parts items":         edit("", "www", map[string]cty.Value{"listen_acl_users": strs("a,b")}),
		"line by line":        edit("", "www", map[string]cty.Value{"slowlog": str("a\nuser = root")}),
		"no name of a":        edit("", "www", map[string]cty.Value{"env": cty.MapVal(map[string]cty.Value{"A] = x\nB": str("x")})}),
		"no way to say":       edit("", "www", map[string]cty.Value{"slowlog": str("${x}'")}),
		"Pool stands":         edit("", "www", map[string]cty.Value{"file": str("/etc/php-fpm.d/y.conf")}),
	} {
		files, _, diags := Lens{}.Put(tree(), []engine.Edit{e})
		if want == "is there and is not" {
			want = "would not read it" // a path that is not clean
		}
		if !diags.HasErrors() || len(files) > 0 || !strings.Contains(lenstest.Text(diags), want) {
			t.Errorf("%s: got %v %s", want, files, lenstest.Text(diags))
		}
	}
}

func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := map[form][]string{
			text: {"x", `"a b"`, "'q'", "", "$pool", "E_ALL", "a/b;c"}, flag: {"yes", "No", "1", "0", ""}, number: {"5", "-1", "x"},
			span: {"5", "10s"}, commas: {"a,b", "a, b", ""}, blanks: {".php .x", ".php"}, texts: {"128M", `"a=b"`, "E_ALL & 1", "on"}, flags: {"on", "off", "0"},
		}
		file := func(name string) string {
			nl := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, name+" line end")
			var b strings.Builder
			for range rapid.IntRange(0, 3).Draw(t, "sections") {
				b.WriteString("[" + rapid.SampledFrom([]string{"www", "WWW", "shop", "global"}).Draw(t, "section") + "]" + nl)
				for range rapid.IntRange(0, 5).Draw(t, "settings") {
					a := rapid.SampledFrom(attributes()).Draw(t, "attribute")
					key := a.key
					if a.form.isMap() {
						key += rapid.SampledFrom([]string{"[a]", "[b.c]", "[ d]"}).Draw(t, "sub")
					}
					b.WriteString(rapid.SampledFrom([]string{"", "\t", "; "}).Draw(t, "before") + key + rapid.SampledFrom([]string{"=", " = "}).Draw(t, "equals") +
						rapid.SampledFrom(values[a.form]).Draw(t, "value") + rapid.SampledFrom([]string{"", " ; said"}).Draw(t, "comment") + nl)
				}
			}
			return b.String()
		}
		tr := lenstest.Tree{"/etc/php-fpm.conf": "include=/etc/php-fpm.d/*.conf\n" + file("main"), "/etc/php-fpm.d/a.conf": file("a"), "/etc/php-fpm.d/b.conf": file("b")}
		lenstest.GetPut(t, Lens{}, tr)
		lenstest.PutGot(t, Lens{}, tr)
		rs, _ := Lens{}.Get(tr)
		if len(rs) == 0 {
			return
		}
		e := edit("", rs[rapid.IntRange(0, len(rs)-1).Draw(t, "edited")].Addr.Name, map[string]cty.Value{})
		e.Absent = rapid.IntRange(0, 5).Draw(t, "absent") == 0
		for _, a := range rapid.SliceOfN(rapid.SampledFrom(attributes()), 1, 4).Draw(t, "attributes") {
			e.Attrs[a.name] = map[form]cty.Value{
				text: str(rapid.SampledFrom([]string{"y", "a b", `c"d`, "on", "e;f", `g\h`}).Draw(t, "text")), flag: cty.BoolVal(rapid.Bool().Draw(t, "flag")), number: cty.NumberIntVal(7),
				span: str("3m"), commas: strs("a", "c"), blanks: strs(".phar"),
				texts: cty.MapVal(map[string]cty.Value{"a": str("1"), "n": str("a=b")}), flags: cty.MapVal(map[string]cty.Value{"b.c": cty.True}),
			}[a.form]
			if rapid.IntRange(0, 4).Draw(t, "null") == 0 {
				e.Attrs[a.name] = cty.NullVal(a.form.typ())
			}
		}
		lenstest.PutGet(t, Lens{}, tr, e)
	})
}

func FuzzFile(f *testing.F) {
	f.Add(wwwText)
	f.Add(mainText)
	f.Fuzz(func(t *testing.T, src string) {
		if strings.HasPrefix(src, lenstest.LinkTo) {
			t.Skip()
		}
		tr := lenstest.Tree{"/etc/php-fpm.d/www.conf": src}
		lenstest.GetPut(t, Lens{}, tr)
		rs, diags := Lens{}.Get(tr)
		if diags.HasErrors() {
			return
		}
		lenstest.PutGot(t, Lens{}, tr)
		if len(rs) > 0 {
			lenstest.PutGet(t, Lens{}, tr, engine.Edit{Addr: rs[0].Addr, Attrs: map[string]cty.Value{"slowlog": cty.StringVal("x y")}})
		}
	})
}
