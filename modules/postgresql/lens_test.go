package postgresql

import (
	"fmt"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"

	"hikae/engine"
	"hikae/modules/lenstest"
)

const dir = "/var/lib/pgsql/data/"

const house = `# -----------------------------
listen_addresses = 'localhost, 10.0.0.1'	# what IP address(es) to listen on
#port = 5432
max_connections = 100			# (change requires restart)
Shared_Buffers = 128MB
work_mem '4 MB'
fsync = on
jit = No
log_line_prefix = '%m [%p] it''s '
DateStyle = 'iso, mdy'
search_path = '"$user", public'
log_timezone = US/Eastern
wal_level = logical
checkpoint_timeout = 5min
random_page_cost = 1.5
max_connections = 50
app.name = 'x'
primary_conninfo = 'host=a password=secret'
include 'extra.conf'
include_if_exists 'none.conf'
include_dir = 'conf.d'
`

const rules = `# TYPE  DATABASE        USER            ADDRESS                 METHOD
local   all             all                                     peer
host    all             all             127.0.0.1/32            scram-sha-256 # loop
host    "my db", app    +staff          10.0.0.0 255.0.0.0      ident map=m
hostssl all             all             ::1/128                 ldap ldapserver="a b" ldapbindpasswd=hunter2 ldapport=1
local   all             all                                     md5
include hba_more.conf
host    all             all             all                     reject
`

func tree() lenstest.Tree {
	return lenstest.Tree{
		dir + "postgresql.conf":      house,
		dir + "extra.conf":           "port = 5433\nfsync = off",
		dir + "conf.d/10.conf":       "port = 0x1538\n",
		dir + "conf.d/.hidden.conf":  "port = 1\n",
		dir + "conf.d/x.txt":         "port = 2\n",
		dir + "postgresql.auto.conf": "wal_level = 'replica'\n",
		dir + "pg_hba.conf":          rules,
		dir + "hba_more.conf":        "host app app samenet trust\r\n",
	}
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

func set(name string, v cty.Value) engine.Edit {
	return engine.Edit{Addr: engine.Addr{Kind: KindSetting, Name: name}, Attrs: map[string]cty.Value{attrValue: v}}
}

type attrs = map[string]cty.Value

func edit(name string, a attrs) engine.Edit {
	return engine.Edit{Addr: engine.Addr{Kind: KindHBA, Name: name}, Attrs: a}
}

func options(pairs ...string) cty.Value {
	m := attrs{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = cty.StringVal(pairs[i+1])
	}
	return cty.MapVal(m)
}

func absent(kind, name string) engine.Edit {
	return engine.Edit{Addr: engine.Addr{Kind: kind, Name: name}, Absent: true}
}

func TestGet(t *testing.T) {
	rs, diags := Lens{}.Get(tree())
	got := attrs{}
	var hba []string
	for _, r := range rs {
		if r.Addr.Kind == KindSetting {
			got[r.Addr.Name] = r.Value.GetAttr(attrValue)
			continue
		}
		line := r.Addr.Name + " | " + r.Value.GetAttr(attrMethod).AsString()
		if o := r.Value.GetAttr(attrOptions); !o.IsNull() {
			for it := o.ElementIterator(); it.Next(); {
				k, v := it.Element()
				line += " " + k.AsString() + "=" + v.AsString()
			}
		}
		hba = append(hba, line)
	}
	want := attrs{
		"listen_addresses": strs("localhost", "10.0.0.1"), "max_connections": cty.NumberIntVal(50), "shared_buffers": cty.StringVal("128MB"),
		"work_mem": cty.StringVal("4 MB"), "fsync": cty.False, "jit": cty.False, "log_line_prefix": cty.StringVal("%m [%p] it's "), "datestyle": strs("iso", "mdy"),
		"search_path": strs("$user", "public"), "log_timezone": cty.StringVal("US/Eastern"), "wal_level": cty.StringVal("logical"),
		"checkpoint_timeout": cty.StringVal("5min"), "random_page_cost": cty.MustParseNumberVal("1.5"), "app.name": cty.StringVal("x"), "port": cty.StringVal("0x1538"),
	}
	for name, v := range want {
		if g, ok := got[name]; !ok || !g.RawEquals(v) {
			t.Errorf("%s: %#v, want %#v", name, g, v)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d settings, want %d", len(got), len(want))
	}
	if s := strings.Join(hba, "\n"); s != `local all all | peer
host all all 127.0.0.1/32 | scram-sha-256
host "my db",app +staff 10.0.0.0 255.0.0.0 | ident map=m
hostssl all all ::1/128 | ldap ldapport=1 ldapserver=a b
host app app samenet | trust
host all all all | reject` {
		t.Errorf("rules:\n%s", s)
	}
	if text := lenstest.Text(diags); text != dir+"pg_hba.conf:6: Rule that never counts: One for the same stands before it: PostgreSQL takes the first.\n" {
		t.Errorf("diagnostics: %s", text)
	}
	var kept []string
	for _, r := range (Lens{}).Verbatim(tree()) {
		kept = append(kept, fmt.Sprintf("%s:%d", r.Filename[len(dir):], r.Start.Line))
	}
	if s := strings.Join(kept, " "); s != "postgresql.conf:18 postgresql.auto.conf:1 pg_hba.conf:6" {
		t.Errorf("verbatim: %s", s)
	}
}

func TestPut(t *testing.T) {
	after := lenstest.PutGet(t, Lens{}, tree(),
		set("max_connections", cty.NumberIntVal(200)), set("shared_buffers", cty.StringVal("1GB")), set("work_mem", cty.StringVal("16MB")),
		set("jit", cty.True), set("fsync", cty.True), set("log_line_prefix", cty.StringVal(`a'b\`)), set("listen_addresses", strs()),
		set("search_path", strs("a b", "public")), set("log_timezone", cty.StringVal("Asia/Tokyo")), set("wal_level", cty.StringVal("minimal")),
		absent(KindSetting, "app.name"), set("maintenance_work_mem", cty.StringVal("64MB")), set("cluster_name", cty.StringVal("rio")), set("hot_standby", cty.False),
		set("x.y", cty.StringVal("z")))
	for path, want := range map[string]string{
		"postgresql.conf": strings.NewReplacer("'localhost, 10.0.0.1'", "''", "max_connections = 50", "max_connections = 200", "128MB", "1GB", "'4 MB'", "'16MB'", "jit = No", "jit = yes",
			"'%m [%p] it''s '", `'a''b\\'`, `'"$user", public'`, `'"a b", public'`, "US/Eastern", "Asia/Tokyo", "wal_level = logical", "wal_level = minimal", "app.name = 'x'\n", "").Replace(house) +
			"cluster_name = 'rio'\nhot_standby = off\nmaintenance_work_mem = 64MB\nx.y = 'z'\n",
		"extra.conf": "port = 5433\nfsync = on", "pg_hba.conf": rules,
	} {
		if got := after[dir+path]; got != want {
			t.Errorf("%s: %s\nwant %s", path, got, want)
		}
	}
	_, _, diags := Lens{}.Put(tree(), []engine.Edit{set("wal_level", cty.StringVal("minimal"))})
	if !strings.Contains(lenstest.Text(diags), "ALTER SYSTEM overrules it") || diags.HasErrors() {
		t.Errorf("%s", lenstest.Text(diags))
	}
	lenstest.GetPut(t, Lens{}, tree())
	lenstest.PutGot(t, Lens{}, tree())
}

func TestPutHBA(t *testing.T) {
	after := lenstest.PutGet(t, Lens{}, tree(),
		edit("local all all", attrs{attrMethod: cty.StringVal("md5")}),
		edit(`host "my db",app +staff 10.0.0.0 255.0.0.0`, attrs{attrOptions: cty.NullVal(cty.Map(cty.String)), attrMethod: cty.StringVal("scram-sha-256")}),
		edit("hostssl all all ::1/128", attrs{attrOptions: options("ldapserver", "c", "ldaptls", "1")}),
		edit("host app app samenet", attrs{attrMethod: cty.StringVal("ident"), attrOptions: options("map", "x y")}),
		edit("host all repl 10.98.0.12/32", attrs{attrMethod: cty.StringVal("scram-sha-256"), attrBefore: cty.StringVal("host all all all")}),
		edit("local app all", attrs{attrMethod: cty.StringVal("trust"), attrBefore: cty.StringVal("local all all")}),
		edit(`hostnossl "x y",a-very-long-name-of-it all example.com`, attrs{attrMethod: cty.StringVal("reject")}))
	if want := `# TYPE  DATABASE        USER            ADDRESS                 METHOD
local   app             all                                     trust
local   all             all                                     md5
host    all             all             127.0.0.1/32            scram-sha-256 # loop
host    "my db", app    +staff          10.0.0.0 255.0.0.0      scram-sha-256
hostssl all             all             ::1/128                 ldap ldapserver=c ldapbindpasswd=hunter2 ldaptls=1
local   all             all                                     md5
include hba_more.conf
host    all             repl            10.98.0.12/32           scram-sha-256
host    all             all             all                     reject
hostnossl "x y",a-very-long-name-of-it all             example.com             reject
`; after[dir+"pg_hba.conf"] != want {
		t.Errorf("%s\nwant %s", after[dir+"pg_hba.conf"], want)
	}
	if want := "host app app samenet ident map=\"x y\"\r\n"; after[dir+"hba_more.conf"] != want {
		t.Errorf("%q", after[dir+"hba_more.conf"])
	}
	moved := lenstest.PutGet(t, Lens{}, tree(), edit("host all all all", attrs{attrBefore: cty.StringVal("host all all 127.0.0.1/32"), attrMethod: cty.StringVal("trust")}),
		edit("local all all", attrs{attrBefore: cty.StringVal("host all all all")}), absent(KindHBA, "host app app samenet"))
	if want := strings.Replace(strings.Replace(rules, "host    all             all             all                     reject\n", "", 1),
		"host    all             all             127", "host    all             all             all                     trust\nhost    all             all             127", 1); moved[dir+"pg_hba.conf"] != want || moved[dir+"hba_more.conf"] != "" {
		t.Errorf("%s\nwant %s", moved[dir+"pg_hba.conf"], want)
	}
	gone := lenstest.PutGet(t, Lens{}, tree(), absent(KindHBA, "local all all"), absent(KindHBA, "local none none"))
	if got := strings.Count(gone[dir+"pg_hba.conf"], "local"); got != 0 {
		t.Errorf("%s", gone[dir+"pg_hba.conf"])
	}
}

func TestPutRefuses(t *testing.T) {
	for want, e := range map[string]engine.Edit{
		"is a size":                 set("shared_buffers", cty.StringVal("lots")),
		"is a time":                 set("checkpoint_timeout", cty.StringVal("5 minutes")),
		"is a number":               set("max_connections", cty.StringVal("many")),
		"true or false":             set("fsync", cty.StringVal("perhaps")),
		"is a list of strings":      set("listen_addresses", cty.StringVal("*")),
		"one value, no list":        set("cluster_name", strs("a", "b")),
		"with its password":         set("primary_conninfo", cty.StringVal("password=x")),
		"is a directive":            set("include_dir", cty.StringVal("x")),
		"Not a setting's name":      set("Work_Mem", cty.StringVal("1MB")),
		"at most one dot":           set("a.b.c", cty.StringVal("1MB")),
		"say its method":            edit("local x y", nil),
		"is no type of a rule":      edit("lcal x y", attrs{attrMethod: cty.StringVal("trust")}),
		"does not read as it":       edit("local  x y", attrs{attrMethod: cty.StringVal("trust")}),
		"is no netmask of":          edit("host all all 10.0.0.1", attrs{attrMethod: cty.StringVal("trust")}),
		"no method: one of":         edit("local all all", attrs{attrMethod: cty.StringVal("secret")}),
		"peer is for local":         edit("host all all all", attrs{attrMethod: cty.StringVal("peer")}),
		"is no option":              edit("local all all", attrs{attrOptions: options("bad", "1")}),
		"A password is no option":   edit("hostssl all all ::1/128", attrs{attrOptions: options("ldapbindpasswd", "1")}),
		"no other rule":             edit("local x y", attrs{attrMethod: cty.StringVal("trust"), attrBefore: cty.StringVal("local z z")}),
		"absent = true":             edit("local all all", attrs{attrMethod: cty.NullVal(cty.String)}),
		`does not read as it is me`: edit("local x y", attrs{attrMethod: cty.StringVal("trust\nlocal all all trust")}),
	} {
		files, _, diags := Lens{}.Put(tree(), []engine.Edit{e})
		if !diags.HasErrors() || len(files) > 0 || !strings.Contains(lenstest.Text(diags), want) {
			t.Errorf("%s: got %v %s", want, files, lenstest.Text(diags))
		}
	}
	for _, e := range []engine.Edit{set("port", cty.NumberIntVal(1)), edit("local x y", attrs{attrMethod: cty.StringVal("trust")})} {
		if _, _, diags := (Lens{}).Put(lenstest.Tree{"/etc/hosts": ""}, []engine.Edit{e}); !strings.Contains(lenstest.Text(diags), `paths = ["/var/lib/pgsql/data"]`) {
			t.Errorf("without a cluster: %s", lenstest.Text(diags))
		}
	}
}

func TestIncludes(t *testing.T) {
	at := func(name, text string) lenstest.Tree {
		return lenstest.Tree{dir + name: text, "/etc/hosts": ""}
	}
	for want, tr := range map[string]lenstest.Tree{
		"none.conf is not there":      at("postgresql.conf", "include 'none.conf'"),
		"conf.d is not there":         at("postgresql.conf", "include_dir 'conf.d'"),
		"is included by itself":       at("postgresql.conf", "include 'postgresql.conf'"),
		"more.conf is not there":      at("pg_hba.conf", "include more.conf"),
		"pg_hba.conf is included":     at("pg_hba.conf", "include_if_exists pg_hba.conf"),
		"a has no value. PostgreSQL ": at("postgresql.conf", "a ="),
	} {
		if _, diags := (Lens{}).Get(tr); !diags.HasErrors() || !strings.Contains(lenstest.Text(diags), want) {
			t.Errorf("%s: %s", want, lenstest.Text(diags))
		}
	}
	for _, tr := range []lenstest.Tree{{dir + "postgresql.conf": "include 'none.conf'\ninclude_dir 'x'"}, {dir + "pg_hba.conf": "include none.conf"}} {
		if _, diags := (Lens{}).Get(tr); diags.HasErrors() {
			t.Errorf("a lone file: %s", lenstest.Text(diags))
		}
	}
	rs, _ := Lens{}.Get(lenstest.Tree{"/var/lib/pgsql/9.6/data/postgresql.conf": "port = 1", "/var/lib/pgsql/15/data/postgresql.conf": "port = 2\nhba_file='/etc/hba'", "/etc/hba": "local a b trust"})
	if len(rs) != 3 || rs[0].Range.Filename != "/var/lib/pgsql/15/data/postgresql.conf" || rs[2].Addr.Name != "local a b" {
		t.Errorf("%v", rs)
	}
}

func TestLaws(t *testing.T) {
	line := rapid.SampledFrom([]string{"port = 1", "PORT 2", "port = '3'#c", "fsync=off", "fsync on", "listen_addresses = '*,  \"a b\"'", "work_mem=4MB", "#x = 1", "", "include_if_exists 'i.conf'", "cluster_name = 'a\\'b'"})
	rule := rapid.SampledFrom([]string{"local all all peer", "local all all trust # c", "host a , b\tc all md5", "host all all 10.0.0.0/8 ident map=a", "", "# c \\", "hostssl all all all \\", "  cert", "hostssl all all all cert map=\"a b\"", "include_if_exists h.conf"})
	sets := rapid.SampledFrom([]engine.Edit{
		set("port", cty.NumberIntVal(7)), set("fsync", cty.True), set("listen_addresses", strs("a", "b,c")), set("work_mem", cty.StringVal("1 GB")), set("cluster_name", cty.StringVal("\u00e9 '")), absent(KindSetting, "port"),
	})
	edits := rapid.SampledFrom([]engine.Edit{
		edit("local all all", attrs{attrMethod: cty.StringVal("md5")}), edit("host a,b c all", attrs{attrMethod: cty.StringVal("reject")}), edit("host all all 10.0.0.0/8", attrs{attrMethod: cty.StringVal("ident"), attrOptions: options("map", "#")}),
		edit("hostssl all all all", attrs{attrMethod: cty.StringVal("cert"), attrOptions: options("clientname", "CN")}), edit("local all all", attrs{attrMethod: cty.StringVal("trust"), attrBefore: cty.StringVal("host a,b c all")}), absent(KindHBA, "local all all"),
	})
	rapid.Check(t, func(t *rapid.T) {
		nl := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "line end")
		file := func(of *rapid.Generator[string]) string {
			return strings.Join(rapid.SliceOfN(of, 0, 6).Draw(t, "lines"), nl) + rapid.SampledFrom([]string{"", nl}).Draw(t, "last line's end")
		}
		tr := lenstest.Tree{dir + "postgresql.conf": file(line), dir + "pg_hba.conf": file(rule), "/etc/hosts": ""}
		lenstest.GetPut(t, Lens{}, tr)
		lenstest.PutGot(t, Lens{}, tr)
		for _, e := range []engine.Edit{sets.Draw(t, "setting"), edits.Draw(t, "rule")} {
			if _, _, diags := (Lens{}).Put(tr, []engine.Edit{e}); !diags.HasErrors() {
				lenstest.PutGet(t, Lens{}, tr, e)
			}
		}
	})
}

func FuzzLens(f *testing.F) {
	f.Add(house, rules, "x y")
	f.Fuzz(func(t *testing.T, conf, hba, value string) {
		if strings.HasPrefix(conf, lenstest.LinkTo) || strings.HasPrefix(hba, lenstest.LinkTo) {
			t.Skip()
		}
		tr := lenstest.Tree{dir + "postgresql.conf": conf, dir + "pg_hba.conf": hba, "/etc/hosts": ""}
		lenstest.GetPut(t, Lens{}, tr)
		lenstest.PutGot(t, Lens{}, tr)
		for _, e := range []engine.Edit{
			set("cluster_name", cty.StringVal(value)), set("search_path", strs(value)),
			edit("local all all", attrs{attrMethod: cty.StringVal("ident"), attrOptions: options("map", value)}),
		} {
			if _, _, diags := (Lens{}).Put(tr, []engine.Edit{e}); !diags.HasErrors() {
				lenstest.PutGet(t, Lens{}, tr, e)
			}
		}
	})
}
