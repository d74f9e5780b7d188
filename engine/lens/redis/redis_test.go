package redis_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hikae/engine/lens"
	"hikae/engine/lens/redis"
	"hikae/modules/lenstest"
)

var grammar = lens.Grammar{Name: "redis", Parse: redis.Parse, Comments: []string{"#"}, Fold: strings.ToLower}

var corpus = []string{
	"", "\n", "# only a comment", "bind 127.0.0.1 -::1\nport 6379\n",
	"maxmemory 256mb\r\n\r\n  # indented\r\n\tsave 900 1\r\nsave 300 10",
	"save \"\"\nrename-command CONFIG \"\"\nrequirepass \"a b\\\"c\\x20\\n\"\nlogfile ''\n",
	"logfile 'it\\'s' \nlogfile a\"b c\" # no comment: words\n",
	"dir /va\xff\xferlib\ndir /\u65e5\u672c\n\v\n\f \ninclude /etc/redis/*.conf\n" + strings.Repeat("x", 100000) + " y\n",
}

func says(f *lens.File) string {
	var lines []string
	for n := range f.Root.All {
		var words []string
		for i := range n.Words {
			words = append(words, redis.Unquote(n.Word(f.Source(), i)))
		}
		lines = append(lines, strings.Join(words, "|"))
	}
	return strings.Join(lines, "\n")
}

func TestParse(t *testing.T) {
	for src, want := range map[string]string{
		"bind 127.0.0.1  ::1\nPort\t6379":         "bind|127.0.0.1|::1\nPort|6379",
		"# c\n  #c\n\nsave \"\" # c":              "save||#|c",
		`user "a b" 'c\'d' "\x41\n\t\q\\" e"f g"`: "user|a b|c'd|A\n\tq\\|ef g",
		`a '\n' "\xZZ" "\x4"`:                     `a|\n|xZZ|x4`,
		"a\vb c\fd \v e":                          "a\vb|c\fd|e",
		"dir \xff":                                "dir|\xff",
		"a \\\"b\"":                               "a|\\b",
	} {
		f, err := redis.Parse([]byte(src))
		if err != nil {
			t.Errorf("%q: %v", src, err)
			continue
		}
		if got := says(f); got != want {
			t.Errorf("%q says %q, want %q", src, got, want)
		}
	}
	for src, want := range map[string]string{
		"port 1\nlogfile \"x\n":  `2:9: unbalanced quotes: this one`,
		"logfile 'x\\'":          `1:9: unbalanced quotes: this one`,
		`logfile "x"y`:           `1:11: unbalanced quotes: text behind`,
		`a "" 'b'"c"`:            `1:8: unbalanced`,
		"port 1\n\v#c":           "2:2: no comment",
		"port 1\ndir /a\x00b\nx": "2:7: a NUL byte",
	} {
		_, err := redis.Parse([]byte(src))
		if syntax := new(lens.SyntaxError); !errors.As(err, &syntax) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", src, err, want)
		}
	}
}

func TestLossless(t *testing.T) {
	for _, src := range corpus {
		if !lenstest.Lossless(t, grammar, []byte(src)) {
			t.Errorf("%.80q is refused", src)
		}
		for n := range 4 {
			lenstest.Edits(t, grammar, []byte(src), n)
		}
	}
}

func TestQuote(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		f, err := redis.Parse([]byte("x " + redis.Quote(s) + " y"))
		if err != nil || len(f.Root.Nodes) != 1 || len(f.Root.Nodes[0].Words) != 3 {
			t.Fatalf("%q is written %s: %v", s, redis.Quote(s), err)
		}
		if got := redis.Unquote(f.Root.Nodes[0].Word(f.Source(), 1)); got != s {
			t.Errorf("%q is written %s and reads %q", s, redis.Quote(s), got)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, src := range corpus {
		f.Add([]byte(src), 0)
	}
	f.Fuzz(func(t *testing.T, src []byte, nth int) {
		lenstest.Lossless(t, grammar, src)
		lenstest.Edits(t, grammar, src, max(nth, 0))
	})
}
