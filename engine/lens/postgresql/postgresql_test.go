package postgresql_test

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hikae/engine/lens"
	"hikae/engine/lens/postgresql"
	"hikae/modules/lenstest"
)

var (
	conf = lens.Grammar{Name: "postgresql", Parse: postgresql.Parse, Comments: []string{"#"}, Fold: strings.ToLower}
	hba  = lens.Grammar{Name: "pg-hba", Parse: postgresql.ParseHBA, Comments: []string{"#"}}
)

var confCorpus = []string{
	"", "\n\n", "# nothing", "listen_addresses = 'localhost'\t# what IP address(es) to listen on;\nport = 5432\n",
	"shared_buffers 128MB\r\n\r\n  #c\r\nwork_mem='4 MB'#c\r\nMax_Connections=100",
	"include_dir 'conf.d'\ninclude_if_exists 'none.conf'\ninclude = 'a.conf'\nmy.setting = 'x''y\\'z\\n\\101'\n",
	"log_line_prefix = '%m [%p] %q%u@%d # no comment '\nlog_timezone = US/Eastern\nseed=-1.5e-3\nx = .\ny=0x1Fkb\n",
	"d\xc3\xa9 = '\xff\xfe'\nname = \xe6\x97\xa5\n" + strings.Repeat("z", 100000) + "='" + strings.Repeat("y", 100000) + "'",
}

var hbaCorpus = []string{
	"", "\n", "# TYPE  DATABASE        USER            ADDRESS                 METHOD\n",
	"local   all             all                                     peer\r\nhost all all 127.0.0.1/32 scram-sha-256\r\nhost all all ::1/128 ident map=x\r\n",
	"host a,b, c\t\"d e\",+g,@users 10.0.0.0 255.255.255.0 md5 # c\nhostssl all all .example.com cert map=\"a b\" clientcert=verify-full\nhostnossl all all samenet reject",
	"local all all \\\n  trust # c \\\n  goes on\n\\\n\nlocal all all trust\\\r\n\r\n, # c\n,,\nlocal all all trust ,\nlocal all all \"trust\n# c \\\nmore of it\nlocal x y trust\\",
	"host all all all ldap ldapserver=ldap.example.net ldapprefix=\"cn=\" ldapsuffix=\", dc=example, dc=net\"\ninclude pg_hba_local.conf\ninclude_dir hba.d\n",
	"local d\xff \"\xe6\x97\xa5\" peer\nlocal " + strings.Repeat("d,", 20000) + "e all peer",
}

func says(f *lens.File, unquote func(string) string) string {
	var lines []string
	for n := range f.Root.All {
		var words []string
		for i := range n.Words {
			words = append(words, unquote(n.Word(f.Source(), i)))
		}
		lines = append(lines, strings.Join(words, "|"))
	}
	return strings.Join(lines, "\n")
}

func TestParse(t *testing.T) {
	for src, want := range map[string]string{
		"a = 1\nb=2\nc 3\nD.e = on # x":   "a|1\nb|2\nc|3\nD.e|on",
		"a = 'it''s \\'x\\' \\n\\101\\q'": "a|it's 'x' \nAq",
		"a=''\nb = US/Eastern\nc -1.5e3":  "a|\nb|US/Eastern\nc|-1.5e3",
		"a = 10MB#c\n\tb = .5\r\n":        "a|10MB\nb|.5",
	} {
		f, err := postgresql.Parse([]byte(src))
		if err != nil {
			t.Errorf("%q: %v", src, err)
		} else if got := says(f, postgresql.Unquote); got != want {
			t.Errorf("%q says %q, want %q", src, got, want)
		}
	}
	for src, want := range map[string]string{
		"a = 1\n= 2":     `2:1: a setting begins with its name, not with "="`,
		"a =  # nothing": "1:6: a has no value",
		"a = 'x\n'":      "1:5: no value begins with \"'\"",
		"a = b.c":        "1:5: the value b.c has a dot",
		"a = 1 2":        "1:7: text behind the value",
		"a = 1.5GB":      "1:8: text behind the value",
		"a.b.c = 1":      "1:1: a setting begins",
		"a = $x":         "1:5: no value begins",
		"a == 1":         "1:4: no value begins",
		"a = 'b\x00'":    "1:5: no value begins",
	} {
		if _, err := postgresql.Parse([]byte(src)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", src, err, want)
		}
	}
}

func TestParseHBA(t *testing.T) {
	text := func(word string) string {
		var items []string
		for _, tok := range postgresql.Tokens(word) {
			items = append(items, tok.Text)
		}
		return strings.Join(items, ",")
	}
	for src, want := range map[string]string{
		"local all all peer # c":                          "local|all|all|peer",
		"host a,\"b c\" , d\te 10.0.0.0/8 md5 map=x":      "",
		"host a, \"b c\",d e 10.0.0.0 255.0.0.0 md5":      "host|a,b c,d|e|10.0.0.0|255.0.0.0|md5",
		"hostssl all \"\"\"q\"\"\" all cert map=\"a, b\"": "hostssl|all|\"q\"|all|cert|map=a, b",
		"local all \\\nall \\\r\n peer":                   "local|all|all|peer",
		"local al\\\nl all peer\n#\\\nlocal x":            "local|all|all|peer\n",
		"include a.conf\nlocal a\\ b peer":                "include|a.conf\nlocal|a\\|b|peer",
	} {
		f, err := postgresql.ParseHBA([]byte(src))
		if err != nil {
			if want != "" {
				t.Errorf("%q: %v", src, err)
			}
		} else if got := says(f, text); got != want {
			t.Errorf("%q says %q, want %q", src, got, want)
		}
	}
	for src, want := range map[string]string{
		"local all all peer\nlcal all all peer": `2:1: "lcal" is no type`,
		"local all":                             "1:10: the rule ends before its user",
		"host all all":                          "1:13: the rule ends before its address",
		"host all all 10.0.0.1 md5":             `1:23: "md5" is no netmask of 10.0.0.1: write a length behind a slash, as in 10.0.0.1/32`,
		"host all all 10.0.0.1":                 "1:22: the rule ends before its netmask",
		"host all all 10.0.0.0/33 md5":          `1:14: "33" is no length`,
		"host all all example.com/24 md5":       `1:14: "example.com" is no address`,
		"host all all ::1 255.0.0.0 md5":        `1:18: "255.0.0.0" is no netmask of ::1`,
		"host all all all secret":               `1:18: "secret" is no method`,
		"host all all all peer":                 "1:18: peer is for local",
		"local all all peer map":                "1:20: an option of a rule reads name=value",
		"local all all peer krb_realm=x":        "1:20: krb_realm is an option of gss, sspi only",
		"local, host all all peer":              "1:1: a rule has one type",
		"local all all trust\x00":               "1:20: a NUL byte",
	} {
		if _, err := postgresql.ParseHBA([]byte(src)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", src, err, want)
		}
	}
}

func TestLossless(t *testing.T) {
	for g, corpus := range map[*lens.Grammar][]string{&conf: confCorpus, &hba: hbaCorpus} {
		for _, src := range corpus {
			if !lenstest.Lossless(t, *g, []byte(src)) {
				_, err := g.Parse([]byte(src))
				t.Errorf("%.200q is refused: %v", src, err)
			}
			for n := range 12 {
				edits(t, *g, []byte(src), n)
			}
		}
	}
}

// edits leaves out files that end with a line to go on with: it would be what
// is added.
func edits(t *testing.T, g lens.Grammar, src []byte, nth int) {
	if !bytes.Contains(src, []byte("\\")) {
		lenstest.Edits(t, g, src, nth)
	}
}

func TestQuote(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOf(rapid.RuneFrom([]rune(" \t\n\r'\"\\,#@+=ab.\u00e9"))).Draw(t, "text")
		f, err := postgresql.Parse([]byte("x " + postgresql.Quote(s) + " # y"))
		if err != nil || postgresql.Unquote(f.Root.Nodes[0].Word(f.Source(), 1)) != s {
			t.Errorf("%q is written %s: %v", s, postgresql.Quote(s), err)
		}
		s = strings.NewReplacer("\n", "", "\r", "").Replace(s)
		tok := postgresql.Token{Text: s, Quoted: rapid.Bool().Draw(t, "quoted") || s == ""}
		if s != "" && strings.ContainsRune(" \t,#\"", rune(s[0])) {
			tok.Quoted = true
		}
		f, err = postgresql.ParseHBA([]byte("local " + postgresql.QuoteToken(tok) + " all peer"))
		if err != nil {
			t.Fatalf("%q is written %s: %v", s, postgresql.QuoteToken(tok), err)
		}
		if got := postgresql.Tokens(f.Root.Nodes[0].Word(f.Source(), 1)); len(got) != 1 || got[0] != tok {
			t.Errorf("%+v is written %s and reads %+v", tok, postgresql.QuoteToken(tok), got)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, src := range confCorpus {
		f.Add([]byte(src), 0)
	}
	f.Fuzz(func(t *testing.T, src []byte, nth int) {
		lenstest.Lossless(t, conf, src)
		lenstest.Edits(t, conf, src, max(nth, 0))
	})
}

func FuzzParseHBA(f *testing.F) {
	for _, src := range hbaCorpus {
		f.Add([]byte(src), 0)
	}
	f.Fuzz(func(t *testing.T, src []byte, nth int) {
		lenstest.Lossless(t, hba, src)
		edits(t, hba, src, max(nth, 0))
	})
}
