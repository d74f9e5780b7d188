package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/view"
)

// words is a lens over /etc/words: a line "NAME VALUE" is a word; a line that
// begins with ! is kept, one with ? refused, and one with ~ warned of.
type words struct{}

func (words) Kinds() []engine.Schema {
	return []engine.Schema{{Kind: "word", Attrs: []engine.Attr{{Name: "value", Type: cty.String}, {Name: "many", Type: cty.List(cty.Number)}}}}
}
func (words) Units() []engine.Unit { return nil }
func (words) Put(engine.Tree, []engine.Edit) ([]engine.FileEdit, []engine.Resource, hcl.Diagnostics) {
	return nil, nil, nil
}

func (words) Grammars() []lens.Grammar {
	return []lens.Grammar{{Name: "words", Place: func(name string) string { return "/etc/words/" + name }, Parse: parseWords}}
}

func parseWords(src []byte) (*lens.File, error) {
	var nodes []*lens.Node
	for _, line := range lens.Lines(src) {
		s := lens.Trim(src, line, lens.Blank)
		if s.Len() == 0 {
			continue
		}
		if src[s.Start] == '?' {
			return nil, lens.ErrorAt(src, s.Start, "no questions")
		}
		nodes = append(nodes, &lens.Node{Whole: s, Words: lens.Fields(src, s, 2)})
	}
	return lens.NewFile(src, nodes), nil
}

func (words) look(t engine.Tree, each func(name string, f *lens.File, n *lens.Node, at hcl.Range)) {
	names, _ := t.ReadDir("/etc/words")
	for _, name := range names {
		src, err := t.ReadFile("/etc/words/" + name)
		if err != nil {
			continue
		}
		f, err := parseWords(src)
		if err != nil {
			continue
		}
		for _, n := range f.Root.Nodes {
			a, b := f.PosOf(n.Whole.Start), f.PosOf(n.Whole.End)
			each(n.Name(src), f, n, hcl.Range{Filename: "/etc/words/" + name,
				Start: hcl.Pos{Line: a.Line, Column: a.Column, Byte: a.Byte}, End: hcl.Pos{Line: b.Line, Column: b.Column, Byte: b.Byte}})
		}
	}
}

func (w words) Get(t engine.Tree) (rs []engine.Resource, diags hcl.Diagnostics) {
	w.look(t, func(name string, f *lens.File, n *lens.Node, at hcl.Range) {
		if strings.HasPrefix(name, "~") {
			diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "Odd", Detail: "an odd word", Subject: &at})
			return
		}
		if strings.HasPrefix(name, "!") {
			return
		}
		many := cty.NullVal(cty.List(cty.Number))
		if name == "many" {
			ones := make([]cty.Value, 1001)
			for i := range ones {
				ones[i] = cty.NumberIntVal(1)
			}
			many = cty.ListVal(ones)
		}
		rs = append(rs, engine.Resource{Addr: engine.Addr{Kind: "word", Name: name}, Range: at,
			Value: cty.ObjectVal(map[string]cty.Value{"value": cty.StringVal(n.Word(f.Source(), 1)), "many": many})})
	})
	return rs, diags
}

func (w words) Verbatim(t engine.Tree) (kept []hcl.Range) {
	w.look(t, func(name string, _ *lens.File, _ *lens.Node, at hcl.Range) {
		if strings.HasPrefix(name, "!") {
			kept = append(kept, at)
		}
	})
	return kept
}

func TestLens(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"good": "a 1\n\n! kept as it is\nb 2", "bad": "a 1\n  ?\n", "odd": "a 1\n~\n", "many": "many x\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	for _, c := range []struct {
		name        string
		do          func(*looker) func(*looked) error
		json        bool
		files       []string
		out, errOut string
		failed      int
	}{
		{"resources", nil, false, []string{"good"},
			"# good:1\nword \"a\" { value = \"1\" }\nword \"b\" { value = \"2\" }\n", "", 0},
		{"stdin", nil, false, []string{"-"}, "# stdin:1\nword \"in\" { value = \"put\" }\n", "", 0},
		{"refused", nil, false, []string{"bad", "nosuch", "good"},
			"# good:1\nword \"a\" { value = \"1\" }\nword \"b\" { value = \"2\" }\n",
			"bad:2:3: no questions\nnosuch: cannot read it: no such file or directory\n", 2},
		{"warned", nil, false, []string{"odd"}, "# odd:1\nword \"a\" { value = \"1\" }\n", "odd:2:1: warning: an odd word\n", 0},
		{"many", nil, false, []string{"many"}, "# many:1\n# many: 1001 items, not shown here\nword \"many\" { value = \"x\" }\n", "", 0},
		{"print", func(l *looker) func(*looked) error { return l.print }, false, []string{"good", "odd"},
			"a 1\n\n! kept as it is\nb 2a 1\n~\n", "", 0},
		{"stats", func(l *looker) func(*looked) error { return l.stats }, false, []string{"good"},
			"good: 3 statements: 2 shown by 2 resources, 1 kept verbatim\n", "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, errOut bytes.Buffer
			a := &app{out: &out, err: &errOut, json: c.json, view: view.New(&out, &errOut, c.json)}
			l, err := newLooker(a, []engine.Lens{words{}}, "words")
			if err != nil {
				t.Fatal(err)
			}
			l.do = l.resources
			if c.do != nil {
				l.do = c.do(l)
			}
			err = l.files(strings.NewReader("in put\n"), c.files)
			var failed filesError
			if errors.As(err, &failed); failed.failed != c.failed {
				t.Errorf("%v", err)
			}
			if out.String() != c.out || errOut.String() != c.errOut {
				t.Errorf("printed\n%s%swant\n%s%s", out.String(), errOut.String(), c.out, c.errOut)
			}
		})
	}
}

func TestLensJSON(t *testing.T) {
	var out bytes.Buffer
	a := &app{out: &out, err: &out, json: true, view: view.New(&out, &out, true)}
	l, err := newLooker(a, []engine.Lens{words{}}, "words")
	if err != nil {
		t.Fatal(err)
	}
	l.do = l.resources
	if err := l.files(strings.NewReader("in put\n"), []string{"-"}); err != nil {
		t.Fatal(err)
	}
	l.do = l.stats
	if err := l.files(strings.NewReader("in put\n! x"), []string{"-"}); err != nil {
		t.Fatal(err)
	}
	if err := l.files(strings.NewReader("?"), []string{"-"}); err == nil {
		t.Error("a file that is wrong was no error")
	}
	for _, want := range []string{
		`"attributes":{"value":"put"},"file":"stdin","kind":"word","line":1,"name":"in"`,
		`"file":"stdin","grammar":"words","resources":1,"shown":1,"statements":2`, `"verbatim":1`,
		`"column":1,"file":"stdin","line":1,"severity":"error","summary":"no questions"`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in\n%s", want, out.String())
		}
	}
}

func TestLensRefusesAnotherPrint(t *testing.T) {
	a := &app{out: &bytes.Buffer{}, err: &bytes.Buffer{}}
	l := &looker{a: a, lens: words{}}
	src := []byte("abc")
	f := &looked{src: src, tree: lens.NewFile([]byte("abd"), nil)}
	if err := l.print(f); err == nil {
		t.Error("other bytes were printed")
	}
}
