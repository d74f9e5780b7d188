package postfix_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hikae/engine/lens"
	"hikae/engine/lens/postfix"
	"hikae/modules/lenstest"
)

// corpus is for all grammars of the package: what one refuses another may take.
var corpus = []string{
	"", "\n", " \n\t\n", "# only a comment", "#\n #\n",
	"a = b", "a=b\n\n  # indented\nc = d\n",
	"myhostname = mx.example\n# between\n  \n\t# and more\n  .st\nmydestination = $myhostname,\n\tlocalhost,\n#\tno.more,\n\tlast\n",
	"a = b\r\n c\r\n\r\nd =\r\n",
	" lost\n more\na = b\n",
	"name\n = value\n",
	"utf = 日本 \xff\xfe\nnul = a\x00b\n c\n",
	"smtp      inet  n       -       n       -       -       smtpd\n  -o syslog_name=x\n  # a comment\n  -o { smtpd_client_restrictions = permit_mynetworks,\n    reject }\n#628 inet n - n - - qmqpd\n",
	"maildrop  unix  -       n       n       -       -       pipe\n  flags=DRXhu user=vmail argv=/usr/bin/maildrop -d ${recipient}\n",
	"postmaster: root\n\"a b\":\tx, \"|prog a,b\" , :include:/etc/list\n (a, comment) c: d\nroot:ann,\n  bob (b, c), [1,2]@x\n",
	"user@example.com   a, b\n\"j d\"@example.com c\\ d\nkey\n\"open value\n@x\t\n",
	"/^Subject: \\[x\\]/  REJECT no\nif /x/\n/y/ OK\nendif\n",
	"x = " + strings.Repeat("y, ", 30000) + "z\n",
}

func grammars() []lens.Grammar {
	return []lens.Grammar{postfix.Main(), postfix.Master(), postfix.Table(), postfix.Aliases()}
}

func parse(t *testing.T, g lens.Grammar, src string) *lens.File {
	t.Helper()
	f, err := g.Parse([]byte(src))
	if err != nil {
		t.Fatalf("%s: %q: %v", g.Name, src, err)
	}
	return f
}

// says is a file's words, a line each.
func says(f *lens.File) string {
	lines := []string{}
	for _, n := range f.Root.Nodes {
		words := []string{}
		for _, w := range n.Words {
			words = append(words, postfix.Text(f.Source(), w))
		}
		lines = append(lines, strings.Join(words, "|"))
	}
	return strings.Join(lines, "\n")
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		g         lens.Grammar
		src, want string
	}{
		{postfix.Main(), "a = b c \nd=\ne =x\n#\n  y\n\n z\nf", "8:2: an equals sign is missing"},
		{postfix.Main(), "a = b c \nd=\ne =x\n#\n  y\n\n z\n", "a|b c\nd\ne|x|y|z"},
		{postfix.Main(), " lost = 1\n more\na\n =\n b\n", "\n\na|b"},
		{postfix.Main(), "a = b\n= c\n", "2:1: a parameter's name is missing"},
		{postfix.Main(), "a b = c", "1:3: an equals sign is missing"},
		{postfix.Main(), "a = b\x00c\n d", "a|b"},
		{postfix.Main(), "a\x00 = b", "1:2: an equals sign is missing"},
		{postfix.Master(), "smtp inet n - n - - smtpd -v\n -o { a = b\n# c\n  d } -o x=y{ z }", "smtp|inet|n|-|n|-|-|smtpd|-v|-o|{ a = b  d }|-o|x=y{ z }"},
		{postfix.Master(), "smtp inet n - n - -\n", "1:1: a service has 8 columns, and here are 7"},
		{postfix.Master(), "smtp inet n - n - - smtpd\n-o a=b\n", "2:1: a service has 8 columns, and here are 2"},
		{postfix.Master(), "smtp tcp n - n - - smtpd\n", `1:6: "tcp" is not a service's type`},
		{postfix.Master(), "smtp inet n - yes - - smtpd\n", `1:15: "yes" is not y, n or -`},
		{postfix.Master(), "pickup unix n - n 60? 1 pickup\nx unix - - - -? 0 y", "pickup|unix|n|-|n|60?|1|pickup\nx|unix|-|-|-|-?|0|y"},
		{postfix.Master(), "pickup unix n - n 60s 1 pickup\n", `1:19: "60s" is not a wakeup time`},
		{postfix.Master(), "pickup unix n - n 60 -1 pickup\n", `1:22: "-1" is not how many`},
		{postfix.Master(), "smtp inet n - n - - smtpd\n  -o { a = b\n", `2:6: a brace is not closed`},
		{postfix.Master(), "smtp inet n - n - - smtpd -o {a}b\n", `1:30: text follows`},
		{postfix.Table(), "k  v w \n\"a b\"@x\tc\nd\\ e f\nonly\n\"open x\n", "k|v w\n\"a b\"@x|c\nd\\ e|f\nonly\n\"open x"},
		{postfix.Aliases(), "a:b\n\"c:d\" : e,\n f\nno colon\n(x:y) g: h\n: i\na, b: c\na@b: c\n\"a@b\": c", "a|b\n\"c:d\"|e,|f\nno colon\n(x:y) g|h\n: i\na, b: c\na@b: c\n\"a@b\"|c"},
	} {
		f, err := c.g.Parse([]byte(c.src))
		if err != nil {
			if syntax := new(lens.SyntaxError); !errors.As(err, &syntax) || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("%s: %q: %v, want %s", c.g.Name, c.src, err, c.want)
			}
			continue
		}
		if got := says(f); got != c.want {
			t.Errorf("%s: %q says %q, want %q", c.g.Name, c.src, got, c.want)
		}
	}
}

func TestValue(t *testing.T) {
	f := parse(t, postfix.Main(), "a = b\n#\n   c \n\td\r\ne=\nf =  \n g\nh = i\x00j\n k\nl =\x00m\n")
	for i, want := range []string{"b   c \td", "", "g", "i", ""} {
		if got := postfix.Value(f.Source(), f.Root.Nodes[i]); got != want {
			t.Errorf("value %d is %q, want %q", i, got, want)
		}
	}
	for i, n := range f.Root.Nodes {
		postfix.SetValue(f, n, string("xyzvw"[i]))
	}
	if got, err := f.Bytes(); err != nil || string(got) != "a = x\n#\ne= y\nf =  \n z\nh = v\nl = w\n" {
		t.Errorf("edited: %q, %v", got, err)
	}
}

func TestArguments(t *testing.T) {
	for text, want := range map[string]string{"a": "a", "a=b,c": "a=b,c", "a = b": "{ a = b }", "": "{  }", "{x": "", "a{b c}": "a{b c}", "a}": "a}", "x {": "", "a\nb": "", " a": ""} {
		got, ok := postfix.Brace(text)
		if got != want || ok != (want != "") {
			t.Errorf("%q is written %q, %v, want %q", text, got, ok, want)
		}
		if ok && postfix.Unbrace(got) != text {
			t.Errorf("%q is read %q", got, postfix.Unbrace(got))
		}
	}
}

func TestAliases(t *testing.T) {
	f := parse(t, postfix.Aliases(), `root: ann, "|prog a,b" ,:include:/etc/list (x, y),, \,z`+"\n  , [1,2]\n")
	var got []string
	for _, s := range postfix.Targets(f.Source(), f.Root.Nodes[0]) {
		got = append(got, s.Of(f.Source()))
	}
	if want := `ann; "|prog a,b"; :include:/etc/list (x, y); \,z; [1,2]`; strings.Join(got, "; ") != want {
		t.Errorf("targets %q", got)
	}
	for name, ok := range map[string]bool{"a": true, `"a b"`: true, "a:": false, "#a": false, "": false, " a": false, "a\nb": false} {
		if postfix.AliasOK(name, []string{"x"}) != ok {
			t.Errorf("alias %q: %v", name, !ok)
		}
	}
	if postfix.AliasOK("a", []string{"x,y"}) || postfix.AliasOK("a", []string{""}) || postfix.AliasOK("a", []string{`"x`, "y"}) {
		t.Error("targets that would read otherwise are taken")
	}
}

func TestLossless(t *testing.T) {
	for _, src := range corpus {
		for _, g := range grammars() {
			lenstest.Lossless(t, g, []byte(src))
			for n := range 5 {
				lenstest.Edits(t, g, []byte(src), n)
			}
		}
	}
}

func TestLaws(t *testing.T) {
	part := rapid.SampledFrom([]string{"a", "b", "=", " ", "\t", "\n", "\n ", "\r\n", "#", "{", "}", ":", ",", "\"", "\\", "\x00", "smtp inet n - n - - smtpd", "k v", "\xff"})
	rapid.Check(t, func(t *rapid.T) {
		src := []byte(strings.Join(rapid.SliceOfN(part, 0, 20).Draw(t, "parts"), ""))
		nth := rapid.IntRange(0, 5).Draw(t, "node")
		for _, g := range grammars() {
			lenstest.Lossless(t, g, src)
			lenstest.Edits(t, g, src, nth)
		}
	})
}

func fuzz(f *testing.F, g lens.Grammar) {
	for i, src := range corpus {
		f.Add([]byte(src), i)
	}
	f.Fuzz(func(t *testing.T, src []byte, nth int) {
		if lenstest.Lossless(t, g, src) {
			lenstest.Edits(t, g, src, max(nth, -nth, 0))
		}
	})
}

func FuzzMain(f *testing.F)    { fuzz(f, postfix.Main()) }
func FuzzMaster(f *testing.F)  { fuzz(f, postfix.Master()) }
func FuzzTable(f *testing.F)   { fuzz(f, postfix.Table()) }
func FuzzAliases(f *testing.F) { fuzz(f, postfix.Aliases()) }
