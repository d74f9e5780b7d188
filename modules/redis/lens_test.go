package redis

import (
	"fmt"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"

	"hikae/engine"
	"hikae/modules/lenstest"
)

const house = `# redis of the house
bind 127.0.0.1 -::1
port 6379
PROTECTED-MODE yes

################################ SNAPSHOTTING  ################################
save 900 1
save 300 10
dir /var/lib/redis
maxmemory 256mb   
maxmemory 64mb
requirepass "hunter two"
rename-command CONFIG ""
slave-priority 50
logfile ""
replicaof 10.0.0.1 6379
list.odd a "b c" # d
include extra.conf
include /etc/redis.d/*.conf
`

func tree() lenstest.Tree {
	return lenstest.Tree{
		"/etc/redis.conf":           house,
		"/var/lib/redis/extra.conf": "hz 20\nclient-output-buffer-limit normal 0 0 0\r\nclient-output-buffer-limit pubsub 32mb 8mb 60\r\n",
		"/etc/redis.d/a.conf":       "port 6380",
		"/etc/redis.d/b.conf":       "notify-keyspace-events \"K E\"\nmaxclients\n",
		"/etc/redis.d/b.conf.off":   "port 1\n",
	}
}

func strs(items ...string) cty.Value {
	var vs []cty.Value
	for _, i := range items {
		vs = append(vs, cty.StringVal(i))
	}
	return cty.ListVal(vs)
}

func edit(name string, v cty.Value) engine.Edit {
	return engine.Edit{Addr: engine.Addr{Kind: Kind, Name: name}, Attrs: map[string]cty.Value{attrValue: v}}
}

func absent(name string) engine.Edit {
	return engine.Edit{Addr: engine.Addr{Kind: Kind, Name: name}, Absent: true}
}

func TestGet(t *testing.T) {
	rs, diags := Lens{}.Get(tree())
	got := map[string]cty.Value{}
	where := map[string]string{}
	for _, r := range rs {
		got[r.Addr.Name] = r.Value.GetAttr(attrValue)
		where[r.Addr.Name] = fmt.Sprintf("%s:%d", r.Range.Filename, r.Range.Start.Line)
	}
	want := map[string]cty.Value{
		"bind": strs("127.0.0.1", "-::1"), "port": cty.NumberIntVal(6380), "protected-mode": cty.True,
		"save": strs("900 1", "300 10"), "dir": cty.StringVal("/var/lib/redis"), "maxmemory": cty.StringVal("64mb"),
		"rename-command": strs(`CONFIG ""`), "replica-priority": cty.NumberIntVal(50), "logfile": cty.StringVal(""),
		"replicaof": cty.StringVal("10.0.0.1 6379"), "list.odd": cty.StringVal(`a "b c" # d`),
		"include": strs("extra.conf", "/etc/redis.d/*.conf"), "hz": cty.NumberIntVal(20),
		"client-output-buffer-limit": strs("normal 0 0 0", "pubsub 32mb 8mb 60"),
		"notify-keyspace-events":     cty.StringVal("K E"),
	}
	for name, v := range want {
		if g, ok := got[name]; !ok || !g.RawEquals(v) {
			t.Errorf("%s: %#v, want %#v", name, g, v)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d settings, want %d", len(got), len(want))
	}
	if where["port"] != "/etc/redis.d/a.conf:1" || where["maxmemory"] != "/etc/redis.conf:11" {
		t.Errorf("where: %v", where)
	}
	if text := lenstest.Text(diags); text != "/etc/redis.d/b.conf:2: Setting without a value: redis does not start: maxclients says nothing.\n" {
		t.Errorf("diagnostics: %s", text)
	}
	var kept []string
	for _, r := range (Lens{}).Verbatim(tree()) {
		kept = append(kept, fmt.Sprintf("%s:%d", r.Filename, r.Start.Line))
	}
	if s := strings.Join(kept, " "); s != "/etc/redis.conf:12 /etc/redis.d/b.conf:2" {
		t.Errorf("verbatim: %s", s)
	}
}

func TestPut(t *testing.T) {
	after := lenstest.PutGet(t, Lens{}, tree(),
		edit("maxmemory", cty.StringVal("512mb")), edit("port", cty.NumberIntVal(7000)), edit("bind", strs("10.0.0.2")),
		edit("save", strs("900 1", "60 10000", "30 1")), edit("protected-mode", cty.False), absent("hz"),
		edit("notify-keyspace-events", cty.StringVal("it's")), absent("rename-command"), edit("replica-priority", cty.NumberIntVal(10)),
		edit("appendonly", cty.True), edit("list.odd", cty.StringVal("x")), edit("hash-max-listpack-entries", cty.NumberIntVal(64)), edit("logfile", cty.StringVal("/var/log/a b")))
	want := strings.NewReplacer("bind 127.0.0.1 -::1", "bind 10.0.0.2", "PROTECTED-MODE yes", "PROTECTED-MODE no", "save 300 10", "save 60 10000\nsave 30 1",
		"maxmemory 64mb", "maxmemory 512mb", "rename-command CONFIG \"\"\n", "", "slave-priority 50", "slave-priority 10",
		`a "b c" # d`, "x", `logfile ""`, `logfile "/var/log/a b"`).Replace(house) + "appendonly yes\nhash-max-ziplist-entries 64\n"
	for path, want := range map[string]string{
		"/etc/redis.conf":           want,
		"/etc/redis.d/a.conf":       "port 7000",
		"/etc/redis.d/b.conf":       "notify-keyspace-events \"it's\"\nmaxclients\n",
		"/var/lib/redis/extra.conf": "client-output-buffer-limit normal 0 0 0\r\nclient-output-buffer-limit pubsub 32mb 8mb 60\r\n",
	} {
		if after[path] != want {
			t.Errorf("%s: %q\nwant %q", path, after[path], want)
		}
	}
	lenstest.GetPut(t, Lens{}, tree())
	lenstest.PutGot(t, Lens{}, tree())
	files, _, _ := Lens{}.Put(tree(), []engine.Edit{edit("dir", cty.NullVal(cty.String))})
	if len(files) != 1 || string(files[0].Bytes) != strings.Replace(house, "dir /var/lib/redis\n", "", 1) {
		t.Errorf("null: %v", files)
	}
	made := lenstest.PutGet(t, Lens{}, lenstest.Tree{"/etc/hosts": ""}, edit("maxmemory", cty.StringVal("1gb")), edit("save", strs("")))
	if got := made["/etc/redis.conf"]; got != "maxmemory 1gb\nsave \"\"\n" {
		t.Errorf("a new file: %q", got)
	}
}

func TestPutRefuses(t *testing.T) {
	for want, e := range map[string]engine.Edit{
		"a size: a number":          edit("maxmemory", cty.StringVal("lots")),
		"a whole number":            edit("port", cty.StringVal("1.5")),
		"true or false":             edit("appendonly", cty.StringVal("maybe")),
		"list of strings":           edit("save", cty.ListValEmpty(cty.String)),
		"one value, no list":        edit("dir", strs("a", "b")),
		"quotes are to be closed":   edit("save", strs(`"900`)),
		"no line of redis.conf":     edit("odd", cty.StringVal("a\nport 1")),
		`is written "a b"`:          edit("odd", cty.StringVal("a  b")),
		"password is no setting":    edit("requirepass", cty.StringVal("x")),
		"is shown as \"replicaof\"": edit("slaveof", cty.StringVal("x 1")),
		"cannot be one":             edit("a b", cty.StringVal("x")),
	} {
		files, _, diags := Lens{}.Put(tree(), []engine.Edit{e})
		if !diags.HasErrors() || len(files) > 0 || !strings.Contains(lenstest.Text(diags), want) {
			t.Errorf("%s: got %v %s", want, files, lenstest.Text(diags))
		}
	}
}

func TestIncludes(t *testing.T) {
	for name, c := range map[string]struct {
		tree lenstest.Tree
		want string
	}{
		"missing":       {lenstest.Tree{"/etc/redis.conf": "port 1\ninclude none.conf\n", "/etc/hosts": ""}, "/etc/redis.conf:2: Included file is missing: redis does not start: /none.conf is not there.\n"},
		"itself":        {lenstest.Tree{"/etc/redis.conf": "include /etc/redis.conf\n"}, "/etc/redis.conf:1: A file includes itself: redis does not start: /etc/redis.conf is being read already.\n"},
		"not read":      {lenstest.Tree{"/etc/redis.conf": "logfile \"\n"}, "/etc/redis.conf:1: File cannot be read: unbalanced quotes: this one is not closed on its line. redis does not start with it.\n"},
		"none there":    {lenstest.Tree{"/etc/redis.conf": "include /etc/x/*.conf\n"}, ""},
		"no redis":      {lenstest.Tree{"/etc/hosts": ""}, ""},
		"not of EL 8's": {lenstest.Tree{"/etc/redis/redis.conf": "logfile '"}, "/etc/redis/redis.conf:1: File cannot be read: unbalanced quotes: this one is not closed on its line. redis does not start with it.\n"},
	} {
		if _, diags := (Lens{}).Get(c.tree); lenstest.Text(diags) != c.want {
			t.Errorf("%s: %s", name, lenstest.Text(diags))
		}
	}
	if _, diags := (Lens{}).Get(lenstest.Tree{"/etc/redis.conf": "include none.conf\n"}); diags.HasErrors() || len(diags) != 1 {
		t.Errorf("a lone file: %s", lenstest.Text(diags))
	}
}

func TestLaws(t *testing.T) {
	names := rapid.SampledFrom([]string{"bind", "PORT", "save", "maxmemory", "appendonly", "user", "odd", "slave-read-only", "include", "dir"})
	args := rapid.SampledFrom([]string{"", "yes", "1", "64mb", "a  b", `"x y"`, `'q'`, `""`, "/etc/inc.conf", "/etc/inc*", "1 2 # 3", "\xff"})
	wishes := []engine.Edit{
		edit("bind", strs("::1", "a b")), edit("port", cty.NumberIntVal(1)), edit("save", strs("", "1 2")), edit("maxmemory", cty.StringVal("1GB")),
		edit("appendonly", cty.True), edit("odd", strs("1", "2 3")), edit("odd", cty.StringVal(`"x y" z`)), edit("replica-read-only", cty.False),
		edit("dir", cty.StringVal("/a b")), absent("save"), absent("odd"),
	}
	rapid.Check(t, func(t *rapid.T) {
		nl := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "line end")
		file := func(included bool) string {
			all := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
				name := names.Draw(t, "name")
				if included && name == "include" {
					name = "hz"
				}
				return rapid.SampledFrom([]string{"", " ", "#", "\t"}).Draw(t, "before") + name + rapid.SampledFrom([]string{" ", "\t  "}).Draw(t, "blank") + args.Draw(t, "args")
			}), 0, 6).Draw(t, "lines")
			return strings.Join(all, nl) + rapid.SampledFrom([]string{"", nl}).Draw(t, "last line's end")
		}
		tr := lenstest.Tree{"/etc/redis.conf": file(false), "/etc/inc.conf": file(true)}
		lenstest.GetPut(t, Lens{}, tr)
		lenstest.PutGot(t, Lens{}, tr)
		if _, diags := (Lens{}).Get(tr); !diags.HasErrors() && !strings.Contains(tr["/etc/redis.conf"], "include") {
			lenstest.PutGet(t, Lens{}, tr, rapid.SampledFrom(wishes).Draw(t, "wish"))
		}
	})
}

func FuzzLens(f *testing.F) {
	f.Add(house, "512mb")
	f.Add("save 1 2\nmaxmemory \"1\"", "x")
	f.Fuzz(func(t *testing.T, text, value string) {
		if strings.HasPrefix(text, lenstest.LinkTo) {
			t.Skip()
		}
		tr := lenstest.Tree{"/etc/redis.conf": text, "/etc/hosts": ""}
		lenstest.GetPut(t, Lens{}, tr)
		lenstest.PutGot(t, Lens{}, tr)
		e := edit("logfile", cty.StringVal(value))
		if _, _, diags := (Lens{}).Put(tr, []engine.Edit{e}); !diags.HasErrors() {
			lenstest.PutGet(t, Lens{}, tr, e)
		}
	})
}
