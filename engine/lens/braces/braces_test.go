package braces_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hikae/engine/lens"
	"hikae/engine/lens/braces"
	"hikae/modules/lenstest"
)

func grammar(d *braces.Dialect) lens.Grammar {
	return lens.Grammar{
		Name:     "braces",
		Comments: d.Comments(),
		Parse:    func(src []byte) (*lens.File, error) { return braces.Parse(src, d) },
	}
}

// says is a file as lines: the words of each node, parted by |, and tabs for
// each block around it.
func says(f *lens.File) string {
	var b strings.Builder
	var visit func(n *lens.Node, depth int)
	visit = func(n *lens.Node, depth int) {
		for _, c := range n.Nodes {
			words := make([]string, len(c.Words))
			for i := range c.Words {
				words[i] = c.Word(f.Source(), i)
			}
			b.WriteString(strings.Repeat("\t", depth) + strings.Join(words, "|"))
			if c.Block {
				b.WriteString("{}")
			}
			b.WriteString("\n")
			visit(c, depth+1)
		}
	}
	visit(f.Root, 0)
	return b.String()
}

func TestNamed(t *testing.T) {
	for src, want := range map[string]string{
		"":                  "",
		" // nothing":       "",
		"a /* b; */ c#d\n;": "a|c\n",
		"a b//c;\n/d\t;":    "a|b|/d\n",
		`a "b;{}#" c;`:      "a|\"b;{}#\"|c\n",
		`a "b\";\\" c;`:     "a|\"b\\\";\\\\\"|c\n",
		"a\"b\nc\"d;":       "a|\"b\nc\"|d\n",
		"a/*/;*/b;":         "a|b\n",
		"\xff\x00\v\\a;":    "\xff\x00\v\\a\n",
		"acl x { !10.0.0.0/8; ! 192.0.2.0 / 24; { any; !{ none; }; }; key \"k\"; };": "acl|x{}\n\t!10.0.0.0/8\n\t!|192.0.2.0|/|24\n\t{}\n\t\tany\n\t\t!{}\n\t\t\tnone\n\tkey|\"k\"\n",
		"view \"a\" IN { zone . { type hint; }; } ;":                                 "view|\"a\"|IN{}\n\tzone|.{}\n\t\ttype|hint\n",
		"inet * allow { any; } keys { k; } read-only yes;":                           "inet|*|allow{}\n\t{}\n\t\tany\n\tkeys{}\n\t\tk\n\tread-only|yes\n",
		"deny-answer-addresses { a; } except-from { b; };":                           "deny-answer-addresses{}\n\t{}\n\t\ta\n\texcept-from{}\n\t\tb\n",
		"response-policy { zone z; } Break-DNSSEC yes qname-wait-recurse no;":        "response-policy{}\n\t{}\n\t\tzone|z\n\tBreak-DNSSEC|yes\n\tqname-wait-recurse|no\n",
		"dyndb d l { a b { c } \\} \"; };":                                           "dyndb|d|l{}\n\ta b { c } \\} \";\n",
		"dyndb d l { };":                                                             "dyndb|d|l{}\n",
	} {
		f, err := braces.Parse([]byte(src), &braces.Named)
		if err != nil {
			t.Errorf("%q: %v", src, err)
		} else if got := says(f); got != want {
			t.Errorf("%q says\n%swant\n%s", src, got, want)
		}
		lenstest.Lossless(t, grammar(&braces.Named), []byte(src))
	}
}

func TestDHCPD(t *testing.T) {
	for src, want := range map[string]string{
		"":                                "",
		"group { } host x { }":            "group{}\nhost|x{}\n",
		"option a 1.1.1.1,2.2.2.2 , b;":   "option|a|1.1.1.1|,|2.2.2.2|,|b\n",
		`option a "\"\\\x2f\057\t";`:      "option|a|\"\\\"\\\\\\x2f\\057\\t\"\n",
		"option s \"a\nb\";":              "option|s|\"a\nb\"\n",
		"hardware ethernet 0:1:2:a:ff:B;": "hardware|ethernet|0:1:2:a:ff:B\n",
		"if (option a=\"b\") and x!=1 { y; } elsif z ~= \"q\" { } else { deny unknown-clients; }": "if|(|option|a|=|\"b\"|)|and|x|!=|1{}\n\ty\nelsif|z|~=|\"q\"{}\nelse{}\n\tdeny|unknown-clients\n",
		"option a code 1 = array of { ip-address, integer 8 };":                                   "option|a|code|1|=|array|of|{|ip-address|,|integer|8|}\n",
		"option a code 1={text};":     "option|a|code|1|=|{|text|}\n",
		"switch (x) { case 1: a; }":   "switch|(|x|){}\n\tcase|1:|a\n",
		"key k { algorithm a; };\nb;": "key|k{}\n\talgorithm|a\nb\n",
	} {
		f, err := braces.Parse([]byte(src), &braces.DHCPD)
		if err != nil {
			t.Errorf("%q: %v", src, err)
		} else if got := says(f); got != want {
			t.Errorf("%q says\n%swant\n%s", src, got, want)
		}
		lenstest.Lossless(t, grammar(&braces.DHCPD), []byte(src))
	}
}

// What the daemons refuse, with the place.
func TestRefused(t *testing.T) {
	deep := strings.Repeat("a {\n", 600) + strings.Repeat("};", 600)
	for src, want := range map[string]string{
		"a\nb":                       "2:2: the file ends within a statement",
		"a {\n b }":                  "2:4: a ; is missing before \"}\"",
		"a {\n b; ":                  "1:3: a { that nothing closes",
		"a { b; }\nc { d; };":        "2:1: a ; is missing before \"c\"",
		"a { b; }":                   "1:9: the file ends within a statement",
		"a; }":                       "1:4: a } that closes nothing",
		"a;;":                        "1:3: a ; that ends nothing",
		"a { ; };":                   "1:5: a ; that ends nothing",
		"a \"b;\n":                   "1:3: a quoted string that nothing ends",
		"a; /* b":                    "1:4: a comment that nothing ends",
		"inet * allow { a; } keys ;": "",
		"inet * allow { a; } keys { a; } { b; };": "1:33: a ; is missing before \"{\"",
		deep: "501:3: more than 500 blocks in each other",
	} {
		refused(t, src, &braces.Named, want)
	}
	for src, want := range map[string]string{
		"a {\n b }":          "2:4: a ; is missing before \"}\"",
		"a {\n b; ":          "1:3: a { that nothing closes",
		"/* b; */":           "1:9: the file ends within a statement",
		"a { b; };":          "1:9: a ; that ends nothing",
		"a;;":                "1:3: a ; that ends nothing",
		"a { b; }\nc { d; }": "",
		"a; }":               "1:4: a } that closes nothing",
		"a \"\\x2;\"":        `1:3: \x in a string without two hexadecimal digits`,
		"a \"\\08\";":        `1:3: \ and a digit in a string`,
		"a \"b;\n":           "1:3: a quoted string that nothing ends",
		"o c 1 = { a;":       "1:12: the list that began in line 1",
		"a \"" + strings.Repeat("x", 1500) + "\";": "1:3: a string of more than 1499 bytes",
		deep: "501:3: more than 500 blocks in each other",
	} {
		refused(t, src, &braces.DHCPD, want)
	}
}

func refused(t *testing.T, src string, d *braces.Dialect, want string) {
	t.Helper()
	_, err := braces.Parse([]byte(src), d)
	if want == "" {
		if err != nil {
			t.Errorf("%q: %v", src, err)
		}
		return
	}
	if _, ok := errors.AsType[*lens.SyntaxError](err); !ok || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%.40q: %v, want %s", src, err, want)
	}
}

func TestQuote(t *testing.T) {
	for _, d := range []*braces.Dialect{&braces.Named, &braces.DHCPD} {
		for _, s := range []string{"", "a b", `a"b`, "ü", `a\b`, "a;{}#//", "a\nb"} {
			q, err := d.Quote(s)
			if err != nil || d.Unquote(q) != s {
				t.Errorf("%q: %s, %v, which says %q", s, q, err, d.Unquote(q))
			}
			if f, err := braces.Parse([]byte("a "+q+";"), d); err != nil || len(f.Root.Nodes) != 1 || len(f.Root.Nodes[0].Words) != 2 {
				t.Errorf("%q, quoted, is %s: %v", s, q, err)
			}
		}
	}
	for _, s := range []string{`a\`, `a\"`, "a\x00"} {
		if q, err := braces.Named.Quote(s); err == nil {
			t.Errorf("named: %q is written %s", s, q)
		}
	}
	for word, want := range map[string]bool{"a": true, "10.0.0.0/8": true, "": false, "a b": false, "a;": false, "a//b": false, `"a"`: false, "#": false, "{": false} {
		if got := braces.Named.Bare(word); got != want {
			t.Errorf("%q is bare: %v", word, got)
		}
	}
	if got := braces.DHCPD.Unquote(`"\t\r\n\b\q\x41\102"`); got != "\t\r\n\bqAB" {
		t.Errorf("dhcpd's escapes: %q", got)
	}
}

func corpus(t testing.TB, pattern string) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("testdata/" + pattern)
	if err != nil || len(names) == 0 {
		t.Fatal("no corpus", err)
	}
	files := map[string][]byte{}
	for _, n := range names {
		if files[n], err = os.ReadFile(n); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func TestCorpus(t *testing.T) {
	for pattern, d := range map[string]*braces.Dialect{"named*": &braces.Named, "dhcpd*": &braces.DHCPD} {
		for name, src := range corpus(t, pattern) {
			for _, src := range [][]byte{src, []byte(strings.ReplaceAll(string(src), "\n", "\r\n"))} {
				if !lenstest.Lossless(t, grammar(d), src) {
					_, err := braces.Parse(src, d)
					t.Errorf("%s: %v", name, err)
				}
				for i := range 200 {
					edits(t, d, src, i)
				}
			}
		}
	}
}

// edits is lenstest.Edits for a file in which each statement may go alone: none
// has several braces.
func edits(t lenstest.TB, d *braces.Dialect, src []byte, nth int) {
	f, err := braces.Parse(src, d)
	if err != nil {
		return
	}
	for n := range f.Root.All {
		if n.Block && n.Body.Len() > 0 && src[n.Body.Start] == '{' || d == &braces.Named && d.Free(n.Name(src)) {
			return
		}
	}
	lenstest.Edits(t, grammar(d), src, nth)
}

func TestLaws(t *testing.T) {
	atoms := []string{"a", "zone", "\"q\"", "\"\\\"\"", "{", "}", "{", "}", ";", ";", ";", "};", " ", "\t", "\n", "\r\n", "#", "//", "/*", "*/", "/", "!", "option", "=", ",", "(", "keys", "plugin", "\\", "\xff"}
	rapid.Check(t, func(t *rapid.T) {
		src := []byte(strings.Join(rapid.SliceOfN(rapid.SampledFrom(atoms), 0, 30).Draw(t, "atoms"), ""))
		for _, d := range []*braces.Dialect{&braces.Named, &braces.DHCPD} {
			lenstest.Lossless(t, grammar(d), src)
			edits(t, d, src, rapid.IntRange(0, 9).Draw(t, "which"))
		}
	})
}

func FuzzNamed(f *testing.F) { fuzz(f, "named*", &braces.Named) }
func FuzzDHCPD(f *testing.F) { fuzz(f, "dhcpd*", &braces.DHCPD) }

func fuzz(f *testing.F, pattern string, d *braces.Dialect) {
	for _, src := range corpus(f, pattern) {
		f.Add(src, 3)
	}
	f.Fuzz(func(t *testing.T, src []byte, nth int) {
		lenstest.Lossless(t, grammar(d), src)
		edits(t, d, src, max(nth, 0))
	})
}

// blockList is a list of zones as people serve it against advertisements.
func blockList(n int) []byte {
	var b strings.Builder
	for i := range n {
		b.WriteString("zone \"ads")
		for j := i; j > 0; j /= 26 {
			b.WriteByte('a' + byte(j%26))
		}
		b.WriteString(".example.com\" { type master; notify no; file \"/etc/named/null.zone\"; };\n")
	}
	return []byte(b.String())
}

// A tree takes less than twenty times its file.
func TestMemory(t *testing.T) {
	src := blockList(100_000)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f, err := braces.Parse(src, &braces.Named)
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if ratio := float64(after.TotalAlloc-before.TotalAlloc) / float64(len(src)); ratio > 20 {
		t.Errorf("reading took %.1f times the file", ratio)
	}
	runtime.KeepAlive(f)
}

func BenchmarkBlockList(b *testing.B) {
	src := blockList(300_000)
	name := filepath.Join(b.TempDir(), "zones")
	if err := os.WriteFile(name, src, 0o600); err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	if _, err := os.ReadFile(name); err != nil {
		b.Fatal(err)
	}
	plain := time.Since(start)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		f, err := braces.Parse(src, &braces.Named)
		if err != nil {
			b.Fatal(err)
		}
		if out, err := f.Print(); err != nil || !slices.Equal(out, src) {
			b.Fatal("printed otherwise", err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(plain.Nanoseconds()), "x-read")
}
