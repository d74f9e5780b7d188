package xml_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hikae/engine/lens"
	"hikae/engine/lens/xml"
	"hikae/modules/lenstest"
)

var grammar = lens.Grammar{Name: "firewalld", Parse: xml.Parse, Comments: []string{"<!--"}}

const decl = `<?xml version="1.0" encoding="utf-8"?>` + "\n"

var corpus = []string{
	"<zone/>", "<zone></zone>", "<zone>\n</zone>\n", "\xef\xbb\xbf<zone />", "<!-- a -->\n<zone><!-- b --></zone><!-- c -->\n<?pi x?>",
	decl + "<zone target=\"DROP\">\r\n  <short>Drop</short>\r\n\t<source address='192.0.2.1'/>\r\n</zone>\r\n",
	"<?xml version='1.0' encoding='ISO-8859-1' standalone=\"yes\" ?>\n<service><description>\n  caf\xe9 &amp; &#233;\n  two lines </description></service>",
	"<?xml version=\"1.0\" encoding=\"US-ASCII\"?><!DOCTYPE zone PUBLIC \"-//x//y\" 'zone.dtd' ><zone>&other; text <a/>more<![CDATA[<raw> ]] ]]><b>x</b>tail</zone >",
	decl + "<zone>\n  <rule family=\"ipv4\"\n        priority = '-5'>\n    <source address=\"10.0.0.0/8\" invert=\"True\"/>\n    <log prefix=\"a &quot;b&quot; &lt;\" level=\"info\"><limit value=\"1/m\"/></log>\n    <accept/>\n  </rule>\n</zone>",
	"<a>" + strings.Repeat("<b>", 900) + "x" + strings.Repeat("</b>", 900) + "<c d=\"" + strings.Repeat("y", 100000) + "\"/></a>",
	"<zone><short>\u65e5\u672c \U0001f600</short><\u540d a\u00e9='1'/></zone>", "<a>x]y]]z</a>", "<a x='1>2'>]]</a>",
}

// outline is the elements of a file with what their words say.
func outline(f *lens.File) string {
	r := xml.NewReader(f)
	var b strings.Builder
	for n := range f.Root.All {
		if f.Source()[n.Whole.Start] != '<' {
			continue // text, which its element has
		}
		b.WriteString(n.Name(f.Source()))
		for _, name := range r.Attributes(n) {
			value, ok := r.Attr(n, name)
			fmt.Fprintf(&b, " %s=%q", name, value)
			if !ok {
				b.WriteByte('?')
			}
		}
		if text, ok := r.Text(n); text != "" || !ok {
			fmt.Fprintf(&b, " %q", text)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestParse(t *testing.T) {
	for src, want := range map[string]string{
		"<a/>": "a\n",
		decl + "<a b='1' c = \"x&lt;&#65;&#x42;\ty\"><d>t &amp; u</d> <e>  </e><f g=''>v=\"w\"</f></a>": "?xml version=\"1.0\" encoding=\"utf-8\"\na b=\"1\" c=\"x<AB y\"\nd \"t & u\"\ne\nf g=\"\" \"v=\\\"w\\\"\"\n",
		"<a>one<b/> two <!-- c --> three<![CDATA[ <&> ]]></a>":                                          "a \"one two three <&> \"\nb\n",
		"<?xml version=\"1.0\" encoding=\"iso-8859-1\"?><a b=\"\xe9\">\xe8</a>":                         "?xml version=\"1.0\" encoding=\"iso-8859-1\"\na b=\"\u00e9\" \"\u00e8\"\n",
		"<!DOCTYPE a SYSTEM 'a.dtd'><a b='&x;'>&y;</a>":                                                 "!DOCTYPE\na b=\"\"? \"\"\n",
	} {
		f, err := xml.Parse([]byte(src))
		if err != nil {
			t.Errorf("%q: %v", src, err)
		} else if got := outline(f); got != want {
			t.Errorf("%q is\n%s, want\n%s", src, got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for src, want := range map[string]string{
		"":                         "1:1: no element found",
		"\n<!-- x -->\n":           "3:1: no element found",
		"x<a/>":                    "1:1: text where",
		"<a/><b/>":                 "1:5: more than one",
		"<a/>x":                    "1:5: more than one",
		"<a>\n<b></a>":             "2:4: </a> closes no <b>, of line 2",
		"<a>\n":                    "2:1: an element is not closed",
		"<a>x":                     "1:5: an element is not closed",
		"<a b/>":                   "1:5: the attribute b has no value",
		"<a b=1/>":                 "1:6: the value of b wants quotes",
		"<a b='1'c='2'/>":          "1:9: blanks part",
		"<a b='1' b='2'/>":         "1:10: the attribute b stands twice",
		"<a b='<'/>":               "1:7: a < in a value",
		"<a b='x":                  "1:6: it is not closed",
		"<a>&x;</a>":               "1:4: nothing says what &x; is",
		"<a>a & b</a>":             "1:6: a & is written &amp;",
		"<a>&#0;</a>":              "1:4: &#0; is no character",
		"<a>&#xFFFF;</a>":          "1:4: &#xFFFF; is no character",
		"<a>]]></a>":               "1:4: ]]> in a text",
		"<a>\x01</a>":              "1:4: a control character",
		"<a>\xff</a>":              "1:4: byte 0xff is not UTF-8",
		"<a>\xed\xa0\x80</a>":      "1:4: byte 0xed is not UTF-8",
		"<a><!-- -- --></a>":       "1:9: -- within a comment",
		"<a><!-- </a>":             "1:4: it is not closed",
		" " + decl + "<a/>":        "1:2: <?xml",
		"<?xml encoding='utf-8'?>": "1:7: <?xml",
		"<?xml version='1.0'?":     "1:20: <?xml",
		"<?xml version='1.0' encoding='UTF-16'?><a/>":          "1:1: the file says that it is in UTF-16",
		"<?xml version='1.0' encoding='windows-1252'?><a/>":    "1:1: the file says that it is in windows-1252",
		"<?xml version='1.0' encoding='us-ascii'?><a>\xc3</a>": "1:45: byte 0xc3",
		"\xff\xfe<\x00a\x00/\x00>\x00":                         "1:1: the file is UTF-16",
		"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>":             "1:13: definitions in a DOCTYPE",
		"<!DOCTYPE a PUBLIC 'b' 'c' [ ]><a/>":                  "1:28: definitions in a DOCTYPE",
		"<!DOCTYPE a><!DOCTYPE a><a/>":                         "1:14: the name of an element",
		"<a><1/></a>":                                          "1:5: the name of an element",
		"</a>":                                                 "1:2: the name of an element",
		strings.Repeat("<a>", 1001):                            "1:3001: elements nest",
	} {
		if _, err := xml.Parse([]byte(src)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.80q: %v, want %s", src, err, want)
		}
	}
}

func TestLossless(t *testing.T) {
	for _, src := range corpus {
		if !lenstest.Lossless(t, grammar, []byte(src)) {
			_, err := xml.Parse([]byte(src))
			t.Errorf("%.80q is refused: %v", src, err)
		}
	}
}

func TestQuote(t *testing.T) {
	for _, head := range []string{"", decl, "<?xml version='1.0' encoding='iso-8859-1'?>"} {
		rapid.Check(t, func(t *rapid.T) {
			s := rapid.String().Draw(t, "text")
			f, err := xml.Parse([]byte(head + "<a/>"))
			if err != nil || !xml.Writable(s) {
				return
			}
			r := xml.NewReader(f)
			text := "x" + strings.ReplaceAll(s, "\r", "") + "x"
			f, err = xml.Parse([]byte(head + "<a b=" + r.Quote(s) + ">" + r.Escape(text) + "</a>"))
			if err != nil {
				t.Fatalf("%q is written %s: %v", s, r.Quote(s), err)
			}
			n := f.Root.Nodes[len(f.Root.Nodes)-1]
			r = xml.NewReader(f)
			if got, ok := r.Attr(n, "b"); !ok || got != s {
				t.Errorf("%q is written %s and reads %q", s, r.Quote(s), got)
			}
			if got, ok := r.Text(n); !ok || got != text {
				t.Errorf("%q is written %s and reads %q", text, r.Escape(text), got)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, src := range corpus {
		f.Add([]byte(src))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if !lenstest.Lossless(t, grammar, src) {
			return
		}
		file, err := xml.Parse(src)
		if err != nil {
			t.Fatal(err)
		}
		outline(file)
	})
}
