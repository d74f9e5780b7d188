package apache_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hikae/engine/lens"
	"hikae/engine/lens/apache"
	"hikae/modules/lenstest"
)

// tree writes a file's tree: the words of each node, what is in it in brackets.
func tree(src []byte, nodes []*lens.Node) string {
	var b strings.Builder
	for i, n := range nodes {
		if i > 0 {
			b.WriteString("; ")
		}
		for i, w := range n.Words {
			if i > 0 {
				b.WriteString(" ")
			}
			b.WriteString("|" + apache.Text(src, w))
		}
		if n.Block {
			b.WriteString(" {" + tree(src, n.Nodes) + "}")
		}
	}
	return b.String()
}

func TestParse(t *testing.T) {
	for src, want := range map[string]string{
		"":                                  "",
		"# only a comment":                  "",
		"Listen 80":                         "|Listen |80",
		"  Listen\t80  \r\nUser  a\r\n":     "|Listen |80; |User |a",
		"A # no comment":                    "|A |# |no |comment",
		"A b\\\nc":                          "|A |bc",
		"A b \\\n  c":                       "|A |b |c",
		"A b \\\r\n  c":                     "|A |b |c",
		"A b\\\\\nc":                        `|A |b\c`,
		"A b\\\\\n\nc":                      "|A |bc", // the empty line takes the other backslash
		"A b \\":                            `|A |b |\`,
		"A b \\\n":                          "|A |b",
		"# c \\\nstill the comment\nA":      "|A",
		"\\\nA b":                           "|A |b",
		"\\\n# c\nA":                        "|A",
		"\\\n\\\nA":                         "|A",
		`A "b c" 'd "e"' "f\"g" "h\i" \\j`:  `|A |b c |d "e" |f"g |h\i |\j`,
		`A "b`:                              "|A |b",
		`A "b"c`:                            "|A |b |c",
		`A b"c d"`:                          `|A |b"c |d"`,
		"A \"b \\\n c\"":                    "|A |b  c",
		`"" a`:                              "| |a",
		"<A b>\n</A>":                       "|A |b {}",
		"<A>\n</a>":                         "|A {}",
		"<A b>x\n</A>":                      "|A |b {}",
		"<A b > # x\n</A> # y":              "|A |b {}",
		"<A b>c>\n</A>":                     "|A |b>c {}",
		"<RequireAny\n</RequireAny>":        "|RequireAny {}",
		`"<A" b>` + "\n</A>":                "|A |b {}",
		"<A \\\n b>\n</A>":                  "|A |b {}",
		"<A b>\nC\n<D e>\nF\n</D>\n</A>\nG": "|A |b {|C; |D |e {|F}}; |G",
		"<IfModule a>\nB":                   "|IfModule |a {|B}",
		"<IfModule a>\n<B c\n</B>\n<Files>\n</Files>\n</IfModule>": "|IfModule |a {|B |c {}; |Files {}}",
		"<IfModule a>\n</IfModule> b":                              "|IfModule |a {}",
		"<Macro a>\n<B c>\n</Macro>\nD":                            "|Macro |a {|<B |c}; |D",
		"<Macro a>\n</B>\n<C>\nD\n</C>\n</Macro> x":                "|Macro |a {|</B>; |C {|D}}",
		"<Macro a>\n<B>\nX\n<C>\nY\n</B>\n</Macro>":                "|Macro |a {|<B; |X; |<C; |Y; |</B>}",
		"<Macro a>\n<Macro b>\n<C>\n</Macro>\n</Macro>":            "|Macro |a {|Macro |b {|<C}}",
		"<Macro a>\n<b\n</b>\n<c d\n</Macro>":                      "|Macro |a {|b {}; |<c |d}",
		"<Perl>\nif ($a <\n<STDIN>) {}\n</Perl>":                   "|Perl {|if |($a |<; |<STDIN>) |{}}",
		"A b\x00c \\\nd":                                           "|A |b; |d",
		"\x00c\nA":                                                 "; |A",
		"#a\\\\\n\nb\nA":                                           "; |A",
		"\xef\xbb\xbfA \xff\xfe":                                   "|\xef\xbb\xbfA |\xff\xfe",
	} {
		f, err := apache.Parse([]byte(src))
		if err != nil {
			t.Errorf("%q is refused: %v", src, err)
			continue
		}
		if got := tree(f.Source(), f.Root.Nodes); got != want {
			t.Errorf("%q says\n%s, want\n%s", src, got, want)
		}
	}
}

func TestRefused(t *testing.T) {
	for src, want := range map[string]string{
		"A\n  <VirtualHost *:80>\nB\n": "2:3: <VirtualHost> is not closed",
		"</A>":                         "1:1: </A> closes nothing: no <A> is open",
		"<A b>\n</B>":                  "2:1: </B> does not close what is open: <A> of line 1",
		"<A b>\n <IfModule c>\n </A>\n</IfModule>": "3:2: </A> closes nothing: no <A> is open: <IfModule> of line 2",
		"<A b>\n</A >":                   "2:1: </A has no closing >",
		"<A b\n</A>":                     "1:5: <A has no closing >",
		"<A b \\\n  c\n</A>":             "2:4: <A has no closing >",
		"<VirtualHost >\n</VirtualHost>": "1:1: <VirtualHost> needs arguments",
		"<VirtualHost>\n":                "1:1: <VirtualHost> needs arguments",
		"<>\n</>":                        "1:1: a section has no name",
		"<Macro a>\n</Macro":             "1:1: <Macro> is not closed",
		"<Perl>\nx":                      "1:1: <Perl> is not closed",
		"<IfModule a>\n<A b>\nC ":        "2:1: <A> is not closed",
	} {
		_, err := apache.Parse([]byte(src))
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", src, err, want)
		}
		if _, ok := errors.AsType[*lens.SyntaxError](err); !ok {
			t.Errorf("%q: %v has no place", src, err)
		}
	}
	deep := strings.Repeat("<A b>\n", 20000) + strings.Repeat("</A>\n", 20000)
	if _, err := apache.Parse([]byte(deep)); err == nil {
		t.Error("20,000 sections within each other are taken")
	}
	if _, err := apache.Parse([]byte("A " + strings.Repeat("b", 16<<20))); err == nil {
		t.Error("a line of 16 MB is taken")
	}
}

func TestQuote(t *testing.T) {
	for text, want := range map[string]string{
		"a": "a", "": `""`, "a b": `"a b"`, `a"b`: `a"b`, `"a`: `"\"a"`, `a\`: `"a\\"`, `a\b`: `a\b`, `a\\b`: `a\\\b`, "'": `"'"`,
	} {
		if got, err := apache.Quote(text, ""); got != want || err != nil {
			t.Errorf("%q is written %s, %v; want %s", text, got, err, want)
		}
	}
	if got, _ := apache.Quote("it's", `'x'`); got != `'it\'s'` {
		t.Errorf("quotes are not kept: %s", got)
	}
	if _, err := apache.Quote("a\nb", ""); err == nil {
		t.Error("two lines are written as a word")
	}
	rapid.Check(t, func(t *rapid.T) {
		alphabet := rapid.StringOfN(rapid.SampledFrom([]rune(`a\"' #<>$`)), 0, 8, -1)
		text, like := alphabet.Draw(t, "text"), rapid.SampledFrom([]string{"", `"x"`, `'x'`, "x"}).Draw(t, "like")
		quoted, err := apache.Quote(text, like)
		if err != nil {
			t.Fatal(err)
		}
		src := "A " + quoted + " z\nB"
		f, err := apache.Parse([]byte(src))
		if err != nil {
			t.Fatal(err)
		}
		if n := f.Root.Nodes[0]; len(n.Words) != 3 || apache.Text(f.Source(), n.Words[1]) != text {
			t.Fatalf("%q as %s reads %q", text, quoted, tree(f.Source(), f.Root.Nodes))
		}
	})
}

// corpus are the files that people might have written.
func corpus(t interface{ Fatal(...any) }) map[string][]byte {
	files, _ := filepath.Glob("testdata/corpus/*")
	all := map[string][]byte{}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(name)] = b
	}
	if len(all) == 0 {
		t.Fatal("the corpus is empty")
	}
	return all
}

func TestCorpus(t *testing.T) {
	for name, b := range corpus(t) {
		for _, src := range [][]byte{b, []byte(strings.ReplaceAll(string(b), "\n", "\r\n")), b[:len(b)-1]} {
			if !lenstest.Lossless(t, apache.Grammar(), src) {
				_, err := apache.Parse(src)
				t.Errorf("%s is refused: %v", name, err)
			}
			for nth := range 200 {
				lenstest.Edits(t, apache.Grammar(), src, nth)
			}
		}
	}
}

// genFile makes files of lines that are likely to meet in odd ways.
func genFile() *rapid.Generator[string] {
	line := rapid.SampledFrom([]string{
		"Listen 80", "A \"b c\"", "  # comment", "# joined \\", "A b \\", "A \\\\", "", "\\", "\t", "<A b>", "</A>", "</a> x", "<B>", "</B>",
		"<IfModule m>", "</IfModule>", "<IfDefine !D>", "</IfDefine>", "<Macro m $a>", "</Macro>", "Use m x", "<If \"a > b\">", "</If>", "\x00", "A\x00b\\", "é \xff",
	})
	return rapid.Custom(func(t *rapid.T) string {
		var b strings.Builder
		for range rapid.IntRange(0, 20).Draw(t, "lines") {
			b.WriteString(line.Draw(t, "line"))
			b.WriteString(rapid.SampledFrom([]string{"\n", "\n", "\n", "\r\n"}).Draw(t, "end"))
		}
		return strings.TrimSuffix(b.String(), rapid.SampledFrom([]string{"\n", ""}).Draw(t, "cut"))
	})
}

func TestLossless(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := []byte(genFile().Draw(t, "src"))
		lenstest.Lossless(t, apache.Grammar(), src)
		lenstest.Edits(t, apache.Grammar(), src, rapid.IntRange(0, 20).Draw(t, "nth"))
	})
}

func FuzzParse(f *testing.F) {
	for _, b := range corpus(f) {
		f.Add(b, 3)
	}
	f.Add([]byte("<Macro a>\n<B c>\n</Macro>\n\\\nD \\"), 1)
	f.Fuzz(func(t *testing.T, src []byte, nth int) {
		// A macro may hold the halves of sections: without a line of it, what was
		// text may be one.
		macro := bytes.Contains(bytes.ToLower(src), []byte("<macro"))
		if lenstest.Lossless(t, apache.Grammar(), src) && nth >= 0 && !macro {
			lenstest.Edits(t, apache.Grammar(), src, nth)
		}
	})
}

func TestCalled(t *testing.T) {
	for src, want := range map[string]string{
		"<VirtualHost 192.0.2.1:443 *:80>\nServerName x\nServerName https://WWW.example.org:443\n</VirtualHost>": "www.example.org:443",
		"<virtualhost [::1]>\n<IfModule a>\nServerName a\n</IfModule>\n</virtualhost>":                           "a:*",
		"<VirtualHost *:80>\n<Directory />\nServerName a\n</Directory>\n</VirtualHost>":                          "",
		"<Directory *:80>\nServerName a\n</Directory>":                                                           "",
		"ServerName a": "",
	} {
		f, err := apache.Parse([]byte(src))
		if err != nil {
			t.Fatal(err)
		}
		if got := apache.Called(f, f.Root.Nodes[0]); got != want {
			t.Errorf("%q is called %q, want %q", src, got, want)
		}
	}
}
