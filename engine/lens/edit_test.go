package lens_test

import (
	"strings"
	"testing"

	"hikae/engine/lens"
)

// toy reads words up to ; or {, blocks up to }, and comments from # on: as
// little as shows what the core does.
func toy(src string) *lens.File {
	var b lens.Builder
	at := 0
	var body func() []*lens.Node
	body = func() []*lens.Node {
		var nodes []*lens.Node
		for {
			for at < len(src) && strings.IndexByte(" \t\r\n", src[at]) >= 0 {
				at++
			}
			switch {
			case at == len(src) || src[at] == '}':
				return b.Nodes(nodes)
			case src[at] == '#':
				for at < len(src) && src[at] != '\n' {
					at++
				}
				continue
			}
			start := at
			at += strings.IndexAny(src[at:], ";{")
			n := lens.Node{Whole: lens.Span{Start: start, End: at + 1}, Words: lens.Fields([]byte(src), lens.Span{Start: start, End: at}, -1)}
			at++
			if src[at-1] == '{' {
				n.Block = true
				n.Body.Start = at
				n.Nodes = body()
				n.Body.End = at
				at++
				n.Whole.End = at
			}
			nodes = append(nodes, b.Node(n))
		}
	}
	return lens.NewFile([]byte(src), body())
}

func find(t *testing.T, f *lens.File, key string) *lens.Node {
	t.Helper()
	found := f.Find(key, nil)
	if len(found) == 0 {
		t.Fatalf("nothing is called %s", key)
	}
	return found[0]
}

func TestTreeEdits(t *testing.T) {
	remove := func(key string) func(*testing.T, *lens.File) {
		return func(t *testing.T, f *lens.File) { f.Remove(find(t, f, key)) }
	}
	after := func(key, text string) func(*testing.T, *lens.File) {
		return func(t *testing.T, f *lens.File) { f.InsertAfter(find(t, f, key), text) }
	}
	before := func(key, text string) func(*testing.T, *lens.File) {
		return func(t *testing.T, f *lens.File) { f.InsertBefore(find(t, f, key), text) }
	}
	into := func(key, text string) func(*testing.T, *lens.File) {
		return func(t *testing.T, f *lens.File) {
			n := f.Root
			if key != "" {
				n = find(t, f, key)
			}
			f.AppendTo(n, text)
		}
	}
	for name, c := range map[string]struct {
		src  string
		edit func(*testing.T, *lens.File)
		want string
	}{
		"twice into an empty body": {"  x { }\n", func(t *testing.T, f *lens.File) {
			into("x", "a 1;")(t, f)
			into("x", "b {\n    c;\n}")(t, f)
		}, "  x {\n      a 1;\n      b {\n          c;\n      }\n  }\n"},
		"a line goes":                     {"a 1;\nb 2;\nc 3;\n", remove("b"), "a 1;\nc 3;\n"},
		"comments stay":                   {"# of b\nb 2; # b\nc;\n", remove("b"), "# of b\n# b\nc;\n"},
		"one of a line":                   {"a; b; c;\n", remove("b"), "a; c;\n"},
		"the last of a line":              {"a; b;\nc;\n", remove("b"), "a;\nc;\n"},
		"the first of a line":             {"a; b;\n", remove("a"), "b;\n"},
		"within one line":                 {"x { a; b; }\n", remove("x.a"), "x { b; }\n"},
		"the only one of one line":        {"x { a; }\n", remove("x.a"), "x { }\n"},
		"a block, with CR LF":             {"a;\r\nx {\r\n\tb;\r\n}\r\nc;\r\n", remove("x"), "a;\r\nc;\r\n"},
		"the last line, without its end":  {"a;\nb;", remove("b"), "a;\n"},
		"behind a line":                   {"x {\n\ta;\n\tb;\n}\n", after("x.a", "n;"), "x {\n\ta;\n\tn;\n\tb;\n}\n"},
		"behind a comment":                {"x {\n  a; # why\n}\n", after("x.a", "n;"), "x {\n  a; # why\n  n;\n}\n"},
		"behind the last, without an end": {"a;", after("a", "n;"), "a;\nn;"},
		"a block behind a line":           {"  a;\r\n", after("a", "n {\n\tm;\n}"), "  a;\r\n  n {\r\n  \tm;\r\n  }\r\n"},
		"within the line":                 {"x { a; b; }\n", after("x.a", "n;"), "x { a; n; b; }\n"},
		"before a line":                   {"x {\n\ta;\n}\n", before("x.a", "n;"), "x {\n\tn;\n\ta;\n}\n"},
		"before, within a line":           {"x { a; }\n", before("x.a", "n;"), "x { n; a; }\n"},
		"into a block":                    {"x {\n\ta;\n}\ny;\n", into("x", "n;"), "x {\n\ta;\n\tn;\n}\ny;\n"},
		"into one on a line":              {"x { a; }\n", into("x", "n;"), "x { a; n; }\n"},
		"into an empty one":               {"x {}\n", into("x", "n;"), "x {\n    n;\n}\n"},
		"into one that has a comment":     {"x {\n\t# empty\n}\n", into("x", "n;"), "x {\n\t# empty\n    n;\n}\n"},
		"the step of the file":            {"y {\n  a;\n}\nx {\n}\n", into("x", "n;"), "y {\n  a;\n}\nx {\n  n;\n}\n"},
		"into an empty file":              {"", into("", "n;"), "n;\n"},
		"into one of comments":            {"# none", into("", "n;"), "# none\nn;\n"},
		"behind the first of a line":      {"a; b;\n", after("a", "n;"), "a; n; b;\n"},
		"before what looks as a comment":  {"a; // b;\n", after("a", "n;"), "a; n; // b;\n"},
	} {
		t.Run(name, func(t *testing.T) {
			f := toy(c.src)
			c.edit(t, f)
			got, err := f.Bytes()
			if err != nil || string(got) != c.want {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
			toy(string(got))
		})
	}
}

func TestPrint(t *testing.T) {
	src := "# head\nx one {\n  a 1; # a\n  y { b; }\n}\n# foot\n"
	f := toy(src)
	if got, err := f.Print(); err != nil || string(got) != src {
		t.Errorf("printed as %q, %v", got, err)
	}
	f.Root.Nodes[0].Nodes[1].Whole.Start = 3 // before what comes before it
	if _, err := f.Print(); err == nil {
		t.Error("a tree out of order is printed")
	}
}

func TestVerbatim(t *testing.T) {
	f := toy("x { a; y { b; c; } } z;")
	lens.Show(find(t, f, "x"), find(t, f, "x.a"))
	var kept []string
	for _, n := range f.Verbatim() {
		kept = append(kept, n.Name(f.Source()))
	}
	if got := strings.Join(kept, " "); got != "y z" {
		t.Errorf("kept are %q", got)
	}
}

func TestFind(t *testing.T) {
	f := toy("a 1; x one { a 2; a 3; y { a 4; } } x two { a 5; } n.a { b 6; }")
	for key, want := range map[string]string{
		"a": "1", "x.a": "2 3 5", "x two.a": "5", "x.y.a": "4", "n.a.b": "6", "a.b": "", "X TWO.A": "",
	} {
		var got []string
		for _, n := range f.Find(key, nil) {
			got = append(got, n.Word(f.Source(), 1))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	if n := f.Find("X Two.A", strings.ToLower); len(n) != 1 || n[0].Word(f.Source(), 1) != "5" {
		t.Errorf("folded: %v", n)
	}
}

// TestAppendJoined adds lines behind one that a backslash would join to them.
func TestAppendJoined(t *testing.T) {
	for src, want := range map[string]string{
		"":         "x\ny\n",
		"a":        "a\nx\ny\n",
		"a\\":      "a\\ \nx\ny\n",
		"a\\\n":    "a\\\n\nx\ny\n",
		"a\\\r\n":  "a\\\r\n\r\nx\r\ny\r\n",
		"a\n# c\\": "a\n# c\\ \nx\ny\n",
	} {
		f := lens.NewFile([]byte(src), nil)
		f.Joined = true
		f.Append("x")
		f.Append("y")
		if got, err := f.Bytes(); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v; want %q", src, got, err, want)
		}
	}
}

func TestSetArguments(t *testing.T) {
	for src, c := range map[string]struct{ words, want string }{
		"a  b  c;":      {"b d", "a  b  d;"},
		"a  b  c;\n":    {"x", "a  x;\n"},
		"a;":            {"b c", "a b c;"},
		"a b c;":        {"", "a;"},
		"x  a { b 1; }": {"c d", "x  c d { b 1; }"},
	} {
		f := toy(src)
		f.SetArguments(f.Root.Nodes[0], strings.Fields(c.words))
		if got, err := f.Bytes(); err != nil || string(got) != c.want {
			t.Errorf("%q with %q is %q, %v; want %q", src, c.words, got, err, c.want)
		}
	}
}
