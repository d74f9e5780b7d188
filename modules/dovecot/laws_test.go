package dovecot_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"

	"hikae/engine"
	"hikae/modules/dovecot"
	"hikae/modules/lenstest"
)

// known are settings of each type and values for them.
var known = []struct {
	name   string
	raw    []string
	values []cty.Value
}{
	{"mail_debug", []string{"yes", "NO", "maybe", "$x"}, []cty.Value{cty.True, cty.False}},
	{"first_valid_uid", []string{"1", "x", "4294967296"}, []cty.Value{cty.NumberIntVal(0), cty.NumberIntVal(1000)}},
	{"mail_plugins", []string{"a  b", "a \\\n  b", "\"a b\"", ""}, []cty.Value{strs("a"), strs("$mail_plugins", "d"), strs("b#c", "d"), strs()}},
	{"listen", []string{"*, ::", "a,b", "*"}, []cty.Value{strs("*"), strs("1", "2")}},
	{"auth_cache_ttl", []string{"1 hour", "0"}, []cty.Value{cty.StringVal("30 mins"), cty.StringVal("2 secs")}},
	{"mode", []string{"0600", "\"0600\""}, []cty.Value{cty.StringVal("0666")}},
	{"quota", []string{"a # b", "'a # b'", "\"$x\"", "< /a", "don't", "\"", "caf\xe9", "", "\"\\\"\""},
		[]cty.Value{cty.StringVal(""), cty.StringVal("a # b"), cty.StringVal(`"$x"`), cty.StringVal("$x y"), cty.StringVal("</a/b"), cty.StringVal(`a\b "c"`), cty.StringVal("don't")}},
}

var blocks = []string{"plugin", "service a", "protocol imap", "passdb", "namespace", "namespace inbox", "unix_listener /a/b", `mailbox "c d"`, "x"}

// genBody is lines of a block, or of a file.
func genBody(t *rapid.T, depth int) string {
	var b strings.Builder
	indent := strings.Repeat("  ", depth)
	for range rapid.IntRange(0, 5).Draw(t, "lines") {
		switch rapid.IntRange(0, 8).Draw(t, "line") {
		case 0:
			b.WriteString(rapid.SampledFrom([]string{"\n", "# comment\n", indent + "#mail_debug = no\n", "#quota=\n", "\t\n"}).Draw(t, "nothing"))
		case 1, 2:
			if depth < 3 {
				b.WriteString(indent + rapid.SampledFrom(blocks).Draw(t, "block") + " {\n" + genBody(t, depth+1) + indent + "}\n")
			}
		default:
			k := rapid.SampledFrom(known).Draw(t, "setting")
			b.WriteString(indent + k.name + rapid.SampledFrom([]string{" = ", "=", " ="}).Draw(t, "equals") + rapid.SampledFrom(k.raw).Draw(t, "raw") +
				rapid.SampledFrom([]string{"", "", " # comment"}).Draw(t, "comment") + "\n")
		}
	}
	return b.String()
}

func genTree(t *rapid.T) lenstest.Tree {
	end := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "line end")
	text := func() string { return strings.ReplaceAll(genBody(t, 0), "\n", end) }
	tr := lenstest.Tree{
		"/etc/dovecot/dovecot.conf":  text() + "!include conf.d/*.conf" + end + text(),
		"/etc/dovecot/conf.d/a.conf": strings.TrimSuffix(text(), end),
		"/etc/dovecot/conf.d/b.conf": text(),
	}
	if rapid.Bool().Draw(t, "its own file") {
		tr["/etc/dovecot/conf.d/99-hikae.conf"] = text()
	}
	return tr
}

// genEdit is a possible edit of a setting that stands there, or of a new one in a
// block that stands there.
func genEdit(t *rapid.T, tr lenstest.Tree) engine.Edit {
	ins := []string{""}
	all, _ := dovecot.Lens{}.Get(tr)
	for _, r := range all {
		if r.Addr.Kind == dovecot.BlockKind {
			in := r.Addr.Name
			if r.Addr.In != "" {
				in = r.Addr.In + " / " + in
			}
			ins = append(ins, in)
		}
	}
	k := rapid.SampledFrom(known).Draw(t, "name")
	addr := setting(rapid.SampledFrom(ins).Draw(t, "in"), k.name)
	if rapid.IntRange(0, 4).Draw(t, "gone") == 0 {
		return gone(addr)
	}
	v := rapid.SampledFrom(k.values).Draw(t, "value")
	if in := addr.In; k.name != "quota" && !strings.HasPrefix(in, "protocol") || strings.Contains(in, "/") { // it has its type at the top
		addr.In = ""
		if k.name == "mode" {
			addr.Name, v = "quota", cty.StringVal("x")
		}
	}
	return put(addr, v)
}

func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := genTree(t)
		lenstest.GetPut(t, dovecot.Lens{}, tr)
		lenstest.PutGot(t, dovecot.Lens{}, tr)
		e := genEdit(t, tr)
		if have, _ := (dovecot.Lens{}).Get(tr); e.Absent && !shows(have, e.Addr) {
			return // what stands there cannot be shown
		}
		after := lenstest.PutGet(t, dovecot.Lens{}, tr, e)
		if err := untouched(tr, after, e); err != nil {
			t.Error(err)
		}
	})
}

func shows(rs []engine.Resource, a engine.Addr) bool {
	for _, r := range rs {
		if r.Addr == a {
			return true
		}
	}
	return false
}

// untouched tells whether every line that does not name the setting is there
// after an edit as it was before.
func untouched(before, after lenstest.Tree, e engine.Edit) error {
	others := func(s string) string {
		var kept []string
		for l := range strings.Lines(strings.NewReplacer("\\\n", "", "\\\r\n", "").Replace(s)) {
			if !strings.HasPrefix(strings.TrimLeft(l, " \t"), e.Addr.Name) && !strings.HasPrefix(strings.TrimLeft(l, " \t"), "# ") {
				kept = append(kept, strings.TrimRight(l, "\r\n"))
			}
		}
		return strings.Join(kept, "\n")
	}
	for name, text := range before {
		left, there := after[name]
		if a, b := others(text), others(left); a != b && (there || strings.TrimSpace(a) != "") { // a file of blanks alone is removed
			return fmt.Errorf("an edit of %s makes of %s\n%q\n%q", e.Addr, name, text, left)
		}
	}
	return nil
}

func FuzzLaws(f *testing.F) {
	f.Add(mainConf, authConf, "quota", "x # y")
	f.Add("!include conf.d/*.conf\n", masterConf, "mail_debug", "")
	f.Add("a = b \\\n", mailConf, "a", "\"")
	f.Fuzz(func(t *testing.T, main, conf, name, value string) {
		tr := lenstest.Tree{"/etc/dovecot/dovecot.conf": main, "/etc/dovecot/conf.d/a.conf": conf}
		lenstest.GetPut(t, dovecot.Lens{}, tr)
		lenstest.PutGot(t, dovecot.Lens{}, tr)
		e := put(setting("", name), cty.StringVal(value))
		if _, _, diags := (dovecot.Lens{}).Put(tr, []engine.Edit{e}); diags.HasErrors() {
			return
		}
		_, _ = dovecot.Lens{}.Verbatim(tr), tr
		if before, _ := (dovecot.Lens{}).Get(tr); !shows(before, e.Addr) && strings.Contains(main+conf, name) {
			return // there and not to be shown, or of another type
		}
		if strings.HasPrefix(name, "mail_") || strings.HasPrefix(name, "auth_") {
			return // values of another type than text are told by TestLaws
		}
		lenstest.PutGet(t, dovecot.Lens{}, tr, e)
	})
}
