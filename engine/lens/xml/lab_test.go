package xml_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"hikae/engine/lens/xml"
	"hikae/modules/lenstest"
)

// sax has Python's expat, which firewalld reads its files with, say what it
// makes of files: a line of JSON each, by their names.
const sax = `cat >sax.py <<'END'
import glob, json, xml.sax
class H(xml.sax.ContentHandler):
    def __init__(self): self.out, self.open = [], []
    def startElement(self, name, attrs):
        e = [name, [[k, attrs[k]] for k in attrs.getNames()], ""]
        self.out.append(e); self.open.append(e)
    def endElement(self, name): self.open.pop()
    def characters(self, text): self.open[-1][2] += text
for f in sorted(glob.glob("*.xml")):
    h, error = H(), None
    try:
        xml.sax.parse(open(f, "rb"), h)
    except Exception as e:
        error = str(e)
    print(json.dumps({"file": f, "error": error, "elements": h.out}))
END
python3 sax.py`

// TestLabExpat compares with expat: what is refused, and what elements say.
func TestLabExpat(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	files := map[string]string{}
	add := func(src string) { files[fmt.Sprintf("%05d.xml", len(files))] = src }
	for _, src := range corpus {
		if len(src) > 20000 {
			continue
		}
		add(src)
		for range 120 {
			add(mutated(r, src))
		}
	}
	for range 300 {
		src := generated(r)
		add(src)
		for range 4 {
			add(mutated(r, src))
		}
	}
	refused, both := 0, 0
	for line := range strings.Lines(lenstest.Daemon(t, files, sax)) {
		var got struct {
			File     string
			Error    *string
			Elements [][3]any
		}
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatal(err)
		}
		src := files[got.File]
		f, err := xml.Parse([]byte(src))
		switch {
		case err != nil && got.Error != nil:
			refused++
		case err != nil && strings.Contains(err.Error(), "hikae"), err != nil && strings.Contains(err.Error(), "is no name"):
			// What hikae says that it does not follow, or names beyond ASCII.
		case err != nil:
			t.Errorf("%q is refused: %v; expat takes it", src, err)
		case got.Error != nil:
			t.Errorf("%q is taken; expat: %s", src, *got.Error)
		default:
			both++
			var want strings.Builder
			for _, e := range got.Elements {
				fmt.Fprintf(&want, "%s", e[0])
				for _, a := range e[1].([]any) {
					fmt.Fprintf(&want, " %s=%q", a.([]any)[0], a.([]any)[1])
				}
				fmt.Fprintf(&want, " %q\n", strings.Join(strings.Fields(e[2].(string)), ""))
			}
			x := xml.NewReader(f)
			var have strings.Builder
			foreign := strings.Contains(src, "<!DOCTYPE")
			for n := range f.Root.All {
				if !x.IsElement(n) || n.Name([]byte(src)) == "?xml" {
					continue
				}
				have.WriteString(n.Name([]byte(src)))
				for _, name := range x.Attributes(n) {
					v, _ := x.Attr(n, name)
					fmt.Fprintf(&have, " %s=%q", name, v)
				}
				text, _ := x.Text(n)
				fmt.Fprintf(&have, " %q\n", strings.Join(strings.Fields(text), ""))
			}
			if !foreign && have.String() != want.String() {
				t.Errorf("%q is\n%s; expat:\n%s", src, have.String(), want.String())
			}
		}
	}
	t.Logf("%d files: %d taken, %d refused by both", len(files), both, refused)
	if both < 200 || refused < 200 {
		t.Error("too few of one sort to say anything")
	}
}

const alphabet = "<>&;\"'=/!?-[]ab1: \t\n\r#x\x00\x01\xc3\xa9\xff"

func mutated(r *rand.Rand, src string) string {
	b := []byte(src)
	for range 1 + r.IntN(2) {
		at := r.IntN(len(b) + 1)
		c := alphabet[r.IntN(len(alphabet))]
		switch {
		case at == len(b) || r.IntN(3) == 0:
			b = append(b[:at], append([]byte{c}, b[at:]...)...)
		case r.IntN(2) == 0:
			b = append(b[:at], b[at+1:]...)
		default:
			b[at] = c
		}
	}
	return string(b)
}

func generated(r *rand.Rand) string {
	pick := func(all ...string) string { return all[r.IntN(len(all))] }
	var b strings.Builder
	b.WriteString(pick("", "", "\xef\xbb\xbf", decl, "<?xml version='1.0'?>", "<?xml version=\"1.1\" encoding='UTF-8' standalone='no'?>\n", "<?xml version='1.0' encoding='iso-8859-1'?>"))
	b.WriteString(pick("", "<!-- a - b -->", "<?pi?>", "<?pi a?b?>\n", "<!DOCTYPE zone>", "<!DOCTYPE zone SYSTEM 'x'>"))
	var element func(depth int)
	element = func(depth int) {
		name := pick("zone", "a", "b-1", "_c", "d:e")
		b.WriteString("<" + name)
		for i := range r.IntN(3) {
			b.WriteString(pick(" ", "\n  ") + pick("x", "y", "z:w") + fmt.Sprint(i) + pick("=", " = ") + pick(`"1"`, `'a "b"'`, `"&lt;&#65;&#xe9;"`, `"a&#10;b	c"`, `''`, `"a>b"`))
		}
		if r.IntN(3) == 0 {
			b.WriteString(pick("/>", " />"))
			return
		}
		b.WriteString(pick(">", " >"))
		for range r.IntN(4) {
			switch r.IntN(4) {
			case 0:
				b.WriteString(pick("text", " \n ", "a &amp; b", "&#169;", "x]]y", "\xc3\xa9", "<![CDATA[<&]]]>", "<![CDATA[]]>", "-->"))
			case 1:
				b.WriteString(pick("<!---->", "<!-- c -->", "<?p q?>"))
			default:
				if depth < 4 {
					element(depth + 1)
				}
			}
		}
		b.WriteString("</" + name + pick(">", " >", "\n>"))
	}
	element(0)
	b.WriteString(pick("", "\n", "<!-- end -->", "\n<?z?>\n"))
	return b.String()
}
