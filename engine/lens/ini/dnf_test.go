package ini_test

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"hikae/engine/lens"
	"hikae/engine/lens/ini"
)

func mustParse(t testing.TB, g lens.Grammar, src string) *lens.File {
	t.Helper()
	f, err := g.Parse([]byte(src))
	if err != nil {
		t.Fatalf("%s: %q: %v", g.Name, src, err)
	}
	return f
}

func after(t testing.TB, f *lens.File) string {
	t.Helper()
	b, err := f.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestParse(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"plain":             {"[a]\nk=v\n", "a|k=v\n"},
		"spaces":            {"[a]\nk  =  v w \t\n", "a|k=v w\n"},
		"no line end":       {"[a]\nk=v", "a|k=v\n"},
		"CR LF":             {"[a]\r\nk=v\r\nl=\r\n", "a|k=v\na|l=\n"},
		"byte order mark":   {"\xef\xbb\xbf[a]\nk=v\n", "a|k=v\n"},
		"comments":          {"# x\n[a]\n;y\nk=v # not a comment\n", "a|k=v # not a comment\n"},
		"continued":         {"[a]\nk=v\n  w\n\tx y\n", `a|k=v\nw\nx y` + "\n"},
		"blanks within":     {"[a]\nk=\n \t\n  w\n", `a|k=\nw` + "\n"},
		"blanks, CR LF":     {"[a]\r\nk=v\r\n\r\n  w\r\n", `a|k=v\nw` + "\n"},
		"indented section":  {"[a]\nk=v\n [b]\nl=w\n", "a|k=v\nb|l=w\n"},
		"equals in a value": {"[a]\nk=v=w\n", "a|k=v=w\n"},
		"section twice":     {"[a]\nk=1\n[b]\n[a]\nk=2\n", "a|k=1\na|k=2\n"},
		"comment behind":    {"[a] # x\nk=1\n", "a|k=1\n"},
		"a letter behind":   {"[a] x\nk=1\n", "a|k=1\n"},
		"quotes":            {"[a]\nk=\"v w\"\nl='x\"\nm=\"\n", "a|k=v w\na|l='x\"\na|m=\"\n"},
		"empty":             {"", ""},
	} {
		if got := dump(mustParse(t, dnf, c.src), ini.Value); got != c.want {
			t.Errorf("%s: got\n%swant\n%s", name, got, c.want)
		}
	}
}

func TestSyntaxErrors(t *testing.T) {
	for _, c := range []struct {
		g         lens.Grammar
		src, want string
	}{
		{dnf, "k=v\n", "1:1: a setting before the first [section]"},
		{dnf, "[a\n", "1:1: a [ is not closed"},
		{dnf, "[]\n", "1:1: a section without a name"},
		{dnf, "[a] bc\n", "1:5: text after a section's ]"},
		{dnf, "[a]\n  k=v\n", "2:3: an indented line that goes on with nothing: a setting begins at the first column"},
		{dnf, "[a]\nk=1\n\n  v\n", "4:3: an indented line that goes on with nothing: a setting begins at the first column"},
		{dnf, "[a]\nk=1\n#\n  v\n", "4:3: an indented line that goes on with nothing: a setting begins at the first column"},
		{dnf, "[a]\nk=1\nword\n", "3:1: a line without an equals sign"},
		{dnf, "[a]\n=v\n", "2:1: an equals sign without a key"},
		{myCnf, "k=v\n", "1:1: an option before the first [group]"},
		{myCnf, "[a]\n [b\n", "2:2: a [ is not closed"},
		{myCnf, "!include\n", "1:1: !include without a path"},
		{fpm, "[a\n", "1:1: a [ is not closed"},
		{fpm, "[a]\nk = a&(b\n", "2:7: a ( is not closed, or its value needs quotes"},
		{fpm, "k = a = b\n", "1:7: a '=' in a value: it needs quotes"},
		{fpm, "k = \"a\n", "1:5: a \" is not closed on its line"},
		{fpm, "k = turn on\n", "1:10: on within a value: it stands alone, or in quotes"},
		{unit, "[Unit]\n[Timer\n", "2:1: a [ is not closed at the end of its line"},
		{unit, "[Unit] # no comment here\n", "1:1: a [ is not closed at the end of its line"},
		{unit, "[Unit]\nDescription=\xff\n", "2:1: text that is not UTF-8"},
		{oldest, "[Unit]\nword\n", "2:1: a line without an equals sign"},
	} {
		_, err := c.g.Parse([]byte(c.src))
		if _, ok := errors.AsType[*lens.SyntaxError](err); !ok || err.Error() != c.want {
			t.Errorf("%s: %q: error %v, want %s", c.g.Name, c.src, err, c.want)
		}
	}
}

func TestEdit(t *testing.T) {
	const src = "# top\n[a]\nname = A\nbaseurl = http://x\n          http://y\n  \n          http://z\nenabled=1\n\n# of b\n[b]\nk=v"
	type edit = func(f *lens.File, a, b *lens.Node)
	set := func(items ...string) edit {
		return func(f *lens.File, a, _ *lens.Node) { ini.SetItems(f, a.Nodes[1], items) }
	}
	for name, c := range map[string]struct {
		edit      edit
		old, want string // the part of src that changes, and what it becomes
	}{
		"value":          {func(f *lens.File, a, _ *lens.Node) { ini.SetDnfValue(f, a.Nodes[0], "B") }, "name = A", "name = B"},
		"long value":     {func(f *lens.File, a, _ *lens.Node) { ini.SetDnfValue(f, a.Nodes[1], "u") }, "http://x\n          http://y\n  \n          http://z\n", "u\n  \n"},
		"add":            {func(f *lens.File, a, _ *lens.Node) { ini.DnfStyle.Add(f, a, "cost", "5") }, "enabled=1\n", "enabled=1\ncost=5\n"},
		"add at the end": {func(f *lens.File, _, b *lens.Node) { ini.DnfStyle.Add(f, b, "l", "w") }, "k=v", "k=v\nl=w"},
		"remove":         {func(f *lens.File, a, _ *lens.Node) { ini.RemoveDnf(f, a.Nodes[2]) }, "enabled=1\n", ""},
		"remove long":    {func(f *lens.File, a, _ *lens.Node) { ini.RemoveDnf(f, a.Nodes[1]) }, "baseurl = http://x\n          http://y\n  \n          http://z\n", "  \n"},
		"remove section": {func(f *lens.File, a, _ *lens.Node) { ini.RemoveSection(f, a) }, src[strings.Index(src, "[a]"):strings.Index(src, "# of b")], ""},
		"add section": {func(f *lens.File, _, _ *lens.Node) {
			ini.DnfStyle.AddSections(f, ini.Section{Name: "c", Settings: []ini.Setting{{Key: "k", Value: "1"}}})
		}, "k=v", "k=v\n\n[c]\nk = 1\n"},
		"item added":       {set("http://x", "http://y", "http://n", "http://z"), "http://y\n", "http://y\n          http://n\n"},
		"item at the end":  {set("http://x", "http://y", "http://z", "http://n"), "http://z\n", "http://z\n          http://n\n"},
		"item in front":    {set("http://n", "http://x", "http://y", "http://z"), "http://x\n", "http://n\n          http://x\n"},
		"item removed":     {set("http://x", "http://z"), "          http://y\n", ""},
		"first removed":    {set("http://y", "http://z"), "baseurl = http://x\n", "baseurl = \n"},
		"items turned":     {set("http://z", "http://x"), "http://x\n          http://y\n  \n          http://z\n", "http://z\n          http://x\n  \n"},
		"the same":         {set("http://x", "http://y", "http://z"), "", ""},
		"item put instead": {set("http://x", "http://n", "http://z"), "http://y", "http://n"},
	} {
		f := mustParse(t, dnf, src)
		c.edit(f, f.Root.Nodes[0], f.Root.Nodes[1])
		want := src
		if c.old != "" {
			want = strings.Replace(src, c.old, c.want, 1)
		}
		if got := after(t, f); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}

func TestStyleIsTheNeighbours(t *testing.T) {
	f := mustParse(t, dnf, "[a]\r\nk : = v\r\n")
	ini.DnfStyle.Add(f, f.Root.Nodes[0], "l", "w")
	ini.DnfStyle.AddSections(f, ini.Section{Name: "b", Settings: []ini.Setting{{Key: "m", Value: "x"}}})
	if got, want := after(t, f), "[a]\r\nk : = v\r\nl = w\r\n\r\n[b]\r\nm = x\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	one := mustParse(t, dnf, "[a]\nk=x, y\n")
	ini.SetItems(one, one.Root.Nodes[0].Nodes[0], []string{"x", "n", "y"})
	if got, want := after(t, one), "[a]\nk=x, n, y\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestAgainstLibdnf asks dnf's own parser.
func TestAgainstLibdnf(t *testing.T) {
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import libdnf").Run(); err != nil {
		t.Skipf("not run: no libdnf for %s", python)
	}
	const program = `
import sys, libdnf
p = libdnf.conf.ConfigParser()
p.read(sys.argv[1])
data = p.getData()
for s in data:
    for k in data[s]:
        if not k.startswith("#"):
            sys.stdout.write(s + "|" + k + "=" + data[s][k].replace("\n", "\\n") + "\n")
`
	for file, src := range corpus(t, ".repo") {
		out, err := exec.Command(python, "-c", program, file).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", file, err, out)
		}
		f := mustParse(t, dnf, src)
		var got []string
		for _, name := range ini.Names(f) {
			sections := ini.Named(f, name)
			for _, s := range sections {
				for _, n := range s.Nodes {
					if ini.Last(f.Source(), sections, n.Name(f.Source())) == n {
						got = append(got, name+"|"+n.Name(f.Source())+"="+strings.ReplaceAll(ini.Value(n.Word(f.Source(), 1)), "\n", `\n`))
					}
				}
			}
		}
		want := strings.Split(strings.TrimSpace(string(out)), "\n")
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got\n%s\nlibdnf says\n%s", file, got, want)
		}
	}
}

// Any setting of any file of dnf's can be set and taken out.
func FuzzDnfEdit(f *testing.F) {
	for _, src := range corpus(f, ".repo") {
		f.Add([]byte(src))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		file, err := ini.Parse(src)
		if err != nil {
			return
		}
		for _, s := range file.Root.Nodes {
			for _, n := range s.Nodes {
				ini.SetDnfValue(file, n, strings.ReplaceAll(ini.Value(n.Word(src, 1)), "\n", " "))
				ini.DnfStyle.Add(file, s, "added", "x")
			}
		}
		again, err := ini.Parse([]byte(after(t, file)))
		if err != nil {
			t.Fatalf("what was edited cannot be read: %v", err)
		}
		if got, want := len(again.Root.Nodes), len(file.Root.Nodes); got != want {
			t.Fatalf("%d sections after the edit, %d before", got, want)
		}
	})
}
