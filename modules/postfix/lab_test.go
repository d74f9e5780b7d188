package postfix

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/postfix"
	"hikae/modules/internal/lensput"
	"hikae/modules/lenstest"
)

// asked is what programs of the lab's Postfix say of directories of files: for
// each directory and command its exit code, its output and its complaints. They
// run many at once: each waits more than it works.
func asked(t *testing.T, dirs []map[string]string, command string) [][3]string {
	t.Helper()
	files := map[string]string{}
	for i, d := range dirs {
		for name, text := range d {
			files[fmt.Sprintf("d%04d/%s", i, name)] = text
		}
	}
	const each = `cd "$0" && { %s; } >out 2>err; echo $? >rc`
	out := lenstest.Daemon(t, files, "ls | xargs -P 48 -n 1 bash -c '"+strings.ReplaceAll(fmt.Sprintf(each, command), "'", `'\''`)+
		"'\nfor d in *; do echo $(cat $d/rc) .$(base64 -w0 $d/out) .$(base64 -w0 $d/err); done\n")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != len(dirs) {
		t.Fatalf("%d answers to %d questions", len(lines), len(dirs))
	}
	answers := make([][3]string, len(dirs))
	for i, l := range lines {
		words := strings.Fields(l)
		answers[i][0] = words[0]
		for k := 1; k < 3; k++ {
			b, err := base64.StdEncoding.DecodeString(words[k][1:])
			if err != nil {
				t.Fatal(err)
			}
			answers[i][k] = string(b)
		}
	}
	return answers
}

// mixed makes files of parts, and of a file with parts thrown in.
func mixed(seed uint64, whole string, parts []string, n int) []string {
	r := rand.New(rand.NewPCG(seed, 1))
	texts := []string{"", whole}
	for len(texts) < n {
		var b strings.Builder
		if len(texts)%2 == 0 {
			at, end := r.IntN(len(whole)), r.IntN(len(whole))
			b.WriteString(whole[:at] + parts[r.IntN(len(parts))] + whole[max(at, end):])
		} else {
			for range r.IntN(16) {
				b.WriteString(parts[r.IntN(len(parts))])
			}
		}
		texts = append(texts, b.String())
	}
	return texts
}

const mainParts = "a|b| |=|\t|\n|\n\n|\n |\r\n|#|\n#|{|}|,|\x00|\xff|\nmyhostname = |\nmydestination=|\nbiff = |yes|\nrelayhost =\n|\n [a]:25"

// TestLabMain compares main.cf with postconf -n: what is refused, and what each
// parameter is.
func TestLabMain(t *testing.T) {
	texts := mixed(20, mainCF, strings.Split(mainParts, "|"), 120)
	var dirs []map[string]string
	for _, s := range texts {
		dirs = append(dirs, map[string]string{"main.cf": s, "master.cf": ""})
	}
	refused := 0
	for i, a := range asked(t, dirs, "postconf -c . -n") {
		f, err := postfix.ParseMain([]byte(texts[i]))
		bad := strings.Contains(a[2], "missing '=' after attribute name") || strings.Contains(a[2], "missing attribute name")
		if bad != (err != nil) {
			t.Errorf("%q: postconf: %s%s; here: %v", texts[i], a[0], a[2], err)
		}
		if err != nil {
			refused++
		}
		if err != nil || a[0] != "0" { // what it evaluates may be wrong too
			continue
		}
		c := &config{tree: lenstest.Tree{}, main: fileOf(f)}
		for line := range strings.Lines(a[1]) {
			name, want, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " =")
			if name == "config_directory" {
				continue
			}
			// It prints what blanks part with one blank between.
			n := c.set(name)
			if n == nil || !slices.Equal(strings.FieldsFunc(postfix.Value(f.Source(), n), parts), strings.FieldsFunc(want, parts)) {
				t.Errorf("%q: %s is %q to postconf", texts[i], name, want)
			}
		}
	}
	t.Logf("%d files, %d refused by both", len(texts), refused)
}

func parts(r rune) bool { return strings.ContainsRune(" \t\r\n", r) }

const masterParts = "a| | |-|\t|\n|\n |\n#|{|}|=|-o|-o x=y|-ox=y|\n  -o { a = b }|\nsmtp inet n - n - - smtpd|\nx unix - - - 5? 1 y|\n\r\n|{ a b }|-v|60|?|n|--| z=w|\x00|,"

// TestLabMaster compares master.cf with postconf -M, -F and -P: what is refused,
// the columns, and the options of services that are there once.
func TestLabMaster(t *testing.T) {
	whole := strings.ReplaceAll(masterCF, "-otransport_maps=hash:/etc/postfix/transport", "-orelay_maps=hash:/etc/x")
	texts := mixed(21, whole, strings.Split(masterParts, "|"), 120)
	var dirs []map[string]string
	for _, s := range texts {
		dirs = append(dirs, map[string]string{"main.cf": "compatibility_level = 2\nmyhostname = a.b\n", "master.cf": s})
	}
	refused, options := 0, 0
	for i, a := range asked(t, dirs, "postconf -c . -M >/dev/null && { postconf -c . -F; echo ==; postconf -c . -P; }") {
		f, err := postfix.ParseMaster([]byte(texts[i]))
		// Of braces postconf only complains where master(8) gives up.
		bad := a[0] != "0" || strings.Contains(a[2], "master.cf: missing '}'") || strings.Contains(a[2], "master.cf: syntax error after '}'")
		if bad != (err != nil) {
			t.Errorf("%q: postconf: %s%s; here: %v", texts[i], a[0], a[2], err)
			continue
		}
		if err != nil {
			refused++
			continue
		}
		c := &config{tree: lenstest.Tree{}, master: fileOf(f)}
		columns, params, _ := strings.Cut(a[1], "==\n")
		counts := map[string]int{}
		for _, n := range f.Root.Nodes {
			counts[serviceName(f.Source(), n)]++
		}
		for line := range strings.Lines(columns) {
			key, want, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " = ")
			at := strings.LastIndexByte(key, '/')
			if counts[key[:at]] != 1 {
				continue
			}
			if got, known := column(c, key[:at], key[at+1:]); known && got != want {
				t.Errorf("%q: %s is %q, to postconf %q", texts[i], key, got, want)
			}
		}
		// To postconf, and to no other program, an o in what is joined to a -o is an
		// option of its own.
		if joined.MatchString(texts[i]) {
			continue
		}
		got := map[string]string{}
		services, _ := c.services()
		for _, r := range services {
			o := r.Value.GetAttr(attrOptions)
			if o.IsNull() || counts[r.Addr.Name] != 1 {
				continue
			}
			for name, v := range o.AsValueMap() {
				got[r.Addr.Name+"/"+name] = v.AsString()
			}
		}
		for line := range strings.Lines(params) {
			key, want, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " =")
			if counts[key[:strings.LastIndexByte(key, '/')]] != 1 {
				continue
			}
			options++
			if v, ok := got[key]; !ok || !slices.Equal(strings.FieldsFunc(v, parts), strings.FieldsFunc(want, parts)) {
				t.Errorf("%q: %s is %q, to postconf %q", texts[i], key, v, want)
			}
			delete(got, key)
		}
		for key, v := range got {
			t.Errorf("%q: %s = %q is none to postconf", texts[i], key, v)
		}
	}
	t.Logf("%d files, %d refused by both, %d options compared", len(texts), refused, options)
}

var joined = regexp.MustCompile(`(^|\s)-o\S*o`)

// column is a column of a service as it stands in its line.
func column(c *config, service, field string) (string, bool) {
	n := c.named(service)[0]
	for i, col := range columns {
		if field == col.attr && field != "command" {
			return n.Word(c.master.Source(), firstColumn+i), true
		}
	}
	return "", false
}

const tableParts = "a@b|k| |\t|\n|\n |\n#|\"|\\|:|,|v w|\r\n|\n@x y|\nA@B z|\n\"q r\"@x s|日本|\x00|\n  more"

// TestLabTables compares tables with what postmap makes of them. What is no UTF-8 it
// passes over or not, as smtputf8_enable has it.
func TestLabTables(t *testing.T) {
	whole := tree()["/etc/postfix/virtual"] + tree()["/etc/postfix/access"]
	texts := mixed(22, whole, strings.Split(tableParts, "|"), 120)
	var dirs []map[string]string
	for _, s := range texts {
		dirs = append(dirs, map[string]string{"t": s})
	}
	for i, a := range asked(t, dirs, "postmap hash:./t && postmap -s hash:./t") {
		tab := &table{path: "/t", byName: map[string][]*entry{}}
		f, err := postfix.ParseTable([]byte(texts[i]))
		if err != nil || a[0] != "0" {
			t.Fatalf("%q: %v, %s", texts[i], err, a[2])
		}
		tab.file = fileOf(f)
		tab.read()
		var got []string
		for _, e := range tab.entries {
			got = append(got, folded(e.name)+"\t"+e.text)
		}
		sameLines(t, texts[i], got, strings.Split(strings.TrimSuffix(a[1], "\n"), "\n"))
	}
}

const aliasParts = "root|k| |\t|\n|\n |\n#|\"|:|,|a b|\nx: y|\nX: z|\n\"q r\": s|\n  more|: |,,|\"|prog a,b\"|/file|:include:/x"

// TestLabAliases compares aliases with what postalias makes of them: which there
// are, and to how many each leads.
func TestLabAliases(t *testing.T) {
	texts := mixed(23, tree()[aliasesPath], strings.Split(aliasParts, "|"), 120)
	var dirs []map[string]string
	for _, s := range texts {
		dirs = append(dirs, map[string]string{"t": s})
	}
	compact := strings.NewReplacer(" ", "", "\t", "", "\"", "", "\\", "", ",", "")
	for i, a := range asked(t, dirs, "postalias hash:./t && postalias -s hash:./t") {
		tab := &table{path: "/t", alias: true, byName: map[string][]*entry{}}
		f, err := postfix.ParseAliases([]byte(texts[i]))
		if err != nil || a[0] != "0" {
			t.Fatalf("%q: %v, %s", texts[i], err, a[2])
		}
		tab.file = fileOf(f)
		tab.read()
		var got, want []string
		for _, e := range tab.entries {
			got = append(got, compact.Replace(folded(e.name))+"\t"+compact.Replace(strings.Join(tab.targets(e), "")))
		}
		for line := range strings.Lines(a[1]) {
			if key, to, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t"); key != "@:" && !strings.HasPrefix(key, "YP_") && compact.Replace(to) != "" {
				want = append(want, compact.Replace(strings.TrimSuffix(key, ":"))+"\t"+compact.Replace(to))
			}
		}
		sameLines(t, texts[i], got, want)
	}
}

func sameLines(t *testing.T, src string, got, want []string) {
	t.Helper()
	sort.Strings(got)
	sort.Strings(want)
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("%q:\n%q\nto Postfix:\n%q", src, g, w)
	}
}

// TestLabPut has Postfix read what the lens writes.
func TestLabPut(t *testing.T) {
	tr := tree()
	tr[mainPath] = strings.ReplaceAll(mainCF, "$soft", "no")
	files, _, diags := Lens{}.Put(tr, []engine.Edit{
		param("mydestination", strs("$myhostname", "example.net")),
		param("smtpd_helo_required", cty.True),
		edit(KindService, "", "submission/inet", map[string]cty.Value{"options": cty.MapVal(map[string]cty.Value{"syslog_name": cty.StringVal("x y"), "smtpd_tls_auth_only": cty.StringVal("no")})}),
		edit(KindService, "", "2525/inet", map[string]cty.Value{"private": cty.False, "command": cty.StringVal("smtpd"), "args": strs("-v")}),
	})
	if diags.HasErrors() {
		t.Fatal(lenstest.Text(diags))
	}
	after := tr.With(files)
	a := asked(t, []map[string]string{{"main.cf": after[mainPath], "master.cf": after[masterPath]}},
		"postconf -c . -h mydestination smtpd_helo_required; postconf -c . -P submission/inet/syslog_name submission/inet/smtpd_tls_auth_only; postconf -c . -M 2525/inet")[0]
	if want := "$myhostname, example.net,\nyes\nsubmission/inet/syslog_name = x y\nsubmission/inet/smtpd_tls_auth_only = no\n2525       inet  n       -       -       -       -       smtpd -v\n"; a[1] != want {
		t.Errorf("postconf says %q, %s", a[1], a[2])
	}
}

func fileOf(f *lens.File) *lensput.File {
	return &lensput.File{Path: "/t", Document: f.Document, Tree: f}
}
