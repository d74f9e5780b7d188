package postfix

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"

	"hikae/engine"
	"hikae/modules/lenstest"
)

func TestPutRefuses(t *testing.T) {
	options := func(name, value string) engine.Edit {
		return edit(KindService, "", "smtp/inet", map[string]cty.Value{attrOptions: cty.MapVal(map[string]cty.Value{name: cty.StringVal(value)})})
	}
	for want, e := range map[string]engine.Edit{
		"is not set yet":                      edit(KindParameter, "", "relayhost", nil),
		"it is true or false":                 param("biff", cty.StringVal("yes")),
		"it is no boolean to Postfix":         param("myhostname", cty.True),
		"whole number, without quotes":        param("message_size_limit", cty.StringVal("1M")),
		"no whole number to Postfix":          param("max_idle", cty.NumberIntVal(3)),
		"it is a time":                        param("max_idle", cty.StringVal("3 days")),
		"it is a list of strings":             param("mydestination", cty.StringVal("a, b")),
		"would part":                          param("mydestination", strs("a, b")),
		"one item":                            param("smtpd_client_restrictions", strs("check_client_access", "hash:/x")),
		"it is no list to Postfix":            param("myhostname", strs("a")),
		"one line":                            param("myhostname", cty.StringVal("a\nb = c")),
		"Not a parameter's name":              param("a b", cty.StringVal("c")),
		"does not begin with #":               param("#a", cty.StringVal("c")),
		"by its name below daemon_directory":  edit(KindService, "", "x/unix", nil),
		"named as master.cf does":             edit(KindService, "", "x", map[string]cty.Value{"command": cty.StringVal("y")}),
		"write private = false":               edit(KindService, "", "x/inet", map[string]cty.Value{"command": cty.StringVal("y")}),
		`"often" is not a wakeup time`:        edit(KindService, "", "smtp/inet", map[string]cty.Value{"wakeup": cty.StringVal("often")}),
		`"1.5" is not how many`:               edit(KindService, "", "smtp/inet", map[string]cty.Value{"process_limit": cty.NumberFloatVal(1.5)}),
		`The option "a b"`:                    options("a b", "c"),
		`The option "open"`:                   options("open", "{ x"),
		`The argument "a\nb"`:                 edit(KindService, "", "smtp/inet", map[string]cty.Value{attrArgs: strs("a\nb")}),
		"written among the options":           edit(KindService, "", "smtp/inet", map[string]cty.Value{attrArgs: strs("-o", "x=y")}),
		"No table of Postfix's":               set(KindMap, "/etc/shadow", "root", cty.StringVal("x")),
		"Table of passwords":                  set(KindMap, "/etc/postfix/sasl_passwd", "relay", cty.StringVal("x")),
		"What is found under":                 set(KindMap, "/etc/postfix/access", "10", cty.StringVal(" ")),
		"a key does not begin with #":         set(KindMap, "/etc/postfix/access", "a b", cty.StringVal("x")),
		"is not there yet":                    edit(KindMap, "/etc/postfix/access", "new", nil),
		"Alias cannot be written":             set(KindAlias, "", "x", strs("a b: c, d")),
		"what its mail goes to":               set(KindAlias, "", "a: b", strs("c")),
		"neither main.cf nor master.cf names": set(KindAlias, "/etc/shadow", "x", strs("c")),
	} {
		files, _, diags := Lens{}.Put(tree(), []engine.Edit{e})
		if !diags.HasErrors() || len(files) > 0 || !strings.Contains(lenstest.Text(diags), want) {
			t.Errorf("%s: got %v %s", want, files, lenstest.Text(diags))
		}
	}
}

// TestNull takes settings out, and what is not there is no fault.
func TestNull(t *testing.T) {
	tr := tree()
	files, _, diags := Lens{}.Put(tr, []engine.Edit{
		param("smtpd_banner", cty.NullVal(cty.DynamicPseudoType)), absent(KindParameter, "", "none"), absent(KindService, "", "none/unix"),
		set(KindMap, "/etc/postfix/access", "10", cty.NullVal(cty.String)), absent(KindMap, "/etc/none", "x"), absent(KindAlias, "", "ROOT"), absent(KindAlias, "", "none"),
		edit(KindService, "", "submission/inet", map[string]cty.Value{attrOptions: cty.NullVal(cty.Map(cty.String)), attrArgs: cty.NullVal(cty.List(cty.String))}),
	})
	if diags.HasErrors() {
		t.Fatal(lenstest.Text(diags))
	}
	after := tr.With(files)
	for p, want := range map[string]string{
		mainPath:              strings.NewReplacer("smtpd_banner = old\n", "", "smtpd_banner = $myhostname ESMTP\n", "").Replace(mainCF),
		"/etc/postfix/access": "# who may\n192.0.2.1   OK\n192.0.2.0/24\n",
		aliasesPath:           "postmaster: root\n# people\n",
	} {
		if after[p] != want {
			t.Errorf("%s:\n%s", p, after[p])
		}
	}
	want := "submission inet n       -       n       -       10      smtpd\n  # in between\npickup"
	if !strings.Contains(after[masterPath], want) {
		t.Errorf("master.cf:\n%s", after[masterPath])
	}
}

func TestNew(t *testing.T) {
	after := lenstest.PutGet(t, Lens{}, lenstest.Tree{}, param("myhostname", cty.StringVal("x")), param("virtual_alias_maps", strs("hash:/etc/postfix/virtual")),
		set(KindMap, "/etc/postfix/virtual", "a@b", cty.StringVal("c")), set(KindAlias, "", "root", strs("ann")))
	for p, want := range map[string]string{mainPath: "myhostname = x\nvirtual_alias_maps = hash:/etc/postfix/virtual\n", "/etc/postfix/virtual": "a@b\tc\n", aliasesPath: "root: ann\n"} {
		if after[p] != want {
			t.Errorf("%s: %q", p, after[p])
		}
	}
}

func TestMany(t *testing.T) {
	var b strings.Builder
	for i := range maxEntries + 1 {
		fmt.Fprintf(&b, "k%d v\n", i)
	}
	tr := lenstest.Tree{mainPath: "virtual_alias_maps = hash:/etc/postfix/virtual\n", "/etc/postfix/virtual": b.String()}
	rs, diags := Lens{}.Get(tr)
	if len(rs) != 1 || !strings.Contains(lenstest.Text(diags), "has 1001 entries") {
		t.Errorf("%d resources, %s", len(rs), lenstest.Text(diags))
	}
	files, _, diags := Lens{}.Put(tr, []engine.Edit{set(KindMap, "/etc/postfix/virtual", "k7", cty.StringVal("w"))})
	if len(files) != 1 || string(files[0].Bytes) != strings.Replace(b.String(), "k7 v", "k7 w", 1) {
		t.Errorf("one of many: %s", lenstest.Text(diags))
	}
}

// TestAlone reads each sort of file by itself, and tells what Postfix refuses.
func TestAlone(t *testing.T) {
	for name, src := range map[string]string{"postfix-main": "a = b\n", "postfix-master": "a unix - - - - - b\n", "postfix-table": "a b\n", "aliases": "a: b\n"} {
		for _, g := range (Lens{}).Grammars() {
			if g.Name != name {
				continue
			}
			rs, diags := Lens{}.Get(lenstest.Tree{g.Place("x"): src})
			if len(rs) != 1 || len(diags) > 0 {
				t.Errorf("%s: %v %s", name, rs, lenstest.Text(diags))
			}
		}
	}
	_, diags := Lens{}.Get(lenstest.Tree{mainPath: "biff = maybe\nmax_idle = 3 days\nsoft_bounce = $biff\n"})
	if w := lenstest.Text(diags); !strings.Contains(w, `main.cf:1: Value that Postfix would not take: biff is "maybe": it is true or false.`) || !strings.Contains(w, "main.cf:2: ") || len(diags) != 2 {
		t.Errorf("wrong values: %s", w)
	}
	_, diags = Lens{}.Get(lenstest.Tree{mainPath: "a = b\nc\n", masterPath: "x\n"})
	if w := lenstest.Text(diags); !strings.HasPrefix(w, "/etc/postfix/main.cf:2: File cannot be read: an equals sign") || !strings.Contains(w, "master.cf:1: ") {
		t.Errorf("refused: %s", w)
	}
}

// sealed is a tree of which one file is a secret.
type sealed struct {
	lenstest.Tree
	secret string
}

func (s sealed) ReadFile(p string) ([]byte, error) {
	if p == s.secret {
		return nil, &fs.PathError{Op: "read", Path: p, Err: fs.ErrPermission}
	}
	return s.Tree.ReadFile(p)
}

// TestSealed tells of a file that is a secret and reads the rest.
func TestSealed(t *testing.T) {
	for p, want := range map[string]string{
		mainPath:               "main.cf:1: File cannot be read: read /etc/postfix/main.cf: permission denied. What it sets is not known.",
		"/etc/postfix/virtual": "virtual:1: File cannot be read: read /etc/postfix/virtual: permission denied. Its entries are not known.",
	} {
		rs, diags := Lens{}.Get(sealed{tree(), p})
		if w := lenstest.Text(diags); diags.HasErrors() || !strings.Contains(w, want) || len(rs) < 6 {
			t.Errorf("%s: %d resources, %s", p, len(rs), w)
		}
	}
	for p, e := range map[string]engine.Edit{mainPath: param("myhostname", cty.StringVal("x")), aliasesPath: set(KindAlias, "", "x", strs("y")),
		"/etc/postfix/virtual": set(KindMap, "/etc/postfix/virtual", "x", cty.StringVal("y")), masterPath: edit(KindService, "", "x/unix", map[string]cty.Value{"command": cty.StringVal("x")})} {
		files, _, diags := Lens{}.Put(sealed{tree(), p}, []engine.Edit{e})
		if len(files) > 0 || !strings.Contains(lenstest.Text(diags), "cannot be read here") {
			t.Errorf("%s, unread, is edited: %v %s", p, files, lenstest.Text(diags))
		}
	}
	// A table of passwords is not opened at all.
	if _, diags := (Lens{}).Get(sealed{tree(), "/etc/postfix/sasl_passwd"}); strings.Contains(lenstest.Text(diags), "sasl_passwd") {
		t.Error(lenstest.Text(diags))
	}
	_, diags := Lens{}.Get(lenstest.Tree{masterPath: "smtp inet - - n - - smtpd\n"})
	if w := lenstest.Text(diags); !strings.Contains(w, "master.cf:1: Service that Postfix would not take: smtp/inet is one of the network, and private") {
		t.Errorf("a private service of the network: %s", w)
	}
}

var (
	values = rapid.SampledFrom([]string{"", "a", "a, b", "a b,\n  c", "\n\ta,\n# x\n\tb\n", "yes", "NO", "5", "$x", "{ a, b } c", "10s", "check_client_access\n hash:/x, y", "日本", "\xff", "a,,b ,"})
	names  = rapid.SampledFrom([]string{"mydestination", "biff", "max_idle", "message_size_limit", "myhostname", "smtpd_client_restrictions"})
	listed = rapid.SampledFrom([]string{"a", "b", "c", "{ x, y }", "$z"})
	pairs  = rapid.SampledFrom([]string{" -o a=b", "\n  -o { a = c d }", " -v", "\n  -ob=c", " -o b={x y}", " x=y", "\n  # c\n  -o d=", " {p q}", "\n -o a=e"})
	lines  = rapid.SampledFrom([]string{"a b\n", "d c\nD e\n", "\"x y\" z\n  more\n", "k\n", "# c\n", "b: x,y\n", "a:\n  (c) d\n# c\n  , e\n", " lost\n"})
)

func drawTree(t *rapid.T) lenstest.Tree {
	var main, master strings.Builder
	for range rapid.IntRange(0, 4).Draw(t, "settings") {
		main.WriteString(names.Draw(t, "name") + rapid.SampledFrom([]string{" = ", "="}).Draw(t, "equals") + values.Draw(t, "value") + rapid.SampledFrom([]string{"\n", "\r\n", "\n\n# c\n"}).Draw(t, "end"))
	}
	main.WriteString("virtual_alias_maps = hash:/etc/postfix/virtual")
	for range rapid.IntRange(0, 3).Draw(t, "services") {
		master.WriteString(rapid.SampledFrom([]string{"a unix - n - 5? 1 c", "b   inet  n -\tn\n - - 3 d", "c fifo n - - - - e"}).Draw(t, "service") +
			strings.Join(rapid.SliceOfN(pairs, 0, 4).Draw(t, "arguments"), "") + "\n")
	}
	return lenstest.Tree{mainPath: main.String(), masterPath: master.String(),
		"/etc/postfix/virtual": strings.Join(rapid.SliceOfN(lines, 0, 4).Draw(t, "entries"), ""), aliasesPath: strings.Join(rapid.SliceOfN(lines, 0, 4).Draw(t, "aliases"), "")}
}

func drawEdits(t *rapid.T) []engine.Edit {
	list := rapid.SliceOfN(listed, 0, 4)
	options := map[string]cty.Value{}
	for _, n := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "d", "n"}), 1, 4, rapid.ID).Draw(t, "options") {
		options[n] = cty.StringVal(rapid.SampledFrom([]string{"", "b", "c d", "{x y}", "z"}).Draw(t, "option"))
	}
	edits := []engine.Edit{
		param("mydestination", strs(list.Draw(t, "mydestination")...)),
		param("smtpd_client_restrictions", strs(list.Draw(t, "restrictions")...)),
		param("biff", cty.BoolVal(rapid.Bool().Draw(t, "biff"))),
		param("myhostname", cty.StringVal(rapid.SampledFrom([]string{"", "a", "a  b"}).Draw(t, "myhostname"))),
		set(KindMap, "/etc/postfix/virtual", "a", cty.StringVal("new value")),
		set(KindAlias, "", "b", strs("x", "z")),
		edit(KindService, "", "a/unix", map[string]cty.Value{"command": cty.StringVal("c"), attrOptions: cty.MapVal(options)}),
		edit(KindService, "", "b/inet", map[string]cty.Value{"private": cty.False, "command": cty.StringVal("c"), attrArgs: strs(rapid.SliceOfN(rapid.SampledFrom([]string{"-v", "x=y", "p q"}), 1, 3).Draw(t, "args")...)}),
	}
	return edits[:rapid.IntRange(0, len(edits)).Draw(t, "edits")]
}

func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := drawTree(t)
		lenstest.GetPut(t, Lens{}, tr)
		lenstest.PutGot(t, Lens{}, tr)
		lenstest.PutGet(t, Lens{}, tr, drawEdits(t)...)
	})
}

func FuzzLens(f *testing.F) {
	f.Add(mainCF, masterCF, "a b\n", "c: d\n")
	f.Fuzz(func(t *testing.T, main, master, virtual, aliases string) {
		if strings.Contains(main+master+virtual+aliases, lenstest.LinkTo) {
			t.Skip()
		}
		tr := lenstest.Tree{mainPath: main, masterPath: master, "/etc/postfix/virtual": virtual, aliasesPath: aliases}
		if _, diags := (Lens{}).Get(tr); diags.HasErrors() {
			return
		}
		lenstest.GetPut(t, Lens{}, tr)
		lenstest.PutGot(t, Lens{}, tr)
		lenstest.PutGet(t, Lens{}, tr, param("mydestination", strs("$x", "fuzz")), set(KindAlias, "", "fuzz", strs("ann", "bob")))
	})
}
