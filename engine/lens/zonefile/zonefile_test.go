package zonefile_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hikae/engine/lens"
	"hikae/engine/lens/zonefile"
	"hikae/modules/lenstest"
)

var grammar = lens.Grammar{Name: "zone", Comments: zonefile.Comments, Parse: zonefile.Parse}

// says is a file as lines: of each entry the owner, ~ where it is inherited, the
// TTL, class and type, and the words of the data, parted by |.
func says(t testing.TB, f *lens.File) string {
	t.Helper()
	var b strings.Builder
	for _, n := range f.Root.Nodes {
		if len(n.Words) == 0 {
			b.WriteString("()\n")
			continue
		}
		e, err := zonefile.Read(f.Source(), n)
		if err != nil {
			t.Fatal(err)
		}
		var words []string
		if e.Directive == "" {
			owner := e.Owner.Of(f.Source())
			if owner == "" {
				owner = "~"
			}
			words = []string{owner, e.TTL.Of(f.Source()), e.Class.Of(f.Source()), e.TypeName(f.Source())}
		} else {
			words = []string{e.Directive}
		}
		for _, w := range e.Data {
			words = append(words, w.Of(f.Source()))
		}
		b.WriteString(strings.Join(words, "|") + "\n")
	}
	return b.String()
}

func TestParse(t *testing.T) {
	for src, want := range map[string]string{
		"":                          "",
		" \n\t; nothing\n\r\n":      "",
		"@ IN 1h A 1.2.3.4":         "@|1h|IN|A|1.2.3.4\n",
		"@ 1h in a 1.2.3.4;x":       "@|1h|in|A|1.2.3.4\n",
		"IN IN A 1.2.3.4":           "IN||IN|A|1.2.3.4\n",
		"300 300 MX 5 x":            "300|300||MX|5|x\n",
		"\tA 1.2.3.4\r\n A 1.2.3.5": "~|||A|1.2.3.4\n~|||A|1.2.3.5\n",
		"a TXT x\"y;\\\"z\"\\;w q":  "a|||TXT|x|\"y;\\\"z\"|\\;w|q\n",
		"a ( MX ; (\n\n5\n) b":      "a|||MX|5|b\n",
		"((a\nA)\n1.2.3.4)":         "a|||A|1.2.3.4\n",
		"()\n( ; x\n)":              "()\n()\n",
		"$TTL 5m\n$Origin a\n$INCLUDE f o\n$GENERATE 1-2 a$ 1h IN A 1.2.3.$": "$TTL|5m\n$ORIGIN|a\n$INCLUDE|f|o\n$GENERATE|1-2|a$|1h|IN|A|1.2.3.$\n",
		" $TTL A x":              "",
		"a TXT \\# text":         "a|||TXT|\\#|text\n",
		"c TYPE1 \\# 4 7f000001": "c|||TYPE1|\\#|4|7f000001\n",
	} {
		f, err := zonefile.Parse([]byte(src))
		if src == " $TTL A x" {
			if err == nil {
				t.Errorf("%q is taken", src)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", src, err)
			continue
		}
		if got := says(t, f); got != want {
			t.Errorf("%q says\n%swant\n%s", src, got, want)
		}
		lenstest.Lossless(t, grammar, []byte(src))
	}
}

func TestRefused(t *testing.T) {
	for src, want := range map[string]string{
		"a TXT \"b\n\"":                "1:7: a quoted string that nothing ends",
		"a A ( 1.2.3.4\n":              "1:5: a ( that nothing closes",
		"a A 1.2.3.4 )":                "1:13: a ) that closes nothing",
		"a IN\nb A 1.2.3.4":            "1:5: the record has no type",
		"a IN FOO x":                   `1:6: "FOO" is no type`,
		"a A":                          "1:4: something is missing",
		"a A 1.2.3.256":                `1:5: "1.2.3.256" is no address of IPv4`,
		"a A 1.2.3.4.5":                `1:5: "1.2.3.4.5" is no`,
		"a AAAA 1.2.3.4":               `1:8: "1.2.3.4" is no address of IPv6`,
		"a CNAME b c":                  `1:11: "c" is more than`,
		"a MX mail":                    `1:6: "mail" is no number of 16 bits`,
		"a MX 5":                       "1:7: something is missing",
		"@ SOA a b 1 2 3 4":            "1:18: something is missing",
		"@ SOA a b c 2 3 4 5":          `1:11: "c" is no number of 32 bits`,
		"@ SOA a b 1 2 3 x 5":          `1:17: "x" is no time`,
		`a A \# 3 7f0001 ff`:           "1:10: 3 bytes",
		`a A \# 4 7f00001`:             "1:10: 4 bytes",
		`a A \#`:                       `1:7: \# has`,
		"$FOO x":                       `1:1: "$FOO" is no directive`,
		"$TTL":                         "1:5: something is missing behind $TTL",
		"$TTL 1x":                      `1:6: "1x" is no time`,
		"$TTL 1 2":                     `1:8: $TTL has nothing more`,
		"$GENERATE 1-2 a$ A 1.2.$":     `1:20: "1.2.1" is no address`,
		"$GENERATE 1-2 a$ FOO x":       `1:18: "FOO" is no type`,
		"$GENERATE 1-2 a$ A 1.2.3.$ 1": `1:28: "1" is more than`,
		"$GENERATE 1-2 a A":            "1:18: something is missing",
	} {
		_, err := zonefile.Parse([]byte(src))
		if _, ok := errors.AsType[*lens.SyntaxError](err); !ok || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", src, err, want)
		}
	}
}

func TestSeconds(t *testing.T) {
	for word, want := range map[string]int{"0": 0, "300": 300, "1h": 3600, "1W2d3H4m5S": 788645, "4294967295": 1<<32 - 1, "4294967296": -1, "": -1, "h": -1, "1x": -1, "1h5": -1, "-1": -1, "1h1h": 7200} {
		got, ok := zonefile.Seconds(word)
		if ok != (want >= 0) || ok && int(got) != want {
			t.Errorf("%q: %d, %v", word, got, ok)
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct{ name, origin, absolute, relative string }{
		{"@", "example.com.", "example.com.", "@"},
		{"www", "example.com.", "www.example.com.", "www"},
		{"www.example.net.", "example.com.", "www.example.net.", "www.example.net."},
		{"WWW.Example.COM.", "example.com.", "WWW.Example.COM.", "WWW"},
		{`a\.`, "example.com.", `a\..example.com.`, `a\.`},
		{"com", ".", "com.", "com"},
		{"notexample.com.", "example.com.", "notexample.com.", "notexample.com."},
	} {
		if got := zonefile.Absolute(c.name, c.origin); got != c.absolute {
			t.Errorf("%s below %s is %s", c.name, c.origin, got)
		}
		if got := zonefile.Relative(c.absolute, c.origin); got != c.relative {
			t.Errorf("%s below %s is written %s", c.absolute, c.origin, got)
		}
	}
}

func TestText(t *testing.T) {
	for _, s := range []string{"", "a b", `"\`, "ü;", "\x00\x7f", strings.Repeat("x", 255), strings.Repeat("y", 600)} {
		f, err := zonefile.Parse([]byte("a TXT " + strings.Join(zonefile.Quote(s), " ")))
		if err != nil {
			t.Fatal(err)
		}
		e, _ := zonefile.Read(f.Source(), f.Root.Nodes[0])
		r := zonefile.Record{Entry: e, File: f}
		if got := r.Text(); got != s {
			t.Errorf("%q, written %s, is %q", s, zonefile.Quote(s), got)
		}
	}
	if got := zonefile.Unquote(`a\065\"\300`); got != `aA"300` {
		t.Errorf("escapes: %q", got)
	}
}

func TestNextSerial(t *testing.T) {
	for serial, want := range map[uint32]uint32{
		1: 2, 0: 1, 4294967295: 1, 2021102101: 2021102102, 2021102199: 2021102200, 2021123199: 2022010100,
		2024022899: 2024022900, 2021139999: 2021140000, 99: 100, 1700000099: 1700000100,
	} {
		got := zonefile.NextSerial(serial)
		if got != want {
			t.Errorf("%d goes to %d, want %d", serial, got, want)
		}
		if int32(got-serial) <= 0 {
			t.Errorf("%d is no newer than %d", got, serial)
		}
	}
}

// record is the nth record of a file, its owner taken from the line.
func record(t *testing.T, f *lens.File, nth int) *zonefile.Record {
	t.Helper()
	e, err := zonefile.Read(f.Source(), f.Root.Nodes[nth])
	if err != nil {
		t.Fatal(err)
	}
	return &zonefile.Record{Entry: e, File: f}
}

func TestEdits(t *testing.T) {
	data := func(words ...string) func(*zonefile.Record) {
		return func(r *zonefile.Record) { zonefile.Set(r, r.TTL.Of(r.File.Source()), words) }
	}
	ttl := func(ttl string) func(*zonefile.Record) {
		return func(r *zonefile.Record) { zonefile.Set(r, ttl, r.Words()) }
	}
	like := func(owner, ttl, typ, data string) func(*zonefile.Record) {
		return func(r *zonefile.Record) {
			zonefile.InsertAfter(r.File, r.Node, zonefile.Line(r, owner, ttl, typ, []string{data}))
		}
	}
	for _, c := range []struct {
		src  string
		edit func(*zonefile.Record)
		want string
	}{
		{"a  A 1.2.3.4 ; x\n", data("1.2.3.5"), "a  A 1.2.3.5 ; x\n"},
		{"a MX ( 5\n b )\n", data("6", "b"), "a MX ( 6\n b )\n"},
		{"a\tTXT  \"x\" y ; z\n", data(`"w"`), "a\tTXT  \"w\" ; z\n"},
		{"a TXT \"x\" ( \"y\" ) ; z\n", data("w"), "a TXT w ; z\n"},
		{"a ( 1h IN TXT x\n )\n", func(r *zonefile.Record) { zonefile.Set(r, "5m", []string{"y", "z"}) }, "a IN 5m TXT y z\n"},
		{"a A 1.2.3.4\n", ttl("5m"), "a 5m A 1.2.3.4\n"},
		{"a IN A 1.2.3.4\n", ttl("5m"), "a 5m IN A 1.2.3.4\n"},
		{"a 1h  IN A 1.2.3.4\n", ttl("5m"), "a 5m  IN A 1.2.3.4\n"},
		{"a 1h\tIN A 1.2.3.4\n", ttl(""), "a IN A 1.2.3.4\n"},
		{"a ( 1h ; x\n IN A 1.2.3.4 )\n", ttl(""), "a (  ; x\n IN A 1.2.3.4 )\n"},
		{"a\tIN A\t1.2.3.4 ; x\n", like("", "", "AAAA", "::1"), "a\tIN A\t1.2.3.4 ; x\n\tIN AAAA\t::1\n"},
		{"ab   A 1.2.3.4", like("abc", "9", "AAAA", "::1"), "ab   A 1.2.3.4\nabc  9 AAAA ::1"},
		{"    A 1.2.3.4\r\nb A 1.2.3.5\r\n", like("", "", "A", "1.2.3.6"), "    A 1.2.3.4\r\n    A 1.2.3.6\r\nb A 1.2.3.5\r\n"},
		{"a APL\n", like("b", "", "A", "1.2.3.6"), "a APL\nb A\t1.2.3.6\n"},
		{"a A (\n1.2.3.4 )\n", like("b", "", "A", "1.2.3.6"), "a A (\n1.2.3.4 )\nb A 1.2.3.6\n"},
	} {
		f, err := zonefile.Parse([]byte(c.src))
		if err != nil {
			t.Fatal(err)
		}
		c.edit(record(t, f, 0))
		if got, err := f.Bytes(); err != nil || string(got) != c.want {
			t.Errorf("%q is now %q, %v; want %q", c.src, got, err, c.want)
		}
	}
	src := "a A 1.2.3.4\n\tMX 5 b\nb A 1.2.3.5\n"
	f, _ := zonefile.Parse([]byte(src))
	zonefile.Remove(record(t, f, 0), record(t, f, 1))
	if got, err := f.Bytes(); err != nil || string(got) != "a\tMX 5 b\nb A 1.2.3.5\n" {
		t.Errorf("without its first record %q is %q, %v", src, got, err)
	}
}

func corpus(t testing.TB) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("testdata/*.zone")
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
	for name, src := range corpus(t) {
		if !lenstest.Lossless(t, grammar, src) {
			_, err := zonefile.Parse(src)
			t.Errorf("%s: %v", name, err)
		}
		for i := range 50 {
			lenstest.Edits(t, grammar, src, i)
		}
	}
}

func TestLaws(t *testing.T) {
	atoms := []string{"a", "@", "IN", "300", "A 1.2.3.4", "TXT \"x\"", "MX 5 b", "$TTL 1h", "(", ")", "\n", "\n", "\r\n", " ", "\t", ";", "\\", "\"", "\xff"}
	rapid.Check(t, func(t *rapid.T) {
		src := []byte(strings.Join(rapid.SliceOfN(rapid.SampledFrom(atoms), 0, 30).Draw(t, "atoms"), rapid.SampledFrom([]string{"", " "}).Draw(t, "glue")))
		lenstest.Lossless(t, grammar, src)
	})
}

func FuzzZone(f *testing.F) {
	for _, src := range corpus(f) {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) { lenstest.Lossless(t, grammar, src) })
}

func bigZone(n int) []byte {
	var b strings.Builder
	b.WriteString("$TTL 300\n@ SOA a b 1 2 3 4 5\n\tNS a\n")
	for i := range n {
		fmt.Fprintf(&b, "host%d\tIN A\t10.%d.%d.%d\n", i, i>>16&255, i>>8&255, i&255)
	}
	return []byte(b.String())
}

func TestMemory(t *testing.T) {
	src := bigZone(100_000)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f, err := zonefile.Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if ratio := float64(after.TotalAlloc-before.TotalAlloc) / float64(len(src)); ratio > 20 {
		t.Errorf("reading took %.1f times the file", ratio)
	}
	runtime.KeepAlive(f)
}

func BenchmarkZone(b *testing.B) {
	src := bigZone(300_000)
	name := filepath.Join(b.TempDir(), "zone")
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
	for b.Loop() {
		f, err := zonefile.Parse(src)
		if err != nil {
			b.Fatal(err)
		}
		if out, err := f.Print(); err != nil || !slices.Equal(out, src) {
			b.Fatal("printed otherwise", err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(plain.Nanoseconds()), "x-read")
}
