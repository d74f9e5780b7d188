package mariadb

import (
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"

	"hikae/engine"
	"hikae/modules/lenstest"
)

const (
	mainText   = "# all\n[client-server]\nsocket=/run/mysql.sock # where\n!includedir /etc/my.cnf.d\n!include /etc/none.cnf\n"
	serverText = "[mysqld]\nskip-name-resolve\nbind-address = 127.0.0.1\nport=3306\nreplicate-do-db=a\nreplicate_do_db=b\ninnodb_buffer_pool_size=64M\n\n[mysqld]\nmax_connections=1K\nport=3307\nlong_query_time=0.5\nlog-bin\ngtid_strict_mode=on\n\n[client]\npassword=\"hush\"\nprompt=\"\\\\u \\\"q\\\" \"\n"
)

func tree() lenstest.Tree {
	return lenstest.Tree{
		"/etc/my.cnf":                mainText,
		"/etc/my.cnf.d/server.cnf":   serverText,
		"/etc/my.cnf.d/broken.cnf":   "[mysqld\n",
		"/etc/my.cnf.d/README":       "[mysqld]\nx=1\n",
		"/etc/my.cnf.d/late.cnf":     "[mysqld-10.3]\nserver_id=1\n",
		"/etc/my.cnf.d/link.cnf":     lenstest.LinkTo + "late.cnf",
		"/etc/my.cnf.d/.hidden.cnf":  "[mysqldump]\nquick\n",
		"/etc/my.cnf.d/readonly.cnf": "[mysqldump]\nmax_allowed_packet=16M\n",
	}
}

func addr(group, key string) engine.Addr { return engine.Addr{Kind: Kind, In: group, Name: key} }

func edit(group, key string, v cty.Value) engine.Edit {
	return engine.Edit{Addr: addr(group, key), Attrs: map[string]cty.Value{attrValue: v}}
}

func absent(group, key string) engine.Edit {
	return engine.Edit{Addr: addr(group, key), Absent: true}
}

func strs(items ...string) cty.Value {
	var vals []cty.Value
	for _, i := range items {
		vals = append(vals, cty.StringVal(i))
	}
	return cty.ListVal(vals)
}

func TestGet(t *testing.T) {
	rs, diags := Lens{}.Get(tree())
	want := map[engine.Addr]cty.Value{
		addr("client-server", "socket"):           cty.StringVal("/run/mysql.sock"),
		addr("mysqld", "skip_name_resolve"):       cty.True,
		addr("mysqld", "bind_address"):            cty.StringVal("127.0.0.1"),
		addr("mysqld", "port"):                    cty.NumberIntVal(3307),
		addr("mysqld", "replicate_do_db"):         strs("a", "b"),
		addr("mysqld", "innodb_buffer_pool_size"): cty.StringVal("64M"),
		addr("mysqld", "max_connections"):         cty.NumberIntVal(1024),
		addr("mysqld", "long_query_time"):         cty.NumberFloatVal(0.5),
		addr("mysqld", "log_bin"):                 cty.True,
		addr("mysqld", "gtid_strict_mode"):        cty.True,
		addr("client", "prompt"):                  cty.StringVal(`\u "q" `),
		addr("mysqld-10.3", "server_id"):          cty.NumberIntVal(1),
		addr("mysqldump", "quick"):                cty.True,
		addr("mysqldump", "max_allowed_packet"):   cty.StringVal("16M"),
	}
	for _, r := range rs {
		if w, ok := want[r.Addr]; !ok || !r.Value.GetAttr(attrValue).RawEquals(w) {
			t.Errorf("%s is %#v, want %#v", r.Addr, r.Value.GetAttr(attrValue), w)
		}
		delete(want, r.Addr)
	}
	if len(want) > 0 {
		t.Errorf("not shown: %v", want)
	}
	if text := lenstest.Text(diags); !strings.Contains(text, "broken.cnf:1: File cannot be read: a [ is not closed. MariaDB passes over") || diags.HasErrors() {
		t.Errorf("diagnostics: %s", text)
	}
	kept := Lens{}.Verbatim(tree())
	var at []string
	for _, k := range kept {
		at = append(at, k.Filename+":"+strings.Repeat("|", k.Start.Line))
	}
	if got := strings.Join(at, " "); got != "/etc/my.cnf.d/server.cnf:|||| /etc/my.cnf.d/server.cnf:|||||||||||||||||" {
		t.Errorf("kept verbatim: %s", got)
	}
	lenstest.GetPut(t, Lens{}, tree())
	lenstest.PutGot(t, Lens{}, tree())
}

func TestIncludes(t *testing.T) {
	open := lenstest.Tree{"/etc/my.cnf": "!includedir /etc/my.cnf.dx", "/etc/my.cnf.d/x": ""}
	if _, _, diags := (Lens{}).Put(open, []engine.Edit{edit("mysqld", "port", cty.NumberIntVal(1))}); diags.HasErrors() {
		t.Errorf("a file of its own is refused: %s", lenstest.Text(diags))
	}
	main := edit("mysqld", "port", cty.NumberIntVal(1))
	main.Attrs[attrFile] = cty.StringVal(mainFile)
	if _, _, diags := (Lens{}).Put(open, []engine.Edit{main}); !strings.Contains(lenstest.Text(diags), "no line feed ends") {
		t.Errorf("an include at the end: %s", lenstest.Text(diags))
	}
	for name, c := range map[string]struct {
		tree  lenstest.Tree
		want  string
		error bool
	}{
		"no directory":    {lenstest.Tree{"/etc/my.cnf": mainText, "/etc/x": ""}, "MariaDB does not start without it", true},
		"a file alone":    {lenstest.Tree{"/etc/my.cnf": mainText}, "would not start without it", false},
		"itself":          {lenstest.Tree{"/etc/my.cnf": "!include /etc/my.cnf\n[a]\nb=1\n"}, "", false},
		"a relative path": {lenstest.Tree{"/etc/my.cnf": "!include x.cnf\n"}, "is not known", false},
		"refused":         {lenstest.Tree{"/etc/my.cnf": "x=1\n"}, "MariaDB does not start with it", true},
		"nothing":         {lenstest.Tree{}, "", false},
	} {
		_, diags := Lens{}.Get(c.tree)
		if text := lenstest.Text(diags); !strings.Contains(text, c.want) || diags.HasErrors() != c.error || c.want == "" && text != "" {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func TestPut(t *testing.T) {
	after := lenstest.PutGet(t, Lens{}, tree(),
		edit("mysqld", "port", cty.NumberIntVal(3310)),
		edit("mysqld", "bind_address", cty.StringVal("::1 # not a comment")),
		edit("mysqld", "skip_name_resolve", cty.False),
		edit("mysqld", "gtid_strict_mode", cty.False),
		edit("mysqld", "log_bin", cty.StringVal("mariadb-bin")),
		edit("mysqld", "replicate_do_db", strs("a", "c", "d")),
		edit("mysqld", "innodb_buffer_pool_size", cty.StringVal("1G")),
		absent("client-server", "socket"),
		edit("mysqld", "sync_binlog", cty.NumberIntVal(1)),
		edit("mysqldump", "single_transaction", cty.True),
		edit("mysqld", "init_connect", cty.StringVal("SET NAMES 'utf8'")),
		edit("mysqld", "local_infile", cty.True),
		edit("mysqld", "log_slow_admin", cty.True))
	want := strings.NewReplacer("skip-name-resolve\n", "skip-name-resolve = OFF\n", "127.0.0.1", `"::1 # not a comment"`, "3307", "3310",
		"replicate_do_db=b\n", "replicate_do_db=c\nreplicate_do_db=d\n", "64M", "1G", "log-bin\n", "log-bin=mariadb-bin\n", "mode=on", "mode=off").Replace(serverText)
	want = strings.Replace(want, "resolve = OFF", "resolve=OFF", 1)
	if got := after["/etc/my.cnf.d/server.cnf"]; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got, want := after[newFile], "[mysqld]\ninit_connect=\"SET NAMES 'utf8'\"\nlocal_infile=ON\nlog_slow_admin\nsync_binlog=1\n\n[mysqldump]\nsingle_transaction=ON\n"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got, want := after["/etc/my.cnf"], strings.Replace(mainText, "socket=/run/mysql.sock # where", "# where", 1); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	own := lenstest.PutGet(t, Lens{}, after, absent("mysqld", "init_connect"), absent("mysqld", "sync_binlog"),
		absent("mysqldump", "single_transaction"), absent("mysqld", "local_infile"), absent("mysqld", "log_slow_admin"))
	if _, there := own[newFile]; there {
		t.Errorf("%s is left: %q", newFile, own[newFile])
	}
	included := lenstest.PutGet(t, Lens{}, lenstest.Tree{"/etc/my.cnf": "[a]\n!include /etc/x.cnf\n"}, edit("mysqld", "server_id", cty.NumberIntVal(2)))
	if included[mainFile] != "[a]\n!include /etc/x.cnf\n\n[mysqld]\nserver_id=2\n" {
		t.Errorf("behind an include: %q", included)
	}
	bare := lenstest.PutGet(t, Lens{}, lenstest.Tree{}, edit("mysqld", "server_id", cty.NumberIntVal(2)))
	if bare[mainFile] != "[mysqld]\nserver_id=2\n" {
		t.Errorf("without files: %q", bare)
	}
}

func TestPutRefuses(t *testing.T) {
	elsewhere := edit("mysqld", "port", cty.NumberIntVal(1))
	elsewhere.Attrs[attrFile] = cty.StringVal("/etc/my.cnf")
	nowhere := edit("mysqld", "new", cty.NumberIntVal(1))
	nowhere.Attrs[attrFile] = cty.StringVal("/etc/my.cnf.d/x.conf")
	for want, e := range map[string]engine.Edit{
		"is a number":            edit("mysqld", "port", cty.StringVal("many")),
		"true or false":          edit("mysqld", "gtid_strict_mode", cty.StringVal("perhaps")),
		"a number of bytes":      edit("mysqld", "innodb_buffer_pool_size", cty.StringVal("64 MB")),
		"is a list":              edit("mysqld", "replicate_do_db", cty.StringVal("a")),
		"no yes or no":           edit("mysqld", "datadir", cty.False),
		"two labels":             edit("", "port", cty.NumberIntVal(1)),
		"written with _":         edit("mysqld", "server-id", cty.NumberIntVal(1)),
		"cannot be one":          edit("mysqld", "a=b\nc", cty.NumberIntVal(1)),
		"A secret is not":        edit("client", "password", cty.StringVal("x")),
		"is set in":              elsewhere,
		"would not read it":      nowhere,
		"no way to say":          edit("mysqld", "datadir", cty.StringVal("a\x00b")),
		"Option without a value": {Addr: addr("mysqld", "new")},
	} {
		files, _, diags := Lens{}.Put(tree(), []engine.Edit{e})
		if !diags.HasErrors() || len(files) > 0 || !strings.Contains(lenstest.Text(diags), want) {
			t.Errorf("%s: got %v %s", want, files, lenstest.Text(diags))
		}
	}
}

func TestTooMany(t *testing.T) {
	big := "[mysqld]\n" + strings.Repeat("x=1\n", 1001)
	rs, diags := Lens{}.Get(lenstest.Tree{"/etc/my.cnf": big})
	if len(rs) > 0 || !strings.Contains(lenstest.Text(diags), "1001 of them") {
		t.Errorf("%d shown: %s", len(rs), lenstest.Text(diags))
	}
}

func TestLaws(t *testing.T) {
	keys := rapid.SampledFrom([]string{"port", "read_only", "tmpdir", "key_buffer_size", "binlog_do_db", "loose_x"})
	groups := rapid.SampledFrom([]string{"mysqld", "client", "mariadb-10.3"})
	texts := rapid.SampledFrom([]string{"1", "0", "on", "OFF", "16M", "a b", `"q # r"`, `it's`, `\t\\`, "", "x # said"})
	rapid.Check(t, func(t *rapid.T) {
		file := func(name string) string {
			nl := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, name+" line end")
			var b strings.Builder
			for range rapid.IntRange(0, 3).Draw(t, "groups") {
				b.WriteString("[" + groups.Draw(t, "group") + "]" + nl)
				for range rapid.IntRange(0, 4).Draw(t, "settings") {
					key := keys.Draw(t, "key")
					if rapid.Bool().Draw(t, "dashes") {
						key = strings.ReplaceAll(key, "_", "-")
					}
					b.WriteString(rapid.SampledFrom([]string{"", "", "  ", "#"}).Draw(t, "before") + key)
					if rapid.IntRange(0, 5).Draw(t, "bare") > 0 {
						b.WriteString(rapid.SampledFrom([]string{"=", " = "}).Draw(t, "equals") + texts.Draw(t, "value"))
					}
					b.WriteString(nl + rapid.SampledFrom([]string{"", "", nl, "; said" + nl}).Draw(t, "after"))
				}
			}
			return b.String()
		}
		tr := lenstest.Tree{"/etc/my.cnf": file("main") + "[x]\n!includedir /etc/my.cnf.d\n", "/etc/my.cnf.d/a.cnf": file("a"), "/etc/my.cnf.d/b.cnf": file("b")}
		lenstest.GetPut(t, Lens{}, tr)
		lenstest.PutGot(t, Lens{}, tr)
		var edits []engine.Edit
		for i, key := range rapid.SliceOfNDistinct(keys, 1, 3, rapid.ID).Draw(t, "edited") {
			e := edit(groups.Draw(t, "in"), key, cty.StringVal(rapid.SampledFrom([]string{"x", "a # b", `"q"`, `c:\new`, " blank "}).Draw(t, "text")))
			switch key {
			case "port":
				e.Attrs[attrValue] = cty.NumberIntVal(int64(3300 + i))
			case "read_only":
				e.Attrs[attrValue] = cty.BoolVal(rapid.Bool().Draw(t, "on"))
			case "key_buffer_size":
				e.Attrs[attrValue] = cty.StringVal("1G")
			case "binlog_do_db":
				e.Attrs[attrValue] = strs(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c d"}), 1, 3).Draw(t, "items")...)
			}
			e.Absent = rapid.IntRange(0, 4).Draw(t, "absent") == 0
			edits = append(edits, e)
		}
		lenstest.PutGet(t, Lens{}, tr, edits...)
	})
}

func FuzzFile(f *testing.F) {
	f.Add(mainText)
	f.Add(serverText)
	f.Fuzz(func(t *testing.T, text string) {
		if strings.HasPrefix(text, lenstest.LinkTo) {
			t.Skip()
		}
		tr := lenstest.Tree{"/etc/my.cnf": text}
		lenstest.GetPut(t, Lens{}, tr)
		lenstest.PutGot(t, Lens{}, tr)
		last := text[strings.LastIndexByte(text, '\n')+1:]
		if _, diags := (Lens{}).Get(tr); !diags.HasErrors() && !strings.Contains(last, "!") {
			lenstest.PutGet(t, Lens{}, tr, edit("fuzzed", "by_test", cty.StringVal("x y")))
		}
	})
}
