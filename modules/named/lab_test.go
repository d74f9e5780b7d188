package named

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hikae/engine/lens"
	"hikae/engine/lens/braces"
	"hikae/engine/lens/zonefile"
	"hikae/modules/lenstest"
)

// refusal is what named's parser says of a file, as against what named makes of
// one that it has parsed.
var refusal = regexp.MustCompile(`(?m) (near|before) ('|end of file|eof)|unexpected end of input|unexpected '|unbalanced quotes|syntax error`)

// confs are named.conf files: generated ones and one with all sorts of
// statements.
func confs() []string {
	all := []string{
		strings.NewReplacer("include \"/etc/named/acl.conf\";\n", "acl lan { any; }; acl secondaries { none; };\n", "include \"/etc/named/keys.conf\";\n", "",
			"\tinclude \"/etc/named/internal.zones\";\n", "", "\tinclude \"/etc/named/block.zones\";\n", "", "\tdirectory \t\"/var/named\";\n", "").Replace(conf1),
		`controls { inet 127.0.0.1 port 953 allow { 127.0.0.1; } keys { "k"; } read-only yes; };
key "k" { algorithm hmac-sha256; secret "c2VjcmV0c2VjcmV0"; };
options { response-policy { zone "rpz"; } break-dnssec yes; deny-answer-aliases { "a.example"; } except-from { "b.example"; }; rate-limit { window 5; exempt-clients { any; }; }; };
zone "rpz" { type primary; file "rpz"; allow-update { !{ none; }; key "k"; }; };
`,
	}
	gen := rapid.Custom(func(t *rapid.T) string {
		tr := generated(t)
		return `key "k" { algorithm hmac-sha256; secret "c2VjcmV0c2VjcmV0"; }; primaries "x" { 192.0.2.5; };` + "\n" +
			strings.NewReplacer("type slave;", "type slave; masters { 192.0.2.9; };", `"k;"`, `"/tmp"`).Replace(strings.NewReplacer("include \"/etc/in\";", tr["/etc/in"], `directory "/v";`, "").Replace(tr["/etc/named.conf"]))
	})
	for i := range 25 {
		all = append(all, gen.Example(i))
	}
	return all
}

// punctuated are files with a mark of punctuation too many or too few.
func punctuated(src string, n int) []string {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	var places []int
	for i := range src {
		if strings.IndexByte(`;{}"`, src[i]) >= 0 {
			places = append(places, i)
		}
	}
	var all []string
	for range 4 {
		at := places[r.IntN(len(places))]
		all = append(all, src[:at]+src[at+1:])
		at = places[r.IntN(len(places))]
		all = append(all, src[:at]+src[at:at+1]+src[at:])
	}
	return all
}

// named takes the files that the grammar takes, and the other way round.
func TestLabNamedSyntax(t *testing.T) {
	files := map[string]string{}
	for n, src := range confs() {
		files[fmt.Sprintf("%04d.conf", len(files))] = src
		for _, m := range punctuated(src, n) {
			files[fmt.Sprintf("%04d.conf", len(files))] = m
		}
	}
	out := lenstest.Daemon(t, files, `for f in *.conf; do echo "== $f"; named-checkconf $f 2>&1; done; true`)
	taken := 0
	for _, part := range strings.Split(out, "== ")[1:] {
		name, said, _ := strings.Cut(part, "\n")
		_, err := parse([]byte(files[name]))
		// What it does not know it may tell before what is wrong with the braces.
		if refused := refusal.MatchString(said) || err != nil && strings.Contains(said, "unknown option"); refused != (err != nil) {
			t.Errorf("%q\nnamed says: %s\nthe grammar: %v", files[name], said, err)
		} else if !refused {
			taken++
		}
	}
	t.Logf("%d of %d files are taken, and the rest refused, by both", taken, len(files))
}

// What named-checkconf prints of a file is what the tree says of it.
func TestLabNamedTree(t *testing.T) {
	files := map[string]string{}
	for n, src := range confs() {
		files[fmt.Sprintf("%04d.conf", n)] = src
	}
	out := lenstest.Daemon(t, files, `for f in *.conf; do echo "== $f"; o=$(named-checkconf -p $f 2>/dev/null) && echo "$o"; done; true`)
	compared := 0
	for _, part := range strings.Split(out, "== ")[1:] {
		name, printed, _ := strings.Cut(part, "\n")
		if printed == "" {
			continue // of what does not go together it prints nothing
		}
		want, got := said(t, printed), said(t, files[name])
		if compared++; !slices.Equal(got, want) {
			t.Errorf("%s\nthe tree says\n%s\nand named\n%s", files[name], strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	if compared < len(files)/2 {
		t.Errorf("named printed %d of %d files", compared, len(files))
	}
}

// said are the statements of a file with the blocks that they are in, sorted: as
// named-checkconf prints them in an order of its own. Elements of lists stay in
// theirs.
func said(t *testing.T, text string) []string {
	t.Helper()
	f, err := braces.Parse([]byte(text), &braces.Named)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	var all []string
	var visit func(n *lens.Node, in string)
	visit = func(n *lens.Node, in string) {
		for _, c := range n.Nodes {
			name := statement(f.Source(), c)
			if !c.Block || !slices.Contains([]string{"options", "view", "zone", "key", "controls", "logging", "rate-limit", "channel"}, name) {
				all = append(all, in+strings.NewReplacer(`"`, "", "masters", "primaries", "slave", "secondary", "master", "primary", " port 53 {", " {", "/32;", ";", "/128;", ";").Replace(element(f.Source(), c)))
				continue
			}
			head := element(f.Source(), &lens.Node{Words: c.Words})
			visit(c, in+strings.ToLower(strings.ReplaceAll(head, `"`, ""))+" > ")
		}
	}
	visit(f.Root, "")
	slices.Sort(all)
	return all
}

// zones are zone files: generated ones, and what the corpus has.
func zones() []string {
	all := []string{strings.ReplaceAll(rio, "rio.example.", "a.example."), "$TTL 1h\n@ SOA a. b. 1 2 3 4 5\n NS a.\nx TXT \"a;\\\"b\" c\\;d\n( y\n A\n 192.0.2.1 )\n\\065.b A 192.0.2.2\n$GENERATE 1-3 h$ A 192.0.2.$\n*.w 5m IN MX 5 x\n"}
	gen := rapid.Custom(func(t *rapid.T) string { return generated(t)["/v/a"] + "\na.a.example. A 192.0.2.99\n" })
	for i := range 25 {
		all = append(all, gen.Example(i))
	}
	return all
}

// damaged are zone files without some character that means something.
func damaged(src string, n int) []string {
	r := rand.New(rand.NewPCG(uint64(n), 2))
	var places []int
	for i := range src {
		if strings.IndexByte("()\" \n\t;.", src[i]) >= 0 {
			places = append(places, i)
		}
	}
	var all []string
	for range 4 {
		at := places[r.IntN(len(places))]
		all = append(all, src[:at]+src[at+1:])
	}
	return all
}

// zoneRefusal is what BIND's reader of zone files says of one, as against what
// makes no zone of it.
var zoneRefusal = regexp.MustCompile(`dns_rdata_fromtext|unknown RR type|unknown \$|unbalanced|syntax error|unexpected (end|token)|extra input|bad dotted|not a valid number|dns_master_load.*: (near|ran out|out of range|bad ttl)`)

func TestLabZoneSyntax(t *testing.T) {
	files := map[string]string{}
	for n, src := range zones() {
		files[fmt.Sprintf("%04d.zone", len(files))] = src
		for _, m := range damaged(src, n) {
			files[fmt.Sprintf("%04d.zone", len(files))] = m
		}
	}
	out := lenstest.Daemon(t, files, `for f in *.zone; do echo "== $f"; named-checkzone -i none -k ignore -n ignore -m ignore -r ignore a.example $f 2>&1; done; true`)
	taken := 0
	for _, part := range strings.Split(out, "== ")[1:] {
		name, told, _ := strings.Cut(part, "\n")
		_, err := zonefile.Parse([]byte(files[name]))
		if refused := zoneRefusal.MatchString(told); refused != (err != nil) {
			t.Errorf("%q\nBIND says: %s\nthe grammar: %v", files[name], told, err)
		} else if !refused {
			taken++
		}
	}
	t.Logf("%d of %d files are taken, and the rest refused, by both", taken, len(files))
}

// What named-compilezone writes of a zone file is what the lens shows of it.
func TestLabZoneRecords(t *testing.T) {
	files := map[string]string{}
	for n, src := range zones() {
		if !strings.Contains(src, "$GENERATE") {
			files[fmt.Sprintf("%04d.zone", n)] = src
		}
	}
	out := lenstest.Daemon(t, files, `for f in *.zone; do echo "== $f"; named-compilezone -q -i none -k ignore -n ignore -m ignore -r ignore -s full -o - a.example $f 2>/dev/null; done; true`)
	compared := 0
	for _, part := range strings.Split(out, "== ")[1:] {
		name, text, _ := strings.Cut(part, "\n")
		if text == "" {
			continue
		}
		got, want := records(t, files[name]), records(t, text)
		if compared++; !maps.Equal(got, want) {
			t.Errorf("%s\nthe lens says\n%v\nand BIND\n%v", files[name], got, want)
		}
	}
	if compared < len(files)/2 {
		t.Errorf("BIND compiled %d of %d zones", compared, len(files))
	}
}

// records are those of a zone file, each with its owner, type and data.
func records(t *testing.T, text string) map[string]bool {
	t.Helper()
	c := load(lenstest.Tree{"/v/a": text})
	d := c.readZone("/v/a", "a.example.", 0)
	if d == nil {
		t.Fatalf("%s", lenstest.Text(c.diags))
	}
	all := map[string]bool{}
	for _, r := range d.records {
		typ := r.TypeName(r.File.Source())
		value := d.value(r)
		for _, i := range zonefile.Names(typ) {
			words := strings.Split(value, " ")
			words[i] = zonefile.Relative(zonefile.Absolute(words[i], d.origin), d.origin)
			value = strings.Join(words, " ")
		}
		all[strings.ToLower(r.Owner)+" "+typ+" "+value] = true
	}
	return all
}
