package dovecot_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hikae/engine/lens"
	"hikae/engine/lens/dovecot"
	"hikae/modules/lenstest"
)

// dump is what a file says: a line a statement, a block's ones behind its own.
func dump(f *lens.File) string {
	var b strings.Builder
	var visit func(n *lens.Node, path string)
	visit = func(n *lens.Node, path string) {
		src := f.Source()
		for _, c := range n.Nodes {
			switch {
			case c.Block:
				at := path + dovecot.Key(c, src) + "(" + dovecot.Name(c, src) + ")"
				b.WriteString(at + "\n")
				visit(c, at+"/")
			case len(c.Words) == 0:
				b.WriteString(path + "forgotten\n")
			case dovecot.IsInclude(c, src):
				b.WriteString(path + c.Name(src) + ": " + dovecot.Raw(c, src) + "\n")
			default:
				v, form := dovecot.Value(c, src)
				b.WriteString(path + dovecot.Key(c, src) + [...]string{"=", "=q:", "=<", "=$:"}[form] + v + "\n")
			}
		}
	}
	visit(f.Root, "")
	return b.String()
}

func TestParse(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"empty":                        {"", ""},
		"a setting":                    {"a = b", "a=b\n"},
		"no blanks":                    {"a=b c\n", "a=b c\n"},
		"no value":                     {"a =\nb=", "a=\nb=\n"},
		"blanks":                       {" \ta\t=\t b c\t \n", "a=b c\n"},
		"an equals sign":               {"a == b=c", "a== b=c\n"},
		"comments":                     {"# x\n  #y\na = b # c\nd = e#f\n", "a=b\nd=e\n"},
		"quotes":                       {`a = "b # \" \c" # d`, "a=q:b # \" c\n"},
		"single quotes":                {`a = 'b # "c"'`, "a=q:b # \"c\"\n"},
		"quotes within":                {`a = b "c # d" # e`, "a=b \"c # d\"\n"},
		"quotes at both ends":          {`a = "b" c "d"`, "a=q:b\" c \"d\n"},
		"one quote":                    {`a = "`, "a=q:\n"},
		"an open quote":                {"a = don't # b", "a=don't # b\n"},
		"an escaped quote at the end":  {`a = "b\"`, "a=q:b\n"},
		"a file":                       {"a = <  b c", "a=<b c\n"},
		"a quoted file":                {`a = "<b"`, "a=q:<b\n"},
		"a variable":                   {"a = b $c", "a=$:b $c\n"},
		"a quoted variable":            {`a = "$c"`, "a=q:$c\n"},
		"continued":                    {"a = b \\\n  c\\\n\td", "a=b c d\n"},
		"continued behind a comment":   {"a = b \\ # x\n c # y", "a=b c\n"},
		"continued before the equals":  {"a \\\n= b", "a=b\n"},
		"continued behind the equals":  {"a = \\\n b", "a=b\n"},
		"nothing continued":            {"\\\n\\\na = b", "a=b\n"},
		"quotes over lines":            {"a = \"b \\\n  c\"", "a=q:b c\n"},
		"a comment in between":         {"a = b \\\n# c\nd = e", "forgotten\nd=e\n"},
		"an empty line in between":     {"a = b \\\n \t\nd = e", "forgotten\nd=e\n"},
		"continued to the end":         {"d = e\na = b \\\n", "d=e\nforgotten\n"},
		"a block":                      {"a {\nb = c\n}\nd=e", "a()\na()/b=c\nd=e\n"},
		"a named block":                {"a b/c {\n}", "a(b/c)\n"},
		"a quoted name":                {"a \"b c\"{\n}", "a(b c)\n"},
		"a quoted # in a name":         {"a \"b #\" { # x\n} # y", "a(b #)\n"},
		"an equals sign and a brace":   {"a = {\nb= }", "a={\nb=}\n"},
		"blocks in blocks":             {"a {\nb {\n}\n c = d\n}", "a()\na()/b()\na()/c=d\n"},
		"includes":                     {"!include a b.conf # c\nx {\n!include_try = d\n}", "!include: a b.conf\nx()\nx()/!include_try: = d\n"},
		"CR LF":                        {"a = b\r\nc {\r\n}\r\n", "a=b\nc()\n"},
		"a lone CR":                    {"a = b\rc\r\r\n", "a=b\rc\r\n"},
		"a zero byte":                  {"a = b\x00c\n\x00d\ne = f # \x00\n", "a=b\nforgotten\ne=f\n"},
		"2.4: quoted keys":             {"\"a b\" = c\n\"d\\\"\" {\n}", "a b=c\nd\"()\n"},
		"2.4: groups":                  {"group @a b {\n}\n@a = b", "group(@a b)\n@a=b\n"},
		"no key in a block":            {"a {\n = b\n}", "a()\na()/=b\n"},
		"a quoted key that is no such": {`"a"b = c`, "\"a\"b=c\n"},
	} {
		f, err := dovecot.Parse([]byte(c.src))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := dump(f); got != c.want {
			t.Errorf("%s: got\n%swant\n%s", name, got, c.want)
		}
		lenstest.Lossless(t, dovecot.Grammar(), []byte(c.src))
	}
}

func TestRefused(t *testing.T) {
	for src, want := range map[string]string{
		"a":                    "1:2: neither a = nor a {",
		"x = y\n a b\n":        "2:5: neither a = nor a {",
		"a b c {\n}":           "1:5: neither a = nor a {",
		"a{\n}":                "1:3: neither a = nor a {",
		"a b{\n}":              "1:5: neither a = nor a {",
		"{\n}":                 "1:2: neither a = nor a {",
		"a { b = c }":          "1:4: text behind a {: a block has its lines for itself",
		"a {}":                 "1:4: text behind a {: a block has its lines for itself",
		"a \"b {\n}":           "1:7: a name without its closing quote",
		"= b":                  "1:1: a = without a key before it",
		"a = b\n}":             "2:1: a } that closes nothing",
		"a {\n} b":             "2:4: neither a = nor a {",
		"a {\n  b {\n":         "2:3: a block without its }",
		"\"a \\\n b\" = c":     "1:1: a key on several lines",
		"a b \\\n  c":          "2:3: neither a = nor a {",
		"\xef\xbb\xbf# c\na=b": "1:4: neither a = nor a {",
	} {
		_, err := dovecot.Parse([]byte(src))
		if _, ok := errors.AsType[*lens.SyntaxError](err); !ok || err.Error() != want {
			t.Errorf("%q: %v, want %s", src, err, want)
		}
	}
}

func corpus(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.conf")
	if err != nil || len(paths) == 0 {
		t.Fatal("no corpus", err)
	}
	files := map[string][]byte{}
	for _, p := range paths {
		if files[p], err = os.ReadFile(p); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func TestCorpus(t *testing.T) {
	for p, src := range corpus(t) {
		if !lenstest.Lossless(t, dovecot.Grammar(), src) {
			t.Errorf("%s is refused", p)
		}
		for nth := range 60 {
			edits(t, src, nth)
		}
	}
}

// edits holds the grammar to lenstest.Edits but for files with what dovecot
// forgets, two of which are one, and for values that end in a carriage return.
func edits(t testing.TB, src []byte, nth int) {
	f, err := dovecot.Parse(src)
	if err != nil || strings.Contains(strings.ReplaceAll(string(src), "\r\n", "\n"), "\r") {
		return
	}
	for n := range f.Root.All {
		if len(n.Words) == 0 {
			return
		}
	}
	lenstest.Edits(t, dovecot.Grammar(), src, nth)
}

func FuzzParse(f *testing.F) {
	for _, src := range corpus(f) {
		f.Add(src, 3)
	}
	f.Add([]byte("a {\nb = c \\\n d\n}\ne = 'f' # g\n"), 1)
	f.Fuzz(func(t *testing.T, src []byte, nth int) {
		if lenstest.Lossless(t, dovecot.Grammar(), src) && nth >= 0 {
			edits(t, src, nth)
		}
	})
}

func FuzzRead(f *testing.F) {
	for _, raw := range []string{"", `"a"`, "'", "< b", "$c d", `a\"b`, "x # y"} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, text string) {
		quoted, ok := dovecot.Quote(text)
		if !ok {
			return
		}
		if !dovecot.Reads(quoted) {
			t.Errorf("%q is written %s and does not stand", text, quoted)
		}
		if got, form := dovecot.Read(quoted); got != text || form != dovecot.Quoted {
			t.Errorf("%q is written %s and read %q", text, quoted, got)
		}
	})
}

// A large file is read in time and memory that grow with it alone.
func TestMemory(t *testing.T) {
	src := large(1 << 20)
	got := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			if _, err := dovecot.Parse(src); err != nil {
				b.Fatal(err)
			}
		}
	}).AllocedBytesPerOp()
	if ratio := float64(got) / float64(len(src)); ratio > 20 {
		t.Errorf("%.1f bytes are allocated for each of the file", ratio)
	}
}

func large(size int) []byte {
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "service s%d {\n  # a comment\n  user = u%d\n  args = a \\\n    b\n}\n", i, i)
	}
	return []byte(b.String())
}

func BenchmarkParse(b *testing.B) {
	src := large(10 << 20)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		f, err := dovecot.Parse(src)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := f.Print(); err != nil {
			b.Fatal(err)
		}
	}
}
